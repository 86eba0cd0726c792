"""What a run leaves behind, as frozen data that goes to JSON and back without loss."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from archsearch.spec.fields import Plain

Metric = float | None


class EpochRecord(Plain):
    """One epoch. Accuracies are fractions; what was not read is None. `seconds` is training and evaluation."""

    epoch: int
    train_loss: Metric
    train_accuracy: Metric
    val_loss: Metric = None
    val_accuracy: Metric = None
    test_loss: Metric = None
    test_accuracy: Metric = None
    lr: float
    seconds: float


class RunResult(Plain):
    """A finished run: completed, or diverged with the reason.

    The metrics are those of the weights that were kept. `test_reads` counts how often the test set was evaluated.
    """

    run_id: str
    status: Literal["completed", "diverged"]
    reason: str | None = None
    name: str
    seed: int
    spec: dict[str, Any]
    data_fingerprint: str
    epochs: int
    best_epoch: int | None = None
    history: Annotated[tuple[EpochRecord, ...], Field(strict=False)]
    train_loss: Metric = None
    train_accuracy: Metric = None
    val_loss: Metric = None
    val_accuracy: Metric = None
    test_loss: Metric = None
    test_accuracy: Metric = None
    test_reads: int
    parameters: int
    macs: int
    seconds: float
    started: str
    finished: str
    environment: dict[str, Any]
