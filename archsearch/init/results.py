"""The numbers that a script gives, as metrics of a program's file: their names, units and directions, the best first.

metric_name(["test", "average", "loss"])          # "test_loss"
metrics, remarks = chosen_metrics(guesses)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archsearch.init.source import SourceFile, last_name, literal_or_none, text_of
from archsearch.metrics import Direction, row_of_any, usual_direction

_PARTS = {
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "holdout"), "val"),
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("eval", "evaluation"), "eval"),
}
_SAME = {
    "acc": "accuracy",
    "accs": "accuracy",
    "accuracies": "accuracy",
    "losses": "loss",
    "correct": "",
    "err": "error",
}
_NO_METRICS = (  # what is measured anyway, and sizes: the same for every seed
    "parameters",
    "params",
    "macs",
    "flops",
    "seconds",
    "time",
    "duration",
    "runtime",
    "wall_time",
    "latency",
    "latency_ms",
    "throughput",
    "fps",
    "memory",
    "peak_memory",
)
_FRACTIONS = ("accuracy_score", "f1_score", "roc_auc_score", "balanced_accuracy_score", "score", "cross_val_score")
_INSIDE = (
    "item",
    "mean",
    "sum",
    "avg",
    "compute",
    "value",
    "detach",
    "cpu",
    "numpy",
    "global_avg",
    "tolist",
    "average",
    "result",
)
_AROUND = ("float", "round", "mean", "sum", "np.mean", "numpy.mean", "np.round", "str", "int", "max", "min")
_MOST = 8


@dataclass(frozen=True, slots=True)
class MetricGuess:
    """A metric as it was found: where a program's file reads it from, and the line of the script that gives it.

    `reading` is what stands under its name. `direction` is None where the name does not tell, and `said` whether the
    file has to say it. `loops` counts the loops around it, `notes` what a person ought to know.
    """

    name: str
    reading: dict[str, Any]
    where: str
    direction: Direction | None
    said: bool = False
    loops: int = 0
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["json", "csv", "last"]:
        return "json" if "json" in self.reading else "csv" if "csv" in self.reading else "last"


def words_of_text(text: str) -> list[str]:
    """Split a label or a name into lower-case words: `Top-1 valAcc` is top1, val, acc."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z]+\d*", re.sub(r"(?<=[a-z])[-@ _](?=\d)", "", spaced.lower()))


def direction_by_name(name: str) -> Direction | None:
    """Say which way is better by a name, or by the name without its number (acc1)."""
    return usual_direction(name) or usual_direction(re.sub(r"\d+$", "", name))


def metric_name(words: Sequence[str], *, at_end: bool = False) -> str:
    """Give the metric that words speak of, without the part of the data: "" where they speak of none that is known.

    `at_end`: only the last words count, as in the name of a variable (`iou_type` is no iou).

    >>> metric_name(["test", "average", "loss"]), metric_name(["f1", "score"]), metric_name(["epoch"])
    ('loss', 'f1_score', '')
    """
    plain = [_SAME.get(word, word) for word in words]
    plain = [word for word in plain if word and word not in _PARTS]
    ends = [len(plain)] if at_end else range(len(plain), 0, -1)
    spans = [plain[at:end] for end in ends for at in range(end - 1, max(end - 4, -1), -1)]
    return next(("_".join(span) for span in spans if direction_by_name("_".join(span))), "")


def part_name(words: Iterable[str]) -> str:
    """Give the part of the data that words speak of: test, val, train, eval, or ""."""
    return next((_PARTS[word] for word in reversed(list(words)) if word in _PARTS), "")


def named_by(expression: ast.expr, source: SourceFile, depth: int = 0) -> list[str]:
    """Give the words by which an expression calls its value: of `metrics['val_acc'].item()` val and acc."""
    if depth > 8:
        return []
    if isinstance(expression, ast.Name):
        return words_of_text(expression.id)
    if isinstance(expression, ast.Attribute):
        inside = named_by(expression.value, source, depth + 1)
        return inside if expression.attr in _INSIDE else words_of_text(expression.attr)
    if isinstance(expression, ast.Subscript):
        key = text_of(expression.slice, source)
        return words_of_text(key) if key else named_by(expression.value, source, depth + 1)
    if isinstance(expression, ast.Call):
        if isinstance(expression.func, ast.Attribute) and expression.func.attr in _INSIDE and not expression.args:
            return named_by(expression.func.value, source, depth + 1)
        if ast.unparse(expression.func) in _AROUND and expression.args:
            return named_by(expression.args[0], source, depth + 1)
        return words_of_text(last_name(expression.func).removeprefix("get_").removeprefix("compute_"))
    if isinstance(expression, ast.BinOp):
        sides = (expression.left, expression.right)
        return next(
            (w for side in sides if (w := named_by(side, source, depth + 1)) and metric_name(w, at_end=True)), []
        )
    return []


