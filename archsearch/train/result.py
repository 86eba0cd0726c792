"""What a run leaves behind, as frozen data that goes to JSON and back without loss.

An epoch and a result hold their metrics by name (`val_accuracy`, a part of the data and a metric of the table); in JSON
they stand beside the other keys, as version 0.1.0 wrote them.

Results of version 0.1.0 say by no `eval_loss` what their validation and test loss are: each was measured by the loss
that it was trained on. They are read so that such a loss is never taken for another function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from archsearch.metrics import part_of
from archsearch.plain import Plain
from archsearch.spec.losses import EVAL_LOSS, EvalLoss

MetricValue = float | None
WATCHED_TEST = (
    "no validation data are held out and the test set is read after every epoch: what is chosen by these numbers is "
    "chosen on the test set, and looks too good (data.validation holds data out)"
)
_MEASURED_LOSSES = ("val_loss", "test_loss")


def label_noise_words(share: float) -> str:
    """Say what `train.label_noise` does to a run."""
    return f"{100 * share:g} % of the training labels are made wrong on purpose (train.label_noise)"


def by_part(metrics: Mapping[str, MetricValue]) -> dict[str, MetricValue]:
    """Give metrics in one order, each for every part of the data: None where it was not measured."""
    names = dict.fromkeys(name.removeprefix(f"{part}_") for name in metrics if (part := part_of(name)))
    return {f"{part}_{name}": metrics.get(f"{part}_{name}") for part in ("train", "val", "test") for name in names}


class Measured(Plain):
    """What has metrics by name, which are keys of their own in JSON; a name says the part of the data."""

    if TYPE_CHECKING:  # a field of each class: the order of keys in a file is that of version 0.1.0
        metrics: dict[str, MetricValue]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        names = [key for key in value if key not in cls.model_fields and part_of(key)]
        metrics = {**value.get("metrics", {}), **{name: value[name] for name in names}}
        return {key: item for key, item in value.items() if key not in names} | {"metrics": by_part(metrics)}

    @model_serializer(mode="wrap")
    def _beside(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in write(self).items():
            if key == "groups" and not value:
                continue  # said by silence: most data know no groups
            found |= value if key == "metrics" else {key: value}
        return found

    @property
    def train_loss(self) -> MetricValue:
        """Give the mean of what was minimised."""
        return self.metrics.get("train_loss")

    @property
    def train_accuracy(self) -> MetricValue:
        """Give the accuracy while the weights still moved."""
        return self.metrics.get("train_accuracy")

    @property
    def val_loss(self) -> MetricValue:
        """Give the loss on the validation data, by `eval_loss`."""
        return self.metrics.get("val_loss")

    @property
    def val_accuracy(self) -> MetricValue:
        """Give the accuracy on the validation data."""
        return self.metrics.get("val_accuracy")

    @property
    def test_loss(self) -> MetricValue:
        """Give the loss on the test data, by `eval_loss`."""
        return self.metrics.get("test_loss")

    @property
    def test_accuracy(self) -> MetricValue:
        """Give the accuracy on the test data."""
        return self.metrics.get("test_accuracy")


class EpochRecord(Measured):
    """One epoch. Accuracies are fractions; what was not read is None. `seconds` is training and evaluation.

    `train_loss` is what was minimised, the other losses are by the run's `eval_loss`.
    """

    epoch: int
    metrics: dict[str, MetricValue]
    lr: float
    seconds: float


class RunResult(Measured):
    """A finished run: completed, or diverged with the reason.

    The metrics are those of the weights that were kept. `test_reads` counts how often the test set was evaluated.
    `train_loss` is what was minimised; `val_loss` and `test_loss` are by `eval_loss`, and unknown where that is None.
    `groups` holds the metrics of each group in the test data, by its name, where the data know groups.
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
    eval_loss: EvalLoss | None = None
    metrics: dict[str, MetricValue]
    groups: dict[str, dict[str, MetricValue]] = Field(default_factory=dict)
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
    if isinstance(record, Mapping):
        return {**record, **unknown}
    return record.model_copy(update={"metrics": {**record.metrics, **unknown}})


def holds(result: Mapping[str, Any], spec: Mapping[str, Any], metric: str) -> bool:
    """Say whether what a study keeps of a run has this metric as it is measured now."""
    if "eval_loss" in result:
        return result["eval_loss"] is not None or metric not in _MEASURED_LOSSES
    if older_diverged(result):
        return False
    return metric not in _MEASURED_LOSSES or older_measures_by_cross_entropy(spec)
