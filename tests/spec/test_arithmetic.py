"""Expressions: what they give is Python's own arithmetic of fractions, and what is none is refused."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.spec.arithmetic import ExpressionError, is_expression, read_expression


def test_expression_names_what_it_is_computed_of() -> None:
    found = read_expression("($w + conv1.out_channels)//2 - w")
    assert found.names == ("w", "conv1.out_channels")
    assert found.value({"w": 5, "conv1.out_channels": 8}) == 1  # 13 // 2 - 5
    assert found.whole({"w": 5, "conv1.out_channels": 8}) == 1


@st.composite
def expressions(draw: st.DrawFn, deep: int = 0) -> str:
    """Draw a text that is right in Python too."""
    if deep > 3 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(["a", "b", str(draw(st.integers(0, 99)))]))
    left, right = draw(expressions(deep + 1)), draw(expressions(deep + 1))
    text = f"{left}{draw(st.sampled_from([' + ', '-', '*', ' / ', '//']))}{right}"
    return draw(st.sampled_from([text, f"({text})", f"-({text})"]))


class Exact:
    """A number whose operators are those of Python's fractions, `//` as well."""

    def __init__(self, value: Any) -> None:
        self.value = Fraction(value)

    def __neg__(self) -> Exact:
        return Exact(-self.value)

    def __add__(self, other: Exact) -> Exact:
        return Exact(self.value + other.value)

    def __sub__(self, other: Exact) -> Exact:
        return Exact(self.value - other.value)

    def __mul__(self, other: Exact) -> Exact:
        return Exact(self.value * other.value)

    def __truediv__(self, other: Exact) -> Exact:
        return Exact(self.value / other.value)

    def __floordiv__(self, other: Exact) -> Exact:
        return Exact(self.value // other.value)


@given(expressions(), st.integers(1, 200), st.integers(1, 200))
@settings(max_examples=150, deadline=None)
def test_value_is_that_of_exact_fractions(text: str, a: int, b: int) -> None:
    python = re.sub(r"\b(\d+)\b", r"N(\1)", text)
    try:  # Python reads the text and binds the signs; the texts are drawn above
        expected = eval(python, {"N": Exact, "a": Exact(a), "b": Exact(b)}).value
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match=r"^divides by 0$"):
            read_expression(text).value({"a": a, "b": b})
        return
    assert read_expression(text).value({"a": a, "b": b}) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w*", "ends where a number or a name is expected"),
        ("*w", "has '*' where a number or a name is expected"),
        ("w**2", "has '*' where a number or a name is expected"),
        ("2 w", "has 'w' where it should end or have a sign of + - * / //"),
        ("(w + 1", "has a ( without its )"),
        ("w + 1)", "has ')' where it should end or have a sign of + - * / //"),
        ("w % 2", "has '%'; numbers, names, + - * / // and ( ) are read"),
        ("__import__('os')", 'has "\'"; numbers, names, + - * / // and ( ) are read'),
        ("w + " * 51 + "w", "is longer than 200 characters"),
        ("(" * 22 + "w" + ")" * 22, "is nested more than 20 deep"),
        ("w + 1234567890123", "has a number of more than 12 digits"),
        ("1.5*w", "has '.'; numbers, names, + - * / // and ( ) are read"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=f"^{re.escape(message)}$"):
        read_expression(text)


def test_no_whole_number_is_refused_with_what_it_is() -> None:
    with pytest.raises(ExpressionError, match=r"^gives 2\.66667, which is no whole number$"):
        read_expression("w/3").whole({"w": 8})


@pytest.mark.parametrize("text", ["w/2", "2*$w", "a - b", "conv1.out_channels*2", "w*", "w**2", "(a+b)/2"])
def test_words_with_a_sign_between_them_are_meant_as_an_expression(text: str) -> None:
    assert is_expression(text)


@pytest.mark.parametrize("text", ["same", "classes", "$w", "tanh", "", "-", "*", 3, 2.5, None, True, ["w*2"]])
def test_anything_else_is_not(text: object) -> None:
    assert not is_expression(text)
