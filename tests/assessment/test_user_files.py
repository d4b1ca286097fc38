"""Python files of the user's: they run only after she said so, and only as they were then."""

import json
from pathlib import Path

import numpy as np
import pytest

from safemil_core.assessment.environments import Simulator, find_environment
from safemil_core.assessment.environments.sources import UserFile
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.assessment.interfaces import Interface
from safemil_core.data.recording import Part
from safemil_core.errors import AlreadyExists, EnvironmentUnavailable, InvalidConfig, NotFound
from safemil_core.workspace import Workspace

LEFT_COSTS = """
from pathlib import Path
Path("it_ran").touch()
ENVIRONMENT = "Pendulum-v1"
def cost(observation, action, next_observation, info):
    return 2.0 * (next_observation[1] > 0) + 0.5 * (observation[1] > 0)
"""
MAZE = """
ENVIRONMENT = "PointMaze_UMaze-v3"
def cost(observation, action, next_observation, info):
    return 1.0 if next_observation["observation"][0] > -1.1 else 0.0
"""
OWN = """
import gymnasium
class Counter(gymnasium.Env):
    observation_space = gymnasium.spaces.Tuple([gymnasium.spaces.Box(0, 9, (1,)), gymnasium.spaces.Box(0, 9, (2,))])
    action_space = gymnasium.spaces.Box(-1, 1, (1,))
    def reset(self, seed=None, options=None):
        self.n = 0
        return (np.zeros(1), np.ones(2)), {}
    def step(self, action):
        self.n += 1
        return (np.full(1, self.n), np.ones(2)), 1.0, self.n == 3, False, {"cost": self.n}
import numpy as np
def make(render_mode):
    return Counter()
"""
PENDULUM = Interface(3, (Part(shape=(1,)),))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path / "ws")


DATACLASS = """
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
@dataclass
class Settings:
    here: Path = Path(__file__)
assert Settings().here.name == "left.py"
ENVIRONMENT = "Pendulum-v1"
"""


