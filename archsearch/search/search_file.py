"""A study file: a base, what is left open around it, what is wanted, and how to look for it.

    study = load_study("lenet")                # by name (./studies, then the shipped ones) or by path
    study.spec.objectives, study.space.parameters()

Fields are checked here, with `file:line:column`; the open values by `templates.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.experiment_plan import load_spec, plan_experiment
from archsearch.search.baseline import notes_on
from archsearch.search.closed import problems_in, raise_all
from archsearch.search.search_spec import StudySpec
from archsearch.search.space.read_layers import read_layers, read_part, read_shared
from archsearch.search.space.read_value import Scope
from archsearch.search.space.space import SearchSpace, SizeLimits, check_values
from archsearch.search.space.templates import Fixed, Items, Keys, Open, Template, open_values
from archsearch.spec.catalog import find, study_kind
from archsearch.spec.comparable import FIXED_IN_A_SEARCH, cannot_be_open
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.sentences import problems_of, quoted
from archsearch.spec.text.yaml import Mark, Node, read_file, read_text
from archsearch.spec.training import EVAL_LOSS, minimises_eval_loss


@dataclass(frozen=True, slots=True)
class SearchFile:
    """A study file that has been read and checked: what is wanted, and the space to look in."""

    spec: StudySpec
    space: SearchSpace
    text: str
    stem: str
    note: str  # how the base is trained otherwise than its own spec says, "" if not: said when the study starts

    def identity(self) -> dict[str, Any]:
        """Give what must not change inside a study: base, space and objectives, and what a loss is measured by.

        That is said only where version 0.1.0 took each run's own loss instead of it.
        """
        train, metrics = self.space.base.train, [metric for _, metric in self.spec.objective]
        opened = any(key == "loss" for key, _ in self.space.train.items) if isinstance(self.space.train, Keys) else True
        own = "val_loss" in metrics and (opened or not minimises_eval_loss(train.loss, EVAL_LOSS))
        return ({"measured_by": train.eval_loss} if own else {}) | {
            "base": self.space.base.model_dump(mode="json", exclude={"name", "summary", "source", "departures"}),
            "space": {name: str(domain) for name, domain in self.space.parameters().items()},
            "template": hashlib.sha256(repr(_skeleton(self.space)).encode()).hexdigest(),
            "objective": [list(objective) for objective in self.spec.objective],
            "limits": self.spec.limits.model_dump(mode="json"),
        }


def _skeleton(space: SearchSpace) -> object:
    """Give the templates without the places they were written at."""

    def bare(value: Any) -> Any:
        if isinstance(value, (Fixed,)):
            return json.dumps(value.value, sort_keys=True)
        if isinstance(value, tuple):
            return tuple(bare(item) for item in value)
        if hasattr(value, "__dataclass_fields__"):
            return tuple((name, bare(getattr(value, name))) for name in value.__dataclass_fields__ if name != "mark")
        return value

    return bare((space.shared, space.network, space.data, space.train))


def load_study(reference: str) -> SearchFile:
    """Read a study by name or path, its base with it; raise `SpecError` with `file:line:column`."""
    path = find(reference, "studies")
    node = _named(read_file(path), path.stem)
    if study_kind(node) == "ablation":
        message = f"{path.stem} is an ablation and no search; `archsearch ablate {reference}` runs it"
        raise SpecError(Problem(str(node.mark), message))
    try:
        spec = _plain_part(node)
    except SpecError as error:
        raise_all([], [*error.problems, *_rest(node, path)])
        raise
    base, note = _with_validation(_base(spec.base, node, path))
    space = _space(node, base, spec)
    notes = "\n".join(one for one in (note, *notes_on(space)) if one)
    return SearchFile(spec, space, path.read_text(encoding="utf-8-sig"), path.stem, notes)


def stored_study(text: str, stem: str, base: dict[str, Any]) -> SearchFile:
    """Make a study again from what a storage holds of it: the file's text and the resolved base."""
    node = _named(read_text(text, f"{stem}.yaml"), stem)
    spec = _plain_part(node)
    return SearchFile(spec, _space(node, ExperimentSpec.model_validate(base), spec), text, stem, "")


def _named(node: Node, stem: str) -> Node:
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"a study is keys with values, got {quoted(node.plain())}"))
    return node if "name" in node.value else node.with_item("name", Node(stem, node.mark))


def _plain_part(node: Node) -> StudySpec:
    rest = node
    for key in StudySpec.also:
        if key in (node.value if isinstance(node.value, dict) else {}):
            rest = rest.with_item(key, None)
    try:
        return StudySpec.model_validate(rest.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, rest, StudySpec)) from None


