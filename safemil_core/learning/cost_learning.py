"""The cost network of a run while it learns: its updates, when they are enough, and the weights that follow from it."""

from __future__ import annotations

import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import seeds
from safemil_core.learning.arithmetic import number_type
from safemil_core.learning.baselines.trainers import make_trainer
from safemil_core.learning.cost_model import StepCosts, score_steps
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State
from safemil_core.learning.settling import Settling
from safemil_core.learning.shares import shares, shares_follow
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights

PROBE_STEPS = 1_024
"""Steps on which the spread of c is watched during training."""

Metrics = dict[str, float]


class CostLearning:
    """A cost network, what trains it, and the latest weights of cloning that came of it."""

    def __init__(self, data: TrainingData, config: RunConfig, warm_start: CostNetwork | None) -> None:
        """
        Args:
            data: at least one trajectory marked non-preferred, and one not.
            config: the run's settings.
            warm_start: a network to begin with; None: random first weights, of torch's own generator.

        Raises:
            InvalidConfig: `warm_start` has another shape.
        """
        self._data, self._config = data, config
        self.network = CostNetwork(config.cost, data.sizes, number_type(config)).to(data.device)
        self.network.fit(data.numbers, normalise=config.normalise)
        if warm_start is not None:
            _begin_with(self.network, warm_start)
        self._trainer = make_trainer(self.network, data, config)
        self._settling = Settling(config.cost.settle)
        draw = seeds.generator(config.seed, "probe")
        self._probe = torch.randint(data.n_steps, (min(PROBE_STEPS, data.n_steps),), generator=draw)
        self._looked: State = {}
        """The cost network from which the present weights and shares follow."""
        self._final: StepCosts | None = None
        self.weights: CloningWeights | None = None
        """Of the latest scoring of all steps; None before the first."""

    @property
    def is_over(self) -> bool:
        """Whether the network has had its last update."""
        return self._final is not None

    @property
    def updates(self) -> int:
        """Done so far."""
        return self._trainer.updates

    def update(self) -> bool:
        """One update; whether there are new weights."""
        config, trainer = self._config, self._trainer
        trainer.update()
        is_settled = self._settling.is_due(trainer.updates) and self._settling.look(self._probe_costs())
        is_last = is_settled or trainer.updates == config.cost.updates
        is_due = trainer.updates % config.rescore_every == 0
        # Where they alternate, the policies cannot begin without weights.
        is_to_weigh = is_last or (self._is_alternating and (is_due or trainer.updates == 1))
        is_to_share = is_due and not is_last and shares_follow(config)
        if is_to_weigh or is_to_share:
            self._looked = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        if is_to_weigh:
            self._weigh(is_last=is_last)
        if is_to_share:
            self._share()
        return is_to_weigh

    def step_costs(self) -> StepCosts:
        """The cost of every step, by the network as it is. Raises Diverged where it is no number."""
        return self._final or score_steps(self.network, self._data)

    def present_weights(self) -> CloningWeights:
        """Those that follow from the network as it is. Raises Diverged like `step_costs`."""
        return self._trainer.weights(self.step_costs().mean)

    def metrics(self) -> Metrics:
        """The latest loss and scores, and how c lies over a sample of steps."""
        costs = self._probe_costs()
        mean = costs.mean(dim=0)
        values = {name: float(value) for name, value in self._trainer.latest.items()}
        values |= {
            "cost_mean": float(mean.mean()),
            "cost_spread": float(mean.std(correction=0)),
            "saturated": float(((mean < 0.01) | (mean > 0.99)).float().mean()),
        }
        return values | ({"disagreement": float(costs.std(dim=0, correction=0).mean())} if len(costs) > 1 else {})

    def state(self) -> dict[str, State]:
        """All that is needed to go on, by part."""
        return {
            "cost": self.network.state_dict(),
            "looked": self._looked,
            "trainer": self._trainer.state(),
            "settling": self._settling.state(),
            "learning": {"is_over": torch.tensor(self.is_over)},
        }

    def load(self, parts: dict[str, State]) -> None:
        """Go on from there; `weights` are as they were. Raises KeyError and RuntimeError where parts do not fit."""
        is_over = bool(parts["learning"]["is_over"])
        self._trainer.load(parts["trainer"])
        if parts.get("looked"):
            self._looked = parts["looked"]
            self.network.load_state_dict(self._looked)
            if is_over or self._is_alternating:
                self._weigh(is_last=is_over)
            if shares_follow(self._config) and not is_over and self.updates >= self._config.rescore_every:
                self._share()
                self._trainer.load(parts["trainer"])  # once more: these shares have counted for a while
        self.network.load_state_dict(parts["cost"])
        self._settling.load(parts["settling"])

    @property
    def _is_alternating(self) -> bool:
        return self._config.schedule == "alternate"

    def _weigh(self, *, is_last: bool) -> None:
        """Let the weights of cloning follow from the costs as they are."""
        costs = score_steps(self.network, self._data)
        self.weights = self._trainer.weights(costs.mean)
        self._final = costs if is_last else None

    def _share(self) -> None:
        """Let how often each trajectory is drawn follow from the costs as they are."""
        self._trainer.set_shares(shares(self.network, self._data, self._config))

    @torch.no_grad()
    def _probe_costs(self) -> Tensor:
        """[M, probe] costs of the sample by each member."""
        return torch.cat([self.network.each(*block) for block in self._data.blocks(self._probe)], dim=1)


def _begin_with(network: CostNetwork, other: CostNetwork) -> None:
    try:
        network.load_state_dict(other.state_dict())
    except RuntimeError:
        raise InvalidConfig(
            "the run to start from has a cost network of another shape; use its cost.network, cost.inputs, "
            "cost.hidden_sizes, cost.members, cost.aggregator and cost.image_features, or start from scratch"
        ) from None
