"""Behaviour cloning by d3rlpy, as it comes: batches of its replay buffer, without its logging and checkpoints.

Runs in an environment of its own, since d3rlpy needs gymnasium's unmaintained ancestor, which this project keeps out.
Of this project it needs `workloads` alone. `make bench` makes such an environment; by hand:

    uv venv --python 3.11 .venv-d3rlpy
    uv pip install --no-config --python .venv-d3rlpy/bin/python d3rlpy==2.8.1 torch==2.13.0
    safemil bench --d3rlpy .venv-d3rlpy/bin/python
"""

from __future__ import annotations

import logging

import d3rlpy
import numpy as np
import structlog

from safemil_core.bench.workloads import N_POLICY_BATCH, Example, Prepared, Workload


def prepare(workload: Workload) -> Prepared:
    """A deterministic policy by squared error, two hidden layers of the same width."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    example = Example.read(workload.data)
    nothing = np.zeros(len(example.observations), dtype=np.float32)
    ends = np.zeros(len(nothing), dtype=bool)
    ends[example.offsets[1:] - 1] = True
    buffer = d3rlpy.dataset.MDPDataset(example.observations, example.actions, nothing, nothing, timeouts=ends)
    layers = d3rlpy.models.VectorEncoderFactory(hidden_units=[workload.hidden, workload.hidden])
    config = d3rlpy.algos.BCConfig(batch_size=N_POLICY_BATCH, encoder_factory=layers)
    cloning = config.create(device="cuda:0" if workload.device == "cuda" else "cpu:0")
    cloning.build_with_dataset(buffer)
    return Prepared(lambda: cloning.update(buffer.sample_transition_batch(N_POLICY_BATCH)))
