"""Every metric against its definition, written out in loops, on random cases with absent classes and many ties."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from archsearch.metrics import METRICS
from archsearch.metrics.arithmetic import CALIBRATION_BINS

Case = tuple[Any, Any]


# -- the definitions ---------------------------------------------------------------------------------------------------


def of_class(predicted: list[int], targets: list[int], k: int) -> tuple[int, int, int]:
    """True positives, false positives, false negatives of a class."""
    both = list(zip(predicted, targets, strict=True))
    return (
        sum(p == k and t == k for p, t in both),
        sum(p == k and t != k for p, t in both),
        sum(p != k and t == k for p, t in both),
    )


def share(one: float, other: float) -> float:
    return one / other if other else 0.0


PARTS: dict[str, Callable[[int, int, int], float]] = {
    "f1": lambda tp, fp, fn: share(2 * tp, 2 * tp + fp + fn),
    "precision": lambda tp, fp, fn: share(tp, tp + fp),
    "recall": lambda tp, fp, fn: share(tp, tp + fn),
}


def averaged(what: str, average: str, predicted: list[int], targets: list[int]) -> float:
    classes = sorted({*predicted, *targets})
    counts = [of_class(predicted, targets, k) for k in classes]
    if average == "micro":
        return PARTS[what](*(sum(column) for column in zip(*counts, strict=True)))
    scores = [PARTS[what](*row) for row in counts]
    weights = [tp + fn if average == "weighted" else 1 for tp, _, fn in counts]
    return sum(w * s for w, s in zip(weights, scores, strict=True)) / sum(weights)


def balanced(predicted: list[int], targets: list[int]) -> float:
    recalls = [PARTS["recall"](*of_class(predicted, targets, k)) for k in sorted({*targets})]
    return sum(recalls) / len(recalls)


def matthews(predicted: list[int], targets: list[int]) -> float:
    """Gorodkin (2004): the covariance of the indicators of the classes over their spreads."""
    n, classes = len(targets), sorted({*predicted, *targets})
    right = sum(p == t for p, t in zip(predicted, targets, strict=True))
    p_of, t_of = ([one.count(k) for k in classes] for one in (predicted, targets))
    above = right * n - sum(p * t for p, t in zip(p_of, t_of, strict=True))
    below = (n * n - sum(p * p for p in p_of)) * (n * n - sum(t * t for t in t_of))
    return above / math.sqrt(below) if below else 0.0


def kappa(predicted: list[int], targets: list[int]) -> float:
    n, classes = len(targets), {*predicted, *targets}
    seen = sum(p == t for p, t in zip(predicted, targets, strict=True)) / n
    chance = sum(predicted.count(k) * targets.count(k) for k in classes) / n**2
    return (seen - chance) / (1 - chance) if chance < 1 else math.nan


def area(scores: list[float], truth: list[bool]) -> float:
    """The chance that one of the class has more than another; a tie counts half (Mann & Whitney)."""
    yes, no = ([s for s, t in zip(scores, truth, strict=True) if t is want] for want in (True, False))
    return sum((a > b) + (a == b) / 2 for a, b in product(yes, no)) / (len(yes) * len(no))


def precisions(scores: list[float], truth: list[bool]) -> float:
    """The precision at each value of the score, weighted by the recall that it adds."""
    total, before, found = sum(truth), 0, 0.0
    for least in sorted({*scores}, reverse=True):
        kept = [t for s, t in zip(scores, truth, strict=True) if s >= least]
        found += (sum(kept) - before) / total * (sum(kept) / len(kept))
        before = sum(kept)
    return found


def over_classes(one: Callable[[list[float], list[bool]], float], given: Any, targets: Any) -> float:
    found = []
    for k in range(given.shape[1]):
        truth = [bool(t) for t in (targets == k if targets.ndim == 1 else targets[:, k] == 1)]
        if any(truth) and not all(truth):
            found.append(one(given[:, k].tolist(), truth))
    return sum(found) / len(found) if found else math.nan


def ranks(values: list[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]


def spearman(one: list[float], other: list[float]) -> float:
    a, b = ranks(one), ranks(other)
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    va, vb = sum((x - ma) ** 2 for x in a), sum((x - mb) ** 2 for x in b)
    if not va or not vb:
        return math.nan
    return sum((x - ma) * (y - mb) for x, y in zip(a, b, strict=True)) / math.sqrt(va * vb)


def determination(one: list[float], targets: list[float]) -> float:
    mean = sum(targets) / len(targets)
    left = sum((t - o) ** 2 for o, t in zip(one, targets, strict=True))
    whole = sum((t - mean) ** 2 for t in targets)
    if not whole:  # nothing to explain: 1 if it is met, else 0
        return 0.0 if left else 1.0
    return 1 - left / whole


def by_target(one: Callable[[list[float], list[float]], float], outputs: Any, targets: Any) -> float:
    columns = [(outputs[:, k].tolist(), targets[:, k].tolist()) for k in range(targets.shape[1])]
    return sum(one(o, t) for o, t in columns) / len(columns)


def mean_of(each: Callable[[float, float], float]) -> Callable[[list[float], list[float]], float]:
    return lambda one, other: sum(each(o, t) for o, t in zip(one, other, strict=True)) / len(one)


def pinball(q: float) -> Callable[[float, float], float]:
    return lambda o, t: max(q * (t - o), (q - 1) * (t - o))


def calibration(given: Any, targets: Any) -> float:
    gaps = 0.0
    for number in range(CALIBRATION_BINS):
        inside = [
            (max(row), row.index(max(row)) == t)
            for row, t in zip(given.tolist(), targets.tolist(), strict=True)
            if number / CALIBRATION_BINS < max(row) <= (number + 1) / CALIBRATION_BINS
        ]
        gaps += abs(sum(right - confidence for confidence, right in inside))
    return gaps / len(targets)


def top(k: int) -> Callable[[Any, Any], float]:
    """The true class is among the k first, the later class before an equal one."""

    def of(outputs: Any, targets: Any) -> float:
        rows = zip(outputs.tolist(), targets.tolist(), strict=True)
        place = [sum(v > row[t] or (v == row[t] and j > t) for j, v in enumerate(row)) for row, t in rows]
        return sum(one < k for one in place) / len(place)

    return of


def labels(function: Callable[[list[int], list[int]], float]) -> Callable[[Any, Any], float]:
    return lambda predicted, targets: function(predicted.tolist(), targets.tolist())


CLASSES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": labels(lambda p, t: sum(a == b for a, b in zip(p, t, strict=True)) / len(t)),
    "balanced_accuracy": labels(balanced),
    **{
        f"{what}_{average}": labels(lambda p, t, what=what, average=average: averaged(what, average, p, t))
        for what in PARTS
        for average in ("macro", "micro", "weighted")
    },
    "mcc": labels(matthews),
    "kappa": labels(kappa),
    "auroc": lambda given, targets: over_classes(area, given, targets),
    "average_precision": lambda given, targets: over_classes(precisions, given, targets),
    **{f"top{k}_accuracy": top(k) for k in (2, 3, 5)},
    "log_loss": lambda given, targets: (
        -sum(math.log(max(row[t], 2.0**-52)) for row, t in zip(given.tolist(), targets, strict=True)) / len(targets)
    ),
    "brier": lambda given, targets: (
        sum((v - (k == t)) ** 2 for row, t in zip(given.tolist(), targets, strict=True) for k, v in enumerate(row))
        / len(targets)
    ),
    "ece": calibration,
}
TWO: dict[str, Callable[[Any, Any], float]] = {
    what: labels(lambda p, t, what=what: PARTS[what](*of_class(p, t, 1))) for what in PARTS
}
NUMBERS: dict[str, Callable[[Any, Any], float]] = {
    "mae": lambda o, t: by_target(mean_of(lambda a, b: abs(a - b)), o, t),
    "mse": lambda o, t: by_target(mean_of(lambda a, b: (a - b) ** 2), o, t),
    "rmse": lambda o, t: by_target(lambda a, b: math.sqrt(mean_of(lambda x, y: (x - y) ** 2)(a, b)), o, t),
    "r2": lambda o, t: by_target(determination, o, t),
    "spearman": lambda o, t: by_target(spearman, o, t),
    **{f"pinball_{q}": lambda o, t, q=q: by_target(mean_of(pinball(q / 100)), o, t) for q in (10, 50, 90)},
}


# -- the cases ---------------------------------------------------------------------------------------------------------


def class_case(name: str, dice: np.random.Generator) -> Case:
    """Few samples of 2 to 7 classes, so that some are absent; outputs in steps, so that many are equal."""
    classes, count = int(dice.integers(3, 8)), int(dice.integers(2, 30))
    targets = dice.integers(0, int(dice.integers(1, classes + 1)), count)
    outputs = np.round(dice.normal(size=(count, classes)) * 2) / 2
    takes = METRICS[name].takes
    if takes == "outputs":
        return outputs, targets
    if takes == "predicted":
        return outputs.argmax(axis=1), targets
    shares = np.exp(outputs)
    return shares / shares.sum(axis=1, keepdims=True), targets


def two_case(name: str, dice: np.random.Generator) -> Case:
    count = int(dice.integers(2, 30))
    return dice.integers(0, 2, count), dice.integers(0, int(dice.integers(1, 3)), count)


def number_case(name: str, dice: np.random.Generator) -> Case:
    """One to three targets; one in four is constant."""
    count, width = int(dice.integers(2, 30)), int(dice.integers(1, 4))
    targets = np.round(dice.normal(size=(count, width)) * 4) / 4
    if dice.random() < 0.25:
        targets[:, 0] = 1.5
    return np.round(dice.normal(size=(count, width)) * 4) / 4, targets


TABLES = [
    *((name, definition, class_case) for name, definition in CLASSES.items()),
    *((name, definition, two_case) for name, definition in TWO.items()),
    *((name, definition, number_case) for name, definition in NUMBERS.items()),
]


def agree(name: str, definition: Callable[[Any, Any], float], case: Any, count: int) -> None:
    dice = np.random.default_rng(2024)
    compute = METRICS[name].compute
    assert compute is not None
    for number in range(count):
        given, targets = case(name, dice)
        found, expected = compute(given, targets), definition(given, targets)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), (number, given, targets)
        low, high = METRICS[name].bounds
        assert math.isnan(found) or low <= found <= high, (number, found)


@pytest.mark.parametrize(("name", "definition", "case"), TABLES, ids=[name for name, _, _ in TABLES])
def test_a_metric_is_its_definition(name: str, definition: Callable[[Any, Any], float], case: Any) -> None:
    agree(name, definition, case, 25)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "definition", "case"), TABLES, ids=[name for name, _, _ in TABLES])
def test_a_metric_is_its_definition_in_a_thousand_cases(
    name: str, definition: Callable[[Any, Any], float], case: Any
) -> None:
    agree(name, definition, case, 1000)


def test_every_row_that_is_computed_of_outputs_has_its_definition_here() -> None:
    computed = {name for name, row in METRICS.items() if row.known == "training" and row.compute is not None}
    assert computed == {*CLASSES, *TWO, *NUMBERS, "hamming_loss"}


def test_bounds_are_reached() -> None:
    """The best that there can be, and the worst where there is one: all sure of the other class."""
    right, wrong = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    truth, other = np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0])
    numbers, back = np.array([[1.0], [2.0], [3.0]]), np.array([[3.0], [2.0], [1.0]])
    for name, worst, best in (
        ("brier", (wrong, [0, 1]), (right, [0, 1])),
        ("ece", (wrong, [0, 1]), (right, [0, 1])),
        ("log_loss", None, (right, [0, 1])),
        ("mcc", (other, truth), (truth, truth)),
        ("kappa", (other, truth), (truth, truth)),
        ("f1_macro", (other, truth), (truth, truth)),
        ("r2", None, (numbers, numbers)),
        ("spearman", (back, numbers), (numbers, numbers)),
        ("mae", None, (numbers, numbers)),
    ):
        row = METRICS[name]
        good, bad = row.bounds[::-1] if row.direction == "maximize" else row.bounds
        assert value(name, *best) == pytest.approx(good, abs=1e-12), name
        assert math.isinf(bad) if worst is None else value(name, *worst) == pytest.approx(bad), name


# -- where there is no number, and other tasks -------------------------------------------------------------------------


def value(name: str, given: Any, targets: Any) -> float:
    compute = METRICS[name].compute
    assert compute is not None
    return compute(np.asarray(given), np.asarray(targets))


def test_what_does_not_exist_is_nan_without_a_warning() -> None:
    certain = [[0.9, 0.1], [0.8, 0.2]]
    assert math.isnan(value("auroc", certain, [0, 0]))
    assert math.isnan(value("average_precision", certain, [1, 1]))
    assert math.isnan(value("kappa", [1, 1], [1, 1]))
    assert math.isnan(value("spearman", [[1.0], [2.0]], [[3.0], [3.0]]))
    assert math.isnan(value("f1_macro", np.zeros(0, int), np.zeros(0, int)))
    assert value("mcc", [0, 0], [0, 1]) == 0
    assert value("r2", [[2.0], [2.0]], [[2.0], [2.0]]) == 1
    assert value("f1", [0, 0], [1, 0]) == 0


def test_a_binary_network_gives_one_column() -> None:
    given, targets = np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([0, 0, 1, 1])
    assert value("auroc", given, targets) == 0.75  # 3 of 4 pairs are in order
    assert value("average_precision", given, targets) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert value("brier", given, targets) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert value("log_loss", given, targets) == pytest.approx(
        -(math.log(0.9) + math.log(0.6) + math.log(0.35) + math.log(0.8)) / 4
    )
    assert value("log_loss", given[:, 0], targets[:, None]) == value("log_loss", given, targets)


def test_labels_of_a_sample_are_averaged_over_the_labels() -> None:
    predicted, targets = [[1, 0, 0], [1, 1, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert value("f1_macro", predicted, targets) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert value("f1_micro", predicted, targets) == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert value("hamming_loss", predicted, targets) == pytest.approx(2 / 9)
    scores = [[0.9, 0.2, 0.1], [0.8, 0.7, 0.3], [0.1, 0.8, 0.2]]
    assert value("auroc", scores, targets) == pytest.approx((1.0 + 0.5) / 2)  # the third label has no sample
