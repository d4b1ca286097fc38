from hypothesis import given
from hypothesis import strategies as st

from dashboard.components import trajectory_stage
from dashboard.components.review_player import KEYS
from dashboard.components.trajectory_stage import Press, presses

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
    for number, press in presses({"events": [event]}, KEYS):
        assert isinstance(number, int) and isinstance(press, Press)
        assert press.key in KEYS and isinstance(press.reason, str)


def test_a_press_tells_what_was_looked_at():
    event = {"number": 7, "key": "n", "dataset": "d", "trajectory": 3, "reason": "too fast", "segment": [10, 40]}
    others = [{"number": 8, "key": "x", "dataset": "d", "trajectory": 1}, "?"]
    assert presses({"events": [event, *others]}, KEYS) == [(7, Press("n", "d", 3, "too fast", (10, 40)))]


def test_the_stage_is_one_script_that_exports_nothing():
    assert "function stageOf(" in trajectory_stage.script()
    assert "export" not in trajectory_stage.script()
