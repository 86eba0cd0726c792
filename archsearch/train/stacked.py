"""Runs of one recipe that differ in their seeds, all at once: their networks stacked, so that one call computes all.

    why_not_stacked(plan, compute)                        # "" where they may be
    train_stacked(plan, [Stacked(0), Stacked(1)], dataset, compute, read_test="end", interruption=interruption)

A small network leaves a GPU idle between its kernels; `torch.func` computes many of them in one. Each run has the
streams of its own seed as if it was alone: initial weights, validation part, the order of its batches. What differs is
rounding, as batched kernels add in another order. A run that falls out of step (it diverges, or who follows it raises
something) is not ended here: it goes on alone from its last whole epoch, and there is said what there is to say.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from archsearch.data.prepare import Dataset
from archsearch.experiment_plan import ExperimentPlan
from archsearch.train.compute import Compute
from archsearch.train.divergence import check_outputs, check_weights
from archsearch.train.epoch import LOOK_EVERY
from archsearch.train.interrupt import Interruption
from archsearch.train.loop import Evaluation, ReadTest, Trained, evaluate_part
from archsearch.train.measures import beside_the_usual, metric_values
from archsearch.train.progress import Progress
from archsearch.train.result import EpochRecord
from archsearch.train.schedules import factor
from archsearch.train.stack import NetworkStack, Parts
from archsearch.train.watch import Silent, Watch

# Multiply-accumulates of a batch above which a network is taken to fill a GPU by itself: at 10 TFLOP/s its kernels take
# longer then than what starts them. An estimate: no card was there to measure on.
MOST_MACS = 2e9


@dataclass(frozen=True, slots=True)
class Stacked:
    """One of the runs: its seed, who follows it, and what keeps its progress."""

    seed: int
    watch: Watch = field(default_factory=Silent)
    keep: Callable[[Progress], None] = lambda progress: None


def why_not_stacked(plan: ExperimentPlan, compute: Compute) -> str:
    """Say why runs of a plan are made one by one, "" where they may be stacked."""
    train, data = plan.spec.train, plan.spec.data
    alone = ("early_stopping", "average", "ema", "clip_grad_norm", "mixup", "cutmix")
    reasons = {
        f"it is for cuda, and the run is on {compute.device}": compute.device != "cuda",
        "a batch of it fills the device": plan.network.macs * train.batch_size > MOST_MACS,
        f"train.precision is {train.precision}": train.precision not in ("fp32", "tf32"),
        "train.accumulate is set": train.accumulate > 1,
        f"train.sampler is {train.sampler}": train.sampler != "random",
        "the schedule follows what is measured": bool(train.schedule.watches),
        "samples are augmented": bool(data.augment),
        "samples have weights": plan.facts.weighted,
        "layers draw random numbers": any(row.layer.draws for row in plan.network.walk()),
        **{f"train.{name} is set": getattr(train, name) is not None for name in alone},
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def train_stacked(
    plan: ExperimentPlan,
    runs: Sequence[Stacked],
    dataset: Dataset,
    compute: Compute,
    *,
    read_test: ReadTest,
    interruption: Interruption,
    also: Sequence[str] = (),
) -> list[Trained | None]:
    """Train all from the start to the end; None for each run that has to go on alone, from what its `keep` got.

    Raises `Interrupted` between two steps when a signal came.
    """
    stack = NetworkStack.of(plan, [run.seed for run in runs], dataset, compute)
    if stack is None or not _computes(stack):
        return [None] * len(runs)
    training = _Training(plan, runs, stack, read_test, beside_the_usual(plan.task, also))
    for run in runs:
        run.watch.start(plan.spec.train.epochs, (), len(stack.training[0]))
    for epoch in range(plan.spec.train.epochs):
        training.train_epoch(epoch, interruption)
        if not training.in_step:
            break
        interruption.check(f"epoch {epoch + 1} of {plan.spec.train.epochs} is kept, the same call goes on from there")
    return training.ended()


def _computes(stack: NetworkStack) -> bool:
    """Say whether torch has batched kernels for all that the networks are made of; what it has not it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            stack.gradients([part.rows[:2] for part in stack.training])
            stack.outputs([replace(part, rows=part.rows[:2]) for part in stack.training])
        except Exception:  # also what a layer of somebody's own raises of tensors that are stacked
            return False
    stack.begin()  # a batch norm has seen these samples
    return True


