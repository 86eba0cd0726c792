"""A first spec for a table: what is guessed of its columns, and that it trains."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from sklearn.datasets import load_diabetes, load_iris

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_spec
from archsearch.init.begin import begin, write_begun
from archsearch.init.first_spec import first_spec, first_spec_text
from archsearch.init.first_table import table_options
from archsearch.train.run import run

pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")


def write(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_target_parts_groups_and_columns_that_teach_nothing_are_guessed(tmp_path: Path) -> None:
    lines = [f"{i},n{i},{i % 7},{i // 4},{i % 2},{'train' if i < 40 else 'test'},{i * 3 % 11}" for i in range(60)]
    options, said = table_options(write(tmp_path / "t.csv", "id,name,size,subject,Label,split,last", lines))
    assert options == {"target": "Label", "part": "split", "group": "subject", "ignore": ["id", "name"]}
    assert said == [
        "target: Label, by its name; change it if another column is to be predicted",
        "part: split says which rows are for training and which for testing",
        "group: subject, whose rows are never divided between parts",
        "ignore: id, which numbers the rows",
        "ignore: name, whose cells are no categories and no numbers; look at it",
    ]


def test_first_spec_of_iris_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    iris = load_iris()
    with (tmp_path / "iris.csv").open("w", newline="") as file:
        rows = ([*x, iris.target_names[y]] for x, y in zip(iris.data, iris.target, strict=True))
        csv.writer(file).writerows([[*iris.feature_names, "kind"], *rows])
    begun = begin(tmp_path / "iris.csv", tmp_path)
    write_begun(begun)
    assert begun.found == ("3 classes, 120 training and 30 test samples of 4",)
    text = (tmp_path / "iris.yaml").read_text(encoding="utf-8")
    assert "# target: kind, the last column; change it if another column is to be predicted\n" in text
    assert '{name: table, path: "iris.csv", normalize: true, validation: 0.1, target: kind}' in text
    accuracy = run(str(tmp_path / "iris.yaml"), runs_dir=tmp_path / "runs").result.test_accuracy
    assert accuracy is not None
    assert accuracy > 0.9


def test_first_spec_of_numbers_is_one_of_regression(tmp_path: Path) -> None:
    data = load_diabetes(scaled=False)
    with (tmp_path / "d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[*data.feature_names, "progression"], *zip(*data.data.T, data.target, strict=True)])
    first = first_spec("table", tmp_path / "d.csv", "d", tmp_path)
    assert (first.plan.facts.task.name, first.spec.data.normalize_targets) == ("regression", True)
    assert first.spec.train.loss.kind == "mse"
    text = first_spec_text(first, "d")
    assert "  - linear: {out_features: outputs}\n" in text
    assert "classes" not in text
    (tmp_path / "d.yaml").write_text(text, encoding="utf-8")
    assert load_spec(str(tmp_path / "d.yaml")).network == first.spec.network


def test_table_that_cannot_be_one_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"t.csv:3: has 1 cell, and the header 2"):
        begin(write(tmp_path / "t.csv", "a,b", ["1,2", "3"]), tmp_path)
