"""A walk whose simulator takes its process with it at the fifth step of the episode with seed 1: every time, or, where
FRAGILE_ONCE names a file that is not there, until it is. Made by name: `fragile_environments:Killed-v0`."""

import os
import signal
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from tiny_environments import N_PLACES, N_STEPS, Walk


class Killed(Walk):
    action_space = Box(-1, 1, (1,), np.float32)

    def reset(self, seed=None, options=None):
        self.is_fragile = seed == 1
        return super().reset(seed, options)

    def step(self, action):
        once = os.environ.get("FRAGILE_ONCE")
        if self.is_fragile and self.n == 5 and not (once and Path(once).exists()):
            if once:
                Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        moved = int(np.round(action[0] + self.np_random.normal()))
        self.place, self.n = int(np.clip(self.place + moved, 0, N_PLACES - 1)), self.n + 1
        return self.observation(), float(action[0]), False, self.n == N_STEPS, {"cost": self.place >= N_PLACES // 2}


gymnasium.register("Killed-v0", Killed)
