"""Where and how a process computes: device, threads, precision, memory. Set by the process, once, before training."""

from __future__ import annotations

import ctypes
import os

import torch

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig

SMALL_BATCH = 2_048
"""Steps an update. Fewer are multiplied as fast on one thread, which leaves the other cores to the dashboard, and the
numbers then do not depend on how many cores there are."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**30


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


def number_type(config: RunConfig) -> torch.dtype:
    """Of the networks' products: weights, gradients, losses and costs stay float32."""
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32


def prepare_process(steps_an_update: int) -> None:
    """Let this process train: as fast as it can, with the same bits every time.

    Args:
        steps_an_update: state-action pairs that the cost network sees in one update.
    """
    torch.set_num_threads(1 if steps_an_update <= SMALL_BATCH else os.cpu_count() or 1)
    torch.set_flush_denormal(True)  # numbers below 1e-38 are 0: processors are a hundred times slower on them
    torch.backends.mkldnn.matmul.fp32_precision = "bf16" if _onednn_is_exact() else "ieee"  # type: ignore[attr-defined]
    _keep_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it before it repeats itself
    torch.use_deterministic_algorithms(True)


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
    allocator(_M_MMAP_THRESHOLD, _KEPT_BYTES)
    allocator(_M_TRIM_THRESHOLD, _KEPT_BYTES)
