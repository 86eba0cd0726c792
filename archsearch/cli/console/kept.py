"""What is kept on disk: what `verify` and `clean` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsearch.cli.console.base import out, sentences
from archsearch.wording import count_of

if TYPE_CHECKING:
    from archsearch.study.finding import Finding
    from archsearch.study.verify import Verified


def print_verified(found: Verified, mended: Sequence[tuple[Finding, str | None]]) -> None:
    """Print what was looked at, and each thing that is wrong, with what was done."""
    to = out()
    for one, done in mended:
        sentences(to, f"{one.where}: {one.problem}")
        if done is not None:
            sentences(to, f"  repaired: {done}")
    studies = f"{found.studies:,} {'study' if found.studies == 1 else 'studies'}"
    looked_at = (studies, count_of(found.trials, "trial"), count_of(found.runs, "run"))
    state = "all is well" if not mended else count_of(len(mended), "finding")
    sentences(to, f"{', '.join(looked_at)}: {state}")
