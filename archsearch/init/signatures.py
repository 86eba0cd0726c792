"""Parameters of functions and fields of dataclasses as options: what fire, typer, tyro and their like make of them.

parameters(source.functions["train"], source, "fire")
fields_of(source.classes["Args"], source, "tyro")
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Literal

from archsearch.init.options import Option
from archsearch.init.source import NotPlain, SourceFile, keyword, last_name, literal_or_none, literal_value, text_of

Style = Literal["fire", "typer", "tyro", "hf", "jsonargparse"]
_WITH_DASHES = ("typer", "tyro")


def parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    source: SourceFile,
    style: Style,
    *,
    group: str = "",
    skip: int = 0,
) -> Iterator[Option]:
    """Yield an option for each parameter of a function, without the first `skip` (self)."""
    takes = function.args
    positional = [*takes.posonlyargs, *takes.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(takes.defaults)) + list(takes.defaults)
    pairs = list(zip(positional, defaults, strict=True))[skip:]
    pairs += zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
    for one, default in pairs:
        yield _option(one.arg, one.annotation, default, one, source, style, group)


def fields_of(
    made: ast.ClassDef, source: SourceFile, style: Style, *, prefix: str = "", depth: int = 0
) -> Iterator[Option]:
    """Yield an option for each field of a dataclass, those of its bases in the same file and of parts included."""
    if depth > 4:
        return
    for base in made.bases:
        if (parent := source.classes.get(last_name(base))) is not None:
            yield from fields_of(parent, source, style, prefix=prefix, depth=depth + 1)
    for node in made.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if last_name(node.annotation).endswith("ClassVar") or node.target.id.startswith("_"):
            continue
        part = source.classes.get(last_name(node.annotation))
        if part is not None and style == "tyro":
            yield from fields_of(part, source, style, prefix=f"{prefix}{node.target.id}.", depth=depth + 1)
        else:
            yield _option(prefix + node.target.id, node.annotation, node.value, node, source, style, "")


def _option(
    name: str,
    annotation: ast.expr | None,
    default: ast.expr | None,
    node: ast.AST,
    source: SourceFile,
    style: Style,
    group: str,
) -> Option:
    flag = "--" + (name.replace("_", "-") if style in _WITH_DASHES else name)
    said, required, positional = "", default is None, False
    annotation, inside = _unwrapped(annotation)
    call = inside if inside is not None else default
    if isinstance(call, ast.Call) and last_name(call.func) in ("Option", "Argument", "field", "arg", "Field"):
        said = " ".join(text_of(keyword(call, "help"), source).split()) or _metadata_help(call, source)
        positional = last_name(call.func) == "Argument"
        words = [text for arg in call.args if (text := text_of(arg, source)).startswith("-")]
        flag = next((word for word in words if word.startswith("--")), flag).partition("/")[0]
        if call is default:
            first = call.args[0] if call.args else None
            default = keyword(call, "default") or (
                first if first is not None and not text_of(first, source).startswith("-") else None
            )
            required = (default is None and keyword(call, "default_factory") is None) or _is_dots(default)
    positional = positional or (style == "typer" and required)
    where = source.where(node)
    try:
        value = literal_value(default, source) if default is not None and not _is_dots(default) else None
    except NotPlain:
        value, required = None, False
    if isinstance(value, bool) and style in ("typer", "tyro"):
        off = f"--no-{flag.removeprefix('--')}"
        on, other = (off, flag) if value else (flag, off)
        return Option(name, on, "switch", off_flag=other, help=said, where=where, group=group)
    if positional:
        return Option(
            name, name, "positional", default=_said(value), required=required, help=said, where=where, group=group
        )
    return Option(
        name, flag, "joined" if style in ("fire", "jsonargparse") else "flag", default=_said(value),
        choices=_literals(annotation, source), required=required and value is None, help=said, where=where, group=group,
    )  # fmt: skip


def _said(value: Any) -> Any:
    return str(value) if isinstance(value, bool) else None if isinstance(value, list) or value == "" else value


def _is_dots(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _unwrapped(annotation: ast.expr | None) -> tuple[ast.expr | None, ast.Call | None]:
    """Take `Annotated[T, typer.Option(...)]` apart."""
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Annotated":
        inside = annotation.slice
        if isinstance(inside, ast.Tuple) and inside.elts:
            return inside.elts[0], next((one for one in inside.elts[1:] if isinstance(one, ast.Call)), None)
    return annotation, None


def _literals(annotation: ast.expr | None, source: SourceFile) -> tuple[Any, ...]:
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Literal":
        found = literal_or_none(annotation.slice, source)
        return tuple(found) if isinstance(found, list) else () if found is None else (found,)
    return ()


def _metadata_help(call: ast.Call, source: SourceFile) -> str:
    metadata = keyword(call, "metadata")
    if isinstance(metadata, ast.Dict):
        for key, value in zip(metadata.keys, metadata.values, strict=True):
            if key is not None and text_of(key, source) == "help":
                return " ".join(text_of(value, source).split())
    return ""