def brought(here, text, name="left.py"):
    """The file in the workspace."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return UserFiles(here).add(Path(name))


def test_nothing_of_a_file_runs_before_it_is_allowed(here):
    files, file = UserFiles(here), brought(here, LEFT_COSTS)
    assert not file.is_allowed
    assert file.text == LEFT_COSTS
    with pytest.raises(EnvironmentUnavailable, match="nobody has allowed what it holds now; read it, then allow it"):
        find_environment(here, "left.py")
    assert not Path("it_ran").exists()
    files.allow(file, "ann")
    simulator = Simulator(find_environment(here, "left.py"), PENDULUM)
    assert Path("it_ran").exists()
    simulator.close()


def test_a_changed_file_must_be_allowed_again(here):
    files, file = UserFiles(here), brought(here, LEFT_COSTS)
    files.allow(file, "ann")
    allowed = find_environment(here, "left.py")
    (here.simulators / "left.py").write_text(LEFT_COSTS + "\nimport os\n")
    with pytest.raises(EnvironmentUnavailable, match="nobody has allowed what it holds now"):
        find_environment(here, "left.py")
    with pytest.raises(EnvironmentUnavailable, match=r"left.py is not what you allowed any more"):
        Simulator(allowed, PENDULUM)  # a worker looks again
    assert not Path("it_ran").exists()
    (here.simulators / "left.py").write_text(LEFT_COSTS)
    assert find_environment(here, "left.py") == allowed  # the very content that was allowed


def test_a_name_in_a_dataset_reaches_no_file_elsewhere(here):
    Path("evil.py").write_text(LEFT_COSTS)
    for name in (str(Path("evil.py").absolute()), "../../evil.py", "evil.py", "../evil.py"):
        with pytest.raises(NotFound, match=r"safemil simulators add FILE\.py"):
            find_environment(here, name)
    assert not Path("it_ran").exists()


def test_a_cost_function_sees_what_was_before_and_after_the_action(here):
    files = UserFiles(here)
    files.allow(brought(here, LEFT_COSTS), "ann")
    simulator = Simulator(find_environment(here, "left.py"), PENDULUM)
    seen, costs = [simulator.reset(5)], []
    for _ in range(60):
        step = simulator.step(np.array([1.0], np.float32))
        seen.append(step.observation)
        costs.append(step.cost)
    left = np.stack(seen)[:, 1] > 0
    np.testing.assert_array_equal(costs, 2.0 * left[1:] + 0.5 * left[:-1])
    assert set(costs) == {0.0, 0.5, 2.0, 2.5}
    simulator.close()


def test_a_dictionary_is_flattened_after_the_cost_function_saw_it(here):
    files = UserFiles(here)
    files.allow(brought(here, MAZE, "maze.py"), "ann")
    simulator = Simulator(find_environment(here, "maze.py"), Interface(8, (Part(shape=(2,)),)))
    first = simulator.reset(0)
    np.testing.assert_array_equal(first[:2], first[4:6])  # achieved_goal, desired_goal, observation: sorted by name
    steps = [simulator.step(np.array([1.0, 0.0], np.float32)) for _ in range(40)]
    assert [step.cost for step in steps] == [float(step.observation[4] > -1.1) for step in steps]
    assert {step.cost for step in steps} == {0.0, 1.0}
    simulator.close()


def test_a_file_can_make_an_environment_of_its_own(here):
    files = UserFiles(here)
    files.allow(brought(here, OWN, "counter.py"), "ann")
    simulator = Simulator(find_environment(here, "counter.py"), Interface(3, (Part(shape=(1,)),)))
    np.testing.assert_array_equal(simulator.reset(0), [0, 1, 1])
    steps = [simulator.step(np.zeros(1, np.float32)) for _ in range(3)]
    assert [step.cost for step in steps] == [1, 2, 3]
    assert [step.is_last for step in steps] == [False, False, True]
    simulator.close()


@pytest.mark.parametrize("text", [DATACLASS, "# coding: latin-1\nENVIRONMENT = 'Pendulum-v1' # \xe9".encode("latin-1")])
def test_a_file_runs_as_any_module_does(here, text):
    UserFiles(here).allow(brought(here, text), "ann")
    simulator = Simulator(find_environment(here, "left.py"), PENDULUM)
    assert simulator.reset(0).shape == (3,)
    simulator.close()


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "x = 1": "makes no environment; give it a function make",
        "import nowhere_at_all": r"does not run \(ModuleNotFoundError: .*; mend it",
        "import sys; sys.exit(3)": r"does not run \(SystemExit: 3\); mend it",
        "raise RuntimeError('no such device')": r"does not run \(RuntimeError: no such device\); mend it",
        "\n\n# é".encode("latin-1"): r"does not run \(UnicodeDecodeError: .*; mend it",
        "def (": r"does not run \(SyntaxError: .*; mend it",
        "ENVIRONMENT = 'Nowhere-v0'": "the environment 'left.py .*' cannot be made",
    }.items(),
)
def test_a_file_that_gives_nothing_is_refused_in_a_sentence(here, text, message):
    UserFiles(here).allow(brought(here, text), "ann")
    with pytest.raises(EnvironmentUnavailable, match=message):
        Simulator(find_environment(here, "left.py"), PENDULUM)


def test_consents_are_kept_with_who_gave_them(here):
    file = brought(here, LEFT_COSTS)
    UserFiles(here).allow(file, "ann")
    ((sha256, said),) = json.loads((here.simulators / "allowed.json").read_text()).items()
    assert (sha256, said["file"], said["by"]) == (file.sha256, "left.py", "ann")
    assert [found.name for found in UserFiles(here).list()] == ["left.py"]
    source = find_environment(here, "left.py")
    assert source == UserFile(here.simulators / "left.py", file.sha256)
    assert str(source) == f"left.py ({file.sha256[:12]})"


def test_what_is_no_python_file_or_takes_anothers_name_is_not_brought_in(here):
    with pytest.raises(NotFound, match="there is no file"):
        UserFiles(here).add(Path("nowhere.py"))
    Path("notes.txt").write_text("")
    with pytest.raises(InvalidConfig, match="is no Python file"):
        UserFiles(here).add(Path("notes.txt"))
    brought(here, LEFT_COSTS)
    with pytest.raises(AlreadyExists, match=r"there is another left.py in the workspace; rename yours"):
        brought(here, MAZE)
