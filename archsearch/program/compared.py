"""In which points two programs differ, as plain rows: path, both values, a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from archsearch.program.braces import in_words
from archsearch.program.digest import changed_files
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.section import FilesDigest

Row = tuple[str, str, str, str]
_ABSENT = object()


def compare_programs(
    one: ProgramSpec, other: ProgramSpec, files: FilesDigest, other_files: FilesDigest
) -> Iterator[Row]:
    """Yield a row for each point that differs: values, command, environment, the rest, patches and ref, files."""
    yield from _of_mappings("values", one.values, other.values)
    a, b = one.program, other.program
    for name in ("command", "function", "version", "stdin", "folder"):
        if getattr(a, name) != getattr(b, name):
            yield _row(f"program.{name}", getattr(a, name), getattr(b, name))
    yield from _of_mappings("program.environment", a.environment, b.environment)
    if (a.config, b.config) != (None, None) and a.config != b.config:
        yield from _of_mappings("program.config.edits", _edits(a), _edits(b))
        if _text(a) != _text(b):
            yield "program.config", "", "", "the template of the configuration"
    yield from _of_code(one, other)
    if _code(one) == _code(other) and files.digest != other_files.digest:
        names = ", ".join(changed_files(files, other_files)) or "of the program"
        yield "files", files.digest[:12], other_files.digest[:12], f"the files {names}"
    for name in sorted({*one.metrics, *other.metrics}):
        if one.metrics.get(name) != other.metrics.get(name):
            yield f"metrics.{name}", "", "", f"how {name} is read"


def _code(spec: ProgramSpec) -> Any:
    ref = spec.program.ref
    return spec.program.patches, None if ref is None else ref.commit


def _of_code(one: ProgramSpec, other: ProgramSpec) -> Iterator[Row]:
    a, b = one.program.ref, other.program.ref
    if (a and a.commit) != (b and b.commit):
        before, after = (r.name if r is not None else "the working tree" for r in (a, b))
        yield "program.ref", before, after, f"ref: {before} -> {after}"
    for patch in other.program.patches:
        if patch not in one.program.patches:
            yield "program.patches", "", patch.name, f"patch {patch.name}"
    for patch in one.program.patches:
        if patch not in other.program.patches:
            yield "program.patches", patch.name, "", f"without patch {patch.name}"


def _edits(section: Any) -> Mapping[str, Any]:
    return {} if section.config is None else section.config.edits


def _text(section: Any) -> str | None:
    return None if section.config is None else section.config.text


def _of_mappings(path: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Row]:
    for name in dict.fromkeys((*one, *other)):
        a, b = one.get(name, _ABSENT), other.get(name, _ABSENT)
        if a != b or type(a) is not type(b):
            yield _row(f"{path}.{name}", a, b)


def _row(path: str, before: Any, after: Any) -> Row:
    a, b = _word(before), _word(after)
    name = path.removeprefix("values.").removeprefix("program.")
    return path, a, b, f"{name}: {a} -> {b}"


def _word(value: Any) -> str:
    if value is _ABSENT:
        return "not given"
    if isinstance(value, (tuple, list)):
        return " ".join(in_words(item) for item in value) or "nothing"
    return "nothing" if value is None else in_words(value) if isinstance(value, (str, int, float)) else str(value)
