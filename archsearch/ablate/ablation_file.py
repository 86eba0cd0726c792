"""An ablation file: a baseline, what changes around it, by which design, on how many seeds.

    declared = load_ablation("lenet5_factors")      # by name (./studies, then the shipped ones) or by path
    declared.spec.design, declared.baseline.name, declared.levels

Fields are checked here, with `file:line:column`; which cells that makes, and whether they fit, by `planned.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.ablate.ablation_spec import AblationSpec
from archsearch.ablate.design.designs import DESIGNS
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.kinds import kind_of_spec, load_experiment
from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.spec.catalog import find, study_kind
from archsearch.spec.text.sentences import problems_of, quoted, short
from archsearch.spec.text.yaml import Mark, Node, read_file

VARIANT = "variant"  # the one factor of the design `variants`
RESERVED_FACTORS = ("seed", "control", "data_set", "train_size")  # a parameter of the trials, a question
RESERVED_LEVELS = ("baseline", "control")


@dataclass(frozen=True, slots=True)
class Declared:
    """An ablation file that has been read: the baseline, and what each level is (edits, or a whole spec).

    Files that edits name are meant from `folder`.
    """

    spec: AblationSpec
    baseline: AnySpec
    levels: Mapping[tuple[str, str], Node | AnySpec]
    screens: tuple[str, ...] = ()  # levels of the factor `variant` that are screens
    node: Node | None = field(default=None, compare=False)
    folder: Path = Path()

    @property
    def kind(self) -> ExperimentKind:
        """Give the kind of the baseline, and so of all cells."""
        return kind_of_spec(self.baseline)

    def where(self, *loc: str | int) -> str:
        """Give the place of a value in the file, "" where there is none."""
        return str(self.node.locate(loc, key=True)) if self.node is not None else ""


def load_ablation(reference: str) -> Declared:
    """Read an ablation by name or path, its baseline with it; raise `SpecError` with `file:line:column`."""
    path = find(reference, "studies")
    node = read_file(path)
    if isinstance(node.value, dict) and study_kind(node) == "search":
        raise SpecError(
            Problem(str(node.mark), f"{path.stem} is a search and no ablation; `archsearch study {reference}` runs it")
        )
    return declare(node, path.parent, path.stem)


def declare(node: Node, folder: Path, stem: str, baseline: AnySpec | None = None) -> Declared:
    """Check the tree of an ablation; references are meant from `folder`, unless the baseline is given."""
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"an ablation is keys with values, got {quoted(node.plain())}"))
    if "name" not in node.value:
        node = node.with_item("name", Node(stem, node.mark))
    empty = [name for name, factor in _items(node.get("factors")) if not _items(factor)]
    if empty:
        raise SpecError(
            [
                Problem(
                    str(node.locate(("factors", name), key=True)),
                    f"factors.{short(name)}: the factor has no levels; give it one: relu: [replace: {{tanh: relu}}]",
                )
                for name in empty
            ]
        )
    read = baseline or _baseline_of(node, folder)
    there = read if not isinstance(read, SpecError) else None
    try:
        spec = _checked(node.plain(), there)
    except ValidationError as error:
        more = read.problems if isinstance(read, SpecError) else _wrong_edits(node, folder, there)
        raise SpecError([*problems_of(error, node, AblationSpec), *more]) from None
    if isinstance(read, SpecError):
        raise read
    baseline = read
    if problems := [*_wrong_edits(node, folder, baseline, alone=DESIGNS[spec.design].alone)]:
        raise SpecError(problems)
    levels: dict[tuple[str, str], Node | AnySpec] = {}
    for factor, of_factor in _items(node.get("factors")):
        for level, edits in _items(of_factor):
            levels[factor, level] = edits if isinstance(edits.value, tuple) else Node((edits,), edits.mark)
    _divides_data_of_networks(spec, baseline, node)
    screens = _variants(spec, node, folder, baseline, levels)
    _no_reserved_names(levels, node)
    return Declared(spec, baseline, levels, screens, node, folder)


def _checked(tree: Any, baseline: AnySpec | None) -> AblationSpec:
    """Check the keys of an ablation; its metric is one of the baseline's, by default the usual one of its kind."""
    if baseline is None:
        return AblationSpec.model_validate(tree)
    names = kind_of_spec(baseline).compared(baseline)
    usual = AblationSpec.model_fields["metric"].default
    if usual not in names and isinstance(tree, dict):
        tree = {"metric": names[0], **tree}
    return AblationSpec.model_validate(tree, context={"metrics": names})


def _baseline_of(node: Node, folder: Path) -> AnySpec | SpecError | None:
    """Read the baseline that a file names, or what is wrong with it; None where none is named."""
    reference = node.get("baseline")
    if reference is None or not isinstance(reference.value, str) or not reference.value.strip():
        return None
    try:
        return _referred(reference.value, node, ("baseline",), folder)
    except SpecError as error:
        return error


