"""The environment that a dataset's policies are rolled out in: named, allowed to run, or set up."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.components.task_watch import task_watch
from dashboard.telling import callback, show_problem
from dashboard.words import code_span, harmless, sentence
from safemil_core.assessment.environments import canonical, find_environment
from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter, is_legacy
from safemil_core.assessment.environments.user_files import FileOnHand, UserFiles
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import NotFound, SafeMILError
from safemil_core.running import tasks
from safemil_core.running.tasks import Task

_BRING = "simulator.bring"
LONG = 15
"""Lines from which on a file is shown in a window."""
EXAMPLE = """ENVIRONMENT = "PointMaze_UMaze-v3"   # or: def make(render_mode): return MyEnvironment()

def cost(observation, action, next_observation, info):   # where info["cost"] does not say it
    return float(next_observation["observation"][0] > 1)
"""


def dataset_simulator(info: DatasetInfo) -> None:
    """Which environment it is, whether it can be used, and what is missing."""
    with st.form(f"simulator.{info.name}", border=False):
        env_id = st.text_input(
            "Environment", info.env_id or "", placeholder="SafetyCarCircle-v0", key=f"simulator.env.{info.name}",
            help="A gymnasium id, or a Python file of your own that was brought into this workspace, like `maze.py`.",
        )  # fmt: skip
        if st.form_submit_button("Use this one", key=f"simulator.use.{info.name}") and env_id.strip():
            resources.datasets().name_environment(info.name, env_id.strip())
            st.rerun()
    if info.env_id:
        _readiness(info.env_id)
    if st.toggle("Bring a Python file of your own", key=_BRING):
        _bring(info)


def _readiness(env_id: str) -> None:
    """Whether policies can be rolled out, else what makes that so."""
    workspace = resources.workspace()
    try:
        found = find_environment(workspace, env_id)
    except NotFound:
        st.warning(f"The workspace has no file {code_span(env_id)}. Bring it in below.")
    except SafeMILError as problem:
        st.warning(harmless(sentence(str(problem))))
        if is_legacy(canonical(env_id)):
            _set_up(LegacyInterpreter(workspace))
        else:
            _consent(UserFiles(workspace), env_id)
    else:
        st.markdown(f"Policies are rolled out in {code_span(found)}.")


def _consent(files: UserFiles, name: str) -> None:
    """Show what would run, and let it: exactly what is shown."""
    file = files.on_hand(name)
    is_long = file.text.count("\n") > LONG
    st.code(file.text, language="python", line_numbers=True, height=28 * LONG if is_long else "content")
    st.button(
        "I have read it: let it run on this machine", type="primary", key="simulator.allow", on_click=_allow,
        args=(files, file), help=f"Bound to this content, SHA-256 {file.sha256[:12]}: changed, it asks again.",
    )  # fmt: skip


@callback
def _allow(files: UserFiles, file: FileOnHand) -> None:
    files.allow(file, state.author())


def _set_up(interpreter: LegacyInterpreter) -> None:
    task = Task.of_interpreter(interpreter)
    if not task_watch(task, "interpreter", key="simulator"):
        st.button(
            "Set it up", type="primary", key="simulator.install", on_click=_install, args=(task,),
            help="About 200 MB, once, with uv.",
        )  # fmt: skip


@callback
def _install(task: Task) -> None:
    tasks.start(resources.workspace(), task)


def _bring(info: DatasetInfo) -> None:
    """A file as the environment of this dataset; nothing of it runs yet."""
    st.code(EXAMPLE, language="python")
    upload = st.file_uploader("Python file", type="py", key="simulator.file")
    if upload is None or not st.button("Bring it in", key="simulator.add"):
        return
    workspace = resources.workspace()
    try:
        with workspace.received(upload.name, upload) as path:
            added = UserFiles(workspace).add(path)
    except SafeMILError as problem:
        show_problem(sentence(str(problem)))
        return
    resources.datasets().name_environment(info.name, added.name)
    st.rerun()
