"""The policies of a run, cloned side by side, wherever that is fastest.

On a GPU a single computation makes an update of them all, since launching it is what takes time. On processors each
policy has a computation of its own, which one core does from beginning to end: the first in this process, the others in
processes beside it where there are cores for them. An update is the same to the bit in either.
"""

from __future__ import annotations

from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning.arithmetic import n_cores, number_type
from safemil_core.learning.baselines.trainers import make_cloner
from safemil_core.learning.beside import Beside, can_fork
from safemil_core.learning.cloner import Cloner
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State, joined, parted
from safemil_core.learning.policies import Policy, make_policy
from safemil_core.learning.training_data import TrainingData

WORTH_A_PROCESS = 100
"""Updates: forking costs as much as some twenty save."""


class Cloners:
    """Policies that start alike; only what they imitate tells them apart. To be closed, or used in a `with`."""

    def __init__(self, data: TrainingData, config: RunConfig, n_policies: int, cost: CostNetwork | None = None) -> None:
        """
        Args:
            data: what there is to imitate.
            config: the settings of the run.
            n_policies: of them; the first is the one that the method is for.
            cost: what the method has learned, or is learning, if it does.

        Raises:
            InvalidConfig: the method has no use for such observations or actions.
        """
        self._data, self._config = data, config
        self._together = n_policies if data.device.type != "cpu" else 1
        """Policies in one computation."""
        policy = make_policy(config.policy, data.sizes, 1, number_type(config)).to(data.device)
        policy.fit(data.numbers, normalise=config.normalise)
        self._cloners = [
            make_cloner(self._copies(policy), data, config, cost)
            if first == 0
            else Cloner(self._copies(policy), data, config)
            for first in range(0, n_policies, self._together)
        ]
        self._beside: list[Beside] = []
        """Those of the cloners after the first, while they are at work."""

    def __enter__(self) -> Cloners:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes beside this one; what they have done since they were asked last is lost."""
        for beside in self._beside:
            beside.close()
        self._beside = []

    @property
    def updates(self) -> int:
        """Done so far, or asked of the processes beside this one."""
        return self._cloners[0].updates

    def set_weights(self, policy: int, steps: np.ndarray) -> None:
        """Let one policy imitate steps in proportion to these weights, [sum T] >= 0, not all 0."""
        of, member = divmod(policy, self._together)
        if of > 0 and self._beside:
            self._catch_up()
            self.close()
        self._cloners[of].set_weights(member, steps)

    def update(self) -> None:
        """One update of every policy."""
        if not self._beside and self._is_worth_processes():
            self._beside = [Beside(cloner) for cloner in self._cloners[1:]]
        for beside in self._beside:
            beside.update()
        for cloner in self._here:
            cloner.update()

    def losses(self) -> Tensor:
        """[policies] of the last update. Raises as `Beside`."""
        return torch.cat([*(cloner.losses for cloner in self._here), *(beside.losses() for beside in self._beside)])

    def policies(self) -> list[Policy]:
        """As they are, one each, ready to act. Raises as `Beside`."""
        self._catch_up()
        found: list[Policy] = []
        for cloner in self._cloners:
            for member in range(self._together):
                policy = make_policy(self._config.policy, self._data.sizes).to(self._data.device)
                _fill(policy, cloner.policies, slice(member, member + 1))
                found.append(policy.eval())
        return found

    def state(self) -> State:
        """All that is needed to go on, beside weights. Raises as `Beside`."""
        self._catch_up()
        return joined({str(number): cloner.state() for number, cloner in enumerate(self._cloners)})

    def load(self, state: State) -> None:
        """Go on from there; weights are set before or after. Raises KeyError or RuntimeError for another's state."""
        self.close()
        parts = parted(state)
        for number, cloner in enumerate(self._cloners):
            cloner.load(parts[str(number)])

    @property
    def _here(self) -> list[Cloner]:
        """Those that this process trains."""
        return self._cloners[:1] if self._beside else self._cloners

    def _is_worth_processes(self) -> bool:
        has_cores = 1 < len(self._cloners) <= n_cores()
        can = all(map(can_fork, self._cloners[1:])) and not self._data.is_remote  # a thread that fetches stays behind
        return can and has_cores and self._config.policy.updates - self.updates >= WORTH_A_PROCESS

    def _catch_up(self) -> None:
        for beside in self._beside:
            beside.catch_up()

    def _copies(self, policy: Policy) -> Policy:
        """As many as are in one computation."""
        copies = make_policy(self._config.policy, self._data.sizes, self._together, number_type(self._config))
        _fill(copies, policy)
        return copies.to(self._data.device)


@torch.no_grad()
def _fill(policy: Policy, other: Policy, members: slice = slice(None)) -> None:
    """Numbers of a policy, or of several, from those of another."""
    for own, of_other in zip(policy.buffers(), other.buffers(), strict=True):
        own.copy_(of_other)
    for own, of_other in zip(policy.parameters(), other.parameters(), strict=True):
        own.copy_(of_other[members])  # one is spread over many
