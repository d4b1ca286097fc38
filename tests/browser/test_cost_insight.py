"""The Costs page in a browser: the function around a step, which inputs matter, and the truth once it is revealed."""

from __future__ import annotations

import re

from factories import save_untrained
from playwright.sync_api import Page, expect

from safemil_core.learning.networks import Sizes
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard
from tests.dashboard import run_fixtures as runs

MARKER = """key => {
    const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`);
    return chart?.data.find((trace) => trace.name === "this step")?.x[0] ?? null;
}"""


def test_the_function_the_inputs_and_the_truth(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace, env_id=None)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    save_untrained(run.folder, Sizes(4, 2), ("cost",))
    page.goto(f"{dashboard.url}/costs?dataset={info.name}&run={run.id}&section=probe&trajectory=5&step=7")

    _the_function(page)
    _the_inputs(page)
    _the_truth(page)
    expect(page.get_by_text("BidiComponent Error")).to_have_count(0)


def _the_function(page: Page) -> None:
    expect(page.get_by_text("The cost of step 7 of trajectory 5 is")).to_be_visible(timeout=60_000)
    picture = page.locator(".st-key-costs-probe-map .js-plotly-plot .heatmaplayer image")
    expect(picture).to_be_attached(timeout=60_000)
    before = page.evaluate(MARKER, "costs-probe-map")
    assert before is not None
    page.locator(".st-key-costs-probe-step").get_by_role("button").last.click()
    expect(page.get_by_text("The cost of step 8 of trajectory 5 is")).to_be_visible()
    expect(page).to_have_url(re.compile("step=8"))
    page.wait_for_function(f"before => ({MARKER})('costs-probe-map') !== before", arg=before)
    page.screenshot(path=ARTIFACTS / "costs-function.png")


def _the_inputs(page: Page) -> None:
    page.get_by_text("Inputs", exact=True).click()
    page.get_by_role("button", name="Measure which inputs matter").click(timeout=60_000)
    expect(page.locator(".st-key-costs-inputs-start")).to_have_count(0)
    overall = page.locator(".st-key-costs-inputs-overall .js-plotly-plot")
    expect(overall.locator(".barlayer .point").first).to_be_attached(timeout=90_000)
    expect(overall.locator(".ytick")).to_have_count(6)
    curve = page.locator(".st-key-costs-inputs-time .js-plotly-plot .xy .point").nth(30)
    box = curve.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text("At step 30: how its cost")).to_be_visible()
    expect(page).to_have_url(re.compile("step=30"))
    page.screenshot(path=ARTIFACTS / "costs-inputs.png")


def _the_truth(page: Page) -> None:
    page.get_by_test_id("stSidebar").get_by_text("Hide the truth").click()
    page.get_by_text("Against the truth", exact=True).click()
    reveal = page.get_by_role("button", name="Reveal the truth")
    expect(reveal).to_be_visible()
    expect(page.get_by_text("ROC AUC")).to_have_count(0)
    page.reload()
    reveal.click()
    expect(page.get_by_text("ROC AUC")).to_be_visible()
    for name in ("found", "calibration", "roc", "precision"):
        curve = page.locator(f".st-key-costs-truth-{name} .js-plotly-plot .scatterlayer .trace")
        expect(curve.first).to_be_attached()
    page.screenshot(path=ARTIFACTS / "costs-truth.png")
