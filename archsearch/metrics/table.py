"""The metrics: every number that a run is judged by, one row each, and all that is known of it in one place.

    METRICS["accuracy"].direction                    # maximize
    metric_of("val_accuracy"), part_of("val_accuracy")     # the row of accuracy, "val"

A new metric is one row: it can then be an objective, what an ablation compares, what early stopping watches, an axis
and a column. What is known by training is measured on parts of the data and has a name for each, such as `val_loss`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from archsearch.metrics import arithmetic
from archsearch.metrics.metric import Direction, Metric, Takes, Written
from archsearch.metrics.own import is_own, own_row

PARTS = {"val": "validation", "test": "test", "train": "training"}  # as names begin, and as people say it

_SHARES, _CORRELATIONS, _NOT_NEGATIVE = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)  # bounds

_LABELS = ("classification", "binary")
_AVERAGED = ("classification", "binary", "multilabel")


def _chance(outputs: int) -> float:
    """Give the share that guessing gets right; one output tells two classes apart."""
    return 1 / max(outputs, 2)


def _among(k: int, outputs: int) -> float:
    return min(1.0, k / outputs)


def _even(outputs: int) -> float:
    return 0.5


def _nothing(outputs: int) -> float:
    return 0.0


def _score(
    name: str,
    title: str,
    compute: arithmetic.Arithmetic,
    takes: Takes = "predicted",
    *,
    tasks: tuple[str, ...] = _LABELS,
    better: Direction = "maximize",
    written: Written = "percent",
    margin: float = 0.001,
    guessing: Callable[[int], float] | None = None,
    bounds: tuple[float, float] = _SHARES,
) -> Metric:
    """Make the row of a score of labels, or of probabilities of them: mostly a fraction of which more is better."""
    return Metric(
        name,
        title,
        better,
        written,
        "training",
        tasks,
        margin,
        guessing=guessing,
        compute=compute,
        takes=takes,
        bounds=bounds,
    )


def _error(
    name: str,
    title: str,
    compute: arithmetic.Arithmetic,
    *,
    better: Direction = "minimize",
    margin: float = 0.0,
    guessing: Callable[[int], float] | None = None,
    bounds: tuple[float, float] = _NOT_NEGATIVE,
) -> Metric:
    """Make the row of what is said of predicted numbers."""
    return Metric(
        name,
        title,
        better,
        "number",
        "training",
        ("regression",),
        margin,
        guessing=guessing,
        compute=compute,
        bounds=bounds,
    )


_ROWS = (
    Metric(
        name="accuracy",
        title="accuracy",
        direction="maximize",
        written="percent",
        known="training",
        tasks=_LABELS,
        margin=0.001,
        near=0.005,
        guessing=_chance,
        compute=lambda predicted, targets: int((predicted == targets).sum()) / len(targets),
        takes="predicted",
        anywhere=True,
        bounds=_SHARES,
    ),
    # each loss that is measured by is 0 or more; nll of what are no log-probabilities is not, see `intervals.within`
    Metric(name="loss", title="loss", direction="minimize", written="number", known="training", bounds=_NOT_NEGATIVE),
    _score("balanced_accuracy", "balanced accuracy", arithmetic.mean_recall, guessing=_chance),
    _score("f1", "F1", arithmetic.f1("binary"), tasks=("binary",)),
    _score("f1_macro", "macro F1", arithmetic.f1("macro"), tasks=_AVERAGED),
    _score("f1_micro", "micro F1", arithmetic.f1("micro"), tasks=_AVERAGED),
    _score("f1_weighted", "weighted F1", arithmetic.f1("weighted"), tasks=_AVERAGED),
    _score("precision", "precision", arithmetic.precision("binary"), tasks=("binary",)),
    _score("precision_macro", "macro precision", arithmetic.precision("macro"), tasks=_AVERAGED),
    _score("precision_micro", "micro precision", arithmetic.precision("micro"), tasks=_AVERAGED),
    _score("precision_weighted", "weighted precision", arithmetic.precision("weighted"), tasks=_AVERAGED),
    _score("recall", "recall", arithmetic.recall("binary"), tasks=("binary",)),
    _score("recall_macro", "macro recall", arithmetic.recall("macro"), tasks=_AVERAGED),
    _score("recall_micro", "micro recall", arithmetic.recall("micro"), tasks=_AVERAGED),
    _score("recall_weighted", "weighted recall", arithmetic.recall("weighted"), tasks=_AVERAGED),
    _score("auroc", "area under the ROC curve", arithmetic.auroc, "probabilities", tasks=_AVERAGED, guessing=_even),
    _score("average_precision", "average precision", arithmetic.average_precision, "probabilities", tasks=_AVERAGED),
    _score(
        "mcc",
        "Matthews' correlation",
        arithmetic.matthews,
        written="number",
        margin=0.002,
        guessing=_nothing,
        bounds=_CORRELATIONS,
    ),
    _score(
        "kappa",
        "Cohen's kappa",
        arithmetic.cohen,
        written="number",
        margin=0.002,
        guessing=_nothing,
        bounds=_CORRELATIONS,
    ),
    *(
        _score(
            f"top{k}_accuracy",
            f"top-{k} accuracy",
            arithmetic.among_the_first(k),
            "outputs",
            tasks=("classification",),
            guessing=partial(_among, k),
        )
        for k in (2, 3, 5)
    ),
    _score(
        "log_loss",
        "log loss",
        arithmetic.log_loss,
        "probabilities",
        better="minimize",
        written="number",
        margin=0.0,
        bounds=_NOT_NEGATIVE,
    ),
    _score(
        "brier",
        "Brier score",
        arithmetic.brier,
        "probabilities",
        better="minimize",
        written="number",
        margin=0.0,
        bounds=(0.0, 2.0),  # over more than two classes the squares add up to 2
    ),
    _score("ece", "expected calibration error", arithmetic.calibration_error, "probabilities", better="minimize"),
    _score("hamming_loss", "Hamming loss", arithmetic.hamming, tasks=("multilabel",), better="minimize"),
    _error("rmse", "root mean squared error", arithmetic.root_squared_error),
    _error("mae", "mean absolute error", arithmetic.absolute_error),
    _error("mse", "mean squared error", arithmetic.squared_error),
    _error(
        "r2",
        "coefficient of determination",
        arithmetic.determination,
        better="maximize",
        margin=0.001,
        guessing=_nothing,
        bounds=(-math.inf, 1.0),
    ),
    _error(
        "spearman",
        "Spearman's correlation",
        arithmetic.rank_correlation,
        better="maximize",
        margin=0.002,
        guessing=_nothing,
        bounds=_CORRELATIONS,
    ),
    *(_error(f"pinball_{q}", f"pinball loss of the {q} % quantile", arithmetic.pinball(q / 100)) for q in (10, 50, 90)),
    Metric(
        name="parameters",
        title="parameters",
        direction="minimize",
        written="count",
        known="plan",
        compute=lambda network: network.parameters,
        spreads_over="nothing",
        bounds=_NOT_NEGATIVE,
    ),
    Metric(
        name="macs",
        title="multiply-accumulates",
        direction="minimize",
        written="count",
        known="plan",
        compute=lambda network: network.macs,
        spreads_over="nothing",
        bounds=_NOT_NEGATIVE,
    ),
    Metric(
        name="activation_memory",
        title="activation memory (bytes of a sample)",
        direction="minimize",
        written="count",
        known="plan",
        given_by="network",
        compute=lambda network: network.activation_bytes(1),
        spreads_over="nothing",
        bounds=_NOT_NEGATIVE,
    ),
    Metric(
        name="latency_ms",
        title="latency (ms)",
        direction="minimize",
        written="number",
        known="measured",
        given_by="network",
        spreads_over="repeats",
        bounds=_NOT_NEGATIVE,
    ),
    Metric(
        name="file_size",
        title="file size (bytes)",
        direction="minimize",
        written="count",
        known="measured",
        given_by="network",
        spreads_over="nothing",
        bounds=_NOT_NEGATIVE,
    ),
    Metric(
        name="seconds", title="seconds", direction="minimize", written="number", known="measured", bounds=_NOT_NEGATIVE
    ),
    Metric(
        name="peak_memory",
        title="peak memory (bytes)",
        direction="minimize",
        written="count",
        known="measured",
        given_by="program",
        bounds=_NOT_NEGATIVE,
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}


# -- names -------------------------------------------------------------------------------------------------------------


def part_of(name: str) -> str | None:
    """Give the part of the data in a metric's name: `val` of `val_loss`; None of `macs`."""
    part, _, rest = name.partition("_")
    return part if part in PARTS and rest else None


