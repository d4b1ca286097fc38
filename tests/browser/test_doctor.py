"""The doctor in a real browser: a collapsed run is found out, corrected by a click, and what came of it is told.
And from a bad moment of a rollout to the training steps that taught it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from safemil_core.config import RunConfig
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs
from tests.factories import CAR_CIRCLE, store_of

COLLAPSES = [
    "cost.network=mlp",
    "cost.learning_rate=1",
    "cost.updates=150",
    "cost.hidden_sizes=[64,64]",
    "policy.updates=20",
]


def collapsed_run(workspace: Workspace) -> str:
    """A run on the bundled data whose learning rate is a thousand times too high."""
    datasets = store_of(workspace)
    info = datasets.add(CAR_CIRCLE, name="cars")
    costs = datasets.open("cars").true_costs()
    assert costs is not None
    labels = datasets.labels("cars")
    labels.mark((-costs).argsort(kind="stable")[:50].tolist(), "non_preferred", author="ann")
    run = RunStore(workspace).create(info, labels, RunConfig().with_values(COLLAPSES), author="ann")
    assert train_run(workspace, run, "cpu")
    return run.id


def test_a_collapsed_run_is_found_out_corrected_and_judged(dashboard: Dashboard, page: Page) -> None:
    run = collapsed_run(Workspace(dashboard.workspace))
    page.goto(f"{dashboard.url}/costs?dataset=cars&run={run}")
    banner = page.locator(".st-key-doctor-banner")
    expect(banner).to_contain_text("learning rate is too high", timeout=60_000)
    banner.get_by_role("link", name="Doctor").click()
    expect(page).to_have_url(re.compile("/doctor"))
    first = page.locator(".st-key-doctor-finding-learning_rate")
    expect(first).to_contain_text("1. The cost has collapsed: its learning rate is too high")
    expect(first.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_visible()
    first.get_by_role("button", name="Start the corrected run").click()
    expect(first.get_by_role("button", name="Its own page")).to_be_visible()
    expect(first.get_by_text("It helped")).to_be_visible(timeout=120_000)
    page.screenshot(path=ARTIFACTS / "doctor-corrected.png")
    first.get_by_role("button", name="Its own page").click()
    expect(page.locator(".st-key-doctor-answers")).to_contain_text("This run is to cure the learning rate")
    expect(page.locator(".st-key-doctor-answers").get_by_text("It helped")).to_be_visible()
    page.get_by_role("button", name="That run").click()
    expect(page.get_by_role("button", name="Its own page")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={run}"))


def test_a_bad_moment_leads_to_its_teachers_who_can_be_marked(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.evaluate(runs.finish(runs.new_run(workspace, info), workspace), videos=())
    page.goto(f"{dashboard.url}/rollouts?dataset={info.name}&run={run.id}")
    expect(page.get_by_text("Who taught it that?")).to_be_visible(timeout=60_000)
    table = page.locator(".stDataFrame", has=page.locator("canvas")).last
    scroll_to(table)
    page.wait_for_timeout(1_000)
    table.locator("canvas").first.click(position={"x": 18, "y": 35 + 17}, force=True)  # the first row's box
    mark = page.get_by_role("button", name="Mark 1 trajectory non-preferred")
    expect(mark).to_be_enabled()
    expect(page.get_by_role("link", name=re.compile("Open trajectory .* on the Review page"))).to_be_visible()
    page.screenshot(path=ARTIFACTS / "rollout-teachers.png")
    n_marked = int((runs.store(workspace).labels(info.name).current() == "non_preferred").sum())
    mark.click()
    expect(page.get_by_text("Marked 1 trajectory non-preferred.")).to_be_visible()
    assert (runs.store(workspace).labels(info.name).current() == "non_preferred").sum() == n_marked + 1
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_text("Marked 1 trajectory non-preferred.")).to_have_count(0)
    assert (runs.store(workspace).labels(info.name).current() == "non_preferred").sum() == n_marked
