"""Write a spec as YAML that a person would have written: one layer a line, defaults left out.

text = spec_yaml(spec, "archsearch run runs/lenet/best.yaml")
"""

from __future__ import annotations

import json
from typing import Any

from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import Block
from archsearch.spec.layers.base import LayerBase
from archsearch.spec.layers.blocks import HOLDING, Parallel
from archsearch.spec.onekey import Kind

_LONGEST = 100  # characters of a block on one line


def spec_yaml(spec: ExperimentSpec, command: str) -> str:
    """Give the YAML of a spec; reading it gives an equal one. The comment says how to run it."""
    lines = [f"# {command}", f"name: {_scalar(spec.name)}"]
    if spec.summary:
        lines.append(f"summary: {_scalar(spec.summary)}")
    lines.append(f"data: {flow(spec.data.model_dump(mode='json', exclude_defaults=True))}")
    lines.append("network:")
    lines += [f"  {line}" for layer in spec.network for line in _item(layer)]
    lines.append("train:")
    for field in type(spec.train).model_fields:
        value = getattr(spec.train, field)
        if isinstance(value, Kind):
            lines.append(f"  {field}: {_kind(value)}")
        elif field in spec.train.model_dump(exclude_defaults=True):
            lines.append(f"  {field}: {flow(spec.train.model_dump(mode='json', exclude_defaults=True)[field])}")
    for part in ("documented", "expect"):
        value = getattr(spec, part)
        if value is not None:
            lines.append(f"{part}: {flow(value.model_dump(mode='json', exclude_none=True))}")
    if spec.source is not None:
        lines.append(f"source: {_scalar(spec.source)}")
    if spec.departures:
        lines.append("departures:")
        lines += [f"  - {_scalar(text)}" for text in spec.departures]
    if spec.lint:
        lines.append(f"lint: {flow(spec.lint)}")
    return "\n".join(lines) + "\n"


def _item(layer: LayerBase) -> list[str]:
    """Write a layer as an item of a list; a block that is too long for one line, a line for each of its layers."""
    line = f"- {_layer(layer)}"
    if len(line) <= _LONGEST or not isinstance(layer, Block):
        return [line]
    fields = layer.model_dump(mode="json", exclude=set(HOLDING), exclude_defaults=True)
    lines = [f"- {layer.kind}:", *(f"    {key}: {flow(value)}" for key, value in fields.items())]
    for field, branches in _held(layer).items():
        lines.append(f"    {field}:")
        for branch in branches:
            items = [line for inner in branch or () for line in _item(inner)]
            if field == "branches":
                nothing = "- none" if branch is None else "- []"
                items = [f"{'- ' if at == 0 else '  '}{line}" for at, line in enumerate(items)] or [nothing]
            lines += [f"      {line}" for line in items]
    return lines


def _held(block: Block) -> dict[str, list[tuple[LayerBase, ...] | None]]:
    """Give the branches of a block by the field in which they stand; None where there is none."""
    if isinstance(block, Parallel):
        return {"branches": list(block.branches)}
    return {str(branch.loc[0]): [branch.layers] for branch in block.branches_of()}


def _layer(layer: LayerBase) -> str:
    if not isinstance(layer, Block):
        return _kind(layer)
    fields = layer.model_dump(mode="json", exclude=set(HOLDING), exclude_defaults=True)
    parts = [f"{key}: {flow(value)}" for key, value in fields.items()]
    for field, branches in _held(layer).items():
        lists = ", ".join("none" if one is None else f"[{', '.join(map(_layer, one))}]" for one in branches)
        parts.append(f"{field}: [{lists}]" if field == "branches" else f"{field}: {lists}")
    return f"{layer.kind}: {{{', '.join(parts)}}}"


def _kind(value: Kind) -> str:
    fields = value.model_dump(mode="json", exclude_defaults=True)
    return (
        f"{value.kind}: {flow(fields)}"
        if fields and isinstance(value, LayerBase)
        else flow({value.kind: fields} if fields else value.kind)
    )


def flow(value: Any) -> str:
    """Write plain data on one line, as a person would."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _scalar(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace(".", "").isalnum() and key.isascii() else _quoted(key)


def _scalar(value: Any) -> str:
    """Write one scalar; a text goes between quotes unless it is a plain word."""
    if isinstance(value, str):
        plain = value.replace("_", "").isalnum() and value.isascii() and not value[0].isdigit()
        return value if plain and value.lower() not in ("null", "true", "false") else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Write a text between double quotes as YAML reads it: JSON's pair of escapes for one character is none there."""

    def written(character: str) -> str:
        if character.isprintable() or ord(character) < 0x20:
            return json.dumps(character, ensure_ascii=False)[1:-1]
        return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"

    return f'"{"".join(map(written, text))}"'
