"""A CSV of numbers: what is read, what is stated, and what is refused with file:line."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.ablate.compare import compare, read_values
from archsearch.errors import SpecError
from archsearch.stats.effect import Family

FOLDER = Path(tempfile.mkdtemp(prefix="compare"))


def csv(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_read_in_any_column_order_with_failed_runs_among_them(tmp_path: Path) -> None:
    text = '\ufeffSeed, value ,variant,note\n1,0.5,a,first\n\n02,,a,failed\nx,nan,"b, c",\n1,inf,b,\n'
    values = read_values(csv(tmp_path, text))
    assert values.runs["a"] == {1: 0.5, 2: None}
    assert str(values.runs["b, c"]) == "{'x': nan}"
    assert str(values.runs["b"]) == "{1: inf}"


@pytest.mark.parametrize(
    ("rows", "unit"), [("a,1,0.97", "points"), ("a,1,97.5", "own"), ("a,1,-0.1", "own"), ("a,1,", "own")]
)
def test_unit_is_percentage_points_for_fractions_only(tmp_path: Path, rows: str, unit: str) -> None:
    assert read_values(csv(tmp_path, f"variant,seed,value\n{rows}\n")).unit == unit


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"runs\.csv: is empty; its first line must be variant,seed,value$"),
        ("variant,seed,value\n", r"runs\.csv: has no rows below the header$"),
        ("variant,seed\na,1\n", r"runs\.csv:1: the header needs variant, seed, value, each once; look at value$"),
        ("variant,seed,value,value\na,1,2,3\n", r"runs\.csv:1: the header needs .* look at value$"),
        ("variant,seed,value\na,1\n", r"runs\.csv:2: 2 cells, the header has 3$"),
        ("variant,seed,value\na,1,0.5\na,1,0.6\n", r"runs\.csv:3: 'a' with seed 1 stands in line 2 already$"),
        ("variant,seed,value\na,1,0.5\na,01,0.6\n", r"runs\.csv:3: 'a' with seed 01 stands in line 2 already$"),
        ("variant,seed,value\na,1,good\n", r"runs\.csv:2: the value 'good' is not a number; leave it empty if"),
        (
            "variant,seed,value\n,1,0.5\na,,0.5\n",
            r"runs\.csv:2: the variant is empty\n.*runs\.csv:3: the seed is empty$",
        ),
        ("variant,seed,value\n" + "x" * 200_000 + ",1,2\n", r"runs\.csv:\d: not CSV: field larger than field limit"),
    ],
)
def test_file_that_is_wrong_is_refused_at_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_values(csv(tmp_path, text))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.csv: cannot be read: No such file or directory$"):
        read_values(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"variant,seed,value\n\xe9,1,2\n")
    with pytest.raises(SpecError, match=r"latin\.csv:2: is not UTF-8; save it as UTF-8$"):
        read_values(tmp_path / "latin.csv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("base,1,0.5\nlevel,1,0.5", r"runs\.csv: unknown variant 'basis'; did you mean 'base'\?$"),
        ("basis,1,0.5", r"runs\.csv: holds 'basis' only; there is nothing to compare it with$"),
        ("basis,1,0.5\nlevel,2,0.5", r"runs\.csv: 'level' shares no seed with 'basis'; pairs have the same seed$"),
    ],
)
def test_values_that_cannot_be_paired_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    values = read_values(csv(tmp_path, f"variant,seed,value\n{rows}\n"))
    with pytest.raises(SpecError, match=message):
        compare(values, "basis", Family())


@given(st.binary(max_size=120) | st.text(alphabet="variantsedlu,\n\"'0123456789.-einf ", max_size=120).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_are_there_are_values_or_a_spec_error(data: bytes) -> None:
    path = FOLDER / "fuzz.csv"
    for head in (b"", b"variant,seed,value\n"):
        path.write_bytes(head + data)
        with contextlib.suppress(SpecError):
            assert read_values(path).runs


def test_value_that_would_overflow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"runs\.csv:2: the value 1e200 is too large to compute with$"):
        read_values(csv(tmp_path, "variant,seed,value\na,1,1e200\n"))
