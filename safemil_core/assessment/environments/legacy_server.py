"""A simulator served over standard input and output by an interpreter of its own.

That interpreter runs this file as a script, with the simulator's package as argument. It has none of our packages, only
its own, NumPy and the standard library. The other side imports `send` and `receive` from here: both speak alike.

A message is one line of JSON, then the bytes of the arrays that its `arrays` gives the shapes of, little-endian float64
one after the other. A request is `{"do": METHOD, ...}` of the class that serves the package, with its arguments; the
answer is what the method returns, or `{"error": ...}`. The server's first message says which PROTOCOL it speaks.
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
SIZE = (400, 304)
"""Width and height of a frame."""


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


Answer = tuple[dict[str, Any], list[np.ndarray]]


class SafetyGymnasium:
    """One of its tasks, played."""

    def __init__(self) -> None:
        allow_array_defaults()
        import safety_gymnasium  # only the interpreter that serves has it

        self._package = safety_gymnasium
        self.version: str = safety_gymnasium.__version__
        self._env: Any = None

    def make(self, env_id: str) -> Answer:
        view = {"render_mode": "rgb_array", "camera_name": "fixedfar", "width": SIZE[0], "height": SIZE[1]}
        self._env = self._package.make(env_id, **view)
        observed, acted = self._env.observation_space, self._env.action_space
        return {}, [observed.low, observed.high, acted.low, acted.high]

    def reset(self, seed: int) -> Answer:
        return {}, [self._env.reset(seed=seed)[0]]

    def step(self, action: np.ndarray) -> Answer:
        observation, reward, cost, terminated, truncated, _ = self._env.step(action)
        ends = {"terminated": bool(terminated), "truncated": bool(truncated)}
        return {"reward": float(reward), "cost": float(cost), **ends}, [observation]

    def render(self) -> Answer:
        return {}, [self._env.render()]


class Robosuite:
    """One of its tasks, put into states that were stored."""

    def __init__(self) -> None:
        import robosuite  # likewise

        self._package = robosuite
        self.version: str = robosuite.__version__
        self._sim: Any = None

    def make(self, env_name: str, robots: list[str]) -> Answer:
        settings = {"has_renderer": False, "has_offscreen_renderer": True, "use_camera_obs": False}
        env = self._package.make(env_name, robots=robots, **settings)
        env.reset()
        self._sim = env.sim
        return {"n_states": len(self._sim.get_state().flatten())}, []

    def show(self, state: np.ndarray) -> Answer:
        self._sim.set_state_from_flattened(state)
        self._sim.forward()
        return {}, [self._sim.render(width=SIZE[0], height=SIZE[1], camera_name="agentview")[::-1]]


PACKAGES: dict[str, type] = {"safety-gymnasium": SafetyGymnasium, "robosuite": Robosuite}


def serve(package: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until the other side is gone."""
    served: Any = PACKAGES[package]()
    send(answers, {"protocol": PROTOCOL, "package": package, "version": served.version})
    while True:
        try:
            request, arrays = receive(requests)
        except EOFError:
            return
        try:
            said, shown = getattr(served, request.pop("do"))(*arrays, **request)
        except Exception as problem:  # noqa: BLE001  # the outermost frame of a process: the other side says it
            said, shown = {"error": f"{type(problem).__name__}: {problem}"}, []
        send(answers, said, *shown)


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what packages print must not get between our messages
    serve(sys.argv[1], sys.stdin.buffer, out)
