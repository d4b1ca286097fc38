"""The Datasets page in a real browser: every way in, what is refused, downloads, versions, exports and the card."""

from __future__ import annotations

import re
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import gymnasium as gym
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer
from playwright.sync_api import Page, expect

from safemil_core.assessment.environments import dsrl_datasets
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.data.datasets import DatasetStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import REPOSITORY, Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs
from tests.data.intake.test_downloads import Server
from tests.factories import dsrl_arrays, write_dsrl
from tests.hostile_files import CORPUS

SLOW = 60_000
"""Milliseconds that an import may take on a busy machine."""


class WaitingServer(Server):
    """Breaks its first answer off, and does not go on with it before it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Range"):
            self.goes_on.wait(60)
        time.sleep(0.2)  # progress is written ten times a second
        super().answer(request)


@pytest.fixture
def server() -> Iterator[WaitingServer]:
    server = WaitingServer()
    threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def environment(server: WaitingServer) -> dict[str, str]:
    return {
        "SAFEMIL_DATA_ROOTS": str(REPOSITORY / "assets"),
        "SAFEMIL_DSRL_MIRROR": server.url,
        "SAFEMIL_MINARI_HUB": server.url,
    }


@pytest.fixture
def store(dashboard: Dashboard) -> DatasetStore:
    """The datasets as another process sees them."""
    return runs.store(Workspace(dashboard.workspace))


def test_every_way_in_and_what_is_refused(
    dashboard: Dashboard, page: Page, store: DatasetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page(dashboard, page)
    from_this_machine(page)
    a_table(page, store)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    a_packed_folder(page, store, minari_dataset(tmp_path / "minari"))
    names = {info.name for info in store.list()}
    for kind in ("external link", "gzip bomb", "terabytes in npz"):
        (tmp_path / kind).mkdir()
        make, words = CORPUS[kind]
        refused(dashboard, page, make(tmp_path / kind), words)
    assert {info.name for info in store.list()} == names
    assert len(list((dashboard.workspace / "datasets").iterdir())) == len({info.id for info in store.list()})


def from_this_machine(page: Page) -> None:
    page.get_by_role("tab", name="From this machine").click()
    choose(page, "Files or folders of one dataset", "car_circle.hdf5")
    expect(page.get_by_text("Format: DSRL HDF5")).to_be_visible()
    page.get_by_role("textbox", name="Name (optional)").fill("my_cars")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_test_id("stProgress")).to_contain_text("car_circle.hdf5: ")
    came(page, "my_cars", "359 trajectories")
    expect(page.get_by_test_id("stProgress")).to_have_count(0)


def a_table(page: Page, store: DatasetStore) -> None:
    rows = "".join(f"{who},{step},{who + step / 4},{-step},{step % 2}\n" for who in (0, 1, 2) for step in range(5))
    page.get_by_role("tab", name="Upload").click()
    give(page, "walks.csv", f"who,step,px,py,force\n{rows}".encode())
    expect(page.get_by_text("What is in the columns?")).to_be_visible()
    choose(page, "Observation", "px")
    choose(page, "Observation", "py")
    choose(page, "Action", "force")
    choose(page, "Trajectory", "who")
    page.get_by_role("button", name="Import").click()
    came(page, "walks", "3 trajectories, 15 steps")
    walks = store.open("walks")
    np.testing.assert_array_equal(walks.observations[5:7], [[1, 0], [1.25, -1]])
    assert store.info("walks").action_names == ("force",)


def a_packed_folder(page: Page, store: DatasetStore, folder: Path) -> None:
    archive = Path(shutil.make_archive(str(folder), "zip", folder))
    give(page, "door.zip", archive.read_bytes())
    expect(page.get_by_text("Format: zip or tar file")).to_be_visible()
    page.get_by_role("textbox", name="Environment (optional)").fill("Door-v0")
    page.get_by_role("button", name="Import").click()
    came(page, "door", "2 trajectories, 10 steps")
    assert store.info("door").env_id == "Door-v0"


def refused(dashboard: Dashboard, page: Page, path: Path, words: str) -> None:
    """The file is named in one sentence, when it is looked at or when it is read; nothing of it stays."""
    page.reload()
    give(page, path.name, path.read_bytes())
    said = page.get_by_test_id("stAlertContentError")
    button = page.get_by_role("button", name="Import")
    expect(said.or_(button)).to_be_visible()
    if button.is_visible():
        button.click()
    expect(said).to_contain_text(words)
    assert path.name in said.inner_text()
    assert "\n" not in said.inner_text()
    assert list((dashboard.workspace / "uploads").iterdir()) == []


def test_a_download_shows_how_far_it_is_and_goes_on_where_it_broke(
    dashboard: Dashboard, page: Page, store: DatasetStore, server: WaitingServer, tmp_path: Path
) -> None:
    content = write_dsrl(tmp_path / "ant.hdf5", dsrl_arrays((3_000,) * 10)).read_bytes()
    server.files[urlsplit(dsrl_datasets()["AntRun"]).path] = content
    server.breaks_after = [len(content) // 2]
    open_page(dashboard, page)
    page.get_by_role("tab", name="Download").click()
    choose(page, "Dataset", "AntRun")
    page.get_by_role("button", name="Download and import").click()
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_have_text(re.compile(rf"AntRun: fetching, \d\.\d of {len(content) / 2**20:.1f} MiB"))
    server.goes_on.set()
    came(page, "antrun", "10 trajectories")
    first, second = (wanted for _, wanted in server.asked)
    assert first is None
    assert second
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(content) // 2
    assert store.info("antrun").n_steps == 30_000
    assert [path for path in (dashboard.workspace / "downloads").iterdir() if path.is_dir()] == []

    page.get_by_role("radio", name="Minari").click()
    page.get_by_role("textbox", name="Dataset").fill("D4RL/none-v0")
    page.get_by_role("textbox", name="Dataset").press("Tab")
    page.get_by_role("button", name="Download and import").click()
    said = page.get_by_test_id("stAlertContentError")
    expect(said).to_contain_text("there is no Minari dataset 'D4RL/none-v0'", timeout=SLOW)
    page.get_by_role("button", name="Dismiss").click()
    expect(said).to_have_count(0)


def test_exports_come_back_the_same_and_versions_keep_their_labels(
    dashboard: Dashboard, page: Page, store: DatasetStore, tmp_path: Path
) -> None:
    workspace = Workspace(dashboard.workspace)
    runs.add_dataset(workspace)
    labels = store.labels("walks")
    labels.mark([3, 4], "non_preferred", author="ann")
    labels.mark([5], "preferred", author="ann")
    exports_come_back(dashboard, page, store, tmp_path)
    versions(dashboard, page, store)
    page.get_by_role("tab", name="Card").click()
    expect(page.get_by_text("How it is labelled")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert "`walks-filtered`" in download.value.path().read_text()
    page.get_by_role("button", name=re.compile("Remove$")).click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.get_by_role("heading", name="walks", exact=True)).to_be_visible()
    assert "walks-filtered-merged" not in [info.name for info in store.list()]
    expect(page.get_by_role("button", name="Remove for good")).to_have_count(0)  # of the one that is shown now


def exports_come_back(dashboard: Dashboard, page: Page, store: DatasetStore, folder: Path) -> None:
    for format_name, ending, name in (("DSRL HDF5", ".hdf5", "back"), ("LeRobot", ".zip", "again")):
        open_page(dashboard, page, "walks")
        page.get_by_role("tab", name="Export").click()
        choose(page, "Trajectories", "All that are not marked non-preferred")
        choose(page, "Format", format_name)
        page.get_by_role("button", name="Write").click()
        expect(page.get_by_text(f"22 trajectories as {format_name}")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        path = folder / download.value.suggested_filename
        assert path.suffix == ending
        download.value.save_as(path)
        give(page, path.name, path.read_bytes())
        page.get_by_role("textbox", name="Name (optional)").fill(name)
        page.get_by_role("button", name="Import").click()
        came(page, name, "22 trajectories")
    kept = np.delete(np.arange(runs.N), [3, 4])
    whole, back = store.open("walks"), store.open("back")
    np.testing.assert_array_equal(back.observations, np.concatenate([whole[i].observations for i in kept]))
    assert store.labels("back").current().tolist() == store.labels("walks").current()[kept].tolist()
    assert store.info("again").id == store.info("back").id


def versions(dashboard: Dashboard, page: Page, store: DatasetStore) -> None:
    runs.add_dataset(Workspace(dashboard.workspace), "others", n=5)
    open_page(dashboard, page, "walks")
    page.get_by_role("textbox", name="Of these only").fill("2-6")
    page.get_by_role("textbox", name="Of these only").press("Tab")
    expect(page.get_by_text(f"3 trajectories of {runs.N}, with their labels")).to_be_visible()
    page.get_by_role("button", name="Make the version").click()
    came(page, "walks-filtered", "3 trajectories")
    expect(page.get_by_text("(kept all that are not marked non-preferred of 2-6)")).to_be_visible()
    assert store.labels("walks-filtered").current().tolist() == ["none", "preferred", "none"]
    page.get_by_text("Merge", exact=True).click()
    choose(page, "Merge with", "others")
    page.get_by_role("button", name="Merge").last.click()
    came(page, "walks-filtered-merged", "8 trajectories")
    assert [parent.name for parent in store.info("walks-filtered-merged").parents] == ["walks-filtered", "others"]
    assert store.labels("walks-filtered-merged").current().tolist() == ["none", "preferred"] + ["none"] * 6


def open_page(dashboard: Dashboard, page: Page, dataset: str = "car_circle") -> None:
    page.goto(f"{dashboard.url}/?dataset={dataset}")
    expect(page.get_by_role("heading", name=dataset)).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-datasets-scatter .nsewdrag").first).to_be_visible()


def came(page: Page, name: str, size: str) -> None:
    """The page shows the dataset that has come in."""
    expect(page.get_by_test_id("stAlertContentSuccess")).to_contain_text(f"{name} was imported: {size}", timeout=SLOW)
    expect(page).to_have_url(re.compile(rf"dataset={name}\b"))


def give(page: Page, name: str, content: bytes) -> None:
    page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a select box, or one more of a box of several."""
    field = page.get_by_role("combobox", name=re.compile(rf"(^|\. ){re.escape(label)}")).last
    scroll_to(field)  # a list that is open would close with it
    field.click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Tab")  # closes a list of several; Escape would empty a box that may be empty


