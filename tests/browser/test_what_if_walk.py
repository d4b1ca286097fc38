"""The Weights page in a real browser: live weights, a what-if from click to table, bags, the worth of more marks."""

from __future__ import annotations

import re

from factories import TINY
from playwright.sync_api import Locator, Page, expect

from safemil_core.config import RunConfig, WeightConfig
from safemil_core.running.run_folder import Run
from safemil_core.running.training_stage import train_run
from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

CONFIG = RunConfig(**{**TINY.model_dump(), "weights": WeightConfig(scheme="trajectory", beta=2.0).model_dump()})


def test_from_a_doubt_about_a_mark_to_a_refit_and_whether_more_marks_matter(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info, 12)
    run = runs.new_run(workspace, info, CONFIG)
    train_run(workspace, run, "cpu")
    page.goto(f"{dashboard.url}/weights?dataset={info.name}&run={run.id}")
    _a_smaller_beta_trusts_fewer(page)
    _a_row_leads_to_its_trajectory(page)
    _what_if(page, run)
    page.get_by_text("Bags", exact=True).click()
    expect(page.get_by_text("is not known.")).to_be_visible()
    expect(_drawing(page, "weights-bags").get_by_text("the run: K = 8")).to_be_visible()
    page.get_by_text("Enough labels?", exact=True).click()
    page.get_by_role("button", name="Draw the curve").click()
    expect(page.get_by_text(re.compile(r"The last 10 marks changed the weights by [\d.]+%"))).to_be_visible(
        timeout=90_000
    )
    expect(_drawing(page, "weights-enough").get_by_text("what these marks moved")).to_be_visible()


def _a_smaller_beta_trusts_fewer(page: Page) -> None:
    effective = (
        page.get_by_test_id("stMetric").filter(has_text="Effective trajectories").get_by_test_id("stMetricValue")
    )
    expect(effective).to_be_visible(timeout=60_000)
    before = float(effective.inner_text())
    beta = page.get_by_role("slider", name="Temperature beta")
    beta.focus()
    beta.press("Home")
    expect(effective).not_to_have_text(f"{before:.1f}")
    assert float(effective.inner_text()) < before


def _a_row_leads_to_its_trajectory(page: Page) -> None:
    table = page.locator(".st-key-weights-changes canvas").first
    scroll_to(table)
    page.wait_for_timeout(1_000)
    table.click(position={"x": 18, "y": 35 + 17}, force=True)  # the check box of the first row, under the header
    expect(page).to_have_url(re.compile(r"trajectory=\d+"))


def _what_if(page: Page, run: Run) -> None:
    page.get_by_text("What if", exact=True).click()
    numbers = page.get_by_label("Trajectories", exact=True)
    numbers.fill("22,23")
    numbers.press("Enter")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("22, 23 from non-preferred to unlabelled")).to_be_visible()
    page.get_by_role("button", name="Refit", exact=True).click()
    expect(page.get_by_text("Weight that moved")).to_be_visible(timeout=90_000)
    expect(_drawing(page, "what_if-scatter").get_by_text("within 2 deviations of the noise")).to_be_visible()
    expect(_drawing(page, "what_if-preview").get_by_text("trajectory cost C of the run")).to_be_visible()
    expect(page.get_by_text(re.compile(r"rank correlation with 1 real refit"))).to_be_visible()
    expect(page.locator(".st-key-what_if-movers canvas").first).to_be_visible()


def _drawing(page: Page, key: str) -> Locator:
    """What Plotly draws of the figure with this key."""
    return page.locator(f".st-key-{key} .js-plotly-plot")
