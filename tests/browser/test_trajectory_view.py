"""The trajectory view in a real browser: play, seek, spikes, brush, zoom and lock-step, none of which runs the page."""

from __future__ import annotations

import json
import re

import imageio.v2 as imageio
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.components import trajectory_stage
from dashboard.components.stage_items import N_EXACT
from safemil_core.assessment.evidence import evidence
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

T = 120
SHOWN, BESIDE = 22, 3


@pytest.fixture
def workspace(dashboard: Dashboard) -> Workspace:
    return Workspace(dashboard.workspace)


@pytest.fixture
def info(workspace: Workspace) -> DatasetInfo:
    return runs.add_dataset(workspace, length=T)


@pytest.fixture
def run(workspace: Workspace, info: DatasetInfo) -> Run:
    runs.mark_costliest(workspace, info)
    return runs.finish(runs.new_run(workspace, info), workspace)


def open_view(dashboard: Dashboard, page: Page, sent: list[str], **query: str | int) -> Locator:
    """The view on the Costs page; `sent` gets what the browser sends to the server: without that nothing runs."""
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(socket.url)))
    words = "&".join(f"{name}={value}" for name, value in {"dataset": "walks", "trajectory": SHOWN, **query}.items())
    page.goto(f"{dashboard.url}/costs?{words}&section=time")
    view = page.locator(".view")
    view.wait_for(timeout=60_000)
    has(view, "trajectory", SHOWN)
    scroll_to(view)
    page.wait_for_timeout(1500)
    return view


def has(view: Locator, name: str, value: str | int | re.Pattern[str]) -> None:
    expect(view).to_have_attribute(f"data-{name}", value if isinstance(value, re.Pattern) else str(value))


def at(page: Page, step: int, *, n_steps: int = T, gutter: int = 168) -> tuple[float, float]:
    """Where a step is on the timeline."""
    box = page.locator("canvas.timeline").bounding_box()
    assert box is not None
    return box["x"] + gutter + (step + 0.5) / n_steps * (box["width"] - gutter - 6), box["y"] + box["height"] / 2


def values(view: Locator) -> dict[str, float]:
    """By name of the curve, what stands beside it."""
    read: dict[str, float] = json.loads(view.get_attribute("data-values") or "{}")
    return read


