"""Batches one after another, made in blocks: ahead in a thread where they come from outside the device that trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """The batches 0, 1, 2 and so on, one at a time."""

    def __init__(self, make: Callable[[int], Sequence[T]], size: int, *, is_ahead: bool) -> None:
        """
        Args:
            make: the block of `size` batches that begins at a number, the same whenever it is asked; called by one
                thread at a time, in order.
            size: of a block.
            is_ahead: make the next block while batches of one are learned from; otherwise when it is asked for.
        """
        self._make, self._size = make, size
        self._thread = ThreadPoolExecutor(1) if is_ahead else None
        self._number = self._origin = 0
        self._block: Sequence[T] = ()
        """The present one, from which batches come."""
        self._coming: Future[Sequence[T]] | None = None

    @property
    def number(self) -> int:
        """Of the batch that comes next."""
        return self._number

    def next(self) -> T:
        """The next batch."""
        place = (self._number - self._origin) % self._size
        if place == 0 or not self._block:
            self._block = self._made(self._number - place)
        self._number += 1
        return self._block[place]

    def restart(self, number: int, origin: int = 0) -> None:
        """Go on with this number, in blocks counted from `origin`, and with what `make` gives from now on."""
        if self._coming is not None:
            self._coming.cancel()
        if self._thread is not None:
            self._thread.submit(int).result()  # whatever it was at is over
        self._number, self._origin = number, origin
        self._block, self._coming = (), None

    def _made(self, begin: int) -> Sequence[T]:
        if self._thread is None:
            return self._make(begin)
        block = self._coming or self._thread.submit(self._make, begin)
        self._coming = self._thread.submit(self._make, begin + self._size)
        return block.result()
