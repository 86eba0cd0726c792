"""A program in one line, and the file that it would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsearch.errors import SpecError, UsageError
from archsearch.program.from_command import from_command, read_values, write_program
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.read import load_program
from tests.program.conftest import STANDARD

LINE = "python train.py --seed {seed} --norm {norm}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("norm=batch", "batch"),
        ("lr=1e-3", 0.001),
        ("on=true", True),
        ("on=True", True),
        ('name="1"', "1"),
        ("extra=[--a, b]", ["--a", "b"]),
        ("empty=", None),
        ("opt=a=b", "a=b"),
    ],
)
def test_value_is_what_yaml_makes_of_it(text: str, value: Any) -> None:
    assert read_values("--baseline", [text]) == {text.partition("=")[0]: value}


def test_several_values_stand_in_a_row() -> None:
    assert read_values("--factor", ["norm=layer,none", "lr=0.1", "x=[a, b],c"], several=True) == {
        "norm": ["layer", "none"],
        "lr": [0.1],
        "x": [["a", "b"], "c"],
    }


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["norm"], "--baseline: expected name=value, such as norm=batch, got 'norm'"),
        (["=3"], "--baseline: expected name=value"),
        (["a-b=3"], "--baseline: expected name=value"),
        (["a=1", "a=2"], "--baseline: a is given twice"),
        (["a={b: 1}"], "--baseline a: expected a value, got keys with values"),
        (["a=[1"], "--baseline a: not YAML"),
    ],
)
def test_value_that_is_not_written_so_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        read_values("--baseline", texts)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (r"accuracy:last:acc: (\S+)", {"last": r"acc: (\S+)"}),
        ("loss:json:out/r.json:test.loss", {"json": "out/r.json", "key": "test.loss"}),
        ("loss:csv:log.csv:val_loss", {"csv": "log.csv", "column": "val_loss"}),
        (r"accuracy:percent:last:acc: ([\d.]+)%", {"last": r"acc: ([\d.]+)%", "unit": "percent"}),
        ("accuracy:own:json:r.json:acc", {"json": "r.json", "key": "acc", "unit": "own"}),
        ("seconds", {"measured": "seconds"}),
        ("peak_memory:measured", {"measured": "peak_memory"}),
    ],
)
def test_metric_is_read_from_a_line(text: str, source: dict[str, str], folder: Path) -> None:
    spec = from_command("true {seed}", {}, [text], folder=folder)
    [found] = spec.metrics.values()
    assert found.model_dump(exclude_defaults=True) == source


@pytest.mark.parametrize(
    "text",
    ["loss", "loss:last", "loss:json:r.json", "loss:csv:log.csv", "loss:x:y", "accuracy:measured", "accuracy:percent"],
)
def test_metric_that_is_not_written_so_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--metric .*: expected NAME:last:PATTERN, NAME:json:FILE:KEY"):
        from_command("true {seed}", {}, [text])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python train.py --seed {seed}", "train"),
        ("python -m tools.fit --seed {seed}", "fit"),
        ("./build/solver {seed}", "solver"),
        ("../bin/.hidden {seed}", "hidden"),
    ],
)
def test_program_is_named_after_its_script(command: str, name: str, folder: Path) -> None:
    assert from_command(command, {}, ["seconds"], folder=folder).name == name


def test_what_is_wrong_is_said_with_the_option_it_stands_in(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"--command: unknown name in braces 'norn'; did you mean 'norm'"):
        from_command("python train.py {seed} {norn} {norm}", {"norm": 1}, ["seconds"], folder=folder)
    with pytest.raises(SpecError, match="--baseline: norm stands in no brace"):
        from_command("python train.py {seed}", {"norm": 1}, ["seconds"], folder=folder)
    with pytest.raises(SpecError, match="--metric: score is no metric that is known here"):
        from_command("python train.py {seed}", {}, ["score:last:(.)"], folder=folder)
    with pytest.raises(UsageError, match="say what the program gives: --metric"):
        from_command("python train.py {seed}", {}, [], folder=folder)
    with pytest.raises(UsageError, match="one of maximize and minimize"):
        from_command("python train.py {seed}", {}, ["seconds"], maximize="a", minimize="b")


def test_objective_gives_a_metric_its_direction(folder: Path) -> None:
    spec = from_command(LINE, {"norm": "a"}, ["seconds", "score:last:(.)"], folder=folder, maximize="score")
    assert spec.main_metric == "score"


def same(one: ProgramSpec, other: ProgramSpec) -> bool:
    return one.model_copy(update={"name": "x"}) == other.model_copy(update={"name": "x"})


def test_written_file_is_the_same_program(folder: Path, written: Callable[..., Path], tmp_path: Path) -> None:
    line = from_command(LINE, {"norm": "batch"}, [r"accuracy:last:\bacc=(\S+)", "seconds"], folder=folder)
    (folder / "base.yaml").write_text("a: 1\n")
    more = """
history: {csv: log.csv, columns: {loss: val_loss}}
summary: "a: b"
source: "x: y"
lint: {A101: because}
"""
    section = "  environment: {A: '{{}}', B: 2}\n  timeout: 30m\n"
    section += "  config: {template: base.yaml, to: '{run_dir}/c', edits: {a: 2}}\n"
    filed = load_program(str(written(STANDARD.replace("values:", f"{section}values:", 1) + more)))
    for spec in (line, filed):
        for path in (folder / "again.yaml", tmp_path / "again.yaml"):
            path.write_text(write_program(spec, path))
            assert same(load_program(str(path)), spec), path.read_text()


def test_what_no_file_can_hold_is_refused(folder: Path) -> None:
    spec = from_command(LINE, {"norm": "batch"}, ["seconds"], folder=folder)
    section = spec.program.model_copy(update={"patches": ("x",)})
    with pytest.raises(UsageError, match="a patch cannot be written in a file"):
        write_program(spec.model_copy(update={"program": section}), folder / "x.yaml")
