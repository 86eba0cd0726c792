"""Read the file of a program: fields, braces, metrics; every fault with its line and column.

    spec = load_program("train.yaml")
    spec = load_program("train.yaml", ["values.lr=0.01", "program.timeout=5m"])
    is_program(node)

What the file names (patches, the template of a configuration, a ref) is taken into the spec at once, so that a spec
is whole. Nothing is executed but git, where a ref is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.program.change import set_path
from archsearch.program.check import Fault, faults
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.taken_in import taken_in
from archsearch.spec.catalog import find
from archsearch.spec.edit.apply import apply_overrides
from archsearch.spec.text.sentences import problems_of, quoted
from archsearch.spec.text.yaml import Mark, Node, read_file


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A spec with the nodes and the file that it was read from, so that later errors can say where."""

    spec: ProgramSpec
    node: Node
    path: Path


def is_program(node: Node | Mapping[str, Any]) -> bool:
    """Say whether a file, or a spec as a storage holds it, is a program's: it has a key `program`."""
    tree = node.value if isinstance(node, Node) else node
    return isinstance(tree, Mapping) and "program" in tree


def load_program(reference: str, overrides: Sequence[str] = ()) -> ProgramSpec:
    """Read a program's file, apply `path=value` overrides, and check all that can be checked without running it.

    Raises `SpecError` with all problems found, each with `file:line:column`.
    """
    return read_program(reference, overrides).spec


def read_program(reference: str, overrides: Sequence[str] = ()) -> LoadedProgram:
    """Do what `load_program` does, and give the nodes with it."""
    path = find(reference, "specs")
    node = read_file(path)
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"a program's file is keys with values, got {quoted(node.plain())}"))
    if "name" not in node.value:
        node = node.with_item("name", Node(path.stem, node.mark))
    node = apply_overrides(node, overrides, set_path)
    return LoadedProgram(checked(node, path.parent), node, path)


def checked(node: Node, folder: Path) -> ProgramSpec:
    """Make the spec of a file's nodes, what it names being meant from `folder`; raise `SpecError` with all problems."""
    if node.get("hashed") is not None:
        raise SpecError(Problem(str(node.keys["hashed"]), "hashed is written by planning; take it out"))
    try:
        spec = ProgramSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, node, ProgramSpec)) from None
    try:
        spec = taken_in(spec, folder)
    except SpecError as error:
        error.place(str(node.locate(error.loc)))
        raise
    if found := list(faults(spec)):
        raise SpecError([Problem(str(place_of(node, fault)), fault.message) for fault in found])
    return spec


def place_of(node: Node, fault: Fault) -> Mark:
    """Give the place of a fault in its file: of a brace its own line and column."""
    key = fault.nth is None and len(fault.loc) > 1 and fault.loc[0] in ("values", "metrics")
    mark = node.locate(fault.loc, key=key and len(fault.loc) == 2)
    if fault.nth is None or not mark.line:
        return mark
    nth = fault.nth
    command = node.locate(("program", "command"))
    if fault.loc[:2] == ("program", "command") and mark == command:  # one string: its words share the place
        words = ProgramSpec.model_validate(node.plain()).program.command or ()
        nth += sum(str(word).count("{") for word in words[: int(fault.loc[2])])
    return _brace(mark, nth)


def _brace(mark: Mark, nth: int) -> Mark:
    """Find the opening brace number `nth` (from 0) of a text that begins at a mark."""
    try:
        text = Path(mark.source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return mark
    lines = text.splitlines(keepends=True)
    at = sum(map(len, lines[: mark.line - 1])) + mark.column - 1
    for _ in range(nth + 1):
        at = text.find("{", at) + 1
        if not at:
            return mark
    before = text[: at - 1]
    return Mark(mark.source, before.count("\n") + 1, len(before) - before.rfind("\n"))
