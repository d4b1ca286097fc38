"""Episodes that policies have played, kept in the workspace: the same policy in the same environment from the same seed
plays the same episode, so it is rolled out once, whichever run asks."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from safemil_core.assessment.rollouts import Episode
from safemil_core.running.rollout_records import read_rollouts, write_rollouts
from safemil_core.workspace import Workspace

_FORMAT = "1"
"""Another one whenever an episode comes about in another way."""
_KEY_LENGTH = 32
_SIMULATORS = ("gymnasium", "gymnasium-robotics", "mujoco", "pybullet", "bullet-safety-gym")
_RANDOM = "random"
"""Takes the place of a policy's digest."""


class EpisodeCache:
    """The episodes of one policy in one environment, a file a seed; each appears whole, as soon as it has ended."""

    def __init__(self, workspace: Workspace, environment: str, policy: Path | None, cost: Path | None = None) -> None:
        """
        Args:
            workspace: that keeps them.
            environment: its name; of a file of the user's, with its hash.
            policy: its file; None for random actions.
            cost: the cost network that scored the steps, where that cannot be done again from what is kept.
        """
        scored = "" if cost is None else digest(cost)
        acting = _RANDOM if policy is None else digest(policy)
        where = "\n".join([_FORMAT, *map(_version, _SIMULATORS), environment, scored])
        key = hashlib.sha256(where.encode()).hexdigest()[:_KEY_LENGTH]
        self.folder = workspace.episodes(acting[:_KEY_LENGTH]) / key
        """The same for equal policies in the same environment."""
        self.folder.mkdir(exist_ok=True)

    def read(self, seed: int) -> Episode | None:
        """The episode that begins with this seed; None where it has not been played. It has no frames."""
        kept = read_rollouts(self._file(seed))
        if kept is None:
            return None
        steps = kept.steps
        assert steps.rewards is not None
        assert steps.costs is not None
        return Episode(seed, steps.rewards, steps.costs, kept.learned_costs, steps.observations, steps.actions)

    def film(self, seed: int, cost: Path | None) -> Path:
        """Where the film of an episode is, if it was rendered; learned costs of this network are drawn in it."""
        return self.folder / f"{seed}-{'plain' if cost is None else digest(cost)[:12]}.mp4"

    def write(self, episode: Episode) -> None:
        """Keep an episode, without its frames."""
        write_rollouts(self._file(episode.seed), [episode])

    def _file(self, seed: int) -> Path:
        return self.folder / f"{seed}.npz"


def forget(workspace: Workspace, policies: Iterable[Path], but: Iterable[Path] = ()) -> None:
    """Remove all episodes of these policies' files, except of those that equal one of `but`."""
    kept = {digest(path) for path in but}
    for acting in {digest(path) for path in policies} - kept:
        shutil.rmtree(workspace.episodes(acting[:_KEY_LENGTH]))


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
