"""Colours: told apart with any colour vision, on light and on dark; scales in even steps."""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard import charts_theme
from dashboard.charts_theme import (
    DIFFERENCE_SCALES,
    LABEL_COLOURS,
    LEARNED_COST,
    LEARNED_COST_SCALE,
    NON_PREFERRED,
    POLICY_COLOURS,
    PREFERRED,
    RUN_COLOURS,
    STEPS_SCALE,
    TRUE_COST,
    TRUE_COST_SCALE,
    UNLABELLED,
    UNSURE,
    themed,
)
from safemil_core.assessment import videos

FIXED = {
    "non-preferred": NON_PREFERRED,
    "preferred": PREFERRED,
    "unsure": UNSURE,
    "unlabelled": UNLABELLED,
    "true cost": TRUE_COST,
    "learned cost": LEARNED_COST,
}
VISIONS = {  # Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    """[3] of `#RRGGBB`, in linear light."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(rgb):
    """[3] lightness from 0 to 100 and two of hue: equal distances look equally far apart (Ottosson, 2020)."""
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
              [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
              [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip
    return 100 * np.array(to_lab) @ np.cbrt(np.array(to_lms) @ rgb)


def seen(colour, vision):
    return oklab(np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1))


def distance(first, second, vision):
    return float(np.linalg.norm(seen(first, vision) - seen(second, vision)))


def contrast(first, second):
    """As WCAG 2 has it."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def test_white_and_black_by_hand():
    np.testing.assert_allclose(oklab(linear("#FFFFFF")), [100, 0, 0], atol=1e-4)
    np.testing.assert_allclose(oklab(linear("#000000")), [0, 0, 0], atol=1e-4)
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    for vision in VISIONS:  # greys are grey for everybody
        np.testing.assert_allclose(seen("#808080", vision), seen("#808080", "usual"), atol=1e-3)
    assert distance("#D55E00", "#009E73", "protanopia") < 0.6 * distance("#D55E00", "#009E73", "usual")


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("first", "second"), list(combinations(FIXED, 2)))
def test_what_has_a_fixed_colour_is_told_apart(first, second, vision):
    assert distance(FIXED[first], FIXED[second], vision) > 10  # five times a difference that is just noticed


@pytest.mark.parametrize("vision", VISIONS)
def test_runs_and_policies_are_told_apart(vision):
    for first, second in [*combinations(RUN_COLOURS, 2), *combinations(POLICY_COLOURS.values(), 2)]:
        assert distance(first, second, vision) > 10


def test_a_colour_with_a_meaning_has_no_other():
    others = [*RUN_COLOURS, *POLICY_COLOURS.values()]
    assert not {*others} & {*FIXED.values()} and len({*others}) == len(others)
    assert min(distance(run, fixed, "usual") for run in RUN_COLOURS for fixed in FIXED.values()) > 8
    assert set(LABEL_COLOURS.values()) <= set(FIXED.values())


def test_films_have_the_colours_of_the_pages():
    for there, here in ((videos.TRUE_COST, TRUE_COST), (videos.LEARNED_COST, LEARNED_COST)):
        assert hexadecimal(there) == here


def test_the_words_on_films_can_be_read():
    for words in (videos.INK, videos.TRUE_COST_WORDS, videos.LEARNED_COST):
        assert contrast(hexadecimal(words), hexadecimal(videos.PAPER)) > 4.5


def hexadecimal(rgb):
    return "#{:02X}{:02X}{:02X}".format(*rgb)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_from_the_page_and_text_can_be_read(theme):
    config = tomllib.loads((Path(charts_theme.__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    page = config["theme"][theme]
    for colour in FIXED.values():
        assert contrast(colour, page["backgroundColor"]) > 2
    assert contrast(page["textColor"], page["backgroundColor"]) > 7
    assert contrast(page["primaryColor"], page["backgroundColor"]) > 4.5


SCALES = {"learned": LEARNED_COST_SCALE, "true": TRUE_COST_SCALE, "steps": STEPS_SCALE}


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", SCALES)
def test_a_scale_rises_in_lightness_in_even_steps_with_any_colour_vision(name, vision):
    lightness = np.array([seen(colour, vision)[0] for colour in SCALES[name]])
    steps = np.diff(lightness)
    assert steps.min() > 0
    assert steps.max() / steps.min() < (1.35 if vision == "usual" else 2.3)
    assert lightness[-1] - lightness[0] > 40


@pytest.mark.parametrize("theme", DIFFERENCE_SCALES)
def test_a_scale_of_differences_is_even_on_both_sides_of_its_middle(theme):
    colours = DIFFERENCE_SCALES[theme]
    lightness = np.array([seen(colour, "usual")[0] for colour in colours])
    half = len(colours) // 2
    np.testing.assert_allclose(lightness, lightness[::-1], atol=1.5)
    steps = np.abs(np.diff(lightness))
    assert steps.max() / steps.min() < 1.35
    assert np.linalg.norm(seen(colours[half], "usual")[1:]) < 1  # grey
    for vision in VISIONS:
        assert distance(colours[0], colours[-1], vision) > 10


def test_margins_are_known_where_axes_have_numbers_alone_and_grow_with_words():
    numbers = themed(go.Figure(), has_numbers_alone=True).layout
    assert not numbers.xaxis.automargin
    assert not numbers.yaxis.automargin
    assert numbers.margin.l > 50
    words = themed(go.Figure()).layout
    assert words.xaxis.automargin
    assert words.yaxis.automargin
    assert words.margin.l == 0
