"""Which engine a run computes with: a fixed rule of device, layers and shapes, never of timing.

    choice = choose_engine(plan.network, spec.train, "cpu")
    choice.name, choice.reason          # "torch", "conv1 (conv2d): ..."

Knows specs and which binaries there are; imports no torch where the system lists the processor's features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archsearch.errors import SpecError
from archsearch.native.library import load_library, why_missing
from archsearch.native.planner import supports
from archsearch.spec.layers.convolution import Convolution
from archsearch.spec.network import NetworkPlan
from archsearch.spec.training import TrainSpec

# Below this share of the multiply-accumulates in convolutions the network is matrix products, torch's strength.
CONVOLUTIONS_FROM = 0.1


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine, and why it is torch ("" where the engine is native, or torch was asked for)."""

    name: Literal["torch", "native"]
    reason: str = ""


def choose_engine(network: NetworkPlan, train: TrainSpec, device: str) -> EngineChoice:
    """Resolve `train.engine`; raise `SpecError` where `native` is asked for and cannot be."""
    if train.engine == "torch":
        return EngineChoice("torch")
    if reason := _impossible(network, train, device):
        if train.engine == "native":
            raise SpecError(f"train.engine: native cannot be used: {reason}", ("train", "engine"))
        return EngineChoice("torch", reason)
    if train.engine == "auto" and (reason := _not_worth_it(network)):
        return EngineChoice("torch", reason)
    return EngineChoice("native")


def _impossible(network: NetworkPlan, train: TrainSpec, device: str) -> str | None:
    if device != "cpu":
        return f"it computes on cpu, the run on {device}"
    if reason := supports(network, train):
        return reason
    return None if load_library() is not None else why_missing()


def _not_worth_it(network: NetworkPlan) -> str | None:
    convolutions = sum(row.macs for row in network.walk() if isinstance(row.layer, Convolution))
    macs = network.macs
    if convolutions < CONVOLUTIONS_FROM * macs:
        return f"{1 - convolutions / macs:.0%} of its multiply-accumulates are matrix products, which torch does well"
    return None
