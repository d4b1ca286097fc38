"""Where and how a process computes: device, threads, precision, memory. Set by the process, once, before training."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig

T = TypeVar("T")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _LARGEST_KEPT_BYTES = 2**30, 2**25
"""In all, and of one array: the most that glibc takes."""


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; else a device as torch calls it.

    Raises:
        InvalidConfig: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):  # an unknown name; a build of torch without CUDA
        raise InvalidConfig(f"there is no device {name!r} here; use auto, cpu, or cuda where there is one") from None
    return device


def on_device(array: Tensor, device: torch.device) -> Tensor:
    """The array there; from the host to another device without either waiting for the other."""
    if array.device.type == device.type:
        return array.to(device)
    return (array.pin_memory() if device.type == "cuda" else array).to(device, non_blocking=True)


def number_type(config: RunConfig) -> torch.dtype:
    """Of the networks' products: weights, gradients, losses and costs stay float32."""
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def prepare_process() -> None:
    """Let this process train: as fast as it can, with the same bits every time."""
    _prepare_thread()
    torch.backends.mkldnn.matmul.fp32_precision = "bf16" if _onednn_is_exact() else "ieee"  # type: ignore[attr-defined]
    _keep_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it before it repeats itself
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import a compiler for 3 s
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads it


def pieces(n: int, size: int) -> list[slice]:
    """`n` steps in pieces of about `size`: as many whatever the number of cores, so that no sum depends on it."""
    count = max(1, round(n / size))
    return [slice(n * piece // count, n * (piece + 1) // count) for piece in range(count)]


def in_parallel(work: Callable[[T], None], parts: Sequence[T]) -> None:
    """Do the parts of some work side by side, one core each; each writes where no other does.

    Cores share out whole parts, not the rows of every product: they meet once, not at every product, which beside a
    browser on the same cores makes a difference of ten times; and no sum depends on how many of them there are.
    """
    waiting = iter(parts)  # shared: each core takes the next part when it has done one
    is_inference = torch.is_inference_mode_enabled()  # a thread's own: its tensors may be written in that mode alone

    def work_on() -> None:
        with torch.inference_mode(is_inference):
            for part in waiting:
                work(part)

    others = [_threads().submit(work_on) for _ in range(min(n_cores(), len(parts)) - 1)]
    work_on()
    for other in others:
        other.result()


def keep_to_one_core() -> None:
    """From now on let this process compute with one core: of a process forked off another, whose threads it lacks."""
    os.environ["SAFEMIL_CORES"] = "1"
    n_cores.cache_clear()
    _prepare_thread()


@cache
def n_cores() -> int:
    """That this process may keep busy: SAFEMIL_CORES, where it is one of several that share them, else all."""
    return int(os.environ.get("SAFEMIL_CORES") or os.cpu_count() or 1)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_cores(), "products", initializer=_prepare_thread)


def _prepare_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # numbers below 1e-38 are 0: processors are a hundred times slower on them


def _onednn_is_exact() -> bool:
    """Whether oneDNN, allowed to use bfloat16 in float32 products, cannot: it does so on AMX units alone.

    Where it cannot, that permission still sends products to its AVX-512 kernels, which on AMD's processors take half
    the time of MKL's. `tests/learning/test_arithmetic.py` checks that the products are float32's.
    """
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_f")) and not capabilities.get("amx_tile")


def _keep_memory() -> None:
    """Have glibc keep freed arrays for the next update; handed back, each would come again page by page, in virtual
    machines as slowly as it is computed with."""
    try:
        allocator = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    allocator(_M_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
    allocator(_M_TRIM_THRESHOLD, _KEPT_BYTES)
