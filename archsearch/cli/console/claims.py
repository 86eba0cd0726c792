"""What published numbers can say: one claim in sentences, a paper's in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsearch.cli.console.base import TableColumn, out, print_table, sentences
from archsearch.wording import count_of, points

if TYPE_CHECKING:
    from archsearch.stats.claim import ClaimVerdict


def print_claim(found: ClaimVerdict) -> None:
    """Print the sentence, the numbers behind it, and what was assumed."""
    from archsearch.stats.claim import probability_text

    to = out()
    sentences(to, found.sentence, "green" if found.settled else "yellow")
    to.print()
    columns = (TableColumn("what could have been other", words=True), TableColumn("standard error"),
               TableColumn("order false"), TableColumn("would settle it", rank=1))  # fmt: skip
    rows = [("images", _error(found.image_error), probability_text(found.p_false_images), _needed(found.images_needed))]
    if found.seed_error is not None and found.p_false_seeds is not None:
        needed = _needed(found.seeds_needed)
        rows.append(("seeds", _error(found.seed_error), probability_text(found.p_false_seeds), needed))
        rows.append(("both", _error(found.error), probability_text(found.p_false), ""))
    print_table(to, columns, rows)
    to.print()
    for text in found.assumptions:
        sentences(to, f"  assumed: {text}", "dim")


def _error(value: float) -> str:
    return f"{100 * value:.3g} points"


def _needed(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def print_claims(found: Sequence[ClaimVerdict]) -> None:
    """Print a row for each claim, how many are settled, and how many orders are false on average."""
    from archsearch.stats.claim import probability_text

    to = out()
    columns = (
        TableColumn("claim", words=True), TableColumn("difference"), TableColumn("other images", 2),
        TableColumn("other seeds", 1), TableColumn("order false"), TableColumn("images needed", 4),
        TableColumn("seeds needed", 3), TableColumn("settled"),
    )  # fmt: skip
    rows = [
        (
            _name(one, number), points(one.difference), probability_text(one.p_false_images),
            "" if one.p_false_seeds is None else probability_text(one.p_false_seeds), probability_text(one.p_false),
            _needed(one.images_needed), _needed(one.seeds_needed), "yes" if one.settled else "no",
        )
        for number, one in enumerate(found, start=1)
    ]  # fmt: skip
    print_table(to, columns, rows)
    to.print()
    settled = sum(one.settled for one in found)
    false = sum(one.p_false for one in found)
    sentences(to, f"{settled} of {count_of(len(found), 'order')} settled; about {false:.1f} of them are false.", "bold")
    for text in dict.fromkeys(text for one in found for text in one.assumptions):
        sentences(to, f"  assumed: {text}", "dim")


def _name(one: ClaimVerdict, number: int) -> str:
    claim = one.claim
    if claim.name and claim.their_name:
        return f"{claim.name} > {claim.their_name}" if one.difference > 0 else f"{claim.their_name} > {claim.name}"
    return claim.name or f"{number}: {100 * claim.ours:.4g} against {100 * claim.theirs:.4g}"
