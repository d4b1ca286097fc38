"""`safemil doctor`: what is wrong with a run, in words and as JSON."""

import pytest
from factories import TINY, add_dataset, new_run

from safemil_core.running.training_stage import train_run

PERCEPTRON = ("cost.network=mlp", "cost.inputs=all", "cost.sparsity=0")
"""Which has learned something after so few updates."""


@pytest.fixture
def run(workspace):
    """With one mark."""
    add_dataset(workspace)
    run = new_run(workspace, marked=(1,), config=TINY.with_values(PERCEPTRON))
    train_run(workspace, run, "cpu")
    return run


def test_findings_are_told_with_evidence_cause_and_cure(run, safemil):
    code, out, _ = safemil("doctor", run.id)
    assert code == 0
    title, evidence, cause, cure = out.splitlines()[:4]
    assert "only 1 trajectory is marked (few_labels, harm " in title
    assert evidence.startswith("  evidence: 1 marked against 39 others; ")
    assert cause.startswith("  cause: what so few have in common")
    assert cure.startswith("  cure: Mark more")


def test_the_json_document_holds_them_with_their_figures(run, json_of):
    told = json_of("doctor", run.id, "--json")
    assert told["run"] == run.id
    assert told["findings"][0]["cause"] == "few_labels"
    assert told["findings"][0]["figure"]["series"]


def test_a_run_that_was_never_trained_has_no_findings_to_tell(workspace, safemil):
    add_dataset(workspace)
    code, _, err = safemil("doctor", new_run(workspace).id)
    assert code == 2
    assert "has learned nothing yet" in err
