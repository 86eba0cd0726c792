"""Classes and functions of ours copied into a file that stands alone, with the imports that they need.

    copied = Copied()
    copied.definition(Branches)          # its text, and what it uses, is taken along
    copied.text()                        # imports, then definitions

The text is the source's own: what a file computes is what is computed here. What it uses of the module it stands in is
copied too, and so are functions that it imports from elsewhere in this package.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from archsearch.errors import UsageError
from archsearch.export.calls import written_value

_OURS = __name__.partition(".")[0]


class Copied:
    """Collects imports by the name that they bind, and definitions by name, in the order in which they are needed."""

    def __init__(self, imports: Mapping[str, str] | None = None) -> None:
        self.imports = dict(imports or {})
        self.definitions: dict[str, str] = {}
        self._things: dict[str, object] = {}

    def definition(self, thing: type | Callable[..., Any]) -> str:
        """Take a class or a function along; give its name."""
        begun = thing.__name__ in self._things  # two functions may call one another
        self._means(thing.__name__, thing)
        if not begun:
            self._take(thing.__name__, _dedented(thing), inspect.getmodule(thing))
        return thing.__name__

    def _means(self, name: str, thing: object) -> None:
        """Raise `UsageError` where a name that is taken along means something else already."""
        known = self._things.setdefault(name, thing)
        if known is not thing and (callable(thing) or known != thing):
            raise UsageError(
                f"two things that are called {name} cannot stand in one file; give one of them another name"
            )

    def method(self, name: str, method: Callable[..., Any]) -> None:
        """Take a bound method along as a function `name`, with the fields of its object put in as numbers and words.

        A method that only gives a function is written as that function.
        """
        text = re.sub(rf"^def {method.__name__}\((self, |self)", f"def {name}(", _with_fields(method))
        self._take(name, _given_function(name, text) or text, inspect.getmodule(method))

    def call(self, name: str, method: Callable[..., Any], *arguments: str) -> str:
        """Give an expression that does what a bound method does with these arguments, which are expressions too.

        A method of one line is that line; any other is taken along as a function `name`.
        """
        (function,) = ast.parse(_with_fields(method)).body
        assert isinstance(function, ast.FunctionDef)
        body = [node for node in function.body if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Expr))]
        if len(body) > 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
            self.method(name, method)
            return f"{name}({', '.join(arguments)})"
        given = dict(zip([one.arg for one in function.args.args[1:]], arguments, strict=True))
        expression = ast.unparse(_Filled(given).visit(body[0].value))
        known = {word for argument in arguments for word in _names(ast.parse(argument))}
        self._take_what_it_uses(name, ast.parse(expression), inspect.getmodule(method), known)
        return expression

    def text(self) -> str:
        """Give the imports that are needed and the definitions, with the blank lines that Python's style asks for."""
        return "\n\n\n".join([written_imports(self.imports), *self.definitions.values()])

    def _take(self, name: str, text: str, module: ModuleType | None) -> None:
        tree = ast.parse(text)
        self._take_what_it_uses(name, tree, module)
        self.definitions[name] = _without_imports(text, tree)

    def _take_what_it_uses(
        self, name: str, tree: ast.Module, module: ModuleType | None, known: Iterable[str] = ()
    ) -> None:
        """Take along what a text of a module needs: imports, functions, classes, plain numbers and words."""
        assert module is not None
        here, own = _bound(ast.parse(inspect.getsource(module))), _bound(tree)
        for word in sorted(_names(tree) - _defined(tree) - set(vars(builtins)) - set(known)):
            line, found = own.get(word) or here.get(word, ""), vars(module).get(word)
            if line and _OURS not in line:
                self.imports[word] = line
            elif inspect.isfunction(found) or inspect.isclass(found):
                self.definition(found)
            elif _is_plain(found):
                self._means(word, found)
                self.definitions[word] = f"{word} = {written_value(found)}"
            else:
                raise UsageError(f"{name} uses {word}, which a file that stands alone cannot have")


