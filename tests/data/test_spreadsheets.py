"""Texts that a spreadsheet would compute are shown by it, and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.data.spreadsheets import as_said, harmless


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1+1"])
def test_a_formula_is_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["x=1", "", "'quoted'", "1-2"])
def test_other_texts_stay(text):
    assert harmless(text) == as_said(text) == text


@given(st.text("'=+-@a", max_size=6))
def test_every_text_comes_back(text):
    assert as_said(harmless(text)) == text
