"""When a cost has settled: a rule that needs no true cost."""

from __future__ import annotations

import torch
from torch import Tensor

from safemil_core.learning.optimiser import State

FIRST_LOOK = 50
"""Updates before the first look; after a look, the next comes when the updates have grown by the square root of 2."""


class Settling:
    """Looks at the costs of a fixed sample of steps, ever more seldom, and says when their order has settled.

    The order counts, not the values: these drift apart as long as anything is trained. It has settled when two looks in
    a row find it as it was at about half the updates: 1 minus the rank correlation is below a threshold.
    """

    def __init__(self, threshold: float) -> None:
        """
        Args:
            threshold: of 1 minus the rank correlation; 0: nothing ever settles.
        """
        self._threshold = threshold
        self._next_look = FIRST_LOOK
        self._looks: list[Tensor] = []
        """[probe] ranks at the last two looks."""
        self._n_alike = 0
        self.change = float("nan")
        """1 minus the rank correlation at the last look."""

    def is_due(self, updates: int) -> bool:
        """Whether to look after so many updates."""
        return self._threshold > 0 and updates >= self._next_look

    def look(self, costs: Tensor) -> bool:
        """Whether the costs of the sample by each member, [M, probe], have settled in their mean."""
        ranks = costs.mean(dim=0).argsort().argsort().double().cpu()
        if len(self._looks) == 2:
            self.change = 1.0 - float(torch.corrcoef(torch.stack([self._looks[0], ranks]))[0, 1])
            self._n_alike = self._n_alike + 1 if self.change < self._threshold else 0
        self._looks = [*self._looks[-1:], ranks]
        self._next_look = max(self._next_look + 1, round(self._next_look * 2**0.5))
        return self._n_alike >= 2

    def state(self) -> State:
        """All that is needed to go on."""
        looks = {f"look.{place}": ranks for place, ranks in enumerate(self._looks)}
        return {"next_look": torch.tensor(self._next_look), "n_alike": torch.tensor(self._n_alike)} | looks

    def load(self, state: State) -> None:
        """Go on from there."""
        self._next_look, self._n_alike = int(state["next_look"]), int(state["n_alike"])
        self._looks = [state[key] for key in ("look.0", "look.1") if key in state]
