"""What a run computes with: device, engine, layout, precision, threads. Decided once per run by fixed rules, no timing.

    compute = decide(plan)              # on this machine
    compute.engine, compute.reason      # "torch", "conv1 (conv2d): ..."

The rule reads a plan and what a machine has (`Resources`); a study keeps the latter, so that all of its workers decide
alike. Knows specs and which binaries there are; imports no torch where the device is the CPU and threads are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.native.library import instructions, load_library, why_missing
from archsearch.native.planner import KERNELS, supports
from archsearch.spec.layers.convolution import Conv2d, Convolution
from archsearch.spec.layers.normalization import BatchNorm2d
from archsearch.spec.layers.pooling import MaxPool2d
from archsearch.spec.network import NetworkPlan
from archsearch.spec.training import TrainSpec
from archsearch.task import Task

EngineName = Literal["torch", "native"]
Layout = Literal["contiguous_format", "channels_last"]  # torch's names of its memory formats
ENGINES: tuple[EngineName, ...] = get_args(EngineName)

# Below this share of the multiply-accumulates in convolutions the network is matrix products, torch's strength.
CONVOLUTIONS_FROM = 0.1
# Rules for torch's layout of images on CPU, by number: a study goes on with the one that it was begun with.
BY_MEAN_CHANNELS, BY_WHOLE_VECTORS = 1, 2
# By mean channels: channels_last from this mean number of input channels on, weighted by MACs. Of version 0.1.0, from
# an experiment on AVX-512: lenet5 (5.7 channels) was a tenth slower with it and lenet_best (27) 1.9 times as fast.
CHANNELS_LAST_FROM = 12.0
# By whole vectors, on AVX2: channels_last, but where a max pool or a batch norm reads fewer channels than a vector has
# lanes. In benchmarks/layouts.py (Zen 3) it was 1.16 to 1.6 times as fast on 7 networks of the specs at 2 batch sizes
# (lenet5 1.19 and 1.30), and 1 to 1.96 times on a grid of 40, but for max pools and batch norms of 2 or 4 channels:
# 0.67 to 1. Average pools of few channels lost nothing.
LANES = 8


@dataclass(frozen=True, slots=True)
class Compute:
    """What a run computes with; `reason` says why the engine is torch ("" where it is native, or torch was asked for).

    `layout` is how torch lays images out in memory; `threads` are those of the engine.
    """

    device: str
    engine: EngineName
    reason: str
    layout: Layout
    precision: str
    threads: int


@dataclass(frozen=True, slots=True)
class Resources:
    """What a machine has, as far as the rule asks: what `device: auto` stands for, whether the native engine is there.

    `why_no_native` says why it is not ("" where it is); `kernels` are those that it may use (`planner.KERNELS`);
    `layouts` is the rule by which torch's layout is chosen.
    """

    device: str
    native: bool
    threads: int
    why_no_native: str = ""
    kernels: int = KERNELS
    layouts: int = BY_MEAN_CHANNELS


_SCALES = ("cuda", "cpu")  # devices on which torch scales gradients and has every step in float16


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine, and why it is torch ("" where the engine is native, or torch was asked for)."""

    name: EngineName
    reason: str = ""


def resources_here(device: str = "auto", threads: int | None = None) -> Resources:
    """Look at this machine; `threads` are those of this process for None. Raises `UsageError` for a missing device."""
    if threads is None:
        import torch

        threads = torch.get_num_threads()
    there = load_library() is not None
    why = "" if there else why_missing()
    return Resources(resolve_device(device), there, threads, why, layouts=layouts_here())


def layouts_here() -> int:
    """Give the rule for torch's layout that was measured on processors like this one."""
    return BY_WHOLE_VECTORS if instructions() == "avx2" else BY_MEAN_CHANNELS


