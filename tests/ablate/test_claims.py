"""Claims as papers print them: one pair, a table of pairs, a table of methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.ablate.claims import ClaimDefaults, claim_of, claims_of
from archsearch.ablate.sheet import read_sheet
from archsearch.errors import SpecError, UsageError
from archsearch.stats.claim import PublishedClaim

DEFAULTS = ClaimDefaults(test_size=10_000)


def table(tmp_path: Path, text: str, defaults: ClaimDefaults = DEFAULTS, ours: str | None = None):
    (tmp_path / "t.csv").write_text(text)
    return claims_of(read_sheet(tmp_path / "t.csv"), defaults, ours)


@pytest.mark.parametrize(
    ("ours", "theirs", "sd"),
    [("98.1", "97.9", "0.2"), ("0.981", "0.979", "0.002"), ("98.1 %", "97.9 %", "0.2"), ("98,1", "97,9", "0,2"),
     ("98.1 ± 0.2", "97.9", None), ("98.1 +- 0.2", "97.9", None), ("98.1 ± 0.2 %", "97.9 %", None)],
)  # fmt: skip
def test_one_claim_is_read_in_per_cent_or_as_fractions(ours, theirs, sd):
    found = claim_of(ours, theirs, ClaimDefaults(10_000, 3, None, sd))
    assert (found.ours, found.theirs) == pytest.approx((0.981, 0.979))
    assert found.sd == pytest.approx(0.002)
    assert (found.seeds, found.their_seeds, found.their_sd) == (3, 3, None)


def test_a_table_of_pairs_says_what_it_knows_and_the_command_line_the_rest(tmp_path):
    text = 'name,ours,theirs,test size,seeds,their-seeds\na,98.1,97.9,,3,1\nb,0.5,0.4,"1,000",,\n'
    found = table(tmp_path, text, ClaimDefaults(10_000, 5, None, "0.2"))
    assert found == [
        PublishedClaim(ours=0.981, theirs=0.979, test_size=10_000, seeds=3, their_seeds=1, sd=0.002, name="a"),
        PublishedClaim(ours=0.005, theirs=0.004, test_size=1000, seeds=5, their_seeds=5, sd=0.002, name="b"),
    ]


def test_a_table_of_methods_compares_the_first_or_the_named_one_with_all_others(tmp_path):
    text = "method;accuracy;seeds\nours;98.1 ± 0.2;5\nlenet;97.9 ± 0.1;3\nold;95,2;\n"
    first, second = table(tmp_path, text)
    assert first == PublishedClaim(
        ours=0.981, theirs=0.979, test_size=10_000, seeds=5, their_seeds=3, sd=0.002, their_sd=0.001, name="ours",
        their_name="lenet",
    )  # fmt: skip
    assert (second.their_name, second.their_seeds, second.their_sd) == ("old", 5, None)
    assert [one.their_name for one in table(tmp_path, text, ours="old")] == ["ours", "lenet"]
    other = table(tmp_path, text, ours="old")[0]
    assert (other.sd, other.their_sd, other.their_seeds) == (None, pytest.approx(0.002), 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has the columns a, b; expected ours and theirs, or a column of methods"),
        ("ours,theirs\n", "has no rows"),
        ("ours,theirs\n98.1,x\n", r"t\.csv:2: theirs: the value 'x' is not a number"),
        ("ours,theirs\n98.1,197\n", r"t\.csv:2: theirs is 197, no accuracy"),
        ("ours,theirs,seeds\n98.1,97,0\n", r"t\.csv:2: seeds is '0'; expected a whole number from 1 on"),
        ("ours,theirs,sd\n98.1,97,-1\n", r"t\.csv:2: sd is -1; a standard deviation is not negative"),
        ("method,accuracy\na,98\n", "has a row for each, and at least two"),
        ("method,accuracy\na,98\na,97\n", "has a row for each, and at least two"),
    ],
)
def test_tables_that_cannot_be_read_say_where(tmp_path, text, message):
    with pytest.raises(SpecError, match=message):
        table(tmp_path, text)


def test_every_wrong_cell_is_named_at_once_and_the_test_size_is_asked_for(tmp_path):
    with pytest.raises(SpecError, match="how many test images") as told:
        table(tmp_path, "ours,theirs\nx,97\n98,y\n", ClaimDefaults())
    assert len(told.value.problems) == 4


def test_ours_names_a_method_of_a_table_of_methods_only(tmp_path):
    with pytest.raises(UsageError, match="--ours x: there is no such method; there are a, b"):
        table(tmp_path, "method,accuracy\na,98\nb,97\n", ours="x")
    with pytest.raises(UsageError, match="this one has ours and theirs"):
        table(tmp_path, "ours,theirs\n98,97\n", ours="x")
