"""The two directions along which the steps of a dataset differ most: a plane for states of many dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from safemil_core.data.storage.npy_stream import blocks

BLOCK = 65_536
"""Steps that are looked at together."""
N = 2


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
        standardised = ((block - self.means) / self.deviations @ self.vectors.T for block in blocks(values, BLOCK))
        return np.concatenate([block.astype(np.float32) for block in standardised])

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
    for block in _shifted(values, shift):
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / len(values)
    return shift + mean, products / len(values) - np.outer(mean, mean)


def _shifted(values: np.ndarray, shift: np.ndarray) -> Iterator[np.ndarray]:
    return (block - shift for block in blocks(values, BLOCK))
