"""Python files as trees: read and never executed.

    source = read_source(Path("train.py"))
    literal_value(node, source)                  # the value of a literal, of simple arithmetic, of a constant above
    for call in source.calls: dotted(call.func)

Knows Python, no parser of arguments.
"""

from __future__ import annotations

import ast
import operator
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsearch.errors import Problem, SpecError

LARGEST_SCRIPT = 5 * 2**20  # bytes: more is no script that a person wrote
_MOST_FILES = 25
_ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Pow: operator.pow,
}  # fmt: skip


class NotPlain(Exception):
    """An expression whose value is not in the text."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its tree, every call in the order of the text, the constants at its top.

    `nodes` are all nodes, `assigned` what is assigned to each dotted name, anywhere in the file.
    """

    path: Path
    tree: ast.Module
    calls: tuple[ast.Call, ...]
    constants: dict[str, ast.expr]
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    nodes: tuple[ast.AST, ...] = ()
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)

    def where(self, node: ast.AST) -> str:
        """Give `train.py:12`."""
        return f"{self.path.name}:{getattr(node, 'lineno', 1)}"


def read_source(path: Path) -> SourceFile:
    """Read a file; raise `SpecError` where it is no Python that this version reads."""
    try:
        if path.stat().st_size > LARGEST_SCRIPT:
            raise SpecError(Problem(str(path), f"is larger than {LARGEST_SCRIPT // 2**20} MiB, which is no script"))
        with tokenize.open(path) as file:
            text = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SyntaxWarning: the script's own business
            tree = ast.parse(text, filename=str(path))
    except OSError as error:
        raise SpecError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = getattr(error, "lineno", None)
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpecError(Problem(f"{path}:{line}" if line else str(path), f"is no Python 3 ({why})")) from None
    except (RecursionError, MemoryError):
        raise SpecError(Problem(str(path), "is nested too deeply to be read")) from None
    nodes = tuple(ast.walk(tree))
    calls = sorted((n for n in nodes if isinstance(n, ast.Call)), key=_place)
    assigned: dict[str, list[ast.expr]] = {}
    for one in nodes:
        if isinstance(one, ast.Assign):
            for target in one.targets:
                assigned.setdefault(dotted(target), []).append(one.value)
    constants: dict[str, ast.expr] = {}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                constants[target.id] = value
    functions = {n.name: n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    classes = {n.name: n for n in nodes if isinstance(n, ast.ClassDef)}
    return SourceFile(path, tree, tuple(calls), constants, functions, classes, nodes, assigned)


def _place(call: ast.Call) -> tuple[int, int]:
    """Order calls by where their own name ends: of a chain `a().b()` the first comes first."""
    return (call.func.end_lineno or 0, call.func.end_col_offset or 0)


def read_with_imports(path: Path, root: Path) -> list[SourceFile]:
    """Read a script and the files of its own that it imports, the script first; what cannot be read is left out.

    Files are looked for beside the script and below `root`, the folder that it is started in.
    """
    found = [read_source(path)]
    seen = {path.resolve()}
    for source in found:
        for file in _imported(source, (path.parent, root)):
            if file.resolve() in seen or len(found) >= _MOST_FILES:
                continue
            seen.add(file.resolve())
            try:
                found.append(read_source(file))
            except SpecError:
                continue
    return found


def _imported(source: SourceFile, roots: tuple[Path, ...]) -> Iterator[Path]:
    for node in source.nodes:
        if isinstance(node, ast.Import):
            names, bases = [alias.name for alias in node.names], roots
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            names = [*base, *(".".join([*base, alias.name]) for alias in node.names if alias.name != "*")]
            above = source.path.parent
            for _ in range(node.level - 1):
                above = above.parent
            bases = (above,) if node.level else roots
        else:
            continue
        for name in names:
            for base_folder in bases:
                stem = base_folder.joinpath(*name.split("."))
                for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                    if file.is_file():
                        yield file


def imported_names(source: SourceFile) -> set[str]:
    """Name the packages that a file imports, by the first part of their names."""
    nodes = list(source.nodes)
    found = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}


def dotted(node: ast.AST) -> str:
    """Give `a.b.c` of a name with attributes; "" of anything else, `().b` of an attribute of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value) or '()'}.{node.attr}"
    return ""


def last_name(node: ast.AST) -> str:
    """Give the last part of a dotted name."""
    return dotted(node).rpartition(".")[2]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Give the expression of a keyword argument."""
    return next((one.value for one in call.keywords if one.arg == name), None)


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """Give the expression of an argument by its place or its name."""
    if place < len(call.args) and not any(isinstance(one, ast.Starred) for one in call.args[: place + 1]):
        return call.args[place]
    return keyword(call, name)


def literal_value(node: ast.AST | None, source: SourceFile, depth: int = 0) -> Any:
    """Give the value of an expression whose value stands in the text; raise `NotPlain` for any other.

    Literals, their lists, arithmetic of numbers, and constants at the top of the file.
    """
    if depth > 20 or node is None:
        raise NotPlain
    if isinstance(node, ast.Constant):
        if isinstance(node.value, (bytes, complex)) or node.value is ...:
            raise NotPlain
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [literal_value(item, source, depth + 1) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)):
        value = literal_value(node.operand, source, depth + 1)
        if isinstance(node.op, ast.Not):
            return not value
        if isinstance(value, (int, float)):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _computed(
            node, literal_value(node.left, source, depth + 1), literal_value(node.right, source, depth + 1)
        )
    if isinstance(node, ast.Name) and node.id in source.constants:
        return literal_value(source.constants[node.id], source, depth + 1)
    raise NotPlain


def _computed(node: ast.BinOp, left: Any, right: Any) -> Any:
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (left, right))
    if not numbers or abs(left) > 1e12 or abs(right) > (64 if isinstance(node.op, ast.Pow) else 1e12):
        raise NotPlain
    try:
        value = _ARITHMETIC[type(node.op)](left, right)
    except (ArithmeticError, ValueError):
        raise NotPlain from None
    if isinstance(value, complex):
        raise NotPlain
    return value


def literal_or_none(node: ast.AST | None, source: SourceFile) -> Any:
    """Give what `literal_value` gives, or None."""
    try:
        return literal_value(node, source)
    except NotPlain:
        return None


def text_of(node: ast.AST | None, source: SourceFile) -> str:
    """Give the text of a string, parts joined by + included; "" of anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left, source), text_of(node.right, source)
        return left + right if left and right else ""
    value = literal_or_none(node, source)
    return value if isinstance(value, str) else ""
