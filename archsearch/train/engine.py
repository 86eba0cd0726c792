"""What computes a training step: torch, or the native engine. Both fill the parameters' gradients and give outputs.

    engine = make_engine(compute, plan, model, prepare, loss, restore)
    loss, correct = engine.learn(x, y, rows, augmentation)     # .grad holds the gradient of the mean loss
    outputs = engine.outputs(x, rows)

The loop does the rest: order, learning rate, clipping, the optimiser's step, bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from archsearch.data.augment import augment
from archsearch.data.prepare import to_float
from archsearch.experiment_plan import ExperimentPlan
from archsearch.native.network import NativeNetwork
from archsearch.spec.augmentations import AnyAugmentation
from archsearch.spec.loss_base import LossFunction
from archsearch.spec.losses import AnyLoss
from archsearch.task import Task
from archsearch.train.compute import Compute
from archsearch.train.device import autocast
from archsearch.train.mixing import Mix
from archsearch.train.weighted import weighted_loss


class Evaluates(Protocol):
    """Gives the outputs of samples."""

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Give the outputs (N, outputs) float32 of these rows, in evaluation mode, in the unit of the targets."""


class Engine(Evaluates, Protocol):
    """Computes with a model's parameters, wherever they stand at the moment."""

    def learn(
        self, x: Tensor, y: Tensor, rows: Tensor, draws: torch.Generator, mix: Mix | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Set `.grad` to the gradient of the mean loss of these rows; give summed loss and number correct, scalars.

        The latter is None where the task has nothing that is right or wrong.

        `draws` is what augmentation takes its random numbers from, `mix` how the samples are mixed with one another;
        right is then what agrees with the larger part.
        """

    def threads(self) -> AbstractContextManager[None]:
        """Give the context in which an epoch trains: how many threads torch uses beside the engine."""


@dataclass(frozen=True, slots=True)
class TorchEngine:
    """Forward and backward by torch's autograd."""

    model: nn.Module
    loss_of: LossFunction
    augmentations: tuple[AnyAugmentation, ...]
    prepare: Callable[[Tensor], Tensor]
    device: str
    precision: str
    task: Task
    restore: Callable[[Tensor], Tensor]
    weights: Tensor | None = None
    scaler: torch.amp.GradScaler | None = None

    def learn(
        self, x: Tensor, y: Tensor, rows: Tensor, draws: torch.Generator, mix: Mix | None = None
    ) -> tuple[Tensor, Tensor | None]:
        samples, labels = read_to_learn(x, rows, self.augmentations, draws), y[rows]
        self.model.train()
        with autocast(self.device, self.precision):
            inputs = self.prepare(samples)
            outputs = self.model(inputs if mix is None else mix.samples(inputs))
            if mix is not None:
                loss = mix.loss(lambda targets: self.loss_of(outputs, targets), labels)
            elif self.weights is None:
                loss = self.loss_of(outputs, labels)
            else:
                loss = weighted_loss(self.loss_of, outputs, labels, self.weights[rows])
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(loss if self.scaler is None else self.scaler.scale(loss))
        told = labels if mix is None else mix.mostly(labels)
        return loss.detach() * len(rows), self.task.right(outputs.detach(), told)

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        self.model.eval()
        with torch.inference_mode(), autocast(self.device, self.precision):
            given: Tensor = self.model(self.prepare(x[rows])).float()
            return self.restore(given)

    def threads(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True, slots=True)
class NativeEngine:
    """The C++ kernels; samples that need no augmentation and no normalisation are read where they are stored."""

    network: NativeNetwork
    augmentations: tuple[AnyAugmentation, ...]
    prepare: Callable[[Tensor], Tensor] | None
    task: Task
    restore: Callable[[Tensor], Tensor]
    weights: Tensor | None = None

    def learn(
        self, x: Tensor, y: Tensor, rows: Tensor, draws: torch.Generator, mix: Mix | None = None
    ) -> tuple[Tensor, Tensor | None]:
        assert mix is None, "the planner refuses what mixes samples"
        targets, weights = y[rows], None if self.weights is None else self.weights[rows]
        if self.augmentations:
            x, rows = read_to_learn(x, rows, self.augmentations, draws), torch.arange(len(rows))
        # A key for each batch out of the stream that the loop has seeded for dropout: a resumed run drops the same.
        key = int(torch.randint(2**63 - 1, ())) if self.network.program.drops else 0
        program = self.network.program
        outputs = None if program.of_classes else torch.empty(len(targets), program.outputs)
        loss, correct = self.network.gradients(*self._read(x, rows), targets, key, weights, outputs)
        right = torch.tensor(correct) if outputs is None else self.task.right(outputs, targets)
        return torch.tensor(loss), right

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        return self.restore(self.network.outputs(*self._read(x, rows)))

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Leave the processor to the engine's own threads: torch has the optimiser's step only, one short loop per
        tensor, and waiting for a second thread each time costs more than it brings."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _read(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Give what the network reads, and which rows of it."""
        return (x, rows) if self.prepare is None else (self.prepare(x[rows]).contiguous(), torch.arange(len(rows)))


def read_to_learn(
    x: Tensor, rows: Tensor, augmentations: tuple[AnyAugmentation, ...], draws: torch.Generator
) -> Tensor:
    """Give rows of stored samples as float32, augmented by random numbers from `draws`, not yet prepared."""
    samples = to_float(x[rows])
    return augment(samples, augmentations, draws) if augmentations else samples


def make_engine(
    compute: Compute,
    plan: ExperimentPlan,
    model: nn.Module,
    prepare: Callable[[Tensor], Tensor],
    loss: AnyLoss,
    restore: Callable[[Tensor], Tensor],
    weights: Tensor | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> Engine:
    """Give the engine that was decided on, on the model's parameters.

    `prepare` makes what the network reads, `restore` of what it gives what is in the unit of the targets; `loss` is
    fitted to the targets that are trained on, `weights` are what samples count for in it. With a `scaler` the gradients
    are those of the scaled loss.
    """
    data = plan.spec.data
    if compute.engine == "native":
        network = NativeNetwork(plan.network, loss, model, compute.threads, task=plan.task)
        return NativeEngine(network, data.augment, prepare if data.normalize else None, plan.task, restore, weights)
    of = loss.function()
    device, precision = compute.device, compute.precision
    return TorchEngine(model, of, data.augment, prepare, device, precision, plan.task, restore, weights, scaler)
