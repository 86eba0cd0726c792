"""What else moved between runs that are compared."""

from __future__ import annotations

import pytest

from archsearch.ablate.moved import canonical, moved_too, own_to_each


def settings(**columns):
    """Settings of two variants, a and b, on seeds 0 to 3: a column is four values for a and four for b."""
    keys = [(variant, seed) for variant in "ab" for seed in range(4)]
    return {key: {name: values[at] for name, values in columns.items()} for at, key in enumerate(keys)}


PAIRS = [(("b", seed), ("a", seed)) for seed in range(4)]


def test_a_setting_that_follows_the_seed_has_not_moved():
    assert moved_too(settings(fold=list("01230123"), lr=["0.1"] * 8), PAIRS) == ""


def test_a_setting_that_differs_in_every_pair_is_named_with_both_values():
    assert moved_too(settings(lr=["0.1"] * 4 + ["0.2"] * 4), PAIRS) == (
        "lr (0.1 to 0.2 in 4 of 4 pairs) moves too: the effect is not this change's alone"
    )


def test_the_most_common_change_is_shown_and_an_absent_setting_is_called_so():
    assert moved_too(settings(lr=["0.1"] * 4 + ["0.1", "0.2", "0.2", "0.3"], drop=[""] * 4 + ["0.5"] * 4), PAIRS) == (
        "lr (mostly 0.1 to 0.2 in 3 of 4 pairs), drop (absent to 0.5 in 4 of 4 pairs) move too: "
        "the effect is not this change's alone"
    )


def test_one_number_written_in_two_ways_has_not_moved():
    assert moved_too(settings(lr=["1e-3"] * 4 + ["0.001"] * 4, amp=["True"] * 4 + ["true"] * 4), PAIRS) == ""


def test_what_every_run_has_of_its_own_is_no_confound():
    columns = {"folder": [f"out/{n}" for n in range(8)], "lr": ["0.1"] * 8}
    assert own_to_each(settings(**columns).values()) == ("folder",)
    assert moved_too(settings(**columns), PAIRS) == ""


def test_no_more_than_five_settings_are_named():
    columns = {f"s{n}": ["x"] * 4 + ["y"] * 4 for n in range(7)}
    said = moved_too(settings(**columns), PAIRS)
    assert said.startswith("s0 (x to y in 4 of 4 pairs), s1")
    assert "s4 (x to y in 4 of 4 pairs) and 2 more move too" in said


@pytest.mark.parametrize(
    ("text", "same"),
    [(" 64.0", "64.0"), ("64", "64.0"), ("1e-3", "0.001"), ("1_000", "1_000"), ("TRUE", "true"), ("relu", "relu")],
)
def test_canonical_text(text, same):
    assert canonical(text) == same
