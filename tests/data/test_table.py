"""Tables: what scikit-learn's encoders make of the same cells, and each bad cell with its place."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from archsearch.data.facts import describe
from archsearch.data.own import OWN_SOURCES
from archsearch.data.prepare import load
from archsearch.data.registry import OWN_DATA
from archsearch.data.remarks import read_as, remarks
from archsearch.data.split import divide
from archsearch.data.table import columns, described, read, rows, target
from archsearch.errors import DamagedFileError, LimitError, SpecError
from archsearch.spec.dataset import OWN_KINDS, DataSpec

pl = pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")


def spec_of(path: Path, **options: Any) -> DataSpec:
    return DataSpec(name="table", path=str(path), **options)


def write(path: Path, header: str, lines: Sequence[str], encoding: str = "utf-8") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return path


def shop(path: Path, n: int = 60, **cells: tuple[int, str]) -> Path:
    """A table of numbers, words and gaps; `cells` replaces one of a column: price=(3, "dear")."""
    draw = np.random.default_rng(0)
    names = ("age", "colour", "price", "sold")
    columns = {
        "age": ["" if i % 9 == 0 else str(draw.integers(18, 80)) for i in range(n)],
        "colour": [["red", "green", "blue", ""][draw.integers(0, 4)] for _ in range(n)],
        "price": [f"{draw.normal(10, 3):.3f}" for _ in range(n)],
        "sold": ["yes" if draw.random() < 0.5 else "no" for _ in range(n)],
    }
    for name, (row, cell) in cells.items():
        columns[name][row] = cell
    return write(path, ",".join(names), [",".join(columns[name][i] for name in names) for i in range(n)])


def test_kinds_of_own_data_are_the_same_everywhere() -> None:
    assert set(OWN_SOURCES) == set(OWN_DATA) == set(OWN_KINDS)


def test_iris_as_csv_and_as_parquet_holds_the_values(tmp_path: Path, data_folder: Path) -> None:
    iris = load_iris()
    names = [*iris.feature_names, "kind"]
    with (tmp_path / "iris.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [names, *([*x, iris.target_names[y]] for x, y in zip(iris.data, iris.target, strict=True))]
        )
    pl.read_csv(tmp_path / "iris.csv").write_parquet(tmp_path / "iris.parquet")
    spec = spec_of(tmp_path / "iris.csv", target="kind")
    data = load(spec)
    test = np.array([row for start in (0, 50, 100) for row in range(start + 4, start + 50, 5)])
    train = np.setdiff1d(np.arange(150), test)
    np.testing.assert_array_equal(data.x_train.numpy(), iris.data[train].astype(np.float32))
    np.testing.assert_array_equal(data.x_test.numpy(), iris.data[test].astype(np.float32))
    assert data.y_train.tolist() == iris.target[train].tolist()
    assert (data.facts.class_names, read_as(spec)) == (("setosa", "versicolor", "virginica"), "4 features")
    parquet = load(spec_of(tmp_path / "iris.parquet", target="kind"))
    assert parquet.fingerprint == data.fingerprint


def test_features_are_those_of_scikit_learn(tmp_path: Path, data_folder: Path) -> None:
    data = load(spec := spec_of(shop(tmp_path / "shop.csv"), target="sold"))
    with (tmp_path / "shop.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    sold = np.array([row["sold"] == "yes" for row in cells])
    test = np.sort(np.concatenate([np.flatnonzero(sold == label)[4::5] for label in (False, True)]))
    train = np.setdiff1d(np.arange(len(cells)), test)
    age = np.array([[float(row["age"] or "nan")] for row in cells])
    ages = SimpleImputer(strategy="median", add_indicator=True).fit(age[train])
    colour = np.array([[row["colour"] or "~missing"] for row in cells])
    colours = OneHotEncoder(categories=[["blue", "green", "red", "~missing"]], sparse_output=False).fit(colour[train])
    price = np.array([[float(row["price"])] for row in cells])
    expected = np.concatenate([ages.transform(age), colours.transform(colour), price], axis=1).astype(np.float32)
    np.testing.assert_array_equal(data.x_train.numpy(), expected[train])
    np.testing.assert_array_equal(data.x_test.numpy(), expected[test])
    assert data.y_train.tolist() == sold[train].astype(int).tolist()
    assert described.describe_table(spec).columns[1].features == (
        "colour=blue",
        "colour=green",
        "colour=red",
        "colour is missing",
    )
    assert remarks(spec) == [
        "2 columns of numbers: age, price",
        "1 column of categories, a feature for each: colour (3)",
        "test part: each fifth row of each class",
        f"missing cells: age {int(np.isnan(age).sum())}, colour {sum(not row['colour'] for row in cells)}; "
        "numbers become the median of the training rows, and a feature says where",
    ]


def test_parts_groups_and_weights_come_from_columns(tmp_path: Path, data_folder: Path) -> None:
    lines = [f"{i},{i % 2},{'Train' if i < 6 else 'dev' if i < 8 else 'test'},s{i // 2},{i / 10}" for i in range(12)]
    path = write(tmp_path / "t.csv", "x,y,split,subject,w", lines)
    spec = spec_of(path, target="y", part="split", group="subject", weight="w")
    data = load(spec)
    assert data.groups_train is not None
    assert data.weights_train is not None
    assert (data.facts.train, data.facts.validation, data.facts.test) == (8, 2, 4)
    assert data.x_train.flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [data.facts.group_names[number] for number in data.groups_train.tolist()] == [f"s{i // 2}" for i in range(8)]
    np.testing.assert_allclose(data.weights_train.numpy(), np.arange(8) / 10, rtol=1e-6)
    train, held_out = divide(spec, data.facts, data.y_train, 1, 2)
    assert (train.tolist(), held_out.tolist()) == ([0, 1, 2, 3, 4, 5], [6, 7])
    assert "validation part: 2 rows of split, the same for every seed" in remarks(spec)


def test_whole_groups_are_for_testing_where_no_column_says_the_parts(tmp_path: Path, data_folder: Path) -> None:
    path = write(tmp_path / "t.csv", "x,y,place", [f"{i},{i % 2},{'edcba'[i % 5]}" for i in range(20)])
    data = load(spec := spec_of(path, target="y", group="place"))
    assert data.x_test.flatten().tolist() == [4, 9, 14, 19]  # of place a, the fifth that appears
    assert data.groups_test is not None
    assert [data.facts.group_names[number] for number in data.groups_test.tolist()] == ["a"] * 4
    assert remarks(spec)[1] == "test part: each fifth group of place"


def test_separator_decimal_commas_mark_and_encoding_are_read(tmp_path: Path, data_folder: Path) -> None:
    lines = [f"{i},5;{'Größe' if i % 2 else 'Maß'};1.{i:03d},25" for i in range(20)]
    expected = [[i + 0.5, 1000 + i + 0.25] for i in range(20) if (i // 2) % 5 != 4]
    for name, encoding in (("a.csv", "utf-8"), ("b.csv", "utf-8-sig"), ("c.csv", "utf-16"), ("d.csv", "cp1252")):
        path = write(tmp_path / name, "x;y;z", lines, encoding)
        data = load(spec_of(path, target="y", encoding="cp1252" if encoding == "cp1252" else None))
        assert data.x_train.tolist() == expected, name
        assert data.facts.class_names == ("Größe", "Maß")
    with pytest.raises(SpecError, match=r"d.csv:2: is not UTF-8; say which it is, such as data.encoding: cp1252"):
        describe(spec_of(tmp_path / "d.csv", target="y"))
    with pytest.raises(
        SpecError, match=r"there is no encoding utf-9; name one such as utf-8, cp1252, latin-1 or utf-16"
    ):
        describe(spec_of(tmp_path / "d.csv", target="y", encoding="utf-9"))


def test_column_without_a_name_empty_lines_and_quotes(tmp_path: Path, data_folder: Path) -> None:
    lines = [f'{i},{i},"{"a, b" if i % 2 else "c"}"\n' for i in range(12)]
    data = load(spec_of(write(tmp_path / "t.csv", 'sep=,\n,x,"y"', lines), target="y"))
    assert data.facts.class_names == ("a, b", "c")
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((10, 1), (2, 1))


def test_large_numbers_are_standardised_before_they_become_float32(tmp_path: Path, data_folder: Path) -> None:
    seconds = 1_700_000_000 + 60 * np.arange(50, dtype=np.float64)
    path = write(tmp_path / "t.csv", "since,y", [f"{value:.0f},{i % 2}" for i, value in enumerate(seconds)])
    data = load(spec := spec_of(path, target="y"))
    test = np.sort(np.concatenate([np.arange(50)[label::2][4::5] for label in (0, 1)]))
    train = np.setdiff1d(np.arange(50), test)
    scaled = (seconds - seconds[train].mean()) / seconds[train].std()
    np.testing.assert_allclose(data.x_test[:, 0].numpy(), scaled[test], rtol=1e-6)
    assert "standardised before they become float32, which has too few digits for them: since" in remarks(spec)


def test_category_that_no_training_row_has_is_all_zeros_and_said(tmp_path: Path, data_folder: Path) -> None:
    lines = [f"{'ab'[i % 2] if i != 8 else 'c'},{i % 2}" for i in range(20)]
    data = load(spec := spec_of(write(tmp_path / "t.csv", "x,y", lines), target="y"))
    assert data.x_test.tolist() == [[0, 0], [0, 1], [1, 0], [0, 1]]
    assert remarks(spec)[-1] == (
        "x: 1 cell of the test part in no category of training (the first: c): all its features are 0 there"
    )
    with pytest.raises(SpecError, match=r"t.csv:10:x: 'c' is in no training row, and data.unseen refuses that; x is a"):
        describe(spec.model_copy(update={"unseen": "refuse"}))


def test_columns_that_tell_nothing_are_not_used_and_said(tmp_path: Path) -> None:
    spec = spec_of(write(tmp_path / "t.csv", "x,same,none,y", [f"{i},7,,{i % 2}" for i in range(20)]), target="y")
    assert describe(spec).shape == (1,)
    assert remarks(spec)[-1] == "not used: same is 7 throughout, none has nothing in the training rows"


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ({"price": (3, "dear")}, {}, r"shop.csv:5:price: 'dear' is no number, and 59 of 60 cells are; mend it, leave"),
        ({"price": (3, "inf")}, {}, r"shop.csv:5:price: inf is not finite as float32; mend it, or leave it empty"),
        ({"sold": (7, "")}, {}, r"shop.csv:9:sold: the target is missing; take such rows out, or fill them in"),
        ({}, {"missing": "refuse"}, r"shop.csv:2:age: is missing \(7 cells of age in all\), and data.missing refuses"),
        ({}, {"target": "solt"}, r"has no column solt. Did you mean sold\? There are age, colour, price, sold\."),
        ({}, {"target": None}, r"say which column of .*shop.csv is to be predicted: data.target \(age, colour, "),
        ({}, {"ignore": "colours"}, r"has no column colours. Did you mean colour\?"),
        ({}, {"weight": "colour"}, r"shop.csv:2:colour: is no weight: no number"),
        ({"price": (4, "-1.5")}, {"weight": "price"}, r"shop.csv:6:price: the weight -1.5 is negative; a weight is 0"),
        ({}, {"group": "sold", "target": "colour"}, r"shop.csv:\d+:colour: the target is missing"),
        ({}, {"part": "colour"}, r"shop.csv:2:colour: is missing; parts are train, val and test"),
        ({}, {"group": "sold", "target": "sold"}, r"sold cannot be both target and group"),
        ({}, {"ignore": ["age", "colour", "price"]}, r"shop.csv has no column to predict sold by"),
        ({}, {"target": "age"}, r"shop.csv:2:age: the target is missing \(and in 6 more rows\)"),
    ],
)
def test_cells_and_columns_that_cannot_be_are_refused_with_their_place(
    tmp_path: Path, cells: dict[str, tuple[int, str]], options: dict[str, Any], message: str
) -> None:
    path = shop(tmp_path / "shop.csv", **cells)
    with pytest.raises(SpecError, match=message):
        describe(spec_of(path, **{"target": "sold", **options}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"t.csv is empty; its first line names the columns, each other one is a sample"),
        ("a,b\n", r"t.csv has no rows; its first line names the columns"),
        ("a,b,y\n1,2,0\n3,4\n5,6,1,7\n", r"(?s)t.csv:3: has 2 cells, and the header 3.*t.csv:4: has 4 cells"),
        ("a,y,a\n1,0,2\n", r"t.csv:1: has the column 'a' twice; each column needs a name of its own"),
        ("a,,y\n1,0,2\n", r"t.csv:1: column 2 has no name; the first line names the columns"),
        ("a,y\n\0\0,1\n", r"t.csv is no text; expected a table"),
        ("a,y\n" + "".join(f"{i},5\n" for i in range(10)), r"t.csv:y: is 5 in all 10 rows; there is nothing to learn"),
        ("a,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(50)), r"40 different words in 40 training rows are no cat"),
        (
            "a,y\n" + "".join(f"{i},n{i}\n" for i in range(50)),
            r"t.csv:y: 50 different values in 50 rows are no classes",
        ),
        ("a,y\n" + "".join(f"{i},{int(i == 9)}\n" for i in range(5)), r"t.csv:y: is 0 in all 5 rows"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        describe(spec_of(tmp_path / "t.csv", target="y"))


def test_task_says_what_the_targets_are(tmp_path: Path, data_folder: Path) -> None:
    lines = [f"{i},{i % 3},{'yes' if i % 2 else 'no'},{i / 2},{'x' if i == 7 else i % 2}" for i in range(30)]
    path = write(tmp_path / "t.csv", "a,mark,ripe,size,odd", lines)
    kept = {"ignore": ["odd"]}
    test = [4 + 5 * k for k in range(6)]
    marks = load(spec_of(path, target="mark", task="regression", **kept))
    assert (marks.facts.task.name, marks.y_test.flatten().tolist()) == ("regression", [i % 3 for i in test])
    several = load(spec_of(path, target=["size", "mark"], **kept))
    assert (several.facts.task.outputs, several.facts.class_names) == (2, ("size", "mark"))
    assert several.y_test.tolist() == [[i / 2, i % 3] for i in test]
    assert remarks(spec_of(path, target="mark", **kept))[2] == (
        "target mark: 3 different whole numbers are classes; data.task: regression takes them as numbers"
    )
    ripe = load(spec_of(path, target="ripe", task="binary", **kept))
    assert (ripe.facts.task.name, ripe.facts.task.outputs, ripe.facts.class_names) == ("binary", 1, ("no", "yes"))
    assert describe(spec_of(path, target="ripe", task="multilabel", **kept)).task.name == "multilabel"
    for column, task, message in (
        ("odd", "regression", r"t.csv:9:odd: 'x' is no number, and regression predicts numbers"),
        ("ripe", "regression", r"t.csv:2:ripe: 'no' is no number, and regression predicts numbers"),
        ("mark", "binary", r"t.csv:mark: has 3 different values, and binary tells two apart; data.task: classificat"),
        ("mark", "multilabel", r"t.csv:4:mark: '2' is no label; labels are 0 and 1, no and yes, or false and true"),
        (["size", "ripe"], None, r"t.csv:2:ripe: 'no' is no number, and regression predicts numbers"),
        (["ripe", "mark"], "classification", r"classification has one target, and data.target names 2"),
        ("mark", "regresion", r"unknown task 'regresion'; did you mean 'regression'\?"),
    ):
        with pytest.raises(SpecError, match=message):
            describe(spec_of(path, target=column, task=task))


def test_group_in_two_parts_and_parts_that_are_missing(tmp_path: Path) -> None:
    lines = [f"{i},{i % 2},{'train' if i < 8 else 'test'},{'p' if i == 9 else i % 3},q" for i in range(10)]
    path = write(tmp_path / "t.csv", "x,y,part,g,one", lines)
    at = r"t.csv:10:g: group 2 is in the test part here and in the train part at .*t.csv:4:g: one is judged on what the"
    with pytest.raises(SpecError, match=f"{at} other knows; keep each group in one part, or leave data.part out"):
        describe(spec_of(path, target="y", part="part", group="g"))
    with pytest.raises(SpecError, match=r"t.csv:one: is q in all rows; groups are of use from two on"):
        describe(spec_of(path, target="y", part="part", group="one"))
    with pytest.raises(
        SpecError, match=r"t.csv:one: is q in all rows; .*: leave data.group out, or name another column"
    ):
        describe(spec_of(path, target="y", group="one", ignore=["part"]))
    with pytest.raises(SpecError, match=r"t.csv has 4 groups: every fifth is for testing; say the parts by a column"):
        describe(spec_of(path, target="y", group="g", ignore=["part", "one"]))
    with pytest.raises(SpecError, match=r"t.csv:2:y: 0 is no part; parts are train, val and test"):
        describe(spec_of(path, target="x", part="y", task="classification"))


def test_broken_parquet_and_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DamagedFileError, match=r"t.parquet cannot be read as Parquet \(.*\); write it again"):
        describe(spec_of(path, target="y"))
    monkeypatch.setattr(read, "LARGEST_TABLE", 10)
    with pytest.raises(LimitError, match=r"t.parquet has 0 GiB, and at most 0 are read"):
        describe(spec_of(path, target="y"))
    with pytest.raises(
        SpecError, match=r"nix.csv does not exist; expected a table \(.csv, .tsv, .txt, .parquet, .pq, .jsonl, .nd"
    ):
        describe(spec_of(tmp_path / "nix.csv", target="y"))


def test_parquet_types_dates_are_refused_and_booleans_are_numbers(tmp_path: Path, data_folder: Path) -> None:
    frame = pl.DataFrame(
        {
            "flag": [i % 3 == 0 for i in range(20)],
            "code": [i % 4 for i in range(20)],
            "when": [None] * 20,
            "y": pl.Series([float(i % 2) for i in range(20)]),
        }
    )
    dated = frame.with_columns(pl.lit("2024-01-03").str.to_date().alias("when"))
    dated.write_parquet(path := tmp_path / "t.parquet")
    with pytest.raises(
        SpecError, match=r"t.parquet:when: is Date, neither numbers nor words; .* data.ignore: \[when\]"
    ):
        describe(spec_of(path, target="y"))
    data = load(spec_of(path, target="y", ignore="when", categorical="code"))
    assert data.x_train[:4].tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 1]]
    assert data.facts.class_names == ("0", "1")


def test_description_is_made_again_when_the_file_changes(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.csv")
    assert describe(spec_of(path, target="sold")).test == 11
    shop(path, n=40)
    assert describe(spec_of(path, target="sold")).train + describe(spec_of(path, target="sold")).test == 40


def test_table_without_polars_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from archsearch.errors import UsageError

    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UsageError, match=r"tables are an extra: pip install 'archsearch\[tables\]'"):
        read.read_table(shop(tmp_path / "shop.csv"))


def test_keys_of_tables_are_refused_for_other_data() -> None:
    with pytest.raises(
        SpecError, match=r"target is for tables \(table, and labels of images\), and digits is none. Remove it."
    ):
        describe(DataSpec(name="digits", target="y"))
    with pytest.raises(
        SpecError, match=r"^channels says how your own arrays \(npz\) are read, and digits is known\. R.*$"
    ):
        describe(DataSpec(name="digits", channels="last"))
    assert columns.words_in_order(["10", "9"]) == ("9", "10")
    assert (target.MOST_WHOLE, rows.PART_WORDS["dev"]) == (20, "val")


def test_groups_that_are_written_otherwise_are_others(tmp_path: Path, data_folder: Path) -> None:
    lines = [f"{i},{i % 2},{('01', '1', '2', '10', '1.0')[i % 5]}" for i in range(20)]
    path = write(tmp_path / "t.csv", "x,y,g", lines)
    assert describe(spec_of(path, target="y", group="g")).group_names == ("01", "1", "1.0", "10", "2")
    path = write(tmp_path / "u.csv", "x,y,g", [f"{i},{i % 2},{i % 11}" for i in range(22)])
    assert describe(spec_of(path, target="y", group="g")).group_names == tuple(map(str, range(11)))
