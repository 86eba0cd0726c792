"""One training run, to be read from top to bottom: epochs, evaluations, which weights are kept.

The whole data set is one tensor; an epoch (`epoch.py`) is one permutation of it. Nothing random is kept between epochs:
every epoch takes its order, augmentation and dropout from streams of the run's seed, so a run that goes on from a
checkpoint is the run that was never stopped. Knows nothing of files: a checkpoint is a value that the caller keeps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from archsearch.crash import crash_point
from archsearch.data.inputs import Inputs, mean_and_deviation
from archsearch.data.prepare import Dataset
from archsearch.data.split import divide
from archsearch.experiment_plan import ExperimentPlan
from archsearch.spec.loss_base import LossFunction
from archsearch.spec.network import build_network
from archsearch.task import Task
from archsearch.train.compute import Compute
from archsearch.train.device import autocast, memory_format, scaler_of
from archsearch.train.divergence import Diverged, check_outputs, check_weights, first_layer
from archsearch.train.engine import Engine, make_engine
from archsearch.train.epoch import Epochs, Part, once_more, train_epoch
from archsearch.train.interrupt import Interruption
from archsearch.train.labels import with_label_noise
from archsearch.train.look import look_at_parts, part_to_look_at, undisturbed
from archsearch.train.losses import fitted_loss, measure
from archsearch.train.measures import beside_the_usual, metric_values
from archsearch.train.moving import MovingAverage, in_the_network
from archsearch.train.progress import Progress, go_on, remember_weights, take_mean
from archsearch.train.result import EpochRecord
from archsearch.train.streams import split_seeds, stream
from archsearch.train.watch import Watch
from archsearch.train.weighted import mean_one

EVALUATION_BATCH = 1000

ReadTest = Literal["each_epoch", "end", "never"]


@dataclass(slots=True)
class Evaluation:
    """The metrics of a part by name (`loss` by `train.eval_loss`), and the outputs (N, classes) float32 on CPU."""

    metrics: dict[str, float | None]
    outputs: Tensor

    def of(self, part: str) -> dict[str, float | None]:
        """Give the metrics by the names that they have on a part of the data."""
        return {f"{part}_{name}": value for name, value in self.metrics.items()}


@dataclass(slots=True)
class Trained:
    """The outcome of a loop: the kept weights are in `model`; `reason` is set where the run diverged.

    A diverged run has no evaluations, also where early stopping kept weights of an epoch before: those are in `model`,
    but whoever compares recipes must see that this one diverges. Its history ends with the last epoch that was finite.
    """

    model: nn.Sequential
    progress: Progress
    reason: str | None
    validation: Evaluation | None
    test: Evaluation | None
    y_validation: Tensor
    y_test: Tensor
    inputs: Inputs


def initial_network(plan: ExperimentPlan, seed: int) -> nn.Sequential:
    """Build the network with the initial weights of a seed: each layer's depend on the seed and its name only."""

    class _Seeded:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            torch.manual_seed(stream(seed, "init", self.name))

        def __exit__(self, *exc: object) -> None:
            return None

    with torch.random.fork_rng(devices=[]):
        return build_network(plan.network, _Seeded)


