"""Changes of a program: set, append, patch, ref. A level of a factor and an override are made of them.

    edited_program(spec, node, folder)                       # the edits of a level, files being meant from the folder
    with_values(spec, {"values.lr": 0.01})

An edit that changes nothing is an error, as is one of a value that the file has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.program.check import faults
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.section import GitRef
from archsearch.program.taken_in import patch_of, ref_in, taken_in
from archsearch.spec.edit.in_memory import node_of
from archsearch.spec.text.sentences import allowed_keys, problems_of, quoted, short, unknown
from archsearch.spec.text.yaml import Mark, Node

_VERBS = ("set", "append", "patch", "ref")
_OPEN = (("program", "environment"), ("program", "config", "edits"))  # keys that a file need not have already
_TAKEN_IN = (
    (("program", "config", "text"), ("program.config.template", "program.folder")),
    (("program", "ref", "commit"), ("program.ref.name", "program.folder")),
)
_PARTS = ("values", "program", "metrics", "history", "objective")


def edited_program(spec: ProgramSpec, edits: Node | Sequence[Mapping[str, Any]], folder: Path) -> ProgramSpec:
    """Apply edits in order; the files that they name are meant from `folder`.

    Raises `SpecError` for an edit that cannot be made, changes nothing, or gives what is no program: a patch that does
    not apply and a ref that is not there too.
    """
    nodes = edits if isinstance(edits, Node) else node_of([dict(edit) for edit in edits], "edits")
    if not isinstance(nodes.value, tuple):
        raise SpecError(Problem(str(nodes.mark), f"edits: expected a list of edits, got {quoted(nodes.plain())}"))
    for edit in nodes.value:
        spec = _edited(spec, edit, folder)
    return spec


def program_edit_problems(spec: ProgramSpec, edits: Node, folder: Path) -> list[Problem]:
    """Try every edit of a list and give what is wrong with each."""
    problems: list[Problem] = []
    for edit in edits.value if isinstance(edits.value, tuple) else ():
        try:
            spec = _edited(spec, edit, folder)
        except SpecError as error:
            problems += error.problems
    return problems


def with_values(spec: ProgramSpec, values: Mapping[str, Any]) -> ProgramSpec:
    """Set values by their paths; what is there already may be repeated. Raises `SpecError` for an unknown path."""
    node = written_program(spec)
    for path, value in values.items():
        node = set_path(node, path, node_of(value, path), Mark(path))
    return _valid(node, spec)


def _edited(spec: ProgramSpec, edit: Node, folder: Path) -> ProgramSpec:
    if not isinstance(edit.value, dict) or len(edit.value) != 1:
        raise SpecError(Problem(str(edit.mark), f"an edit is one of {', '.join(_VERBS)} with its target"))
    ((verb, target),) = edit.value.items()
    if verb not in _VERBS:
        raise SpecError(Problem(str(edit.mark), unknown("edit", verb, _VERBS)))
    try:
        return _OF_VERB[verb](spec, target, folder)
    except SpecError as error:
        error.place(str(target.mark))
        raise


def _set(spec: ProgramSpec, target: Node, folder: Path) -> ProgramSpec:
    for path, value in _pairs("set", target, "{values.lr: 0.01}"):
        mark = target.keys.get(path, target.mark)
        node = set_path(written_program(spec), path, value, mark)
        spec = _changed(spec, taken_in(_valid(node, spec, mark), folder), f"set {short(path)}", mark)
    return spec


def _append(spec: ProgramSpec, target: Node, folder: Path) -> ProgramSpec:
    for path, value in _pairs("append", target, "{values.extra: [--no-warmup]}"):
        mark = target.keys.get(path, target.mark)
        node = written_program(spec)
        there = _at(node, path.split("."))
        more = value.value if isinstance(value.value, tuple) else (value,)
        if there is None or not isinstance(there.value, tuple):
            what = "there is no such list" if there is None else f"it is {quoted(there.plain())}, and no list"
            raise SpecError(Problem(str(mark), f"append {short(path)}: {what}"))
        node = set_path(node, path, Node((*there.value, *more), mark), mark)
        spec = _changed(spec, _valid(node, spec, mark), f"append {short(path)}", mark)
    return spec


def _patch(spec: ProgramSpec, target: Node, folder: Path) -> ProgramSpec:
    for name in target.value if isinstance(target.value, tuple) else (target,):
        if not isinstance(name.value, str) or not name.value:
            raise SpecError(Problem(str(name.mark), f"patch: expected a file, got {quoted(name.plain())}"))
        try:
            patches = (*spec.program.patches, patch_of(folder, name.value))
            spec = taken_in(_with(spec, {"patches": patches}), folder)
        except SpecError as error:
            error.place(str(name.mark))
            raise
    return spec


def _ref(spec: ProgramSpec, target: Node, folder: Path) -> ProgramSpec:
    if not isinstance(target.value, str) or not target.value:
        raise SpecError(f"ref: expected a branch, a tag or a commit, got {quoted(target.plain())}")
    own = Path(spec.program.folder)
    return _changed(
        spec, taken_in(_with(spec, {"ref": ref_in(own, GitRef(name=target.value))}), folder), "ref", target.mark
    )


_OF_VERB = {"set": _set, "append": _append, "patch": _patch, "ref": _ref}


def _with(spec: ProgramSpec, update: Mapping[str, Any]) -> ProgramSpec:
    return spec.model_copy(update={"program": spec.program.model_copy(update=dict(update)), "hashed": None})


def _pairs(verb: str, target: Node, example: str) -> list[tuple[str, Node]]:
    if not isinstance(target.value, dict) or not target.value:
        raise SpecError(f"{verb}: expected {example}, got {quoted(target.plain())}")
    return list(target.value.items())


def _changed(before: ProgramSpec, after: ProgramSpec, what: str, mark: Mark) -> ProgramSpec:
    if after == before.model_copy(update={"hashed": None}):
        raise SpecError(Problem(str(mark), f"{what} changes nothing; take the edit out, or correct it"))
    return after


def _valid(node: Node, before: ProgramSpec, mark: Mark | None = None) -> ProgramSpec:
    """Make a spec of changed nodes; what is wrong with it is told at the place of the change."""
    try:
        spec = ProgramSpec.model_validate(node.plain())
    except ValidationError as error:
        problems = problems_of(error, node, ProgramSpec)
        raise SpecError([Problem(str(mark), one.message) if mark else one for one in problems]) from None
    if found := list(faults(spec)):
        where = str(mark) if mark is not None else ""
        raise SpecError([Problem(where or ".".join(map(str, one.loc)), one.message) for one in found])
    return spec


def written_program(spec: ProgramSpec) -> Node:
    """Give a spec as nodes, defaults left out and what its files were."""
    return node_of(spec.model_dump(mode="json", exclude_defaults=True, exclude={"hashed"}), spec.name)


def set_path(node: Node, path: str, value: Node, mark: Mark) -> Node:
    """Set the value at a path such as `values.lr` or `program.environment.OMP_NUM_THREADS`.

    Raises `SpecError` for a path that means nothing; a value must be one of the file, a variable need not.
    """
    parts = path.split(".")
    if path in ("name", "summary", "source", "departures"):
        return node.with_item(path, value)
    known = list(values.value) if (values := node.get("values")) is not None and isinstance(values.value, dict) else []
    if parts[0] not in _PARTS:
        meant = [f"values.{name}" for name in known if name == path]
        way_out = f"did you mean {meant[0]!r}?" if meant else unknown("part", parts[0], (*_PARTS, "name", "summary"))
        raise SpecError(Problem(str(mark), f"there is no {short(path)!r}: {way_out}"))
    if parts[0] == "values":
        if len(parts) != 2 or parts[1] not in known:
            raise SpecError(Problem(str(mark), unknown("value", ".".join(parts[1:]), known)))
    elif (wrong := _unknown_key(parts)) is not None:
        raise SpecError(Problem(str(mark), wrong))
    for stale, told_by in _TAKEN_IN:
        if path in told_by:
            node = _without(node, stale)
    return _put(node, parts, value, mark)


def _without(node: Node, path: Sequence[str]) -> Node:
    """Take out what was read from a file that is another one now."""
    inner = node.get(path[0])
    if inner is None:
        return node
    return node.with_item(path[0], None if len(path) == 1 else _without(inner, path[1:]))


def _unknown_key(parts: Sequence[str]) -> str | None:
    for depth in range(1, len(parts)):
        above = tuple(parts[:depth])
        if above in _OPEN:
            return None
        keys = allowed_keys(above, ProgramSpec)
        if keys and parts[depth] not in keys:
            return f"{'.'.join(above)}: {unknown('key', parts[depth], keys)}"
    return None


def _put(at: Node | None, parts: Sequence[str], value: Node, mark: Mark) -> Node:
    if not parts:
        return value
    inside = at if at is not None and isinstance(at.value, dict) else Node({}, mark)
    # below `config.edits` a key is a whole path of the configuration
    return inside.with_item(parts[0], _put(inside.get(parts[0]), parts[1:], value, mark))


def _at(node: Node, parts: Sequence[str]) -> Node | None:
    found: Node | None = node
    for part in parts:
        found = found.get(part) if found is not None else None
    return found
