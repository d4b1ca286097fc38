"""What pages show of the runs of baselines, and the one sentence where they show nothing."""

from __future__ import annotations

import json

import pytest
import run_fixtures as runs
from run_fixtures import CONFIG, open_page

from safemil_core.learning.baselines.settings import COSTLESS, OWN_WEIGHTS


def run_of(workspace, method):
    """A finished run of a method, as training leaves it: without any costs where it learns none."""
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info, CONFIG.with_values([f"method={method}"])), workspace)
    if method in COSTLESS:
        for name in ("costs.parquet", "trajectories.parquet", "cost.safetensors"):
            (run.folder / name).unlink(missing_ok=True)
    return run


@pytest.mark.parametrize("method", ["bc", "dwbc_nu", "safedice"])
def test_every_page_of_a_run_shows_it_or_says_in_a_sentence_why_not(workspace, method):
    run = run_of(workspace, method)
    said = {
        page: open_page(page, run=run.id) for page in ("train", "compare", "rollouts", "costs", "weights", "doctor")
    }
    assert not any(app.exception for app in said.values())
    assert {page for page, app in said.items() if "method of this run" in runs.words(app)} == {
        "doctor",
        *(("costs", "weights") if method in COSTLESS else ()),
        *(("weights",) if method in OWN_WEIGHTS else ()),
    }


def test_the_sentence_names_the_method_and_leads_to_its_policy(workspace):
    app = open_page("costs", run=run_of(workspace, "oracle_bc").id)
    assert "The method of this run, oracle_bc, learns no costs: what its policy clones follows from its name." in (
        runs.words(app)
    )
    assert runs.links(app) == ["Watch its policy"]


def test_the_doctor_says_nothing_of_a_baseline_on_other_pages(workspace):
    assert "healthy" not in runs.words(open_page("costs", run=run_of(workspace, "dwbc_nu").id))


def test_the_curves_of_a_method_without_costs_are_those_of_its_policies(workspace):
    run = run_of(workspace, "bc")
    rows = run.metrics().filter(["update", "seconds", "policy_loss", "bc_loss"]).dropna()
    run.metrics_file.write_text(rows.to_json(orient="records", lines=True))
    app = open_page("train", run=run.id)
    assert not app.exception
    (drawn,) = [it.proto.json for it in app.get("bidi_component") if "panels" in it.proto.json]
    assert [panel["title"] for panel in json.loads(drawn)["panels"]] == ["Losses of the policies"]


def test_only_settings_that_the_method_looks_at_can_be_turned(workspace):
    info = runs.add_dataset(workspace)
    runs.mark_costliest(workspace, info)
    app = runs.open_settings()
    assert app.number_input(key="settings.baseline.unsafe_share").disabled
    app.selectbox(key="settings.method").set_value("dwbc_nu").run()
    assert not app.number_input(key="settings.baseline.unsafe_share").disabled
    assert app.number_input(key="settings.baseline.value_weight").disabled
