"""Torch is the oracle: networks from layer lists, the same batch through both engines, gradients side by side."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
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
from archsearch.task import Task
from archsearch.train.weighted import weighted_loss
from tests.train.conftest import runs_dir, train_tiny  # noqa: F401 - fixtures

CLASSES = 5
KEY = 0x8F1BBCDC5A827999  # of the dropout masks
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d)


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


def planned(written: Sequence[Any], shape: tuple[int, ...], outputs: int = CLASSES) -> NetworkPlan:
    """Put layers together."""
    return plan_network(layers(written), shape, outputs)


def loss_spec(written: Any = "cross_entropy") -> AnyLoss:
    """Read a loss as a spec does."""
    return TrainSpec.model_validate({"epochs": 1, "loss": written}).loss


def mix(x: np.ndarray) -> np.ndarray:
    """triple32, as docs/native.md has it."""
    for shift, factor in ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(14))


def stays(p: float, key: int, number: int, images: int, values: int) -> Tensor:
    """What a dropout keeps, (images, values) of booleans, by the formula of docs/native.md."""
    u = np.uint32
    layer = mix(np.array([key & 0xFFFFFFFF], u) ^ mix(np.array([(key >> 32) + number & 0xFFFFFFFF], u)))
    bits = mix(mix(layer + np.arange(images, dtype=u))[:, None] ^ mix(~layer + np.arange(values, dtype=u))[None])
    return torch.from_numpy(bits.astype(np.int64) >= int(p * 2**32))


def drop(module: nn.Module, number: int, key: int, x: Tensor) -> Tensor:
    """What the n-th dropout of a network makes of a batch."""
    if not module.training:
        return x
    values = x[0].numel() if isinstance(module, nn.Dropout) else x.shape[1]
    mask = stays(module.p, key, number, len(x), values).to(x.dtype)
    shape = x.shape if isinstance(module, nn.Dropout) else (*x.shape[:2], *(1,) * (x.dim() - 2))
    return x * mask.reshape(shape) / (1 - module.p)


class Step(NamedTuple):
    """What a training step gives, and then an evaluation: mean loss, gradients, outputs, hits, running statistics."""

    loss: float
    gradients: list[Tensor]
    outputs: Tensor
    correct: int
    running: list[Tensor]


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
    weights: Tensor | None = None

    @property
    def exact(self) -> bool:
        """Whether training and evaluation compute the same outputs."""
        return not self.native.program.drops and not self.native.program.norms

    def torch_step(self, keep: bool = False, dtype: torch.dtype | None = None) -> Step:
        """Step by torch's autograd; the running statistics go back to where they were unless `keep`."""
        model = self.model if dtype is None else copy.deepcopy(self.model).to(dtype)
        if dtype is not None:
            set_masks(model)
        before = [buffer.clone() for buffer in model.buffers()]
        model.train().zero_grad()
        dtype = next(model.parameters()).dtype
        x = self.x[self.rows].to(dtype) / (255 if self.x.dtype == torch.uint8 else 1)
        y = self.y[self.rows].to(dtype) if self.y.is_floating_point() else self.y[self.rows]
        outputs = model(x)
        if self.weights is None:
            loss = self.loss.function()(outputs, y)
        else:
            loss = weighted_loss(self.loss.function(), outputs, y, self.weights.to(dtype))
        loss.backward()
        gradients = [p.grad.clone() for p in model.parameters()]
        model.eval().zero_grad()
        with torch.no_grad():
            evaluated = model(x)
        running = [buffer.clone() for buffer in model.buffers()]
        if not keep:
            for buffer, value in zip(model.buffers(), before, strict=True):
                buffer.copy_(value)
        return Step(loss.item(), gradients, evaluated, self.correct(outputs, y), running)

    def native_step(self) -> Step:
        """The same by the native engine."""
        y = self.y[self.rows]
        loss, correct = self.native.gradients(self.x, self.rows, y, KEY, self.weights)
        gradients = [p.grad.clone() for p in self.model.parameters()]
        outputs = self.native.outputs(self.x, self.rows)
        if self.exact:
            assert correct == self.correct(outputs, y)
        running = [buffer.clone() for buffer in self.model.buffers()]
        return Step(loss / len(self.rows), gradients, outputs, correct, running)

    def correct(self, outputs: Tensor, y: Tensor) -> int:
        """Count what is right; nothing is counted where the targets are no classes."""
        return int((outputs.argmax(1) == y).sum()) if self.native.program.of_classes else 0


