"""A report as Markdown for a pull request: the verdict, its table, every seed's value, and how to make it again.

    text = pull_request(document)

Short enough to be read in a review; the values of every seed are folded away, but there.
"""

from __future__ import annotations

from archsearch.markup import markdown_code, markdown_text
from archsearch.report.document import Document
from archsearch.report.figures.figure import Column, Table, TableCell
from archsearch.report.tables import markdown_table

# The table of the verdicts, and that of single runs, by the keys that the kinds of report give them.
_VERDICTS = ("results", "finalists", "differences", "experiments")
_SEEDS = ("every-run", "finalist-seeds", "seeds", "comparison-pairs")
_NUMBERS = ("percent", "number", "points", "difference")
_MOST_COLUMNS = 12


def pull_request(document: Document) -> str:
    """Write a document as Markdown that the usual hosts show in a pull request."""
    parts = {part.key: part for _, part in document.tabled()}
    first, *others = document.answer
    lines = [f"### {markdown_text(document.title)}", "", f"**{markdown_text(first)}**", ""]
    lines += [f"- {markdown_text(sentence)}" for sentence in others]
    lines += [""] * bool(others)
    verdicts = next((parts[key] for key in _VERDICTS if key in parts), None)
    if verdicts is not None:
        lines += [*markdown_table(verdicts.table), "", *([markdown_text(verdicts.says), ""] if verdicts.says else [])]
    seeds = next((parts[key] for key in _SEEDS if key in parts), None)
    table = None if seeds is None else by_seed(seeds.table)
    if table is not None:
        lines += ["<details><summary>Every seed's value</summary>", "", *markdown_table(table), "", "</details>", ""]
    notes = [f"{number.label}: {number.value}" for number in document.numbers]
    lines += [markdown_text(f"{'; '.join(notes)}."), "", markdown_code(document.command), ""]
    lines += [markdown_text(document.made)]
    return "\n".join([*lines, ""])


def by_seed(table: Table) -> Table | None:
    """Turn a table of runs (experiment, seed, ..., value) into one with a row for each seed; None without values.

    More experiments than a page is wide stay a row each.
    """
    places = [k for k, column in enumerate(table.columns) if k > 1 and column.kind in _NUMBERS]
    value = next((k for k in places if any(row[k] is not None for row in table.rows)), None)
    if value is None:
        return None
    column = table.columns[value]
    names = list(dict.fromkeys(str(row[0]) for row in table.rows))
    seeds = list(dict.fromkeys(str(row[1]) for row in table.rows))
    if len(names) > _MOST_COLUMNS:
        rows: list[tuple[TableCell, ...]] = [(row[0], row[1], row[value]) for row in table.rows]
        return Table((table.columns[0], table.columns[1], column), tuple(rows))
    held = {(str(row[0]), str(row[1])): row[value] for row in table.rows}
    columns = (Column(f"seed ({column.title})"), *(Column(name, column.kind) for name in names))
    return Table(columns, tuple((seed, *(held.get((name, seed)) for name in names)) for seed in seeds))
