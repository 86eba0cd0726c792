"""A Python function as a program: called with a seed and values, known by its source."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.errors import SpecError, UsageError
from archsearch.program.experiment import plan_program, program_key
from archsearch.program.function import call_function, function_of, function_spec
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.run import run_program


def noisy(seed: int, shift: float = 0.0, names: list[str] | None = None) -> dict[str, float]:
    print("hello", seed, names)
    return {"loss": random.Random(seed).random() + shift, "accuracy": 0.5}


def number(seed: int) -> float:
    return float(seed)


def broken(seed: int) -> float:
    raise RuntimeError("no data")


def test_function_runs_with_its_values_and_gives_its_metrics(tmp_path: Path) -> None:
    spec = function_spec(noisy, {"shift": 1.0, "names": ["a"]}, ["loss", "accuracy"])
    done = run_program(plan_program(spec), seed=3, runs_dir=tmp_path, trusted=True)
    assert done.result.metrics == {"loss": random.Random(3).random() + 1.0, "accuracy": 0.5}
    assert (done.run_dir / "stdout.txt").read_text() == "hello 3 ['a']\n"
    assert run_program(plan_program(spec), seed=3, runs_dir=tmp_path).cached


def test_function_that_gives_a_number_has_one_metric(tmp_path: Path) -> None:
    spec = function_spec(number, metrics=["score"], direction="maximize")
    assert call_function(spec, 7) == {"score": 7.0}


def leaving(seed: int) -> float:
    raise SystemExit("no data")


def test_function_that_raises_is_a_failed_run(tmp_path: Path) -> None:
    spec = function_spec(broken, metrics=["loss"])
    result = run_program(plan_program(spec), seed=3, runs_dir=tmp_path, trusted=True).result
    assert (result.status, result.reason) == ("failed", "RuntimeError: no data")


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ({"los": 1}, "loss is not in what it returned: los"),
        ({"loss": "x"}, "loss is no number: x"),
        ({"loss": math.nan}, "loss is nan, which is no number that can be compared"),
        (None, "loss is no number: None"),
        (True, "loss is no number: True"),
        ({"loss": 10**400}, "loss is too large to compute with: 1000"),
    ],
)
def test_what_is_no_metric_is_said(returned: object, said: str) -> None:
    def given(seed: int) -> object:
        return returned

    with pytest.raises(ValueError, match=said):
        call_function(function_spec(given, metrics=["loss"]), 0)


def test_percentage_is_not_taken_for_a_fraction() -> None:
    def given(seed: int) -> float:
        return 97.5

    said = r"accuracy is 97\.5, no fraction between 0 and 1; in per cent return 0\.975"
    with pytest.raises(ValueError, match=said):
        call_function(function_spec(given, metrics=["accuracy"]), 0)


def test_function_that_exits_is_a_failed_run(tmp_path: Path) -> None:
    spec = function_spec(leaving, metrics=["loss"])
    result = run_program(plan_program(spec), seed=3, runs_dir=tmp_path, trusted=True).result
    assert (result.status, result.reason) == ("failed", "SystemExit: no data")


def test_function_is_known_by_its_source_its_values_and_its_version() -> None:
    def one(seed: int, a: int = 1) -> int:
        return 1

    first = one

    def one(seed: int, a: int = 1) -> int:  # type: ignore[no-redef]
        return 2

    keys = [
        program_key(plan_program(function_spec(function, values, ["loss"], version=version)))
        for function, values, version in (
            (first, {}, None),
            (first, {"a": 2}, None),
            (first, {}, "2"),
            (one, {}, None),
        )
    ]
    assert len(set(keys)) == 4
    assert program_key(plan_program(function_spec(first, {}, ["loss"]))) == keys[0]


def test_function_that_cannot_be_described_is_refused() -> None:
    with pytest.raises(UsageError, match=r"noisy is called as noisy\(seed, shft=...\), which does not fit"):
        function_spec(noisy, {"shft": 1.0}, ["loss"])
    with pytest.raises(UsageError, match="expected a function, got int"):
        function_spec(3, {}, ["loss"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="max has no source that could be read"):
        function_spec(max, {}, ["loss"])
    with pytest.raises(UsageError, match="score is no metric that is known here"):
        function_spec(number, {}, ["score"])


def test_function_of_a_file_is_imported_where_it_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f(seed, k=1):\n    return seed * k\n")
    code = (
        "from pathlib import Path; from archsearch.program.function import *\n"
        "import mine; Path('spec.json').write_text(function_spec(mine.f, {'k': 3}, ['loss']).model_dump_json())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    spec = ProgramSpec.model_validate_json((tmp_path / "spec.json").read_text())
    again = "from archsearch.program.function import *; from archsearch.program.program_spec import *; import sys\n"
    again += "print(call_function(ProgramSpec.model_validate_json(open(sys.argv[1]).read()), 5))"
    done = subprocess.run(
        [sys.executable, "-c", again, str(tmp_path / "spec.json")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'loss': 15.0}\n"
    (tmp_path / "mine.py").write_text("def f(seed, k=1):\n    return seed + k\n")
    with pytest.raises(SpecError, match="mine:f is not the function any more that was described"):
        function_of(spec)


def test_function_of_a_notebook_is_only_there() -> None:
    spec = function_spec(number, metrics=["loss"])
    section = spec.program.model_copy(update={"function": "__main__:f"})
    with pytest.raises(SpecError, match="__main__:f exists only where it was written"):
        function_of(spec.model_copy(update={"program": section}))


def test_function_has_no_command_things() -> None:
    with pytest.raises(ValueError, match="a function has no timeout"):
        ProgramSpec.model_validate(
            {"name": "x", "program": {"function": "a:b", "timeout": 3}, "metrics": {"loss": {"returned": "loss"}}}
        )
