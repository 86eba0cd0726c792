"""A network in one line, for places where there is room for one line: hover texts, table cells.

    network_line(spec["network"])       # conv6(5) tanh avg2 conv16(5) tanh avg2 conv120(5) tanh fc84 tanh fc10 softmax

Made from the plain tree of a spec; what changes nothing (identity, flatten) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsearch.spec.layers import LAYER_KINDS


def network_line(layers: Sequence[Any]) -> str:
    """Write a layer list in one line: kind, width, kernel in brackets; /stride and +padding where not usual."""
    words = (_word(layer) for layer in layers)
    return " ".join(word for word in words if word)


def _word(layer: Any) -> str:
    kind, fields = next(iter(layer.items())) if isinstance(layer, Mapping) and layer else (str(layer), {})
    short = LAYER_KINDS[kind].short if kind in LAYER_KINDS else None
    if short == "":
        return ""
    fields = fields if isinstance(fields, Mapping) else {}
    word = kind if short is None else short
    width = fields.get("out_channels", fields.get("out_features"))
    kernel, stride, padding = (fields.get(name) for name in ("kernel_size", "stride", "padding"))
    if width is not None:
        word += str(width) if width != "classes" else "(classes)"
        word += f"({_size(kernel)})" if kernel is not None else ""
        usual = 1
    else:
        word += _size(kernel) if kernel is not None else ""
        usual = kernel if kernel is not None else 1
    if stride is not None and stride != usual:
        word += f"/{_size(stride)}"
    if padding not in (None, 0):
        word += f"+{_size(padding)}"
    inside = _lists(fields)
    return f"{word}[{' | '.join(map(network_line, inside))}]" if inside else word


def _lists(fields: Mapping[str, Any]) -> Sequence[Any]:
    """Give the layer lists that stand in a block's fields."""
    branches = fields.get("branches")
    if isinstance(branches, (list, tuple)):
        return [branch for branch in branches if isinstance(branch, (list, tuple))]
    return [held for key in ("layers", "shortcut") if isinstance(held := fields.get(key), (list, tuple)) and held]


def _size(value: Any) -> str:
    return "x".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)
