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

from archsearch.report.cells import heading_text, headings, written_rows
from archsearch.report.document import Document, Tabled
from archsearch.report.figures.figure import Table, TableCell


def markdown(document: Document) -> str:
    """Write the answer, the numbers and every table as Markdown."""
    lines = [f"# {escaped(document.title)}", "", escaped(document.subtitle), ""]
    lines += [text for sentence in document.answer for text in (escaped(sentence), "")]
    lines += [
        f"- {escaped(n.label)}: **{escaped(n.value)}**{f' ({escaped(n.note)})' if n.note else ''}"
        for n in document.numbers
    ]
    lines += [
        "",
        f"This report again: `{_one_line(document.command).replace('`', '')}`",
        "",
        escaped(document.made),
        "",
    ]
    last = ""
    for section, part in document.tabled():
        if section.key != last:
            lines += [f"## {escaped(section.title)}", ""]
            last = section.key
        lines += [
            f"### {escaped(part.title)}",
            "",
            *([escaped(part.says), ""] if part.says else []),
            *markdown_table(part.table),
            "",
        ]
    return "\n".join(lines)


def markdown_table(table: Table) -> list[str]:
    """Write a table as lines of Markdown."""
    above = headings(table)
    head = [escaped(one.text) for one in above]
    rule = ["---:" if one.number else "---" for one in above]
    rows = [[escaped(text) for text in row] for row in written_rows(table)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def escaped(text: str) -> str:
    """Escape what Markdown and the HTML in it would read as more than text."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(re.sub(r"([\\`*_{}\[\]|!#~])", r"\\\1", text).split())


def code_text(text: str) -> str:
    """Write a text as code within a line of Markdown."""
    return f"`{_one_line(text).replace('`', '')}`"


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%", "≠": r"$\neq$", "±": r"$\pm$", "·": r"$\cdot$", "…": r"\ldots{}",
}  # fmt: skip


def latex(document: Document) -> str:
    """Write every table as LaTeX for the packages booktabs and longtable; those for papers are floats."""
    lines = ["% needs \\usepackage{booktabs} and \\usepackage{longtable}", f"% {_one_line(document.command)}"]
    lines += [f"% {_one_line(sentence)}" for sentence in document.answer]
    for _, part in document.tabled():
        above = headings(part.table)
        columns = "".join("r" if one.number else "l" for one in above)
        caption, head = f"\\caption{{{_tex(part.title)}}}", " & ".join(_tex(one.text) for one in above) + r" \\"
        rows = [
            " & ".join(_tex_cell(text, one.number) for text, one in zip(row, above, strict=True)) + r" \\"
            for row in written_rows(part.table)
        ]
        body = ["\\toprule", head, "\\midrule", *rows, "\\bottomrule"]
        if isinstance(part, Tabled) and part.for_papers:
            around = f"\\begin{{tabular}}{{{columns}}}", "\\end{tabular}"
            lines += ["", "\\begin{table}", "\\centering", caption, around[0], *body, around[1], "\\end{table}"]
        else:
            lines += ["", f"\\begin{{longtable}}{{{columns}}}", f"{caption}\\\\", *body, "\\end{longtable}"]
    return "\n".join(lines) + "\n"


def _tex_cell(text: str, number: bool) -> str:
    """Write a cell; in numbers a hyphen is a minus, and what compares is mathematics."""
    if not number:
        return _tex(text)
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", _tex(text)).replace("<", "$<$")


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


def _csv(cell: TableCell) -> TableCell:
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


def _json(cell: TableCell) -> TableCell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
