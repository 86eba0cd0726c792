"""Whole numbers that are computed of named ones: `w/2`, `2*$w`, `(a + b) // 4`.

    found = read_expression("3*w/4")        # None where a text is none
    found.names, found.value({"w": 32})     # ("w",), Fraction(24)

Numbers, names (`w`, `$w`, `conv1.out_channels`), + - * / // and parentheses: read by hand, nothing is evaluated as
code. Knows nothing of specs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

_TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+)|(?P<name>\$?[A-Za-z_][A-Za-z0-9_.]*)|(?P<sign>//|[-+*/()]))")
_MOST_CHARACTERS, _MOST_DEEP, _MOST_DIGITS = 200, 20, 12


class ExpressionError(ValueError):
    """An expression cannot be read, or has no value; the message says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A sum or product as it was written, `text`, with the names in it in the order in which they stand."""

    text: str
    names: tuple[str, ...]
    steps: tuple[int | str, ...]  # in postfix order: numbers, names, signs; `neg` turns a sign around

    def value(self, named: Mapping[str, int]) -> Fraction:
        """Compute it exactly; raise `ExpressionError` for a division by 0, KeyError for a name that is missing."""
        stack: list[Fraction] = []
        for step in self.steps:
            if isinstance(step, int):
                stack.append(Fraction(step))
            elif step == "neg":
                stack.append(-stack.pop())
            elif step in _BINDS:
                right, left = stack.pop(), stack.pop()
                stack.append(_computed(step, left, right))
            else:
                stack.append(Fraction(named[step]))
        (found,) = stack
        return found

    def whole(self, named: Mapping[str, int]) -> int:
        """Compute it; raise `ExpressionError` where that is no whole number."""
        found = self.value(named)
        if found.denominator != 1:
            raise ExpressionError(f"gives {float(found):g}, which is no whole number")
        return int(found)


_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2}


def _computed(sign: str, left: Fraction, right: Fraction) -> Fraction:
    if sign in ("/", "//") and right == 0:
        raise ExpressionError("divides by 0")
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            return Fraction(left // right)


def is_expression(text: object) -> bool:
    """Say whether a value is meant as an expression: words and numbers with a sign of arithmetic between them."""
    if not isinstance(text, str) or not re.search(r"[A-Za-z0-9_)]\s*[-+*/]", text):
        return False
    return re.fullmatch(r"[\s$A-Za-z0-9_.+*/()-]+", text) is not None


def read_expression(text: str) -> Expression:
    """Read an expression; raise `ExpressionError` where it is none."""
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(f"is longer than {_MOST_CHARACTERS} characters")
    reader = _Reader(_tokens(text))
    reader.sum(0)
    if reader.tokens:
        raise ExpressionError(f"has {reader.tokens[0]!r} where it should end or have a sign of + - * / //")
    names = tuple(dict.fromkeys(step for step in reader.steps if isinstance(step, str) and _is_name(step)))
    return Expression(text, names, tuple(reader.steps))


def _is_name(step: str) -> bool:
    return step not in _BINDS and step != "neg"


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ExpressionError(f"has {text[at:].strip()[:1]!r}; numbers, names, + - * / // and ( ) are read")
        found.append(token[0].strip())
        at = token.end()
    return found


class _Reader:
    """Takes tokens from the front, and gives steps in postfix order."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.steps: list[int | str] = []

    def sum(self, deep: int) -> None:
        self._chain(("+", "-"), self.product, deep)

    def product(self, deep: int) -> None:
        self._chain(("*", "/", "//"), self.one, deep)

    def _chain(self, signs: tuple[str, ...], inner: object, deep: int) -> None:
        assert callable(inner)
        inner(deep)
        while self.tokens and self.tokens[0] in signs:
            sign = self.tokens.pop(0)
            inner(deep)
            self.steps.append(sign)

    def one(self, deep: int) -> None:
        if deep > _MOST_DEEP:
            raise ExpressionError(f"is nested more than {_MOST_DEEP} deep")
        if not self.tokens:
            raise ExpressionError("ends where a number or a name is expected")
        token = self.tokens.pop(0)
        if token == "-":
            self.one(deep + 1)
            self.steps.append("neg")
        elif token == "(":
            self.sum(deep + 1)
            if not self.tokens or self.tokens.pop(0) != ")":
                raise ExpressionError("has a ( without its )")
        elif token.isdigit():
            if len(token) > _MOST_DIGITS:
                raise ExpressionError(f"has a number of more than {_MOST_DIGITS} digits")
            self.steps.append(int(token))
        elif token[0].isalpha() or token[0] in "_$":
            self.steps.append(token.removeprefix("$"))
        else:
            raise ExpressionError(f"has {token!r} where a number or a name is expected")
