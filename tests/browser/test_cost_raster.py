"""The raster in a real browser: clicks and keys on cells, zoom to the step, and rows that move as one sorts them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Locator, Page, expect

from safemil_core.assessment.rasters import levels, row_order
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

LEFT, RIGHT, TOP, BOTTOM = 104, 14, 10, 36
"""Margins of the plot within its canvas, in pixels."""


@dataclass(frozen=True)
class Raster:
    """The raster on a page, as a user meets it."""

    page: Page
    root: Locator

    @classmethod
    def on(cls, dashboard: Dashboard, page: Page, run: Run) -> Raster:
        page.goto(f"{dashboard.url}/costs?dataset=walks&run={run.id}&section=time&trajectory=0")
        root = page.locator(".raster[data-window]")
        root.wait_for(timeout=60_000)
        page.wait_for_timeout(500)  # until what is below it has found its place
        return cls(page, root)

    def at(self, across: float, down: float) -> tuple[float, float]:
        """Where on the page such fractions of the plot lie."""
        canvas = self.root.locator("canvas.over")
        scroll_to(canvas)
        box = canvas.bounding_box()
        assert box is not None
        width, height = box["width"] - LEFT - RIGHT, box["height"] - TOP - BOTTOM
        return box["x"] + LEFT + across * width, box["y"] + TOP + down * height

    def point(self, across: float, down: float) -> None:
        self.page.mouse.move(*self.at(across, down))

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        self.point(*begin)
        self.page.mouse.down()
        self.point(*end)
        self.page.mouse.up()

    def leads_to(self, trajectory: int, step: int) -> None:
        expect(self.root).to_have_attribute("data-chosen", f"{trajectory},{step}")
        expect(self.page).to_have_url(re.compile(rf"trajectory={trajectory}\b"))
        expect(self.page).to_have_url(re.compile(rf"step={step}\b"))

    def says(self, words: str) -> None:
        expect(self.root.locator(".said")).to_have_text(words)


def finished_run(dashboard: Dashboard, n: int = runs.N, length: int = runs.T) -> Run:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace, n=n, length=length)
    runs.mark_costliest(workspace, info)
    return runs.finish(runs.new_run(workspace, info), workspace)


def words(run: Run, trajectory: int, step: int, pooled: bool = False) -> str:
    """What the raster says of a step: costs are told as finely as 255 levels can."""
    costs = run.costs()
    (cost,) = costs.query(f"trajectory == {trajectory} and step == {step}")["cost"]
    high = float(costs["cost"].max())
    level = int(np.float32(cost) * np.float32(254 / high) + np.float32(0.5)) / 254 * high
    told = f"{level:.2g}" if 0 < level < 0.01 else f"{float(f'{level:.3g}'):g}"
    label = {"none": "unlabelled", "non_preferred": "non-preferred"}[run.trajectories()["label"][trajectory]]
    return f"trajectory {trajectory} · step {step} · learned cost {told} · {label}" + (
        " · highest of its cell" if pooled else ""
    )


def test_a_cell_leads_to_its_trajectory_and_step_by_pointer_and_by_keys(dashboard: Dashboard, page: Page) -> None:
    run = finished_run(dashboard)
    raster, table = Raster.on(dashboard, page, run), run.trajectories()
    order = row_order(table["cost_sum"].to_numpy(), (table["label"] == "none").to_numpy(), is_descending=True)
    raster.point(31.5 / runs.T, 17.5 / runs.N)
    raster.says(words(run, order[17], 31))
    page.mouse.click(*raster.at(31.5 / runs.T, 17.5 / runs.N))
    raster.leads_to(order[17], 31)
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    raster.says(words(run, order[16], 32))
    page.keyboard.press("Enter")
    raster.leads_to(order[16], 32)


def test_sorting_grouping_and_alignment_move_the_rows(dashboard: Dashboard, page: Page) -> None:
    run = finished_run(dashboard)
    raster, sums = Raster.on(dashboard, page, run), run.trajectories()["cost_sum"].to_numpy()
    page.get_by_text("Grouped by label").click()
    expect(raster.root).to_have_attribute("data-first", str(sums.argmax()))
    page.get_by_role("radio", name="Lowest first").click()
    expect(raster.root).to_have_attribute("data-first", str(sums.argmin()))
    page.get_by_role("radio", name="end", exact=True).click()
    expect(raster.root).to_have_attribute("data-window", f"0,{runs.N},{1 - runs.T},1")
    raster.point(1 - 0.5 / runs.T, 0.5 / runs.N)
    raster.says(words(run, sums.argmin(), runs.T - 1))


def test_a_zoomed_window_comes_exactly_and_a_double_click_shows_all_again(dashboard: Dashboard, page: Page) -> None:
    run = finished_run(dashboard, n=600, length=1_000)  # more rows and steps than cells
    raster = Raster.on(dashboard, page, run)
    expect(raster.root).to_have_attribute("data-exact", "false")
    costs, table = run.costs()["cost"].to_numpy().reshape(600, 1_000), run.trajectories()
    order = row_order(table["cost_sum"].to_numpy(), (table["label"] == "none").to_numpy(), is_descending=True)
    told = levels(costs[order[4:6], 600:602], costs.max())
    row, step = np.argwhere(told == told.max())[-1]  # of equal ones the last
    raster.point(601 / 1_000, 5 / 600)
    raster.says(words(run, order[4 + row], 600 + step, pooled=True))
    raster.drag((0.2, 0.5), (0.3, 0.55))
    expect(raster.root).to_have_attribute("data-exact", "true")
    window = raster.root.get_attribute("data-window") or ""
    top, bottom, first, end = map(int, window.split(","))
    assert (abs(top - 300), abs(bottom - 330), abs(first - 200), abs(end - 300)) <= (2, 2, 2, 2)
    for down, across in ((0, 0), (7, 55), (bottom - top - 1, end - first - 1)):
        raster.point((across + 0.5) / (end - first), (down + 0.5) / (bottom - top))
        raster.says(words(run, order[top + down], first + across))
    page.mouse.dblclick(*raster.at(0.5, 0.5))
    expect(raster.root).to_have_attribute("data-view", "0,600,0,1000")
    page.keyboard.press("+")
    expect(raster.root.get_by_role("button", name="All")).to_be_enabled()


def test_all_comes_back_where_the_page_has_drawn_a_window_that_it_remembered(dashboard: Dashboard, page: Page) -> None:
    run = finished_run(dashboard, n=30, length=2_500)  # more steps than cells
    raster = Raster.on(dashboard, page, run)
    raster.drag((0.2, 0.3), (0.3, 0.6))
    expect(raster.root).to_have_attribute("data-exact", "true")
    zoomed = raster.root.get_attribute("data-window") or ""
    page.get_by_role("radio", name="true cost", exact=True).click()
    expect(raster.root).to_have_attribute("data-window", "0,30,0,2500")
    page.get_by_role("radio", name="learned cost", exact=True).click()
    expect(raster.root).to_have_attribute("data-window", zoomed)
    raster.root.get_by_role("button", name="All").click()
    expect(raster.root).to_have_attribute("data-window", "0,30,0,2500")
