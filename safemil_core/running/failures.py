"""What ended a job although nothing is wrong with it: a full disk or memory, as libraries say it, in a sentence."""

from __future__ import annotations

import errno
import re

from safemil_core.errors import OutOfRoom, SafeMILError

_FULL_DISK = re.compile(r"no space left|disk quota|disk is full|StorageFull|os error 28|code: 28\b", re.IGNORECASE)
_FULL_MEMORY = re.compile(r"out of memory|can't allocate memory|cannot allocate|ALLOC_FAILED", re.IGNORECASE)


def explained(problem: Exception) -> SafeMILError | None:
    """An error of a library in words that a user can act on; None where it means something else.

    Libraries raise different classes for the same cause, and some only say it in their message.
    """
    if isinstance(problem, SafeMILError):
        return problem
    number, words = getattr(problem, "errno", None), str(problem)
    if number in (errno.ENOSPC, errno.EDQUOT) or _FULL_DISK.search(words):
        return OutOfRoom("the disk is full; free some space and begin again; a run goes on from its last checkpoint")
    if isinstance(problem, MemoryError) or number == errno.ENOMEM or _FULL_MEMORY.search(words):
        return OutOfRoom(
            "there is not enough memory on this device; train again with a smaller cost.bag_size, cost.window, "
            "policy.batch_size or hidden_sizes, or resume the run when other programs have left some"
        )
    return None
