"""From a table to a trained network and back, as people do it; and data of a function of one's own."""

from __future__ import annotations

import csv

import pytest
from sklearn.datasets import load_iris


def test_table_from_init_to_evaluate(cli, tmp_path):
    pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")
    iris = load_iris()
    rows = [[n, *x, iris.target_names[y]] for n, (x, y) in enumerate(zip(iris.data, iris.target, strict=True))]
    with (tmp_path / "iris.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "a", "b", "c", "d", "species"], *rows])
    done = cli("init", "iris.csv")
    assert (done.code, done.err) == (0, "")
    assert "ignore: id, which numbers the rows" in done.out
    shown = cli("show", "iris.yaml", "--json").json["data"]
    assert shown["read_as"] == "4 features"
    assert shown["remarks"] == ["4 columns of numbers: a, b, c, d", "test part: each fifth row of each class"]
    run = cli("run", "iris.yaml", "--json").json
    assert run["test_accuracy"] > 0.9
    (tmp_path / "new.csv").write_text("d;c;b;a\n0,2;1,4;3,5;5,1\n2,3;6,9;3,0;\n", encoding="utf-8")
    said = cli("predict", run["run_id"], "new.csv", "--json").json
    assert [one["class"] for one in said["predictions"]] == ["setosa", "virginica"]
    assert said["remarks"] == ["a: 1 cell missing, read as the median of the training, 5.8"]
    judged = cli("evaluate", "iris.yaml", "--data", "iris.yaml", "--json").json
    assert judged["metrics"]["accuracy"] == pytest.approx(run["test_accuracy"])
    (tmp_path / "bad.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    done = cli("predict", run["run_id"], "bad.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: bad.csv has no column d; the network reads a, b, c, d\n"
    (tmp_path / "iris.csv").write_text((tmp_path / "iris.csv").read_text().replace("7.9,", "tall,"))
    done = cli("check", "iris.yaml")
    assert done.code == 3
    assert "iris.csv:133:a: 'tall' is no number, and 149 of 150 cells are; mend it" in done.err


def test_function_of_ones_own_is_shown_once_it_is_trusted(cli, tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path / "configuration"), "ARCHSEARCH_TRUST": ""}
    (tmp_path / "my_data.py").write_text(
        "import numpy as np\n"
        "def load():\n"
        "    x = np.arange(40, dtype='float32').reshape(20, 2)\n"
        "    return x[:16], np.arange(16) % 2, x[16:], np.arange(4) % 2\n",
        encoding="utf-8",
    )
    (tmp_path / "mine.yaml").write_text(
        "data: my_data.py:load\nnetwork: [linear: {out_features: classes}]\n"
        "train: {epochs: 1, batch_size: 8, device: cpu, optimizer: {adam: {lr: 0.1}}}\n",
        encoding="utf-8",
    )
    done = cli("show", "mine.yaml", env=env)
    assert (done.code, done.out) == (2, "")
    assert "my_data.py is a Python file, which is code, and it was not allowed to run here" in done.err
    assert cli("trust", "my_data.py", env=env).code == 0
    document = cli("show", "mine.yaml", "--json", env=env).json
    assert document["data"]["read_as"] == "2 features"
    assert document["data"]["remarks"][0].startswith("my_data.py:load was called on ")
    assert cli("run", "mine.yaml", env=env).code == 0
