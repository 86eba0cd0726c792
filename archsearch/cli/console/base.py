"""Streams, JSON, errors, the layer table, and how numbers are written: what all other parts of the console use."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from archsearch.errors import ArchsearchError, SpecError
from archsearch.markup import visible, visible_json
from archsearch.spec.layers.blocks import UNSHOWN
from archsearch.spec.network import NetworkPlan, PlanError, PlannedLayer, size_text
from archsearch.wording import bytes_text, yaml_word

_WIDTH_WITHOUT_TERMINAL = 160


class _Console(Console):
    """A console whose texts command no terminal, whoever wrote them; its own colours and movements do."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, with the characters that a terminal would obey made visible."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return _Console(file=getattr(stream, "obeyed", stream), width=width, highlight=False, soft_wrap=False)


def out() -> Console:
    return _console(sys.stdout)


def err() -> Console:
    return _console(sys.stderr)


def json_text(document: object) -> str:
    """Give a document as indented JSON."""
    return visible_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(json_text(document) + "\n")


def note(text: str) -> None:
    """Print sentences to stderr."""
    sentences(err(), text)


def sentences(to: Console, text: str, style: str = "") -> None:
    """Print sentences, broken between words where the console has a width; a path or a long word stays whole."""
    lines = [part for line in text.split("\n") for part in _broken(to, line)]
    to.print(Text("\n".join(lines), style=style), soft_wrap=True)


def _broken(to: Console, line: str) -> list[str]:
    if not _has_width(to):
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    width = max(20, to.width)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def flowing(to: Console, parts: Sequence[Text | str], gap: str = "  ") -> None:
    """Print parts on one line; where they do not fit, on several; a part wider than a line is broken between words.

    A line into a file or a pipe has no width, unless COLUMNS gives it one.
    """
    text, used = Text(), 0
    for part in _fitting(to, parts):
        if not used:
            used = len(part)
        elif not _has_width(to) or used + len(gap) + len(part) <= to.width:
            text.append(gap)
            used += len(gap) + len(part)
        else:
            text.append("\n  ")
            used = 2 + len(part)
        text.append_text(part) if isinstance(part, Text) else text.append(part)
    to.print(text, soft_wrap=True)


def _fitting(to: Console, parts: Sequence[Text | str]) -> list[Text | str]:
    found: list[Text | str] = []
    for part in parts:
        wide = _has_width(to) and len(part) > to.width - 2
        found += part.split(" ") if wide and isinstance(part, str) else [part]
    return found


def _has_width(to: Console) -> bool:
    return to.is_terminal or "COLUMNS" in os.environ


def error(problem: ArchsearchError) -> None:
    """Print an error to stderr, one line for each problem; a shape error under the table of the layers before it."""
    to = err()
    if isinstance(problem, PlanError) and problem.rows:
        print_layers(to, problem.input_shape, problem.rows, batch_size=None)
    lines = [str(p) for p in problem.problems] if isinstance(problem, SpecError) else [str(problem)]
    for line in lines:
        to.print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)


def print_layers(
    to: Console,
    input_shape: Sequence[int],
    rows: Sequence[PlannedLayer],
    *,
    batch_size: int | None,
    totals: NetworkPlan | None = None,
) -> None:
    """Print the table of layers; where it is too narrow for all, without memory, then fields and kinds as a list."""
    shown: int | None = batch_size
    words: Sequence[str] = ("kind", "fields")
    while True:
        table = _layer_table(input_shape, rows, shown, totals, words)
        if _fits(to, table) or not words:
            break
        shown, words = (None, words) if shown else (None, words[:-1])
    to.print(table)
    for row in () if "fields" in words else (row for top in rows for row in top.walk()):
        listed = [*(() if "kind" in words else (row.kind,)), *fields_text(row).split()]
        if listed:
            flowing(to, [f"{row.name}: {listed[0]}", *listed[1:]], " ")
    if batch_size and totals and not shown:
        memory = bytes_text(totals.activation_bytes(batch_size))
        to.print(Text(f"memory {memory} of outputs for a batch of {batch_size}"))


def _fits(to: Console, table: Table) -> bool:
    return Measurement.get(to, to.options.update(max_width=10_000), table).minimum <= to.width


