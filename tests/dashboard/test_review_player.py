import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components import review_player
from dashboard.components.review_player import KEYS, N_POINTS, Lane, Line, Press, item


def test_an_item_carries_float32_and_a_scale_that_all_its_values_fit_into():
    found = item(3, np.arange(4.0), np.zeros(4), [Lane((Line("cost", np.array([0.0, 2.5, 0.0, 0.0])),), 0.0, 1.0)])
    assert (found["trajectory"], found["steps"]) == (3, 4)
    assert np.frombuffer(base64.b64decode(found["path"]["x"]), dtype="<f4").tolist() == [0, 1, 2, 3]
    (lane,) = found["lanes"]
    assert (lane["low"], lane["high"]) == (0.0, 2.5)
    assert np.frombuffer(base64.b64decode(lane["lines"][0]["steps"]), dtype="<u4").tolist() == [0, 1, 2, 3]


def test_a_long_path_keeps_its_ends_and_stays_small():
    x, y = np.random.default_rng(0).normal(size=(2, 20_000))
    steps = np.frombuffer(base64.b64decode(item(0, x, y, [])["path"]["steps"]), dtype="<u4")
    assert (steps[0], steps[-1]) == (0, 19_999)
    assert len(steps) <= N_POINTS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["number", "key", "dataset", "trajectory", "reason", "segment"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_browser_says_is_a_press_or_nothing(event):
    for number, press in review_player._presses({"events": [event]}):
        assert isinstance(number, int) and isinstance(press, Press)
        assert press.key in KEYS and isinstance(press.reason, str)


def test_a_press_tells_what_was_looked_at():
    event = {"number": 7, "key": "n", "dataset": "d", "trajectory": 3, "reason": "too fast", "segment": [10, 40]}
    assert review_player._presses(
        {"events": [event, {"number": 8, "key": "x", "dataset": "d", "trajectory": 1}, "?"]}
    ) == [(7, Press("n", "d", 3, "too fast", (10, 40)))]
