"""Synthetic records, for shapes that no small search has: long ones, several objectives, every outcome."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from archsearch.search.confirm import Confirmation, Confirmed
from archsearch.search.importance import OpenValue
from archsearch.search.record import MetricRecord, SearchRecord, TrialRecord, importances_of
from archsearch.search.search import Best, StudyReport

SPACE = (
    OpenValue(name="activation", kind="choice", labels=("relu", "tanh")),
    OpenValue(name="conv.depth", kind="int", low=1, high=3, step=1),
    OpenValue(name="conv1.out_channels", kind="int", low=4, high=64, log=True, step=1),
    OpenValue(name="conv2.out_channels", kind="int", low=4, high=64, log=True, step=1),
    OpenValue(name="conv3.out_channels", kind="int", low=4, high=64, log=True, step=1),
    OpenValue(name="train.lr", kind="float", low=1e-4, high=1e-1, log=True),
)
ACCURACY = MetricRecord(name="val_accuracy", direction="maximize")
MACS = MetricRecord(name="macs", direction="minimize")


def trial(number: int, outcome: str = "completed", value: float | None = 0.9, **fields: Any) -> TrialRecord:
    """Make a trial by hand."""
    values = None if value is None or outcome not in ("completed", "repeated") else (value,)
    given: dict[str, Any] = {"params": {}, "values": values, "parameters": 100 * (number + 1), "macs": 1000, **fields}
    return TrialRecord(number=number, slot=number, outcome=outcome, **given)


def record(trials: Sequence[TrialRecord], **fields: Any) -> SearchRecord:
    """Put a record around trials: the best is found, importances are computed."""
    metrics = fields.pop("metrics", (ACCURACY,))
    space = fields.pop("space", SPACE)
    sign = 1 if metrics[0].direction == "maximize" else -1
    done = [t for t in trials if t.values is not None]
    best = max(done, key=lambda t: (sign * t.values[0], -t.number), default=None)
    count = {word: sum(t.outcome == word for t in trials) for word in ("pruned", "diverged", "failed", "running")}
    found = (
        None
        if best is None
        else Best(number=best.number, value=best.values[0], values=best.values, params=best.params, spec={}, run_id="")
    )
    report = StudyReport(
        study="made",
        trials=len(trials),
        waiting=0,
        completed=len(done),
        repeated=sum(t.outcome == "repeated" for t in trials),
        infeasible=0,
        sampler="random",
        metrics=tuple(metric.name for metric in metrics),
        best=found,
        selected=found,
        front=(),
        confirmed=fields.pop("confirmed", None),
        **count,
    )
    given: dict[str, Any] = {
        "name": "made",
        "text": "",
        "base": {},
        "metrics": metrics,
        "main": 0,
        "sampler": "random",
        "seed": 0,
        "planned": len(trials),
        "most_parameters": None,
        "most_macs": None,
        "pruner": None,
        "space": space,
        "trials": tuple(trials),
        "baseline": 0,
        "importances": importances_of(space, trials, 0, metrics[0].name),
        "report": report,
        "missing": (),
        **fields,
    }
    return SearchRecord(**given)


def long_record(count: int, epochs: int = 6, metrics: tuple[MetricRecord, ...] = (ACCURACY,)) -> SearchRecord:
    """Make a screened search of many trials, with every outcome, in which width, depth and learning rate matter."""
    dice = random.Random(count)
    trials = []
    for number in range(count):
        depth = dice.randint(1, 3)
        params: dict[str, Any] = {"activation": dice.choice(("relu", "tanh")), "conv.depth": depth}
        for layer in range(1, depth + 1):
            params[f"conv{layer}.out_channels"] = round(4 * 16 ** dice.random())
        params["train.lr"] = 10 ** dice.uniform(-4, -1)
        error = 0.3 / params["conv1.out_channels"] + 0.02 * (3 - depth) + abs(params["train.lr"] - 0.01) / 3
        error += 0.002 * dice.random()
        curve = tuple((e, 1 - error - 0.1 / e**2) for e in range(1, epochs + 1))
        outcome = dice.choices(("completed", "pruned", "repeated", "diverged", "failed"), (40, 50, 5, 3, 2))[0]
        macs = 1000 * sum(v for k, v in params.items() if k.endswith("out_channels"))
        known = {"val_accuracy": curve[-1][1], "macs": float(macs)}
        done = outcome in ("completed", "repeated")
        seconds = 3.0 + dice.random() * macs / 5000
        minute, second = divmod(number * 5, 60)
        widths = [params[f"conv{layer}.out_channels"] for layer in range(1, depth + 1)]
        line = " ".join(f"conv{width}(5) {params['activation']} max2" for width in widths)
        trials.append(
            TrialRecord(
                number=number,
                slot=number,
                outcome=outcome,
                values=tuple(known[metric.name] for metric in metrics) if done else None,
                params=params,
                network=f"{number:016x}",
                line=f"{line} fc100 relu fc(classes)",
                parameters=macs // 3,
                macs=macs,
                learned=curve if done else curve[:1] if outcome == "pruned" else (),
                started=f"2026-01-01T{minute // 60:02d}:{minute % 60:02d}:{second:02d}.000+00:00",
                finished=f"2026-01-01T{minute // 60:02d}:{minute % 60:02d}:{min(59, second + 4):02d}.500+00:00",
                seconds=seconds,
                worker=f"host:{100 + number % 4}",
                failure="a loss that is not finite" if outcome == "diverged" else None,
            )
        )
    return record(trials, metrics=metrics, most_macs=150_000)


def confirmation() -> Confirmation:
    """Two finalists and the baseline on two seeds, with numbers that are easy to check."""
    rows = (
        ("baseline", None, None, (0.90, 0.92), None, None),
        ("trial 1", 1, 0.97, (0.95, 0.97), 0.01, 0.05),
        ("trial 2", 2, 0.96, (0.94, 0.94), 0.02, 0.03),
    )
    candidates = tuple(
        Confirmed(
            candidate=name,
            trial=number,
            search_value=value,
            test_values={"7": test[0], "8": test[1]},
            test_accuracies={"7": test[0], "8": test[1]},
            mean=sum(test) / 2,
            ci95=(sum(test) / 2 - 0.02, sum(test) / 2 + 0.02),
            shrinkage=shrinkage,
            gain=gain,
            gain_ci95=None,
        )
        for name, number, value, test, shrinkage, gain in rows
    )
    return Confirmation(seeds=(7, 8), candidates=candidates, winner=None, sentence="Trial 1 is first.", test_reads=6)
