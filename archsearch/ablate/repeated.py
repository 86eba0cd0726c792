"""Rows of a sheet that are the same run: the same variant with the same seed, and what may tell them apart.

names_missing(entries) + repeated(sheet, entries)        # problems, each with its place
"""

from __future__ import annotations

import shlex

from archsearch.ablate.columns import Entries, TableEntry
from archsearch.ablate.moved import RunKey
from archsearch.ablate.sheet import Sheet
from archsearch.errors import Problem
from archsearch.spec.text.sentences import short


def names_missing(entries: Entries) -> list[Problem]:
    """Name the rows without a variant or a seed."""
    what = "a factor" if entries.factors else "the variant"
    return [
        Problem(one.where, f"{what if not one.variant else 'the seed'} is empty")
        for one in entries.rows
        if not one.variant or not one.seed_text
    ]


def repeated(sheet: Sheet, entries: Entries) -> list[Problem]:
    """Refuse a second row of a variant and a seed, saying which columns tell the rows apart where some do."""
    return _told_apart(sheet, entries) or _twice(sheet, entries)


def _twice(sheet: Sheet, entries: Entries) -> list[Problem]:
    first: dict[RunKey, TableEntry] = {}
    problems = []
    newest = "; --newest takes the one that was begun last" if sheet.tracked else ""
    for one in entries.rows:
        key = (one.variant, one.seed)
        if key in first:
            words = f"{short(one.variant)!r} with seed {short(one.seed_text)} {first[key].stands} already{newest}"
            problems.append(Problem(one.where, words))
        elif all((one.variant, one.seed_text)):
            first[key] = one
    return problems


def _told_apart(sheet: Sheet, entries: Entries) -> list[Problem]:
    """Name the columns that tell rows of one variant and seed apart, as factors that were not said; else nothing."""
    if not entries.used or not sheet.rows:
        return []
    runs = [(entry.variant, entry.seed) for entry in entries.rows]
    first: dict[RunKey, int] = {}
    again = [(first[run], row) for row, run in enumerate(runs) if first.setdefault(run, row) != row]
    cells = [row.cells for row in sheet.rows]

    def apart(columns: list[int]) -> bool:
        return len({(run, *(row[at] for at in columns)) for run, row in zip(runs, cells, strict=True)}) == len(runs)

    # Levels recur; a second metric differs in these rows too, but hardly ever has a value twice.
    columns = [
        at for at, name in enumerate(sheet.columns)
        if name and at not in entries.used and 2 * len({row[at] for row in cells}) <= len(cells)
        and any(cells[one][at] != cells[other][at] for one, other in again)
    ]  # fmt: skip
    if not again or not apart(columns):
        return []
    for at in reversed(columns):
        if apart(rest := [other for other in columns if other != at]):
            columns = rest
    one, other = again[0]
    names = [sheet.columns[at] for at in columns]
    said = " ".join(
        f"--factor {shlex.quote(short(name))}" for name in (*(sheet.columns[at] for at in entries.used[2:]), *names)
    )
    more = f", and so {len(again) - 1} more" if len(again) > 1 else ""
    keep = f"--only {shlex.quote(f'{names[0]}=VALUE')} keeps one of each" if sheet.tracked else "keep one of each"
    words = (
        f"{short(runs[one][0])!r} with seed {short(entries.rows[one].seed_text)} {entries.rows[one].stands} "
        f"already{more}, with another {' or '.join(map(short, names))}; {said} makes it a factor, or {keep}"
    )
    return [Problem(entries.rows[other].where, words)]
