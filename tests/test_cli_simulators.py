"""`safemil simulators` and `safemil doctor` without a run: what the machine has, and what may run on it."""

import re
from pathlib import Path

import pytest

from safemil_core.assessment.environments.rendering import try_drawing
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.errors import EnvironmentUnavailable

FILE = "ENVIRONMENT = 'Pendulum-v1'\n"


def test_the_machine_is_told_with_what_is_missing_and_its_cure(safemil, json_of, workspace, tmp_path):
    (tmp_path / "maze.py").write_text(FILE)
    UserFiles(workspace).add(tmp_path / "maze.py")
    found = {each["what"]: each for each in json_of("doctor", "--json")}
    assert found["training"]["state"].startswith("on ")
    assert re.fullmatch(
        r"(in software|on the graphics card) by \w+: .+, \d+ ms a frame", found["drawing, MuJoCo"]["state"]
    )
    assert found["videos"]["state"].startswith("H.264 by ffmpeg ")
    assert found["bullet-safety-gym"]["is_here"]
    assert found["safety-gymnasium"]["cure"] == "safemil simulators install safety-gymnasium"
    assert found["maze.py"]["cure"] == "safemil simulators allow maze.py"
    code, out, _ = safemil("doctor")
    assert code == 0
    assert re.search(r"(?m)^--  maze.py +your file, not allowed to run\n +safemil simulators allow maze.py$", out)


def test_a_file_is_shown_and_asked_about_before_it_may_run(safemil, json_of, workspace, tmp_path):
    (tmp_path / "maze.py").write_text(FILE)
    code, out, _ = safemil("simulators", "add", tmp_path / "maze.py")
    assert (code, out.startswith("maze.py: copied; let it run with `safemil simulators allow maze.py`")) == (0, True)
    code, _, err = safemil("simulators", "allow", "maze.py")  # nobody is there to say yes
    assert (code, FILE.strip() in err) == (2, True)
    assert not UserFiles(workspace).on_hand("maze.py").is_allowed
    assert json_of("simulators", "allow", "maze.py", "--yes")["allowed"] is True
    assert UserFiles(workspace).on_hand("maze.py").is_allowed


def test_a_file_that_is_not_there_is_said(safemil):
    assert safemil("simulators", "allow", "nowhere.py")[0] == 2


def test_a_machine_that_cannot_draw_is_told_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUJOCO_GL", "glfw")  # needs a screen
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(EnvironmentUnavailable, match=r"MuJoCo cannot draw here \(.*\); install EGL"):
        try_drawing()
    assert list(Path.cwd().iterdir()) == []  # where MuJoCo would write its warnings
