"""What is done on each page to measure how quickly it answers: the input, and what shows the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

Act = Callable[[Page, int], None]
"""Does it for the n-th time, so that each time something changes."""


@dataclass(frozen=True)
class Interaction:
    """One thing that a user does."""

    name: str
    act: Act
    watch: str
    """CSS selectors of what shows the result, within the shadow trees of components too."""
    before: Act | None = None
    """What has to be there first, not measured."""


@dataclass(frozen=True)
class PageUnderTest:
    """One page, or a section of one."""

    name: str
    path: str
    ready: tuple[str, ...]
    """What there is beside the heading once it is painted."""
    interactions: tuple[Interaction, ...] = ()
    query: str = ""


def option(place: str, n: int = 8, first: int = 0) -> Act:
    """Choose the options of a select box in turn, from one on."""

    def act(page: Page, number: int) -> None:
        page.locator(place).get_by_role("combobox").first.click()
        page.get_by_role("option").nth(first + number % n).click()

    return act


def segment(key: str, *names: str) -> Act:
    """Choose the segments of a control in turn."""

    def act(page: Page, number: int) -> None:
        page.locator(f".st-key-{key}").get_by_role("radio", name=names[number % len(names)], exact=True).click()

    return act


def segment_at(place: str, *numbers: int) -> Act:
    """The same by their numbers."""

    def act(page: Page, number: int) -> None:
        page.locator(place).first.get_by_role("radio").nth(numbers[number % len(numbers)]).click()

    return act


def toggle(key: str) -> Act:
    return lambda page, _: page.locator(f".st-key-{key} label").first.click()


def press(*keys: str, on: str = "") -> Act:
    """Press the keys in turn, on an element where one is named, else where nobody types."""

    def act(page: Page, number: int) -> None:
        page.locator(on).first.focus() if on else page.evaluate("document.activeElement?.blur()")
        page.keyboard.press(keys[number % len(keys)])

    return act


def slide(place: str) -> Act:
    """Move a slider by one step, there and back."""

    def act(page: Page, number: int) -> None:
        page.locator(place).get_by_role("slider").first.focus()
        page.keyboard.press("ArrowLeft" if number % 2 else "ArrowRight")

    return act


def click_in(selector: str, *places: tuple[float, float]) -> Act:
    """Click at fractions of an element's box in turn."""

    def act(page: Page, number: int) -> None:
        page.mouse.click(*_at(page, selector, places[number % len(places)]))

    return act


def drag_in(selector: str, *pairs: tuple[float, float, float, float]) -> Act:
    """Drag within an element's box, between fractions of it, in turn."""

    def act(page: Page, number: int) -> None:
        x0, y0, x1, y1 = pairs[number % len(pairs)]
        page.mouse.move(*_at(page, selector, (x0, y0)))
        page.mouse.down()
        page.mouse.move(*_at(page, selector, (x1, y1)), steps=4)
        page.mouse.up()

    return act


def hover_in(selector: str) -> Act:
    """Move the pointer over an element, after a key without a meaning, with which the time begins."""

    def act(page: Page, number: int) -> None:
        x, y = _at(page, selector, (0.3 + 0.05 * (number % 8), 0.4))
        page.keyboard.press("F9")
        page.mouse.move(x, y)

    return act


def wheel_in(selector: str) -> Act:
    """Turn the wheel inwards, with Ctrl as it needs no focus."""

    def act(page: Page, _: int) -> None:
        page.mouse.move(*_at(page, selector, (0.6, 0.4)))
        page.keyboard.down("Control")
        page.mouse.wheel(0, -120)
        page.keyboard.up("Control")

    return act


def open_by_menu(title: str) -> Act:
    """Come to a page from another by the menu."""
    return lambda page, _: page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=title).click()


def _at(page: Page, selector: str, place: tuple[float, float]) -> tuple[float, float]:
    element = page.locator(selector).first
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


FIGURE = ".js-plotly-plot .main-svg"
STAGE, STEP = "canvas.path, canvas.timeline", ".bar .step"
_SCHEME = "[class*=st-key-weights][class*=-scheme]"
TABLE, SCATTER = "[data-testid=stDataFrame] canvas", ".st-key-label-scatter"
MAP = ".st-key-costs-map canvas"
RASTER, OVER, SAYS = "canvas.cells", "canvas.over", ".raster .said"
PLACES = ((0.3, 0.3), (0.5, 0.4), (0.7, 0.5), (0.4, 0.6), (0.6, 0.7), (0.8, 0.2))
TIMES = tuple((x, 0.5) for x in (0.5, 0.7, 0.6, 0.8, 0.55, 0.75))

_STAGE = (
    Interaction("seek", click_in("canvas.timeline", *TIMES), STEP),
    Interaction("next spike", press("e", on="canvas.timeline"), STEP),
)

