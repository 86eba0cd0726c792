"""A program's metric may bear a name of the table and be another number: it is written as the program's file says."""

from __future__ import annotations

from archsearch.metrics import METRICS, Metric, format_of, kind_of, title_of, written
from archsearch.report.figures.distribution import distribution_data
from archsearch.report.figures.history import draw_history, history_data
from archsearch.search.record import MetricRecord
from tests.report.figures.records import record, trial

IN_PERCENT = MetricRecord(name="f1", direction="maximize", title="f1", written="number")


def test_an_f1_in_per_cent_is_drawn_as_the_program_gives_it() -> None:
    assert METRICS["f1"].written == "percent"  # the table's is a fraction
    found = history_data(record([trial(0, value=81.5), trial(1, value=90.25)], metrics=(IN_PERCENT,)))

    assert not isinstance(found, str)
    assert "trial 1 with 90.25 f1" in found.says
    assert "%" not in found.says
    assert [column.kind for column in found.table.columns[2:4]] == ["number", "number"]
    layout = draw_history(found).to_dict()["layout"]
    assert (layout["yaxis"]["tickformat"], layout["yaxis"]["title"]["text"]) == (".6~g", "f1")
    spread = distribution_data(record([trial(n, value=80.0 + n) for n in range(5)], metrics=(IN_PERCENT,)))
    assert not isinstance(spread, str)
    assert "median 82" in spread.says
    assert "%" not in spread.says.replace("trials up to it", "")


def test_what_is_said_of_a_metric_is_that_of_its_row() -> None:
    row = Metric("f1", "F1 of the dev set", "maximize", "number", "training", given_by="program")
    assert (title_of(row), kind_of(row), format_of(row), written(row, 81.25)) == (
        "F1 of the dev set",
        "number",
        ".6~g",
        "81.25",
    )
    assert written("f1", 0.8125) == "81.25 %"
