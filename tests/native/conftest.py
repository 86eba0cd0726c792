"""Torch is the oracle: networks from layer lists, the same batch through both engines, gradients side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archsearch.native.library import VARIANTS, Library, load_library
from archsearch.native.network import NativeNetwork
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import AnyLayer
from archsearch.spec.losses import AnyLoss
from archsearch.spec.network import NetworkPlan, build_network, plan_network
from archsearch.spec.training import TrainSpec
from tests.train.conftest import runs_dir, train_tiny  # noqa: F401 - fixtures

CLASSES = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a binary where none was built; torch warns that an even `same` pads unequally, which is meant."""
    for item in items:
        if "tests/native" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"))
    if load_library() is None:
        for item in items:
            if "tests/native" in str(item.path) and "no_binary" not in item.keywords:
                item.add_marker(pytest.mark.skip(reason="the native engine is not built"))


@pytest.fixture(autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """Let the oracle compute with one thread: its tiny steps would only wait for a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def available() -> list[str]:
    """The variants that this machine can run."""
    return [variant for variant in VARIANTS if load_library(variant) is not None]


def library(variant: str) -> Library:
    """A variant that is there."""
    found = load_library(variant)
    assert found is not None
    return found


def layers(written: Sequence[Any]) -> tuple[AnyLayer, ...]:
    """Read layers as a spec does."""
    tree = {"name": "x", "data": {"name": "digits"}, "network": list(written), "train": {"epochs": 1}}
    return ExperimentSpec.model_validate(tree).network


def planned(written: Sequence[Any], shape: tuple[int, ...]) -> NetworkPlan:
    """Put layers together."""
    return plan_network(layers(written), shape, CLASSES)


def loss_spec(written: Any = "cross_entropy") -> AnyLoss:
    """Read a loss as a spec does."""
    return TrainSpec.model_validate({"epochs": 1, "loss": written}).loss


@dataclass
class Pair:
    """One network on both engines, with a batch."""

    plan: NetworkPlan
    model: nn.Sequential
    native: NativeNetwork
    loss: AnyLoss
    x: Tensor
    y: Tensor
    rows: Tensor

    def torch_step(self) -> tuple[float, list[Tensor], Tensor]:
        """Mean loss, gradients and outputs by torch's autograd."""
        self.model.zero_grad()
        x = self.x[self.rows]
        dtype = next(self.model.parameters()).dtype
        outputs = self.model(x.to(dtype) / 255 if x.dtype == torch.uint8 else x)
        loss = self.loss.function()(outputs, self.y[self.rows])
        loss.backward()
        gradients = [p.grad.clone() for p in self.model.parameters()]
        self.model.zero_grad()
        return loss.item(), gradients, outputs.detach()

    def native_step(self) -> tuple[float, list[Tensor], Tensor]:
        """The same by the native engine."""
        loss, correct = self.native.gradients(self.x, self.rows, self.y[self.rows])
        gradients = [p.grad.clone() for p in self.model.parameters()]
        outputs = self.native.outputs(self.x, self.rows)
        assert correct == int((outputs.argmax(1) == self.y[self.rows]).sum())
        return loss / len(self.rows), gradients, outputs


def pair(
    written: Sequence[Any],
    shape: tuple[int, ...],
    *,
    loss: Any = "cross_entropy",
    n: int = 19,
    threads: int = 1,
    variant: str | None = None,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    stored: torch.dtype | None = None,
) -> Pair:
    """Build both engines on one model; `stored` uint8 gives grey values, else normal numbers."""
    plan = planned(written, shape)
    torch.manual_seed(seed)
    model = build_network(plan).to(dtype)
    x = torch.randint(0, 256, (n + 7, *shape), dtype=torch.uint8) if stored else torch.randn(n + 7, *shape, dtype=dtype)
    y = torch.randint(0, CLASSES, (n + 7,))
    rows = torch.randperm(n + 7)[:n]
    spec = loss_spec(loss)
    native = NativeNetwork(plan, spec, model, threads, library(variant) if variant else None)
    return Pair(plan, model, native, spec, x, y, rows)


def assert_same(one: Pair, tolerance: float) -> None:
    """Compare loss, outputs and gradients; a gradient's error is measured beside the whole gradient's norm."""
    loss, gradients, outputs = one.torch_step()
    native_loss, native_gradients, native_outputs = one.native_step()
    assert native_loss == pytest.approx(loss, rel=tolerance, abs=tolerance)
    torch.testing.assert_close(
        native_outputs, outputs, rtol=tolerance, atol=tolerance * max(1.0, float(outputs.abs().max()))
    )
    whole = float(torch.cat([g.flatten() for g in gradients]).norm()) + 1e-12
    for (name, _), expected, given in zip(one.model.named_parameters(), gradients, native_gradients, strict=True):
        assert float((given - expected).norm()) <= tolerance * whole, name
