from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

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


def page_with_a_stage() -> None:
    import streamlit as st

    from dashboard.components import trajectory_stage
    from dashboard.telling import show_told
    from safemil_core.errors import NotFound

    def draw(*, on_report_change, **_) -> None:
        st.session_state["call_back"] = on_report_change

    def act(press) -> None:
        st.session_state["acted"] = [*st.session_state.get("acted", []), press.key]
        if press.key == "n":
            raise NotFound("there is nothing to mark")

    trajectory_stage.show(draw, "stage", {}, {}, ("n", "p"), act)
    # As the browser does, which sends what is not acknowledged again and again.
    st.button("Send", on_click=st.session_state["call_back"])
    show_told()


def test_a_press_that_fails_is_told_and_does_not_come_again(workspace):
    app = AppTest.from_function(page_with_a_stage).run()
    events = [{"number": i, "key": key, "dataset": "d", "trajectory": 3} for i, key in enumerate("np", start=1)]
    app.session_state["stage"] = {"report": {"mount": 1, "events": events}}
    app.button[0].click().run()
    assert not app.exception
    assert [toast.value for toast in app.toast] == ["there is nothing to mark"]
    app.button[0].click().run()
    assert app.session_state["acted"] == ["n", "p"]
