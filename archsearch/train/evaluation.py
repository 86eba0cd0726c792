"""How good is a trained network on other data? Metrics, what it takes for what, each class, its probabilities.

    record = evaluate_on(network, given, "qmnist")
    keep_evaluation(network.directory, record)       # the report on the run shows what is kept
    kept_evaluations(network.directory)

An evaluation is a sealed file of its own in the run's directory, `evaluations/<fingerprint of the data>.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from archsearch import __version__
from archsearch.data.given import GivenSamples
from archsearch.errors import ArchsearchError
from archsearch.files import read_sealed, write_sealed
from archsearch.plain import Plain
from archsearch.stats.calibration import Reliability, reliability_data
from archsearch.stats.confusion import ClassScores, balanced_accuracy, confusion_data, of_classes, of_labels
from archsearch.stats.intervals import wilson_interval
from archsearch.stats.residuals import TargetScores, of_targets
from archsearch.task import Task
from archsearch.train.loop import finite
from archsearch.train.losses import measure
from archsearch.train.prediction import outputs_of
from archsearch.train.probabilities import AnyFloats, of_both, probabilities_of
from archsearch.train.trained import TrainedNetwork

EVALUATIONS = "evaluations"

_Row = tuple[float, ...]


class CalibrationRecord(Plain):
    """Bins of confidence as `stats/calibration.py` makes them, a value for each bin; `ece` is a fraction."""

    low: _Row
    high: _Row
    counts: tuple[int, ...]
    confidence: _Row
    accuracy: _Row
    interval: tuple[tuple[float, float], ...]
    ece: float

    @classmethod
    def of(cls, bins: Reliability) -> Self:
        """Keep bins."""
        held = bins._asdict()
        return cls(ece=held.pop("ece"), **{name: tuple(held[name]) for name in cls.model_fields if name in held})

    def bins(self, total: int) -> Reliability:
        """Give the bins back, of so many samples."""
        held = {name: list(getattr(self, name)) for name in Reliability._fields if name not in ("ece", "total")}
        return Reliability(**held, ece=self.ece, total=total)


class EvaluationRecord(Plain):
    """A run's network on other data. Shares are fractions; `confusion[true][predicted]` are counts.

    `metrics` are those of the task and the loss by the run's `eval_loss`; `accuracy95` is Wilson's interval: it counts
    these samples as drawn from all such, and says nothing about other seeds. `own_test` is the task's `main` metric on
    the run's own test data, `meaning` what the probabilities are, or why there are none. `of_each_class` are the
    classes, or the labels of a multilabel task; `of_each_target` the targets of regression.
    """

    run_id: str
    name: str
    seed: int
    data: str
    fingerprint: str
    samples: int
    classes: tuple[str, ...]
    metrics: dict[str, float | None]
    accuracy95: tuple[float, float] | None
    own_test: float | None
    confusion: tuple[tuple[int, ...], ...]
    of_each_class: tuple[ClassScores, ...]
    calibration: CalibrationRecord | None
    meaning: str
    remarks: tuple[str, ...]
    made: str
    task: str = "classification"
    main: str = "accuracy"
    of_each_target: tuple[TargetScores, ...] = ()
    version: Annotated[str, Field(description="The version of archsearch that evaluated.")]


def evaluate_on(network: TrainedNetwork, given: GivenSamples, data: str) -> EvaluationRecord:
    """Evaluate a network on labelled samples; `data` is how they are called in reports."""
    total = hashlib.sha256()
    outputs = outputs_of(network, given, lambda x, y: _add(total, x, y))
    targets, task = given.part.y, network.task
    loss = measure(network.spec.train.eval_loss)(outputs, targets)
    found = {name: finite(value) for name, value in task.metrics(outputs, targets).items()}
    probabilities, meaning = probabilities_of(outputs.numpy(), network.result.spec, task.name)
    told = _told(task, network.inputs.class_names, outputs.numpy(), targets.numpy(), probabilities)
    return EvaluationRecord(
        run_id=network.result.run_id,
        name=network.result.name,
        seed=network.result.seed,
        data=data,
        fingerprint=total.hexdigest(),
        samples=len(given),
        classes=network.inputs.class_names,
        metrics=found | told.metrics | {"loss": finite(float(loss))},
        accuracy95=told.accuracy95,
        own_test=network.result.metrics.get(f"test_{task.main_metric}"),
        confusion=told.confusion,
        of_each_class=told.of_each_class,
        calibration=told.calibration,
        meaning=meaning,
        task=task.name,
        main=task.main_metric,
        of_each_target=told.of_each_target,
        remarks=tuple(given.remarks()),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What a task has to say of outputs and targets beside its metrics."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    accuracy95: tuple[float, float] | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    of_each_class: tuple[ClassScores, ...] = ()
    calibration: CalibrationRecord | None = None
    of_each_target: tuple[TargetScores, ...] = ()


def _told(task: Task, names: Sequence[str], outputs: AnyFloats, targets: Any, probabilities: AnyFloats | None) -> _Told:
    if task.groups > 1:
        return _of_classes(names, task.predicted(outputs), targets, probabilities)
    if task.name == "multilabel":
        return _Told(of_each_class=of_labels(targets, task.predicted(outputs), names))
    return _Told(of_each_target=of_targets(outputs, targets, names))


def _of_classes(names: Sequence[str], predicted: Any, labels: Any, probabilities: AnyFloats | None) -> _Told:
    confusion = confusion_data(labels, predicted, names)
    scores = of_classes(confusion)
    calibration = None
    if probabilities is not None:
        of_all = of_both(probabilities) if probabilities.shape[1] == 1 else probabilities
        calibration = CalibrationRecord.of(reliability_data(of_all, labels))
    return _Told(
        metrics={"balanced_accuracy": balanced_accuracy(scores)},
        accuracy95=wilson_interval(int(confusion.counts.trace()), len(labels)),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion.counts),
        of_each_class=scores,
        calibration=calibration,
    )


def keep_evaluation(directory: Path, record: EvaluationRecord) -> Path:
    """Write an evaluation into the directory of its run; one on the same samples is replaced."""
    path = directory / EVALUATIONS / f"{record.fingerprint[:16]}.json"
    write_sealed(path, {"evaluation": record.model_dump(mode="json")})
    return path


def kept_evaluations(directory: Path) -> list[EvaluationRecord | str]:
    """Read the evaluations of a run, the oldest first; for a file that was altered the reason why it is not used."""
    read: list[EvaluationRecord] = []
    wrong: list[EvaluationRecord | str] = []
    for path in sorted((directory / EVALUATIONS).glob("*.json")):
        try:
            read.append(EvaluationRecord.model_validate_json(json.dumps(read_sealed(path)["evaluation"])))
        except (ArchsearchError, ValidationError, KeyError):
            wrong.append(f"{path} was altered, or is of another version, and is not used")
    return [*sorted(read, key=lambda one: one.made), *wrong]


def _add(total: Any, x: Tensor, y: Tensor) -> None:
    """Add samples, as the network is given them, and their labels to a hash."""
    total.update(f"{x.dtype} {tuple(x.shape)}".encode())
    total.update(x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    total.update(y.contiguous().numpy().tobytes())
