"""One environment of Safety-Gymnasium, served over standard input and output by an interpreter of its own.

That interpreter runs this file as a script: it has none of our packages, and may import only its own, NumPy and the
standard library. The other side imports `send` and `receive` from here, so that both speak the same.

A message is one line of JSON, then the bytes of the arrays that its `arrays` gives the shapes of, little-endian float64
one after the other. Requests are `{"do": ...}`: make (env_id), reset (seed), step (one array), render, close. Answers
are `{}` with what was asked for, or `{"error": ...}`. The first message is the server's, and says which PROTOCOL it is.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import sys
from typing import IO, Any

import numpy as np

PROTOCOL = 1
SPECTATOR = {"render_mode": "rgb_array", "camera_name": "fixedfar", "width": 400, "height": 304}


def send(stream: IO[bytes], message: dict[str, Any], *arrays: np.ndarray) -> None:
    """Write a message."""
    head = {**message, "arrays": [list(array.shape) for array in arrays]}
    parts = [np.ascontiguousarray(array, dtype="<f8").tobytes() for array in arrays]
    stream.write(b"".join([json.dumps(head).encode(), b"\n", *parts]))
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read a message. Raises EOFError where the other side is gone."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    head = json.loads(line)
    return head, [_array(stream, tuple(shape)) for shape in head.pop("arrays")]


def _array(stream: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    size = 8 * int(np.prod(shape, dtype=int))
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return np.frombuffer(content, dtype="<f8").reshape(shape)


def allow_array_defaults() -> None:
    """Let dataclasses have NumPy arrays as defaults, as they could before Python 3.11: each object gets a copy."""
    plain = dataclasses.dataclass

    def dataclass(cls: Any = None, /, **settings: Any) -> Any:
        if cls is None:
            return lambda later: dataclass(later, **settings)
        for name in inspect.get_annotations(cls):
            default = cls.__dict__.get(name)
            if isinstance(default, np.ndarray):
                setattr(cls, name, dataclasses.field(default_factory=default.copy))
        return plain(cls, **settings)

    dataclasses.dataclass = dataclass


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the other side is gone."""
    allow_array_defaults()
    import safety_gymnasium  # only the interpreter that serves has it

    send(answers, {"protocol": PROTOCOL, "package": "safety-gymnasium", "version": safety_gymnasium.__version__})
    env: Any = None
    while True:
        try:
            request, arrays = receive(requests)
        except EOFError:
            return
        try:
            if request["do"] == "make":
                env = safety_gymnasium.make(request["env_id"], **SPECTATOR)
                send(answers, {}, *_bounds(env.observation_space), *_bounds(env.action_space))
            elif request["do"] == "reset":
                send(answers, {}, env.reset(seed=request["seed"])[0])
            elif request["do"] == "step":
                observation, *said = env.step(arrays[0])
                reward, cost, terminated, truncated, _ = said
                ends = {"terminated": bool(terminated), "truncated": bool(truncated)}
                send(answers, {"reward": float(reward), "cost": float(cost), **ends}, observation)
            elif request["do"] == "render":
                send(answers, {}, env.render())
            else:
                return
        except Exception as problem:  # noqa: BLE001  # the outermost frame of a process: the other side says it
            send(answers, {"error": f"{type(problem).__name__}: {problem}"})


def _bounds(space: Any) -> tuple[np.ndarray, np.ndarray]:
    return space.low, space.high


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what packages print must not get between our messages
    serve(sys.stdin.buffer, out)
