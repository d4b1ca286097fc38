"""Whether an environment offers what a dataset has, and what it says where it does not."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from safemil_core.assessment.interfaces import Interface, image_of, require_fit
from safemil_core.data.recording import Part
from safemil_core.errors import EnvironmentUnavailable

FOUR, TWO = Box(-1, 1, (4,)), Box(-1, 1, (2,))
PICTURE = Box(0, 255, (64, 48, 3), np.uint8)


def numbers(n):
    return (Part(shape=(n,)),)


def choices(*counts):
    return tuple(Part(str(place), (), "int64", n) for place, n in enumerate(counts))


def eyes(*shapes):
    return tuple(Part(f"eye {place}", shape, "uint8") for place, shape in enumerate(shapes))


@pytest.mark.parametrize(
    ("observed", "acted", "interface"),
    [
        (FOUR, TWO, Interface(4, numbers(2))),
        (Box(-1, 1, (2, 2)), TWO, Interface(4, numbers(1) + numbers(1))),
        (Discrete(9), Discrete(3), Interface(1, choices(3))),
        (FOUR, Discrete(3), Interface(4, choices(2))),  # the dataset never took the third
        (FOUR, MultiDiscrete([3, 2]), Interface(4, choices(3, 2))),
        (FOUR, MultiDiscrete([[2, 2], [2, 2]]), Interface(4, (Part("all", (4,), "int64", 2),))),
        (FOUR, TWO, Interface(4, numbers(2), eyes((64, 48, 3)))),
        (FOUR, TWO, Interface(0, numbers(2), eyes((64, 48, 6)))),
        (PICTURE, TWO, Interface(0, numbers(2), eyes((64, 48, 3)))),
        (Box(0, 255, (64, 48, 4), np.uint8), TWO, Interface(0, numbers(2), eyes((64, 48, 4)))),
        (Dict(speed=FOUR), TWO, Interface(0, numbers(2), eyes((64, 48, 3)))),
    ],
)
def test_an_environment_that_offers_what_the_dataset_has_fits(observed, acted, interface):
    require_fit("Some-v0", observed, acted, interface)


@pytest.mark.parametrize(
    ("observed", "acted", "interface", "words"),
    [
        (FOUR, TWO, Interface(5, numbers(2)), "of 4 numbers and actions of 2 numbers, .* has 5 numbers and 2"),
        (FOUR, TWO, Interface(4, numbers(1)), "actions of 2 numbers, the dataset has 4 numbers and 1 number;"),
        (FOUR, TWO, Interface(4, choices(3, 3)), "of 2 numbers, the dataset has 4 numbers and 3 and 3 choices;"),
        (FOUR, Discrete(2), Interface(4, numbers(1)), "actions of 2 choices, the dataset has 4 numbers and 1 number;"),
        (FOUR, Discrete(2), Interface(4, choices(3)), "actions of 2 choices, the dataset has 4 numbers and 3 choices;"),
        (FOUR, MultiDiscrete([3, 2]), Interface(4, choices(2, 3)), "of 3 and 2 choices, .* and 2 and 3 choices;"),
        (FOUR, MultiDiscrete([3, 2]), Interface(4, choices(3) + numbers(1)), "of 3 and 2 choices, .* and 2 numbers;"),
        (Dict(speed=FOUR), TWO, Interface(4, numbers(2)), "observations of kind Dict and"),
        (FOUR, Dict(speed=FOUR), Interface(4, numbers(4)), "actions of kind Dict,"),
    ],
)  # fmt: skip
def test_one_that_does_not_is_refused_with_both_sides_said(observed, acted, interface, words):
    with pytest.raises(EnvironmentUnavailable, match=rf"Some-v0 has {'.*' + words}") as caught:
        require_fit("Some-v0", observed, acted, interface)
    assert str(caught.value).endswith("; import it with another --env")


@pytest.mark.parametrize(
    ("shapes", "words"),
    [([(64, 48, 4)], "64 x 48 x 4"), ([(64, 48, 3), (9, 9, 3)], "64 x 48 x 3 and 9 x 9 x 3")],
)
def test_images_that_nothing_shows_are_refused(shapes, words):
    with pytest.raises(EnvironmentUnavailable, match=f"but the dataset has images of {words}; evaluate it elsewhere"):
        require_fit("Some-v0", FOUR, TWO, Interface(4, numbers(2), eyes(*shapes)))


def test_an_image_is_the_last_frames_oldest_first_and_the_first_stands_for_those_before_it():
    frames = [np.full((2, 4, 3), shade, np.uint8) for shade in (10, 20, 30)]
    assert image_of(frames, 2)[0, 0].tolist() == [20] * 3 + [30] * 3
    assert image_of(frames[:1], 3)[1, 3].tolist() == [10] * 9
    assert image_of(frames, 1).shape == (2, 4, 3)
