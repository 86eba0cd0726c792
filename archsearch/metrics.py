"""The metrics: every number that a run is judged by, one row each, and all that is known of it in one place.

    METRICS["accuracy"].direction                    # maximize
    metric_of("val_accuracy"), part_of("val_accuracy")     # the row of accuracy, "val"
    title_of("val_accuracy"), written("val_accuracy", 0.9731)      # validation accuracy, 97.31 %

A new metric is one row: it can then be an objective, what an ablation compares, what early stopping watches, an axis
and a column. What is known by training is measured on parts of the data and has a name for each, such as `val_loss`.
Knows numbers and words; outputs and targets are whatever has `argmax` and `==`, a tensor or an array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archsearch.wording import percent, points, short_number

Direction = Literal["maximize", "minimize"]
Unit = Literal["points", "own"]
Written = Literal["percent", "count", "number"]
Known = Literal["plan", "training", "measured"]
Giver = Literal["network", "program"]
Takes = Literal["outputs", "predicted"]

PARTS = {"val": "validation", "test": "test", "train": "training"}  # as names begin, and as people say it
_D3 = {"percent": ".2~%", "count": "~s", "number": ".3~g"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a run gives.

    `known` says when: from the network's plan, by training (then on each part of the data), or measured on the machine.
    `compute` gives it: of a plan that has been made; after training of what `takes` names and the targets (N, ...): the
    outputs (N, outputs), or what the task says is predicted of them. It is None where something else does: the loss is
    the spec's `train.eval_loss`, what is measured is measured where it runs.
    `tasks` are those that it belongs to, None for all. `margin` is the difference that is too small to matter unless a
    file says otherwise, 0 for none; `near` the one that a smaller network may cost, None for a hundredth of the best.
    `given_by` is the only kind of experiment that gives it, None where every kind may.
    `guessing` gives what guessing is worth, by the number of outputs. Of counts whole numbers are written.
    """

    name: str
    title: str
    direction: Direction
    written: Written
    known: Known
    tasks: tuple[str, ...] | None = None
    margin: float = 0.0
    near: float | None = None
    given_by: Giver | None = None
    guessing: Callable[[int], float] | None = None
    compute: Callable[..., float] | None = None
    takes: Takes = "outputs"

    @property
    def unit(self) -> Unit:
        """Say how differences are written: of fractions in percentage points, else as they are."""
        return "points" if self.written == "percent" else "own"


def _f1_macro(predicted: Any, targets: Any) -> float:
    """Average F1 over labels (N, L) of 0 and 1; a label that is neither there nor predicted counts 0."""
    there, taken = targets.sum(0), predicted.sum(0)
    both = (predicted * targets).sum(0)
    return float((2 * both / (there + taken).clip(1)).mean())


def _r2(outputs: Any, targets: Any) -> float:
    """Average over targets (N, T) 1 - squared errors / squared deviations; of a constant target 1 if met, else 0."""
    errors, spread = ((outputs - targets) ** 2).sum(0), ((targets - targets.mean(0)) ** 2).sum(0)
    shares = [1 - e / s if s else float(not e) for e, s in zip(errors.tolist(), spread.tolist(), strict=True)]
    return sum(shares) / len(shares)


METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        name="accuracy",
        title="accuracy",
        direction="maximize",
        written="percent",
        known="training",
        tasks=("classification", "binary"),
        margin=0.001,
        near=0.005,
        guessing=lambda outputs: 1 / max(outputs, 2),  # one output tells two classes apart
        compute=lambda predicted, targets: int((predicted == targets).sum()) / len(targets),
        takes="predicted",
    ),
    "loss": Metric(name="loss", title="loss", direction="minimize", written="number", known="training"),
    "f1_macro": Metric(
        name="f1_macro",
        title="macro F1",
        direction="maximize",
        written="percent",
        known="training",
        tasks=("multilabel",),
        margin=0.001,
        compute=_f1_macro,
        takes="predicted",
    ),
    "hamming_loss": Metric(
        name="hamming_loss",
        title="Hamming loss",
        direction="minimize",
        written="percent",
        known="training",
        tasks=("multilabel",),
        margin=0.001,
        compute=lambda predicted, targets: int((predicted != targets).sum()) / (len(targets) * targets.shape[1]),
        takes="predicted",
    ),
    "mae": Metric(
        name="mae",
        title="mean absolute error",
        direction="minimize",
        written="number",
        known="training",
        tasks=("regression",),
        compute=lambda outputs, targets: float(abs(outputs - targets).mean()),
    ),
    "rmse": Metric(
        name="rmse",
        title="root mean squared error",
        direction="minimize",
        written="number",
        known="training",
        tasks=("regression",),
        compute=lambda outputs, targets: float((((outputs - targets) ** 2).mean(0) ** 0.5).mean()),
    ),
    "r2": Metric(
        name="r2",
        title="coefficient of determination",
        direction="maximize",
        written="number",
        known="training",
        tasks=("regression",),
        margin=0.001,
        guessing=lambda outputs: 0.0,
        compute=_r2,
    ),
    "parameters": Metric(
        name="parameters",
        title="parameters",
        direction="minimize",
        written="count",
        known="plan",
        compute=lambda network: network.parameters,
    ),
    "macs": Metric(
        name="macs",
        title="multiply-accumulates",
        direction="minimize",
        written="count",
        known="plan",
        compute=lambda network: network.macs,
    ),
    "latency_ms": Metric(
        name="latency_ms",
        title="latency (ms)",
        direction="minimize",
        written="number",
        known="measured",
        given_by="network",
    ),
    "seconds": Metric(
        name="seconds",
        title="seconds",
        direction="minimize",
        written="number",
        known="measured",
        given_by="program",
    ),
    "peak_memory": Metric(
        name="peak_memory",
        title="peak memory (bytes)",
        direction="minimize",
        written="count",
        known="measured",
        given_by="program",
    ),
}


