"""Who may import whom, read from the sources: the table of the README's map."""

import ast
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("data", "learning", "assessment", "running", "bench")
GROUND = {"errors", "clock", "settings", "config", "workspace"}
SIMULATORS = {
    "gymnasium", "gymnasium_robotics", "gym", "dsrl", "bullet_safety_gym", "pybullet", "safety_gymnasium", "mujoco",
}  # fmt: skip
LEARNING_OF_PAGES = ("weights", "cost_function", r"baselines\.settings")
"""What the dashboard may know of learning: what was learned, and what weighs it without torch; nothing that trains."""
SOURCES = sorted([*ROOT.glob("safemil_core/**/*.py"), *ROOT.glob("dashboard/**/*.py")])


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path):
    """Every module that a file imports, at its top or inside a function; `from a import b` names a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def roots(path):
    return {module.split(".")[0] for module in imports(path)}


def core(*folders):
    return [path for path in SOURCES if any(path.is_relative_to(ROOT / "safemil_core" / f) for f in folders)]


def layer_of(path):
    parts = path.relative_to(ROOT / "safemil_core").parts
    return parts[0] if parts[0] in LAYERS else None


def test_there_is_something_to_read():
    assert len(SOURCES) > 30
    assert imports(ROOT / "safemil_core" / "cli" / "labels.py") >= {
        "click", "safemil_core.errors", "safemil_core.errors.NotFound",
    }  # fmt: skip


@pytest.mark.parametrize("path", core("."), ids=name_of)
def test_the_core_knows_nothing_of_the_dashboard(path):
    assert not roots(path) & {"streamlit", "dashboard", "plotly", "altair"}


@pytest.mark.parametrize("path", core(*LAYERS), ids=name_of)
def test_imports_point_down(path):
    above = LAYERS[LAYERS.index(layer_of(path)) + 1 :]
    for module in imports(path):
        assert not module.startswith(tuple(f"safemil_core.{layer}" for layer in above)), module
        assert not module.startswith("safemil_core.cli")


@pytest.mark.parametrize("name", sorted(GROUND))
def test_the_ground_floor_imports_no_room(name):
    path = ROOT / "safemil_core" / f"{name}.py"
    own = {module.split(".")[1] for module in imports(path) if module.startswith("safemil_core.")}
    assert own <= GROUND
    assert roots(path) <= {*sys.stdlib_module_names, "numpy", "pydantic", "safemil_core"}


@pytest.mark.parametrize("path", core("data"), ids=name_of)
def test_data_does_without_torch(path):
    assert not roots(path) & {"torch", "safetensors", "gymnasium"}


def test_weights_do_without_torch_so_that_pages_can_use_them_live():
    assert "torch" not in roots(ROOT / "safemil_core" / "learning" / "weights.py")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_simulators_are_imported_in_one_package(path):
    if not name_of(path).startswith("safemil_core.assessment.environments"):
        assert not roots(path) & SIMULATORS


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_unpickled_and_nothing_evaluated(path):
    assert not roots(path) & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"torch.load", "torch.save", "pd.read_pickle", "eval", "exec"}, called
            for keyword in node.keywords:
                allows = keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
                assert not allows, ast.unparse(node)
                assert not (keyword.arg == "shell" and ast.unparse(keyword.value) != "False"), ast.unparse(node)


def uses(path, *words):
    """Attributes and names in the code itself, so that a comment may speak of them."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    found = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    found |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return found & set(words)


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "dashboard")], ids=name_of)
def test_state_and_caches_have_one_home_each(path):
    if name_of(path) != "dashboard.state":
        assert not uses(path, "session_state", "query_params")
    if not name_of(path).endswith(("resources", ".caches")):
        assert not uses(path, "cache_data", "cache_resource")
        assert "dashboard.caches" not in imports(path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("dashboard/views/*.py")), ids=name_of)
def test_pages_know_neither_one_another_nor_training_nor_sql(path):
    for module in imports(path):
        assert not module.startswith("dashboard.views"), module
        assert not module.startswith(("safemil_core.data.database", "safemil_core.learning.training", "sqlalchemy"))
    assert not roots(path) & {"torch", "h5py", "sqlite3", "subprocess", "multiprocessing"}


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "dashboard")], ids=name_of)
def test_the_dashboard_trains_only_as_a_job(path):
    for module in imports(path):
        if module.startswith("safemil_core.learning"):
            assert re.match(rf"safemil_core\.learning\.({'|'.join(LEARNING_OF_PAGES)})\b", module), module
        at_work = r"(sweeps\.)?(pipeline|worker|trial_worker|local_workers|cluster|checkpoints|\w+_stage)\b"
        assert not re.match(rf"safemil_core\.(running\.{at_work}|bench)", module), module
    assert "torch" not in roots(path)


@pytest.mark.parametrize("kind", ["reference", "plain_cloning", "d3rlpy_cloning"])
def test_nothing_of_ours_sets_up_the_processes_of_those_that_the_engine_is_compared_with(kind):
    own = {module for module in imports(ROOT / f"safemil_core/bench/{kind}.py") if module.startswith("safemil_core.")}
    assert {module.rpartition(".")[0] for module in own} <= {
        "safemil_core.bench", "safemil_core.bench.workloads", "safemil_core.bench.reference", "safemil_core",
    }  # fmt: skip


def test_charts_do_without_streamlit():
    for path in ROOT.glob("dashboard/charts*.py"):
        assert "streamlit" not in roots(path), path


def loaded_after(*modules):
    """Which packages a fresh interpreter has loaded after importing these."""
    code = f"import sys, {', '.join(modules)}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_app_opens_without_torch_and_simulators():
    """Everything that pages import, but the pages themselves, which run as they are imported."""
    needed = set()
    for path in SOURCES:
        if path.is_relative_to(ROOT / "dashboard"):
            needed |= {m for m in imports(path) if m.startswith("safemil_core.")}
            if not path.is_relative_to(ROOT / "dashboard" / "views") and path.name != "app.py":
                needed.add(name_of(path))
    modules = sorted(m for m in needed if (ROOT / f"{m.replace('.', '/')}.py").exists())
    assert {"dashboard.resources", "dashboard.run_resources", "dashboard.state", "safemil_core.running.jobs"} <= set(
        modules
    )
    loaded = loaded_after(*modules)
    assert "streamlit" in loaded
    assert not loaded & {"torch", *SIMULATORS}


def test_the_command_line_answers_without_torch_simulators_and_streamlit():
    assert not loaded_after("safemil_core.cli") & {"torch", "streamlit", *SIMULATORS}


def test_the_package_itself_imports_nothing():
    assert imports(ROOT / "safemil_core" / "__init__.py") <= {"__future__"}


def test_imports_have_no_cycle():
    """Modules of the core in an order in which each imports only earlier ones."""
    graph = {name_of(path): path for path in core(".")}
    edges = {
        name: {m for m in imports(path) if m in graph and m != name} - {"safemil_core"} for name, path in graph.items()
    }
    done = set()
    while ready := {name for name in graph if name not in done and edges[name] <= done | {name}}:
        done |= ready
    assert set(graph) == done, sorted(set(graph) - done)


def test_the_errors_tree_in_the_docstring_names_every_error():
    from safemil_core import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    for kind in kinds:
        assert issubclass(kind, errors.SafeMILError)
        assert kind.__name__ in errors.__doc__


def test_layers_are_read_from_left_to_right():
    order = [(ROOT / "safemil_core" / "__init__.py").read_text().index(f"    {layer} ") for layer in LAYERS]
    assert all(first < second for first, second in pairwise(order))
