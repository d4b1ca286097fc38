"""What libraries raise where a disk or a memory is full, each as it raises it, in a sentence."""

import errno
import mmap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import SafetensorError
from sqlalchemy.exc import OperationalError

from safemil_core.errors import Diverged, OutOfRoom
from safemil_core.running.failures import explained

HUGE = 10**15


def raised(work):
    with pytest.raises((OSError, MemoryError, RuntimeError)) as caught:
        work()
    return caught.value


@pytest.mark.parametrize(
    "work",
    [lambda: torch.zeros(HUGE), lambda: np.ones(HUGE), lambda: bytearray(HUGE), lambda: mmap.mmap(-1, HUGE)],
    ids=["torch", "numpy", "python", "the system"],
)
def test_a_full_memory(work):
    problem = explained(raised(work))
    assert isinstance(problem, OutOfRoom)
    assert str(problem).startswith("there is not enough memory on this device; train again with a smaller")


def test_a_full_gpu():
    problem = explained(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total"))
    assert isinstance(problem, OutOfRoom)
    assert "memory" in str(problem)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full, which is always full")
def test_a_full_disk():
    problem = explained(raised(lambda: pd.DataFrame({"a": [1.0]}).to_csv("/dev/full")))
    assert isinstance(problem, OutOfRoom)
    assert str(problem).startswith("the disk is full; free some space and begin again")


@pytest.mark.parametrize(
    "said",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OperationalError("UPDATE jobs", {}, Exception("database or disk is full")),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
    ids=["safetensors", "the database", "a quota"],
)
def test_a_full_disk_as_others_say_it(said):
    assert isinstance(explained(said), OutOfRoom)


def test_what_is_said_already_stays_and_what_means_something_else_is_not_explained():
    said = Diverged("cost_loss is no number any more")
    assert explained(said) is said
    for other in (ValueError("shapes do not match"), FileNotFoundError(2, "No such file"), RuntimeError("a bug")):
        assert explained(other) is None
