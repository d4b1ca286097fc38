"""Every cause that a finding may name. Pages read it, and need not load what finds them."""

from __future__ import annotations

CAUSES: dict[str, str] = {
    "not_a_number": "a number that is none any more",
    "missing_normalisation": "inputs that are not normalised",
    "dead_network": "a dead network",
    "sparsity": "a sparsity that lets no input count",
    "learning_rate": "the learning rate",
    "saturation": "a saturated sigmoid",
    "few_labels": "too few labels",
    "duplicates": "duplicates on both sides of the labels",
    "indistinguishable": "labels that cannot be told from the unlabelled",
    "bag_size": "bags too small for the share of safe trajectories",
    "short_window": "a window that is too short",
    "length_shortcut": "the length gives the labels away",
    "time_shortcut": "the time gives the labels away",
    "source_shortcut": "the source gives the labels away",
    "slow_shortcut": "slowness gives the labels away",
    "follows_trajectory": "a cost that follows the trajectory instead of the step",
    "short_episodes": "weights that reward short episodes",
    "few_effective": "weights on a handful of trajectories",
    "immobile_weights": "weights on trajectories that hardly move",
    "immobile_policy": "a policy that hardly moves",
    "overlap_with_return": "marks on what earns most",
    "contradictions": "labels that contradict one another",
    "near_duplicates": "near-duplicates with different labels",
    "one_failure_mode": "one kind of failure that dominates the marked",
    "constant_dimensions": "inputs that never vary",
    "scales": "inputs of wild scales",
    "duplicate_trajectories": "trajectories that are in the dataset twice",
    "truncated_episodes": "episodes that were cut off early",
}
"""In words that follow `because of`."""
