"""What a run leaves behind, as frozen data that goes to JSON and back without loss.

Results of version 0.1.0 say by no `eval_loss` what their validation and test loss are: each was measured by the loss
that it was trained on. They are read so that such a loss is never taken for another function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archsearch.plain import Plain
from archsearch.spec.training import EVAL_LOSS, EvalLoss

Metric = float | None
WATCHED_TEST = (
    "no validation data are held out and the test set is read after every epoch: what is chosen by these numbers is "
    "chosen on the test set, and looks too good (data.validation holds data out)"
)
_MEASURED_LOSSES = ("val_loss", "test_loss")


class EpochRecord(Plain):
    """One epoch. Accuracies are fractions; what was not read is None. `seconds` is training and evaluation.

    `train_loss` is what was minimised, the other losses are by the run's `eval_loss`.
    """

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
    `train_loss` is what was minimised; `val_loss` and `test_loss` are by `eval_loss`, and unknown where that is None.
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
    eval_loss: EvalLoss | None = None
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

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "eval_loss" in value:
            return value
        if older_diverged(value):
            value = {**value, "status": "diverged", "reason": "its last step: the outputs are not finite"}
        if older_measures_by_cross_entropy(value.get("spec", {})):
            return {**value, "eval_loss": EVAL_LOSS}
        history = [without_losses(record) for record in value.get("history", ())]
        return {**without_losses(value), "history": history, "eval_loss": None}


def older_diverged(result: Mapping[str, Any]) -> bool:
    """Say whether a `completed` result of version 0.1.0 had outputs that are not finite: an accuracy and no loss."""
    return result.get("status") == "completed" and any(
        result.get(f"{part}_accuracy") is not None and result.get(f"{part}_loss") is None for part in ("val", "test")
    )


def older_measures_by_cross_entropy(spec: Mapping[str, Any]) -> bool:
    """Say whether version 0.1.0 measured a spec's runs by plain cross-entropy: they were trained on it."""
    loss = spec.get("train", {}).get("loss", EVAL_LOSS)
    if isinstance(loss, str):
        return loss == EVAL_LOSS
    return set(loss) == {EVAL_LOSS} and not (loss[EVAL_LOSS] or {}).get("label_smoothing")


def without_losses(record: Any) -> Any:
    """Give a result or an epoch without the losses that were measured."""
    unknown = dict.fromkeys(_MEASURED_LOSSES)
    return {**record, **unknown} if isinstance(record, Mapping) else record.model_copy(update=unknown)


def holds(result: Mapping[str, Any], spec: Mapping[str, Any], metric: str) -> bool:
    """Say whether what a study keeps of a run has this metric as it is measured now."""
    if "eval_loss" in result:
        return result["eval_loss"] is not None or metric not in _MEASURED_LOSSES
    if older_diverged(result):
        return False
    return metric not in _MEASURED_LOSSES or older_measures_by_cross_entropy(spec)