def set_masks(model: nn.Module) -> None:
    """Let torch's dropouts drop what the native engine drops."""
    dropouts = [one for one in model.modules() if isinstance(one, nn.Dropout | nn.Dropout2d) and one.p]
    for number, one in enumerate(dropouts):
        one.forward = partial(drop, one, number, KEY)


def pair(
    written: Sequence[Any],
    shape: tuple[int, ...],
    *,
    loss: Any = "cross_entropy",
    n: int = 19,
    threads: int = 1,
    variant: str | Library | None = None,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    stored: torch.dtype | None = None,
    task: Task | None = None,
    weighted: bool = False,
) -> Pair:
    """Build both engines on one model; `stored` uint8 gives grey values, else normal numbers.

    Without a task the targets are classes; `weighted` samples count between 0 and 3.
    """
    plan = planned(written, shape, CLASSES if task is None else task.outputs)
    torch.manual_seed(seed)
    model = build_network(plan).to(dtype)
    set_masks(model)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, NORMS) and module.weight is not None:  # 1 and 0 would hide mistakes
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    x = torch.randint(0, 256, (n + 7, *shape), dtype=torch.uint8) if stored else torch.randn(n + 7, *shape, dtype=dtype)
    dice = torch.Generator().manual_seed(seed)
    y = torch.randint(0, CLASSES, (n + 7,)) if task is None else task.drawn(n + 7, dice)
    rows = torch.randperm(n + 7)[:n]
    weights = 3 * torch.rand(n, generator=dice) * (torch.arange(n) != 1) if weighted else None
    spec = loss_spec(loss)
    found = library(variant) if isinstance(variant, str) else variant
    native = NativeNetwork(plan, spec, model, threads, found, task)
    return Pair(plan, model, native, spec, x, y, rows, weights)


def assert_same(one: Pair, tolerance: float) -> None:
    """Compare loss, outputs, gradients and running statistics; a gradient's error beside the whole gradient's norm.

    In float a batch norm enlarges what torch rounds too: ten times what torch errs beside itself in double is allowed.
    """
    expected = one.torch_step()
    double = next(one.model.parameters()).dtype == torch.float64
    if one.native.program.norms and not double:
        better = one.torch_step(dtype=torch.float64)
        tolerance += 10 * largest_error(expected, better)[0]
        expected = better
    given = one.native_step()
    error, where = largest_error(given, expected)
    assert error <= tolerance, where
    if double:
        assert given.correct == expected.correct


def unsteadiness(one: Pair) -> float:
    """Give how far torch is from itself where every sample moves by some roundings: the largest of eight tries.

    Large where a network has a corner at what is rounding itself, as a relu of the mean of normalised values, or
    divides by a deviation that is nearly nothing: there no engine's answer is the answer.
    """
    expected, draws = one.torch_step(), torch.Generator().manual_seed(0)
    moved = []
    for _ in range(8):
        noise = torch.rand(one.x.shape, generator=draws, dtype=torch.float64) - 0.5
        x = (one.x.double() * (1 + 16 * torch.finfo(one.x.dtype).eps * noise)).to(one.x.dtype)
        moved.append(largest_error(replace(one, x=x).torch_step(), expected)[0])
    return max(moved)


def largest_error(given: Step, expected: Step) -> tuple[float, str]:
    """Give the largest error, and what has it; outputs and statistics beside the largest of them, if above 1."""

    def beside(a: Tensor, b: Tensor) -> float:
        return float((a.double() - b.double()).abs().max()) / max(1.0, float(b.abs().max()))

    def number(error: float) -> float:
        return math.inf if math.isnan(error) else error

    whole = float(torch.cat([g.flatten() for g in expected.gradients]).double().norm()) + 1e-12
    gradients = zip(given.gradients, expected.gradients, strict=True)
    running = zip(given.running, expected.running, strict=True)
    found = [
        (abs(given.loss - expected.loss) / max(1.0, abs(expected.loss)), "loss"),
        (beside(given.outputs, expected.outputs), "outputs"),
        *((float((a.double() - b.double()).norm()) / whole, f"gradient {i}") for i, (a, b) in enumerate(gradients)),
        *((beside(a, b), f"running statistics {i}") for i, (a, b) in enumerate(running)),
    ]
    return max((number(error), where) for error, where in found)
