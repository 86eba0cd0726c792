"""Blocks: data sets, or numbers of training samples, in each of which the whole design of an ablation is repeated.

    for block, declared in blocks_of(declared): ...       # the same file around other data
    named_in(block, "activation=relu")                    # digits: activation=relu

Cells of two blocks are never pooled: each comparison stays inside its block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from archsearch.ablate.ablation_file import Declared
from archsearch.ablate.design.designs import DESIGNS
from archsearch.data.facts import training_count
from archsearch.errors import Problem, SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.plain import Plain
from archsearch.spec.dataset import OF_A_KIND, DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.yaml import Node

if TYPE_CHECKING:
    from archsearch.ablate.planned import Ablation

BlockKind = Literal["data_set", "train_size"]


class DataBlock(Plain):
    """A data set, or a number of training samples; `train_size` counts the samples that its runs train on."""

    name: str
    kind: BlockKind
    train_size: int

    @property
    def where(self) -> str:
        """Say where, as a sentence goes on: on digits, with 300 training samples."""
        return f"on {self.name}" if self.kind == "data_set" else f"with {self.train_size:,} training samples"


def named_in(block: DataBlock | None, name: str) -> str:
    """Name a cell or a question of a block."""
    return name if block is None else f"{block.name}: {name}"


def blocks_of(declared: Declared) -> list[tuple[DataBlock, Declared]]:
    """Give each block with the file around its data; none where the file has no blocks. Raises `SpecError`."""
    spec = declared.spec
    key = "data_sets" if spec.data_sets else "train_sizes"
    changes = [*_data_sets(declared)] if spec.data_sets else [*_train_sizes(declared)]
    if not changes:
        return []
    if problem := _not_together(declared, key):
        raise SpecError(Problem(declared.where(key), problem))
    found: list[tuple[DataBlock, Declared]] = []
    for number, (name, data) in enumerate(changes):
        try:
            inside = _around(declared, data)
            plan = plan_experiment(inside.baseline)
        except SpecError as error:
            problems = [Problem(declared.where(key, number), f"{key}: {name}: {one.message}") for one in error.problems]
            raise SpecError(problems) from None
        size = training_count(plan.spec.data, plan.facts.train)
        kind: BlockKind = "data_set" if spec.data_sets else "train_size"
        found.append((DataBlock(name=name if spec.data_sets else f"n={size}", kind=kind, train_size=size), inside))
    _distinct([block for block, _ in found], [name for name, _ in changes], declared, key)
    if spec.train_sizes:
        found.sort(key=lambda one: one[0].train_size)
    return found


def _not_together(declared: Declared, key: str) -> str:
    spec = declared.spec
    if spec.data_sets and spec.train_sizes:
        return "data_sets and train_sizes are two designs; give one of them, and the other in a second file"
    if DESIGNS[spec.design].asks != "comparisons":
        return f"{key} goes with comparisons of cells, and {spec.design} asks for {DESIGNS[spec.design].asks}"
    if spec.seeds.stopping:
        return f"{key} has a fixed number of seeds; take {spec.seeds.stopping} out"
    if spec.control:
        return f"{key} and control do not go together; take control out"
    return ""


def _data_sets(declared: Declared) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found: list[dict[str, Any]] = []
    for one in declared.spec.data_sets:
        data = {"name": one} if isinstance(one, str) else dict(one)
        for key in ("path", "labels"):
            if isinstance(path := data.get(key), str):
                data[key] = str((declared.folder / Path(path).expanduser()).absolute())
        found.append(data)
    named = _told_apart([Path(data["path"]) for data in found if isinstance(data.get("path"), str)])
    for data in found:
        path = data.get("path")
        yield named[Path(path)] if isinstance(path, str) else str(data.get("name")), {"path": None, **data}


def _told_apart(paths: Sequence[Path]) -> dict[Path, str]:
    """Name files and folders by as much of the end of their path as tells them apart: a/data, b/data."""
    deepest = max((len(path.parts) for path in paths), default=1)
    found: dict[Path, str] = {}
    for path in paths:
        for count in range(1, deepest + 1):
            name = Path(*path.with_suffix("").parts[-count:]).as_posix()
            if sum(Path(*other.with_suffix("").parts[-count:]).as_posix() == name for other in {*paths}) == 1:
                break
        else:  # data.npz beside data.csv
            name = path.name
        found[path] = name
    return found


def _train_sizes(declared: Declared) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in declared.spec.train_sizes:
        yield str(one), {"train_limit": None if one == "all" else one}


def _around(declared: Declared, data: Mapping[str, Any]) -> Declared:
    """Give the file with other data for the baseline, and for every level that is a whole spec."""
    levels = {
        key: level if isinstance(level, Node) else _on(level, data, declared) for key, level in declared.levels.items()
    }
    return replace(declared, baseline=_on(declared.baseline, data, declared), levels=levels)


def _on(spec: ExperimentSpec, changes: Mapping[str, Any], declared: Declared) -> ExperimentSpec:
    kept = spec.data.model_dump(mode="json")
    if changes.get("name", spec.data.name) != spec.data.name:  # how the baseline's own source is read says nothing here
        kept = {key: value for key, value in kept.items() if key not in OF_A_KIND}
    try:
        data = DataSpec.model_validate({**kept, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    changed: ExperimentSpec = declared.kind.named(spec.model_copy(update={"data": data}), spec.name)
    return changed


def _distinct(blocks: list[DataBlock], written: list[str], declared: Declared, key: str) -> None:
    seen: dict[str, str] = {}
    for number, (block, name) in enumerate(zip(blocks, written, strict=True)):
        if block.name in seen:
            said = f"{name} is there already"
            if block.kind == "train_size":
                said = f"{name} and {seen[block.name]} are the same {block.train_size:,} samples"
            raise SpecError(Problem(declared.where(key, number), f"{key}: {said}; name each once"))
        seen[block.name] = name
    if len(blocks) < 2:
        more = "another data set" if key == "data_sets" else "another size"
        raise SpecError(Problem(declared.where(key), f"{key}: one is not several; give {more}, or take {key} out"))


def joined(inside: Sequence[tuple[DataBlock, Ablation]]) -> Ablation:
    """Join the ablations of all blocks: cells and questions are named after their block, nothing is pooled."""
    blocks = tuple(block for block, _ in inside)
    cells = [
        cell.model_copy(update={"name": named_in(block, cell.name), "block": block.name})
        for block, one in inside
        for cell in one.cells
    ]
    questions = [
        question.model_copy(
            update={
                "name": named_in(block, question.name),
                "label": f"{question.label} {block.where}",
                "weights": {named_in(block, name): weight for name, weight in question.weights.items()},
                "block": block.name,
            }
        )
        for block, one in inside
        for question in one.questions
    ]
    left_out = [
        one.model_copy(update={"cell": named_in(block, one.cell)})
        for block, ablation in inside
        for one in ablation.left_out
    ]
    notes = dict.fromkeys(f"{block.name}: {note}" for block, ablation in inside for note in ablation.notes)
    first = inside[0][1]
    return first.model_copy(
        update={
            "cells": tuple(cells),
            "questions": tuple(questions),
            "left_out": tuple(left_out),
            "notes": tuple(notes),
            "blocks": blocks,
            "family": first.family.model_copy(update={"failed_value": _one_guess([one for _, one in inside])}),
        }
    )


def _one_guess(ablations: list[Ablation]) -> float | None:
    """Give what a failed run counts as where all blocks agree on it: data sets may have other numbers of classes."""
    guesses = {one.family.failed_value for one in ablations}
    return guesses.pop() if len(guesses) == 1 else None
