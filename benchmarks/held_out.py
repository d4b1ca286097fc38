"""What networks say of behaviour that they have not seen: does it tell a cost that follows the trajectory, and does it
choose the better of two cost networks where nobody knows a true cost?

    python benchmarks/held_out.py --healthy 24 --provoked 8 --seeds 2

Healthy runs and provoked ones come from `provocations.py`; then one set of labels is learned from with various
settings, and what is said without true costs is compared with the ROC AUC of the cost of a step against the true cost.
One process.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np
from provocations import CPU, DEFAULTS, PLAIN, PROVOKED, Patient, costliest_marked, described, healthy
from scipy.stats import spearmanr

from safemil_core.assessment.doctor.shortcuts import behaviours
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.learning.arithmetic import prepare_process
from safemil_core.learning.held_out import held_out_agreement
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.unseen_costs import UnseenCosts

FIRST_SEED = 900
SETTINGS: tuple[tuple[str, ...], ...] = (
    (),
    DEFAULTS,
    ("cost.updates=100",),
    ("cost.updates=1500", "cost.decay=false"),
    ("cost.updates=4000", "cost.decay=false"),
    ("cost.aggregator=log_sum_exp", "cost.sharpness=1"),
    ("cost.aggregator=log_sum_exp", "cost.sharpness=4"),
    ("cost.aggregator=deep_sets",),
    ("cost.aggregator=attention",),
    ("cost.window=10",),
    ("cost.bag_size=8",),
    ("cost.bag_size=2",),
    ("cost.learning_rate=0.01",),
)


def unseen(patient: Patient, seed: int, settings: Iterable[str] = ()) -> UnseenCosts:
    """By networks with the patient's settings and these, each without one of its clusters of behaviour."""
    config = PLAIN.model_copy(update={"seed": seed})
    data = TrainingData.of(patient.trajectories, patient.labels, CPU, segments=patient.segments)
    clusters = behaviours(described(patient.trajectories))
    said = held_out_agreement(data, config.with_values((*patient.settings, *settings)), clusters)
    assert said is not None
    return said


def told_apart(n_healthy: int, n_provoked: int) -> None:
    """Healthy runs against runs whose cost follows the trajectory."""
    print("| runs | n | AUC of the labels, unseen | agreement |\n|---|---|---|---|")
    for name, provocation, n in (
        ("healthy", healthy, n_healthy),
        ("provoked", PROVOKED["follows_trajectory"], n_provoked),
    ):
        said = [unseen(provocation(np.random.default_rng(FIRST_SEED + i)), i) for i in range(n)]
        aucs = np.array([of.label_auc for of in said], dtype=float)
        agreements = np.array([of.agreement for of in said])
        spans = (f"{np.median(of):.2f} ({of.min():.2f} to {of.max():.2f})" for of in (aucs, agreements))
        print(f"| {name} | {n} | {' | '.join(spans)} |", flush=True)


def chosen_by(n_seeds: int) -> None:
    """Settings in the order of what is said without true costs, against that of the true AUC."""
    print(
        "\n| settings | AUC of the labels, unseen | agreement | true AUC, seen | true AUC, unseen |"
        "\n|---|---|---|---|---|"
    )
    for seed in range(n_seeds):
        patient = costliest_marked()
        rows = []
        for settings in SETTINGS:
            said = unseen(patient, seed, settings)
            is_unsafe = patient.trajectories.costs[~np.isnan(said.unseen)] > 0
            aucs = [roc_auc(of[~np.isnan(said.unseen)], is_unsafe) for of in (said.seen, said.unseen)]
            rows.append((said.label_auc, said.agreement, *aucs))
            print(f"| {' '.join(settings) or 'plain'} | " + " | ".join(f"{value:.2f}" for value in rows[-1]) + " |")
        order = spearmanr(np.array(rows)).statistic
        print(
            f"\nSeed {seed}, rank correlation over the settings with the true AUC (seen, unseen): AUC of the labels ",
            end="",
        )
        print(f"{order[0, 2]:.2f}, {order[0, 3]:.2f}; agreement {order[1, 2]:.2f}, {order[1, 3]:.2f}\n", flush=True)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--healthy", type=int, default=24)
    parser.add_argument("--provoked", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    prepare_process()
    told_apart(options.healthy, options.provoked)
    chosen_by(options.seeds)


if __name__ == "__main__":
    main()
