"""A cloner whose updates are made by a process forked off this one, beside whatever this one does.

An update of a small policy is some sixty operations, most of a few microseconds. Threads share the interpreter and wait
for one another at each of them: two policies in two threads take half as long again as one. Processes do not wait.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import safetensors.torch
import torch
from torch import Tensor

from safemil_core.errors import OutOfRoom
from safemil_core.learning.arithmetic import keep_to_one_core
from safemil_core.learning.cloner import Cloner

_UPDATE, _LOSSES, _STATE, _END = b"update", b"losses", b"state", b"end"
_DONE, _FAILED = b"+", b"-"
"""How an answer begins: what was asked for follows, or what went wrong."""


def can_fork(cloner: Cloner) -> bool:
    """Whether a copy of it can go on in a process forked off this one.

    Elsewhere than on Linux libraries do not outlive it. Where there is a GPU, used or not, torch's autograd does not:
    from its first gradient on it has a thread for each.
    """
    return sys.platform == "linux" and not (cloner.uses_autograd and torch.accelerator.is_available())


class Beside:
    """A copy of a cloner as it was, which goes on from there by itself; it ends when this process does."""

    def __init__(self, cloner: Cloner) -> None:
        """`cloner`: that can fork, has its weights, and is not to be changed from now on but by `catch_up`."""
        self._cloner = cloner
        self._connection, its_end = Pipe()
        self._pid = _fork()
        if self._pid == 0:
            try:
                self._connection.close()  # this process's copy of it, else it would never see that nobody asks any more
                _serve(cloner, its_end)
            finally:
                os._exit(0)  # what this process has inherited is not its own to tidy up
        its_end.close()

    def update(self) -> None:
        """Have one more made; returns at once."""
        with suppress(OSError):  # it has failed, or is gone: what is asked for next says so
            self._connection.send_bytes(_UPDATE)

    def losses(self) -> Tensor:
        """[M] of the last update. Raises as `catch_up`."""
        return torch.frombuffer(self._answer_to(_LOSSES), dtype=torch.float32)

    def catch_up(self) -> None:
        """Let the cloner here be what its copy has become.

        Raises:
            OutOfRoom: the copy's process was killed.
            RuntimeError: an update failed, in the same words as if it had been made here.
        """
        self._cloner.load(safetensors.torch.load(bytes(self._answer_to(_STATE))))

    def close(self) -> None:
        """The process ends; what it did since the last `catch_up` is lost."""
        with suppress(OSError):  # it is gone
            self._connection.send_bytes(_END)  # processes forked later have this end of the connection too
        self._connection.close()
        os.waitpid(self._pid, 0)

    def _answer_to(self, question: bytes) -> bytearray:
        try:
            with suppress(BrokenPipeError):  # it may have said before why
                self._connection.send_bytes(question)
            answer = self._connection.recv_bytes()
        except (EOFError, OSError):
            raise OutOfRoom(
                "the process that clones the second policy was killed, for want of memory most often; resume the run"
            ) from None
        kind, told = answer[:1], bytearray(answer[1:])
        if kind == _FAILED:
            raise RuntimeError(told.decode())
        return told


def _fork() -> int:
    with warnings.catch_warnings():  # from Python 3.12 on, of other threads: nothing of theirs is used after it
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _serve(cloner: Cloner, connection: Connection) -> None:
    """Do what is asked until nobody can ask any more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # whoever is to stop asks for the state first
    keep_to_one_core()
    with suppress(OSError):
        try:
            while (question := connection.recv_bytes()) != _END:
                if question == _UPDATE:
                    cloner.update()
                else:
                    connection.send_bytes(_DONE + _answer(cloner, question))
        except EOFError:
            return  # who asked is no more
        except Exception as problem:  # noqa: BLE001  # the outermost frame of a process
            connection.send_bytes(_FAILED + str(problem).encode())


def _answer(cloner: Cloner, question: bytes) -> bytes:
    if question == _LOSSES:
        return cloner.losses.numpy().tobytes()
    return safetensors.torch.save({name: tensor.clone() for name, tensor in cloner.state().items()})
