"""Where a reviewer is: the trajectories behind her, the next ones, and those skipped. Not why they come in that order
(`assessment.review_queue`), nor what is shown of them (`trajectory_content`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

import numpy as np

from dashboard import label_resources, resources, run_resources, state
from dashboard.telling import callback
from safemil_core.assessment.review_queue import MEANINGS, ORDERS, Order, QueueItem, review_queue
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import NotReady
from safemil_core.running.run_folder import Run

N_AHEAD = 3
"""Trajectories that are settled, and in the browser, before the user gets to them."""
N_BEHIND = 500
"""How far back one can go."""
WalkOrder = Order | Literal["chosen on the Costs page"]
CHOSEN: Final = "chosen on the Costs page"
ORDER_KEY = "review.order"
"""Of the widget that chooses the order."""
BY_LABELS: tuple[WalkOrder, ...] = ("near a marked one", "unlike all marked")
"""Orders that change with every label."""

BY_NUMBER = "You came here by its number."
"""Why one is shown that the queue did not propose."""

_WALK, _QUEUE, _CHOSEN = "review.walk", "review.queue", "review.chosen"


@dataclass(frozen=True)
class Walk:
    """The way of one person through a queue, forth and back."""

    visited: tuple[QueueItem, ...]
    """In the order of looking; at least one."""

    at: int = 0
    """Which of the visited is shown."""

    ahead: tuple[QueueItem, ...] = ()
    """Those to come. They stay what they are, however the queue is ordered meanwhile."""

    skipped: frozenset[int] = frozenset()

    @property
    def current(self) -> QueueItem:
        return self.visited[self.at]

    @property
    def upcoming(self) -> tuple[QueueItem, ...]:
        """At most N_AHEAD, the next one first."""
        return (*self.visited[self.at + 1 : self.at + 1 + N_AHEAD], *self.ahead)[:N_AHEAD]

    @property
    def previous(self) -> QueueItem | None:
        return self.visited[self.at - 1] if self.at else None

    def forward(self) -> Walk:
        """One on; the same where nothing comes."""
        if self.at + 1 < len(self.visited):
            return replace(self, at=self.at + 1)
        if not self.ahead:
            return self
        visited = (*self.visited, self.ahead[0])[-N_BEHIND:]
        return replace(self, visited=visited, at=len(visited) - 1, ahead=self.ahead[1:])

    def back(self) -> Walk:
        """One back; the same at the beginning."""
        return replace(self, at=max(0, self.at - 1))

    def skip(self) -> Walk:
        """One on; this one comes back after all others."""
        return replace(self, skipped=self.skipped | {self.current.trajectory}).forward()

    def go_to(self, trajectory: int) -> Walk:
        """To one that the queue did not propose, or that lies behind."""
        if trajectory == self.current.trajectory:
            return self
        for at in range(len(self.visited) - 1, -1, -1):
            if self.visited[at].trajectory == trajectory:
                return replace(self, at=at)
        item = QueueItem(trajectory, BY_NUMBER)
        visited = (*self.visited[: self.at + 1], item, *self.visited[self.at + 1 :])
        return replace(self, visited=visited, at=self.at + 1)

    def planned(self, queue: list[QueueItem], labels: np.ndarray) -> Walk:
        """With the places ahead filled from the queue.

        Args:
            queue: the next one first; those judged, passed or skipped are left out.
            labels: [N] as they are now. What has a label by now need not be looked at.

        Returns:
            N_AHEAD to come, or as many as there are. Where the queue ends, it begins again with what was passed over.
        """
        is_open = labels == "none"
        ahead = [item for item in self.ahead if is_open[item.trajectory]]
        taken = {*self.skipped, *(item.trajectory for item in (*self.visited, *ahead))}
        fresh = (item for item in queue if item.trajectory not in taken and is_open[item.trajectory])
        ahead += islice(fresh, N_AHEAD - len(ahead))
        if not ahead:
            here = self.current.trajectory
            ahead += islice((i for i in queue if is_open[i.trajectory] and i.trajectory != here), N_AHEAD)
        return replace(self, ahead=tuple(ahead))


def walk_orders(info: DatasetInfo) -> list[WalkOrder]:
    """The orders to choose from: also what another page has chosen, where one has."""
    orders: list[WalkOrder] = [*ORDERS]
    return [*orders, CHOSEN] if _chosen(info) else orders


def meaning(order: WalkOrder) -> str:
    """An order in a sentence that gives no score away."""
    return "Those that you chose there, in the order of its table." if order == CHOSEN else MEANINGS[order]


@callback
def review_next(info: DatasetInfo, items: Sequence[QueueItem]) -> None:
    """Let the Review page show these next, the first one first; those that have a label are passed over."""
    state.remember(_CHOSEN, (info.id, tuple(items)))
    labels = resources.label_state(info).labels
    state.trajectory.set(next((item.trajectory for item in items if labels[item.trajectory] == "none"), None))
    state.set_widget_value(ORDER_KEY, CHOSEN)


def current_walk(info: DatasetInfo, order: WalkOrder, run: Run | None, *, is_idle: bool = False) -> Walk:
    """The walk as session, URL and labels have it at this moment, with the next ones planned.

    Args:
        is_idle: whether nobody waits: then an order that goes by labels follows those given since.

    Raises:
        NotReady: what the order goes by is not there yet.
    """
    labels = resources.label_state(info).labels
    queue = _queue(info, order, run, is_idle=is_idle)
    kept: tuple[tuple[str, ...] | None, Walk | None] = state.recall(_WALK, (None, None))
    key, walk = kept
    chosen = state.trajectory.get()
    if walk is None or key != _key(info, order, run):
        skipped: frozenset[int] = frozenset()
        if walk is not None and key is not None and key[0] == info.id:
            chosen, skipped = None, walk.skipped  # another order was asked for: it begins with its first
        walk = Walk((_begin(queue, labels, chosen),), skipped=skipped)
    elif chosen is not None and 0 <= chosen < info.n_trajectories:
        walk = walk.go_to(chosen)
    walk = walk.planned(queue, labels)
    keep_walk(info, order, run, walk)
    return walk


@callback
def keep_walk(info: DatasetInfo, order: WalkOrder, run: Run | None, walk: Walk) -> None:
    """Remember where the user is; the URL follows when the page is drawn."""
    state.remember(_WALK, (_key(info, order, run), walk))
    state.trajectory.set(walk.current.trajectory)


@callback
def order_anew() -> None:
    """Let the queue be made again of what is known now, beginning with its first."""
    state.forget(_QUEUE)
    key, walk = state.recall(_WALK, (None, None))
    if key is not None:
        state.remember(_WALK, ((key[0], "", ""), walk))


def _queue(info: DatasetInfo, order: WalkOrder, run: Run | None, *, is_idle: bool) -> list[QueueItem]:
    """Made once, and again where it goes by labels and somebody has given some."""
    if order == CHOSEN:
        return list(_chosen(info))
    key, latest = _key(info, order, run), resources.labels(info).latest()
    made_for, made_at, queue = state.recall(_QUEUE, (None, -1, []))
    if key == made_for and (latest == made_at or not is_idle or order not in BY_LABELS):
        return list(queue)
    try:
        made = review_queue(
            order,
            labels=resources.label_state(info).labels,
            descriptors=resources.descriptors(info) if order in BY_LABELS else np.empty((info.n_trajectories, 0)),
            learned_cost=_learned_cost(run),
            disagreement=label_resources.disagreement(info),
        )
    except NotReady:
        if key != made_for:
            raise
        made = queue  # the only mark was taken back: the old order is still one
    state.remember(_QUEUE, (key, latest, made))
    return list(made)


def _begin(queue: list[QueueItem], labels: np.ndarray, chosen: int | None) -> QueueItem:
    """What the URL chose, else the first without a label, else any."""
    if chosen is not None and 0 <= chosen < len(labels):
        return next((item for item in queue if item.trajectory == chosen), QueueItem(chosen, BY_NUMBER))
    return next((item for item in queue if labels[item.trajectory] == "none"), QueueItem(0, BY_NUMBER))


def _key(info: DatasetInfo, order: WalkOrder, run: Run | None) -> tuple[str, ...]:
    if order == CHOSEN:
        return info.id, order, ",".join(str(item.trajectory) for item in _chosen(info))
    return info.id, order, run.id if run is not None and order == "learned cost" else ""


def _chosen(info: DatasetInfo) -> tuple[QueueItem, ...]:
    """What another page has chosen to be reviewed."""
    dataset_id, items = state.recall(_CHOSEN, ("", ()))
    return tuple(items) if dataset_id == info.id else ()


def _learned_cost(run: Run | None) -> np.ndarray | None:
    if run is None:
        return None
    try:
        return run_resources.run_cost_sums(run).to_numpy()
    except NotReady:  # it still trains
        return None
