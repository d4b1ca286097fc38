"""Learning in one thread: these networks are tiny, and the machine has other work."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)
