"""The Datasets page's simulator: naming it, and letting the user's file run, for real."""

import pytest
from run_fixtures import APP, add_dataset, store
from streamlit.testing.v1 import AppTest

from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.tasks import Task
from tests.running.test_jobs import wait

TEXT = 'ENVIRONMENT = "Pendulum-v1"\n'


@pytest.fixture
def info(workspace) -> DatasetInfo:
    return add_dataset(workspace)


def page():
    at = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not at.exception
    return at


def named(at, info, env_id):
    at.text_input(key=f"simulator.env.{info.name}").set_value(env_id)
    (use,) = [button for button in at.button if button.label == "Use this one"]
    use.click().run()
    assert not at.exception
    return at


def texts(elements):
    return " ".join(element.value for element in elements)


def test_an_environment_can_be_named_and_named_anew(workspace, info):
    at = named(page(), info, "SafetyCarRun-v0")
    assert store(workspace).info(info.name).env_id == "SafetyCarRun-v0"
    assert "Policies are rolled out in `SafetyCarRun-v0`." in texts(at.markdown)
    named(at, info, "OfflineCarCircle-v0")
    assert "Policies are rolled out in `SafetyCarCircle-v0`." in texts(at.markdown)


def test_a_file_is_brought_shown_and_allowed_as_it_was_shown(workspace, info):
    at = page()
    at.toggle(key="simulator.bring").set_value(True).run()
    (uploader,) = [each for each in at.file_uploader if each.key == "simulator.file"]
    uploader.upload("maze.py", TEXT.encode(), "text/x-python")
    at.run()
    at.button(key="simulator.add").click().run()
    assert not at.exception
    assert store(workspace).info(info.name).env_id == "maze.py"
    assert "nobody has allowed what it holds now" in texts(at.warning)
    assert TEXT.strip() in texts(at.code)
    (workspace.simulators / "maze.py").write_text(TEXT + "# changed behind her back\n")
    at.button(key="simulator.allow").click().run()
    assert not UserFiles(workspace).on_hand("maze.py").is_allowed  # what she saw is allowed, not what is there now
    assert "changed behind her back" in texts(at.code)
    at.button(key="simulator.allow").click().run()
    assert UserFiles(workspace).on_hand("maze.py").is_allowed
    assert "Policies are rolled out in `maze.py (" in texts(at.markdown)


def test_what_is_missing_is_said_with_a_way_to_get_it(workspace, info):
    at = named(page(), info, "nowhere.py")
    assert texts(at.warning) == "The workspace has no file `nowhere.py`. Bring it in below."
    at = named(at, info, "SafetyPointGoal1-v0")
    assert "need an interpreter of their own" in texts(at.warning)
    assert at.button(key="simulator.install").label == "Set it up"


def test_an_interpreter_is_set_up_in_the_background_while_the_page_goes_on(workspace, info):
    at = named(page(), info, "SafetyPointGoal1-v0")
    task = Task.of_interpreter(LegacyInterpreter(workspace))
    at.button(key="simulator.install").click().run()
    assert not at.exception
    assert not [button for button in at.button if button.key == "simulator.install"]
    assert at.button(key="simulator.stop").label == "Stop"
    progress = wait(lambda: (now := task.progress) and now.is_finished and now)
    assert progress.state == "done", progress.message
    at.run()
    assert "Policies are rolled out in `SafetyPointGoal1-v0" in texts(at.markdown)
