"""How a run is, in a few words."""

from __future__ import annotations

from math import log

import pandas as pd
import pytest
from factories import add_dataset, new_run

from safemil_core.assessment.doctor.findings import Evidence, Finding
from safemil_core.running.doctor_results import write_findings
from safemil_core.running.health import Health, findings_of, health_of

FIGURE = Evidence("bars", "", "", ())
COLLAPSED = Finding("bag_size", "collapse", "It has collapsed", "", "", "", 0.9, figure=FIGURE)
OVERLAPS = Finding("overlap_with_return", "immobile", "Marks name what earns", "", "", "", 0.5, figure=FIGURE)
IMMOBILE = Finding("immobile_policy", "immobile", "It does not move", "", "", "", 0.4, figure=FIGURE)


@pytest.fixture
def run(workspace):
    add_dataset(workspace)
    return new_run(workspace)


def logged(n_rows, spread):
    rows = {"update": range(n_rows), "seconds": range(n_rows), "cost_loss": log(2), "cost_spread": spread}
    return pd.DataFrame(rows | {"score_non_preferred": 0.5, "score_unlabelled": 0.5, "saturated": 0.0})


def test_what_the_doctor_found_counts_once_training_has_ended(run):
    assert health_of(run, logged(20, 0.0), is_live=False, shows_truth=True) == Health("unknown")
    write_findings(run, [])
    assert health_of(run, logged(20, 0.0), is_live=False, shows_truth=True) == Health("healthy")
    write_findings(run, [COLLAPSED, IMMOBILE])
    found = health_of(run, logged(20, 0.0), is_live=False, shows_truth=True)
    assert found == Health("ill", ("It has collapsed", "It does not move"))


def test_while_it_trains_its_metrics_count_and_what_was_found_before_does_not(run):
    write_findings(run, [COLLAPSED])
    assert health_of(run, logged(2, 0.0), is_live=True, shows_truth=True) == Health("unknown", is_early=True)
    flat = health_of(run, logged(20, 0.0), is_live=True, shows_truth=True)
    assert (flat.state, flat.is_early, len(flat.titles)) == ("ill", True, 1)


def test_while_the_truth_is_hidden_nothing_shows_returns(run):
    write_findings(run, [COLLAPSED, OVERLAPS, IMMOBILE])
    told = findings_of(run, pd.DataFrame(), is_live=False, shows_truth=False)
    assert [(finding.cause, finding.figure) for finding in told] == [("bag_size", FIGURE), ("immobile_policy", None)]
    assert findings_of(run, pd.DataFrame(), is_live=False, shows_truth=True) == [COLLAPSED, OVERLAPS, IMMOBILE]
