"""The texts of own layers' files, read where a file names them: `own: {layer: my_layers.py:Gate}`.

    node = with_sources(node, path.parent)          # every own layer with its file's text

Nodes in, nodes out; nothing is executed. What has its text already (a run's spec, best.yaml) keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from archsearch.errors import Problem, SpecError
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Block, LayerBase
from archsearch.spec.layers.own import Own, source_of
from archsearch.spec.text.sentences import short
from archsearch.spec.text.yaml import Node
from archsearch.trust import Subject


def with_sources(node: Node, folder: Path | None, known: Mapping[str, str] | None = None) -> Node:
    """Put in the texts of own layers' files: those that are `known` by their `layer`, else read from a folder.

    Raises `SpecError` where a file cannot be read or has no such class, and for what is not known without a folder.
    """
    network = node.get("network")
    if network is None:
        return node
    made = _filled(network, folder, known or {})
    return node if made is network else Node(node.with_item("network", made).value, node.mark, node.keys)


def _filled(node: Node, folder: Path | None, known: Mapping[str, str]) -> Node:
    if isinstance(node.value, tuple):
        items = tuple(_filled(item, folder, known) for item in node.value)
        return node if all(a is b for a, b in zip(items, node.value, strict=True)) else replace(node, value=items)
    if not isinstance(node.value, dict):
        return node
    values = {key: _filled(item, folder, known) for key, item in node.value.items()}
    own = values.get(Own.kind)
    layer = own.get("layer") if own is not None else None
    if own is not None and layer is not None and isinstance(layer.value, str) and own.get("source") is None:
        text = _source(layer, layer.value, folder, known)
        values[Own.kind] = own if text is None else own.with_item("source", Node(text, layer.mark))
    same = all(values[key] is item for key, item in node.value.items())
    return node if same else replace(node, value=values)


def _source(node: Node, layer: str, folder: Path | None, known: Mapping[str, str]) -> str | None:
    if layer in known:
        return known[layer]
    if ".py:" not in layer:  # told when the field is read
        return None
    if folder is None:
        said = f"own: {short(layer)} is not in the base: own layers of a search stand in its base too"
        raise SpecError(Problem(str(node.mark), said))
    return source_of(layer, folder, str(node.mark))


def own_layers(spec: ExperimentSpec) -> Iterator[Own]:
    """Yield the own layers of a spec, those in blocks too."""
    yield from _own(spec.network)


def _own(layers: tuple[LayerBase, ...]) -> Iterator[Own]:
    for layer in layers:
        if isinstance(layer, Own):
            yield layer
        elif isinstance(layer, Block):
            for branch in layer.branches_of():
                yield from _own(branch.layers)


def own_files(spec: ExperimentSpec) -> list[Subject]:
    """Give what a spec's own layers ask to execute, each file once."""
    return list({layer.digest: layer.subject for layer in own_layers(spec)}.values())
