"""How a dataset comes in: uploaded, from a folder of this machine, or from a public collection by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard import resources, state, transfers
from dashboard.components.column_mapping import column_mapping
from dashboard.drawing import fragment
from dashboard.telling import callback, show_problem
from dashboard.words import code_span, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.intake.confined import Inspected
from safemil_core.data.recording import Options
from safemil_core.errors import SafeMILError
from safemil_core.running import tasks
from safemil_core.running.intakes import Intake, IntakeRequest
from safemil_core.running.progress import Progress
from safemil_core.workspace import as_name, harmless

_COUNT = "datasets.uploads"
"""Part of the widgets' keys: another number empties them."""


def add_dataset() -> None:
    """All ways in, and the imports that are on their way."""
    with st.container():  # there with or without imports: the tabs below keep their place, and the one that is chosen
        _on_their_way()
    upload, path, public = st.tabs(["Upload", "From this machine", "Download"])
    with upload:
        _upload()
    with path:
        _path()
    with public:
        _public()
    with st.expander("What can be imported"):
        st.markdown(
            "- **HDF5** in the layout of DSRL, D4RL or robomimic\n"
            "- **Minari** and **LeRobot** (v2.1, v3) folders; to upload one, pack it as zip or tar\n"
            "- **NPZ** with the arrays of DSRL, OmniSafe or SafeDICE\n"
            "- **CSV** or **Parquet**, one row a step; you say which column is what\n\n"
            "The content decides, not the file's ending. Several files of one layout become one dataset. "
            "Each is checked by a process of its own before anything is kept."
        )


def _upload() -> None:
    key = f"datasets.upload.{state.recall(_COUNT, 0)}"
    uploads = st.file_uploader("Files of one dataset", accept_multiple_files=True, key=f"{key}.file")
    if not uploads:
        return
    inspected = _look(lambda: transfers.inspect_upload(uploads[0]))
    if inspected is None:
        return
    options = _options(key, inspected)
    name, env_id = _name_and_environment(key, harmless(uploads[0].name))
    if st.button("Import", type="primary", key=f"{key}.import"):
        bar = st.progress(0.0, text="Reading and checking…")
        try:
            info = transfers.import_uploads(
                uploads, name, env_id, options, state.author(), lambda done, total: _show(bar, done, total)
            )
        except SafeMILError as problem:
            bar.empty()
            show_problem(problem)
            return
        _take(info)
        st.rerun()


def _path() -> None:
    found = transfers.importable_files()
    key = f"datasets.path.{state.recall(_COUNT, 0)}"
    if not found:
        roots = " or ".join(code_span(root) for root in resources.workspace().data_roots)
        st.markdown(
            f"Put files or dataset folders into {roots}, or start the dashboard with `SAFEMIL_DATA_ROOTS` naming "
            "other folders. Nothing outside them can be reached from here."
        )
        return
    names = st.multiselect("Files or folders of one dataset", found, key=f"{key}.paths", placeholder="Choose")
    if not names:
        return
    inspected = _look(lambda: transfers.inspect_path(names[0]))
    if inspected is None:
        return
    options = _options(key, inspected)
    name, env_id = _name_and_environment(key, names[0])
    if st.button("Import", type="primary", key=f"{key}.import"):
        paths = [transfers.importable_path(each) for each in names]
        _start(
            IntakeRequest(
                source="path",
                what=tuple(str(each) for each in paths),
                author=state.author(),
                name=name or None,
                env_id=env_id or None,
                columns=options.columns,
                episode_length=options.episode_length,
            )
        )


def _public() -> None:
    key = f"datasets.public.{state.recall(_COUNT, 0)}"
    source = st.segmented_control("Collection", ["DSRL", "Minari"], default="DSRL", key=f"{key}.source", required=True)
    if source == "DSRL":
        remote = st.selectbox(
            "Dataset", resources.dsrl_names(), index=None, placeholder="For example CarCircle", key=f"{key}.dsrl"
        )
    else:
        remote = st.text_input("Dataset", placeholder="D4RL/door/human-v2", key=f"{key}.minari")
    st.caption("What breaks off goes on where it stopped. Checksums are verified where the collection states them.")
    if st.button("Download and import", type="primary", key=f"{key}.start", disabled=not remote):
        _start(IntakeRequest("dsrl" if source == "DSRL" else "minari", (str(remote).strip(),), state.author()))


