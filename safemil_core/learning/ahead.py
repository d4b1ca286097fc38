"""One batch after another, worked out ahead in a thread where they come from outside the device that trains."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

N_AHEAD = 3
"""Batches that are ready or on their way while one is learned from."""


class Ahead(Generic[T]):
    """What a function gives for the numbers 0, 1, 2 and so on, one at a time."""

    def __init__(self, make: Callable[[int], T], *, is_ahead: bool) -> None:
        """
        Args:
            make: the batch of a number, the same whenever it is asked; called by one thread at a time, in order.
            is_ahead: work ahead; otherwise each is made when it is asked for.
        """
        self._make, self._number = make, 0
        self._thread = ThreadPoolExecutor(1) if is_ahead else None
        self._coming: deque[Future[T]] = deque()

    @property
    def number(self) -> int:
        """Of the batch that comes next."""
        return self._number

    def next(self) -> T:
        """The next batch."""
        number = self._number
        self._number += 1
        if self._thread is None:
            return self._make(number)
        while len(self._coming) < N_AHEAD:
            self._coming.append(self._thread.submit(self._make, number + len(self._coming)))
        return self._coming.popleft().result()

    def restart(self, number: int) -> None:
        """Go on with this number, and with what `make` gives from now on."""
        for batch in self._coming:
            batch.cancel()
        self._coming.clear()
        if self._thread is not None:
            self._thread.submit(int).result()  # whatever it was at is over
        self._number = number
