"""A program's file is read whole: every fault has its line and column, a brace its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.program.braces import Brace, filled, parts
from archsearch.program.program_spec import metric_row
from archsearch.program.read import is_program, load_program
from archsearch.spec.text.yaml import read_text
from tests.program.conftest import STANDARD

Write = Callable[..., Path]


def problems(path: Path, overrides: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SpecError, match=r"\S") as caught:
        load_program(str(path), overrides)
    return [str(one).replace(str(path), "train.yaml") for one in caught.value.problems]


def test_file_of_the_design_is_read(written: Write, folder: Path) -> None:
    spec = load_program(str(written(STANDARD)))
    assert spec.name == "train"
    assert spec.program.folder == str(folder)
    assert spec.program.command is not None
    assert spec.program.command[1:6] == ("train.py", "--seed", "{seed}", "--lr", "{lr}")
    assert spec.values == {"lr": 0.001, "extra": ()}
    assert spec.main_metric == "loss"


def test_command_may_be_a_string_that_is_split_as_a_shell_would(written: Write) -> None:
    spec = load_program(
        str(written("program: {command: \"PYTHON train.py --name 'a b' {seed}\"}\nmetrics: {seconds: measured}"))
    )
    assert spec.program.command is not None
    assert spec.program.command[1:] == ("train.py", "--name", "a b", "{seed}")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make && ./train", "&& is for a shell, and none runs here"),
        ("LR=3 python train.py", "LR sets a variable; write it under environment"),
        ("python 'train.py", "cannot be split: no closing quotation"),
        ("", "is empty; at least one is needed"),
    ],
)
def test_what_only_a_shell_can_do_is_refused_with_the_way_out(written: Write, command: str, said: str) -> None:
    [problem] = problems(written(f'program: {{command: "{command}"}}\nmetrics: {{seconds: measured}}'))
    assert problem.startswith("train.yaml:1:20: program.command: ")
    assert said in problem


def test_unknown_brace_has_its_own_column(written: Write) -> None:
    path = written(
        """\
        program:
          command: [python, train.py, "--lr={lr}", "--norm={nrm}"]
        values: {lr: 1, norm: batch}
        metrics: {seconds: measured}
        """
    )
    assert problems(path) == [
        "train.yaml:2:52: unknown name in braces 'nrm'; did you mean 'norm'?; a brace that is meant as one is written "
        "twice: {{",
        "train.yaml:3:17: norm stands in no brace, so it would change nothing; put {norm} where it is meant",
    ]


def test_unknown_brace_in_a_string_and_in_a_folded_text_has_its_own_column(written: Write) -> None:
    path = written(
        """\
        program:
          command: python train.py --a={seed} --b={bb}
          stdin: |
            first {{
            then {cc}
        metrics: {seconds: measured}
        """
    )
    assert [problem.partition(": ")[0] for problem in problems(path)] == ["train.yaml:2:43", "train.yaml:5:10"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{a}}", ["{", "a", "}"]),
        ("x{a}y", ["x", Brace("a", 0), "y"]),
        ("{{{a}", ["{", Brace("a", 2)]),
        ("{a", [Brace(None, 0), "a"]),
        ("a}", ["a", Brace(None, 0)]),
        ("{}", [Brace("", 0)]),
    ],
)
def test_braces_are_split_from_the_text(text: str, expected: list[str | Brace]) -> None:
    assert list(parts(text)) == expected


def test_braces_are_filled_as_yaml_writes_values() -> None:
    assert filled("{a} {b} {c} {d} {{e}}", {"a": 1e-3, "b": True, "c": None, "d": "x"}) == "0.001 true null x {e}"


def test_list_may_stand_only_as_an_argument_of_its_own(written: Write) -> None:
    path = written(
        """\
        program:
          command: [python, train.py, "--extra={extra}"]
        values: {extra: [a, b]}
        metrics: {seconds: measured}
        """
    )
    assert problems(path) == [
        "train.yaml:2:40: {extra} is a list, which can only stand as an argument of its own",
    ]


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("{score: {last: 'x=(.)'}}", "1:11: score is no metric that is known here: say which way is better"),
        ("{loss: {last: 'x='}}", "1:24: metrics.loss.last: needs one group, for the number, and has 0"),
        ("{loss: {last: 'x=('}}", "is no pattern: missing )"),
        ("{loss: {json: a.json}}", "json and key go together"),
        (
            "{loss: {json: a.json, key: b, csv: c.csv}}",
            "needs one of json, csv, last, returned and measured, got json and csv",
        ),
        ("{loss: {}}", "got none of them"),
        ("{loss: {json: ../a.json, key: b}}", "leaves the run's folder"),
        ("{loss: measured}", "must be one of 'seconds' or 'peak_memory'"),
        ("{run_id: {last: '(.)', direction: maximize}}", "is what a run's record calls something else"),
        ("{acc: {last: '(.)', margin: 1.0, unit: percent}}", "as the margin of a fraction between 0 and 1"),
        ("{loss: {last: '(.)'}}\nobjective: {maximize: loss}", "of loss less is better (as known: minimize)"),
        ("{loss: {last: '(.)'}}\nobjective: {minimize: los}", "unknown metric 'los'; did you mean 'loss'?"),
        ("{loss: {returned: loss}}", "loss cannot be returned: a command writes its metrics"),
    ],
)
def test_metric_that_cannot_be_is_refused(written: Write, metrics: str, said: str) -> None:
    [problem] = problems(written(f"metrics: {metrics}\nprogram: {{command: 'true {{seed}}'}}\n"))
    assert said in problem
    assert problem.startswith("train.yaml:")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metrics: {'<< rmse': {last: '(.)'}}", "metrics.<< rmse: may hold letters, digits, _ . / @ - only"),
        ("values: {a-b: 1}", "values.a-b: may hold letters, digits and _ only"),
        ("program: {command: 'true {seed}', environment: {'A B': x}}", "is no name of a variable: letters, digits"),
        ("program: {function: train}", "program.function: is written MODULE:FUNCTION, such as train:main, got"),
    ],
)
def test_name_that_is_none_is_said_with_what_a_name_may_hold(written: Write, line: str, said: str) -> None:
    rest = "program: {command: 'true {seed}'}\nmetrics: {seconds: measured}\n"
    kept = "".join(one + "\n" for one in rest.splitlines() if one.partition(":")[0] != line.partition(":")[0])
    assert any(said in problem for problem in problems(written(f"{line}\n{kept}")))


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800.0), ("1h30m", 5400.0), ("45s", 45.0), ("90", 90.0), ("2d", 172800.0)]
)
def test_timeout_is_read_in_the_usual_ways(written: Write, text: str, seconds: float) -> None:
    path = written(f"program: {{command: 'true {{seed}}', timeout: {text}}}\nmetrics: {{seconds: measured}}\n")
    assert load_program(str(path)).program.timeout == seconds


def test_timeout_that_is_none_is_refused(written: Write) -> None:
    path = written("program: {command: 'true {seed}', timeout: soon}\nmetrics: {seconds: measured}\n")
    assert problems(path) == [
        "train.yaml:1:44: program.timeout: expected seconds, or a text such as 45s, 30m, 2h or 1h30m, got text 'soon'"
    ]


def test_overrides_set_values_and_say_what_there_is(written: Write) -> None:
    path = written(STANDARD)
    spec = load_program(str(path), ["values.lr=0.5", "program.timeout=5m", "program.environment.THREADS=2"])
    assert (spec.values["lr"], spec.program.timeout, spec.program.environment) == (0.5, 300.0, {"THREADS": 2})
    assert problems(path, ("lr=3",)) == ["override 'lr=3': there is no 'lr': did you mean 'values.lr'?"]
    assert problems(path, ("values.extr=3",)) == [
        "override 'values.extr=3': unknown value 'extr'; did you mean 'extra'?"
    ]
    assert problems(path, ("program.timout=3",)) == [
        "override 'program.timout=3': program: unknown key 'timout'; did you mean 'timeout'?"
    ]
    (said,) = problems(path, ("metrics.loss.lst=x",))
    assert said.endswith(": metrics.loss: unknown key 'lst'; did you mean 'last'?")


def test_folder_patch_and_template_that_are_not_there_are_said_with_their_place(written: Write) -> None:
    rest = "\nmetrics: {seconds: measured}\n"
    for line, said in (
        ("  folder: nowhere", "train.yaml:3:11: program.folder: there is no folder"),
        ("  patches: [gone.diff]", "train.yaml:3:13: patch gone.diff: "),
        ("  ref: main", "train.yaml:3:8: ref main: "),
        ("  config: {template: gone.yaml, to: '{run_dir}/c.yaml'}", "train.yaml:3:22: template gone.yaml: "),
    ):
        [problem] = problems(written(f"program:\n  command: 'true {{seed}}'\n{line}{rest}"))
        assert problem.startswith(said)


def test_edit_of_a_configuration_is_checked_against_its_template(written: Write) -> None:
    path = written(
        "program:\n  command: 'true {seed}'\n"
        "  config: {template: base.yaml, to: '{run_dir}/c.yaml', edits: {model.widht: 3}}\n"
        "metrics: {seconds: measured}\n"
    )
    (path.parent / "base.yaml").write_text("model: {width: 1}\n")
    [problem] = problems(path)
    assert problem.startswith("train.yaml:3:78: base.yaml: model: unknown key 'widht'; did you mean 'width'?")
    path.write_text(path.read_text().replace("widht", "width"))
    assert load_program(str(path)).program.config is not None


def test_is_program_tells_by_the_key(written: Write) -> None:
    assert is_program(read_text("program: {}", "x"))
    assert not is_program(read_text("network: []", "x"))
    assert is_program({"program": {}})
    assert not is_program(read_text("3", "x"))


@pytest.mark.parametrize(
    ("metrics", "name", "expected"),
    [
        ("{test_acc: {last: '(.)'}}", "test_acc", ("maximize", "own", 0.0)),
        ("{accuracy: {last: '(.)'}}", "accuracy", ("maximize", "points", 0.001)),
        ("{accuracy: {last: '(.)', unit: own}}", "accuracy", ("maximize", "own", 0.0)),
        ("{wer: {last: '(.)', unit: percent, margin: 0.002}}", "wer", ("minimize", "points", 0.002)),
        ("{score: {last: '(.)', direction: minimize}}", "score", ("minimize", "own", 0.0)),
        ("{seconds: measured}", "seconds", ("minimize", "own", 0.0)),
    ],
)
def test_metric_has_direction_unit_and_margin(
    written: Write, metrics: str, name: str, expected: tuple[str, str, float]
) -> None:
    spec = load_program(str(written(f"program: {{command: 'true {{seed}}'}}\nmetrics: {metrics}\n")))
    row = metric_row(spec, name)
    assert (row.direction, row.unit, row.margin) == expected