def _is_plain(value: object) -> bool:
    """Say whether a value is written as it is read: numbers, words, and what holds only such."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_plain, value)) and bool(value)
    if isinstance(value, dict):
        return all(_is_plain(one) for pair in value.items() for one in pair)
    return isinstance(value, (bool, int, float, str)) and repr(value) not in ("inf", "-inf", "nan")


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names, and decides what constants decide: `3 if "a" == "a" else 2` is 3."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.given[node.id], mode="eval").body if node.id in self.given else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node = ast.IfExp(*(self.visit(part) for part in (node.test, node.body, node.orelse)))
        sides = [node.test.left, *node.test.comparators] if isinstance(node.test, ast.Compare) else []
        if len(sides) != 2 or not all(_is_literal(side) for side in sides):
            return node
        return node.body if _holds(node.test) else node.orelse


def _holds(test: ast.expr) -> bool:
    """Say whether a comparison of two literals is true."""
    assert isinstance(test, ast.Compare)
    one, other = (ast.literal_eval(side) for side in (test.left, test.comparators[0]))
    if isinstance(test.ops[0], (ast.Is, ast.Eq)):
        return bool(one == other)
    return bool(eval(ast.unparse(test), {}))


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Tuple) and all(map(_is_literal, node.elts)))


def _with_fields(method: Callable[..., Any]) -> str:
    """Give a bound method's text with its object's fields put in."""
    owner = method.__self__  # type: ignore[attr-defined]
    return re.sub(r"\bself\.(\w+)", lambda found: written_value(getattr(owner, found[1])), _dedented(method))


def _dedented(thing: Any) -> str:
    return textwrap.dedent(inspect.getsource(thing)).strip()


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _defined(tree: ast.Module) -> set[str]:
    """Give the names that a definition gives meaning itself: its own, its arguments, what it assigns."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return found | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _bound(tree: ast.AST) -> dict[str, str]:
    """Give the imports of a text by the name that they bind, each as a line; those for typing alone count too."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0]: f"import {_aliased(alias)}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found |= {
                alias.asname or alias.name: f"from {node.module} import {_aliased(alias)}" for alias in node.names
            }
    return found


def _aliased(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _without_imports(text: str, tree: ast.Module) -> str:
    """Take the imports out of functions, with the blank line that sets them off."""
    lines = text.splitlines()
    for node in sorted(ast.walk(tree), key=lambda node: -getattr(node, "lineno", 0)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert node.end_lineno is not None
            end = node.end_lineno
            del lines[node.lineno - 1 : end + (end < len(lines) and not lines[end].strip())]
    return "\n".join(lines)


def _given_function(name: str, text: str) -> str | None:
    """Write `def make(): return lambda ...` as the function that it gives; None where it is not of this form."""
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    body = [node for node in function.body if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Expr))]
    if function.args.args or len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    imports = [ast.unparse(node) for node in function.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    given = _Filled({}).visit(body[0].value)
    if isinstance(given, ast.Lambda):
        inside = "".join(f"    {line}\n" for line in imports)
        return f"def {name}({ast.unparse(given.args)}):\n{inside}    return {ast.unparse(given.body)}"
    return "\n".join([*imports, f"{name} = {ast.unparse(given)}"])


def written_imports(imports: Mapping[str, str]) -> str:
    """Write imports as Python's style has them: the standard library's first, the others by name."""
    lines = sorted(set(imports.values()), key=lambda line: (line.startswith("from"), line.split()[1]))
    standard = [line for line in lines if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    blocks = [standard, _together([line for line in lines if line not in standard])]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _together(lines: list[str]) -> list[str]:
    """Put the names that come from one module on one line."""
    found: dict[str, list[str]] = {}
    for line in lines:
        module, _, name = line.partition(" import ")
        found.setdefault(module, []).extend([name] if name else [])
    return [f"{module} import {', '.join(sorted(names))}" if names else module for module, names in found.items()]
