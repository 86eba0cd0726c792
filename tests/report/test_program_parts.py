"""What a report shows of programs: means by hand, curves by step, values and changes, ids that are one each."""

from __future__ import annotations

import re
from collections import Counter

from archsearch.program.program_result import HistoryRow, ProgramResult
from archsearch.program.program_spec import FilesDigest
from archsearch.report.answers.program_runs import program_runs_document
from archsearch.report.document import Source
from archsearch.report.figures.course import course_data
from archsearch.report.page import page
from archsearch.report.program_parts import values_parts

FILES = {"digest": "0" * 64, "count": 1}


def spec(lr: float) -> dict:
    return {
        "name": "mine",
        "program": {"command": ["train", "{lr}", "{seed}"], "folder": "/nowhere"},
        "values": {"lr": lr},
        "metrics": {"loss": {"last": "loss=(.*)"}},
        "hashed": FILES,
    }


def result(seed: int, loss: float | None, lr: float = 0.1) -> ProgramResult:
    return ProgramResult(
        run_id=f"{seed:016x}",
        name="mine",
        seed=seed,
        status="failed" if loss is None else "completed",
        reason="exit code 3" if loss is None else None,
        spec=spec(lr),
        files=FilesDigest(**FILES),
        metrics={} if loss is None else {"loss": loss},
        history=() if loss is None else (HistoryRow(epoch=1, metrics={"loss": 2 * loss}),),
        command=("train", str(lr), str(seed)),
        seconds=2.0,
        peak_memory=1 << 20,
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:00:02+00:00",
        environment={"processor": "some", "host": "here"},
    )


def test_runs_of_a_program_are_summed_up_and_failures_are_named() -> None:
    runs = [result(0, 0.25), result(1, 0.75), result(2, None)]
    document = program_runs_document(runs, Source(command="archsearch report mine", made="now"))
    # by hand: mean 0.5, SD 0.3536, t(1) = 12.706: 0.5 -+ 12.706 * 0.3536 / sqrt(2) = 0.5 -+ 3.1765
    assert document.answer == (
        "mine: mean loss 0.5 over 2 seeds (95 % interval of the mean -2.6766 to 3.6766).",
        "mine: 1 more failed and is not in the mean.",
    )
    html = page(document)
    assert "exit code 3" in html
    ids = Counter(re.findall(r'\sid="([^"]+)"', html))
    assert [one for one, count in ids.items() if count > 1] == []


def test_curve_is_the_mean_of_the_runs_that_reached_a_step() -> None:
    [line] = course_data({"baseline": [{1: 1.0, 2: 3.0}, {1: 2.0}]})
    assert (line.steps, line.mean, line.low, line.high, line.n) == ([1, 2], [1.5, 3.0], [1.0, 3.0], [2.0, 3.0], [2, 1])


def test_cells_show_their_values_and_what_they_change() -> None:
    values, changed = values_parts([("baseline", spec(0.1)), ("rate=high", spec(0.5))])
    assert values.table.rows == (
        ("baseline", "0.1", "train '{lr}' '{seed}'"),
        ("rate=high", "0.5", "train '{lr}' '{seed}'"),
    )
    assert changed.table.rows == (("rate=high", "values.lr", "0.1", "0.5"),)
