"""Which inputs a cost network goes by, over a dataset: permutation importance and integrated gradients, by captum.

An input is a number of the observation, an action whatever its choices, or a whole image.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from captum.attr import FeaturePermutation, IntegratedGradients
from torch import Tensor

from safemil_core.assessment.evaluation import roc_auc
from safemil_core.data.recording import Part
from safemil_core.learning.choices import inputs_per_number
from safemil_core.learning.cost_function import N_NODES
from safemil_core.learning.curves import Curves
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

N_STEPS = 4_096
"""Half of them of non-preferred trajectories, half of unlabelled ones, or of all others where none is unlabelled."""
N_NUMBERS = 2**22
"""That the sample holds at most: fewer steps than that where they have images."""
N_GRADIENTS = 512
"""Steps of the sample whose gradients are integrated."""
N_NODES_OF_CURVES = 10 * N_NODES
"""Points on the way where the cost bends at knots, between which a quadrature sees little of it."""
N_SHUFFLES = 3


def input_importance(
    network: CostNetwork,
    data: TrainingData,
    action_parts: Sequence[Part],
    *,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> pd.DataFrame:
    """How much each input matters to the cost of steps drawn from the dataset.

    Args:
        network: that has learned from the data.
        data: with a trajectory that is non-preferred and one that is not.
        action_parts: of the dataset, for the discrete among them.
        seed: of the draws.
        on_progress: called with the passes done, and all of them.

    Returns:
        A row an input, in the order observation, action, images: `auc_drop`, by how much the ROC AUC of non-preferred
        against the other steps falls where the input is shuffled over the steps, the mean over some shuffles;
        `auc_drop_spread`, its deviation over them; `cost_change`, the mean |change of c| of a shuffle; `gradient`, the
        mean |what it adds to c| on the way from the mean step, which sums to the cost of a step less that of the mean.
        The networks give no gradient of pixels: an image has none, and on that way stays as it is.
    """
    rng = np.random.default_rng(seed)
    steps = _sample(data, rng)
    observations, actions = data.take(torch.from_numpy(steps))
    inputs, n_observed = torch.cat([observations, actions], dim=1), observations.shape[1]
    mask = _mask(data, action_parts).to(inputs.device)
    total, passes = (N_SHUFFLES + 1) * _n_inputs(mask) + 1, itertools.count(1)

    def cost(of: Tensor) -> Tensor:
        costs: Tensor = network(of[:, :n_observed], of[:, n_observed:])
        return costs

    found = _of_shuffles(cost, inputs, _is_marked(data)[steps], mask, rng, lambda: on_progress(next(passes), total))
    baseline = inputs.mean(dim=0).repeat(len(inputs), 1)
    pixels = slice(data.observations.shape[1], n_observed)
    baseline[:, pixels] = inputs[:, pixels]
    some = torch.from_numpy(rng.choice(len(inputs), min(N_GRADIENTS, len(inputs)), replace=False))
    n_nodes = N_NODES_OF_CURVES if any(isinstance(part, Curves) for part in network.modules()) else N_NODES
    gradient = _mean_of_inputs(integrated_gradients(cost, inputs[some], baseline[some], n_nodes), mask)
    gradient[len(gradient) - len(data.images) :] = np.nan
    on_progress(total, total)
    return found.assign(gradient=gradient)


def integrated_gradients(
    cost: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor, n_nodes: int = N_NODES
) -> Tensor:
    """[n, D] what each input adds to the cost on the straight way from baselines to inputs, both `[n, D]`."""
    attribution = IntegratedGradients(cost)
    added: Tensor = attribution.attribute(inputs, baseline, n_steps=n_nodes, internal_batch_size=len(inputs))
    return added.detach().float()


def _of_shuffles(
    cost: Callable[[Tensor], Tensor],
    inputs: Tensor,
    is_marked: np.ndarray,
    mask: Tensor,
    rng: np.random.Generator,
    on_pass: Callable[[], None],
) -> pd.DataFrame:
    """What shuffling each input over the steps `[n, D]` changes: all columns of `input_importance` but the gradient."""

    @torch.no_grad()
    def auc(of: Tensor) -> Tensor:
        found = roc_auc(cost(of).cpu().numpy(), is_marked)
        return torch.tensor([0.5 if found is None else found])

    def shuffled(values: Tensor, chosen: Tensor) -> Tensor:
        on_pass()
        order = torch.from_numpy(rng.permutation(len(values))).to(values.device)
        return torch.where(chosen, values[order], values)

    places = [mask[0].tolist().index(number) for number in range(_n_inputs(mask))]
    drops = FeaturePermutation(auc, shuffled)
    of_shuffles = np.stack(
        [drops.attribute(inputs, feature_mask=mask)[0].cpu().numpy()[places] for _ in range(N_SHUFFLES)]
    )
    with torch.no_grad():
        changes = FeaturePermutation(cost, shuffled).attribute(inputs, feature_mask=mask).abs().mean(dim=0)
    return pd.DataFrame(
        {
            "auc_drop": of_shuffles.mean(axis=0),
            "auc_drop_spread": of_shuffles.std(axis=0),
            "cost_change": changes.cpu().numpy()[places],
        }
    )


def _mean_of_inputs(added: Tensor, mask: Tensor) -> np.ndarray:
    """[inputs] mean |what an input adds| over steps, of what each number of it adds `[n, D]`."""
    by_input = torch.zeros(len(added), _n_inputs(mask), device=added.device).index_add_(1, mask[0], added)
    means: np.ndarray = by_input.abs().mean(dim=0).cpu().numpy()
    return means


def _is_marked(data: TrainingData) -> np.ndarray:
    """[sum T] bool, whether a step is of a non-preferred trajectory."""
    return np.repeat(data.labels == "non_preferred", np.diff(data.offsets))


def _sample(data: TrainingData, rng: np.random.Generator) -> np.ndarray:
    """[n] int64 steps, in order: as many non-preferred as other ones where there are enough."""
    n = max(2, min(N_STEPS, N_NUMBERS // data.step_numbers))
    lengths, drawn = np.diff(data.offsets), []
    is_marked, is_unlabelled = data.labels == "non_preferred", data.labels == "none"
    # Where everything has been looked at, the preferred and those that nobody is sure of are what is left to compare.
    others = is_unlabelled if is_unlabelled.any() else ~is_marked
    for chosen in (is_marked, others):
        steps = np.flatnonzero(np.repeat(chosen, lengths))
        drawn.append(rng.choice(steps, min(n // 2, len(steps)), replace=False))
    return np.sort(np.concatenate(drawn))


def _mask(data: TrainingData, action_parts: Sequence[Part]) -> Tensor:
    """[1, O + pixels + A] int64, which input each number that the network sees belongs to."""
    n_observations = data.observations.shape[1]
    of_actions = np.repeat(np.arange(sum(part.size for part in action_parts)), inputs_per_number(action_parts))
    n_numbers = n_observations + int(of_actions.max(initial=-1)) + 1
    pixels = [np.full(image[0].numel(), n_numbers + i) for i, image in enumerate(data.images)]
    return torch.from_numpy(np.concatenate([np.arange(n_observations), *pixels, n_observations + of_actions]))[None]


def _n_inputs(mask: Tensor) -> int:
    return int(mask.max()) + 1
