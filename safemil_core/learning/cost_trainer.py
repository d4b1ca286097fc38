"""How cost networks learn from bags: one update after another, as fast as the products allow.

When to stop, and what becomes of the costs, is not here (`cost_learning`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning import seeds
from safemil_core.learning.aggregators import Sum
from safemil_core.learning.ahead import Ahead
from safemil_core.learning.arithmetic import on_device
from safemil_core.learning.bag_sums import bag_sums
from safemil_core.learning.bags import Bags, BagSampler, kinds_of_bags, side_by_side
from safemil_core.learning.cost_model import bag_loss, bag_loss_slopes
from safemil_core.learning.curves import Curves
from safemil_core.learning.mlp import Mlp
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.one_launch import OneLaunch
from safemil_core.learning.optimiser import Optimiser, State
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights, cloning_weights

BLOCK_UPDATES = 64
BLOCK_STEPS = 2**16
BLOCK_NUMBERS = 2**24
"""Bags are drawn for up to so many updates, steps, and numbers that networks see, at once."""
CHUNK = 2**14
"""Steps that go through the network together, so that what is computed of them stays in the cache."""
GPU_CHUNK = 2**18
"""As many on a GPU, so that no part of it waits for work."""
CHUNK_NUMBERS = 2**24
"""Numbers of them, pixels for example, that are in memory together."""
COMPARED_STEPS = 2**15
"""Of the non-preferred and of the unlabelled, by which it is told how far apart they lie."""
SUMMED_STEPS = 512
"""From so many on it takes less to sum in one pass; fewer are too little for two cores."""
_KINDS = ("non_preferred", "unlabelled", "preferred")


@dataclass(frozen=True)
class Batch:
    """The bags of one update."""

    bags: Bags
    inputs: tuple[Tensor, Tensor] | None
    """Observations [M, P, ...] and actions [M, P, A] that have been fetched from the host; None where the data lie on
    the device that trains, or where there are too many numbers in them to be in memory together."""
    mask: Tensor | None
    """[M, 1, D] 0 for the inputs that the network has to do without."""


class CostTrainer:
    """Trains the `M` members of a cost network side by side, each on bags of its own."""

    def __init__(
        self, network: CostNetwork, data: TrainingData, config: RunConfig, is_held_out: np.ndarray | None = None
    ) -> None:
        """
        Args:
            network: on the device of the data.
            data: at least one trajectory marked non-preferred, and one unlabelled.
            config: the settings of the run.
            is_held_out: [M, N] trajectories that a member is not to see; None: each sees all.
        """
        self.network = network
        self._data, self._config, self._weighing, self._seed = data, config.cost, config.weights, config.seed
        decay_over = config.cost.updates if config.cost.decay else None
        self._optimiser = Optimiser(network.parameters(), config.optimiser, config.cost.learning_rate, decay_over)
        shape = (network.n_members, len(data.labels))
        is_seen = np.ones(shape, dtype=bool) if is_held_out is None else ~is_held_out
        kinds = kinds_of_bags(data.labels, config.cost.preferred_weight)
        self._preferred_weight = config.cost.weight_of_preferred(int((data.labels == "preferred").sum()))
        self._samplers = [[self._sampler(kind & seen) for seen in is_seen] for kind in kinds]
        widest = max(sampler.bag_steps for kind in self._samplers for sampler in kind)
        numbers = len(self._samplers) * network.n_members * widest * data.step_numbers
        self._block_updates = max(1, min(BLOCK_UPDATES, BLOCK_STEPS // widest, BLOCK_NUMBERS // numbers))
        self._shares_since = 0
        """The update from which trajectories are drawn as they are now; blocks are counted from there."""
        chunk = CHUNK if data.device.type == "cpu" else GPU_CHUNK
        self._chunk = max(1, min(chunk, CHUNK_NUMBERS // (data.step_numbers * network.n_members)))
        self._batches = Ahead(self._block, self._block_updates, is_ahead=data.is_remote)
        self._descend: Callable[..., dict[str, Tensor]] = self._learn_from
        # Whole trajectories make other shapes in every update; of images, a backward pass is within the backward pass.
        if config.cost.window and not data.images:
            self._descend = OneLaunch(self._learn_from)
        self._pull = torch.full((network.n_members,), config.cost.sparsity, device=data.device)
        """[M] towards having no effect, of every input, in units of the loss."""
        if config.cost.sparsity and config.cost.relative_sparsity and isinstance(network.body, Curves):
            self._pull *= self._separations()
        self._goes_by_sums = self._may_go_by_sums()
        self.latest: dict[str, Tensor] = {}
        """Loss and scores of the last update, means over the members, still on the device."""

    @property
    def updates(self) -> int:
        """Done so far."""
        return self._batches.number

    def update(self) -> None:
        """One update of every member."""
        batch = self._batches.next()
        self._optimiser.prepare()
        bags, inputs = batch.bags, batch.inputs or (None, None)
        self.latest = self._descend(bags.steps, bags.weights, bags.ends, *inputs, batch.mask)

    def _learn_from(
        self,
        steps: Tensor,
        weights: Tensor,
        ends: tuple[int, ...],
        observations: Tensor | None,
        actions: Tensor | None,
        mask: Tensor | None,
    ) -> dict[str, Tensor]:
        """Learn from a batch, in its single tensors; what `latest` is to be."""
        inputs = None if observations is None or actions is None else (observations, actions)
        batch = Batch(Bags(steps, weights, ends), inputs, mask)
        scores, losses = self._backward(batch)
        self._optimiser.descend()
        if self._config.sparsity > 0:
            self.network.body.shrink(self._optimiser.rates, self._pull)
        latest = {f"score_{kind}": score.detach().mean() for kind, score in zip(_KINDS, scores, strict=False)}
        return latest | {"cost_loss": losses.detach().mean()}

    def set_shares(self, shares: np.ndarray) -> None:
        """Draw the trajectories of each kind with these probabilities from now on, [N] > 0 and of any sum."""
        for of_kind in self._samplers:
            for sampler in of_kind:
                sampler.set_shares(shares)
        self._draw_anew_from(self.updates, self.updates)

    def state(self) -> State:
        """All that is needed to go on, beside the network: the bags to come follow from the seed."""
        counts = {"shares_since": torch.tensor(self._shares_since), "done": torch.tensor(self.updates)}
        return counts | self._optimiser.state()

    def load(self, state: State) -> None:
        """Go on from there; shares, where there are any, are set before."""
        self._optimiser.load(state)
        self._draw_anew_from(int(state["shares_since"]), int(state["done"]))

    def _draw_anew_from(self, shares_since: int, update: int) -> None:
        self._batches.restart(update, shares_since)
        self._shares_since = shares_since

    def _may_go_by_sums(self) -> bool:
        """Whether sums of costs are all that the loss sees, so that they can be made in one pass. On processors, whose
        cache then holds what is computed; a GPU would launch more kernels."""
        has_sums = type(self).objective is CostTrainer.objective and isinstance(self.network.aggregator, Sum)
        is_perceptron = isinstance(self.network.body, Mlp) and not self._data.images
        return has_sums and is_perceptron and not self._config.gradient_penalty and self._data.device.type == "cpu"

    def _backward(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """The gradient of the loss; scores of each kind of bag and losses, [M]."""
        n_steps = batch.bags.ends[-1]
        if self._goes_by_sums and n_steps >= SUMMED_STEPS:
            return self._backward_of_sums(batch)
        if n_steps > self._chunk:
            return self._backward_in_chunks(batch)
        (inputs,) = self._chunks(batch)
        scores, losses = self.objective(self.network.body(inputs), batch.bags)
        penalty = self.penalty(inputs, batch.bags).sum() / inputs.shape[1]
        (losses.sum() + penalty).backward()  # type: ignore[no-untyped-call]
        return scores, losses

    def _backward_of_sums(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """The same by the sums alone."""
        body, bags, preferred_weight = self.network.body, batch.bags, self._preferred_weight
        assert isinstance(body, Mlp)

        def inputs(member: int, steps: slice) -> Tensor:
            return self._inputs(batch, slice(member, member + 1), steps)[0]

        found = bag_sums(body, inputs, bags.weights, bags.ends)
        body.weights.grad = found.gradient(bag_loss_slopes(found.sums, preferred_weight))
        scores = list(found.sums)
        return scores, bag_loss(scores, preferred_weight)

    def _backward_in_chunks(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """The same where there are too many steps at a time: first what the network says of each of them, then how the
        loss changes with it, and last, computed once more, how that changes with the weights."""
        with torch.no_grad():
            outputs = torch.cat([self.network.body(inputs) for inputs in self._chunks(batch)], dim=1)
        scores, losses = self.objective(outputs.requires_grad_(), batch.bags)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        assert outputs.grad is not None
        gradients = torch.split(outputs.grad, self._chunk, dim=1)
        for inputs, gradient in zip(self._chunks(batch), gradients, strict=True):
            above = (self.network.body(inputs) * gradient).sum()
            (above + self.penalty(inputs, batch.bags).sum() / outputs.shape[1]).backward()
        return scores, losses

    def _chunks(self, batch: Batch) -> Iterator[Tensor]:
        """[M, n, D] what the network's body sees of as many steps as go through it together."""
        for begin in range(0, batch.bags.ends[-1], self._chunk):
            yield self._inputs(batch, slice(None), slice(begin, begin + self._chunk))

    def _inputs(self, batch: Batch, members: slice, steps: slice) -> Tensor:
        """[m, n, D] what the bodies of some members see of some of the steps."""
        if batch.inputs is None:
            observations, actions = self._data.take(batch.bags.steps[members, steps])
        else:
            observations, actions = (of[members, steps] for of in batch.inputs)
        inputs = self.network.inputs(observations, actions)
        return inputs if batch.mask is None else inputs * batch.mask[members]

    def penalty(self, inputs: Tensor, bags: Bags) -> Tensor:
        """[M, .] terms of what the slopes of the cost's logit add to the loss, in all as much as a term of each step;
        of the inputs [M or 1, n, D] of those of the bags' steps that go through the network together."""
        weight = self._config.gradient_penalty
        return weight * self.network.slopes(inputs) if weight > 0 else inputs.new_zeros(1)

    def objective(self, outputs: Tensor, bags: Bags) -> tuple[list[Tensor], Tensor]:
        """What is learned, which is what baselines have another idea of.

        Args:
            outputs: [M, P, F] of the steps of all bags.
            bags: of one update.

        Returns:
            The score of each kind of bag and the loss, [M] each.
        """
        parts = zip(bags.each(outputs), bags.each(bags.weights), strict=True)
        scores = [self.network.aggregator.score(*part) for part in parts]
        return scores, bag_loss(scores, self._preferred_weight)

    def weights(self, step_costs: np.ndarray) -> CloningWeights:
        """Of cloning, as they follow from the costs of all steps [sum T]."""
        data = self._data
        return cloning_weights(step_costs, data.offsets, data.labels, self._weighing, self._config.gamma)

    def _block(self, begin: int) -> list[Batch]:
        """The batches of the updates from `begin`."""
        data, generator = self._data, seeds.generator(self._seed, "bags", begin)
        drawn = [[sampler.draw(generator, self._block_updates) for sampler in kind] for kind in self._samplers]
        bags = side_by_side(drawn, data.device)
        inputs = self._fetched(bags) if data.is_remote else [None] * len(bags)
        masks = map(self._mask, range(begin, begin + len(bags)))
        return [Batch(*of_update) for of_update in zip(bags, inputs, masks, strict=True)]

    def _fetched(self, bags: list[Bags]) -> Sequence[tuple[Tensor, Tensor] | None]:
        """Observations and actions of each update's bags; None where they would be too many numbers."""
        if bags[0].steps.numel() * self._data.step_numbers > CHUNK_NUMBERS:
            return [None] * len(bags)
        return list(zip(*self._data.take(torch.stack([of.steps for of in bags])), strict=True))

    def _separations(self) -> Tensor:
        """[M] how far apart the steps of each member's non-preferred and unlabelled bags lie."""
        generator = seeds.generator(self._seed, "separation")

        def sample(sampler: BagSampler) -> tuple[Tensor, Tensor]:
            bags = sampler.draw(generator, max(1, COMPARED_STEPS // sampler.bag_steps))
            steps = torch.cat([bag.steps for bag in bags])[torch.cat([bag.weights for bag in bags]) > 0]
            return on_device(data.observations[steps], data.device), on_device(data.actions[steps], data.device)

        data, (non_preferred, unlabelled, *_) = self._data, self._samplers
        found = [self.network.separation(sample(n), sample(u)) for n, u in zip(non_preferred, unlabelled, strict=True)]
        return torch.tensor(found, device=data.device)

    def _mask(self, number: int) -> Tensor | None:
        """[M, 1, D] which inputs update `number` sees: 0 and 1; None where it sees all."""
        if not self._config.input_masking:
            return None
        uniform = torch.rand(
            (self.network.n_members, 1, self.network.n_inputs), generator=seeds.generator(self._seed, "masks", number)
        )
        return on_device((uniform >= self._config.input_masking).float(), self._data.device)

    def _sampler(self, members: np.ndarray) -> BagSampler:
        return BagSampler(
            self._data.offsets,
            np.flatnonzero(members),
            bag_size=self._config.bag_size,
            window=self._config.window,
            gamma=self._config.gamma,
            segments={t: s for t, s in self._data.segments.items() if self._data.labels[t] == "non_preferred"},
            device=self._data.observations.device,
        )
