"""What pages move into the workspace and out of it: uploads, files of this machine, curated subsets, event
files. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import resources
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.intake.confined import Inspected
from safemil_core.data.intake.limits import Limits
from safemil_core.data.intake.roots import candidates, under_roots
from safemil_core.data.recording import Options
from safemil_core.running.curation import Exported, Keep, export_into
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote

UPLOAD_LIMITS = Limits(most_bytes=16 * 2**30)
"""What uploads may unpack to; an upload itself is limited by .streamlit/config.toml."""


def importable_files() -> list[str]:
    """What lies in the folders that may be imported from, relative to its folder."""
    roots = resources.workspace().data_roots
    return [_within(path, roots) for path in candidates(roots)]


def importable_path(name: str) -> Path:
    """The path of what `importable_files` names. Raises NotFound for anything outside."""
    return under_roots(name, resources.workspace().data_roots)


def inspect_path(name: str) -> Inspected:
    """What an importable file is; raises like `intake.confined.inspect`."""
    return resources.inspected(importable_path(name))


def inspect_upload(upload: UploadedFile) -> Inspected:
    """What an uploaded file is; raises like `intake.confined.inspect`."""
    return resources.inspected_upload(upload.file_id, upload)


def import_uploads(
    uploads: Sequence[UploadedFile],
    name: str,
    env_id: str,
    options: Options,
    author: str,
    on_progress: Callable[[int, int | None], None],
) -> DatasetInfo:
    """Make one dataset of uploaded files, and free the memory that they take; raises like `DatasetStore.add`."""
    with ExitStack() as stack:
        received = resources.workspace().received
        paths = [stack.enter_context(received(upload.name, upload)) for upload in uploads]
        info = resources.datasets().add(
            paths,
            name=name or None,
            env_id=env_id or None,
            options=options,
            author=author,
            limits=UPLOAD_LIMITS,
            on_progress=on_progress,
        )
    # Streamlit would keep the files' bytes until some while after the tab is closed.
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for upload in uploads:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)
    return info


def export(info: DatasetInfo, format_name: str, keep: Keep, run: Run | None) -> Exported:
    """Write a curated subset into the workspace; raises like `curate` and `export_curated`."""
    return export_into(resources.workspace(), resources.datasets(), info.name, format_name, keep=keep, run=run)


def event_file(run: Run, note: RunNote, *, shows_truth: bool) -> bytes:
    """A run's event file for TensorBoard, as a zip archive; raises like `event_file_zip`."""
    from safemil_core.running.event_files import event_file_zip  # TensorBoard's modules take most of a second

    return event_file_zip(run, note, shows_truth=shows_truth)


def _within(path: Path, roots: Sequence[Path]) -> str:
    return str(next(path.relative_to(root) for root in roots if path.is_relative_to(root)))
