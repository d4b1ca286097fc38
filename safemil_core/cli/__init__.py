"""The console script `safemil`: arguments in, one call into the core, text or one JSON document out.

Standard output holds the result alone; progress and remarks go to standard error. What a user can mend ends with one
line and exit code 2.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from safemil_core.cli import bench, comparing, data, jobs, labels, review, runs, simulators, sweeps
from safemil_core.errors import SafeMILError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps everything (SAFEMIL_WORKSPACE).")
@click.version_option(package_name="safemil")
@click.pass_context
def cli(context: click.Context, as_json: bool, workspace: Path | None) -> None:
    """Offline safe imitation learning from non-preferred trajectories (SafeMIL)."""
    context.obj = (as_json, workspace)


for _command in (
    *data.COMMANDS,
    *labels.COMMANDS,
    *review.COMMANDS,
    *runs.COMMANDS,
    *jobs.COMMANDS,
    *comparing.COMMANDS,
    *sweeps.COMMANDS,
    *simulators.COMMANDS,
    *bench.COMMANDS,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; every error a user can act on becomes one line and exit code 2."""
    try:
        cli.main(prog_name="safemil", standalone_mode=False)
    except SafeMILError as problem:
        _leave(str(problem))
    except click.UsageError as problem:
        command = problem.ctx.command_path if problem.ctx else "safemil"
        _leave(f"{problem.format_message().rstrip('.')}; see {command} --help")
    except click.ClickException as problem:
        _leave(problem.format_message())
    except (click.Abort, KeyboardInterrupt):
        _leave("interrupted")
    except OSError as problem:
        _leave(f"{problem.filename or 'a file'}: {problem.strerror}; free some space or choose another folder")


def _leave(message: str) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(2)
