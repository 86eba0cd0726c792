"""What `reproduce` and `bundle` print: plans of time, documented values beside ours, a bundle's runs beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from archsearch.cli.console.base import TableColumn, err, note, out, print_table, sentences
from archsearch.wording import bytes_text, count_of, seconds_text

if TYPE_CHECKING:
    from pathlib import Path

    from archsearch.export.against import BundleAgain, RunAgainst
    from archsearch.export.bundle import Bundle, Gathered
    from archsearch.export.documented import PlannedReproduction, Reproduced

_PLAN = (
    TableColumn("spec", words=True),
    TableColumn("runs"),
    TableColumn("there", 1),
    TableColumn("each takes", 2),
    TableColumn("from", 3, words=True),
)


def note_reproductions(planned: Sequence[PlannedReproduction]) -> None:
    """Say on stderr what will run and how long that takes."""
    to = err()
    rows = [
        (one.plan.name, str(len(one.seeds)), str(one.kept), seconds_text(one.seconds), one.seconds_from)
        for one in planned
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


# -- bundles -----------------------------------------------------------------------------------------------------------

_MOST_SHOWN = 20  # runs that did not come out the same; --json has all of them
_SAMENESS = {"bit-identical": "green", "inside the interval": "yellow", "different": "red"}
_MACHINES = (
    TableColumn("differs", words=True),
    TableColumn("in the bundle", words=True),
    TableColumn("here", words=True),
    TableColumn("runs", 1),
)


def print_bundle(gathered: Gathered, path: Path, digest: str) -> None:
    """Print what was bundled, and where it is."""
    to = out()
    size = bytes_text(path.stat().st_size)
    sentences(to, f"{gathered.kind} {gathered.name}: {count_of(len(gathered.runs), 'run')}, {size}")
    to.print(Text(f"  {path}"), soft_wrap=True)
    to.print(Text(f"  digest {digest}", style="dim"), soft_wrap=True)


def note_bundle(bundle: Bundle) -> None:
    """Say on stderr what a bundle holds, and how long its runs took where it was made."""
    head, runs = bundle.head, bundle.runs
    took = sum(one.seconds for one in runs)
    note(
        f"{bundle.archive.path}: {head.kind} {head.name} by archsearch {head.archsearch}, digest "
        f"{bundle.archive.digest[:16]}; {count_of(len(runs), 'run')}, which took {seconds_text(took)} where they were "
        "made; stopped with Ctrl-C, the same call goes on"
    )


def note_run_against(one: RunAgainst, number: int, of: int) -> None:
    """Say on stderr how a run came out."""
    cached = ", trained by an earlier call" if one.cached else ""
    otherwise = f", computed otherwise ({one.why_otherwise})" if one.why_otherwise else ""
    note(f"{number}/{of} {one.name} seed {one.seed}: {one.sameness}{cached}{otherwise}")


def print_bundle_again(found: BundleAgain) -> None:
    """Print the verdict on a bundle, the runs that are not bit-identical, and in what the machines differ."""
    from archsearch.export.against import against_text

    to = out()
    sentences(to, found.sentence, _SAMENESS[found.verdict])
    others = [one for one in found.runs if one.difference]
    for one in others[:_MOST_SHOWN]:
        sentences(to, f"  {one.name} seed {one.seed}: {against_text(one)}")
    if len(others) > _MOST_SHOWN:
        sentences(to, f"  and {len(others) - _MOST_SHOWN} more; --json has all")
    for said in found.declared:
        sentences(to, said)
    if found.machines:
        to.print()
        print_table(to, _MACHINES, [(one.what, one.theirs, one.ours, str(one.runs)) for one in found.machines])
