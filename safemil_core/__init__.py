"""The core of SafeMIL: from offline trajectories and a few non-preferred ones to a safe policy.

    data        files -> trajectories, labels               numpy, h5py, SQL; never torch
    learning    bags -> cost network -> weights -> policy    torch begins here
    assessment  rollouts, videos, evaluation, the doctor    simulators in processes of their own
    running     runs, the pipeline, jobs                     a folder per run, a process per job
    bench       how fast learning is                         beside a plain loop, in processes of their own

Beside them: `config` (settings), `workspace` (where things lie), `errors` (what a user can act on), `clock`, `cli`.
Imports point down this list, and nothing here knows of Streamlit.
"""