def film(workspace: Workspace, info: DatasetInfo, trajectory: int, *, exact: bool) -> None:
    """A video of noise in the place where rendered replays are kept: a frame for every second step."""
    path = workspace.replay(info.replays, trajectory)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 255, (T // 2, 48, 64, 3), dtype=np.uint8)
    with imageio.get_writer(path, fps=20, codec="libx264", macro_block_size=16) as writer:
        for frame in frames:
            writer.append_data(frame)
    path.with_suffix(".json").write_text(json.dumps({"fps": 20, "stride": 2, "exact": exact, "note": "noise"}))


def test_playing_and_seeking_move_one_cursor_without_a_run_of_the_page(
    dashboard: Dashboard, page: Page, workspace: Workspace, info: DatasetInfo, run: Run
) -> None:
    film(workspace, info, SHOWN, exact=True)
    sent: list[str] = []
    view = open_view(dashboard, page, sent, run=run.id, step=31)
    has(view, "step", 31)  # where the link says
    has(view, "badge", "approximate")  # there is a frame of step 30 and one of step 32
    before = len(sent)
    page.mouse.click(*at(page, 60))
    has(view, "step", 60)
    has(view, "badge", "exact")
    costs = run.costs().query(f"trajectory == {SHOWN}")["cost"].to_numpy(np.float32)
    assert values(view)["learned cost"] == costs[60]
    video = page.locator(".view video").first
    assert video.evaluate("v => v.currentTime * 20") == pytest.approx(30.5, abs=0.01)
    page.mouse.move(*at(page, 20))
    page.mouse.down()
    for step in range(20, 91, 10):
        page.mouse.move(*at(page, step))
        has(view, "step", step)
    page.mouse.up()
    page.locator(".view .play").click()
    has(view, "step", re.compile(r"^9[2-9]|1\d\d$"))
    page.locator(".view .play").click()
    page.locator(".view .timeline").focus()
    page.keyboard.press("Home")
    has(view, "step", 0)
    page.keyboard.press("ArrowRight")
    has(view, "step", 1)
    assert len(sent) == before, "nothing of this is Python's business"
    took = page.evaluate("performance.getEntriesByName('seek').map((entry) => entry.duration)")
    print(f"\nfrom the pointer to the drawn cursor: {sorted(round(each, 1) for each in took)} ms")


def test_spikes_are_stepped_through_by_rank_and_a_brush_becomes_a_label_on_disk(
    dashboard: Dashboard, page: Page, workspace: Workspace, info: DatasetInfo, run: Run
) -> None:
    labels = runs.store(workspace).labels(info.name)
    view = open_view(dashboard, page, [], run=run.id)
    found = evidence(run.costs().query(f"trajectory == {SHOWN}")["cost"].to_numpy())
    expect(view.locator(".evidence .words")).to_contain_text(f"{found.n_steps}")
    page.locator(".view .timeline").focus()
    for spike in found.spikes[:2]:
        page.keyboard.press("]")
        has(view, "spike", f"{spike.first}-{spike.last}")
        has(view, "step", spike.first)
    view.get_by_role("button", name="Previous spike").click()
    has(view, "step", found.spikes[0].first)

    page.keyboard.down("Shift")
    page.mouse.move(*at(page, 40))
    page.mouse.down()
    page.mouse.move(*at(page, 70), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    has(view, "draft", "40-70")
    page.locator(".view .timeline").focus()
    page.keyboard.press("Enter")
    has(view, "segments", "[[40,70]]")
    assert labels.state().segments == {SHOWN: ((40, 70),)}
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "trajectory_view.png")
    view.get_by_role("button", name="Undo").click()
    has(view, "segments", "[]")
    assert labels.state().segments == {}


def test_two_trajectories_run_in_lock_step(
    dashboard: Dashboard, page: Page, workspace: Workspace, info: DatasetInfo, run: Run
) -> None:
    for trajectory in (SHOWN, BESIDE):
        film(workspace, info, trajectory, exact=False)
    view = open_view(dashboard, page, [], run=run.id)
    page.get_by_placeholder("Compare with…").fill(str(BESIDE))
    page.keyboard.press("Enter")
    has(view, "beside", BESIDE)
    has(view, "screens", 2)
    page.mouse.click(*at(page, 50, gutter=216))
    has(view, "step", 50)
    costs = run.costs()["cost"].to_numpy(np.float32)
    assert values(view)["learned cost"] == costs[SHOWN * T + 50]
    assert values(view)["beside learned cost"] == costs[BESIDE * T + 50]
    at_rest = [video.evaluate("v => v.currentTime") for video in page.locator(".view video").all()]
    assert at_rest[0] == at_rest[1] == pytest.approx(25.5 / 20, abs=0.01)
    page.locator(".view .play").click()
    has(view, "step", T - 1)  # both to their end, together
    playing = [video.evaluate("v => v.currentTime") for video in page.locator(".view video").all()]
    assert playing[0] == pytest.approx(playing[1], abs=0.15)


def test_without_frames_the_badge_says_so_and_a_click_on_the_path_seeks(
    dashboard: Dashboard, page: Page, workspace: Workspace
) -> None:
    info = runs.add_dataset(workspace, length=T, env_id=None)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    view = open_view(dashboard, page, [], run=run.id)
    has(view, "badge", "not")
    expect(view.locator(".unseen")).to_have_text("frames not available")
    box = page.locator(".view .path").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    has(view, "step", re.compile(r"^[1-9]"))


def test_a_long_trajectory_shows_its_peaks_and_every_value_when_zoomed(
    dashboard: Dashboard, page: Page, workspace: Workspace
) -> None:
    length = N_EXACT + 5_000
    info = runs.add_dataset(workspace, n=2, length=length, env_id=None)
    page.goto(f"{dashboard.url}/label?dataset={info.name}&trajectory=1")
    view = page.locator(".view")
    has(view, "exact", "false")
    page.mouse.click(*at(page, 12_345, n_steps=length))
    has(view, "step", re.compile(r"^12\d\d\d$"))
    page.locator(".view .timeline").focus()
    for _ in range(8):
        page.keyboard.press("+")
    has(view, "exact", "true")  # Python was asked for the part that is shown
    step = int(view.get_attribute("data-step") or -1)
    shown = runs.store(workspace).open(info.name)[1]
    assert values(view)["reward"] == shown.rewards[step]
    assert values(view)["action 0"] == shown.actions[step, 0]
    page.keyboard.press("0")
    has(view, "view", f"0-{length - 1}")


@pytest.mark.parametrize("is_alike", [True, False])
def test_a_path_keeps_its_shape_where_both_axes_are_of_one_kind(page: Page, is_alike: bool) -> None:
    page.set_content("<canvas style='width: 500px; height: 200px'></canvas>")
    across, up = page.evaluate(
        f"""(isAlike) => {{ {trajectory_stage.script()}
        const path = {{ x: [0, 1], y: [0, 1], steps: null }};
        const scene = {{ x: [], y: [], xRange: [0, 1], yRange: [0, 1], isAlike }};
        const own = pathOf(document.querySelector("canvas"));
        own.draw({{ item: {{ path, steps: 2 }}, scene, step: 0, spikes: [], segments: [], colours: {{}} }});
        let start, end;
        const pen = {{
          arc(x, y) {{ start ??= [x, y]; }},
          fillRect(x, y, width) {{ if (width === 10) end = [x + 5, y + 5]; }},
        }};
        for (const name of ["beginPath", "moveTo", "lineTo", "stroke", "fill", "fillText"]) pen[name] = () => {{}};
        own.picture(pen, 500, 200);
        return [end[0] - start[0], start[1] - end[1]]; }}""",
        is_alike,
    )
    assert up == pytest.approx((200 - 12 - 32) / 1.08)
    assert across == pytest.approx(up if is_alike else (500 - 46 - 14) / 1.08)


def test_what_is_drawn_keeps_the_lowest_and_the_highest_of_each_pixel_and_all_when_there_is_room(page: Page) -> None:
    page.set_content("")
    drawn, ticks, zoomed = page.evaluate(
        f"""() => {{ {trajectory_stage.script()}
        const values = new Float32Array(1000).map((_, i) => i % 10);
        values[503] = 99; values[777] = -5;
        const line = {{ values, steps: null, spread: null }};
        return [[drawn(line, 0, 1000, 10), drawn(line, 500, 510, 10)], [ticks(0, 10, 4), ticks(-0.35, 0.9, 4)],
          [zoomed({{ from: 0, until: 1000 }}, 0.5, 250, 1000), zoomed({{ from: 0, until: 1000 }}, 2, 10, 1000)]]; }}"""
    )
    narrow, wide = drawn
    assert not narrow["isExact"]
    assert [mark[0] for mark in narrow["marks"]] == list(range(0, 1000, 100))
    assert [mark[1] for mark in narrow["marks"]] == [0, 0, 0, 0, 0, 0, 0, -5, 0, 0]
    assert [mark[2] for mark in narrow["marks"]] == [9, 9, 9, 9, 9, 99, 9, 9, 9, 9]
    assert wide["isExact"]
    assert [mark[1] for mark in wide["marks"]] == [0, 1, 2, 99, 4, 5, 6, 7, 8, 9]
    assert ticks == [[0, 5, 10], [0, 0.5]]
    assert zoomed == [{"from": 125, "until": 625}, {"from": 0, "until": 1000}]
