"""`compare` and `report` of runs that trackers kept, and `--log mlflow`, from the outside."""

from __future__ import annotations

import re
import sys

import pytest

from tests.ablate.tracked import writers

ABLATION = """\
name: act
baseline: tiny.yaml
factors: {activation: {tanh: [replace: {relu: tanh}]}}
seeds: 3
screen: true
"""


def test_compare_of_a_tensorboard_folder_and_its_report(cli, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install -e '.[tensorboard]'")
    writers.write(writers.TORCH, tmp_path)
    asked = ("tb:runs", "--factor", "norm", "--pair", "seed", "--metric", "val/acc", "--baseline", "batch")
    done = cli("compare", *asked, "--take", "max", "--json")
    assert (done.code, done.err) == (0, "the largest val/acc of each run stands for it; --take chooses\n")
    (effect,) = done.json["effects"]
    assert (effect["variant"], effect["n"]) == ("layer", 3)
    assert effect["differences"] == pytest.approx([0.02, 0.021, 0.022])
    text = cli("compare", *asked)
    assert text.out.startswith("layer instead of batch: +2.10 points")
    assert "n  mean ± SD (%)" in text.out
    page = cli("report", *asked)
    assert page.out == "report-tb-runs.html\n"
    assert "layer instead of batch" in (tmp_path / "report-tb-runs.html").read_text(encoding="utf-8")


def test_ablate_writes_its_runs_to_mlflow_once_and_compare_reads_them(cli, tmp_path, tiny, monkeypatch):
    pytest.importorskip("mlflow", reason="MLflow is not installed: pip install -e '.[mlflow]'")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "act.yaml").write_text(ABLATION)
    once = cli("ablate", "act.yaml", "--workers", "1", "--log", "mlflow", "--json")
    assert "MLflow: 6 runs written to act in sqlite:///mlflow.db\n" in once.err
    again = cli("ablate", "act.yaml", "--workers", "1", "--log", "mlflow", "--json")
    assert "MLflow: 0 runs written to act in sqlite:///mlflow.db, 6 were there\n" in again.err
    asked = ("--factor", "activation", "--metric", "test_accuracy", "--baseline", "baseline", "--screen", "--json")
    compared = cli("compare", "mlflow:act", *asked)
    assert compared.code == 0
    ours, theirs = once.json["effects"][0], compared.json["effects"][0]
    assert theirs["differences"] == pytest.approx(ours["differences"])
    assert not [note for note in theirs["notes"] if "moves too" in note]


def test_what_goes_wrong_in_mlflow_loses_no_run(cli, tmp_path, tiny):
    pytest.importorskip("mlflow", reason="MLflow is not installed: pip install -e '.[mlflow]'")
    (tmp_path / "act.yaml").write_text(ABLATION)
    there = f"mlflow:sqlite:///{tiny}/mlflow.db"  # below what is a file
    done = cli("ablate", "act.yaml", "--workers", "1", "--log", there, "--json")
    assert done.code == 0
    assert done.json["runs"]["completed"] == 6
    assert (
        "all runs are kept, but they could not be written to MLflow (--log mlflow: the MLflow store sqlite" in done.err
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compare", "runs.csv", "--baseline", "a", "--take", "max"], 2, "--take, --only, --run-name and --newest are"),
        (["compare", "tb:none", "--baseline", "a"], 3, "error: tb:none: is no folder; give TensorBoard's --logdir"),
        (["compare", "wandb:", "--baseline", "a"], 3, "error: wandb:wandb: is no folder; give the folder called wandb"),
        (["compare", "mlflow:", "--baseline", "a"], 3, "error: mlflow: there is no MLflow store mlflow.db; name one"),
        (["ablate", "x.yaml", "--log", "wandb"], 2, "--log wandb: runs can be written to mlflow, or to mlflow:URI"),
        (["study", "--log", "aim"], 2, "--log aim: runs can be written to mlflow, or to mlflow:URI"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(cli, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "runs.csv").write_text("variant,seed,acc\na,0,0.5\n")
    done = cli(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("source", "files", "extra"),
    [
        ("tb:.", ["events.out.tfevents.1.x.0"], "tensorboard"),
        ("wandb:.", ["run-x.wandb"], "wandb"),
        ("mlflow:./mlflow.db#x", ["mlflow.db"], "mlflow"),
    ],
)
def test_an_extra_that_is_absent_is_named(cli, tmp_path, monkeypatch, source, files, extra):
    for name in files:
        (tmp_path / name).write_bytes(b"")
    for name in [name for name in sys.modules if name.split(".")[0] == extra]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, extra, None)
    done = cli("compare", source, "--baseline", "a")
    assert done.code == 2
    assert re.search(rf"install it with\s+pip\s+install\s+'archsearch\[{extra}\]'", done.err)
