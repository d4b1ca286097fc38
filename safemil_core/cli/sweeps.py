"""The commands for experiments: a sweep, what sweeps there are, and removing one."""

from __future__ import annotations

from pathlib import Path

import click

from safemil_core.cli.session import common_options, progress_bar, session
from safemil_core.running.sweeps.summary import markdown, observations, summary
from safemil_core.running.sweeps.sweep_folder import SweepStore


@click.command()
@click.argument("spec_file", metavar="SPEC.toml", type=click.Path(path_type=Path))
@click.option("--workers", type=click.IntRange(1, 1_024), help="Processes on this machine; one a core if not given.")
@click.option(
    "--ray", "address", metavar="ADDRESS", envvar="RAY_ADDRESS", show_envvar=True,
    help="Do it on a Ray cluster: its address, or `auto`.",
)  # fmt: skip
@common_options
def sweep(spec_file: Path, workers: int | None, address: str | None, as_json: bool, workspace: Path | None) -> None:
    """Do all trials of an experiment that are not done yet, and print its table."""
    here = session(as_json, workspace)
    taken = SweepStore(here.workspace).take(spec_file)
    spec = taken.spec  # later it may be another one's
    from safemil_core.running.sweeps.sweep_stage import run_sweep

    with progress_bar(taken.name, "trial") as on_progress:
        rows = run_sweep(here.workspace, taken, n_workers=workers, address=address, on_progress=on_progress)
    table = summary(observations(rows, spec), spec)
    document = {"sweep": spec.name, "table": table.to_dict("records"), "rows": [row.document() for row in rows]}
    failures = sorted({f"failed: {row.failure}" for row in rows if row.failure})
    here.say(document, "\n".join([markdown(table, spec), *failures]))


@click.command()
@click.option("--delete", "gone", metavar="NAME", help="Remove this one instead, with the rows of all its trials.")
@common_options
def sweeps(gone: str | None, as_json: bool, workspace: Path | None) -> None:
    """List the sweeps with how far they are."""
    here = session(as_json, workspace)
    if gone is not None:
        SweepStore(here.workspace).delete(gone)
        here.say({"sweep": gone, "state": "deleted"}, f"sweep {gone}: deleted")
        return
    lines = []
    for found in SweepStore(here.workspace).list():
        progress = found.progress
        state, done, total = (progress.state, progress.done, progress.total) if progress else ("waiting", 0, 0)
        message = progress.message if progress else ""
        lines.append({"sweep": found.name, "state": state, "done": done, "total": total, "message": message})
    texts = (f"{it['sweep']}  {it['state']}  {it['done']} of {it['total']} trials  {it['message']}" for it in lines)
    here.say(lines, "\n".join(text.rstrip() for text in texts) or "no sweeps yet; `safemil sweep SPEC.toml` begins one")


COMMANDS = (sweep, sweeps)