def train(
    plan: ExperimentPlan,
    seed: int,
    dataset: Dataset,
    compute: Compute,
    *,
    read_test: ReadTest,
    interruption: Interruption,
    watch: Watch,
    progress: Progress | None = None,
    keep: Callable[[Progress], None] = lambda progress: None,
    also: Sequence[str] = (),
) -> Trained:
    """Train from the start, or from a kept `Progress`, to the end.

    `also` names metrics that are computed after every epoch beside the usual ones and what the recipe watches.
    `keep` is called after every whole epoch. Raises `Interrupted` between two batches when a signal came, and
    `OtherNetworkError` before the first for a `progress` of another network.
    """
    spec, device, layout = plan.spec.train, compute.device, memory_format(compute)
    model = initial_network(plan, seed).to(device).to(memory_format=layout)
    optimizer = spec.optimizer.build(model.parameters(), device)
    loss_of = measure(spec.eval_loss)
    training, validation, test = parts(plan, seed, dataset, device)
    training = mislabelled(plan, seed, training)
    inputs = inputs_of(plan, dataset, training)
    prepare = inputs.reader(device, layout)
    loss, scaler = fitted_loss(plan, training.y[training.rows]), scaler_of(compute)
    engine = make_engine(compute, plan, model, prepare, loss, inputs.restore, training.weights, scaler)
    training = replace(training, y=inputs.scale_targets(training.y))
    moving = None if spec.ema is None else MovingAverage(model, spec.ema)
    more = beside_the_usual(plan.task, (*spec.watches.values(), *also))
    own = None if spec.early_stopping is None else spec.early_stopping.own

    def evaluate(part: Part | None, name: str) -> Evaluation | None:
        if part is None:
            return None
        found = evaluate_part(engine, part, loss_of, plan.task)
        check_outputs(found.outputs, name, lambda row: first_layer(model, prepare(part.x[part.rows[row : row + 1]])))
        outputs, targets = found.outputs.numpy(), part.y[part.rows].cpu().numpy()
        found.metrics |= metric_values(plan, outputs, targets, more)
        if own is not None:
            found.metrics[own.name] = own.value(targets, outputs)
        return found

    def look(part_of_epoch: float, done: int) -> None:
        if validation is None:
            return
        part = part_to_look_at(validation, done, seed)
        with undisturbed(device), in_the_network(moving):
            found = evaluate_part(engine, part, loss_of, plan.task)
        if torch.isfinite(found.outputs).all():  # whether it diverges, the run itself says at the end of the epoch
            found.metrics |= metric_values(plan, found.outputs.numpy(), part.y[part.rows].cpu().numpy(), more)
            watch.look(part_of_epoch, found.of("val"))

    after_step = look_at_parts(watch.looks(), look)
    epochs = Epochs(plan, seed, model, optimizer, engine, training, interruption, watch, moving, scaler, after_step)

    progress = progress or Progress()
    if progress.epoch:
        go_on(progress, model, optimizer, moving, scaler)

    reason: str | None = None
    last: tuple[Evaluation | None, Evaluation | None] = (None, None)
    watch.start(spec.epochs, progress.history, len(training))
    while progress.epoch < spec.epochs and not progress.stopped:
        started = time.monotonic()
        epoch = progress.epoch
        try:
            with engine.threads():
                measured, lr = train_epoch(epochs, epoch, progress.history)
            check_weights(model, lr)
            with in_the_network(moving):
                seen_validation = evaluate(validation, "validation")
                seen_test = None
                if read_test == "each_epoch":
                    progress.test_reads += 1
                    seen_test = evaluate(test, "test")
        except Diverged as diverged:
            reason = f"epoch {epoch + 1}: {diverged}"
            break
        last = (seen_validation, seen_test)
        record = EpochRecord(
            epoch=epoch + 1,
            metrics=measured
            | (seen_validation.of("val") if seen_validation else {})
            | (seen_test.of("test") if seen_test else {}),
            lr=lr,
            seconds=time.monotonic() - started,
        )
        progress.epoch = epoch + 1
        progress.history.append(record)
        progress.model = model.state_dict()
        progress.optimizer = optimizer.state_dict()
        progress.scaler = None if scaler is None else scaler.state_dict()
        progress.moving_model = None if moving is None else moving.state()
        with in_the_network(moving):
            remember_weights(spec, progress, model)
        keep(progress)
        crash_point("epoch kept")
        watch.epoch(record)
        crash_point("reported")
        interruption.check(f"epoch {progress.epoch} of {spec.epochs} is kept, the same call goes on from there")

    best, last_epoch = progress.best_epoch, progress.epoch
    if progress.best_model is not None and (reason is not None or best != last_epoch):
        model.load_state_dict(progress.best_model)
        last = (None, None)
    elif progress.mean_model is not None and reason is None:
        with autocast(device, compute.precision):
            take_mean(progress, model, once_more(epochs, prepare))
        last = (None, None)
    elif moving is not None and reason is None:
        moving.take()
    if reason is None:
        try:
            check_weights(model)
            seen_validation = last[0] or evaluate(validation, "validation")
            seen_test = last[1]
            if read_test != "never" and seen_test is None:
                progress.test_reads += 1
                seen_test = evaluate(test, "test")
            last = (seen_validation, seen_test)
        except Diverged as diverged:
            reason = f"epoch {best or last_epoch}: {diverged}"
    if reason is not None:
        last = (None, None)
    y_validation = validation.y[validation.rows].cpu() if validation else torch.empty(0, dtype=torch.int64)
    return Trained(model, progress, reason, *last, y_validation, test.y.cpu(), inputs)


def parts(plan: ExperimentPlan, seed: int, dataset: Dataset, device: str) -> tuple[Part, Part | None, Part]:
    """Give training, validation (None where the spec asks for none) and test data on the device."""
    x, y = dataset.x_train.to(device), dataset.y_train.to(device)
    fit, held_out = divide(plan.spec.data, dataset.facts, dataset.y_train, *split_seeds(seed), dataset.groups_train)
    x_test, y_test = dataset.x_test.to(device), dataset.y_test.to(device)
    validation = Part(x, y, held_out.to(device)) if len(held_out) else None
    training = Part(x, y, fit.to(device), mean_one(dataset.weights_train, fit, device))
    return training, validation, Part(x_test, y_test, torch.arange(len(y_test), device=device))


def mislabelled(plan: ExperimentPlan, seed: int, training: Part) -> Part:
    """Make the labels of the training part wrong that the recipe wants wrong."""
    share = plan.spec.train.label_noise
    if not share:
        return training
    draws = torch.Generator().manual_seed(stream(seed, "label_noise"))
    noisy = with_label_noise(training.y, training.rows, share, plan.facts.task.groups, draws)
    return replace(training, y=noisy)


def inputs_of(plan: ExperimentPlan, dataset: Dataset, training: Part) -> Inputs:
    """Describe what the network of a run reads; what is normalised is so by the part that it trains on."""
    data = plan.spec.data
    return Inputs.of(
        data,
        dataset,
        *(mean_and_deviation(training.x, training.rows) if data.normalize else ()),
        targets=mean_and_deviation(training.y, training.rows) if data.normalize_targets else None,
        link=plan.spec.train.loss.link,
    )


def evaluate_part(engine: Engine, part: Part, loss_of: LossFunction, task: Task) -> Evaluation:
    """Give metrics and outputs of a part, in evaluation mode and without gradients."""
    found, loss = [], 0.0
    for rows in torch.split(part.rows, EVALUATION_BATCH):
        y = part.y[rows]
        given = engine.outputs(part.x, rows)
        loss += float(loss_of(given, y)) * len(rows)
        found.append(given.cpu())
    outputs, targets = torch.cat(found), part.y[part.rows].cpu()
    metrics: dict[str, float | None] = {"loss": finite(loss / len(part))}
    metrics |= {name: finite(value) for name, value in task.metrics(outputs, targets).items()}
    return Evaluation(metrics, outputs)


def finite(value: float | None) -> float | None:
    """Give the value, or None where it is infinite or not a number: JSON has no word for those."""
    return value if value is not None and math.isfinite(value) else None