# -- names -------------------------------------------------------------------------------------------------------------


def part_of(name: str) -> str | None:
    """Give the part of the data in a metric's name: `val` of `val_loss`; None of `macs`."""
    part, _, rest = name.partition("_")
    return part if part in PARTS and rest else None


def metric_of(name: str) -> Metric | None:
    """Give the row of a name, with or without its part; None where this version knows no such metric."""
    return METRICS.get(name if (part := part_of(name)) is None else name.removeprefix(f"{part}_"))


def learned(*parts: str) -> tuple[str, ...]:
    """Name what is known by training on these parts, part by part."""
    return tuple(f"{part}_{metric.name}" for part in parts for metric in METRICS.values() if metric.known == "training")


def of_task(task: str) -> tuple[Metric, ...]:
    """Give what is computed from the outputs of a run of this task, beside its loss."""
    return tuple(
        metric
        for metric in METRICS.values()
        if metric.known == "training" and metric.compute is not None and (metric.tasks is None or task in metric.tasks)
    )


OBJECTIVES = (
    *learned("val"),
    *(metric.name for metric in METRICS.values() if metric.known != "training" and metric.given_by != "program"),
)
COMPARED = learned("test", "val")
WATCHED = learned("val")


def is_learned(name: str) -> bool:
    """Say whether a metric is known by training only."""
    metric = metric_of(name)
    return metric is not None and metric.known == "training"


def told_by(names: Iterable[str]) -> tuple[str, ...]:
    """Give what a run that holds these is told by: all but the loss, or the loss where there is no other."""
    there = {metric.name for name in names if (metric := metric_of(name)) is not None}
    known = [metric.name for metric in METRICS.values() if metric.known == "training" and metric.name in there]
    return tuple(name for name in known if name != "loss") or tuple(known)


def direction_of(name: str) -> Direction:
    """Say whether more or less of a metric of the table is better."""
    metric = metric_of(name)
    assert metric is not None, f"{name} is no metric"
    return metric.direction


def main_of(names: Sequence[str]) -> int:
    """Say which of several objectives trials are ranked by: the one that is learned, or the first."""
    return next((place for place, name in enumerate(names) if is_learned(name)), 0)


def near_of(name: str, best: float) -> float:
    """Give how far from the best value a smaller network is still close to it."""
    metric = metric_of(name)
    return abs(best) / 100 if metric is None or metric.near is None else metric.near


# -- names that people give to metrics of their own --------------------------------------------------------------------

_MORE = (
    "acc accuracy top1 top5 f1 f1_score auc auroc roc_auc pr_auc average_precision map precision recall sensitivity "
    "specificity r2 r2_score bleu rouge rouge1 rouge2 rougel meteor reward return win_rate iou miou dice psnr ssim mcc "
    "kappa ndcg mrr hit_rate throughput elbo log_likelihood likelihood samples_per_second tokens_per_second "
    "images_per_second steps_per_second fps elo pass_rate exact_match balanced_accuracy top_k_accuracy jaccard "
    "average_precision_score explained_variance roc_auc_score accuracy_score"
)
_LESS = (
    "loss error err error_rate mse rmse mae mape nll bce cross_entropy logloss log_loss perplexity ppl bpc bpb seconds "
    "time duration runtime wall_time latency latency_ms peak_memory memory parameters params macs flops fid wer cer "
    "ter brier ece regret kl kl_divergence hinge squared_error absolute_error absolute_percentage_error max_error "
    "root_mean_squared_error median_absolute_error squared_log_error hamming_loss zero_one_loss"
)
_USUAL: dict[str, Direction] = {
    **dict.fromkeys(_MORE.split(), "maximize"),
    **dict.fromkeys(_LESS.split(), "minimize"),
}
_BEFORE = re.compile(
    r"(val|valid|validation|test|train|training|eval|dev|mean|avg|average|final|best|last|macro|micro)_"
)


def usual_direction(name: str) -> Direction | None:
    """Say which way a metric with such a name is better, None where the name does not tell.

    >>> usual_direction("val_f1"), usual_direction("test/mean_reward"), usual_direction("rmse")
    ('maximize', 'maximize', 'minimize')
    >>> usual_direction("balanced_accuracy"), usual_direction("mean_squared_error"), usual_direction("length")
    ('maximize', 'minimize', None)
    """
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    while word not in _USUAL and (before := _BEFORE.match(word)):
        word = word[before.end() :]
    return _USUAL.get(word)


# -- words -------------------------------------------------------------------------------------------------------------


def title_of(name: str) -> str:
    """Name a metric as people say it: validation accuracy."""
    metric, part = metric_of(name), part_of(name)
    if metric is None:
        return name
    return metric.title if part is None else f"{PARTS[part]} {metric.title}"


def kind_of(name: str) -> Written:
    """Give the kind of column a metric is."""
    metric = metric_of(name)
    return "number" if metric is None else metric.written


def format_of(name: str) -> str:
    """Give the d3 format of a metric's axis."""
    return _D3[kind_of(name)]


def written(name: str, value: float | None) -> str:
    """Write a value with its unit."""
    if value is None:
        return "no value"
    if kind_of(name) == "percent":
        return percent(value)
    return f"{value:,.0f}" if kind_of(name) == "count" else f"{value:.4g}"


def metric_text(name: str, value: float) -> str:
    """Write a value of a metric where there is little room: a count in three digits."""
    return short_number(value) if kind_of(name) == "count" else written(name, value)


def difference(name: str, value: float) -> str:
    """Write a difference of two values: of fractions in percentage points."""
    return points(value) if kind_of(name) == "percent" else f"{value:+.4g}"
