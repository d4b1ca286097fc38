"""A process that labels is killed at 200 random moments: what it acknowledged is there, and the database is sound."""

import os
import random
import signal
import subprocess
import sys
import time

from safemil_core.data.database import Database
from safemil_core.data.labels.store import LabelStore

N_KILLS = 200
N = 50

# Imports once and forks for each round, so that a round takes milliseconds. A round labels until it is killed, and
# says which actions `mark` has returned.
FORKS = """
import os, sys
from pathlib import Path
from safemil_core.data.database import Database
from safemil_core.data.labels.store import LABELS, LabelStore

for line in sys.stdin:
    if pid := os.fork():
        os.waitpid(pid, 0)
        print("end", flush=True)
        continue
    store = LabelStore(Database(Path(sys.argv[1])), "walks", 50)
    os.write(1, b"%d\\n" % os.getpid())
    for round in range(1_000_000):
        kind, n = round % 5, round % 50
        if kind == 3:
            store.undo(author="ann")
            action = 0
        elif kind == 4:
            action = store.mark_segment(n, n, n + 5, n_steps=100, author="ann")
        else:
            action = store.mark([n, (n + 1) % 50], LABELS[round % 3], author="ann", reason="skids")
        os.write(1, b"%d\\n" % action)
"""


def test_what_was_acknowledged_outlives_a_kill_at_any_moment(tmp_path):
    path = tmp_path / "safemil.db"
    moments = random.Random(7)
    n_acknowledged = before = 0
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forks:
        for _ in range(N_KILLS):
            print("go", file=forks.stdin, flush=True)
            child = int(forks.stdout.readline())
            time.sleep(moments.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            acknowledged = [int(line) for line in iter(forks.stdout.readline, "end\n")]
            n_acknowledged += len(acknowledged)
            before = check(path, before, acknowledged)
        forks.stdin.close()
    assert n_acknowledged > N_KILLS  # they were killed at work, not before it


def check(path, before, acknowledged):
    """Look at the database as the next process does; returns its newest action."""
    database = Database(path)
    store = LabelStore(database, "walks", N)
    actions = [action for action in store.history()[::-1] if action.id > before]
    # Each acknowledged action is there in its order, at most one that the child had no time to acknowledge after them.
    assert len(acknowledged) <= len(actions) <= len(acknowledged) + 1
    for said, kept in zip(acknowledged, actions, strict=False):
        assert (kept.origin == "undo") if said == 0 else (kept.id == said)
    assert all(action.n_trajectories in (1, 2) for action in actions)
    now, told = store.state(), store.state(until=store.latest())  # what is kept, and what the events amount to
    assert (now.labels == told.labels).all()
    assert (now.marked_at == told.marked_at).all()
    assert now.segments == told.segments
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA quick_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    latest = store.latest()
    database.close()
    return latest
