"""The states that training can go on from, in a run's folder: the newest two, so that one is whole whatever happens."""

from __future__ import annotations

from safemil_core.errors import NotReady
from safemil_core.learning.model_files import load_state, save_state
from safemil_core.learning.optimiser import State
from safemil_core.running.run_folder import Run

KEPT = 2


def keep_checkpoint(run: Run, update: int, state: State) -> None:
    """Keep the state after this many updates; older ones give way once it is whole."""
    save_state(run.checkpoint(update), state)
    for path in run.checkpoints()[KEPT:]:
        path.unlink(missing_ok=True)


def newest_checkpoint(run: Run) -> tuple[int, State | None]:
    """The newest state that can be read and after how many updates it was; 0 and None where there is none."""
    for path in run.checkpoints():
        try:
            return int(path.stem), load_state(path)
        except NotReady as problem:
            run.log(str(problem))
    return 0, None
