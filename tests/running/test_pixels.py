"""From pixels: rendered trajectories of the real simulator, in a file, learned from and driven by what is seen."""

import numpy as np
import pytest
from factories import CAR, CAR_CIRCLE, TINY, new_run, store_of
from torch import full, zeros

from safemil_core.learning.model_files import load_cost, load_policy
from safemil_core.running.evaluation_stage import evaluate_run
from safemil_core.running.rollout_records import read_rollouts
from safemil_core.running.training_stage import train_run


def test_a_car_is_learned_from_and_driven_by_what_is_seen(workspace, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(CAR_CIRCLE.parent)
    import make_car_pixels  # the script of the README's example

    make_car_pixels.make(tmp_path / "cars.npz", n_trajectories=4, n_steps=6, size=20, workers=1)
    info = store_of(workspace).add(tmp_path / "cars.npz", env_id=CAR)
    assert (info.n_trajectories, info.n_steps, info.n_observations) == (4, 24, 0)
    assert [image.shape for image in info.images] == [(20, 20, 6)]
    eye = store_of(workspace).open("cars").images["eye"]
    np.testing.assert_array_equal(eye[1:6, ..., :3], eye[:5, ..., 3:])  # the frame before
    np.testing.assert_array_equal(eye[6, ..., :3], eye[6, ..., 3:])  # another trajectory begins
    assert not np.array_equal(eye[5], eye[3])

    run = new_run(workspace, "cars", marked=(0,), config=TINY.with_values(["cost.failure_modes=2"]))
    assert train_run(workspace, run, "cpu")
    costs = run.costs()["cost"]
    assert (len(costs), run.outcome["step_auc"]) == (24, None)  # nobody has left the corridor after six steps
    assert ((costs > 0) & (costs < 1)).all()
    seen = full((2, 20 * 20 * 6), 100.0)
    assert load_cost(run.model("cost"))(seen, zeros(2, 2)).shape == (2,)
    assert load_policy(run.model("safe"))(seen).shape == (2, 2)

    report = evaluate_run(workspace, run, n_episodes=1)
    for name in ("safe", "bc"):
        (episode,) = report["policies"][name]["episodes"]
        assert episode["length"] == 300
        assert 0 < episode["learned_cost"] < 300
        kept = read_rollouts(run.rollouts(name))
        assert (kept.steps.observations.shape, kept.steps.actions.shape) == ((300, 0), (300, 2))  # no pixels
        assert kept.learned_costs.sum() == pytest.approx(episode["learned_cost"], rel=1e-4)
        assert kept.steps.costs.sum() == episode["cost"]
        assert episode["reach"] >= 0
