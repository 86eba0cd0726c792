"""Metrics are read from JSON, tables and output; what is absent, no number or there twice is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.program.measure import Places, ReadMetrics, read_metrics
from archsearch.program.program_spec import ProgramSpec


def read(
    tmp_path: Path,
    metrics: dict[str, object],
    files: dict[str, str] | None = None,
    stdout: str = "",
    stderr: str = "",
) -> ReadMetrics:
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    for name, text in (files or {}).items():
        (own / name).write_text(text)
    (tmp_path / "out").write_text(stdout)
    (tmp_path / "err").write_text(stderr)
    spec = ProgramSpec.model_validate({"name": "x", "program": {"command": ["true", "{run_dir}"]}, "metrics": metrics})
    places = Places(own, tmp_path, tmp_path / "out", tmp_path / "err", {})
    return read_metrics(spec, places, seconds=1.5, peak_memory=1000)


@pytest.mark.parametrize(
    ("key", "value"),
    [("loss", 0.5), ("test.acc", 3.0), ("list.1", 2.0), ("list.-1", 2.0), ("a.b", 4.0), ("text", 1e-3)],
)
def test_json_is_read_by_its_path(tmp_path: Path, key: str, value: float) -> None:
    text = '{"loss": 0.5, "test": {"acc": 3}, "list": [1, 2], "a.b": 4, "text": "1e-3"}'
    assert read(tmp_path, {"loss": {"json": "r.json", "key": key}}, {"r.json": text}).metrics == {"loss": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"los": 1}', "loss: r.json: its top level: unknown key 'loss'; did you mean 'los'?"),
        ('{"loss": 1, "loss": 2}', "loss: r.json: loss is given twice"),
        ('{"loss": NaN}', "loss: r.json: loss is nan, which is no number that can be compared"),
        ('{"loss": Infinity}', "loss: r.json: loss is inf, which is no number that can be compared"),
        ('{"loss": null}', "loss: r.json: loss is no number: None"),
        ('{"loss": true}', "loss: r.json: loss is no number: True"),
        ('{"loss": {"a": 1}}', "loss: r.json: loss is no number: keys with values"),
        ('{"loss": "low"}', "loss: r.json: loss is no number: low"),
        ('{"loss": "1_0"}', "loss: r.json: loss is no number: 1_0"),
        ('{"loss": 1' + "0" * 400 + "}", "loss: r.json: loss is too large to compute with: 1000"),
        ("[1]", "loss: r.json: there is no loss in its top level, which is a list of 1"),
        ("{", "loss: r.json is not JSON: "),
        ("", "loss: r.json is not JSON: "),
    ],
)
def test_json_that_does_not_give_the_metric_is_said(tmp_path: Path, text: str, said: str) -> None:
    found = read(tmp_path, {"loss": {"json": "r.json", "key": "loss"}}, {"r.json": text})
    assert found.metrics == {}
    assert found.problems[0].startswith(said)


def test_file_that_was_not_written_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    found = read(tmp_path, {"loss": {"json": "r.json", "key": "loss"}})
    assert found.problems == [f"loss: r.json was not written in {{run_dir}} ({tmp_path}/own)"]


@pytest.mark.parametrize(("row", "value"), [("last", 0.25), ("first", 0.5)])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_table_is_read_by_column_and_row(tmp_path: Path, row: str, value: float, separator: str) -> None:
    # as Lightning's logger writes it: a column is filled now and then
    text = "epoch,loss,val\n0,0.5,\n0,,1\n1,0.25,\n1,,2\n".replace(",", separator)
    metric = {"loss": {"csv": "log.csv", "column": "loss", "row": row}}
    assert read(tmp_path, metric, {"log.csv": text}).metrics == {"loss": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "loss: log.csv: unknown column 'loss'; allowed: a, b"),
        ("loss,loss\n1,2\n", "loss: log.csv: the column loss is given twice"),
        ("a,loss\n1,\n", "loss: log.csv has no row with a value under loss"),
        ("a,loss\n1,x\n", "loss: log.csv: column loss is no number: x"),
        ("", "loss: log.csv is empty"),
    ],
)
def test_table_that_does_not_give_the_metric_is_said(tmp_path: Path, text: str, said: str) -> None:
    found = read(tmp_path, {"loss": {"csv": "log.csv", "column": "loss"}}, {"log.csv": text})
    assert found.problems == [said]


@pytest.mark.parametrize(
    ("stdout", "stderr", "value"),
    [
        ("loss=3\nloss=2\nend\n", "", 2.0),
        ("", "loss=2", 2.0),
        ("loss=2,\n", "", 2.0),
        ("10%|#  | loss=3\r20%|## | loss=2\r", "", 2.0),
        ("loss=2\n", "loss=2\n", 2.0),
        ("x" * 3_000_000 + "\nloss=2\n" + "y\n" * 1_000_000, "", 2.0),
    ],
)
def test_last_match_of_the_output_counts(tmp_path: Path, stdout: str, stderr: str, value: float) -> None:
    assert read(tmp_path, {"loss": {"last": r"loss=(\S+)"}}, None, stdout, stderr).metrics == {"loss": value}


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        ("los=3\n", "", r"loss: nothing in its stdout or stderr matches \bloss=(\S+)"),
        ("loss=nan\n", "", "is nan, which is no number that can be compared"),
        ("loss=low\n", "", r"loss: \bloss=(\S+) in 'loss=low' is no number: low"),
        ("loss=3\n", "loss=4\n", "is given twice, 3 in stdout and 4 in stderr; say which with output"),
        ("loss=1 test loss=2\n", "", "is given twice in one line, 1 and 2: loss=1 test loss=2; make the pattern say"),
    ],
)
def test_output_that_does_not_give_the_metric_is_said(tmp_path: Path, stdout: str, stderr: str, said: str) -> None:
    [problem] = read(tmp_path, {"loss": {"last": r"\bloss=(\S+)"}}, None, stdout, stderr).problems
    assert said in problem


def test_output_says_which_of_both(tmp_path: Path) -> None:
    metric = {"loss": {"last": r"loss=(\S+)", "output": "stderr"}}
    assert read(tmp_path, metric, None, "loss=3\n", "loss=4\n").metrics == {"loss": 4.0}


def test_what_is_measured_is_taken(tmp_path: Path) -> None:
    metrics = {"seconds": "measured", "peak_memory": "measured", "time": {"measured": "seconds", "scale": 1000.0}}
    assert read(tmp_path, metrics).metrics == {"seconds": 1.5, "peak_memory": 1000.0, "time": 1500.0}


@pytest.mark.parametrize(
    ("options", "text", "value"),
    [
        ({}, "0.981", 0.981),
        ({"unit": "percent"}, "98.1", 0.981),
        ({"unit": "percent"}, "98.1%", 0.981),
        ({"unit": "own"}, "98.1", 98.1),
        ({"scale": 0.01}, "98.1", 0.981),
    ],
)
def test_accuracy_is_a_fraction_unless_the_file_says_otherwise(
    tmp_path: Path, options: dict[str, object], text: str, value: float
) -> None:
    found = read(tmp_path, {"accuracy": {"last": r"acc=(\S+)", **options}}, None, f"acc={text}\n")
    assert found.metrics == {"accuracy": pytest.approx(value, abs=1e-12)}


@pytest.mark.parametrize(
    ("options", "text", "said"),
    [
        (
            {},
            "98.1",
            "accuracy: 98.1 is no fraction between 0 and 1; unit: percent reads 98.1 as 0.981, unit: own keeps",
        ),
        (
            {},
            "98.1%",
            "accuracy: 98.1% is a percentage; unit: percent reads it as 0.981, unit: own keeps 98.1 "
            "(with --metric, accuracy:percent:...)",
        ),
        ({}, "-0.1", "accuracy: -0.1 is no fraction between 0 and 1"),
        ({"unit": "percent"}, "981", "accuracy: 981 is no percentage"),
    ],
)
def test_accuracy_outside_of_its_range_fails_with_the_way_out(
    tmp_path: Path, options: dict[str, object], text: str, said: str
) -> None:
    [problem] = read(tmp_path, {"accuracy": {"last": r"acc=(\S+)", **options}}, None, f"acc={text}\n").problems
    assert problem.startswith(said)
