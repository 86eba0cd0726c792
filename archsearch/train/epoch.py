"""An epoch of training, to be read from top to bottom: the order of the samples, batches, steps.

    measured, lr = train_epoch(run, epoch, progress.history)

Everything random comes from streams of the run's seed that are named by the epoch, so nothing is kept between epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archsearch.crash import crash_point
from archsearch.experiment_plan import ExperimentPlan
from archsearch.train.divergence import Diverged
from archsearch.train.engine import Engine, read_to_learn
from archsearch.train.interrupt import Interruption
from archsearch.train.labels import balanced_chances
from archsearch.train.mixing import Mix, drawn_mixes
from archsearch.train.moving import MovingAverage
from archsearch.train.result import EpochRecord
from archsearch.train.schedules import factor, reduced
from archsearch.train.streams import stream
from archsearch.train.watch import Watch

LOOK_EVERY = 10  # steps between two looks at the loss: a look waits for the device


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the data, on the run's device: x as stored (uint8 or float32), targets y, and which rows are meant.

    `weights` (N,) are what the samples of x count for in training, their mean over `rows` is 1; None where all count
    alike.
    """

    x: Tensor
    y: Tensor
    rows: Tensor
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Epochs:
    """What all epochs of a run share: who learns from what, and who looks on."""

    plan: ExperimentPlan
    seed: int
    model: nn.Sequential
    optimizer: torch.optim.Optimizer
    engine: Engine
    training: Part
    interruption: Interruption
    watch: Watch
    moving: MovingAverage | None = None
    scaler: torch.amp.GradScaler | None = None
    after_step: Callable[[int, int, int, int], None] = lambda epoch, step, steps, done: None  # see look.py

    def order(self, epoch: int | str) -> Tensor:
        """Give the rows of an epoch in their order, each once or by the chances of `train.sampler`."""
        count, draws = len(self.training), torch.Generator().manual_seed(stream(self.seed, "order", epoch))
        if self.plan.spec.train.sampler == "balanced":
            labels = self.training.y[self.training.rows]
            order = torch.multinomial(balanced_chances(labels), count, replacement=True, generator=draws)
        else:
            order = torch.randperm(count, generator=draws)
        return self.training.rows[order.to(self.training.x.device)]

    def mixes(self, epoch: int) -> list[Mix]:
        """Draw how each batch of an epoch is mixed, none where none is; leaves torch's random state changed."""
        spec, training = self.plan.spec.train, self.training
        torch.manual_seed(stream(self.seed, "mix", epoch))
        return drawn_mixes(spec.mixup, spec.cutmix, training.x.shape[1:], math.ceil(len(training) / spec.batch_size))


def train_epoch(run: Epochs, epoch: int, history: Sequence[EpochRecord]) -> tuple[dict[str, float | None], float]:
    """Train on as many samples as there are; give what was measured meanwhile, by name, and the last learning rate.

    `history` are the epochs before it, which a schedule may look at.
    """
    spec, seed, training = run.plan.spec.train, run.seed, run.training
    device = training.x.device
    steps = torch.split(run.order(epoch), spec.batch_size * spec.accumulate)
    augmentation = torch.Generator().manual_seed(stream(seed, "augment", epoch))
    mixes = iter(run.mixes(epoch))
    torch.manual_seed(stream(seed, "dropout", epoch))
    base_lr = spec.optimizer.lr * reduced(spec.schedule, history)
    lr = base_lr
    total_loss = torch.zeros((), device=device)
    correct: Tensor | None = torch.zeros((), device=device, dtype=torch.int64)
    done = 0
    kept = "1 whole epoch is" if epoch == 1 else f"{epoch} whole epochs are"
    for number, rows in enumerate(steps):
        lr = base_lr * factor(spec.schedule, epoch * len(steps) + number, len(steps), spec.epochs)
        for group in run.optimizer.param_groups:
            group["lr"] = lr
        loss, hits = _learn(run, torch.split(rows, spec.batch_size), augmentation, mixes)
        _step(run)
        done += len(rows)
        total_loss += loss
        correct = None if correct is None or hits is None else correct + hits
        if number % LOOK_EVERY == 0 or number == len(steps) - 1:
            mean = float(total_loss) / done
            if not math.isfinite(mean):
                what = "batch" if spec.accumulate == 1 else "step"
                raise Diverged(f"the loss is {mean} at {what} {number + 1} of {len(steps)} (lr {lr:g})")
            run.watch.batch(epoch, done, mean)
            crash_point("mid-epoch")
        run.after_step(epoch, number, len(steps), done)
        run.interruption.check(f"{kept} kept, the same call goes on from there")
    measured: dict[str, float | None] = {"train_loss": float(total_loss) / done}
    if correct is not None:
        measured["train_accuracy"] = int(correct) / done
    return measured, lr


def _step(run: Epochs) -> None:
    """Change the weights by the gradient in `.grad`."""
    longest, scaler = run.plan.spec.train.clip_grad_norm, run.scaler
    if longest is not None:
        if scaler is not None:
            scaler.unscale_(run.optimizer)
        nn.utils.clip_grad_norm_(run.model.parameters(), longest)
    if scaler is None:
        run.optimizer.step()
    else:
        scaler.step(run.optimizer)
        scaler.update()
    if run.moving is not None:
        run.moving.update()


def _learn(
    run: Epochs, batches: Sequence[Tensor], augmentation: torch.Generator, mixes: Iterator[Mix]
) -> tuple[Tensor, Tensor | None]:
    """Leave in `.grad` the gradient of a step, the mean over the samples of its batches; give what `Engine.learn` does.

    The batches are summed up here, whatever computes them, as each call of an engine writes a gradient anew.
    """
    training, engine = run.training, run.engine
    loss, hits = engine.learn(training.x, training.y, batches[0], augmentation, next(mixes, None))
    if len(batches) == 1:
        return loss, hits
    samples = sum(map(len, batches))
    gathered: dict[nn.Parameter, Tensor] = {}
    _gather(gathered, run.model, len(batches[0]) / samples)
    for rows in batches[1:]:
        more, more_hits = engine.learn(training.x, training.y, rows, augmentation, next(mixes, None))
        loss, hits = loss + more, None if hits is None or more_hits is None else hits + more_hits
        _gather(gathered, run.model, len(rows) / samples)
    for parameter, gradient in gathered.items():
        parameter.grad = gradient
    return loss, hits


def _gather(gathered: dict[nn.Parameter, Tensor], model: nn.Module, share: float) -> None:
    """Add the share of each gradient that there is; what a batch did not use has none."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            part = parameter.grad * share
            gathered[parameter] = gathered[parameter].add_(part) if parameter in gathered else part


def once_more(run: Epochs, prepare: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """Yield the training samples as one more epoch would read them, with draws of its own."""
    data, seed, training = run.plan.spec.data, run.seed, run.training
    augmentation = torch.Generator().manual_seed(stream(seed, "augment", "average"))
    torch.manual_seed(stream(seed, "dropout", "average"))
    for rows in torch.split(run.order("average"), run.plan.spec.train.batch_size):
        yield prepare(read_to_learn(training.x, rows, data.augment, augmentation))
        run.interruption.check("all epochs are kept, the same call goes on from there")
