"""An experiment in the browser: done from where it was, its figure drawn as trials end, and taken along."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard
from tests.factories import add_dataset
from tests.sweep_fixtures import done_sweep


def test_what_is_missing_is_done_while_one_looks_and_comes_into_figure_and_report(
    dashboard: Dashboard, page: Page, tmp_path: Path
) -> None:
    workspace = Workspace(dashboard.workspace)
    add_dataset(workspace)
    done_sweep(workspace, tmp_path / "bags.toml", n_done=5)
    page.goto(f"{dashboard.url}/experiments?experiment=bags")
    points = page.locator(".st-key-figure-sweep-figure .js-plotly-plot .scatterlayer .point")
    expect(points).to_have_count(2, timeout=60_000)
    expect(page.get_by_text("5 of 6 trials so far.")).to_be_visible()
    page.get_by_role("button", name="Do what is missing").click()
    expect(page.get_by_text("6 of 6 trials in")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("5 of 6 trials so far.")).to_have_count(0)
    expect(points).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    assert download.value.suggested_filename == "bags.html"
    path = tmp_path / "bags.html"
    download.value.save_as(path)
    page.set_content(path.read_text())
    expect(page.get_by_role("heading", name="How many trajectories should a bag hold?")).to_be_visible()
    expect(page.locator(".js-plotly-plot .scatterlayer .point")).to_have_count(2)
