"""A page whose input is missing says what it is for, what it lacks, and where to get that."""

from __future__ import annotations

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard.components.empty_states import ANSWERS

OF_A_RUN = ("costs", "weights", "doctor", "rollouts")


@pytest.mark.parametrize("page", OF_A_RUN)
def test_without_a_run(workspace, page):
    runs.add_dataset(workspace)
    app = open_page(page)
    assert ANSWERS[page] in [element.value for element in app.markdown]
    assert app.caption[0].value == "Nothing has been trained on this dataset yet."
    assert runs.links(app) == ["Train a cost and a policy"]


@pytest.mark.parametrize("page", [page for page in ANSWERS if page not in OF_A_RUN])
def test_without_a_dataset(workspace, page):
    app = open_page(page)
    assert ANSWERS[page] in [element.value for element in app.markdown]
    assert app.caption[0].value == "There is no dataset in this workspace yet."
    assert runs.links(app) == ["Add a dataset"]