def _start(request: IntakeRequest) -> None:
    intake = tasks.start_intake(resources.workspace(), request)
    with state.uninterrupted():
        state.remember("datasets.watched", [*state.recall("datasets.watched", []), intake.id])
        state.remember(_COUNT, state.recall(_COUNT, 0) + 1)
    st.rerun()


def _on_their_way() -> None:
    """Imports in processes of their own that this browser session started, until they have ended and were seen."""
    is_live = any(not intake.progress.is_finished for intake in _watched())

    @fragment(run_every=1.0 if is_live else None)
    def panel() -> None:
        for intake in _watched():
            progress, request = intake.progress, intake.request
            what = code_span(Path(request.what[0]).name if request.source == "path" else request.what[0])
            if progress.state == "done":
                _arrived(intake)
                st.rerun()
            elif progress.is_finished:
                show_problem(f"{what}: {progress.message}")
                st.button("Dismiss", key=f"datasets.dismiss.{intake.id}", on_click=_no_longer_watched,
                          args=(intake.id,))  # fmt: skip
            else:
                st.progress(
                    min(1.0, progress.done / progress.total) if progress.total else 0.0,
                    text=f"{what}: {_doing(progress)}",
                )

    panel()


def _watched() -> list[Intake]:
    return [intake for intake in resources.intakes().list() if intake.id in state.recall("datasets.watched", [])]


def _doing(progress: Progress) -> str:
    if progress.state == "starting":
        return "starting its process…"
    if not progress.done:
        return f"{progress.message}…"
    if progress.message == "fetching":
        of = f" of {progress.total / 2**20:,.1f}" if progress.total else ""
        return f"fetching, {progress.done / 2**20:,.1f}{of} MiB"
    return f"{progress.message}, {plural(progress.done, 'step')}"


@callback
def _no_longer_watched(intake_id: str) -> None:
    state.remember("datasets.watched", [each for each in state.recall("datasets.watched", []) if each != intake_id])


@callback
def _arrived(intake: Intake) -> None:
    """Not a callback, but not to be ended half-way either: its dataset is shown once."""
    _no_longer_watched(intake.id)
    _take(resources.datasets().info(intake.progress.message))


@callback
def _take(info: DatasetInfo) -> None:
    """Show a dataset that has come in."""
    state.choose_dataset(info.name)
    state.remember("datasets.added", info.name)
    state.remember(_COUNT, state.recall(_COUNT, 0) + 1)


def _look(inspect: Callable[[], Inspected]) -> Inspected | None:
    try:
        with st.spinner("Looking into it…"):
            inspected = inspect()
    except SafeMILError as problem:
        show_problem(problem)
        return None
    st.caption(f"Format: **{inspected.format}**")
    return inspected


def _options(key: str, inspected: Inspected) -> Options:
    """What the file does not say by itself."""
    columns = column_mapping(key, inspected) if inspected.columns else {}
    with st.expander("If the file does not say where episodes end"):
        length = st.number_input("Steps of every episode", min_value=1, value=None, step=1, key=f"{key}.length")
    return Options(columns=columns, episode_length=None if length is None else int(length))


def _name_and_environment(key: str, first: str) -> tuple[str, str]:
    """What is said of both; without a name the dataset has that of its first file."""
    left, right = st.columns(2)
    with left:
        name = st.text_input(
            "Name (optional)",
            key=f"{key}.name",
            placeholder=as_name(Path(first).stem),
            help="Lower-case letters, digits, - and _.",
        )
    with right:
        env_id = st.text_input(
            "Environment (optional)",
            key=f"{key}.env",
            placeholder="SafetyCarCircle-v0",
            help="The gymnasium id; needed for replays and rollouts where the file does not name it.",
        )
    return name.strip(), env_id.strip()


def _show(bar: st.delta_generator.DeltaGenerator, done: int, total: int | None) -> None:
    bar.progress(min(1.0, done / total) if total else 0.0, text=f"Reading and checking… {plural(done, 'step')}")