def metric_of(name: str) -> Metric | None:
    """Give the row of a name, with or without its part; None where this version knows no such metric."""
    bare = bare_name(name)
    return METRICS.get(bare) or (own_row(bare) if is_own(bare) else None)


def bare_name(name: str) -> str:
    """Give a metric's name without the part of the data: `loss` of `val_loss`."""
    return name if (part := part_of(name)) is None else name.removeprefix(f"{part}_")


def learned(*parts: str) -> tuple[str, ...]:
    """Name what is known by training on these parts, part by part."""
    return tuple(f"{part}_{metric.name}" for part in parts for metric in METRICS.values() if metric.known == "training")


NOT_LEARNED = tuple(
    metric.name for metric in METRICS.values() if metric.known != "training" and metric.given_by != "program"
)
OBJECTIVES = (*learned("val"), *NOT_LEARNED)
COMPARED = learned("test", "val")
WATCHED = learned("val")


def row_of_any(name: str) -> Metric | None:
    """Give the row whose name means the same wherever it stands: another program's `f1` may be in per cent."""
    metric = metric_of(name)
    return metric if metric is None or metric.anywhere or metric.compute is None or metric.known == "plan" else None


def is_learned(name: str) -> bool:
    """Say whether a metric is known by training only."""
    metric = metric_of(name)
    return metric is not None and metric.known == "training"


def told_by(names: Iterable[str]) -> tuple[str, ...]:
    """Give what a run that holds these is told by: all but the loss, or the loss where there is no other."""
    there = {metric.name for name in names if (metric := metric_of(name)) is not None}
    known = [metric.name for metric in METRICS.values() if metric.known == "training" and metric.name in there]
    return tuple(name for name in known if name != "loss") or tuple(known)


def bounds_of(name: str) -> tuple[float, float]:
    """Give the least and the greatest value that a metric can have; both infinite where nothing is known."""
    metric = metric_of(name)
    return (-math.inf, math.inf) if metric is None else metric.bounds


def direction_of(name: str) -> Direction:
    """Say whether more or less of a metric of the table is better."""
    metric = metric_of(name)
    assert metric is not None, f"{name} is no metric"
    return metric.direction


def main_of(names: Sequence[str]) -> int:
    """Say which of several objectives trials are ranked by: the one that is learned, or the first."""
    return next((place for place, name in enumerate(names) if is_learned(name)), 0)


def near_of(name: str | Metric, best: float) -> float:
    """Give how far from the best value a smaller network is still close to it."""
    metric = name if isinstance(name, Metric) else metric_of(name)
    return abs(best) / 100 if metric is None or metric.near is None else metric.near