def minari_dataset(root: Path) -> Path:
    """A folder that Minari wrote: two trajectories of five steps."""
    rng = np.random.default_rng(0)
    episodes = [
        EpisodeBuffer(
            observations=rng.normal(size=(6, 3)),
            actions=rng.normal(size=(5, 2)),
            rewards=np.zeros(5),
            terminations=np.zeros(5, bool),
            truncations=np.arange(5) == 4,
        )
        for _ in range(2)
    ]
    spaces = {"observation_space": gym.spaces.Box(-1, 1, (3,)), "action_space": gym.spaces.Box(-1, 1, (2,))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has no author
        minari.create_dataset_from_buffers("door/human-v0", episodes, **spaces)
    return root / "door" / "human-v0"


MAZE = """ENVIRONMENT = "PointMaze_UMaze-v3"
def cost(observation, action, next_observation, info):
    return float(next_observation["observation"][0] > 0)
"""


def test_a_simulator_of_ones_own_is_brought_read_and_allowed(
    dashboard: Dashboard, page: Page, store: DatasetStore
) -> None:
    files = UserFiles(Workspace(dashboard.workspace))
    open_page(dashboard, page)
    page.get_by_role("tab", name="Simulator").click()
    page.get_by_text("Bring a Python file of your own").click()
    page.get_by_test_id("stFileUploader").filter(has_text="Python file").locator("input").set_input_files(
        {"name": "maze.py", "mimeType": "text/x-python", "buffer": MAZE.encode()}
    )
    page.get_by_role("button", name="Bring it in").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("nobody has allowed what it holds now", timeout=SLOW)
    expect(page.get_by_text('next_observation["observation"][0] > 0')).to_be_visible()
    assert not files.on_hand("maze.py").is_allowed
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_text("Policies are rolled out in maze.py")).to_be_visible(timeout=SLOW)
    assert files.on_hand("maze.py").is_allowed
    assert store.info("car_circle").env_id == "maze.py"
