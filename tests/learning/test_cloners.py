"""The policies of a run, each in a computation of its own: the same here, in processes beside this one, or alone."""

import os

import numpy as np
import pytest
import torch
from learning_cases import RemoteData, bits, crossing, needs_cuda, on_cuda

from safemil_core.config import RunConfig
from safemil_core.learning import cloners as module
from safemil_core.learning.cloners import Cloners

LEFT, RIGHT = np.arange(640) < 320, np.arange(640) >= 320


def cloners_of(*settings, n_policies=2, data=None):
    small = ["policy.hidden_sizes=[16]", "policy.batch_size=32", "policy.updates=150"]
    torch.manual_seed(0)
    cloners = Cloners(data or crossing(), RunConfig().with_values([*small, *settings]), n_policies)
    for policy, steps in enumerate((LEFT, RIGHT)[:n_policies]):
        cloners.set_weights(policy, steps.astype(np.float64))
    return cloners


def updated(cloners, n):
    for _ in range(n):
        cloners.update()
    return cloners


def all_of(cloners):
    return [bits(policy) for policy in cloners.policies()]


@pytest.fixture(params=[1, 2])
def cores(request, monkeypatch):
    monkeypatch.setattr(module, "n_cores", lambda: request.param)
    return request.param


def n_processes(cloners):
    return len(cloners._beside)


def test_they_start_alike_and_differ_by_what_they_imitate():
    with cloners_of() as cloners:
        first, second = all_of(cloners)
        assert first == second
        first, second = all_of(updated(cloners, 5))
        assert first != second


def test_here_or_beside_it_is_the_same_to_the_bit(monkeypatch):
    found = []
    for n_cores in (1, 2):
        monkeypatch.setattr(module, "n_cores", lambda n_cores=n_cores: n_cores)
        with updated(cloners_of(), 70) as cloners:
            assert n_processes(cloners) == n_cores - 1
            swap(cloners)  # new weights count from the next update on
            updated(cloners, 50)
            assert n_processes(cloners) == 0  # for the thirty that are left
            found.append((cloners.losses().tolist(), all_of(cloners), cloners.updates))
    assert found[0] == found[1]


def swap(cloners):
    for policy, steps in enumerate((RIGHT, LEFT)):
        cloners.set_weights(policy, steps.astype(np.float64))


def test_new_weights_make_another_policy(cores):
    with updated(cloners_of(), 10) as kept, updated(cloners_of(), 10) as changed:
        swap(changed)
        for kept_policy, changed_policy in zip(all_of(updated(kept, 5)), all_of(updated(changed, 5)), strict=True):
            assert kept_policy != changed_policy


def test_a_policy_is_what_it_would_be_alone(cores):
    with updated(cloners_of(), 20) as both, updated(cloners_of(n_policies=1), 20) as alone:
        assert all_of(both)[:1] == all_of(alone)
        assert n_processes(alone) == 0


@pytest.mark.parametrize("stopped_at", [0, 1, 64, 100])
def test_loaded_they_go_on_to_the_bit(cores, stopped_at):
    with updated(cloners_of(), 110) as whole, updated(cloners_of(), stopped_at) as before, cloners_of() as after:
        after.load(before.state())
        assert all_of(updated(after, 110 - stopped_at)) == all_of(whole)
        updated(before, 110 - stopped_at)  # to be asked for its state does not end it
        assert all_of(before) == all_of(whole)


def test_closed_they_leave_no_process_and_can_go_on(monkeypatch):
    monkeypatch.setattr(module, "n_cores", lambda: 2)
    with updated(cloners_of(), 5) as cloners:
        state, pid = cloners.state(), cloners._beside[0]._pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with updated(cloners_of(), 20) as other, updated(cloners_of(), 20) as whole:
        other.load(state)
        assert all_of(updated(other, 15)) == all_of(whole)


@pytest.mark.parametrize("reason", ["few updates", "data from elsewhere", "one policy"])
def test_there_is_no_process_where_none_would_help(reason, monkeypatch):
    monkeypatch.setattr(module, "n_cores", lambda: 2)
    few = ["policy.updates=99"] if reason == "few updates" else []
    data = crossing(kind=RemoteData) if reason == "data from elsewhere" else None
    with updated(cloners_of(*few, data=data, n_policies=1 if reason == "one policy" else 2), 1) as cloners:
        assert n_processes(cloners) == 0


@pytest.mark.parametrize(("loss", "n"), [("squared_error", 1), ("log_likelihood", 0)])
def test_beside_a_gpu_only_what_does_without_autograd_is_forked_on_the_processor(loss, n, monkeypatch):
    monkeypatch.setattr(module, "n_cores", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    with updated(cloners_of(f"policy.loss={loss}"), 1) as cloners:
        assert n_processes(cloners) == n


@needs_cuda
def test_on_a_gpu_where_one_computation_makes_all_each_is_what_it_would_be_alone():
    settings = ["policy.learning_rate=0.0001"]
    with updated(cloners_of(*settings, data=on_cuda(crossing())), 20) as there:
        alone = updated(cloners_of(*settings, data=on_cuda(crossing()), n_policies=1), 20)  # no process to close
        for found, expected in zip(there.policies()[:1], alone.policies(), strict=True):
            for name, tensor in found.state_dict().items():
                torch.testing.assert_close(tensor, expected.state_dict()[name], rtol=1e-4, atol=1e-5)
