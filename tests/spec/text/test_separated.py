from __future__ import annotations

import pytest

from archsearch.spec.text.separated import SEPARATORS, says_separator, separator_of


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b;c\n1,5;2,5;3,5\n", ";"),
        ("a\tb\n", "\t"),
        ("a|b,c|d\n", "|"),
        ("\n# a;b;c\na,b\n", ","),
        ("sep=;\na,b;c\n", ";"),
        ('"a;b;c",d\n', ","),
        ("", ","),
    ],
)
def test_separator_is_the_sign_that_parts_the_header_most(text: str, sign: str) -> None:
    assert separator_of(text) == sign
    assert sign in SEPARATORS


def test_first_line_of_spreadsheets_is_known() -> None:
    assert says_separator(["sep=;"])
    assert not says_separator(["separation", "b"])
