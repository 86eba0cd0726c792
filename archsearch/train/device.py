"""The surroundings in which a run computes: number format, what makes it repeatable, threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from archsearch.train.compute import Compute


def memory_format(compute: Compute) -> torch.memory_format:
    """Give the layout of images in memory as torch's constant."""
    found: torch.memory_format = getattr(torch, compute.layout)
    return found


def autocast(device: str, precision: str) -> AbstractContextManager[object]:
    """Give the context in which forward passes run."""
    narrow = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return nullcontext() if narrow is None else torch.autocast(device, dtype=narrow)


def scaler_of(compute: Compute) -> torch.amp.GradScaler | None:
    """Give what scales the loss with fp16 and skips steps whose gradients overflow; None where nothing is scaled."""
    return torch.amp.GradScaler(compute.device) if compute.precision == "fp16" else None


@contextmanager
def numerics(compute: Compute) -> Iterator[None]:
    """Set what makes a run repeatable and fast, and put the caller's settings and random state back afterwards."""
    device, precision = compute.device, compute.precision
    before = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
    threads = torch.get_num_threads()
    cudnn = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    torch.set_num_threads(compute.threads)
    torch.set_flush_denormal(True)  # saturated tanh networks are up to five times slower with denormals
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = False
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(before[0])
        if torch.are_deterministic_algorithms_enabled() != before[1]:  # the call imports a compiler, 2 s
            torch.use_deterministic_algorithms(before[1])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = cudnn
        torch.set_flush_denormal(False)
