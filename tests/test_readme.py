"""The README keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safemil_core.cli import cli

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()
MODULES = [
    path
    for package in ("safemil_core", "dashboard")
    for path in sorted((REPOSITORY / package).rglob("*.py"))
    if path.name != "__init__.py"
]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_module_is_in_the_map(module: Path) -> None:
    indented_map = README[README.index("## The map") :]
    assert re.search(rf"(?m)^ +{re.escape(module.name)}\b", indented_map)


def test_the_map_names_no_module_that_is_gone() -> None:
    named = set(re.findall(r"(?m)^ +(\w+\.py)\b", README))
    assert named == {path.name for path in MODULES}


def test_every_command_is_in_the_readme() -> None:
    for name in cli.commands:
        assert re.search(rf"(?m)^    safemil {name}\b", README), f"safemil {name} is not described"


def test_every_picture_is_there() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (REPOSITORY / picture).is_file()