def decide(plan: ExperimentPlan, resources: Resources | None = None) -> Compute:
    """Decide what a run computes with: on this machine, or by what is given, which is then not looked for here.

    Raises `UsageError` where a device is named that is not here, `SpecError` where `engine: native` cannot be.
    """
    train = plan.spec.train
    resources = resources or resources_here(train.device)
    device = resources.device if train.device == "auto" else train.device
    if train.precision == "fp16" and device not in _SCALES:
        raise SpecError(
            f"train.precision: fp16 is for {' and '.join(_SCALES)}, and the run is on {device}; use fp32 or bf16",
            ("train", "precision"),
        )
    choice = choose_engine(plan.network, train, device, resources, plan.facts.task, weighted=plan.facts.weighted)
    layout: Layout = "contiguous_format"
    if choice.name == "torch":
        layout = layout_of(plan.network, device, resources.layouts)
    return Compute(device, choice.name, choice.reason, layout, train.precision, resources.threads)


def resolve_device(name: str) -> str:
    """Turn `auto` into the best device there is (cuda, mps, cpu); raise `UsageError` if a named one is missing."""
    if name == "cpu":
        return name
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        usable = ", ".join(device for device, present in there.items() if present)
        raise UsageError(f"train.device: {name} is not usable here (usable: {usable}, or auto)")
    return name


def choose_engine(
    network: NetworkPlan,
    train: TrainSpec,
    device: str,
    resources: Resources | None = None,
    task: Task | None = None,
    *,
    weighted: bool = False,
) -> EngineChoice:
    """Resolve `train.engine` for a device; raise `SpecError` where `native` is asked for and cannot be.

    Whether the native engine is there is looked at here, or told by `resources`.
    """
    if train.engine == "torch":
        return EngineChoice("torch")
    if reason := _impossible(network, train, device, resources, task, weighted):
        if train.engine == "native":
            raise SpecError(f"train.engine: native cannot be used: {reason}", ("train", "engine"))
        return EngineChoice("torch", reason)
    if train.engine == "auto" and (reason := _not_worth_it(network)):
        return EngineChoice("torch", reason)
    return EngineChoice("native")


def _impossible(
    network: NetworkPlan,
    train: TrainSpec,
    device: str,
    resources: Resources | None,
    task: Task | None,
    weighted: bool,
) -> str | None:
    if device != "cpu":
        return f"it computes on cpu, the run on {device}"
    kernels = KERNELS if resources is None else resources.kernels
    if reason := supports(network, train, task, weighted=weighted, kernels=kernels):
        return reason
    if resources is not None:
        return None if resources.native else resources.why_no_native
    return None if load_library() is not None else why_missing()


def _not_worth_it(network: NetworkPlan) -> str | None:
    convolutions = sum(row.macs for row in network.walk() if isinstance(row.layer, Convolution))
    macs = network.macs
    if convolutions < CONVOLUTIONS_FROM * macs:
        return f"{1 - convolutions / macs:.0%} of its multiply-accumulates are matrix products, which torch does well"
    return None


def layout_of(network: NetworkPlan, device: str, rule: int | None = None) -> Layout:
    """Choose torch's layout from the shapes by a rule, None for this machine's: see `BY_MEAN_CHANNELS` and the other.

    A 1x1 convolution with a stride stays in the default layout: oneDNN issue 6035, wrong gradients. So do volumes,
    whose weights have no such layout. On other devices than the CPU the first rule holds.
    """
    rule = layouts_here() if rule is None else rule
    convolutions = [row for row in network.walk() if isinstance(row.layer, Conv2d)]
    macs = sum(row.macs for row in convolutions)
    if device == "mps" or not macs or any(len(row.input_shape) > 3 for row in network.walk()):
        return "contiguous_format"
    for row in convolutions:
        assert isinstance(row.layer, Conv2d)
        if row.layer.kernel_size == (1, 1) and row.layer.stride != (1, 1):
            return "contiguous_format"
    if device in ("cpu", "auto") and rule == BY_WHOLE_VECTORS:
        narrow = (isinstance(row.layer, _BY_CHANNELS) and row.input_shape[0] < LANES for row in network.walk())
        return "contiguous_format" if any(narrow) else "channels_last"
    channels = sum(row.macs * row.input_shape[0] for row in convolutions) / macs
    return "channels_last" if channels >= CHANNELS_LAST_FROM else "contiguous_format"


_BY_CHANNELS = (MaxPool2d, BatchNorm2d)  # layers that torch computes one vector of channels after the other
