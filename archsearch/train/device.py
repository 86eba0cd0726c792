"""Where and in which number format a run computes: device, precision, memory format. Fixed rules, never timing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from archsearch.errors import UsageError
from archsearch.spec.layers.convolution import Conv2d
from archsearch.spec.network import NetworkPlan

# From this mean number of input channels on, weighted by MACs, torch gets channels_last on CPU. In a first experiment
# lenet5 (5.7 channels) was a tenth slower with it and lenet_best (27) 1.9 times as fast; the line between them is not
# measured more finely.
CHANNELS_LAST_FROM = 12.0


def resolve_device(name: str) -> str:
    """Turn `auto` into the best device there is (cuda, mps, cpu); raise `UsageError` if a named one is missing."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        usable = ", ".join(device for device, present in there.items() if present)
        raise UsageError(f"train.device: {name} is not usable here (usable: {usable}, or auto)")
    return name


def memory_format(plan: NetworkPlan, device: str) -> torch.memory_format:
    """Choose the layout from the shapes: channels_last where the convolutions have many channels.

    A 1x1 convolution with a stride stays in the default layout: oneDNN issue 6035, wrong gradients.
    """
    convolutions = [row for row in plan.walk() if isinstance(row.layer, Conv2d)]
    macs = sum(row.macs for row in convolutions)
    if device == "mps" or not macs:
        return torch.contiguous_format
    for row in convolutions:
        assert isinstance(row.layer, Conv2d)
        if row.layer.kernel_size == (1, 1) and row.layer.stride != (1, 1):
            return torch.contiguous_format
    channels = sum(row.macs * row.input_shape[0] for row in convolutions) / macs
    return torch.channels_last if channels >= CHANNELS_LAST_FROM else torch.contiguous_format


def autocast(device: str, precision: str) -> AbstractContextManager[object]:
    """Give the context in which forward passes run."""
    return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


@contextmanager
def numerics(device: str, precision: str) -> Iterator[None]:
    """Set what makes a run repeatable and fast, and put the caller's settings and random state back afterwards."""
    before = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
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
        torch.set_float32_matmul_precision(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = cudnn
        torch.set_flush_denormal(False)
