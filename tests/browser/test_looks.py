"""What goes with every page, in a real browser: downloads of figures, the report of a run, and the tour."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.charts_theme import NON_PREFERRED
from dashboard.components.tour import SCRIPT, STOPS
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard
from tests.dashboard import run_fixtures as runs


@pytest.fixture
def run(dashboard: Dashboard) -> Run:
    workspace = Workspace(dashboard.workspace)
    info = _marked(workspace)
    return runs.evaluate(runs.finish(runs.new_run(workspace, info), workspace), n=3, videos=())


def _marked(workspace: Workspace) -> DatasetInfo:
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    return info


def test_figures_download_as_png_svg_and_csv_without_a_rerun(
    dashboard: Dashboard, page: Page, run: Run, tmp_path: Path
) -> None:
    link = f"dataset=walks&run={run.id}"
    page.goto(f"{dashboard.url}/?{link}")
    page.locator(".st-key-datasets-scatter .js-plotly-plot").wait_for()
    _files(page, "One point per trajectory, coloured by label", f"walks-{run.id}-datasets-scatter", tmp_path)
    with (tmp_path / "it.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["series", "true cost", "return"]
    assert [row[0] for row in rows[1:]] == ["unlabelled (20)"] * 20 + ["non-preferred (4)"] * 4

    page.goto(f"{dashboard.url}/train?{link}")
    _files(page, "Scores of the bags", f"walks-{run.id}-scores-of-the-bags", tmp_path)
    with (tmp_path / "it.csv").open() as file:
        rows = list(csv.reader(file))
    metrics = runs.metrics_table()
    assert rows[0] == ["series", "update", "value"]
    assert [float(row[2]) for row in rows[1:21]] == pytest.approx(metrics["score_non_preferred"].tolist())
    svg = (tmp_path / "it.svg").read_text()
    assert "non-preferred" in svg and NON_PREFERRED.lower() in svg


def test_the_first_page_is_found_by_its_name_too(dashboard: Dashboard, page: Page, run: Run) -> None:
    page.goto(f"{dashboard.url}/datasets?dataset=walks")
    expect(page.locator("h1")).to_have_text("Datasets")
    expect(page).to_have_url(f"{dashboard.url}/?dataset=walks")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Datasets")).to_have_count(1)


def test_options_that_go_to_a_further_line_keep_their_sides(dashboard: Dashboard, page: Page, run: Run) -> None:
    page.set_viewport_size({"width": 1000, "height": 700})
    page.goto(f"{dashboard.url}/train?dataset=walks")
    options = page.get_by_role("radiogroup", name="Kind of cost network").get_by_role("radio")
    expect(options).to_have_text(["mlp", "additive", "pairwise"])
    tops = [box["y"] for box in map(Locator.bounding_box, options.all()) if box]
    assert tops[0] == tops[1] < tops[2]
    for option in options.all():
        for side in ("left", "right"):
            expect(option).to_have_css(f"border-{side}-width", "1px")
            expect(option).to_have_css(f"border-{side}-color", re.compile(r"^rgb\("))  # with an alpha it is rgba


def test_a_low_window_shows_which_dataset_and_run_are_chosen(dashboard: Dashboard, page: Page, run: Run) -> None:
    page.set_viewport_size({"width": 1000, "height": 700})
    page.goto(f"{dashboard.url}/train?dataset=walks")
    for choice in ("Dataset", "Run"):
        expect(page.get_by_role("combobox", name=choice, exact=True)).to_be_in_viewport(ratio=1)


def _files(page: Page, figure: str, name: str, folder: Path) -> None:
    """Download a figure in every format; by keys, as its buttons are not seen before they are reached."""
    buttons = page.get_by_role("group", name=f"Download: {figure}", exact=True).get_by_role("button")
    expect(buttons).to_have_text(["PNG", "SVG", "CSV"])
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.evaluate(
        """() => { const app = document.querySelector("[data-testid=stApp]"); window.reruns = 0;
        new MutationObserver(() => { if (app.dataset.testScriptState === "running") window.reruns++; })
          .observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] }); }"""
    )
    for place, ending in enumerate(("png", "svg", "csv")):
        buttons.nth(place).focus()
        expect(buttons.nth(place)).to_have_css("opacity", "1")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == f"{name}.{ending}"
        download.value.save_as(folder / f"it.{ending}")
    assert (folder / "it.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "it.svg").read_text().startswith("<svg")
    assert page.evaluate("window.reruns") == 0


def test_a_report_is_drawn_from_one_file_alone(dashboard: Dashboard, page: Page, run: Run, tmp_path: Path) -> None:
    page.goto(f"{dashboard.url}/train?dataset=walks&run={run.id}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    assert download.value.suggested_filename == f"{run.id}.html"
    assert page.context.browser is not None
    reader = page.context.browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    said: list[Any] = []
    reader.on("request", lambda request: asked.append(request.url))
    reader.on("console", lambda message: said.append(message.text))
    reader.on("pageerror", lambda error: said.append(error))
    reader.goto(path.as_uri())
    expect(reader.get_by_role("heading", level=1)).to_have_text(f"Run {run.id}")
    figures = reader.locator(".charts figure")
    expect(figures.locator(".main-svg").first).to_be_visible()
    assert figures.count() == reader.locator(".js-plotly-plot").count() == 10
    boxes = [figure.bounding_box() for figure in figures.locator(".js-plotly-plot").all()]
    assert all(box is not None and box["x"] + box["width"] <= 1280 for box in boxes)
    reader.screenshot(path=ARTIFACTS / "report.png", full_page=True)
    title = reader.locator(".js-plotly-plot .xtitle").first
    expect(title).to_have_css("fill", "rgb(29, 38, 39)")
    reader.emulate_media(color_scheme="dark")
    expect(title).to_have_css("fill", "rgb(230, 236, 234)")
    expect(reader.locator("body")).to_have_css("background-color", "rgb(17, 22, 21)")
    reader.screenshot(path=ARTIFACTS / "report-dark.png", full_page=True)
    assert (asked, said) == ([path.as_uri()], [])


def test_the_tour_leads_through_the_pages_by_keys_and_does_not_come_back(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    _marked(workspace)
    workspace.tour_ended.unlink()
    page.goto(dashboard.url)
    card = page.get_by_role("dialog")
    expect(card).to_have_accessible_name(f"Tour, 1 of {len(STOPS)}: {STOPS[0].title}")
    expect(page.locator(".ring")).to_be_visible()
    card.get_by_role("button", name="Next").focus()
    for number, stop in enumerate(STOPS[1:], start=2):
        page.keyboard.press("ArrowRight")
        expect(card).to_have_accessible_name(f"Tour, {number} of {len(STOPS)}: {stop.title}")
        expect(page.get_by_role("heading", level=1)).to_have_text(stop.page.capitalize())
        expect(_inside(card, "Next" if number < len(STOPS) else "Done")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(card).to_have_accessible_name(f"Tour, {len(STOPS) - 1} of {len(STOPS)}: {STOPS[-2].title}")
    expect(_inside(card, "Next")).to_be_focused()
    page.keyboard.press("ArrowRight")
    _inside(card, "Done").click()
    expect(card).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Datasets")
    page.goto(dashboard.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Datasets")
    expect(card).to_have_count(0)
    title = page.get_by_role("heading", level=1)
    place = title.bounding_box()
    page.get_by_role("button", name="Tour").click()
    expect(card).to_be_visible()
    assert title.bounding_box() == place, "the page stays where it is"
    card.get_by_role("button", name="Next").focus()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


_CARD = """async ([source, data]) => {
  const card = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.said = [];
  const args = { parentElement: document.body, setStateValue: (_, move) => said.push(move) };
  window.draw = (more) => card.default({ data: { ...data, ...more }, ...args });
}"""


@pytest.fixture
def card_alone(page: Page) -> Page:
    """The card without a dashboard, where time stands still until a test lets it pass."""
    page.clock.install()
    page.set_content("<body></body>")
    data = {"number": 1, "of": 3, "title": "Title", "words": "Words", "targets": [], "heard": None}
    page.evaluate(_CARD, [SCRIPT, data])
    return page


def test_a_press_is_said_until_it_is_heard(card_alone: Page) -> None:
    page = card_alone
    page.evaluate("void draw({})")
    page.get_by_role("button", name="Next").click()
    page.clock.run_for(5000)
    said = page.evaluate("said")
    assert len(said) == 3  # each with something new in it: Streamlit calls back for what differs
    assert {(move["number"], move["at"]) for move in said} == {(2, said[0]["at"])}
    assert len({move["said"] for move in said}) == 3
    page.evaluate("void draw({ number: 2, heard: said[0].at })")
    page.clock.run_for(5000)
    assert len(page.evaluate("said")) == 3


def test_a_card_that_was_left_says_no_more(card_alone: Page) -> None:
    page = card_alone
    page.evaluate("() => { window.leave = draw({}); }")
    page.get_by_role("button", name="Next").click()
    page.evaluate("() => { document.querySelector('.card').remove(); leave(); }")
    page.clock.run_for(5000)
    assert len(page.evaluate("said")) == 1


@pytest.mark.parametrize(
    ("places", "corner"),
    [
        ([], "bottom right"),
        (["right: 3rem; bottom: 3rem"], "top right"),
        (["right: 3rem; bottom: 3rem", "right: 3rem; top: 3rem"], "bottom left"),
        (["right: 0; bottom: 0; left: 0; top: 0"], "bottom right"),  # everywhere
    ],
)
def test_the_card_covers_no_main_button(card_alone: Page, places: list[str], corner: str) -> None:
    page = card_alone
    page.add_style_tag(path="dashboard/components/tour.css")
    page.evaluate("void draw({})")
    card = page.get_by_role("dialog")
    expect(card).to_have_attribute("data-corner", "bottom right")
    for place in places:  # it comes later than the card
        page.evaluate(
            "style => document.body.append(Object.assign(document.createElement('button'), { style }))",
            f"position: fixed; {place}",
        )
        page.evaluate("document.body.lastChild.dataset.testid = 'stBaseButton-primary'")
    page.clock.run_for(1000)
    expect(card).to_have_attribute("data-corner", corner)


def test_the_end_of_an_earlier_beginning_ends_nothing(card_alone: Page) -> None:
    page = card_alone
    page.evaluate("window.ends = [draw({}), draw({ number: 2 })]; ends[0]()")
    page.clock.run_for(5000)
    expect(page.get_by_role("dialog")).to_have_accessible_name("Tour, 3 of 3: Title")
    page.evaluate("ends[1]()")
    page.clock.run_for(5000)
    expect(page.get_by_role("dialog")).to_have_count(0)


def _inside(card: Locator, words: str) -> Locator:
    return card.get_by_role("button", name=words, exact=True)
