"""Edits on a spec in memory: the same edits as in a file, without one.

    logits = edited(spec, [{"drop": "softmax"}])

An edit is plain data, as YAML has it: `{"set": {"conv1.out_channels": 10}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import SpecError
from archsearch.spec.edit.apply import apply_edits
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LayerBase
from archsearch.spec.layers.blocks import UNSHOWN
from archsearch.spec.own_sources import with_sources
from archsearch.spec.text.sentences import problems_of
from archsearch.spec.text.yaml import Mark, Node
from archsearch.wording import yaml_word

Edit = dict[str, Any]


def edited(
    spec: ExperimentSpec, edits: Sequence[Edit] | Node, source: str = "edits", folder: Path | None = None
) -> ExperimentSpec:
    """Apply edits (plain, or the nodes of a file) in order.

    Files of own layers are read from the folder, by default the current one. What the spec says of itself
    (documented, expect, lint, ...) is not true of the result and left out.

    Raises `SpecError` for an edit that cannot be made, changes nothing, or gives what is no spec.
    """
    node = apply_edits(written_spec(spec, source), edits if isinstance(edits, Node) else node_of(list(edits), source))
    node = with_sources(node, folder or Path())
    try:
        return ExperimentSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, node, ExperimentSpec)) from None


def written_spec(spec: ExperimentSpec, source: str) -> Node:
    """Give a spec as nodes without what it says of itself, defaults left out."""
    return node_of(
        spec.model_dump(mode="json", include={"name", "data", "network", "train"}, exclude_defaults=True), source
    )


def node_of(tree: Any, source: str) -> Node:
    """Make nodes of plain data; all have the one mark."""
    mark = Mark(source)
    if isinstance(tree, dict):
        return Node({k: node_of(v, source) for k, v in tree.items()}, mark, dict.fromkeys(tree, mark))
    if isinstance(tree, (list, tuple)):
        return Node(tuple(node_of(item, source) for item in tree), mark)
    return Node(tree, mark)


def written_layer(layer: LayerBase) -> Any:
    """Give a layer as YAML has it: a bare word, or one key with the fields that are not defaults."""
    fields = _with_words(layer.model_dump(mode="json", exclude_defaults=True))
    return {layer.kind: fields} if fields else layer.kind


def _with_words(fields: Any) -> Any:
    """Write `none` in the place of branches that are not there."""
    if isinstance(fields, list):
        return [_with_words(item) for item in fields]
    if not isinstance(fields, dict):
        return fields
    written = {key: _with_words(value) for key, value in fields.items()}
    if isinstance(branches := written.get("branches"), list):
        written["branches"] = ["none" if branch is None else branch for branch in branches]
    return written


def brief(written: Any) -> str:
    """Show a written layer in a few words: conv2d(out_channels=6 kernel_size=5), parallel(3 branches)."""
    if isinstance(written, str):
        return written
    ((kind, fields),) = written.items()
    inside = [f"{key}={word(value)}" for key, value in fields.items() if key not in UNSHOWN]
    if branches := [branch for branch in fields.get("branches", ()) if branch not in (None, "none")]:
        inside = [f"{len(branches)} branches", *inside]
    if fields.get("shortcut"):
        inside = ["shortcut", *inside]
    return f"{kind}({' '.join(inside)})" if inside else str(kind)


def word(value: Any) -> str:
    """Show a value of a spec in a few words; of an optimiser or a loss with its fields, the name only."""
    if isinstance(value, dict):
        return ", ".join(value)
    if isinstance(value, list):
        return " ".join(word(item) for item in value) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else yaml_word(value)