def _rest(node: Node, path: Path) -> list[Problem]:
    """Give what is wrong in the parts that are laid over the base, where there is a base."""
    reference = node.get("base")
    if reference is None or not isinstance(reference.value, str):
        return []
    try:
        return [*_read(node)[2].problems, *problems_in(node, _base(reference.value, node, path))]
    except SpecError as error:
        return list(error.problems)


def _base(base: str, node: Node, path: Path) -> ExperimentSpec:
    beside = path.parent / base
    reference = str(beside) if base.endswith((".yaml", ".yml")) else base
    try:
        return load_spec(reference)
    except SpecError as error:
        error.place(str(node.locate(("base",))))
        raise


def _with_validation(base: ExperimentSpec) -> tuple[ExperimentSpec, str]:
    """Give the base a validation part if it has none: a search never selects on test data."""
    if base.data.validation:
        return base, ""
    train = plan_experiment(base).facts.train
    held_out = 10_000 if train >= 60_000 else max(1, train // 6)
    data = base.data.model_copy(update={"validation": held_out})
    note = f"{base.name} has no validation data: {held_out:,} of {train:,} training samples are held out for the search"
    return base.model_copy(update={"data": data}), note


def _read(node: Node) -> tuple[Items | None, dict[str, Template], Scope]:
    """Read the parts that may be open; what is wrong with them is in the scope's `problems`."""
    problems: list[Problem] = []
    space = node.get("space")
    shared = read_shared(space, problems)
    names = set(space.value) if space is not None and isinstance(space.value, dict) else set()
    scope = Scope(shared, refused=frozenset(names - set(shared)), problems=problems)
    network = node.get("network")
    layers = read_layers(network, scope) if network is not None else None
    parts = {part: node.get(part) for part in ("data", "train")}
    return layers, {k: read_part(v, k, scope) if v is not None else Keys(()) for k, v in parts.items()}, scope


def _space(node: Node, base: ExperimentSpec, spec: StudySpec) -> SearchSpace:
    layers, parts, scope = _read(node)
    for part, template in parts.items():
        _closed(node.get(part), part, template)
    raise_all(scope.problems, problems_in(node, base))
    for name in scope.shared:
        if name not in scope.used:
            where = node.locate(("space", name), key=True)
            raise SpecError(Problem(str(where), f"space.{name} is not used; write ${name} where it is meant"))
    limits = SizeLimits(spec.limits.parameters, spec.limits.macs)
    space = SearchSpace(base, tuple(scope.shared.values()), layers, parts["data"], parts["train"], limits)
    _no_clash(space)
    if not space.parameters():
        raise SpecError(Problem(str(node.mark), "nothing is open: write choice, int or float for a value"))
    check_values(space)
    return space


def _closed(node: Node | None, part: str, template: Template) -> None:
    """Refuse a search that sets, open or not, what its runs are measured on: the base is measured so as well."""
    if node is None:
        return
    for key, mark in _set_keys(template, node.mark):
        if key in FIXED_IN_A_SEARCH[part]:
            where = node.locate((key,)) if node.get(key) is not None else mark
            raise SpecError(Problem(str(where), cannot_be_open(f"{part}.{key}")))


def _set_keys(template: Template, mark: Mark) -> Iterator[tuple[str, Mark]]:
    """Yield the keys that a part sets, also in the options of a choice of the whole part."""
    if isinstance(template, Open):
        for _, option in template.options:
            yield from _set_keys(option, template.mark)
    elif isinstance(template, Keys):
        for key, _ in template.items:
            yield key, mark
    elif isinstance(template, Fixed) and isinstance(template.value, dict):
        for key in template.value:
            yield key, mark


def _no_clash(space: SearchSpace) -> None:
    """Refuse two different open values of one name: Optuna knows them by it."""
    marks: dict[str, Any] = {}
    for template in (
        *space.shared,
        *((space.network,) if isinstance(space.network, Items) else ()),
        space.data,
        space.train,
    ):
        for value in open_values(template):
            first = marks.setdefault(value.name, value)
            if first is not value and (first.mark != value.mark or first.domain != value.domain):
                raise SpecError(
                    Problem(
                        str(value.mark),
                        f"two open values are called {value.name}, the other stands at {first.mark}; "
                        "give a layer or a choice a `name`",
                    )
                )


def describe_values(values: Mapping[str, Any]) -> str:
    """Write a sample in one line: conv.depth=3 conv1.out_channels=12 ..."""
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
