"""Commands for simulators: the user's own files, interpreters of their own, and what the machine has for them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from safemil_core.assessment.environments.legacy_interpreters import PACKAGES, LegacyInterpreter
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.cli.session import Session, common_options, session
from safemil_core.data.labels.store import default_author
from safemil_core.running.machine import equipment


@click.group()
def simulators() -> None:
    """Bring simulators: Python files of your own, and interpreters for those that cannot live beside ours."""


@simulators.command()
@click.argument("file", type=click.Path(path_type=Path))
@common_options
def add(file: Path, as_json: bool, workspace: Path | None) -> None:
    """Copy a Python file into the workspace; nothing of it runs before you allow it."""
    here = session(as_json, workspace)
    added = UserFiles(here.workspace).add(file)
    here.say(
        {"file": added.name, "sha256": added.sha256, "allowed": added.is_allowed},
        f"{added.name}: copied; let it run with `safemil simulators allow {added.name}`, and import data with "
        f"--env {added.name}",
    )


@simulators.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not show the file and ask.")
@click.option("--author", default=default_author, help="Who allows it; your account's name if not given.")
@common_options
def allow(name: str, yes: bool, author: str, as_json: bool, workspace: Path | None) -> None:
    """Let a Python file of the workspace run on this machine, as it is now: changed, it must be allowed again."""
    here = session(as_json, workspace)
    files = UserFiles(here.workspace)
    file = files.on_hand(name)
    if not yes:
        click.echo(file.text, err=True)
        click.confirm(f"Run {file.name} (SHA-256 {file.sha256[:12]}) on this machine?", abort=True, err=True)
    files.allow(file, author)
    result = {"file": name, "sha256": file.sha256, "allowed": True}
    here.say(result, f"{name}: allowed as it is now ({file.sha256[:12]})")


@simulators.command()
@click.argument("package", type=click.Choice(list(PACKAGES)))
@common_options
def install(package: str, as_json: bool, workspace: Path | None) -> None:
    """Set up an interpreter of its own for a simulator, with uv, from the package index."""
    here = session(as_json, workspace)
    versions = LegacyInterpreter(here.workspace, package).install()
    here.say({"package": package, "versions": versions}, f"{package} {versions[package]}: ready")


def tell_equipment(here: Session) -> None:
    """Print what the machine has, one line each."""
    found = equipment(here.workspace)
    lines = (f"{'ok' if each.is_here else '--'}  {each.what:20}{each.state}" for each in found)
    cures = (f"\n    {'':20}{each.cure}" if each.cure else "" for each in found)
    here.say([asdict(each) for each in found], "\n".join(map("".join, zip(lines, cures, strict=True))))


COMMANDS = (simulators,)
