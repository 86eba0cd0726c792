"""A study file: a base, what is left open around it, what is wanted, and how to look for it.

    study = load_study("lenet")                # by name (./studies, then the shipped ones) or by path
    study.spec.objectives, study.space.parameters()

Fields are checked here, with `file:line:column`; the open values by the spaces of the base's kind (`by_kind.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError, UsageError
from archsearch.kinds import kind_of_held, kind_of_reference, kind_of_spec, load_experiment
from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.metrics import OBJECTIVES, OwnMetric, bare_name, is_own, own_metric
from archsearch.search.folds import check_split
from archsearch.search.pruner_spec import AnyPruner, NoPruning
from archsearch.search.search_spec import StudySpec
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.problems import raise_all
from archsearch.search.space.space import SearchSpace
from archsearch.spec.catalog import find, study_kind
from archsearch.spec.text.sentences import problems_of, quoted
from archsearch.spec.text.yaml import Node, read_file, read_text


@dataclass(frozen=True, slots=True)
class SearchFile:
    """A study file that has been read and checked: what is wanted, and the space to look in."""

    spec: StudySpec
    space: SearchSpace
    text: str
    stem: str
    note: str  # how the base is trained otherwise than its own spec says, "" if not: said when the study starts
    own: tuple[OwnMetric, ...] = ()  # objectives that are functions of people's files

    @property
    def kind(self) -> ExperimentKind:
        """The kind of the base, and so of all that is tried."""
        return self.space.kind

    @property
    def metrics(self) -> tuple[str, ...]:
        """Name the objectives."""
        return tuple(metric for _, metric in self.spec.objective)

    @property
    def learned(self) -> int | None:
        """Which objective is known by running only, None if none is."""
        name = self.kind.learned(self.metrics)
        return None if name is None else self.metrics.index(name)

    @property
    def watched(self) -> str:
        """Name the metric that runs are followed by: the one that is learned, else the usual one."""
        return self.kind.learned(self.metrics) or self.kind.objectives(self.space.base)[0]

    @property
    def pruner(self) -> AnyPruner:
        """When a trial is stopped early: never, where the metric is not known while it runs, or it has folds."""
        if self.spec.split is not None:
            return NoPruning()
        return self.spec.pruner if self.kind.followed(self.space.base, self.watched) else NoPruning()

    def identity(self) -> dict[str, Any]:
        """Give what must not change inside a study: base, space, limits, objectives and their files, and folds."""
        split = {} if self.spec.split is None else {"split": self.spec.split.model_dump(mode="json")}
        objective = {"objective": [list(objective) for objective in self.spec.objective]}
        own = {"own": {one.name: one.digest for one in self.own}} if self.own else {}
        return self.space.identity(self.metrics) | objective | split | own


def load_study(reference: str) -> SearchFile:
    """Read a study by name or path, its base with it; raise `SpecError` with `file:line:column`."""
    path = find(reference, "studies")
    node = _named(read_file(path), path.stem)
    if study_kind(node) == "ablation":
        message = f"{path.stem} is an ablation and no search; `archsearch ablate {reference}` runs it"
        raise SpecError(Problem(str(node.mark), message))
    base = _base_of(node, path.parent)
    failed = isinstance(base, SpecError)
    try:
        spec = _plain_part(_with_some_objective(node, path.parent), None) if failed else _plain_part(node, base)
    except SpecError as error:
        raise_all([], [*error.problems, *_rest(node, base)])
        raise
    if isinstance(base, SpecError):
        raise base
    assert base is not None, "the key is there"
    read = _searched(node, base, spec, path.read_text(encoding="utf-8-sig"), path.stem)
    return replace(read, own=_own_metrics(spec, node, path.parent))


def _own_metrics(spec: StudySpec, node: Node, folder: Path) -> tuple[OwnMetric, ...]:
    """Find the files of objectives of one's own, from the folder of the search's file; executes nothing."""
    try:
        return tuple(own_metric(name, folder) for _, metric in spec.objective if is_own(name := bare_name(metric)))
    except UsageError as error:
        raise SpecError(Problem(str(node.locate(("objective",))), f"objective: {error}")) from None


def declared_study(text: str, stem: str, base: AnySpec) -> SearchFile:
    """Read a study from its text around a base that is given; `base` in the text is its name only."""
    node = _named(read_text(text, f"{stem}.yaml"), stem)
    return _searched(node, base, _plain_part(node, base), text, stem)


def _searched(node: Node, read: AnySpec, spec: StudySpec, text: str, stem: str) -> SearchFile:
    kind = kind_of_spec(read)
    base, note = kind.searched(read)
    if spec.split is not None:
        check_split(kind, base, spec.split, str(node.locate(("split",), key=True)))
        note = f"{note} to be trained on fresh seeds; " if note else ""
        folds = spec.split.said_of("validation")
        note += f"each trial is trained on {folds} of its training samples, and none is stopped early"
    space = spaces_of(base).read(node, base, spec)
    notes = "\n".join(one for one in (note, *spaces_of(space).notes_on(space)) if one)
    return SearchFile(spec, space, text, stem, notes)


def stored_study(text: str, stem: str, base: dict[str, Any], own: Sequence[OwnMetric] = ()) -> SearchFile:
    """Make a study again from what a storage holds of it: the file's text and the resolved base."""
    node = _named(read_text(text, f"{stem}.yaml"), stem)
    read = kind_of_held(base).read(base)
    spec = _plain_part(node, read)
    return SearchFile(spec, spaces_of(read).read(node, read, spec), text, stem, "", tuple(own))


def _named(node: Node, stem: str) -> Node:
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"a study is keys with values, got {quoted(node.plain())}"))
    return node if "name" in node.value else node.with_item("name", Node(stem, node.mark))


def _plain_part(node: Node, base: AnySpec | None) -> StudySpec:
    rest = node
    for key in StudySpec.other_keys:
        if key in (node.value if isinstance(node.value, dict) else {}):
            rest = rest.with_item(key, None)
    try:
        return StudySpec.model_validate(rest.plain(), context=None if base is None else {"base": base})
    except ValidationError as error:
        raise SpecError(problems_of(error, rest, StudySpec)) from None


def _with_some_objective(node: Node, folder: Path) -> Node:
    """Put another objective where the base is a program that cannot be read: nobody knows which metrics it has."""
    base = str(node.plain()["base"])  # type: ignore[index,call-overload]
    if kind_of_reference(_reference(base, folder)).name == "network":
        return node
    return node.with_item("objective", Node({"maximize": Node(OBJECTIVES[0], node.mark)}, node.mark))


def _rest(node: Node, base: AnySpec | SpecError | None) -> list[Problem]:
    """Give what is wrong in the parts that are laid over the base, where there is a base."""
    if base is None:
        return []
    if isinstance(base, SpecError):
        return list(base.problems)
    try:
        return spaces_of(base).problems(node, base)
    except SpecError as error:
        return list(error.problems)


def _reference(base: str, folder: Path) -> str:
    return str(folder / base) if base.endswith((".yaml", ".yml")) else base


def _base_of(node: Node, folder: Path) -> AnySpec | SpecError | None:
    """Read the base that a file names, or what is wrong with it; None where none is named."""
    base = node.get("base")
    if base is None or not isinstance(base.value, str):
        return None
    try:
        experiment = load_experiment(_reference(base.value, folder))
    except SpecError as error:
        error.place(str(node.locate(("base",))))
        return error
    return kind_of_spec(experiment).spec_of(experiment)


def describe_values(values: Mapping[str, Any]) -> str:
    """Write a sample in one line: conv.depth=3 conv1.out_channels=12 ..."""
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
