"""The right file with the wrong command: say what a name or file is, and which command fits it.

    refuse_other("digits", "spec", "run")     # digits: this is a search and a data set, no spec; use ...

Looks at names and at the keys of a file, no further: a file that is of no kind for sure is left to its own reader,
whose errors have lines. Must not import torch.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from archsearch.spec.text.yaml import Node

NamedKind = Literal["spec", "search", "ablation", "data set", "table"]

_ARTICLES: dict[NamedKind, str] = {
    "spec": "a spec",
    "search": "a search",
    "ablation": "an ablation",
    "data set": "a data set",
    "table": "a table of results",
}
_RUN: dict[NamedKind, str] = {
    "spec": "archsearch run {it}",
    "search": "archsearch study {it}",
    "ablation": "archsearch ablate {it}",
    "data set": "archsearch run {on_it}",
    "table": "archsearch compare {it} --baseline NAME",
}
_LOOK: dict[NamedKind, str] = _RUN | {
    "spec": "archsearch show {it}",
    "search": "archsearch space {it}",
    "ablation": "archsearch plan {it}",
    "data set": "archsearch show {on_it}",
}
_CHECK: dict[NamedKind, str] = _RUN | dict.fromkeys(("spec", "search", "ablation"), "archsearch check {it}")
# What fits instead, for a command that trains, one that only looks, and one that searches for mistakes.
_INSTEAD = {"run": _RUN, "study": _RUN, "ablate": _RUN, "check": _CHECK, "lint": _CHECK, "compare": _RUN}


def refuse_other(reference: str, wanted: NamedKind | Collection[NamedKind], command: str) -> None:
    """Raise `SpecError` with the command that fits if a name or file is something else than what is wanted."""
    from archsearch.errors import Problem, SpecError
    from archsearch.spec.text.sentences import short

    accepted: Collection[NamedKind] = (wanted,) if isinstance(wanted, str) else wanted
    kinds = _kinds(reference)
    if not kinds or any(kind in accepted for kind in kinds):
        return
    instead = _INSTEAD.get(command, _LOOK)
    fits = []
    for kind in kinds:
        on_it = _spec_on(reference) if kind == "data set" else ""
        if kind != "data set" or on_it:
            for_this = f" for the {kind}" if len(kinds) > 1 else ""
            fits.append(f"`{instead[kind].format(it=reference, on_it=on_it)}`{for_this}")
    said = " and ".join(_ARTICLES[kind] for kind in kinds)
    hint = f"use {' or '.join(fits)}" if fits else "`archsearch list` shows what there is"
    raise SpecError(Problem(short(reference), f"this is {said}, no {' or '.join(accepted)}; {hint}"))


def name_of_study(reference: str) -> str:
    """Give the name of a study that was named by its file, as `study` and `ablate` take it; a name is as it is."""
    from archsearch.spec.text.yaml import read_file

    if not reference.endswith((".yaml", ".yml")) or not {"search", "ablation"} & set(_kinds(reference)):
        return reference
    path = Path(reference)
    node = read_file(path)
    named = node.get("name") if isinstance(node.value, dict) else None
    return named.value if named is not None and isinstance(named.value, str) else path.stem


def _kinds(reference: str) -> list[NamedKind]:
    """Say what a name or a path is, as far as that is sure."""
    from archsearch.data.registry import DATASETS
    from archsearch.errors import SpecError
    from archsearch.spec.catalog import catalog, is_path
    from archsearch.spec.text.yaml import read_file

    if "\0" in reference:
        return []
    if reference.lower().endswith((".csv", ".tsv")):
        return ["table"] if _is_file(Path(reference)) else []
    try:
        if is_path(reference):
            return _kinds_of_node(read_file(Path(reference))) if _is_file(Path(reference)) else []
        kinds: list[NamedKind] = ["spec"] if reference in catalog("specs") else []
        if reference in (studies := catalog("studies")):
            kinds += _kinds_of_node(read_file(studies[reference]))
    except SpecError:  # whoever reads the file says what is wrong with it
        return []
    return [*kinds, "data set"] if reference in DATASETS else kinds


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _kinds_of_node(node: Node) -> list[NamedKind]:
    """Tell by keys that only one kind has; a search may have data, network and train too, but never names its data."""
    from archsearch.spec.catalog import study_kind

    keys = set(node.value) if isinstance(node.value, dict) else set()
    if "program" in keys:
        return ["spec"]
    if study_kind(node) == "ablation":
        return ["ablation"]
    if keys & {"base", "objective", "space"}:
        return ["search"]
    return ["spec"] if "extends" in keys or node.locate(("data", "name")) != node.locate(("data",)) else []


def _spec_on(data_set: str) -> str:
    """Name a spec that trains on a data set, the first of the catalog; "" if there is none."""
    from archsearch.errors import SpecError
    from archsearch.spec.catalog import catalog
    from archsearch.spec.text.yaml import read_file

    for name, path in catalog("specs").items():
        try:
            data = read_file(path).get("data")
        except SpecError:
            continue
        named = data.get("name") if data is not None else None
        if named is not None and named.value == data_set:
            return name
    return ""
