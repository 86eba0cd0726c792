"""Data of a function of one's own: allowed, called once, and whatever goes wrong in it said with its line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsearch.data import call_function, python_source
from archsearch.data.facts import describe
from archsearch.data.prepare import load
from archsearch.data.remarks import remarks
from archsearch.errors import SpecError, UntrustedError
from archsearch.spec.catalog import read_spec
from archsearch.spec.dataset import DataSpec
from archsearch.trust import VARIABLE, python_file, trust

TEXT = """
import numpy as np
from beside import OFFSET
calls = {path!r}

def load():
    with open(calls, "a") as file:
        file.write("called ")
    x = np.arange(24, dtype="float32").reshape(8, 3) + OFFSET
    return {{"x_train": x[:6], "y_train": np.array([0, 1] * 3), "x_test": x[6:], "y_test": [0, 1],
             "group_train": ["a"] * 3 + ["b"] * 3, "group_test": ["c", "c"]}}

def short():
    x = np.ones((4, 2), "float32")
    return x, [0, 1, 0, 1], x, [0, 1, 0, 7]

def several():
    return [1, 2]

def objects():
    return {{"x_train": [None, 1]}}

def fails():
    numbers = {{}}
    return numbers["x"]
"""


@pytest.fixture
def file(tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "beside.py").write_text("OFFSET = 100\n", encoding="utf-8")
    path = tmp_path / "my_data.py"
    path.write_text(TEXT.format(path=str(tmp_path / "calls.txt")), encoding="utf-8")
    return path


def spec_of(path: Path, function: str | None = "load") -> DataSpec:
    return DataSpec(name="python", path=str(path), function=function)


def test_function_is_called_once_it_is_allowed_and_again_when_its_file_changes(tmp_path: Path, file: Path) -> None:
    with pytest.raises(UntrustedError, match=r"my_data.py is a Python file, which is code, and it was not allowed"):
        describe(spec_of(file))
    assert not (tmp_path / "calls.txt").exists()
    trust(python_file(file))
    data = load(spec_of(file))
    assert data.groups_train is not None
    assert data.x_test.tolist() == [[118, 119, 120], [121, 122, 123]]
    assert (data.y_train.tolist(), data.groups_train.tolist()) == ([0, 1] * 3, [0, 0, 0, 1, 1, 1])
    assert load(spec_of(file)).fingerprint == data.fingerprint
    assert (tmp_path / "calls.txt").read_text() == "called "
    assert remarks(spec_of(file))[0].startswith("my_data.py:load was called on ")
    file.write_text(file.read_text(encoding="utf-8").replace("+ OFFSET", "- OFFSET"), encoding="utf-8")
    with pytest.raises(UntrustedError, match=r"was allowed on .*; this is another one, or it changed since"):
        describe(spec_of(file))
    trust(python_file(file))
    assert load(spec_of(file)).x_test.tolist() == [[-82, -81, -80], [-79, -78, -77]]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("fails", r"my_data.py:25: KeyError: 'x'\."),
        (
            "several",
            r"my_data.py:several gave list; expected arrays by name \(x_train, y_train, x_test, y_test\)",
        ),
        ("objects", r"my_data.py:objects gave x_train as Python objects; give numbers"),
        ("short", r"my_data.py:short: y_test has the label 7, which y_train does not have"),
        ("laod", r"my_data.py:laod is no function; the file has load, short, several, objects, fails\."),
        (None, r"say which function of my_data.py gives the data: data.function"),
    ],
)
def test_function_that_gives_no_data_is_said_with_its_place(file: Path, function: str | None, message: str) -> None:
    trust(python_file(file))
    with pytest.raises(SpecError, match=message):
        describe(spec_of(file, function))
    assert list((file.parent / "data" / "made").glob(".*")) == []


def test_file_that_is_not_there_or_is_no_python(file: Path) -> None:
    with pytest.raises(SpecError, match=r"nix.py cannot be read: No such file or directory; expected a Python file"):
        describe(spec_of(file.with_name("nix.py")))
    file.write_text("def load(:\n", encoding="utf-8")
    trust(python_file(file))
    with pytest.raises(SpecError, match=r"my_data.py:1: SyntaxError: invalid syntax"):
        python_source.made(spec_of(file))


def test_short_form_in_a_file_is_read_as_its_three_keys(tmp_path: Path) -> None:
    text = "data: my_data.py:load\nnetwork: [{linear: {out_features: classes}}]\n"
    text += "train: {epochs: 1, batch_size: 2, optimizer: {adam: {lr: 0.1}}}\n"
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    spec = read_spec(str(tmp_path / "s.yaml"), ["data.function=other", "data.limit=5"]).spec
    assert spec.data == DataSpec(name="python", path="my_data.py", function="other", limit=5)


def test_four_arrays_in_order_are_taken_by_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "four.py").write_text("print('hello')\ndef load(): return 1, 2, 3, 4\n", encoding="utf-8")
    before: tuple[Any, Any] = (sys.stdout, list(sys.path))
    try:
        assert call_function.call_and_keep(str(tmp_path / "four.py"), "load", str(tmp_path / "t.npz")) == 0
    finally:
        sys.stdout, sys.path[:] = before
    assert capsys.readouterr() == ("", "hello\n")
    with np.load(tmp_path / "t.npz") as arrays:
        assert {name: int(arrays[name]) for name in arrays} == {"x_train": 1, "y_train": 2, "x_test": 3, "y_test": 4}