PAGES: tuple[PageUnderTest, ...] = (
    PageUnderTest(
        "datasets",
        "",
        (FIGURE,),
        (
            Interaction(
                "come from another page", open_by_menu("Datasets"), ".st-key-datasets-scatter", open_by_menu("Audit")
            ),
        ),
    ),
    PageUnderTest(
        "review",
        "review",
        ("canvas.path",),
        (
            Interaction("judge", press("n", "p"), "canvas.path"),
            Interaction("go back", press("k"), "canvas.path"),
            *_STAGE,
        ),
    ),
    PageUnderTest(
        "label",
        "label",
        (FIGURE, TABLE),
        (
            Interaction("filter by label", segment("label-show", "Unlabelled", "Preferred", "All"), TABLE),
            Interaction("order", option(".st-key-label-order", 3, 1), TABLE),
            Interaction("next trajectory", press("j"), STAGE),
            Interaction("mark", press("p", "n"), ".st-key-label-preview"),
            Interaction("undo", press("z"), ".st-key-label-preview"),
            Interaction("another axis", option("[class*=label-axis][class*=across]", 6), SCATTER),
            Interaction(
                "select by a box",
                drag_in(f"{SCATTER} .nsewdrag", (0.3, 0.2, 0.7, 0.6), (0.1, 0.1, 0.5, 0.8)),
                ".st-key-label-preview",
            ),
            *_STAGE,
        ),
    ),
    PageUnderTest("audit", "audit", (".st-key-audit-start",)),
    PageUnderTest(
        "train",
        "train",
        (".st-key-live-curves canvas",),
        (Interaction("another run", option(".st-key-widget-run", 2), ".st-key-live-curves canvas"),),
    ),
    PageUnderTest(
        "compare",
        "compare",
        (".st-key-compare-curves canvas",),
        (
            Interaction(
                "another curve",
                segment("compare-curve", "gap of bag scores", "cost loss"),
                ".st-key-compare-curves canvas",
            ),
            Interaction("smoothing", slide(".st-key-compare-smoothing"), ".st-key-compare-curves canvas"),
        ),
    ),
    PageUnderTest(
        "costs: state",
        "costs",
        (MAP,),
        (
            Interaction("another dimension", option(".st-key-widget-map_x", 9, 3), MAP),
            Interaction("statistic", segment("costs-statistic", "maximum", "spread", "mean"), MAP),
            Interaction("steps of a label", segment("costs-shown", "non-preferred", "all"), MAP),
            Interaction("number of cells", slide(".st-key-costs-bins"), MAP),
            Interaction("click a cell", click_in(MAP, *PLACES), TABLE),
        ),
        "&section=state",
    ),
    PageUnderTest(
        "costs: time",
        "costs",
        (".raster[data-window]",),
        (
            Interaction("hover", hover_in(OVER), SAYS),
            Interaction("sort", option(".st-key-costs-raster-sort", 6), RASTER),
            Interaction("align", segment("costs-raster-align", "first spike", "end", "start"), RASTER),
            Interaction("group", toggle("costs-raster-grouped"), RASTER),
            Interaction("zoom by dragging", drag_in(OVER, (0.3, 0.3, 0.5, 0.5)), RASTER, press("0", on=OVER)),
            Interaction("zoom by the wheel", wheel_in(OVER), RASTER),
            Interaction("show all again", press("0", on=OVER), RASTER, press("+", on=OVER)),
            Interaction("click a step", click_in(OVER, *PLACES), STAGE),
            Interaction("another run", option(".st-key-widget-run", 2), RASTER),
        ),
        "&section=time",
    ),
    PageUnderTest(
        "costs: function",
        "costs",
        (FIGURE,),
        (
            Interaction(
                "another step",
                click_in(".st-key-costs-probe-step [data-testid=stNumberInputStepUp]", (0.5, 0.5)),
                FIGURE,
            ),
        ),
        "&section=probe",
    ),
    PageUnderTest("costs: inputs", "costs", (FIGURE,), (), "&section=inputs"),
    PageUnderTest(
        "costs: truth",
        "costs",
        (FIGURE,),
        (
            Interaction("threshold", slide(".st-key-costs-truth-threshold"), "[class*=figure-costs-truth]"),
            Interaction("level", segment_at("[class*=st-key-costs-truth-level]", 1, 0), "[class*=figure-costs-truth]"),
        ),
        "&section=truth",
    ),
    PageUnderTest(
        "weights",
        "weights",
        (FIGURE,),
        (
            Interaction("scheme", segment_at(_SCHEME, 3, 2, 0, 1), "[class*=figure-weights]"),
            Interaction(
                "beta",
                slide("[class*=st-key-weights][class*=-beta]"),
                "[class*=figure-weights]",
                segment_at(_SCHEME, 1),
            ),
        ),
    ),
    PageUnderTest("doctor", "doctor", ("h1",)),
    PageUnderTest("rollouts", "rollouts", ("h1",)),
)