class _Training:
    """The epochs of a stack; `in_step` are the numbers of the runs that are still part of it."""

    def __init__(
        self,
        plan: ExperimentPlan,
        runs: Sequence[Stacked],
        stack: NetworkStack,
        read_test: ReadTest,
        more: Sequence[str],
    ) -> None:
        self.plan, self.runs, self.stack, self.read_test, self.more = plan, runs, stack, read_test, more
        self.in_step = list(range(len(runs)))
        self.progress = [Progress() for _ in runs]
        self.last: list[dict[str, Evaluation]] = [{} for _ in runs]

    def train_epoch(self, epoch: int, interruption: Interruption) -> None:
        """Train an epoch, evaluate, and keep what each run has come to."""
        began = time.monotonic()
        measured, lr = self._learn(epoch, interruption)
        wanted = {"validation": self.stack.validation}
        if self.read_test == "each_epoch":
            wanted["test"] = self.stack.test
        outputs = self._outputs(wanted)
        seconds = (time.monotonic() - began) / len(self.runs)

        def end(number: int) -> None:
            check_weights(self.stack.model(number), lr)
            self.last[number] = found = self._evaluations(number, wanted, outputs)
            metrics = measured[number] | {
                name: value for part, one in found.items() for name, value in one.of(_SHORT[part]).items()
            }
            progress = self.progress[number]
            progress.test_reads += "test" in wanted
            progress.epoch = epoch + 1
            record = EpochRecord(epoch=epoch + 1, metrics=metrics, lr=lr, seconds=seconds)
            progress.history.append(record)
            progress.model, progress.optimizer = self.stack.state(number), self.stack.optimizer_state(number)
            self.runs[number].keep(progress)
            self.runs[number].watch.epoch(record)

        self._each(end)

    def _learn(self, epoch: int, interruption: Interruption) -> tuple[list[dict[str, float | None]], float]:
        """Train on all samples; give what was measured meanwhile, for each run, and the last learning rate."""
        stack, spec = self.stack, self.plan.spec.train
        steps = [torch.split(order, spec.batch_size) for order in stack.orders(epoch)]
        total, correct, done, lr = torch.zeros(len(self.runs)), None, 0, spec.optimizer.lr
        total = total.to(stack.device)
        kept = "1 whole epoch is" if epoch == 1 else f"{epoch} whole epochs are"
        for number, rows in enumerate(zip(*steps, strict=True)):
            lr = spec.optimizer.lr * factor(spec.schedule, epoch * len(steps[0]) + number, len(steps[0]), spec.epochs)
            losses, hits = stack.step(rows, lr)
            done += len(rows[0])
            total += losses * len(rows[0])
            correct = hits if correct is None or hits is None else correct + hits
            if number % LOOK_EVERY == 0 or number == len(steps[0]) - 1:
                self._look(epoch, done, (total / done).tolist())
            interruption.check(f"{kept} kept, the same call goes on from there")
        measured: list[dict[str, float | None]] = [{"train_loss": mean} for mean in (total / done).tolist()]
        if correct is not None:
            for of, right in zip(measured, correct.tolist(), strict=True):
                of["train_accuracy"] = right / done
        return measured, lr

    def _look(self, epoch: int, done: int, means: Sequence[float]) -> None:
        def look(number: int) -> None:
            if not math.isfinite(means[number]):
                raise ArithmeticError("the loss is not finite")
            self.runs[number].watch.batch(epoch, done, means[number])

        self._each(look)

    def ended(self) -> list[Trained | None]:
        """Evaluate what was not evaluated yet, and give the runs that stayed."""
        asked = [] if self.read_test == "never" else ["test"]
        there = self.last[self.in_step[0]] if self.in_step else {}
        wanted = {"test": self.stack.test} if asked and "test" not in there else {}
        outputs = self._outputs(wanted)
        found: list[Trained | None] = [None] * len(self.runs)

        def end(number: int) -> None:
            self.progress[number].test_reads += len(wanted)
            evaluations = self.last[number] | self._evaluations(number, wanted, outputs)
            found[number] = self.stack.trained(number, self.progress[number], evaluations)

        self._each(end)
        return found

    def _outputs(self, wanted: dict[str, Parts | None]) -> dict[str, list[Tensor]]:
        return {name: self.stack.outputs(parts) for name, parts in wanted.items() if parts is not None}

    def _evaluations(
        self, number: int, wanted: dict[str, Parts | None], outputs: dict[str, list[Tensor]]
    ) -> dict[str, Evaluation]:
        """Judge the outputs of a run on parts of the data as they are judged alone."""
        found = {}
        for name, given in outputs.items():
            parts = wanted[name]
            assert parts is not None
            part = parts[number]
            one = evaluate_part(_Given(given[number]), part, self.stack.loss_of, self.plan.task)
            check_outputs(one.outputs, name, lambda row: None)
            targets = part.y[part.rows].cpu().numpy()
            one.metrics |= metric_values(self.plan, one.outputs.numpy(), targets, self.more)
            found[name] = one
        return found

    def _each(self, work: Callable[[int], None]) -> None:
        """Do something for every run that is in step; one that raises falls out of it."""
        for number in list(self.in_step):
            try:
                work(number)
            except Exception:  # whatever it is comes again where the run goes on alone
                self.in_step.remove(number)


_SHORT = {"validation": "val", "test": "test"}


class _Given:
    """An engine whose outputs are there already, in the order in which they are asked for."""

    def __init__(self, outputs: Tensor) -> None:
        self.left = outputs

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Give the next so many."""
        given, self.left = self.left[: len(rows)], self.left[len(rows) :]
        return given
