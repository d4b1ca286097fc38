"""How a process computes, in a process of its own, since it is set once; devices; work shared out to cores."""

import json
import os
import subprocess
import sys
import threading

import pytest
import torch

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning.arithmetic import in_parallel, number_type, pick_device

PREPARED = """
import json
import threading
import torch
from safemil_core.learning import arithmetic
from safemil_core.learning.mlp import Mlp

arithmetic.prepare_process()
torch.manual_seed(0)
generator = torch.Generator().manual_seed(0)

def error(found, exact):
    return float((found.double() - exact).abs().max() / exact.abs().max())

products = {}
for shape in [(256, 58, 256), (128, 256, 256), (1280, 256, 1), (300, 300, 300)]:
    a, b = (torch.randn(n, m, generator=generator) for n, m in (shape[:2], shape[1:]))
    exact = a.double() @ b.double()
    products[f"mm {shape}"] = error(a @ b, exact)
    products[f"addmm {shape}"] = error(torch.addmm(b[0], a, b), exact + b[0].double())
    products[f"mT {shape}"] = error(a.T.contiguous().mT @ b.T.contiguous().mT, exact)

mlp, inputs = Mlp(58, (256, 256), 1), torch.randn(1, 5_000, 58, generator=generator)
mlp(inputs).square().sum().backward()
exact = Mlp(58, (256, 256), 1, dtype=torch.float64).double()
exact.load_state_dict(mlp.state_dict())
exact(inputs.double()).square().sum().backward()
products["mlp"] = error(mlp(inputs).detach(), exact(inputs.double()).detach())
products["mlp backward"] = error(mlp.weights.grad, exact.weights.grad)

each, both = {}, threading.Barrier(2, timeout=60)
def look(_):
    both.wait()  # so that this thread and another take one each
    each[threading.get_ident()] = float((torch.full((4,), 1e-40) * 1.0).sum()), torch.get_num_threads()
arithmetic.in_parallel(look, [0, 1])
sums, threads = zip(*each.values())
print(json.dumps({"products": products, "denormals": sums, "threads": threads,
                  "deterministic": torch.get_deterministic_debug_mode()}))
"""


@pytest.fixture(scope="module")
def prepared():
    """What a process finds that has been prepared for training."""
    two_cores = os.environ | {"SAFEMIL_CORES": "2"}
    done = subprocess.run([sys.executable, "-c", PREPARED], capture_output=True, text=True, timeout=120, env=two_cores)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_products_are_float32s_whatever_makes_them_fast(prepared):
    """bfloat16 would be wrong in the third digit."""
    assert len(prepared["products"]) == 14
    assert {name: error for name, error in prepared["products"].items() if error > 1e-5} == {}


def test_numbers_too_small_to_be_fast_are_0_in_every_thread(prepared):
    assert prepared["denormals"] == [0.0, 0.0]
    assert float((torch.full((4,), 1e-40) * 1.0).sum()) > 0  # here, where nobody asked for it


def test_a_product_is_computed_by_one_thread(prepared):
    assert prepared["threads"] == [1, 1]


def test_what_could_give_other_bits_is_an_error(prepared):
    assert prepared["deterministic"] == 2


def test_work_is_shared_out_whole_and_comes_to_its_end():
    done = [0] * 50

    def work(number):
        done[number] += 1

    in_parallel(work, range(50))
    assert done == [1] * 50


def test_a_single_part_stays_in_the_thread_that_asks():
    threads = []
    in_parallel(lambda _: threads.append(threading.get_ident()), [0])
    assert threads == [threading.get_ident()]


@pytest.mark.parametrize("bad", [0, 3])
def test_a_failure_in_any_part_is_the_callers(bad):
    def work(number):
        if number == bad:
            raise ArithmeticError(number)

    with pytest.raises(ArithmeticError):
        in_parallel(work, range(5))


def test_networks_compute_in_the_precision_of_the_settings():
    assert number_type(RunConfig()) == torch.float32
    assert number_type(RunConfig(precision="bfloat16")) == torch.bfloat16


def test_a_device_is_found_or_refused():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InvalidConfig, match="there is no device 'abacus' here; use auto, cpu"):
        pick_device("abacus")
    with pytest.raises(InvalidConfig, match="there is no device 'cuda:99' here"):
        pick_device("cuda:99")
