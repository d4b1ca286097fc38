"""What numbers are called: one name for one idea, on every page."""

from dashboard import run_resources
from dashboard.columns import RESULTS, TRUTH_METRICS, axis_words
from dashboard.components.run_table import COLUMNS, SETTINGS
from dashboard.components.selection import ORDERS, order_words
from safemil_core.running.comparison import results


def test_all_that_comes_out_of_a_run_has_a_name(workspace, info, run):
    assert set(results(run_resources.compared(info))) | {"doctor"} == set(RESULTS)
    assert set(COLUMNS) - {"labels", *SETTINGS} <= set(RESULTS)


def test_names_by_hand():
    assert axis_words("mean 1", ["x", "y"]) == "mean y"
    assert axis_words("length") == "length (steps)"
    assert [order_words(column) for column in ORDERS][:2] == ["by number", "by true cost, highest first"]
    assert TRUTH_METRICS["step_auc"] == "step AUC (hidden truth)"
