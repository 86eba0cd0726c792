"""What `reproduce` and `bundle` print: plans of time, documented values beside ours, a bundle's runs beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from archsearch.cli.console.base import TableColumn, err, out, print_table, sentences
from archsearch.cli.console.panel import seconds_text
from archsearch.wording import count_of

if TYPE_CHECKING:
    from archsearch.export.documented import PlannedReproduction, Reproduced

_PLAN = (
    TableColumn("spec", words=True),
    TableColumn("runs"),
    TableColumn("there", 1),
    TableColumn("seconds each", 2),
    TableColumn("from", 3, words=True),
)


def note_reproductions(planned: Sequence[PlannedReproduction]) -> None:
    """Say on stderr what will run and how long that takes."""
    to = err()
    rows = [
        (one.plan.name, str(len(one.seeds)), str(one.kept), f"{one.seconds:.3g}", one.seconds_from) for one in planned
    ]
    print_table(to, _PLAN, rows)
    left, there = sum(one.to_run for one in planned), sum(one.kept for one in planned)
    kept = f", {there} more are there" if there else ""
    took = f", about {seconds_text(sum(one.seconds_left for one in planned))} by this machine's speed" if left else ""
    goes_on = "; stopped with Ctrl-C, the same call goes on" if left else ""
    sentences(to, f"{count_of(left, 'run')} to train{kept}{took}{goes_on}")


def print_reproduced(found: Sequence[Reproduced]) -> None:
    """Print documented values beside ours, then a sentence for each and what computed them."""
    from archsearch.export.documented import CHANCE, COLUMNS, row_of

    ranks = dict(zip(COLUMNS, (0, 0, 0, 0, 3, 5, 2, 1), strict=True)) | {CHANCE: 4}
    titles = {CHANCE: "chance"}
    columns = [TableColumn(titles.get(name, name), rank, words=name == "spec") for name, rank in ranks.items()]
    to = out()
    print_table(to, columns, [row_of(one) for one in found])
    to.print()
    for one in found:
        sentences(to, one.sentence)
    for line in dict.fromkeys(line for one in found for line in one.computed):
        to.print(Text(line, style="dim"), soft_wrap=True)
