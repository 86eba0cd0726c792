"""What a trained network says of samples that someone hands to it: a class for each, with its probability.

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
from archsearch.train.probabilities import AnyFloats, probabilities_of
from archsearch.train.trained import TrainedNetwork

TOP = 3

WatchBatch = Callable[[Tensor, Tensor], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A class with what the network gave for it; the probability is a fraction."""

    name: str
    probability: float | None
    output: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The classes that a sample is most likely of, the likeliest first."""

    sample: str
    top: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """Give the class that is predicted."""
        return self.top[0]


@dataclass(frozen=True, slots=True)
class PredictedSamples:
    """The predictions in the order of the samples; `meaning` says what the probabilities are, or why there are none."""

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
    """Predict the class of every sample, with the `most` likeliest classes of each."""
    outputs = outputs_of(network, given)
    probabilities, meaning = probabilities_of(outputs.numpy(), network.result.spec)
    ranked = outputs.argsort(dim=1, descending=True, stable=True)[:, :most].tolist()
    names = network.inputs.class_names
    predictions = tuple(
        Prediction(
            sample,
            tuple(Candidate(names[k], _share(probabilities, row, k), float(outputs[row, k])) for k in ranked[row]),
        )
        for row, sample in enumerate(given.names)
    )
    return PredictedSamples(predictions, meaning, tuple(given.remarks()))


def _share(probabilities: AnyFloats | None, row: int, k: int) -> float | None:
    return None if probabilities is None else float(probabilities[row, k])
