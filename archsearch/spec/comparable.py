"""What runs must share so that a metric of theirs can be compared: the samples it is measured on, and its function.

    differences(base, other, "val_loss", (80, 40))       # sentences; empty where the two can be compared
    loss_of(base), loss_of(without_softmax)              # probabilities, logits: losses of two scales
    FIXED_IN_A_SEARCH["data"]                            # the keys that a search takes from its base

Everything else (the training samples, augmentation, sizes, optimisers) is what comparisons are about. Knows specs only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archsearch.metrics import METRICS, metric_of, part_of
from archsearch.spec.dataset import OF_SOURCE, DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.folds import Fold
from archsearch.spec.losses import loss_called

_UNSET = "not set"
_SOURCE = "the test data would be others; compare on one data set"
_LIMIT = "it cuts the validation and test data too, while data.train_limit cuts the training part only"
_VALIDATION = "validation accuracy and loss would be of other samples"
_EVAL_LOSS = "losses would be of two functions; what is trained on is train.loss"

_OF_INPUTS = (
    "input",
    "weight",
    "ignore",
    "categorical",
    "missing",
    "unseen",
)  # not what is predicted, of which samples

# Why each key decides what is measured, and what to do instead.
_WHY = {
    **{f"data.{key}": _SOURCE for key in OF_SOURCE if key not in _OF_INPUTS},
    "data.limit": _LIMIT,
    "data.fold": "the test data would be others; `split` of an ablation runs every fold of all cells",
    "data.validation": _VALIDATION,
    "train.eval_loss": _EVAL_LOSS,
}
_TESTED_ON = tuple(  # keys of data
    key.removeprefix("data.") for key in _WHY if key.startswith("data.") and key != "data.validation"
)
FIXED_IN_A_SEARCH = {
    part: tuple(key.partition(".")[2] for key in _WHY if key.startswith(part)) for part in ("data", "train")
}


def cannot_be_open(key: str) -> str:
    """Say why a search takes a key (`data.limit`) from its base."""
    return f"{key} is the base's and cannot be open: runs must compare, and {_WHY[key]}"


def differences(base: ExperimentSpec, other: ExperimentSpec, metric: str, validation: tuple[int, int]) -> Iterator[str]:
    """Yield a sentence for each thing that makes `metric` another one for `other` than for `base`.

    `metric` is one of `metrics.COMPARED`; `validation` says how many samples the two hold out.
    """
    for key in _TESTED_ON:
        ours, theirs = (_said(spec.data, key) for spec in (base, other))
        if ours != theirs:
            difference = f"data.{key} is {theirs}, " + (
                f"not {ours}" if ours != _UNSET else f"and {base.name} sets none"
            )
            yield f"{other.name} is tested on other data than {base.name}: {difference}; {_WHY[f'data.{key}']}"
    if part_of(metric) == "val":
        if not validation[1]:
            yield f"{other.name} has no validation data for the metric {metric}; set data.validation"
        elif validation[0] != validation[1]:
            difference = f"{validation[1]:,} samples, not {validation[0]:,}"
            yield (
                f"{other.name} has other validation data than {base.name}: {difference}; {_VALIDATION}. "
                "Use one data.validation, or a metric of the test data"
            )
    if metric_of(metric) is METRICS["loss"] and base.train.eval_loss != other.train.eval_loss:
        yield (
            f"{other.name} has another {metric} than {base.name}: train.eval_loss is {other.train.eval_loss}, "
            f"not {base.train.eval_loss}; {_EVAL_LOSS}"
        )


def loss_of(spec: ExperimentSpec) -> str:
    """Say of what the measured loss is taken, as far as its size hangs on that: probabilities, or logits.

    Cross-entropy of probabilities takes them for logits: over ten classes it lies between 1.46 and 2.46, whatever is
    learned. Log-probabilities are logits to it. nll of what are no log-probabilities has no least value. "" where the
    loss takes outputs as they are (mse).
    """
    last = next((layer.squashes for layer in reversed(spec.network) if layer.kind != "identity"), "")
    wants = loss_called(spec.train.eval_loss).wants
    if wants == "logits":
        return "probabilities" if last == "probabilities" else "logits"
    return (last.replace("_", "-") or "logits") if wants == "log_probabilities" else ""


def same_test_data(specs: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether resolved specs, as results hold them, are tested on the same samples."""
    return len({repr([spec["data"].get(key) for key in _TESTED_ON]) for spec in specs}) == 1


def _said(data: DataSpec, key: str) -> str:
    value = getattr(data, key)
    if isinstance(value, Fold):
        return value.said
    if isinstance(value, tuple):
        return ", ".join(value)
    return _UNSET if value is None else str(value)
