"""A worker that tests have trouble with: `python -m unreliable_worker FD`. It squares numbers, and troubles where a
task says so, once or every time."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from safemil_core.assessment.simulator_workers import Employer
from safemil_core.errors import NotReady


def leak():
    Path("leaked").touch()
    memory = bytearray(2**28)
    memory[::4096] = b"1" * 2**16
    while True:
        time.sleep(0.01)


def hang():
    while True:
        time.sleep(0.01)


def fail():
    raise KeyError("no such wheel")


def refuse():
    raise NotReady("not before noon")


TROUBLE = {
    "exit": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": hang,
    "leak": leak,
    "fail": fail,
    "refuse": refuse,
}


def square(task):
    """The square, and which process said so; a line in the task's file says that it was begun."""
    begun = Path(task["file"])
    with begun.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if task["trouble"] and (task["always"] or begun.read_text().count("\n") == 1):
        TROUBLE[task["trouble"]]()
    return json.dumps([task["number"] ** 2, os.getpid()]).encode()


def main():
    with Employer(int(sys.argv[1])) as employer:
        held = []
        while True:
            held += employer.tasks(is_idle=not held)
            employer.say_alive()
            number, content = held.pop(0)
            employer.say_done(number, square(json.loads(content)))


if __name__ == "__main__":
    main()
