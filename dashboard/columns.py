"""What the numbers of trajectories, of their steps and of runs are called, wherever they are shown.

How each is written is said where there is room for so many digits or fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

TRAJECTORY = {
    "label": "label",
    "learned_cost": "learned cost",
    "highest": "highest step",
    "first_spike": "first spike",
    "weight": "weight",
    "length": "length",
    "return": "return",
    "true_cost": "true cost",
    "trajectory": "number",
}
"""Of tables with one row a trajectory; what people ask for first."""

STEP = {"learned": "learned cost", "spread": "spread of the networks", "true": "true cost"}
"""What is known of each step."""

HIDDEN_TRUTH = "Against the true costs in the dataset: hidden truth, never used in training."
RESULTS: dict[str, tuple[str, str | None]] = {
    "name": ("name", "Given below or on the Train page."),
    "created": ("when", None),
    "state": ("state", None),
    "doctor": ("doctor", "The most harmful of what the Doctor page says of it."),
    "step_auc": ("step AUC", f"{HIDDEN_TRUTH} 0.5 is guessing, 1 perfect."),
    "trajectory_spearman": (
        "rank correlation",
        f"{HIDDEN_TRUTH} Spearman's, of trajectory costs; 1 is the same order.",
    ),
    "cost_loss": ("cost loss", "Mean of the last logged values; log 2 is guessing."),
    "gap": ("gap", "Score of non-preferred bags over that of unlabelled ones, lately."),
    "cost_spread": ("spread", "How much the learned cost differs from step to step, lately."),
    "policy_loss": (
        "policy loss",
        "Of the safe policy, lately. Comparable between runs of one kind of loss and weights.",
    ),
    "safe_return": ("safe return", "Of the safe policy, evaluated on the Rollouts page."),
    "safe_cost": ("safe cost", "Of the safe policy, evaluated on the Rollouts page."),
    "seconds": ("time", "That training took."),
    "updates": ("updates", "Done."),
    "rate": ("updates/s", "On average."),
    "author": ("by", None),
    "note": ("note", None),
}
"""Of `comparison.results`, one row a run: what each is called, and about it."""

TRUTH_METRICS = {name: f"{RESULTS[name][0]} (hidden truth)" for name in ("step_auc", "trajectory_spearman")}
"""Of a run's outcome, what is known only by the true costs."""


def axis_words(column: str, names: Sequence[str] = ()) -> str:
    """What a column of a table of trajectories is called where its numbers stand beside.

    Args:
        column: of the table: in TRAJECTORY, or `mean 3`, of an observation dimension, and the like.
        names: of the observation dimensions.
    """
    kind, _, dimension = column.rpartition(" ")
    if kind == "mean" and int(dimension) < len(names):
        return f"mean {names[int(dimension)]}"
    return "length (steps)" if column == "length" else TRAJECTORY.get(column, column)
