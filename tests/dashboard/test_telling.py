"""What pages tell: once, whatever interrupts, and as it is written."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import telling
from dashboard.words import harmless


def page_with_an_action():
    import streamlit as st

    from dashboard import telling
    from safemil_core.errors import NotFound

    @telling.callback
    def act() -> None:
        telling.tell("**Done.**")
        raise NotFound("there is no file `a*b` in *here*")

    telling.show_told()
    st.button("Act", on_click=act)


def toasts(app):
    return [toast.value for toast in app.toast]


def test_what_came_of_a_callback_is_told_once_and_what_stood_in_its_way_as_it_is_written(workspace):
    app = AppTest.from_function(page_with_an_action).run()
    assert not toasts(app)
    app.button[0].click().run()
    assert not app.exception
    assert toasts(app) == ["**Done.**", r"there is no file `a*b` in \*here\*"]
    assert not toasts(app.run())


def test_words_of_a_run_that_was_ended_before_they_were_out_come_with_the_next(workspace, monkeypatch):
    app = AppTest.from_function(page_with_an_action).run()

    def toast(*args, **kwargs):
        monkeypatch.undo()
        raise RuntimeError("ended")

    monkeypatch.setattr(telling.st, "toast", toast)
    assert app.button[0].click().run().exception
    assert toasts(app.run())[0] == "**Done.**"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("policy.hidden_sizes must be widths like 256", "policy.hidden_sizes must be widths like 256"),
        ("*a* _b_ [c](d) $e$ :red[f] <g> `*h*`", r"\*a\* \_b\_ \[c\](d) \$e\$ \:red\[f\] \<g> `*h*`"),
        ("an odd ` and \\", "an odd \\` and \\\\"),
    ],
)
def test_words_of_files_and_users_are_shown_as_they_are(words, shown):
    assert harmless(words) == shown
