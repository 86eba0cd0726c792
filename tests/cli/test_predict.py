"""predict and evaluate as their users meet them."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from sklearn.datasets import load_digits


@pytest.fixture
def run_id(cli, tiny) -> str:
    """A finished run of the tiny spec."""
    return cli("run", "tiny.yaml", "--json").json["run_id"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six digits as PNG files, the last one larger, and each again in a folder of its class."""
    held = load_digits()
    for k in range(6):
        picture = PIL.Image.fromarray((held.images[k] / 16 * 255).round().astype("u1"))
        for path in (tmp_path / "images" / f"{k}.png", tmp_path / "classes" / str(held.target[k]) / "a.png"):
            path.parent.mkdir(parents=True, exist_ok=True)
            (picture.resize((20, 20)) if k == 5 else picture).save(path)
    return tmp_path / "images"


def test_predict_prints_a_table_json_and_csv_with_the_same_classes(cli, run_id, images):
    done = cli("predict", run_id, "images", env={"COLUMNS": "80"})
    assert done.code == 0
    assert done.err == "1 of 6 images is resized to 8x8 (the first: images/5.png, 20x20)\n"
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["sample", "class", "probability", "or", "2", "or", "3"]
    document = cli("predict", run_id, "images", "--json").json
    assert document["run_id"] == run_id
    first = document["predictions"][0]
    assert first["sample"] == "images/0.png"
    outputs = torch.tensor([each["output"] for each in document["predictions"][0]["top"]])
    assert torch.equal(outputs, outputs.sort(descending=True).values)
    rows = list(csv.DictReader(io.StringIO(cli("predict", run_id, "images", "--csv", "--top", "10").out)))
    assert [row["class"] for row in rows] == [one["class"] for one in document["predictions"]]
    assert sum(float(value) for name, value in rows[0].items() if name.startswith("prob")) == pytest.approx(1)
    assert [line.split()[1] for line in lines[1:7]] == [row["class"] for row in rows]


def test_predict_reads_paths_from_stdin_and_arrays(cli, run_id, images, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"images/1.png\nimages/2.png\n")))
    found = cli("predict", run_id, "images/0.png", "-", "--json").json["predictions"]
    assert [one["sample"] for one in found] == ["images/0.png", "images/1.png", "images/2.png"]
    x = np.stack([np.asarray(PIL.Image.open(images / f"{k}.png")) for k in range(3)])
    np.savez(tmp_path / "x.npz", x=x)
    arrays = cli("predict", "tiny.yaml", "x.npz", "--json").json["predictions"]
    assert [one["top"] for one in arrays] == [one["top"] for one in found]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["empty"], 2, "empty holds no image; endings read are"),
        (["gone.png"], 2, "there is no file or folder gone.png"),
        (["text.png"], 4, "text.png cannot be read as an image"),
        (["images", "x.npz"], 2, "x.npz is a file of arrays; name it alone"),
        (["x.npy"], 2, "x.npy: arrays are read from .npz files"),
        (["images", "--json", "--csv"], 2, "--json and --csv do not go together"),
        (["-", "-"], 2, "- can stand once"),
    ],
)
def test_predict_refuses_what_it_cannot_read_and_prints_nothing(
    cli, run_id, images, tmp_path, arguments, code, message
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    for name in ("x.npz", "x.npy"):
        (tmp_path / name).write_bytes(b"")
    done = cli("predict", run_id, *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_predict_refuses_altered_and_unfinished_runs_and_says_which_of_several(cli, tiny, run_id, images, tmp_path):
    cli("run", "tiny.yaml", "--seed", "1")
    done = cli("predict", "tiny.yaml", "images")
    assert done.code == 2
    assert f"tiny.yaml has 2 finished runs; name one: {run_id} (seed 0)" in done.err
    of_one = cli("predict", "tiny.yaml", "images", "--seed", "0", "--json").json
    assert (of_one["run_id"], of_one["seed"]) == (run_id, 0)
    assert cli("evaluate", "tiny.yaml", "--data", "tiny.yaml", "--seed", "1", "--json").json["seed"] == 1
    none = cli("predict", "tiny.yaml", "images", "--seed", "7")
    assert (none.code, none.out) == (2, "")
    assert f"tiny.yaml has no finished run with seed 7; there is {run_id} (seed 0)" in none.err
    weights = tmp_path / "runs" / run_id / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = cli("predict", run_id, "images")
    assert done.code == 4
    assert "model.safetensors was truncated or altered and is not used" in done.err
    (tmp_path / "runs" / run_id / "result.json").unlink()
    assert "is not finished; archsearch run goes on with it" in cli("predict", run_id, "images").err


def test_stdin_that_is_an_image_or_empty_is_said(cli, run_id, images, monkeypatch):
    for content, message in (((images / "0.png").read_bytes(), "stdin holds no text"), (b"\n", "stdin holds no path")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        done = cli("predict", run_id, "-")
        assert done.code == 2
        assert message in done.err


# -- evaluate ----------------------------------------------------------------------------------------------------------


def test_evaluate_on_its_own_data_gives_the_runs_accuracy_and_the_report_shows_it(cli, tiny, run_id, images, tmp_path):
    record = cli("evaluate", run_id, "--data", "tiny.yaml", "--json").json
    result = cli("run", "tiny.yaml", "--json").json
    assert record["metrics"]["accuracy"] == result["test_accuracy"]
    done = cli("evaluate", run_id, "--data", "classes", env={"COLUMNS": "80"})
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert f"archsearch report {run_id} shows it" in " ".join(done.err.split())
    assert len(list((tmp_path / "runs" / run_id / "evaluations").iterdir())) == 2
    text = (tmp_path / cli("report", run_id, "--format", "md").out.strip()).read_text()
    assert "## On other data" in text
    assert "### Confusion matrix, tiny seed 0 on classes" in text
    page = (tmp_path / cli("report", run_id).out.strip()).read_text()
    assert "Each class, tiny seed 0 on tiny.yaml" in page


def test_evaluate_keeps_nothing_where_it_is_asked_to(cli, run_id, tmp_path):
    assert cli("evaluate", run_id, "--data", "digits", "--no-keep").code == 0
    assert not (tmp_path / "runs" / run_id / "evaluations").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("fashion_mnist", "fashion_mnist has the 10 classes T-shirt/top"),
        ("nothing", "--data nothing: there is no such file or folder, spec or data set"),
        ("images", "holds no image in folders called as the classes"),
        ("other", "other has the folder cat; the network's classes are 0, 1"),
    ],
)
def test_evaluate_refuses_other_classes(cli, run_id, images, tmp_path, data, message):
    shutil.copytree(images, tmp_path / "other" / "cat")
    done = cli("evaluate", run_id, "--data", data)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (tmp_path / "runs" / run_id / "evaluations").exists()
