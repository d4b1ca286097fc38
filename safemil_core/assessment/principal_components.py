"""The two directions along which rows of numbers differ most: a plane for a dataset's steps, or its trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safemil_core.data.storage.npy_stream import blocks

BLOCK = 65_536
"""Steps that are looked at together."""
N = 2
_ALONE = 262_144
"""Multiplications that BLAS does without starting threads."""


@dataclass(frozen=True)
class PrincipalComponents:
    """Principal components of standardised values: each dimension has mean 0 and deviation 1 before."""

    means: np.ndarray
    """[D] float64."""

    deviations: np.ndarray
    """[D] float64, 1 where a dimension never changes."""

    vectors: np.ndarray
    """[2, D] float64, orthonormal; the entry of a vector that is farthest from 0 is positive."""

    shares: np.ndarray
    """[2] float64, of the variance of all standardised dimensions."""

    def projected(self, values: np.ndarray) -> np.ndarray:
        """[S, 2] float32, where values `[S, D]` lie along the components."""
        turn = (self.vectors / self.deviations).T
        n_rows = max(1, _ALONE // turn.size)
        parts = [(block @ turn - self.means @ turn).astype(np.float32) for block in blocks(values, n_rows)]
        return np.concatenate(parts)

    def heaviest(self, component: int, names: Sequence[str], n: int = 3) -> list[tuple[str, float]]:
        """The dimensions that weigh most in a component, with their weights."""
        vector = self.vectors[component]
        return [(names[d], float(vector[d])) for d in np.argsort(-np.abs(vector), kind="stable")[:n] if vector[d]]


def principal_components(values: np.ndarray) -> PrincipalComponents:
    """The first two of values `[S, D]` (D at least 2), exactly: of the correlations over all steps, read in blocks."""
    means, covariance = _moments(values)
    variances = np.maximum(np.diag(covariance), 0)
    is_constant = variances == 0
    deviations = np.where(is_constant, 1, np.sqrt(variances))
    correlations = covariance / np.outer(deviations, deviations)
    correlations[is_constant] = correlations[:, is_constant] = 0
    strengths, columns = np.linalg.eigh(correlations)  # in ascending order
    vectors = columns[:, ::-1][:, :N].T
    signs = np.sign(vectors[np.arange(N), np.abs(vectors).argmax(axis=1)])
    n_changing = max(1, int((~is_constant).sum()))
    return PrincipalComponents(
        means, deviations, vectors * signs[:, None], np.maximum(strengths[::-1][:N], 0) / n_changing
    )


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The means `[D]` and covariances `[D, D]` of values `[S, D]`, float64."""
    shift = np.asarray(values[0], dtype=np.float64)  # keeps the digits of values that are large and vary little
    total = np.zeros(values.shape[1])
    products = np.zeros((values.shape[1], values.shape[1]))
    for block in blocks(values, BLOCK):
        shifted = block - shift
        total += shifted.sum(axis=0)
        products += _products(shifted)
    mean = total / len(values)
    return shift + mean, products / len(values) - np.outer(mean, mean)


def _products(block: np.ndarray) -> np.ndarray:
    """[D, D] the block's transpose times itself, in slices so small that BLAS starts no threads for them: these wait
    for one another, and where other programs are at work that takes forty times as long."""
    n_dimensions = block.shape[1]
    n_rows = _ALONE // n_dimensions**2
    n_rows = n_rows if n_rows >= 8 else len(block)  # so wide that it is worth threads
    slices = np.zeros((-(-len(block) // n_rows), n_rows, n_dimensions))
    slices.reshape(-1, n_dimensions)[: len(block)] = block
    products: np.ndarray = np.matmul(slices.transpose(0, 2, 1), slices).sum(axis=0)
    return products
