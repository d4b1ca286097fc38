"""Which device a job will use, told without torch, and how many jobs it takes."""

import pytest
import torch

from safemil_core.errors import InvalidConfig
from safemil_core.running.devices import expected_device, limit_of_a_device


def test_the_limit_is_the_users(monkeypatch):
    monkeypatch.delenv("SAFEMIL_JOBS_PER_DEVICE", raising=False)
    assert limit_of_a_device() == 1
    monkeypatch.setenv("SAFEMIL_JOBS_PER_DEVICE", "3")
    assert limit_of_a_device() == 3
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("SAFEMIL_JOBS_PER_DEVICE", wrong)
        with pytest.raises(InvalidConfig, match=f"SAFEMIL_JOBS_PER_DEVICE must be a number from 1, got '{wrong}'"):
            limit_of_a_device()


def test_the_expected_device_is_one_device():
    assert [expected_device(name) for name in ("cpu", "cuda", "cuda:0", "cuda:3")] == [
        "cpu", "cuda:0", "cuda:0", "cuda:3",
    ]  # fmt: skip


def test_auto_is_what_torch_will_find():
    assert expected_device("auto") == ("cuda:0" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_auto_is_the_processor_where_somebody_hides_the_gpu(monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert expected_device("auto") == "cpu"
