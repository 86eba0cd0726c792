"""A metric in a file of one's own: found without executing it, trusted by its content, answered with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from archsearch.errors import UntrustedError, UsageError
from archsearch.metrics import OwnMetric, metric_of, own_metric
from archsearch.trust import allow_once

CONTENT = """\
import numpy as np

print("executed")


def cost(targets, outputs):
    targets[:] = 0
    return np.abs(outputs).max()


def rows(targets, outputs):
    return outputs


def endless(targets, outputs):
    return float("inf")


def raises(targets, outputs):
    return 1 / len(targets[:0])


def three(targets, outputs, weights):
    return 1.0


def leaves(targets, outputs):
    raise SystemExit(3)
"""
TARGETS, OUTPUTS = np.array([1, 2]), np.array([[1.0, -4.0], [2.0, 3.0]])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", "")
    found = tmp_path / "mine.py"
    found.write_text(CONTENT, encoding="utf-8")
    return found


def named(path: Path, function: str) -> OwnMetric:
    return own_metric(f"mine.py:{function}", path.parent)


def test_a_function_is_called_with_arrays_of_its_own(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = named(path, "cost")
    assert capsys.readouterr().out == ""  # finding it executes nothing
    allow_once([own.subject.digest])
    assert own.value(TARGETS, OUTPUTS) == 4.0
    assert TARGETS.tolist() == [1, 2]
    assert OwnMetric.model_validate_json(own.model_dump_json()) == own


def test_what_was_not_allowed_is_not_executed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UntrustedError, match="is a Python file, which is code"):
        named(path, "cost").value(TARGETS, OUTPUTS)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("rows", "11: mine.py:rows returned ndarray, and no number; return one number"),
        ("endless", "15: mine.py:endless returned inf; return a finite number for every run"),
        ("raises", "20: mine.py:raises raised ZeroDivisionError: division by zero"),
        ("leaves", "28: mine.py:leaves raised SystemExit: 3"),
    ],
)
def test_a_mistake_is_said_with_file_and_line(path: Path, function: str, said: str) -> None:
    own = named(path, function)
    allow_once([own.subject.digest])
    with pytest.raises(UsageError, match=re.escape(f"{path}:{said}")):
        own.value(TARGETS, OUTPUTS)


def test_a_file_that_cannot_be_what_is_meant(path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"defines no function loss \(there: cost, rows, endless, raises, three, leaves\)"
    ):
        named(path, "loss")
    with pytest.raises(UsageError, match=r"mine\.py:23: mine.py:three is called with two arrays"):
        named(path, "three")
    with pytest.raises(UsageError, match=r"gone\.py cannot be read: No such file"):
        own_metric("gone.py:cost", path.parent)
    path.write_text("def cost(targets, outputs:\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.py:1: .*is read as Python"):
        named(path, "cost")


def test_a_file_that_changed_is_another_metric(path: Path) -> None:
    own = named(path, "cost")
    path.write_text(CONTENT + "# changed\n", encoding="utf-8")
    allow_once([own.subject.digest])
    with pytest.raises(UsageError, match=r"is not the file any more that mine.py:cost was named with"):
        own.value(TARGETS, OUTPUTS)


def test_a_file_that_fails_when_it_is_imported(path: Path) -> None:
    path.write_text("import no_such_module\n\n\ndef cost(targets, outputs):\n    return 1.0\n", encoding="utf-8")
    own = named(path, "cost")
    allow_once([own.subject.digest])
    with pytest.raises(UsageError, match=r"mine\.py:1: importing it raised ModuleNotFoundError"):
        own.value(TARGETS, OUTPUTS)


def test_its_name_tells_which_way_is_better_where_it_is_a_usual_one() -> None:
    rows = [metric_of(name) for name in ("test_mine.py:f1_score", "mine.py:cost_error", "val_mine.py:regret")]
    assert [row.direction if row else None for row in rows] == ["maximize", "maximize", "minimize"]