def _wrong_edits(node: Node, folder: Path, baseline: AnySpec | None, *, alone: bool = False) -> Iterator[Problem]:
    """Yield what is wrong in the edits of every level, where there is a baseline to try them on."""
    if baseline is None:
        return
    kind = kind_of_spec(baseline)
    for _, of_factor in _items(node.get("factors")):
        for _, level in _items(of_factor):
            edits = level if isinstance(level.value, tuple) else Node((level,), level.mark)
            yield from kind.edit_problems(baseline, edits, folder, alone=alone)


def _items(node: Node | None) -> list[tuple[str, Node]]:
    return list(node.value.items()) if node is not None and isinstance(node.value, dict) else []


def _variants(
    spec: AblationSpec,
    node: Node,
    folder: Path,
    baseline: AnySpec,
    levels: dict[tuple[str, str], Node | AnySpec],
) -> tuple[str, ...]:
    """Read the named specs into levels; give the names of those that are screens."""
    places: list[tuple[str, tuple[str | int, ...], bool]] = [
        (reference, ("variants", number), False) for number, reference in enumerate(spec.variants)
    ]
    if spec.screens is not None:
        listed = enumerate(spec.screens.variants)
        places += [(reference, ("screens", "variants", number), True) for number, reference in listed]
    screens = []
    for reference, loc, is_screen in places:
        found = _referred(reference, node, loc, folder)
        name = found.name
        if kind_of_spec(found) is not kind_of_spec(baseline):
            words = f"{short(name)!r} is a {kind_of_spec(found).name}, the baseline a {kind_of_spec(baseline).name}"
            raise SpecError(Problem(str(node.locate(loc)), f"{words}; one ablation compares one kind"))
        if (VARIANT, name) in levels or name == baseline.name:
            what = "the baseline" if name == baseline.name else "there already"
            raise SpecError(Problem(str(node.locate(loc)), f"the spec {short(name)!r} is {what}; name each once"))
        levels[VARIANT, name] = found
        if is_screen:
            screens.append(name)
    return tuple(screens)


def _divides_data_of_networks(spec: AblationSpec, baseline: AnySpec, node: Node) -> None:
    """Refuse keys about data where these are a program's own, and a split of data that are one fold already."""
    of_program = kind_of_spec(baseline).name == "program"
    for key in ("split", "data_sets", "train_sizes"):
        if of_program and getattr(spec, key):
            said = f"{key} divides the data of networks; a program reads its own: give it a value for that, as a factor"
            raise SpecError(Problem(str(node.locate((key,), key=True)), f"{key}: {said}"))
    if spec.split is not None and baseline.data.fold is not None:
        said = f"{baseline.name} is on {baseline.data.fold.said} only; take data.fold out of it"
        raise SpecError(Problem(str(node.locate(("split",), key=True)), f"split: {said}"))


def _no_reserved_names(levels: Mapping[tuple[str, str], object], node: Node) -> None:
    """Refuse names that a study's trials and questions use for something else."""
    for factor, level in levels:
        loc = ("factors", factor, level) if factor != VARIANT else ("variants",)
        if factor in RESERVED_FACTORS:
            where = node.locate(("factors", factor), key=True)
            raise SpecError(Problem(str(where), f"a factor cannot be called {factor!r}; give it another name"))
        if level in RESERVED_LEVELS:
            what = "spec among the variants" if factor == VARIANT else "level"
            where = node.locate(loc, key=True)
            raise SpecError(Problem(str(where), f"a {what} cannot be called {level!r}; give it another name"))


def _referred(reference: str, node: Node, loc: tuple[str | int, ...], folder: Path) -> AnySpec:
    beside = reference.endswith((".yaml", ".yml"))
    try:
        experiment = load_experiment(str(folder / reference) if beside else reference)
    except SpecError as error:
        error.place(str(node.locate(loc)))
        raise
    return kind_of_spec(experiment).spec_of(experiment)


def changed(
    declared: Declared,
    *,
    design: str | None = None,
    seeds: int | None = None,
    control: bool = False,
    screen: bool = False,
) -> Declared:
    """Give an ablation with what the command line changes of it; raise `UsageError` where that does not go together."""
    spec, node = declared.spec, declared.node
    changes: dict[str, Any] = {}
    if design is not None:
        changes["design"] = design
    if seeds is not None:
        changes["seeds"] = spec.seeds.model_dump() | {"values": tuple(range(seeds))}
        node = node.with_item("seeds", Node(seeds, Mark("--seeds"))) if node is not None else None
    if control or screen:
        changes |= {"control": control or spec.control, "screen": screen or spec.screen}
    if not changes:
        return declared
    try:
        spec = _checked(spec.model_dump() | changes, declared.baseline)
    except ValidationError as error:
        raise UsageError("; ".join(detail["msg"] for detail in error.errors())) from None
    return replace(declared, spec=spec, node=node)
