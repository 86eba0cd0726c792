"""Class probabilities from what a network gives, where that can be said.

    probabilities, meaning = probabilities_of(outputs, spec)      # spec: resolved, as JSON

Knows specs as they are written, and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyFloats = NDArray[np.floating[Any]]


def probabilities_of(outputs: AnyFloats, spec: dict[str, Any]) -> tuple[AnyFloats | None, str]:
    """Give class probabilities and where they come from; None where a network's outputs are no probabilities.

    A softmax at the end gives them, whatever the loss; else cross-entropy takes the outputs as logits.
    """
    last = spec["network"][-1]
    kind = last if isinstance(last, str) else next(iter(last))
    if kind == "softmax":
        return outputs, "the network's softmax"
    if kind == "log_softmax":
        return np.exp(outputs), "the exponential of the network's log-softmax"
    loss = spec["train"].get("loss", "cross_entropy")
    if (loss if isinstance(loss, str) else next(iter(loss))) != "cross_entropy":
        return None, "the network's outputs are no probabilities: it ends without softmax and its loss needs none"
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True), "the softmax of the network's outputs"
