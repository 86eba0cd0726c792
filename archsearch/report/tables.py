"""The tables of a document in other forms: Markdown, LaTeX, CSV (a file each), JSON.

    markdown(document), latex(document), comma_separated(document), json_document(document)

Markdown and LaTeX hold the numbers as people read them, CSV and JSON as they are. Texts come from specs: each form
escapes what means something in it, CSV also what a spreadsheet would take for a formula.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re

from archsearch.report.cells import cell_text, heading_text, is_number
from archsearch.report.document import Document
from archsearch.report.figures.figure import Cell, Table


def markdown(document: Document) -> str:
    """Write the answer, the numbers and every table as Markdown."""
    lines = [f"# {_md(document.title)}", "", _md(document.subtitle), ""]
    lines += [text for sentence in document.answer for text in (_md(sentence), "")]
    lines += [f"- {_md(n.label)}: **{_md(n.value)}**{f' ({_md(n.note)})' if n.note else ''}" for n in document.numbers]
    lines += ["", f"This report again: `{_one_line(document.command).replace('`', '')}`", "", _md(document.made), ""]
    last = ""
    for section, part in document.tabled():
        if section.key != last:
            lines += [f"## {_md(section.title)}", ""]
            last = section.key
        lines += [
            f"### {_md(part.title)}",
            "",
            *([_md(part.says), ""] if part.says else []),
            *_md_table(part.table),
            "",
        ]
    return "\n".join(lines)


def _md_table(table: Table) -> list[str]:
    head = [_md(heading_text(column)) for column in table.columns]
    rule = ["---:" if is_number(column) else "---" for column in table.columns]
    rows = [[_md(cell_text(c, column)) for c, column in zip(row, table.columns, strict=True)] for row in table.rows]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _md(text: str) -> str:
    """Escape what Markdown and the HTML in it would read as more than text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(re.sub(r"([\\`*_{}\[\]|!#~])", r"\\\1", text).split())


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%", "≠": r"$\neq$", "±": r"$\pm$", "·": r"$\cdot$", "…": r"\ldots{}",
}  # fmt: skip


def latex(document: Document) -> str:
    """Write every table as LaTeX for the packages booktabs and longtable."""
    lines = ["% needs \\usepackage{booktabs} and \\usepackage{longtable}", f"% {_one_line(document.command)}"]
    lines += [f"% {_one_line(sentence)}" for sentence in document.answer]
    for _, part in document.tabled():
        columns = "".join("r" if is_number(column) else "l" for column in part.table.columns)
        lines += ["", f"\\begin{{longtable}}{{{columns}}}", f"\\caption{{{_tex(part.title)}}}\\\\", "\\toprule"]
        lines += [" & ".join(_tex(heading_text(column)) for column in part.table.columns) + r" \\", "\\midrule"]
        for row in part.table.rows:
            texts = (_tex(cell_text(cell, column)) for cell, column in zip(row, part.table.columns, strict=True))
            lines.append(" & ".join(texts) + r" \\")
        lines += ["\\bottomrule", "\\end{longtable}"]
    return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def comma_separated(document: Document) -> dict[str, str]:
    """Give a file name and its text for every table; numbers as they are, per cent and points as fractions."""
    files = {}
    for section, part in document.tabled():
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([_csv(heading_text(column)) for column in part.table.columns])
        writer.writerows([_csv(cell) for cell in row] for row in part.table.rows)
        files[f"{section.key}-{part.key}.csv"] = out.getvalue()
    return files


def _csv(cell: Cell) -> Cell:
    """Keep a spreadsheet from computing a text: =1+1 becomes '=1+1."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") else cell


def json_document(document: Document) -> str:
    """Write the answer and all tables as one JSON document; numbers that are not finite become null."""
    tables = [
        {
            "key": part.key,
            "section": section.key,
            "title": part.title,
            "says": part.says,
            "columns": [{"title": column.title, "kind": column.kind} for column in part.table.columns],
            "rows": [[_json(cell) for cell in row] for row in part.table.rows],
        }
        for section, part in document.tabled()
    ]
    whole = {
        "kind": document.kind,
        "title": document.title,
        "answer": list(document.answer),
        "numbers": [{"label": n.label, "value": n.value, "note": n.note} for n in document.numbers],
        "command": document.command,
        "made": document.made,
        "tables": tables,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _json(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
