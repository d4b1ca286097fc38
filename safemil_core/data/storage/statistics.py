"""Statistics of trajectories, computed once while their steps stream past; not what pages make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Of `k` stretches of steps with `D` numbers each; all that is needed to join stretches later."""

    n: np.ndarray
    """[k] steps."""
    sum: np.ndarray
    """[k, D] float64."""
    squares: np.ndarray
    """[k, D] float64, sum of squared distances from the mean."""
    low: np.ndarray
    """[k, D] float32; NaN or infinite where a value is, as `high`."""
    high: np.ndarray
    first: np.ndarray
    """[k, D] float32, of the first step."""
    last: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, starts: np.ndarray) -> Self:
        """Of values `[n, D]` in stretches that begin at `starts` (the first at 0)."""
        stops = np.append(starts[1:], len(values))
        n, first = stops - starts, values[starts]
        with np.errstate(invalid="ignore", over="ignore"):
            exact = values.astype(np.float64)  # NumPy's sums convert more slowly
            total = np.add.reduceat(exact, starts, axis=0)
            # Squares from the first step on keep their digits where values are large and vary little.
            exact -= np.repeat(first, n, axis=0)
            np.multiply(exact, exact, out=exact)
            squares = (
                np.add.reduceat(exact, starts, axis=0)
                - (total - n[:, None] * first.astype(np.float64)) ** 2 / n[:, None]
            )
        return cls(
            n=n,
            sum=total,
            squares=np.maximum(squares, 0),
            low=np.minimum.reduceat(values, starts, axis=0),
            high=np.maximum.reduceat(values, starts, axis=0),
            first=first,
            last=values[stops - 1],
        )

    def __len__(self) -> int:
        return len(self.n)

    def __getitem__(self, some: slice) -> Self:
        return type(self)(**{key: array[some] for key, array in vars(self).items()})

    def continued(self, later: Self) -> Self:
        """Of k stretches, each of which goes on with one of `later`."""
        n = self.n + later.n
        with np.errstate(invalid="ignore"):
            between = (later.mean - self.mean) ** 2 * (self.n * later.n / n)[:, None]
        return type(self)(
            n=n,
            sum=self.sum + later.sum,
            squares=self.squares + later.squares + between,
            low=np.minimum(self.low, later.low),
            high=np.maximum(self.high, later.high),
            first=self.first,
            last=later.last,
        )

    def followed_by(self, others: Self) -> Self:
        """These stretches, then the others."""
        return type(self)(**{key: np.concatenate([array, getattr(others, key)]) for key, array in vars(self).items()})

    def joined(self) -> Self:
        """All as one stretch."""
        n, total = self.n.sum(), self.sum.sum(axis=0)
        squares = (self.squares + self.n[:, None] * (self.mean - total / n) ** 2).sum(axis=0)
        return type(self)(
            n=np.array([n]),
            sum=total[None],
            squares=squares[None],
            low=self.low.min(axis=0, keepdims=True),
            high=self.high.max(axis=0, keepdims=True),
            first=self.first[:1],
            last=self.last[-1:],
        )

    @property
    def mean(self) -> np.ndarray:
        """[k, D] float64."""
        mean: np.ndarray = self.sum / self.n[:, None]
        return mean

    @property
    def spread(self) -> np.ndarray:
        """[k, D] float64, standard deviation over the steps of each stretch."""
        spread: np.ndarray = np.sqrt(self.squares / self.n[:, None])
        return spread

    @property
    def finite(self) -> np.ndarray:
        """[k] whether all values of a stretch are."""
        finite: np.ndarray = (np.isfinite(self.low) & np.isfinite(self.high)).all(axis=1)
        return finite


@dataclass(frozen=True)
class Dimensions:
    """Of each dimension over all steps of a dataset."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, moments: Moments) -> Self:
        """Of the joined stretch of a dataset."""
        columns = (moments.mean, moments.spread, moments.low, moments.high)
        return cls(*(tuple(float(value) for value in column[0]) for column in columns))
