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

from archsearch.markup import csv_cell, latex_text, markdown_code, markdown_row, markdown_text, one_line, visible_json
from archsearch.report.cells import heading_text, headings, written_rows
from archsearch.report.document import Document, Tabled
from archsearch.report.figures.figure import Table, TableCell


def markdown(document: Document) -> str:
    """Write the answer, the numbers and every table as Markdown."""
    lines = [f"# {markdown_text(document.title)}", "", markdown_text(document.subtitle), ""]
    lines += [text for sentence in document.answer for text in (markdown_text(sentence), "")]
    lines += [
        f"- {markdown_text(n.label)}: **{markdown_text(n.value)}**{f' ({markdown_text(n.note)})' if n.note else ''}"
        for n in document.numbers
    ]
    lines += [
        "",
        f"This report again: {markdown_code(document.command)}",
        "",
        markdown_text(document.made),
        "",
    ]
    last = ""
    for section, part in document.tabled():
        if section.key != last:
            lines += [f"## {markdown_text(section.title)}", ""]
            last = section.key
        lines += [
            f"### {markdown_text(part.title)}",
            "",
            *([markdown_text(part.says), ""] if part.says else []),
            *markdown_table(part.table),
            "",
        ]
    return "\n".join(lines)


def markdown_table(table: Table) -> list[str]:
    """Write a table as lines of Markdown."""
    above = headings(table)
    rule = f"| {' | '.join('---:' if one.number else '---' for one in above)} |"
    return [markdown_row(*(one.text for one in above)), rule, *(markdown_row(*row) for row in written_rows(table))]


def latex(document: Document) -> str:
    """Write every table as LaTeX for the packages booktabs and longtable; those for papers are floats."""
    lines = ["% needs \\usepackage{booktabs} and \\usepackage{longtable}", f"% {one_line(document.command)}"]
    lines += [f"% {one_line(sentence)}" for sentence in document.answer]
    for _, part in document.tabled():
        above = headings(part.table)
        columns = "".join("r" if one.number else "l" for one in above)
        caption = f"\\caption{{{latex_text(part.title)}}}"
        head = " & ".join(latex_text(one.text) for one in above) + r" \\"
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
        return latex_text(text)
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", latex_text(text)).replace("<", "$<$")


def comma_separated(document: Document) -> dict[str, str]:
    """Give a file name and its text for every table; numbers as they are, per cent and points as fractions."""
    files = {}
    for section, part in document.tabled():
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([csv_cell(heading_text(column)) for column in part.table.columns])
        writer.writerows([csv_cell(cell) for cell in row] for row in part.table.rows)
        files[f"{section.key}-{part.key}.csv"] = out.getvalue()
    return files


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
    return visible_json(json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)) + "\n"


def _json(cell: TableCell) -> TableCell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