def scale_said(expression: ast.expr, source: SourceFile, depth: int = 0) -> Literal["percent", "fraction"] | None:
    """Say whether a value is a percentage or a fraction, as far as the text tells: by 100 times, or by who gives it."""
    for node in ast.walk(expression):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            if 100 in (literal_or_none(node.left, source), literal_or_none(node.right, source)):
                return "percent"
        elif isinstance(node, ast.Call) and last_name(node.func) in _FRACTIONS:
            return "fraction"
    if depth > 2:
        return None
    for name in {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}:
        for value in _given_to(name, source):
            if (found := scale_said(value, source, depth + 1)) is not None:
                return found
    return None


def _given_to(name: str, source: SourceFile) -> list[ast.expr]:
    """Give what is assigned to a name, and what a function of the file returns that is called for it."""
    found: list[ast.expr] = []
    for value in source.assigned.get(name, ()):
        found.append(value)
        function = source.functions.get(last_name(value.func)) if isinstance(value, ast.Call) else None
        if function is not None:
            found += [r.value for r in ast.walk(function) if isinstance(r, ast.Return) and r.value is not None]
    return found


def guess(
    words: list[str], part: str, reading: dict[str, Any], where: str, *, scale: str | None = None, loops: int = 0,
    notes: tuple[str, ...] = (),
) -> MetricGuess | None:  # fmt: skip
    """Make a guess of a metric's words; None where they speak of no known metric, of time, memory or sizes."""
    name = metric_name(words)
    if not name or name in _NO_METRICS:
        return None
    full = f"{part}_{name}" if part else name
    row = row_of_any(full)
    read = dict(reading)
    if scale == "percent" and metric_name([name]) and _is_share(name):
        read["unit"] = "percent"
    elif scale == "fraction" and row is None and name == "accuracy":
        read["unit"] = "fraction"
    elif scale is None and row is not None and row.written == "percent":
        notes = (*notes, "read as a fraction from 0 to 1; if it is 97.3 for 97.3 %, add unit: percent")
    return MetricGuess(full, read, where, direction_by_name(name), usual_direction(full) is None, loops, notes)


def _is_share(name: str) -> bool:
    """Say whether a metric lies between 0 and 1, so that it can be said in per cent."""
    shares = (
        "accuracy",
        "top",
        "f1",
        "precision",
        "recall",
        "auc",
        "iou",
        "dice",
        "error",
        "map",
        "em",
        "exact",
        "wer",
        "cer",
        "rate",
    )
    return any(name.startswith(one) or name.endswith(one) for one in shares)


def chosen_metrics(guesses: Iterable[MetricGuess]) -> tuple[tuple[MetricGuess, ...], list[str]]:
    """Give one guess for each name, the one to judge by first, and what was left out in words.

    A file that is written goes before what is printed, what is printed once before what is printed in a loop.
    """
    kinds = ("json", "csv", "last")
    best: dict[str, MetricGuess] = {}
    for one in guesses:
        other = best.get(one.name)
        if other is None or (kinds.index(one.kind), one.loops) < (kinds.index(other.kind), other.loops):
            best[one.name] = one
    ordered = sorted(best.values(), key=_rank)
    left = [f"{one.where}: {one.name} is given too" for one in ordered[_MOST:]]
    return tuple(ordered[:_MOST]), left


def _rank(one: MetricGuess) -> tuple[int, int]:
    """Order metrics by how fit they are to judge by: test before val before train, a score before its loss."""
    parts = ("test", "val", "eval", "", "train")
    part = next((p for p in parts if p and one.name.startswith(f"{p}_")), "")
    loss = "loss" in one.name
    return (parts.index(part) + (3 if loss else 0), one.loops)
