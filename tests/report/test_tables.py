"""The same tables in other forms, each read back by a parser of that form."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

from archsearch.report import tables
from archsearch.report.document import Document, KeyNumber, Section, Tabled
from archsearch.report.figures.figure import Column, Table, interval_columns, mean_and_sd

COLUMNS = (Column("name"), Column("accuracy", "percent"), Column("gain", "points"), Column("seeds", "count"))
ROWS = (("a|b_1", 0.9731, 0.0094, 3), ("=1+1", None, None, 12345))
DOCUMENT = Document(
    kind="search",
    title="digits",
    subtitle="Search.",
    answer=("Better.", "By 0.94 points."),
    numbers=(KeyNumber("Gain", "+0.94 points", "n = 3"),),
    command="archsearch report digits",
    made="Written.",
    sections=(Section("s", "Section", (), (Tabled("t", "Title & co", "Says.", Table(COLUMNS, ROWS)),)),),
)


def test_markdown_has_the_answer_and_every_table():
    assert (
        tables.markdown(DOCUMENT)
        == """\
# digits

Search.

Better.

By 0.94 points.

- Gain: **+0.94 points** (n = 3)

This report again: `archsearch report digits`

Written.

## Section

### Title &amp; co

Says.

| name | accuracy | gain (points) | seeds |
| --- | ---: | ---: | ---: |
| a\\|b\\_1 | 97.31 % | +0.94 | 3 |
| =1+1 |  |  | 12,345 |
"""
    )


def test_latex_escapes_what_would_not_be_printed():
    lines = tables.latex(DOCUMENT).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs} and \usepackage{longtable}"
    assert lines[lines.index(r"\begin{longtable}{lrrr}") + 1] == r"\caption{Title \& co}\\"
    assert r"a|b\_1 & 97.31 \% & +0.94 & 3 \\" in lines
    assert lines[-1] == r"\end{longtable}"


def test_csv_holds_fractions_and_no_formulas():
    assert list(tables.comma_separated(DOCUMENT)) == ["s-t.csv"]
    rows = list(csv.reader(io.StringIO(tables.comma_separated(DOCUMENT)["s-t.csv"])))
    assert rows == [
        ["name", "accuracy", "gain (points)", "seeds"],
        ["a|b_1", "0.9731", "0.0094", "3"],
        ["'=1+1", "", "", "12345"],
    ]


def test_json_holds_the_numbers_as_they_are():
    document = json.loads(tables.json_document(DOCUMENT))
    assert (document["kind"], document["title"], document["answer"]) == ("search", "digits", list(DOCUMENT.answer))
    (table,) = document["tables"]
    assert table["columns"][2] == {"title": "gain", "kind": "points"}
    assert table["rows"] == [list(row) for row in ROWS]


def test_table_for_papers_is_a_float_of_at_most_seven_columns():
    columns = (
        Column("comparison"), Column("n", "count"), *mean_and_sd("accuracy", "percent"), Column("gain", "points"),
        *interval_columns("points"), Column("p", "p"), Column("verdict"),
    )  # fmt: skip
    row = ("a_1", 10, 0.941, 0.0042, -0.001, -0.003, 0.001, 0.00001, "worse")
    part = Tabled("results", "Results", "", Table(columns, (row,)), for_papers=True)
    document = dataclasses.replace(DOCUMENT, sections=(Section("s", "Section", (), (part,)),))
    lines = tables.latex(document).splitlines()
    assert lines[4:] == [
        "",
        r"\begin{table}",
        r"\centering",
        r"\caption{Results}",
        r"\begin{tabular}{lrrrrrl}",
        r"\toprule",
        r"comparison & n & accuracy $\pm$ SD & gain (points) & 95 \% interval (points) & p & verdict \\",
        r"\midrule",
        r"a\_1 & 10 & 94.10 $\pm$ 0.42 \% & $-$0.10 & $-$0.30 to +0.10 & $<$ 0.0001 & worse \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    assert list(csv.reader(io.StringIO(tables.comma_separated(document)["s-results.csv"])))[1] == [
        "a_1", "10", "0.941", "0.0042", "-0.001", "-0.003", "0.001", "1e-05", "worse",
    ]  # fmt: skip
