"""What a trained network says of samples that someone hands to it: classes or labels with probabilities, or numbers.

    made = predict(network, given)
    made.predictions[0].best.name, made.predictions[0].best.probability

Probabilities are given where a network's outputs are such; else they are None, and the outputs stand alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.data.given import GivenSamples, batches_of
from archsearch.errors import UsageError
from archsearch.train.loop import EVALUATION_BATCH
from archsearch.train.probabilities import AnyFloats, of_both, probabilities_of
from archsearch.train.trained import TrainedNetwork

TOP = 3

WatchBatch = Callable[[Tensor, Tensor], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A class, a label or a target with what the network gave for it; the probability is a fraction."""

    name: str
    probability: float | None
    output: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is said of a sample: the classes or labels it is most likely of, the likeliest first; or all its targets.

    `taken` names what is predicted: a class, the labels above the line, none of numbers.
    """

    sample: str
    top: tuple[Candidate, ...]
    taken: tuple[str, ...]

    @property
    def best(self) -> Candidate:
        """Give the class that is predicted."""
        return self.top[0]


@dataclass(frozen=True, slots=True)
class PredictedSamples:
    """The predictions in the order of the samples; `meaning` says what the probabilities are, or why there are none."""

    task: str
    predictions: tuple[Prediction, ...]
    meaning: str
    remarks: tuple[str, ...]


def outputs_of(network: TrainedNetwork, given: GivenSamples, watch: WatchBatch | None = None) -> Tensor:
    """Give the outputs (N, outputs) float32 of all samples; raise `UsageError` where one is not finite.

    Every sample is read once, some at a time; `watch` gets each batch with its labels.
    """
    parts = []
    for x, y in batches_of(given, EVALUATION_BATCH):
        if watch is not None:
            watch(x, y)
        parts.append(network.outputs(x))
    found = torch.cat(parts)
    if not bool(torch.isfinite(found).all()):
        row = int((~torch.isfinite(found)).any(1).nonzero()[0])
        raise UsageError(f"the network's outputs for {given.names[row]} are not finite: its values are far too large")
    return found


def predict(network: TrainedNetwork, given: GivenSamples, most: int = TOP) -> PredictedSamples:
    """Predict every sample: the `most` likeliest classes of each, all labels with those that are taken, or numbers."""
    task, names = network.task, network.inputs.class_names
    outputs = outputs_of(network, given)
    probabilities, meaning = probabilities_of(outputs.numpy(), network.result.spec, task.name)
    if task.name == "binary":  # the class that is not the output's is as far from the line, on the other side
        outputs = torch.cat([2 * task.threshold - outputs, outputs], 1)
        probabilities = None if probabilities is None else of_both(probabilities)
    ranks = task.name in ("classification", "binary", "multilabel")
    order = outputs.argsort(dim=1, descending=True, stable=True) if ranks else torch.arange(outputs.shape[1])[None]
    shown = outputs.shape[1] if task.name == "multilabel" or not ranks else most
    ranked = order[:, :shown].expand(len(outputs), -1).tolist()
    predictions = []
    for row, sample in enumerate(given.names):
        top = tuple(Candidate(names[k], _share(probabilities, row, k), float(outputs[row, k])) for k in ranked[row])
        above = tuple(one.name for one in top if one.output > task.threshold)
        taken = {"multilabel": above, "classification": (top[0].name,), "binary": (top[0].name,)}.get(task.name, ())
        predictions.append(Prediction(sample, top, taken))
    return PredictedSamples(task.name, tuple(predictions), meaning, tuple(given.remarks()))


def _share(probabilities: AnyFloats | None, row: int, k: int) -> float | None:
    return None if probabilities is None else float(probabilities[row, k])
