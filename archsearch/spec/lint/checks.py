"""The checks behind the lint rules: each looks at a spec with its plan and yields what it found.

    list(squashed_twice(Examined(spec, plan)))     # [Found("act5 (softmax) stands before cross_entropy, ...", ...)]

Codes, reasons and sources stand in `lint.py`. Better to miss a mistake than to call something right a mistake.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsearch.spec.dataset import ARRAY_KINDS
from archsearch.spec.edit.in_memory import Edit
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Block, LayerBase, size_text
from archsearch.spec.layers.convolution import Convolution
from archsearch.spec.layers.pooling import Pooling
from archsearch.spec.network import NetworkPlan, PlannedLayer


@dataclass(frozen=True, slots=True)
class Examined:
    """What a rule looks at: a spec with its plan and the word of its data's task.

    `searched` says that it is the base of a search, `samples` how many are trained on (0: not known).
    """

    spec: ExperimentSpec
    plan: NetworkPlan
    searched: bool = False
    task: str = "classification"
    samples: int = 0

    @property
    def rows(self) -> list[PlannedLayer]:
        """Give the top layers that do something."""
        return [row for row in self.plan.rows if row.kind != "identity"]

    def lists(self) -> Iterator[list[PlannedLayer]]:
        """Yield every layer list: the network's own, and those inside blocks."""
        for row in self.plan.walk():
            for branch in row.branches:
                if branch.rows:
                    yield [inner for inner in branch.rows if inner.kind != "identity"]
        yield self.rows


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found: a sentence, the layer it is about ("" for none), and the edits that would mend it."""

    message: str
    layer: str = ""
    fix: tuple[Edit, ...] = ()


# -- the output and the loss -------------------------------------------------------------------------------------------


def squashed_twice(subject: Examined) -> Iterator[Found]:
    """Find a softmax or sigmoid before a loss that has its own; log_softmax there changes nothing and is left alone."""
    last, loss = subject.rows[-1], subject.spec.train.loss
    if loss.wants == "logits" and last.layer.squashes == "probabilities":
        applies = "log-softmax" if subject.task == "classification" else "the sigmoid"
        what = f"{last.name} ({last.kind}) stands before {loss.kind}, which applies {applies} itself"
        yield Found(what, last.name, ({"drop": last.name},))


def no_log_probabilities(subject: Examined) -> Iterator[Found]:
    """Find an nll whose network does not end in log_softmax."""
    last, loss = subject.rows[-1], subject.spec.train.loss
    if loss.wants != "log_probabilities" or last.layer.squashes == "log_probabilities" or isinstance(last.layer, Block):
        return
    fix: Edit = {"insert": {"after": last.name, "layers": ["log_softmax"]}}
    if last.layer.squashes:
        fix = {"replace": {last.name: "log_softmax"}}
    yield Found(
        f"{loss.kind} wants log-probabilities, and the network ends in {last.name} ({last.kind})", last.name, (fix,)
    )


def distance_of_probabilities(subject: Examined) -> Iterator[Found]:
    """Find mse or l1 on the output of a softmax or sigmoid."""
    last, loss = subject.rows[-1], subject.spec.train.loss
    if subject.task != "regression" and loss.wants == "like_labels" and last.layer.squashes == "probabilities":
        instead = "cross_entropy" if subject.task == "classification" else "bce"
        fix: tuple[Edit, ...] = ({"set": {"train.loss": instead}}, {"drop": last.name})
        yield Found(
            f"{loss.kind} is taken between class probabilities of {last.name} ({last.kind}) and labels", last.name, fix
        )


def softmax_of_one(subject: Examined) -> Iterator[Found]:
    """Find a softmax over a single output, which is 1 whatever comes in."""
    last = subject.rows[-1]
    if last.kind in ("softmax", "log_softmax") and subject.plan.output_shape[0] == 1:
        constant = "1" if last.kind == "softmax" else "0"
        yield Found(f"{last.name} ({last.kind}) over one output gives {constant} for every sample", last.name,
                    ({"drop": last.name},))  # fmt: skip


def bounded_numbers(subject: Examined) -> Iterator[Found]:
    """Find an activation that cuts or bounds the numbers that a network of regression gives."""
    last = subject.rows[-1]
    bounded = last.kind in ("relu", "tanh") or bool(last.layer.squashes)
    if subject.task == "regression" and bounded:
        can = {"relu": "nothing below 0, and has no gradient there", "tanh": "-1 to 1 only"}
        gives = can.get(last.kind, "0 to 1 only")
        yield Found(f"{last.name} ({last.kind}) is the last layer of a regression: it gives {gives}", last.name,
                    ({"drop": last.name},))  # fmt: skip


def targets_as_they_are(subject: Examined) -> Iterator[Found]:
    """Find a regression whose targets are trained on in their own unit."""
    if subject.task == "regression" and not subject.spec.data.normalize_targets and not subject.spec.train.loss.link:
        fix: Edit = {"set": {"data.normalize_targets": True}}
        yield Found(
            "the targets are trained on as they are; if their deviation is near 1, say so in `lint`", "", (fix,)
        )


# -- the order of layers -----------------------------------------------------------------------------------------------


def linear_after_linear(subject: Examined) -> Iterator[Found]:
    """Find two linear layers in a row, unless the first is a bottleneck: a matrix factorised on purpose."""
    for rows in subject.lists():
        between = [row for row in rows if not row.layer.drops]
        for one, two in pairwise(between):
            narrow = one.output_shape[0] < min(one.input_shape[0], two.output_shape[0])  # a factorised matrix: meant so
            if one.kind == two.kind == "linear" and not narrow:
                act = _usual_activation(subject)
                fix: Edit = {"insert": {"after": one.name, "layers": [act]}}
                yield Found(f"nothing nonlinear stands between {one.name} and {two.name}", one.name, (fix,))


def _usual_activation(subject: Examined) -> str:
    rows = [row for row in subject.plan.walk() if row.layer.elementwise and row.kind != "identity"]
    words = [kind for kind, _ in Counter(row.kind for row in rows if not row.layer.squashes).most_common()]
    return words[0] if words else "relu"


def activation_first(subject: Examined) -> Iterator[Found]:
    """Find an activation before anything else."""
    first = subject.rows[0]
    if first.layer.elementwise or first.layer.squashes:
        fix: tuple[Edit, ...] = ({"drop": first.name},) if len(subject.rows) > 1 else ()
        yield Found(f"{first.name} ({first.kind}) bends the data before any layer with weights", first.name, fix)


def bias_before_norm(subject: Examined) -> Iterator[Found]:
    """Find a bias whose layer a batch norm follows."""
    for rows in subject.lists():
        for one, two in pairwise(rows):
            if two.layer.mixes_batch and getattr(one.layer, "bias", False):
                fix: Edit = {"set": {f"{one.name}.bias": False}}
                yield Found(f"the bias of {one.name} is subtracted again by {two.name}", one.name, (fix,))


def dropout_before_norm(subject: Examined) -> Iterator[Found]:
    """Find a dropout with a batch norm after it, at most one layer with weights between them."""
    for rows in subject.lists():
        for index, row in enumerate(rows):
            if not row.layer.drops or not getattr(row.layer, "p", 0):
                continue
            weighted = 0
            for later in rows[index + 1 :]:
                if later.layer.mixes_batch:
                    message = (
                        f"{row.name} shifts the variance that {later.name} has learned, as it is off in evaluation"
                    )
                    yield Found(message, row.name, ({"drop": row.name},))
                    break
                weighted += later.layer.weighted
                if weighted > 1 or not _keeps_dropout(later.layer):
                    break


def _keeps_dropout(layer: LayerBase) -> bool:
    """Say whether a shift of the variance before a layer is still one behind it."""
    return layer.weighted or layer.elementwise or bool(layer.squashes) or layer.pools or layer.flattens


def rows_thrown_away(subject: Examined) -> Iterator[Found]:
    """Find convolutions and poolings whose windows do not reach the end of their input."""
    for row in subject.plan.walk():
        lost = _unread(row)
        if not any(lost):
            continue
        words = " and ".join(f"{n} of {size} {what}" for n, size, what in _lost_words(row, lost) if n)
        fix: tuple[Edit, ...] = ()
        if row.layer.pools:
            fix = ({"set": {f"{row.name}.ceil_mode": True}},)
        yield Found(f"{row.name} ({row.kind}) never looks at the last {words} of its input", row.name, fix)


def channels_as_steps(subject: Examined) -> Iterator[Found]:
    """Find recurrence or attention that reads (channels x length) as (steps x features).

    That is what the data and a convolution or a pooling of signals give; a `permute` between makes it right.
    """
    for rows in subject.lists():
        signal = rows is not None and rows == subject.rows and len(subject.plan.input_shape) == 2
        said = f"the data's {size_text(subject.plan.input_shape)}"
        for row in rows:
            if row.layer.reads_steps and signal:
                fix: Edit = {"insert": {"before": row.name, "layers": [{"permute": {"dims": [2, 1]}}]}}
                what = f"{row.name} ({row.kind}) reads {said} as {row.input_shape[0]} steps, and these are channels"
                yield Found(what, row.name, (fix,))
                break
            if isinstance(row.layer, (Convolution, Pooling)):
                signal, said = len(row.output_shape) == 2, f"the {size_text(row.output_shape)} of {row.name}"
            elif not (row.layer.elementwise or row.layer.drops or row.layer.thin) or row.kind == "permute":
                signal = False


def _unread(row: PlannedLayer) -> list[int]:
    """Count, for each dimension, the last places of the input that no window reaches."""
    layer = row.layer
    if isinstance(layer, Convolution):
        kernel, stride, dilation, padding = layer.spatial()
    elif isinstance(layer, Pooling):
        kernel, stride, padding, dilation = layer.window()
    else:
        return []
    if padding == "same":
        return []
    each = zip(row.input_shape[1:], row.output_shape[1:], kernel, stride, padding, dilation, strict=True)
    # A 1x1 kernel with a stride skips places on purpose, all over the map.
    return [max(0, n + p - (out - 1) * s - d * (k - 1) - 1) if k > 1 else 0 for n, out, k, s, p, d in each]


def _lost_words(row: PlannedLayer, lost: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    names = ("rows", "columns") if len(lost) == 2 else ("places",)
    yield from zip(lost, row.input_shape[1:], names, strict=True)


# -- sizes and training ------------------------------------------------------------------------------------------------


def no_validation_in_search(subject: Examined) -> Iterator[Found]:
    """Find the base of a search that holds no validation data out."""
    if subject.searched and not subject.spec.data.validation:
        fix: Edit = {"set": {"data.validation": 0.1}}
        yield Found("a search without validation data selects on the test set", "", (fix,))


def channels_last(subject: Examined) -> Iterator[Found]:
    """Find own arrays whose last axis is the shortest one, as that of the channels is; `channels` says that it is not.

    Signals of more channels than steps; images of more channels than columns, where the two axes before the last are of
    one size, as rows and columns are.
    """
    shape, data = subject.plan.input_shape, subject.spec.data
    if data.name not in ARRAY_KINDS or data.channels is not None or data.size is not None or len(shape) not in (2, 3):
        return
    channels, last = shape[0], shape[-1]
    if len(shape) == 2:
        suspect, read = channels > last, f"{channels} channels of {last} step{'s' * (last != 1)}"
    else:
        rows = shape[1]
        suspect = last * 2 <= min(channels, rows) and max(channels, rows) <= 2 * min(channels, rows)
        read = f"{channels} channels of {rows}x{last} pixels"
    if suspect:
        fix: Edit = {"set": {"data.channels": "last"}}
        yield Found(f"x is read as {read}; if that is right, say so: `channels: first`", "", (fix,))


def norm_of_one(subject: Examined) -> Iterator[Found]:
    """Find batch norms where a batch is one sample."""
    norms = [row for row in subject.plan.walk() if row.layer.mixes_batch]
    if norms and subject.spec.train.batch_size == 1:
        fix: Edit = {"set": {"train.batch_size": 32}}
        yield Found(f"{norms[0].name} normalises over a batch of one sample", norms[0].name, (fix,))


_WORTH_SAVING = 100_000  # parameters


def one_layer_has_it_all(subject: Examined) -> Iterator[Found]:
    """Find a linear layer behind a flattened map that holds nearly all; of two layers one always does."""
    weighted = [row for row in subject.plan.walk() if row.layer.weighted]
    rows = subject.rows
    for before, row in pairwise(rows):
        share = row.parameters / max(subject.plan.parameters, 1)
        if row.kind != "linear" or before.kind != "flatten" or row.parameters < _WORTH_SAVING:
            continue
        if len(weighted) < 3 or share <= 0.8:
            continue
        if len(before.input_shape) in (2, 3) and before.input_shape[-1] > 1:
            pool = f"adaptive_avg_pool{len(before.input_shape) - 1}d"
            fix: Edit = {"insert": {"before": before.name, "layers": [{pool: {"output_size": 1}}]}}
            yield Found(f"{row.name} holds {share:.0%} of all parameters", row.name, (fix,))


_MOST_OF_THE_FIRST = 0.1  # of a moving average at the end may be what the first step left


def average_of_the_beginning(subject: Examined) -> Iterator[Found]:
    """Find a moving average that is still made of the first weights when training ends."""
    train = subject.spec.train
    steps = train.epochs * math.ceil(subject.samples / (train.batch_size * train.accumulate))
    if train.ema is None or not steps:
        return
    left = train.ema ** (steps - 1)
    if left > _MOST_OF_THE_FIRST:
        fitting = round(
            1 - min(float(f"{10 / steps:.1g}"), 0.5), 10
        )  # of which the first weights are e**-10 at the end
        fix: tuple[Edit, ...] = ({"set": {"train.ema": fitting}},)
        fix = fix if fitting ** (steps - 1) <= _MOST_OF_THE_FIRST else ()
        yield Found(f"ema {train.ema:g}: {left:.0%} of it are the first weights still, after {steps:,} steps", "", fix)


def balanced_twice(subject: Examined) -> Iterator[Found]:
    """Find classes that are balanced by the sampler and by the weights of the loss."""
    train = subject.spec.train
    weighs = "balanced" in train.loss.model_dump().values()
    if train.sampler == "balanced" and weighs:
        fix: Edit = {"set": {"train.sampler": "random"}}
        yield Found(
            f"sampler balanced draws rare classes more often, and {train.loss.kind} weighs them more", "", (fix,)
        )


def idle_schedule(subject: Examined) -> Iterator[Found]:
    """Find a schedule whose drops lie behind the last epoch."""
    train = subject.spec.train
    if why := train.schedule.idle(train.epochs):
        yield Found(f"{train.schedule.kind}: {why} in {train.epochs} epoch{'s' * (train.epochs != 1)}")


def unusual_rate(subject: Examined) -> Iterator[Found]:
    """Find a learning rate outside the optimiser's usual range."""
    optimizer = subject.spec.train.optimizer
    low, high = optimizer.usual_rate
    if not low <= optimizer.lr <= high:
        fix: Edit = {"set": {f"train.optimizer.{optimizer.kind}.lr": optimizer.a_usual_rate}}
        yield Found(f"{optimizer.kind} with lr {optimizer.lr:g}; usual is {low:g} to {high:g}", "", (fix,))
