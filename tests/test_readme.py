"""The README keeps up with the code."""

from __future__ import annotations

import re
from pathlib import Path

from safemil_core.cli import cli

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()
MAP = README[README.index("## The map") : README.index("The path of the data")]


def mapped_modules(indented: str) -> list[str]:
    """Paths of the modules of a map, in which what lies in a folder stands two places further to the right."""
    modules: list[str] = []
    folders: dict[int, str] = {}
    for spaces, name in re.findall(r"(?m)^( +)(\w+(?:/|\.py))(?!\S)", indented):
        folders = {depth: folder for depth, folder in folders.items() if depth < len(spaces)}
        if name.endswith("/"):
            folders[len(spaces)] = name
        else:
            modules.append("".join(folders.values()) + name)
    return modules


def test_a_map_is_read_by_its_indentation() -> None:
    indented = "  core/\n    a.py   what: b.py\n    data/  arrays\n      a.py\n    c.py\n  other/\n    a.py\n"
    assert mapped_modules(indented) == ["core/a.py", "core/data/a.py", "core/c.py", "other/a.py"]


def test_every_module_is_in_the_map_where_it_lies_and_none_that_is_gone() -> None:
    modules = {
        str(path.relative_to(REPOSITORY))
        for package in ("safemil_core", "dashboard")
        for path in (REPOSITORY / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    named = mapped_modules(MAP)
    assert set(named) == modules
    assert len(named) == len(modules)


def test_every_command_is_in_the_readme() -> None:
    for name in cli.commands:
        assert re.search(rf"(?m)^    safemil {name}\b", README), f"safemil {name} is not described"


def test_every_picture_is_there() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (REPOSITORY / picture).is_file()
