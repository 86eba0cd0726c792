"""Yes or no, labels and numbers from end to end: run, predict, evaluate, report, search, ablation."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from scipy.special import expit
from sklearn.datasets import load_diabetes
from sklearn.metrics import f1_score, r2_score, root_mean_squared_error

SPECS = {
    "binary": """\
name: binary
data: {name: breast_cancer, normalize: true, validation: 0.2}
network: [linear: {out_features: 6}, relu, linear: {out_features: outputs}]
train: {epochs: 3, batch_size: 64, optimizer: {adam: {lr: 0.02}}, device: cpu}
""",
    "multilabel": """\
name: multilabel
data: {name: digits_segments, limit: 300, validation: 0.2}
network: [flatten, linear: {out_features: outputs}]
train: {epochs: 3, batch_size: 32, optimizer: {adam: {lr: 0.02}}, loss: {bce: {pos_weight: balanced}}, device: cpu}
""",
    "regression": """\
name: regression
data: {name: diabetes, normalize: true, normalize_targets: true, validation: 0.2}
network: [linear: {out_features: 6}, relu, linear: {out_features: outputs}]
train: {epochs: 4, batch_size: 32, optimizer: {adam: {lr: 0.02}}, early_stopping: {patience: 4}, device: cpu}
""",
}
MAIN = {"binary": "accuracy", "multilabel": "f1_macro", "regression": "rmse"}


@pytest.fixture(params=SPECS)
def task(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    (tmp_path / f"{request.param}.yaml").write_text(SPECS[request.param], encoding="utf-8")
    return str(request.param)


def test_a_task_runs_predicts_evaluates_and_reports(cli, task, tmp_path):
    finished = cli("run", f"{task}.yaml", "--json")
    ran = finished.json
    assert re.search(r"[\d,]+ img/s" if task == "multilabel" else r"[\d,]+ samples/s", finished.err)
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept:
        outputs, targets = kept["test_outputs"], kept["test_labels"]
    expected = {
        "binary": lambda: ((outputs[:, 0] > 0) == targets).mean(),
        "multilabel": lambda: f1_score(targets, outputs > 0, average="macro"),
        "regression": lambda: root_mean_squared_error(targets, outputs),
    }[task]()
    assert ran[f"test_{MAIN[task]}"] == pytest.approx(expected, rel=1e-5)

    told = cli("evaluate", ran["run_id"], "--data", f"{task}.yaml", "--json").json
    assert told["metrics"][MAIN[task]] == told["own_test"] == pytest.approx(expected, rel=1e-5)
    page = cli("report", ran["run_id"], "-o", "page.html")
    assert page.code == 0
    shown = (tmp_path / "page.html").read_text(encoding="utf-8")
    wanted = {
        "binary": ("Confusion matrix", "Reliability", "ROC, ", "Precision and recall, "),
        "multilabel": ("Each label, ", "ROC, "),
        "regression": ("Each target, ", "Predicted against true, ", "Residuals, "),
    }[task]
    assert [title for title in wanted if title not in shown] == []


def test_a_bundle_of_a_task_comes_out_bit_identical_without_the_run(cli, task, tmp_path):
    cli("run", f"{task}.yaml")
    assert cli("bundle", f"{task}.yaml", "-o", "one.zip").code == 0
    shutil.rmtree(tmp_path / "runs")
    done = cli("reproduce", "one.zip", "--json")
    assert (done.code, done.json["verdict"], done.json["runs"][0]["cached"]) == (0, "bit-identical", False), done.err


def test_a_spec_and_a_list_say_what_a_network_gives_in_the_word_of_its_task(cli, task, tmp_path):
    words = {"binary": "1 output", "multilabel": "7 labels", "regression": "1 target"}
    assert re.search(rf"^data   \w+, {words[task]}, ", cli("show", f"{task}.yaml").out, re.MULTILINE)
    found = cli("data", "list", "--json").json["data_sets"]
    names = {"binary": "breast_cancer", "multilabel": "digits_segments", "regression": "diabetes"}
    one = next(one for one in found if one["name"] == names[task])
    assert (one["task"], one["outputs"]) == (task, words[task])


def test_an_exported_network_says_how_its_outputs_are_in_the_unit_of_the_targets(cli, tmp_path):
    (tmp_path / "regression.yaml").write_text(SPECS["regression"], encoding="utf-8")
    untrained = cli("export", "regression.yaml", "--to", "pytorch", "-o", "-").out
    assert "predictions = model(x) * deviation + mean  # of the targets of the training part" in untrained
    ran = cli("run", "regression.yaml", "--json").json
    done = cli("export", ran["run_id"], "--to", "pytorch", "-o", "net.py")
    assert "it gives targets scaled as in training" in done.err
    space: dict[str, Any] = {"__name__": "net"}
    exec((tmp_path / "net.py").read_text(encoding="utf-8"), space)
    model = space["build_model"]()
    model.load_state_dict(load_file(tmp_path / ran["run_dir"] / "model.safetensors"))
    (typed,) = re.findall(r"predictions = (model\(x\) .*)", space["__doc__"])
    # as whoever reads the file does: the samples normalised by the training part, which the weights' file has
    with safe_open(tmp_path / ran["run_dir"] / "model.safetensors", framework="np") as held:
        inputs = json.loads(held.metadata()["archsearch.inputs"])
    x = load_diabetes(scaled=False).data[4::5].astype(np.float32)
    x = torch.tensor((x - np.float32(inputs["mean"])) / np.float32(inputs["deviation"]))
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept, torch.no_grad():
        assert eval(typed, {"model": model, "torch": torch, "x": x}).numpy() == pytest.approx(
            kept["test_outputs"], rel=1e-4
        )


def test_predict_says_what_its_task_asks_for(cli, task, tmp_path):
    ran = cli("run", f"{task}.yaml", "--json").json
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept:
        outputs = kept["test_outputs"]
    from archsearch.data.prepare import load
    from archsearch.experiment_plan import load_plan

    x = load(load_plan(str(tmp_path / f"{task}.yaml")).spec.data).x_test.numpy()
    np.savez(tmp_path / "x.npz", x=x[:5])
    found = cli("predict", ran["run_id"], "x.npz", "--json").json
    assert found["task"] == task
    rows = list(csv.DictReader(io.StringIO(cli("predict", ran["run_id"], "x.npz", "--csv").out)))
    for row, one, given in zip(rows, found["predictions"], outputs, strict=False):
        if task == "binary":
            yes = {"benign": expit(given[0]), "malignant": expit(-given[0])}
            assert {each["class"]: each["probability"] for each in one["top"]} == pytest.approx(yes, rel=1e-4)
            assert one["class"] == row["class"] == max(yes, key=yes.__getitem__)
        elif task == "multilabel":
            shares = {each["class"]: each["probability"] for each in one["top"]}
            assert sorted(shares.values()) == pytest.approx(sorted(expit(given)), rel=1e-4)
            assert set(one["labels"]) == {name for name, share in shares.items() if share > 0.5}
            assert row["labels"].split(";") == one["labels"]
        else:
            assert one["values"] == pytest.approx({"progression": given[0]}, rel=1e-5)
            assert float(row["progression"]) == pytest.approx(given[0], rel=1e-5)
    assert cli("predict", ran["run_id"], "x.npz", env={"COLUMNS": "80"}).code == 0


def test_targets_are_scaled_by_the_training_part_and_the_scale_is_kept(cli, tmp_path):
    (tmp_path / "regression.yaml").write_text(SPECS["regression"], encoding="utf-8")
    ran = cli("run", "regression.yaml", "--json").json
    with safe_open(tmp_path / ran["run_dir"] / "model.safetensors", framework="np") as held:
        inputs = json.loads(held.metadata()["archsearch.inputs"])
    with np.load(tmp_path / ran["run_dir"] / "predictions.npz") as kept:
        held_out = kept["val_labels"]
        assert r2_score(kept["test_labels"], kept["test_outputs"]) == pytest.approx(ran["test_r2"], rel=1e-4)
    y = load_diabetes().target
    train = np.delete(y, slice(4, None, 5))
    # the training part is what is neither for testing nor held out
    mean = (train.sum() - held_out.sum()) / (len(train) - len(held_out))
    square = ((train**2).sum() - (held_out.astype(float) ** 2).sum()) / (len(train) - len(held_out))
    assert inputs["target_mean"] == [pytest.approx(mean, rel=1e-6)]
    assert inputs["target_deviation"] == [pytest.approx((square - mean**2) ** 0.5, rel=1e-5)]


@pytest.mark.slow
def test_a_search_and_an_ablation_ask_for_the_main_metric(cli, task, tmp_path):
    direction = "minimize" if task == "regression" else "maximize"
    search = (
        f"base: {task}.yaml\nobjective: {{{direction}: val_{MAIN[task]}}}\ntrials: 2\nconfirm: 1\nconfirm_seeds: 2\n"
    )
    (tmp_path / "search.yaml").write_text(search + "train: {batch_size: {choice: [16, 32]}}\n", encoding="utf-8")
    assert cli("study", "search.yaml", "--json").json["metrics"] == [f"val_{MAIN[task]}"]
    ablation = f"baseline: {task}.yaml\nfactors: {{rate: {{low: [set: {{train.optimizer.adam.lr: 0.001}}]}}}}\n"
    (tmp_path / "ablation.yaml").write_text(ablation + "seeds: 3\nscreen: true\n", encoding="utf-8")
    found = cli("ablate", "ablation.yaml", "--json").json
    assert (found["family"]["metric"], found["family"]["direction"]) == (f"test_{MAIN[task]}", direction)
    assert len(found["effects"][0]["differences"]) == 3
    assert cli("report", "ablation", "-o", "ablation.html").code == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.loss=cross_entropy", "diabetes is for regression, and train.loss cross_entropy is not; use mse or l1"),
        ("train.eval_loss=bce", "train.eval_loss bce is not; use mse or l1 or huber or smooth_l1"),
        ("train.early_stopping.monitor=val_accuracy", "accuracy is no metric of regression, .* use one of val_rmse"),
        ("data.task=classification", "diabetes is for regression .1 target., not classification. Remove data.task"),
        ("train.loss=poisson_nll", "data.normalize_targets changes them; remove it"),
    ],
)
def test_what_is_not_for_a_task_is_refused_before_anything_is_trained(cli, tmp_path, change, message):
    (tmp_path / "regression.yaml").write_text(SPECS["regression"], encoding="utf-8")
    done = cli("run", "regression.yaml", change)
    assert done.code == 3
    assert re.search(message, " ".join(done.err.split())), done.err
