"""Networks of one shape with weights of their own, computed by one call: `torch.func` over stacked tensors.

    stack = NetworkStack.of(plan, [0, 1, 2], dataset, compute)
    losses, right = stack.step(rows, lr=1e-3)       # rows: of each run its batch; both (runs,)
    stack.outputs(stack.test)                       # of each run (N, outputs)

Every tensor has the runs as its first dimension; an optimiser that works value by value changes all of them as it would
change each. Knows no epochs and no files.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from archsearch.data.inputs import Inputs
from archsearch.data.prepare import Dataset
from archsearch.experiment_plan import ExperimentPlan
from archsearch.spec.loss_base import LossFunction
from archsearch.train.compute import Compute
from archsearch.train.epoch import Part
from archsearch.train.loop import EVALUATION_BATCH, Evaluation, Trained, initial_network, inputs_of, mislabelled, parts
from archsearch.train.losses import fitted_loss, measure
from archsearch.train.progress import Progress
from archsearch.train.streams import stream

Parts = Sequence[Part]  # of each run one
Tensors = dict[str, Tensor]


@dataclass(slots=True)
class NetworkStack:
    """The networks of several seeds. `y` (runs, N, ...) are the targets of the training part as they are learned."""

    plan: ExperimentPlan
    seeds: Sequence[int]
    device: str
    models: list[nn.Sequential]
    inputs: list[Inputs]
    training: Parts
    validation: Parts | None
    test: Parts
    y: Tensor
    loss: LossFunction
    loss_of: LossFunction
    shape: nn.Module
    parameters: Tensors
    buffers: Tensors
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, plan: ExperimentPlan, seeds: Sequence[int], dataset: Dataset, compute: Compute) -> Self | None:
        """Stack the initial networks of these seeds; None where the loss depends on what each is trained on."""
        device = compute.device
        there = replace(dataset, x_train=dataset.x_train.to(device), x_test=dataset.x_test.to(device))  # once for all
        divided = [parts(plan, seed, there, device) for seed in seeds]
        training = [mislabelled(plan, seed, part) for seed, (part, _, _) in zip(seeds, divided, strict=True)]
        losses = [fitted_loss(plan, part.y[part.rows]) for part in training]
        if any(loss != losses[0] for loss in losses):
            return None
        inputs = [inputs_of(plan, dataset, part) for part in training]
        held_out = [validation for _, validation, _ in divided if validation is not None]
        models = [initial_network(plan, seed).to(device) for seed in seeds]
        parameters, buffers = stack_module_state(models)  # type: ignore[arg-type]
        return cls(
            plan,
            seeds,
            device,
            models,
            inputs,
            training,
            held_out or None,
            [test for _, _, test in divided],
            torch.stack([one.scale_targets(part.y) for one, part in zip(inputs, training, strict=True)]),
            losses[0].function(),
            measure(plan.spec.train.eval_loss),
            copy.deepcopy(models[0]).to("meta"),
            parameters,
            buffers,
            plan.spec.train.optimizer.build(parameters.values(), device),
        )

    def begin(self) -> None:
        """Go back to the initial values of what batches change beside the weights."""
        _, self.buffers = stack_module_state(self.models)  # type: ignore[arg-type]

    def orders(self, epoch: int) -> list[Tensor]:
        """Give the rows of an epoch in the order of each run."""
        found = []
        for seed, part in zip(self.seeds, self.training, strict=True):
            draws = torch.Generator().manual_seed(stream(seed, "order", epoch))
            found.append(part.rows[torch.randperm(len(part), generator=draws).to(self.device)])
        return found

    def gradients(self, rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Set `.grad` to the gradients of each network's mean loss on its rows; give the losses (runs,), the outputs.

        The losses are added up: what one network computes depends on its own weights only.
        """
        self.shape.train()
        for parameter in self.parameters.values():
            parameter.grad = None
        outputs = self._call(self._read(self.training, rows))
        targets = (y[batch] for y, batch in zip(self.y, rows, strict=True))
        losses = torch.stack([self.loss(of, wanted) for of, wanted in zip(outputs, targets, strict=True)])
        # not `autograd.grad`, whose tensors may have any strides: fused optimisers read them as laid out as the weights
        torch.autograd.backward(losses.sum())
        return losses.detach(), outputs.detach()

    def _call(self, x: Tensor) -> Tensor:
        """Give the outputs (runs, N, outputs) of each network on its samples."""
        call = vmap(lambda parameters, buffers, x: functional_call(self.shape, (parameters, buffers), (x,)))
        outputs: Tensor = call(self.parameters, self.buffers, x)
        return outputs

    def step(self, rows: Sequence[Tensor], lr: float) -> tuple[Tensor, Tensor | None]:
        """Learn a batch of each run; give the mean losses, and how many samples were right where any can be."""
        losses, outputs = self.gradients(rows)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        task = self.plan.task
        right = [task.right(of, part.y[batch]) for of, part, batch in zip(outputs, self.training, rows, strict=True)]
        return losses, None if None in right else torch.stack(right)  # type: ignore[arg-type]

    def _read(self, parts: Parts, rows: Sequence[Tensor]) -> Tensor:
        """Give what the networks read of these rows, (runs, rows, ...)."""
        samples = [
            one.reader(self.device)(part.x[batch]) for one, part, batch in zip(self.inputs, parts, rows, strict=True)
        ]
        return torch.stack(samples)

    def outputs(self, parts: Parts) -> list[Tensor]:
        """Give the outputs (N, outputs) of each network on its part, in evaluation mode."""
        self.shape.eval()
        found: list[list[Tensor]] = [[] for _ in self.seeds]
        with torch.inference_mode():
            for rows in zip(*(torch.split(part.rows, EVALUATION_BATCH) for part in parts), strict=True):
                given = self._call(self._read(parts, rows))
                for of, one, outputs in zip(found, self.inputs, given, strict=True):
                    of.append(one.restore(outputs.float()))
        return [torch.cat(of) for of in found]

    # -- one of the networks

    def state(self, number: int) -> Tensors:
        """Give a network's state as its own `state_dict` has it."""
        every = {**self.parameters, **self.buffers}
        return {name: every[name][number].detach() for name in self.models[number].state_dict()}

    def model(self, number: int) -> nn.Sequential:
        """Give a network with the weights that it has now."""
        self.models[number].load_state_dict(self.state(number))
        return self.models[number]

    def optimizer_state(self, number: int) -> dict[str, Any]:
        """Give the optimiser's state as that of the network alone would be."""
        state = self.optimizer.state_dict()
        each = {key: {name: _of(value, number) for name, value in held.items()} for key, held in state["state"].items()}
        return {**state, "state": each}

    def trained(self, number: int, progress: Progress, evaluations: dict[str, Evaluation]) -> Trained:
        """Give a run that is over as the loop for one run does."""
        validation = None if self.validation is None else self.validation[number]
        y = torch.empty(0, dtype=torch.int64) if validation is None else validation.y[validation.rows].cpu()
        found = (evaluations.get("validation"), evaluations.get("test"))
        return Trained(self.model(number), progress, None, *found, y, self.test[number].y.cpu(), self.inputs[number])


def _of(value: Any, number: int) -> Any:
    """Give a network's part of a state: what has no dimension, as the number of steps, is the same for all."""
    return value[number] if isinstance(value, Tensor) and value.dim() else value
