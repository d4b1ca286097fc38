"""Every callback of a widget finishes, and tells what stood in its way: read from the sources.

Streamlit may end any other one at each access to the session, to serve a later event, and does not begin it again.
"""

import ast
from functools import cache
from pathlib import Path

import pytest
from run_fixtures import APP

DASHBOARD = APP.parent
SOURCES = sorted(DASHBOARD.glob("**/*.py"))
WHOLE = {"callback", "uninterrupted()"}
"""Decorators of functions that finish: of `telling`, and in `state`, which knows nothing of that, its own."""


@cache
def tree(path):
    return ast.parse(path.read_text())


@cache
def functions(path):
    """By name, each with the decorators that it has."""
    nodes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    return {node.name: {ast.unparse(decorator) for decorator in node.decorator_list} for node in nodes}


def home(path, module, name):
    """The file of a module of the dashboard that a file imports under this name, or a name from it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and any(name == (alias.asname or alias.name) for alias in node.names):
            parts = node.module.split(".")[1:] + ([name] if module else [])
            found = DASHBOARD.joinpath(*parts).with_suffix(".py")
            return found if node.module.startswith("dashboard") and found.exists() else None
    return None


def finishes(path, function):
    """Whether what a node names is a callback that finishes."""
    match function:
        case ast.Name(name):
            there = path if name in functions(path) else home(path, False, name)
        case ast.Attribute(ast.Name("self"), name):
            there = path
        case ast.Attribute(ast.Name(module), name):
            there = home(path, True, module)
        case _:
            return False
    return there is not None and bool(functions(there).get(name, set()) & WHOLE)


def is_whole(path, target, handed_on):
    """Whether a target is nothing, a callback that finishes, or a call of one that asks the session nothing before."""
    match target:
        case ast.Constant():
            return True
        case ast.Name(name) if name in handed_on:
            return True
        case ast.Call(ast.Name("partial"), [function, *_]):
            return finishes(path, function)
        case ast.Lambda(body=ast.Constant()):
            return True
        case ast.Lambda(body=ast.Call(function, arguments, keywords)):
            given = [*arguments, *(keyword.value for keyword in keywords)]
            calls = [node for each in given for node in ast.walk(each) if isinstance(node, ast.Call)]
            return not calls and finishes(path, function)
        case _:
            return finishes(path, target)


def targets(path):
    """What widgets call back, with what a function is given to hand on under the same name."""
    for scope in ast.walk(tree(path)):
        if not isinstance(scope, ast.FunctionDef | ast.Module):
            continue
        own = {each.arg for each in (*scope.args.args, *scope.args.kwonlyargs)} if hasattr(scope, "args") else set()
        handed_on = {name for name in own if name.startswith("on_")}
        for node in ast.walk(scope):
            if isinstance(node, ast.Call):
                found = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
            elif isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found = [(str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant)]
            else:
                continue
            yield from ((value, handed_on) for name, value in found if name.startswith("on_"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_callback_finishes(path):
    assert path.exists()
    by_target = {}
    for target, handed_on in targets(path):
        by_target.setdefault(target, set()).update(handed_on)
    odd = [f"line {each.lineno}: {ast.unparse(each)}" for each, handed_on in by_target.items()
           if not is_whole(path, each, handed_on)]  # fmt: skip
    assert not odd


def test_those_that_would_not_are_found(tmp_path):
    page = Path(tmp_path / "page.py")
    page.write_text(
        "from dashboard import state\n"
        "from dashboard.telling import callback\n"
        "def plain(): ...\n"
        "@callback\n"
        "def whole(value): ...\n"
        "def draw(on_click):\n"
        "    st.button(on_click=on_click)\n"
        "    st.button(on_click=whole)\n"
        "    st.button(on_click=state.choose_dataset)\n"
        "    st.button(on_click=lambda: whole(3))\n"
        "    st.button(on_click=plain)\n"
        "    st.button(on_click=state.run.set)\n"
        "    st.button(on_click=lambda: whole(state.widget_value('x')))\n"
        "st.button(on_click=on_click)\n"
    )
    found = {each.lineno for each, handed_on in targets(page) if is_whole(page, each, handed_on)}
    assert found == {7, 8, 9, 10}
