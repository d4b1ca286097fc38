"""Environments that tests drive. They are made by name like any other: `tiny_environments:Walk-v0`."""

import random

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete

N_PLACES, N_STEPS = 16, 12


class Walk(gymnasium.Env):
    """A walker on a line of 16 places goes one back (-1), stays, or goes one on (1), and is rewarded for the latter.
    From the middle on, every step costs 1. Seen as a white column."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  # as gymnasium has it
    action_space = Discrete(3, start=-1)
    observation_space = Box(0, N_PLACES, (1,), np.float64)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.n = int(self.np_random.integers(3)), 0
        return self.observation(), {}

    def step(self, action):
        assert action in self.action_space
        self.place, self.n = int(np.clip(self.place + action, 0, N_PLACES - 1)), self.n + 1
        info = {"cost": self.place >= N_PLACES // 2}
        return self.observation(), float(action), False, self.n == N_STEPS, info

    def observation(self):
        return np.array([self.place], np.float64)

    def render(self):
        picture = np.zeros((6, N_PLACES, 3), np.uint8)
        picture[:, self.place] = 255
        return picture


class Eye(Walk):
    """The same, but the agent itself sees the picture."""

    observation_space = Box(0, 255, (6, N_PLACES, 3), np.uint8)

    def observation(self):
        return self.render()


class Dials(Walk):
    """The same, but each action is a choice for two dials: the first one's, less one, is where to go."""

    action_space = MultiDiscrete([3, 2])

    def step(self, action):
        assert action in self.action_space
        self.place, self.n = int(np.clip(self.place + action[0] - 1, 0, N_PLACES - 1)), self.n + 1
        return self.observation(), float(action[1]), False, self.n == N_STEPS, {}


class Dice(Walk):
    """The same, but each action is two numbers, and each step earns what the global generators of NumPy and Python
    throw, once more for every reset."""

    action_space = Box(-1, 1, (2,), np.float32)

    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        self.n_resets = random.randint(0, 3)

    def reset(self, seed=None, options=None):
        self.n_resets += 1
        return super().reset(seed, options)

    def step(self, action):
        thrown = self.n_resets + random.random() + np.random.normal()  # noqa: NPY002
        self.n += 1
        return self.observation(), thrown, False, self.n == N_STEPS, {}


class Sheet(Walk):
    """The same, but each action is a sheet of two rows of three numbers: the first one's last is where to go."""

    action_space = Box(-1, 1, (2, 3), np.float32)

    def step(self, action):
        assert action in self.action_space
        self.place, self.n = self.place + int(action[0, 2]), self.n + 1
        return self.observation(), 0.0, False, self.n == N_STEPS, {}


class CostlyCart(gymnasium.Wrapper):
    """gymnasium's cart with a pole, which pays for every step at which it is more than 0.1 from the middle."""

    def step(self, action):
        observation, *rest, info = self.env.step(action)
        return observation, *rest, {**info, "cost": float(abs(observation[0]) > 0.1)}


def _costly_cart(render_mode=None):
    return CostlyCart(gymnasium.make("CartPole-v1", render_mode=render_mode, max_episode_steps=50))


MADE = {"Walk": Walk, "Eye": Eye, "Dials": Dials, "Dice": Dice, "Sheet": Sheet, "CostlyCart": _costly_cart}
for name, made in MADE.items():
    gymnasium.register(f"{name}-v0", made)
