"""Which training steps taught a policy what it did at one moment: those in states alike, by their cloning weight.

Behaviour cloning draws steps in proportion to their weight, and a network says much the same in like states. So the
share of a step in what was taught is its weight times a kernel of its distance, that of a trajectory the sum over its
steps. NumPy and pandas only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from safemil_core.data.trajectories import TrajectorySet, owners

MOST_STEPS = 2**18
"""Steps of a library: beyond it, every so many are looked at, and then all steps of the best trajectories."""
NEIGHBOURS = 64
"""Of these the farthest is one deviation of the kernel away: sparse regions get a wide one, dense ones a narrow.
Counted among all steps: a thinned library has fewer of them within the same distance."""
_BLOCK = 2**14
_PROBES = 24


@dataclass(frozen=True)
class Library:
    """The steps of a dataset, or every so many of them, ready to look for like states in."""

    steps: np.ndarray
    """[n] int64, their places among all steps."""
    states: np.ndarray
    """[n, D] float32, observations in deviations from their mean."""
    mean: np.ndarray
    """[D] float32."""
    deviation: np.ndarray
    """[D] float32; 1 where nothing varies."""
    stride: int
    """Steps from one to the next."""
    usual_radius: float
    """How far the NEIGHBOURS-th nearest state is from one of the data, in the middle."""

    @classmethod
    def of(cls, trajectories: TrajectorySet) -> Self:
        """Read once, for any number of moments."""
        stride = -(-trajectories.n_steps // MOST_STEPS)
        states = np.array(trajectories.observations[::stride], dtype=np.float32)
        mean, deviation = states.mean(axis=0, dtype=np.float64), states.std(axis=0, dtype=np.float64)
        deviation[deviation <= 1e-9 * np.maximum(np.abs(mean), 1e-300)] = 1.0
        states -= mean.astype(np.float32)
        states /= deviation.astype(np.float32)
        steps = np.arange(0, trajectories.n_steps, stride)
        probes = states[np.linspace(0, len(states) - 1, min(_PROBES, len(states))).astype(int)]
        radius = float(np.median([_radius(states, probe, stride) for probe in probes]))
        return cls(steps, states, mean.astype(np.float32), deviation.astype(np.float32), stride, radius)

    def standardised(self, observations: np.ndarray) -> np.ndarray:
        """[..., D] float32, observations as `states` has them."""
        standardised: np.ndarray = (observations - self.mean) / self.deviation
        return standardised

    def strangeness(self, observation: np.ndarray) -> float:
        """How many times as far as usual the training steps are from a state: much above 1, what a policy does in it
        was not taught but made up."""
        return _radius(self.states, self.standardised(observation), self.stride) / max(self.usual_radius, 1e-12)


def teachers(
    library: Library,
    trajectories: TrajectorySet,
    weights: np.ndarray,
    observation: np.ndarray,
    action: np.ndarray,
    n: int = 12,
) -> pd.DataFrame:
    """The trajectories that taught a policy most of what to do in a state, and of each the step that taught most.

    Args:
        library: of the trajectories.
        trajectories: that were cloned.
        weights: [sum T] cloning weight of each step; one of weight 0 teaches nothing.
        observation: [O] the state.
        action: [A] what the policy did in it.
        n: the number of trajectories, at most.

    Returns:
        Columns trajectory, step (within it), share (of all that was taught about the state), weight (of the step),
        distance (of its state, in deviations, root mean square over the dimensions) and action_difference (root mean
        square over the actions); the largest share first. Empty where states have no numbers.
    """
    state = library.standardised(observation)
    if not len(state):
        return _table(*(np.zeros(0, dtype) for dtype in (np.int64, np.int64, float, float, float, float)))
    squares = _squares(library.states, state)
    variance = _bandwidth(squares, library.stride)
    taught = _logs(weights[library.steps], squares, variance)
    of = owners(trajectories.offsets, library.steps)
    sums = np.bincount(of, np.exp(taught - taught.max()), len(trajectories))
    shares = sums / sums.sum()
    chosen = np.argsort(-shares, kind="stable")[:n]
    chosen = chosen[shares[chosen] > 0]
    best = np.empty(len(chosen), dtype=np.int64)
    for place, trajectory in enumerate(chosen):
        first, beyond = trajectories.offsets[trajectory : trajectory + 2]
        # Of a thinned library the best step need not be near the best one of the trajectory.
        all_squares = _squares(library.standardised(trajectories.observations[first:beyond]), state)
        best[place] = first + _logs(weights[first:beyond], all_squares, variance).argmax()
    distances = np.sqrt(_squares(library.standardised(trajectories.observations[best]), state) / len(state))
    differences = np.sqrt(np.square(trajectories.actions[best] - action).mean(axis=1))
    return _table(chosen, best - trajectories.offsets[chosen], shares[chosen], weights[best], distances, differences)


def _logs(weights: np.ndarray, squares: np.ndarray, variance: float) -> np.ndarray:
    """Logarithms of what steps teach: what far ones do does not round to nothing, and -inf is nothing."""
    with np.errstate(divide="ignore"):
        logs: np.ndarray = np.log(weights) - squares / (2 * variance)
    return logs


def _radius(states: np.ndarray, state: np.ndarray, stride: int) -> float:
    return float(np.sqrt(_bandwidth(_squares(states, state), stride)))


def _bandwidth(squares: np.ndarray, stride: int) -> float:
    """The variance of the kernel: the squared distance of about the NEIGHBOURS-th nearest of all states, of which every
    `stride`-th is here."""
    place = min(max(1, NEIGHBOURS // stride), len(squares)) - 1
    return max(float(np.partition(squares, place)[place]), 1e-12)


def _squares(states: np.ndarray, state: np.ndarray) -> np.ndarray:
    """[n] float64, squared distances of states [n, D] from one [D]; the differences of a block stay in the cache."""
    squares = np.empty(len(states))
    for start in range(0, len(states), _BLOCK):
        differences = states[start : start + _BLOCK] - state
        squares[start : start + _BLOCK] = np.einsum("nd,nd->n", differences, differences)
    return squares


def _table(*columns: np.ndarray) -> pd.DataFrame:
    names = ("trajectory", "step", "share", "weight", "distance", "action_difference")
    return pd.DataFrame(dict(zip(names, columns, strict=True)))
