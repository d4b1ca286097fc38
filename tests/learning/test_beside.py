"""A cloner in a process of its own: the same bits as here, failures in their own words, and an end when nobody asks."""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import closing

import numpy as np
import pytest
import torch
from learning_cases import bits, crossing

from safemil_core.config import RunConfig
from safemil_core.errors import OutOfRoom
from safemil_core.learning.beside import Beside, can_fork
from safemil_core.learning.cloner import Cloner
from safemil_core.learning.policies import make_policy


def cloner_of(*settings):
    config = RunConfig().with_values(["policy.hidden_sizes=[16]", "policy.batch_size=32", *settings])
    torch.manual_seed(0)
    data = crossing()
    cloner = Cloner(make_policy(config.policy, data.sizes), data, config)
    cloner.set_weights(0, np.arange(data.n_steps, dtype=np.float64))
    return cloner


@pytest.mark.parametrize("loss", ["squared_error", "log_likelihood"])
def test_it_comes_to_the_bits_and_losses_that_it_would_have_come_to_here(loss):
    here, mine = cloner_of(f"policy.loss={loss}"), cloner_of(f"policy.loss={loss}")
    if not can_fork(mine):
        pytest.skip("there is a GPU here, whose threads autograd does not find again")
    with closing(Beside(mine)) as beside:
        for update in range(1, 131):
            here.update()
            beside.update()
            if update % 50 == 0:
                assert torch.equal(beside.losses(), here.losses)
        beside.catch_up()
        assert (bits(mine.policies), mine.updates) == (bits(here.policies), 130)
        here.update()  # and both go on
        beside.update()
        beside.catch_up()
    assert bits(mine.policies) == bits(here.policies)


def test_large_batches_are_shared_out_by_no_threads_that_stayed_behind():
    settings = ["policy.batch_size=6000"]
    here, mine = cloner_of(*settings), cloner_of(*settings)
    here.update()  # this process has its threads now
    mine.update()
    with closing(Beside(mine)) as beside:
        here.update()
        beside.update()
        beside.catch_up()
    assert bits(mine.policies) == bits(here.policies)


def test_what_goes_wrong_there_is_said_here_as_if_it_had_gone_wrong_here(monkeypatch):
    def fail(_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(Cloner, "update", fail)
    with closing(Beside(cloner_of())) as beside:
        beside.update()
        beside.update()  # it has ended by now, or will
        with pytest.raises(RuntimeError, match=r"^\[enforce fail\].* tried to allocate 9 bytes$"):
            beside.losses()


def test_killed_it_is_missed_at_the_next_question():
    with closing(Beside(cloner_of())) as beside:
        beside.update()
        os.kill(beside._pid, signal.SIGKILL)
        with pytest.raises(OutOfRoom, match="was killed, for want of memory most often; resume the run"):
            beside.catch_up()


def test_signals_to_all_processes_of_a_job_leave_it_to_answer():
    with closing(Beside(cloner_of())) as beside:
        beside.losses()  # it is set up
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(beside._pid, number)
        beside.update()
        beside.catch_up()


def test_ended_it_leaves_no_process_and_ends_with_the_process_that_asked():
    beside = Beside(cloner_of())
    beside.close()
    assert not is_there(beside._pid)
    script = """
        import sys, time
        from test_beside import Beside, cloner_of
        beside = Beside(cloner_of())
        print(beside._pid, flush=True)
        time.sleep(60)
    """
    paths = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert is_there(int(process.stdout.readline()))
    process.kill()
    process.communicate(timeout=60)  # it has the same output, which ends when neither holds it any more


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
