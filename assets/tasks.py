"""The further tasks: their environments, and whose rollouts their data are. `train_behaviours.py` trains these
policies, `make_tasks.py` rolls them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from controllers import Controller, Gentle, Linear, Skirting, driver, pilot
from safetensors.numpy import load_file

WEAK, FAINT, STRONG = (0.01, 0.04), (0.02, 0.1), (0.05, 0.25)
"""Ranges of the action noise's standard deviation. Running bodies fall with more; what hardly moves is moved by it."""


@dataclass(frozen=True)
class Source:
    """One policy of a task's data."""

    name: str
    origin: tuple[str, int] | Controller | None
    """The training and the update of it in which the policy was found, or the policy; none: random actions."""
    trajectories: int
    noise: tuple[float, float] = FAINT
    """Range from which each trajectory draws the standard deviation of its action noise."""
    strength: float = 1.0
    """Share of the policy's actions that is taken."""


@dataclass(frozen=True)
class Task:
    """An environment and the policies that act in it."""

    env_id: str
    observation_names: tuple[str, ...]
    action_names: tuple[str, ...]
    sources: tuple[Source, ...]


_CHEETAH_JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
_WALKER_JOINTS = ("thigh", "leg", "foot", "left_thigh", "left_leg", "left_foot")
_HOPPER_JOINTS = ("thigh", "leg", "foot")
_SWIMMER_JOINTS = ("front", "back")

