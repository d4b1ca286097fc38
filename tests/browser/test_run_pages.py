"""What only a browser can tell of the pages of a run: clicks on a table's row, and curves that grow."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from safemil_core.assessment.videos import write_mp4
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs


def test_a_click_on_a_row_of_the_runs_chooses_that_run(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    for _ in range(2):
        runs.finish(runs.new_run(workspace, info), workspace)
    newest, older = (run.id for run in RunStore(workspace).list(info.id))
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={newest}")
    table = page.locator("[data-testid=stDataFrame] canvas").first
    scroll_to(table)
    page.wait_for_timeout(1_000)
    table.click(position={"x": 18, "y": 35 + 35 + 17}, force=True)  # the check box of the second row, under the header
    expect(page).to_have_url(re.compile(rf"run={older}"))


def test_the_curves_of_an_additive_cost_are_drawn(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.finish_with_curves(workspace, info)
    page.goto(f"{dashboard.url}/costs?dataset={info.name}&run={run.id}&section=state")
    page.get_by_role("radio", name="Curves").click(timeout=60_000)
    expect(page).to_have_url(re.compile("section=curves"))
    chart = page.locator(".st-key-figure-costs-curves-each .js-plotly-plot")
    expect(chart.locator(".subplot.xy")).to_be_visible()
    expect(chart.locator(".scatterlayer .js-line")).to_have_count(5)  # one of six inputs has no effect
    expect(page.get_by_text("Without any effect")).to_be_visible()


def test_all_films_of_an_evaluation_are_watched_in_lock_step(dashboard: Dashboard, page: Page, tmp_path: Path) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run, other = (runs.finish(runs.new_run(workspace, info), workspace) for _ in range(2))
    write_mp4(tmp_path / "film.mp4", (np.full((48, 64, 3), 20 * number, np.uint8) for number in range(12)))
    film = (tmp_path / "film.mp4").read_bytes()
    runs.evaluate(run, videos=(film, film), beside=[other])
    page.goto(f"{dashboard.url}/rollouts?dataset={info.name}&run={run.id}")
    page.get_by_text("Watch all films at once").click(timeout=60_000)
    wall = page.locator(".wall")
    expect(wall.locator("video")).to_have_count(6)
    expect(wall.locator("figcaption").first).to_have_text("safe policy, episode 0")
    wall.get_by_role("slider", name="Step").fill("6")
    expect(wall).to_have_attribute("data-step", "6")
    times = "all => all.map((video) => video.currentTime)"
    assert wall.locator("video").evaluate_all(times) == [0.125] * 6  # the middle of the third frame of 20 a second
    wall.get_by_role("button", name="Play").click()
    expect(wall.get_by_role("button", name="Pause")).to_be_visible()
    expect(wall).not_to_have_attribute("data-step", "6")
    wall.get_by_role("button", name="Pause").click()
    expect(wall.get_by_role("button", name="Play")).to_be_visible()
    page.screenshot(path=ARTIFACTS / "rollout-wall.png")


def test_the_curves_of_the_policies_wait_for_their_first_rows(dashboard: Dashboard, page: Page) -> None:
    """While the cost is learned there is nothing to draw of them; with the first rows they come into the same panel."""
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.begin(runs.new_run(workspace, info), n_rows=0)
    both = runs.metrics_table(20).to_dict("records")
    for row in both[:10]:
        run.append_metrics({str(name): value for name, value in row.items() if name not in ("policy_loss", "bc_loss")})
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={run.id}")
    expect(page.get_by_role("img", name="Losses of the policies: nothing yet")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name="Loss of the cost network: loss")).to_be_visible()
    for row in both[10:]:
        run.append_metrics({str(name): value for name, value in row.items()})
    expect(page.get_by_role("img", name="Losses of the policies: safe policy, plain cloning, up to")).to_be_visible()
    expect(page.get_by_text("BidiComponent Error")).to_have_count(0)


def test_a_page_that_has_nothing_of_a_baseline_leads_on_to_its_policy(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info, runs.CONFIG.with_values(["method=safedice"])), workspace)
    page.goto(f"{dashboard.url}/weights?dataset={info.name}&run={run.id}")
    expect(page.get_by_text("The method of this run, safedice, weighs steps in a way of its own")).to_be_visible(
        timeout=60_000
    )
    page.get_by_role("link", name="Watch its policy").click()
    expect(page).to_have_url(re.compile(rf"rollouts\?.*run={run.id}"))


def test_the_cure_of_a_finding_is_put_into_the_form(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    config = runs.CONFIG.with_values(["cost.bag_size=2"])
    run = runs.finish(runs.new_run(workspace, info, config), workspace, is_collapsed=True)
    page.goto(f"{dashboard.url}/train?dataset={info.name}&run={run.id}")
    expect(page.get_by_role("spinbutton", name="Bag size K")).to_have_value("128", timeout=60_000)
    page.get_by_role("button", name="Put cost.bag_size=64 into the settings").click()
    expect(page.get_by_role("spinbutton", name="Bag size K")).to_have_value("64")
    expect(page.get_by_role("spinbutton", name="Cost updates")).to_have_value("500")
