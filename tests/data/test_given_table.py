"""A table that is handed to a trained network: read as the training read its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from archsearch.data.given_table import table_given, table_test_part
from archsearch.data.inputs import Inputs
from archsearch.data.prepare import load
from archsearch.errors import SpecError, UsageError
from archsearch.spec.dataset import DataSpec

pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")


@pytest.fixture
def spec(tmp_path: Path) -> DataSpec:
    lines = [f"{'' if i == 2 else i},{'ab'[i % 2]},{'no' if i % 4 < 2 else 'yes'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["size,sort,ripe", *lines]), encoding="utf-8")
    return DataSpec(name="table", path=str(tmp_path / "t.csv"), target="ripe")


def given_text(tmp_path: Path, text: str) -> Path:
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    return tmp_path / "new.csv"


def test_rows_are_encoded_as_in_the_training_whatever_the_order_of_columns(
    tmp_path: Path, data_folder: Path, spec: DataSpec
) -> None:
    data = load(spec)
    inputs = Inputs.model_validate_json(Inputs.of(spec, data).model_dump_json())
    path = given_text(tmp_path, "other,sort,size\n1,b,3.5\n2,,\n3,c,7\n")
    given = table_given(path, inputs, spec, labelled=False)
    x = given.part.read(torch.arange(3))
    known = sorted(float(i) for i in np.arange(40) if i != 2 and not _is_test(i))
    median = float(np.median(known))
    assert x.tolist() == [[3.5, 0, 0, 1], [median, 1, 0, 0], [7, 0, 0, 0]]
    assert (given.names, given.part.y.tolist()) == (("row 1", "row 2", "row 3"), [-1, -1, -1])
    assert given.remarks() == [
        f"size: 1 cell missing, read as the median of the training, {median:g}",
        "sort: 1 cell missing, read as no category",
        "sort: 1 cell of no category of the training (the first: c), read as none",
    ]
    whole = table_given(Path(spec.path or ""), inputs, spec, labelled=True)
    test = torch.tensor([row for row in range(40) if _is_test(row)])
    assert torch.equal(whole.part.read(test), data.x_test)
    assert torch.equal(whole.part.y[test], data.y_test)
    other = table_test_part(spec.model_copy(update={"limit": 2}), inputs, spec)
    assert torch.equal(other.part.y, torch.tensor([0, 1, 0, 1]).sort().values[[0, 2, 1, 3]])
    assert other.names == tuple(f"row {row + 1}" for row in [8, 10, 17, 19])


def _is_test(row: int) -> bool:
    """Each fifth of each class: rows 0, 1, 4, 5, 8, ... are of the first."""
    of_class = [i for i in range(40) if (i % 4 < 2) == (row % 4 < 2)]
    return of_class.index(row) % 5 == 4


@pytest.mark.parametrize(
    ("text", "labelled", "options", "error", "message"),
    [
        ("sort\na\n", False, {}, UsageError, r"new.csv has no column size; the network reads size, sort"),
        ("siez,sort\n1,a\n", False, {}, UsageError, r"no column size \(did you mean siez\?\)"),
        ("size,sort\n1,a\n", True, {}, UsageError, r"has no column ripe; the network reads size, sort, ripe"),
        ("size,sort\n1,a\nbig,b\n", False, {}, SpecError, r"new.csv:3:size: 'big' is no number; mend it, or leave"),
        ("size,sort\n,a\n", False, {"missing": "refuse"}, SpecError, r"new.csv:2:size: is missing; data.missing: ref"),
        ("size,sort\n1,z\n", False, {"unseen": "refuse"}, SpecError, r"new.csv:2:sort: 'z' was in no training row; k"),
        ("size,sort,ripe\n1,a,perhaps\n", True, {}, SpecError, r"new.csv:2:ripe: perhaps is no class; the classes are"),
    ],
)
def test_tables_that_the_network_does_not_read(
    tmp_path: Path,
    data_folder: Path,
    spec: DataSpec,
    text: str,
    labelled: bool,
    options: dict[str, str],
    error: type[Exception],
    message: str,
) -> None:
    inputs = Inputs.of(spec, load(spec))
    with pytest.raises(error, match=message):
        table_given(given_text(tmp_path, text), inputs, spec.model_copy(update=options), labelled=labelled)


def test_network_that_reads_no_table_says_so(tmp_path: Path, data_folder: Path) -> None:
    digits = DataSpec(name="digits")
    with pytest.raises(
        UsageError, match=r"new.csv is a table, and the network was trained on digits; give the samples"
    ):
        table_given(given_text(tmp_path, "a\n1\n"), Inputs.of(digits, load(digits)), digits, labelled=False)