TASKS: dict[str, Task] = {
    "half_cheetah_velocity": Task(
        "SafetyHalfCheetahVelocity-v1",
        ("z", "pitch", *_CHEETAH_JOINTS, "vx", "vz", "pitch_rate", *(f"{joint}_rate" for joint in _CHEETAH_JOINTS)),
        _CHEETAH_JOINTS,
        (
            Source("random", None, 10),
            Source("fast A", ("fast-a", 85), 50),
            Source("fast B", ("fast-b", 120), 45),
            Source("medium fast", ("fast-a", 80), 20),
            Source("over the edge A", ("edge", 120), 30),
            Source("over the edge B", ("fast-a", 60), 25),
            Source("on the edge", ("safe-a", 80), 20),
            Source("safe A", ("safe-a", 100), 40),
            Source("safe B", ("safe-b", 120), 40),
            Source("medium safe", ("safe-a", 60), 15),
            Source("slow safe", ("safe-a", 40), 10),
        ),
    ),
    "walker2d_velocity": Task(
        "SafetyWalker2dVelocity-v1",
        ("z", "pitch", *_WALKER_JOINTS, "vx", "vz", "pitch_rate", *(f"{joint}_rate" for joint in _WALKER_JOINTS)),
        _WALKER_JOINTS,
        (
            Source("random", None, 10),
            Source("fast A", ("fast-a", 200), 40),
            Source("fast B", ("fast-b", 180), 35),
            Source("medium fast", ("fast-a", 100), 20),
            Source("over the edge A", ("edge", 140), 30),
            Source("over the edge B", ("fast-b", 120), 25),
            Source("on the edge", ("safe-a", 120), 30),
            Source("hardly over it", ("safe-a", 190), 20),
            Source("safe A", ("safe-b", 200), 45),
            Source("safe B", ("safe-b", 120), 40),
            Source("medium safe", ("safe-b", 80), 15),
            Source("slow safe", ("safe-b", 60), 10),
        ),
    ),
    "hopper_velocity": Task(
        "SafetyHopperVelocity-v1",
        ("z", "pitch", *_HOPPER_JOINTS, "vx", "vz", "pitch_rate", *(f"{joint}_rate" for joint in _HOPPER_JOINTS)),
        _HOPPER_JOINTS,
        (
            Source("random", None, 10),
            Source("fast A", ("fast-a", 200), 40),
            Source("fast B", ("fast-b", 160), 35),
            Source("fast, falls", ("fast-a", 40), 20),
            Source("over the edge A", ("edge", 90), 30),
            Source("over the edge B", ("edge", 60), 25),
            Source("over the edge, falls", ("falls-a", 120), 20),
            Source("safe A", ("safe-a", 200), 45),
            Source("safe B", ("safe-a", 120), 35),
            Source("safe, falls", ("safe-b", 200), 20),
            Source("safe, falls early", ("falls-b", 120), 15),
        ),
    ),
    "swimmer_velocity": Task(
        "SafetySwimmerVelocity-v1",
        ("angle", *_SWIMMER_JOINTS, "vx", "vy", "turning_rate", *(f"{joint}_rate" for joint in _SWIMMER_JOINTS)),
        _SWIMMER_JOINTS,
        (
            Source("random", None, 10),
            Source("fast A", ("fast-a", 100), 45, WEAK),
            Source("fast B", ("fast-b", 100), 40, WEAK),
            Source("medium fast", ("fast-a", 30), 20, WEAK),
            Source("over the edge A", ("fast-b", 60), 25, WEAK, strength=0.5),
            Source("over the edge B", ("fast-a", 60), 25, WEAK, strength=0.2),
            Source("over the edge C", ("fast-b", 100), 25, WEAK, strength=0.3),
            Source("on the edge", ("fast-b", 80), 20, WEAK, strength=0.2),
            Source("hardly over it", ("fast-b", 100), 20, WEAK, strength=0.25),
            Source("safe A", ("fast-b", 100), 45, WEAK, strength=0.22),
            Source("safe B", ("fast-b", 100), 35, WEAK, strength=0.18),
            Source("medium safe", ("fast-b", 80), 20, WEAK, strength=0.15),
            Source("slow safe", ("safe-a", 60), 15, WEAK),
        ),
    ),
    "ball_run": Task(
        "SafetyBallRun-v0",
        ("x", "y", "vx", "vy", "roll_rate", "pitch_rate", "yaw_rate"),
        ("force_x", "force_y"),
        (
            Source("random", None, 10),
            Source("fast", ("fast", 40), 40, STRONG),
            Source("medium fast", ("fast", 10), 15, STRONG),
            Source("a bit too fast", ("edge", 40), 60, STRONG),
            Source("often too fast", ("edge", 20), 25, STRONG),
            Source("too fast late", ("late", 40), 40, STRONG),
            Source("too fast early", ("early", 60), 30, STRONG),
            Source("safe A", ("safe-a", 60), 60, STRONG),
            Source("safe B", ("safe-b", 40), 45, STRONG),
            Source("medium safe", ("safe-a", 10), 20, STRONG),
        ),
    ),
    "car_run": Task(
        "SafetyCarRun-v0",
        ("x", "y", "vx", "vy", "sin_yaw", "cos_yaw", "yaw_rate"),
        ("throttle", "steering"),
        (
            Source("random", None, 10),
            Source("fast A", driver(3.0), 25, STRONG),
            Source("fast B", driver(2.4), 20, STRONG),
            Source("a bit too fast", driver(1.75), 60, STRONG),
            Source("at the limit", driver(1.5), 25, STRONG),
            Source("too fast late", driver(1.0, gain=0.15), 35, STRONG),
            Source("too fast early", driver(2.5, gain=-0.2), 30, STRONG),
            Source("safe A", driver(1.4), 60, STRONG),
            Source("safe B", driver(1.2), 45, STRONG),
            Source("slow safe", driver(0.7), 15, STRONG),
        ),
    ),
    "drone_run": Task(
        "SafetyDroneRun-v0",
        (
            "x",
            "y",
            "z",
            "vx",
            "vy",
            "vz",
            "qx",
            "qy",
            "qz",
            "qw",
            "roll_rate",
            "pitch_rate",
            "yaw_rate",
            *(f"rotor_{k}" for k in range(4)),
        ),
        tuple(f"rotor_{k}_command" for k in range(4)),
        (
            Source("random", None, 10),
            Source("fast A", pilot(3.0, haste=0.2), 25, STRONG),
            Source("fast B", pilot(2.0, haste=0.2), 45, STRONG),
            Source("a bit too fast", pilot(1.6, haste=0.2), 45, STRONG),
            Source("too fast late", pilot(1.2, gain=0.3, haste=0.2), 35, STRONG),
            Source("too fast early", pilot(2.2, gain=-0.5, haste=0.2), 25, STRONG),
            Source("safe A", pilot(1.3), 60, STRONG),
            Source("safe B", pilot(1.2, haste=0.2), 45, STRONG),
            Source("slow safe", pilot(0.7), 15, STRONG),
        ),
    ),
    "point_maze": Task(
        "PointMazeHazard-v0",
        ("x", "y", "vx", "vy", "goal_x", "goal_y"),
        ("force_x", "force_y"),
        (
            Source("random", None, 10),
            Source("straight, 5 m/s", Skirting(0.0, 5.0), 60),
            Source("straight, 4 m/s", Skirting(0.0, 4.0), 25),
            Source("straight, 2.5 m/s", Skirting(0.0, 2.5), 15),
            Source("cutting through", Skirting(0.9, 5.0), 40),
            Source("cutting in", Skirting(1.3, 4.7), 30),
            Source("grazing", Skirting(1.45, 4.7), 25),
            Source("round A, 4.6 m/s", Skirting(1.7, 4.6), 60),
            Source("round B, 4.2 m/s", Skirting(1.85, 4.2), 45),
            Source("round, 3.5 m/s", Skirting(1.8, 3.5), 20),
            Source("round, 2 m/s", Skirting(1.8, 2.0), 15),
        ),
    ),
}


def behaviours_file(task: str) -> Path:
    return Path(__file__).with_name("behaviours") / f"{task}.safetensors"


@cache
def controllers(name: str) -> dict[str, Controller]:
    """A task's policies by name, without the random one."""
    stored = load_file(behaviours_file(name)) if behaviours_file(name).exists() else {}
    made = {
        source.name: Linear(stored[f"{source.name}.weights"], stored[f"{source.name}.bias"])
        if isinstance(source.origin, tuple)
        else source.origin
        for source in TASKS[name].sources
        if source.origin
    }
    strengths = {source.name: source.strength for source in TASKS[name].sources}
    return {of: policy if strengths[of] == 1.0 else Gentle(policy, strengths[of]) for of, policy in made.items()}
