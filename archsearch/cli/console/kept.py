"""What is kept on disk: what `verify` and `clean` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsearch.cli.console.base import out, sentences
from archsearch.wording import bytes_text, count_of

if TYPE_CHECKING:
    from archsearch.study.clean import Removable
    from archsearch.study.finding import Trouble
    from archsearch.study.ledger_check import Ledger
    from archsearch.study.verify import Verified


def print_verified(found: Verified, mended: Sequence[tuple[Trouble, str | None]], *, whole: bool = False) -> None:
    """Print what was looked at, and each thing that is wrong, with what was done; `whole` says all of the ledgers."""
    to = out()
    for one, done in mended:
        sentences(to, f"{one.where}: {one.problem}")
        if done is not None:
            sentences(to, f"  repaired: {done}")
    for name, ledger in found.ledgers.items():
        _print_ledger(name, ledger, whole=whole)
    studies = f"{found.studies:,} {'study' if found.studies == 1 else 'studies'}"
    looked_at = (studies, count_of(found.trials, "trial"), count_of(found.runs, "run"))
    state = "all is well" if not mended else count_of(len(mended), "finding")
    if repaired := sum(one is not None for _, one in mended):
        state += f", {'all' if repaired == len(mended) else repaired} repaired"
    sentences(to, f"{', '.join(looked_at)}: {state}")


def _print_ledger(name: str, ledger: Ledger | None, *, whole: bool) -> None:
    to = out()
    if ledger is None:
        if whole:
            sentences(to, f"{name}: it has no ledger, as an earlier version made it: nothing proves what was declared")
        return
    sentences(to, f"{name}: {ledger.sentence}")
    for amendment in ledger.amendments:
        sentences(to, f"  {amendment.sentence}")
    if not whole or not ledger.declared:
        return
    sentences(to, f"  declared: {', '.join(ledger.declares)}")
    if ledger.earlier:
        sentences(
            to, f"  {count_of(ledger.earlier, 'result')} of runs that were there already: not seen by this study alone"
        )
    sentences(to, f"  head {ledger.head}")


def print_removable(found: Sequence[Removable]) -> None:
    """Print what can go, why and how large it is, and all of it together."""
    to = out()
    for one in found:
        stays = f"; {', '.join(one.stays)} in it stays" if one.stays else ""
        sentences(to, f"{one.where}  {bytes_text(one.size)}: {one.why}{stays}")
    total = f"{count_of(len(found), 'thing')}, {bytes_text(sum(one.size for one in found))}"
    sentences(to, total if found else "there is nothing to remove")


def print_removed(size: int) -> None:
    """Print how much is free now."""
    sentences(out(), f"removed {bytes_text(size)}")
