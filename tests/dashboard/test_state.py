"""What the browser says: what the user did, and what only comes late."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from dashboard import state

    def listen() -> None:
        st.session_state["heard"] = [*st.session_state.get("heard", []), state.heard("widget")]

    if st.session_state.get("is_stopped"):  # as Streamlit does for the sake of a later event
        st.stop()
    if "wanted" in st.session_state:
        state.set_widget_value("widget", st.session_state.pop("wanted"))
    st.selectbox("Widget", ["a", "b", "c"], key="widget", on_change=listen)


class Browser:
    def __init__(self) -> None:
        self.app = AppTest.from_function(page).run()

    def shown(self, value: str) -> None:
        self.app.session_state["wanted"] = value
        self.app.run()

    def heard(self, *values: str, stopped: bool = False) -> list[str | None]:
        """What is made of each of these events in turn, whose runs are or are not stopped before they draw."""
        self.app.session_state["heard"] = []
        self.app.session_state["is_stopped"] = stopped
        widget = self.app.selectbox(key="widget")
        for value in values:
            widget.set_value(value).run()
        found: list[str | None] = self.app.session_state["heard"]
        return found


def test_what_the_user_says_is_heard_also_when_they_go_straight_back():
    browser = Browser()
    assert browser.heard("b", "c", "a") == ["b", "c", "a"]
    browser.shown("b")
    assert browser.heard("c", "b") == ["c", "b"]


def test_what_was_shown_before_is_no_answer():
    browser = Browser()
    for value in ("b", "c"):
        browser.shown(value)
    assert browser.heard("b") == [None]


def test_what_is_shown_is_none_either_where_runs_were_stopped():
    browser = Browser()
    for value in ("b", "c"):
        browser.shown(value)
    assert browser.heard("b", "c", stopped=True) == [None, None]


def test_what_is_said_again_at_once_is_the_browser_repeating_itself():
    browser = Browser()
    assert browser.heard("b") == ["b"]
    browser.shown("c")  # what came of it; the browser has not heard of it yet
    assert browser.heard("b") == [None]


def page_of_a_choice() -> None:
    import streamlit as st

    from dashboard import state

    st.text_input("Run", **state.run.widget(["newer", "older"]))  # which may say anything, as a browser may


def test_a_choice_is_one_of_the_options_also_where_the_browser_says_what_is_none_any_more():
    app = AppTest.from_function(page_of_a_choice)
    app.query_params["run"] = "older"
    app.run()
    for said, chosen in (("older · running", "older"), ("newer", "newer")):
        app.text_input(key="widget.run").set_value(said).run()
        assert app.text_input(key="widget.run").value == chosen
