"""Probabilities from what a network gives, where that can be said.

    probabilities, meaning = probabilities_of(outputs, spec, "binary")      # spec: resolved, as JSON

Knows specs as they are written, tasks by their words, and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyFloats = NDArray[np.floating[Any]]


def probabilities_of(
    outputs: AnyFloats, spec: dict[str, Any], task: str = "classification"
) -> tuple[AnyFloats | None, str]:
    """Give probabilities (N, outputs) and where they come from; None where a network's outputs are no probabilities.

    Of classes by softmax, of yes or no and of labels by the sigmoid of each output: where the network ends in it,
    whatever the loss, or where the loss takes the outputs as logits.
    """
    last = spec["network"][-1]
    kind = last if isinstance(last, str) else next(iter(last))
    loss = spec["train"].get("loss", "cross_entropy")
    logits = (loss if isinstance(loss, str) else next(iter(loss))) in ("cross_entropy", "bce", "focal")
    if task == "classification":
        return _of_classes(outputs, kind, logits=logits)
    if task not in ("binary", "multilabel"):
        return None, "the network's outputs are numbers, no probabilities"
    if kind == "sigmoid":
        return outputs, "the network's sigmoid"
    if not logits:
        return None, "the network's outputs are no probabilities: it ends without sigmoid and its loss needs none"
    return 1 / (1 + np.exp(-np.clip(outputs, -80, 80))), "the sigmoid of the network's outputs"


def _of_classes(outputs: AnyFloats, kind: str, *, logits: bool) -> tuple[AnyFloats | None, str]:
    if kind == "softmax":
        return outputs, "the network's softmax"
    if kind == "log_softmax":
        return np.exp(outputs), "the exponential of the network's log-softmax"
    if not logits:
        return None, "the network's outputs are no probabilities: it ends without softmax and its loss needs none"
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True), "the softmax of the network's outputs"


def of_both(probabilities: AnyFloats) -> AnyFloats:
    """Give probabilities of both classes (N, 2) from those of a binary network's yes (N, 1)."""
    return np.concatenate([1 - probabilities, probabilities], axis=1)
