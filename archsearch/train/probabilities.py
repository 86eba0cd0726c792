"""Class probabilities from what a network gives, where that can be said.

    probabilities, meaning = probabilities_of(outputs, spec)      # spec: resolved, as JSON

Knows specs as they are written, and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyFloats = NDArray[np.floating[Any]]


def probabilities_of(
    outputs: AnyFloats, spec: dict[str, Any], task: str = "classification"
) -> tuple[AnyFloats | None, str]:
    """Give class probabilities and where they come from; None where a network's outputs are no probabilities.

    A softmax at the end gives them, whatever the loss; else cross-entropy takes the outputs as logits. Where each
    output is a question of its own (binary, multilabel) it is a sigmoid, and binary cross-entropy.
    """
    last = spec["network"][-1]
    kind = last if isinstance(last, str) else next(iter(last))
    if task in ("binary", "multilabel"):
        return _of_each(outputs, kind, _kind(spec))
    if kind == "softmax":
        return outputs, "the network's softmax"
    if kind == "log_softmax":
        return np.exp(outputs), "the exponential of the network's log-softmax"
    if _kind(spec) not in ("cross_entropy", "focal"):
        return None, "the network's outputs are no probabilities: it ends without softmax and its loss needs none"
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True), "the softmax of the network's outputs"


def _kind(spec: dict[str, Any]) -> str:
    """Give the kind of the loss that a spec minimises."""
    loss = spec["train"].get("loss", "cross_entropy")
    return loss if isinstance(loss, str) else str(next(iter(loss)))


def _of_each(outputs: AnyFloats, last: str, loss: str) -> tuple[AnyFloats | None, str]:
    """Give the probability of a yes for each output."""
    if last == "sigmoid":
        return outputs, "the network's sigmoid"
    if loss not in ("bce", "focal"):
        return None, "the network's outputs are no probabilities: it ends without sigmoid and its loss needs none"
    return 1 / (1 + np.exp(-np.clip(outputs, -700, 700))), "the sigmoid of the network's outputs"
