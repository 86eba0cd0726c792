"""What a script prints, as templates: literal text with holes where values stand.

    for template in templates(source): template.pieces      # ["epoch ", Hole(...), " loss=", Hole(...)]

Reads f-strings, `%`, `format`, several arguments of `print`, loggers' arguments, sums of texts, and dicts.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from archsearch.init.source import SourceFile, dotted, keyword, last_name, text_of

_PRINTS = ("print", "rprint", "echo", "secho", "pprint")
_LOGS = ("info", "warning", "log_info", "print_log", "write", "print")
_OF_LOGGERS = re.compile(
    r"(?:.*[_.])?(?:log|logger|logging|console|tqdm|pbar|accelerator|rank_zero|stdout|stderr|fabric)", re.IGNORECASE
)
_EXITS = ("sys.exit", "exit", "quit", "os._exit")
_PERCENT = re.compile(r"%(?:\((\w+)\))?([-+ #0]*\d*(?:\.\d+)?)([diouxXeEfFgGrsac%])")


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a value stands: its expression and how it is written (`.4f`, `.1%`, "" for as it is)."""

    expression: ast.expr
    spec: str = ""


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line that is printed: its pieces, the call, and in how many loops of its function it stands."""

    pieces: tuple[str | Hole, ...]
    source: SourceFile
    call: ast.Call
    loops: int

    @property
    def where(self) -> str:
        return self.source.where(self.call)

    def rendered(self) -> str:
        """Write the line with another number in each hole: 1.5, 2.5, ..."""
        return "".join(piece if isinstance(piece, str) else f"{at}.5" for at, piece in enumerate(self.pieces))


def templates(source: SourceFile) -> Iterator[PrintedLine]:
    """Yield each line that is printed and holds a value."""
    loops, failing = _loops(source.tree), _said_before_failing(source.tree)
    for call in source.calls:
        if not _prints(call) or id(call) in failing:
            continue
        separator = text_of(keyword(call, "sep"), source) or " "
        pieces = _log_pieces(call, source) or _joined([_pieces(arg, source) for arg in call.args], separator)
        for line in _lines(pieces):
            if any(isinstance(piece, Hole) for piece in line):
                yield PrintedLine(tuple(line), source, call, loops.get(id(call), 0))


def _prints(call: ast.Call) -> bool:
    name = last_name(call.func)
    if dotted(call.func) in _PRINTS or (name in ("echo", "secho") and dotted(call.func) != name):
        return keyword(call, "file") is None or "std" in ast.unparse(keyword(call, "file") or call)
    owner = dotted(call.func).rpartition(".")[0]
    return name in _LOGS and owner != "" and _OF_LOGGERS.fullmatch(owner) is not None


def _loops(tree: ast.AST) -> dict[int, int]:
    """Count for each call the loops around it in its own function."""
    found: dict[int, int] = {}
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, ast.Call):
            found[id(node)] = depth
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            depth = 0
        deeper = depth + isinstance(node, (ast.For, ast.While, ast.AsyncFor))
        todo += [(child, deeper) for child in ast.iter_child_nodes(node)]
    return found


def _said_before_failing(tree: ast.AST) -> set[int]:
    """Give the calls of blocks that end with `raise` or an exit: what they print, a run that is well does not."""
    found: set[int] = set()
    for node in ast.walk(tree):
        for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if not isinstance(block, list) or isinstance(node, ast.Module) or not block:
                continue
            last = block[-1]
            exits = (
                isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and dotted(last.value.func) in _EXITS
            )
            if isinstance(last, ast.Raise) or (exits and isinstance(node, ast.If)):
                found |= {id(call) for one in block for call in ast.walk(one) if isinstance(call, ast.Call)}
    return found


Pieces = list[str | Hole]


def _joined(parts: list[Pieces], separator: str) -> Pieces:
    found: Pieces = []
    for at, part in enumerate(parts):
        found += ([separator] if at else []) + part
    return found


def _log_pieces(call: ast.Call, source: SourceFile) -> Pieces:
    """Read `logger.info("loss %.3f", loss)`: the first argument is a format of the others."""
    if len(call.args) < 2 or last_name(call.func) in _PRINTS:
        return []
    text = text_of(call.args[0], source)
    return _percent(text, list(call.args[1:])) if "%" in text else []


def _pieces(node: ast.expr, source: SourceFile, depth: int = 0) -> Pieces:
    if depth > 30:
        return [Hole(node)]
    if text := text_of(node, source):
        return [text]
    if isinstance(node, ast.JoinedStr):
        return [piece for value in node.values for piece in _of_f_string(value)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _pieces(node.left, source, depth + 1), _pieces(node.right, source, depth + 1)
        return left + right if any(isinstance(one, str) for one in left + right) else [Hole(node)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and (text := text_of(node.left, source)):
        values = list(node.right.elts) if isinstance(node.right, ast.Tuple) else [node.right]
        return _percent(text, values)
    if isinstance(node, ast.Call):
        return _of_call(node, source, depth)
    if isinstance(node, ast.Dict):
        return _of_dict(node, source, "'")
    return [Hole(node)]


def _of_call(node: ast.Call, source: SourceFile, depth: int) -> Pieces:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = text_of(node.func.value, source)
        return _formatted(text, node) if text else [Hole(node)]
    if dotted(node.func) == "json.dumps" and node.args and isinstance(node.args[0], ast.Dict):
        return _of_dict(node.args[0], source, '"') if keyword(node, "indent") is None else [Hole(node)]
    if dotted(node.func) in ("str", "repr") and len(node.args) == 1:
        return _pieces(node.args[0], source, depth + 1) if isinstance(node.args[0], ast.Dict) else [Hole(node.args[0])]
    return [Hole(node)]


def _of_dict(node: ast.Dict, source: SourceFile, quote: str) -> Pieces:
    found: Pieces = []
    for at, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
        name = text_of(key, source)
        if not name:
            return [Hole(node)]
        found += [f"{', ' if at else '{'}{quote}{name}{quote}: ", Hole(value)]
    return [*found, "}"] if found else [Hole(node)]


def _of_f_string(node: ast.expr) -> Pieces:
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.FormattedValue):
        spec = (
            "".join(str(p.value) for p in node.format_spec.values if isinstance(p, ast.Constant))
            if isinstance(node.format_spec, ast.JoinedStr)
            else ""
        )
        return [Hole(node.value, spec)]
    return [Hole(node)]


def _percent(text: str, values: list[ast.expr]) -> Pieces:
    found: Pieces = []
    at, left = 0, list(values)
    mapping = left[0] if len(left) == 1 and isinstance(left[0], ast.Dict) else None
    for match in _PERCENT.finditer(text):
        found.append(text[at : match.start()])
        at = match.end()
        if match[3] == "%":
            found.append("%")
        elif match[1] and mapping is not None:
            named = (
                v
                for k, v in zip(mapping.keys, mapping.values, strict=True)
                if isinstance(k, ast.Constant) and k.value == match[1]
            )
            found.append(Hole(next(named, mapping), match[2].strip() + match[3]))
        elif left:
            found.append(Hole(left.pop(0), match[2].strip() + match[3]))
        else:
            return []
    return [piece for piece in [*found, text[at:]] if piece != ""]


def _formatted(text: str, call: ast.Call) -> Pieces:
    found: Pieces = []
    given = list(call.args)
    named = {one.arg: one.value for one in call.keywords if one.arg}
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return []
    for literal, field, spec, _ in parts:
        if literal:
            found.append(literal)
        if field is None:
            continue
        root = re.split(r"[.\[]", field)[0]
        if root == "" and given:
            found.append(Hole(given.pop(0), spec or ""))
        elif root.isdigit() and int(root) < len(call.args):
            found.append(Hole(call.args[int(root)], spec or ""))
        else:
            found.append(Hole(named.get(root, call.args[0] if call.args else call), spec or ""))
    return found


def _lines(pieces: Pieces) -> Iterator[Pieces]:
    """Split what is printed into lines, neighbouring texts made one; the carriage return of a bar ends one too."""
    line: Pieces = []
    for piece in pieces:
        if isinstance(piece, Hole):
            line.append(piece)
            continue
        first, *rest = re.split(r"[\n\r]", piece)
        line = _with_text(line, first)
        for text in rest:
            yield line
            line = _with_text([], text)
    yield line


def _with_text(line: Pieces, text: str) -> Pieces:
    if not text:
        return line
    if line and isinstance(line[-1], str):
        return [*line[:-1], line[-1] + text]
    return [*line, text]