def _layer_table(
    input_shape: Sequence[int],
    rows: Sequence[PlannedLayer],
    batch_size: int | None,
    totals: NetworkPlan | None,
    words: Sequence[str],
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=totals is not None, footer_style="bold")
    counts = (f"{totals.parameters:,}", f"{totals.macs:,}") if totals else ("", "")
    memory = bytes_text(totals.activation_bytes(batch_size)) if totals and batch_size else ""
    table.add_column("layer", "total", no_wrap=True, style="bold")
    for name in words:
        table.add_column(name, no_wrap=name == "kind", overflow="fold")
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("parameters", counts[0], justify="right", no_wrap=True)
    table.add_column("MACs", counts[1], justify="right", no_wrap=True)
    if batch_size:
        table.add_column(f"memory/{batch_size}", memory, justify="right", no_wrap=True)
    table.add_row(*cells("input", *[""] * len(words), size_text(tuple(input_shape)), "", ""), style="dim")
    for top in rows:
        for deep, title, row in top.outline():
            texts = cells(
                "  " * deep + title,
                *(row.kind if name == "kind" else fields_text(row) for name in words),
                size_text(row.output_shape),
                f"{row.parameters:,}" if row.parameters else "",
                f"{row.macs:,}" if row.macs else "",
            )
            used = [Text(bytes_text(4 * batch_size * row.outputs))] if batch_size else []
            table.add_row(*texts, *used, style="dim" if deep else None)
    return table


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table that fits its terminal.

    `rank` 0 stays; where the table is too wide, the column with the highest rank goes first. `words` is text that may
    be broken into lines, standing left; all else stands right and is never broken: part of a number is another number.
    """

    name: str
    rank: int = 0
    words: bool = False


_GAP = 2  # spaces between two columns
_LEAST_WORDS = 12  # a column of words is not made narrower than this


def print_table(to: Console, columns: Sequence[TableColumn], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table as wide as the console, and below it, as a list, the columns that had no room.

    Each row has one cell for each column; the first names it. Where not even the columns of rank 0 fit, every row is a
    list.
    """
    texts = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    kept = _kept(columns, texts, to.width)
    if kept:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for at in kept:
            one, width = columns[at], _natural(columns[at], at, texts)
            table.add_column(
                one.name,
                justify="left" if one.words else "right",
                no_wrap=not one.words,
                overflow="fold",
                min_width=min(width, _LEAST_WORDS) if one.words else width,
                style="bold" if at == 0 else "",
            )
        for row in texts:
            table.add_row(*(row[at] for at in kept))
        to.print(table)
    dropped = [at for at in range(1, len(columns)) if at not in kept]
    listed = [row for row in texts if any(row[at].plain for at in dropped)]
    if kept and listed:
        to.print()
    for row in listed:
        items = [Text.assemble(f"{columns[at].name} ", row[at]) for at in dropped if row[at].plain]
        _print_items(to, row[0], items)


def _kept(columns: Sequence[TableColumn], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Give the columns that fit, dropping by rank (of two alike the right one); none where rank 0 is too wide."""
    kept = list(range(len(columns)))

    def needed() -> int:
        widths = [_natural(columns[at], at, rows) for at in kept]
        least = (min(w, _LEAST_WORDS) if columns[at].words else w for at, w in zip(kept, widths, strict=True))
        return sum(least) + _GAP * (len(kept) - 1)

    while needed() > width:
        last = max(kept, key=lambda at: (columns[at].rank, at))
        if columns[last].rank == 0:
            return []
        kept.remove(last)
    return kept


def _natural(column: TableColumn, at: int, rows: Sequence[Sequence[Text]]) -> int:
    return max(cell_len(column.name), *(row[at].cell_len for row in rows)) if rows else cell_len(column.name)


def _print_items(to: Console, name: Text, items: Sequence[Text]) -> None:
    """Print a name and what belongs to it, broken between two items only."""
    line = Text.assemble((name.plain, "bold"), ":")
    for number, item in enumerate(items):
        end = "" if number == len(items) - 1 else ","
        if line.cell_len + 1 + item.cell_len + len(end) > to.width and line.plain.strip():
            to.print(line, soft_wrap=True)
            line = Text(" ")
        line.append(" ").append_text(item).append(end)
    to.print(line, soft_wrap=True)


def cells(*texts: str) -> list[Text]:
    return [Text(text) for text in texts]


def fields_text(row: PlannedLayer) -> str:
    """Give the fields that differ from their defaults, as they are written."""
    fields = row.layer.model_dump(mode="json", exclude={"name", *UNSHOWN}, exclude_defaults=True)
    return " ".join(f"{key}={value_text(value)}" for key, value in fields.items())


def value_text(value: object) -> str:
    if isinstance(value, dict):
        ((kind, fields),) = value.items() if len(value) == 1 else (("", value),)
        inside = (
            " ".join(f"{k}={value_text(v)}" for k, v in fields.items()) if isinstance(fields, dict) else str(fields)
        )
        return f"{kind}({inside})" if inside else kind
    if isinstance(value, float):
        return f"{value:g}"
    return yaml_word(value)
