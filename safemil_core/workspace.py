"""Where everything of a user lies: the one place that spells paths of a workspace (inside a run: `running.runs`)."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from safemil_core.errors import InvalidConfig, NotReady

PATIENCE_S = 30.0
"""With who else holds a lock."""
_ASIDE = ".aside-"
"""What the names of folders begin with that are not in their place, or no longer."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Workspace:
    """A folder that holds datasets, labels, runs and videos. Nothing that is kept lies outside it; what simulators
    drop, and the policy of a sweep's trial while it plays, lie in the system's folder of temporary files."""

    root: Path

    @classmethod
    def default(cls) -> Self:
        """The folder that SAFEMIL_WORKSPACE names, else `workspace` in the current folder."""
        return cls(Path(os.environ.get("SAFEMIL_WORKSPACE") or "workspace"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", _whole(self.root))
        if self.root.exists() and not self.root.is_dir():
            raise InvalidConfig(f"the workspace {self.root} is a file; name a folder")

    @property
    def datasets(self) -> Path:
        return self._folder("datasets")

    @property
    def runs(self) -> Path:
        return self._folder("runs")

    @property
    def uploads(self) -> Path:
        """Uploaded files on their way in; each is removed once it is read."""
        return self._folder("uploads")

    @property
    def downloads(self) -> Path:
        """Public datasets on their way in, a folder each; what was begun stays, so that it can go on."""
        return self._folder("downloads")

    @property
    def intakes(self) -> Path:
        """One folder for each import that runs in a process of its own."""
        return self._folder("intakes")

    @property
    def sweeps(self) -> Path:
        """One folder for each sweep; what is in it: `running.sweeps.sweep_folder`."""
        return self._folder("sweeps")

    @property
    def simulators(self) -> Path:
        """Files of the user's that make environments, which of them may run, and interpreters of their own."""
        return self._folder("simulators")

    @property
    def exports(self) -> Path:
        """Curated subsets that the dashboard wrote, until somebody removes them."""
        return self._folder("exports")

    @property
    def data_roots(self) -> tuple[Path, ...]:
        """Folders from which the dashboard may import by path: SAFEMIL_DATA_ROOTS, else `incoming` in the workspace.

        Whoever reaches the dashboard can read datasets in there, and no file outside.
        """
        named = [Path(root) for root in os.environ.get("SAFEMIL_DATA_ROOTS", "").split(os.pathsep) if root]
        return tuple(map(_whole, named)) or (self._folder("incoming"),)

    @contextmanager
    def received(self, name: str, content: IO[bytes]) -> Iterator[Path]:
        """An upload as a file while the block runs, under a harmless form of its name; removed whatever happens."""
        with self.aside(self.uploads) as folder:
            path = folder / harmless(name)
            with path.open("wb") as file:
                shutil.copyfileobj(content, file, 2**20)
            yield path

    @contextmanager
    def aside(self, beside: Path) -> Iterator[Path]:
        """An empty folder within one of the workspace, to write what is then renamed to its place, and out of sight.

        All that is left in it is removed: when the block ends, or where this process is killed before, by the next who
        asks for such a folder there.
        """
        mine = beside / f"{_ASIDE}{secrets.token_hex(8)}"
        with ExitStack() as until_done:
            with held(self._aside_lock):  # else one that is about to be locked could be taken for a dead one's
                _remove_left(beside)
                mine.mkdir()
                until_done.enter_context(file_lock(mine / "lock"))
            until_done.callback(shutil.rmtree, mine, ignore_errors=True)
            (mine / "new").mkdir()
            yield mine / "new"

    @contextmanager
    def removing(self, folder: Path) -> Iterator[Path]:
        """Take a folder away: it is out of sight at once, and while the block runs its content is in the one that this
        gives; then that is removed, by the next who asks for one `aside` where this process is killed before."""
        with ExitStack() as at_last, held(self._aside_lock):
            gone = folder.rename(folder.with_name(f"{_ASIDE}{secrets.token_hex(8)}"))
            at_last.callback(shutil.rmtree, gone, ignore_errors=True)
            yield gone

    def replays(self, of: str) -> Path:
        """The folder of the cached videos of a dataset's trajectories, see `DatasetInfo.replays`; by a dataset's id
        that of all its replays."""
        return self._folder(f"replays/{of}")

    def replay(self, of: str, trajectory: int) -> Path:
        """The cached video of one recorded trajectory, in that folder."""
        return self.replays(of) / f"{trajectory:06d}.mp4"

    def episodes(self, policy: str) -> Path:
        """The folder of the episodes that one policy played, see `episode_cache`."""
        return self._folder(f"episodes/{policy}")

    def committee(self, dataset_id: str) -> Path:
        """The folder of what an ensemble of cost networks last said of a dataset."""
        return self._folder(f"committees/{dataset_id}")

    def state_axes(self, dataset_id: str) -> Path:
        """The folder in which a dataset's coordinates are kept as cells of maps; made again where it is removed."""
        return self._folder(f"axes/{dataset_id}")

    @property
    def database(self) -> Path:
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "safemil.db"

    @property
    def workers_log(self) -> Path:
        """What workers print before they have a job: nothing, unless they cannot begin."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "workers.log"

    @property
    def tour_ended(self) -> Path:
        """There once somebody has ended the dashboard's tour."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "tour.ended"

    @property
    def datasets_lock(self) -> Path:
        """Held by who keeps, names or removes a dataset."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "datasets.lock"

    @property
    def spare_lock(self) -> Path:
        """Locked by the worker that waits for the next job."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "spare.lock"

    @property
    def _aside_lock(self) -> Path:
        """Held by who begins or removes a folder `aside`, shortly."""
        return self.root / "aside.lock"

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _remove_left(beside: Path) -> None:
    """Remove the folders aside whose process is dead."""
    for left in beside.glob(f"{_ASIDE}*"):
        with suppress(OSError), file_lock(left / "lock") as is_left:  # its process may be removing it right now
            if is_left:
                shutil.rmtree(left, ignore_errors=True)


def _whole(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except RuntimeError:  # ~ of somebody who is not known here
        raise InvalidConfig(f"there is no home folder for {str(path)!r}; name the folder itself") from None


def is_name(text: str) -> bool:
    """Whether a text may name a dataset or a run: such a name is safe as a file name and in a URL."""
    return _NAME.fullmatch(text) is not None


def harmless(name: str) -> str:
    """A file name of an upload with plain characters alone, shortened in the middle where it is very long."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._") or "upload"
    return plain if len(plain) <= 100 else f"{plain[:79]}_{plain[-20:]}"


def as_name(text: str) -> str:
    """The nearest valid name to a text, for example to a file's stem."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:64] or "dataset"


@contextmanager
def whole_file(path: Path, *, is_durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Its content is on disk before it does so, unless it need not be durable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if is_durable:
            on_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def on_disk(path: Path) -> None:
    """Return once what a file holds, or which names a folder has, would outlive a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def file_lock(path: Path, *, is_shared: bool = False, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file while the block runs, or not: what it gives says whether; who dies lets go of it.

    Args:
        path: made where it is not there, and never removed.
        is_shared: with others that share it.
        patience_s: how long to wait for those that hold it.
    """
    until = time.monotonic() + patience_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                is_held = True
            except BlockingIOError:
                is_held = False
            if is_held or time.monotonic() >= until:
                break
            time.sleep(0.01)
        yield is_held


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a file while the block runs. Raises NotReady where another process keeps it for very long."""
    with file_lock(path, patience_s=PATIENCE_S) as is_held:
        if not is_held:
            raise NotReady(f"another process has held {path} for {PATIENCE_S:.0f} s; end that, and do it again")
        yield
