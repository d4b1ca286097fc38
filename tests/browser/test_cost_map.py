"""The state map in a real browser: cells are clicked, lassoed and chosen by keys, and lead on to trajectories."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Page, expect

from safemil_core.assessment.state_axes import Axis
from safemil_core.assessment.state_maps import cell_sums, state_map, steps_inside, trajectories_inside
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

BINS = 40


class Reference:
    """What the maps of a dataset of random walks must show."""

    def __init__(self, workspace: Workspace, run: Run) -> None:
        self.known = runs.store(workspace).open("walks")
        self.costs = run.costs()["cost"].to_numpy()
        self.axes = [Axis.of(self.known.observations[:, dimension]) for dimension in (0, 1)]
        found = cell_sums(self.costs, *self.axes).coarser(BINS)
        self.map = state_map(found, "mean")

    def words(self, cells: np.ndarray) -> str:
        """What the page says of these cells."""
        steps, table = self.inside(cells)
        return f"{len(steps)} steps of {len(table)} trajectories"

    def inside(self, cells: np.ndarray):  # type: ignore[no-untyped-def]
        steps = steps_inside(*self.axes, BINS, cells)
        return steps, trajectories_inside(steps, self.known.offsets, self.costs, self.known.costs)


def place(page: Page, column: float, row: float) -> tuple[float, float]:
    """Where on the page the middle of a cell of the first panel is."""
    plot = page.locator(".plot").first
    box, area = plot.bounding_box(), plot.get_attribute("data-area")
    assert box is not None
    assert area is not None
    left, top, right, bottom = map(float, area.split())
    across, up = (column + 0.5) / BINS * (right - left), (row + 0.5) / BINS * (bottom - top)
    return box["x"] + left + across, box["y"] + bottom - up


def selected(page: Page, n: int) -> None:
    """The browser shows so many cells as selected."""
    expect(page.locator(".plot .over").first).to_have_attribute("data-selected", str(n))


def test_cells_lead_to_their_steps_and_trajectories_and_these_into_the_view(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    other = runs.finish(runs.new_run(workspace, info), workspace, is_collapsed=True)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    reference = Reference(workspace, run)
    page.goto(f"{dashboard.url}/costs?dataset={info.name}&run={run.id}")
    top = page.locator(".plot .over").first
    top.wait_for()
    scroll_to(top)

    # A click takes the cell under the pointer, and what is read out there are the map's own numbers.
    cell = int(np.flatnonzero(reference.map.counts > 3)[-1])
    row, column = divmod(cell, BINS)
    page.mouse.move(*place(page, column, row))
    mean = f"{np.float32(reference.map.values[row, column]):.4g}"
    expect(page.locator(".maps .said")).to_contain_text(f"learned cost, mean {mean}")
    expect(page.locator(".maps .said")).to_contain_text(f"{reference.map.counts[row, column]} steps")
    page.mouse.click(*place(page, column, row))
    selected(page, 1)
    expect(page.get_by_text(f"{reference.words(np.array([cell]))} in 1 cell")).to_be_visible()

    # A lasso around the cells of the middle rows takes those whose middles it holds.
    page.keyboard.down("Shift")
    page.mouse.move(*place(page, 9.5, 14.5))
    page.mouse.down()
    for corner in ((30.5, 14.5), (30.5, 25.5), (9.5, 25.5)):
        page.mouse.move(*place(page, *corner), steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    boxed = np.zeros((BINS, BINS), dtype=bool)
    boxed[15:26, 10:31] = reference.map.counts[15:26, 10:31] > 0
    cells = np.flatnonzero(boxed)
    selected(page, len(cells))
    expect(page.get_by_text(f"{reference.words(cells)} in {len(cells)} cells")).to_be_visible()

    # A row of the table shows its trajectory with the cursor at its costliest step in the cells.
    _, table = reference.inside(cells)
    rows = page.locator("[data-testid=stDataFrame] canvas").first
    scroll_to(rows)
    page.wait_for_timeout(500)
    rows.click(position={"x": 18, "y": 38 + 35 + 17}, force=True)  # the box of the second row, under the header
    second = table.iloc[1]
    expect(page).to_have_url(re.compile(rf"trajectory={second['trajectory']:.0f}&step={second['costliest']:.0f}\b"))
    expect(page.get_by_label("Trajectory", exact=True)).to_have_value(f"{second['trajectory']:.0f}")

    # By keyboard: Escape clears, arrows move, Enter selects.
    top.focus()
    page.keyboard.press("Escape")
    selected(page, 0)
    expect(page.get_by_text("in 1 cell")).to_have_count(0)
    middle = BINS // 2 * BINS + BINS // 2
    assert reference.map.counts.reshape(-1)[middle + 1] > 0
    page.keyboard.press("ArrowRight")  # the first shows where one is
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text(reference.words(np.array([middle + 1])))).to_be_visible()

    # The difference to another run keeps the selection, for its cells are the same.
    page.get_by_role("combobox", name="Minus").click()
    page.get_by_role("option", name=re.compile("^run ")).click()
    expect(page.get_by_text("learned cost, mean: this run minus the other")).to_be_visible()
    selected(page, 1)
    scroll_to(top)
    page.mouse.move(*place(page, column, row))
    theirs = Reference(workspace, other).map.values[row, column]
    difference = np.float32(reference.map.values[row, column] - theirs)
    told = f"learned cost, mean: this run minus the other {difference:.4g}"
    expect(page.locator(".maps .said")).to_contain_text(told)
    page.screenshot(path=ARTIFACTS / "cost-map-difference.png", full_page=True)
    expect(page.get_by_text("BidiComponent Error")).to_have_count(0)
