"""What-ifs of a run: refits, their files, the preview; and the stop-labelling curve."""

import numpy as np
import pytest
from factories import TINY, add_dataset, new_run, store_of
from test_jobs import wait

from safemil_core.errors import InvalidConfig, InvalidLabels, NotReady
from safemil_core.learning import refit
from safemil_core.running.label_curve_stage import draw_label_curve
from safemil_core.running.label_curves import read_curve, start_curve
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import train_run
from safemil_core.running.what_if_stage import ask_what_if, refit_config
from safemil_core.running.what_ifs import Refits, Request, WhatIfs, start_what_if


@pytest.fixture
def run(workspace):
    """A trained run with 1, 3, 5 and 7 marked."""
    add_dataset(workspace)
    run = new_run(workspace, config=TINY.with_values(["weights.scheme=trajectory"]))
    train_run(workspace, run, "cpu")
    return run


def ask(workspace, run, edits, **options):
    kept = WhatIfs(run)
    kept.folder.mkdir(exist_ok=True)
    Request(edits, author="ann", **options).write(kept.request_file)
    ask_what_if(workspace, run, "cpu")
    return kept


def test_refits_of_the_unchanged_labels_begin_with_the_run_itself(workspace, run):
    kept = ask(workspace, run, {})
    unchanged, table = kept.unchanged("seed"), run.trajectories()
    assert unchanged.seeds.tolist() == [0, 1, 2, 3, 4]
    assert (unchanged.costs[0] == table["cost_sum"].to_numpy()).all()
    assert (unchanged.weights[0] == table["weight"].to_numpy()).all()
    assert (unchanged.costs[1] != unchanged.costs[0]).any()
    assert kept.all() == []
    assert kept.has_preview
    progress = Task.of_run("what_if", run).progress
    assert (progress.state, progress.done, progress.total) == ("done", 120, 120)


def test_a_what_if_is_kept_with_its_edits_and_the_common_part_is_made_once(workspace, run):
    ask(workspace, run, {1: "none"})
    made_at = WhatIfs(run).unchanged_file("seed").stat().st_mtime_ns
    kept = ask(workspace, run, {3: "none", 0: "preferred"}, n_seeds=2)
    assert kept.unchanged_file("seed").stat().st_mtime_ns == made_at
    second, first = kept.all()
    assert (first.number, first.edits) == (1, {1: "none"})
    assert (second.number, second.edits) == (2, {0: "preferred", 3: "none"})
    assert second.after.seeds.tolist() == [0, 1]
    assert (second.after.start, second.after.author) == ("seed", "ann")
    table = second.changes()
    assert table["weight"][3] > 0 == second.unchanged.weights[0, 3]
    moved, by_seed = second.moved_share(run.trajectories()["length"].to_numpy())
    assert 0 < moved < 1
    assert 0 < by_seed < 1


def test_from_the_run_s_network_it_takes_a_quarter_of_the_updates(workspace, run):
    assert refit_config(TINY, "network").cost.updates == 5
    kept = ask(workspace, run, {1: "none"}, start="network")
    (what_if,) = kept.all()
    assert what_if.after.start == "network"
    assert not kept.unchanged_file("seed").exists()
    own = run.trajectories()["cost_sum"].to_numpy()
    assert 0 < np.abs(what_if.unchanged.costs - own).max() < own.max()


def test_what_began_with_a_network_that_the_run_no_longer_has_does_not_count_and_is_made_again(workspace, run):
    ask(workspace, run, {3: "none"})
    kept = ask(workspace, run, {1: "none"}, start="network")
    before = kept.unchanged("network")
    assert [what_if.number for what_if in kept.all()] == [2, 1]
    run.model("cost").touch()  # trained on since
    assert kept.unchanged("network") is None
    assert [(what_if.number, what_if.after.start) for what_if in kept.all()] == [(1, "seed")]
    ask(workspace, run, {1: "none"}, start="network")
    assert [what_if.number for what_if in kept.all()] == [3, 1]
    np.testing.assert_array_equal(kept.unchanged("network").costs, before.costs)  # of an equal network


def test_the_preview_has_to_be_prepared_and_is_measured_against_every_refit(workspace, run):
    labels = run.trajectories()["label"].to_numpy(str)
    with pytest.raises(NotReady, match="no preview of what-ifs yet; prepare it, or refit once"):
        WhatIfs(run).preview(labels, {1: "none"})
    assert WhatIfs(run).agreements() == {}
    kept = ask(workspace, run, {1: "none"})
    moved = kept.preview(labels, {1: "none", 3: "none"})
    assert moved.shape == (40,)
    assert moved[1] < 0
    (number, rho) = kept.agreements().popitem()
    assert number == 1
    assert -1 <= rho <= 1
    with pytest.raises(InvalidLabels, match="there is no trajectory 40"):
        kept.preview(labels, {40: "none"})


def test_rewards_and_true_costs_have_no_way_in(workspace, run, monkeypatch):
    seen, train = [], refit.train

    def note(data, *settings, **options):
        seen.append(data)
        return train(data, *settings, **options)

    monkeypatch.setattr(refit, "train", note)
    ask(workspace, run, {1: "none"})
    assert len(seen) == 7
    assert not any(hasattr(data, truth) for data in seen for truth in ("rewards", "costs"))


def test_what_cannot_be_learned_from_is_not_begun(workspace, run):
    with pytest.raises(InvalidLabels, match="0 of 40 trajectories of 'walks' are marked non-preferred"):
        start_what_if(workspace, run, Request(dict.fromkeys((1, 3, 5, 7), "none")))
    with pytest.raises(InvalidConfig, match="takes 1 to 5 refits, got 6"):
        Request({1: "none"}, n_seeds=6)
    with pytest.raises(InvalidLabels, match="4 trajectories are marked, too few for a curve; mark more than 10"):
        start_curve(workspace, run, "ann")
    assert Task.of_run("what_if", run).progress is None


def test_the_curve_is_drawn_in_a_process_of_its_own(workspace, run):
    store_of(workspace).labels("walks").mark(range(9, 25, 2), "non_preferred", author="ann")
    start_curve(workspace, run, "ann")
    task = Task.of_run("label_curve", run)
    progress = wait(lambda: (p := task.progress).is_finished and p)
    assert progress.state == "done", (task.folder / "log.txt").read_text()
    assert read_curve(run).points[-1].n_marks == 12


def test_the_curve_counts_the_marks_of_now_in_their_order(workspace, run):
    assert read_curve(run) is None
    labels = store_of(workspace).labels("walks")
    for trajectory in range(9, 25, 2):
        labels.mark([trajectory], "non_preferred", author="ann")
    Task.of_run("label_curve", run).folder.mkdir()
    draw_label_curve(workspace, run, "ann", "cpu")
    curve = read_curve(run)
    assert [(point.n_marks, point.n_new) for point in curve.points] == [(2, 2), (12, 10)]
    assert (curve.n_seeds, curve.label_snapshot, curve.author) == (3, labels.latest(), "ann")
    assert curve.has_arbitrary_order  # the first four came in one action
    assert 0.5 < curve.points[0].held_out <= 1
    assert curve.points[1].held_out is None
    assert curve.points[0].moved is None
    assert curve.points[1].low <= curve.points[1].moved <= curve.points[1].high


def test_costs_of_another_shape_are_our_mistake():
    with pytest.raises(ValueError, match="expected costs and weights"):
        Refits(np.array(["none"]), np.array([0, 1]), np.zeros((1, 1)), np.zeros((2, 1)))
