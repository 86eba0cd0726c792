"""examples/deploy serves an exported file, where archsearch cannot be imported."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from archsearch.experiment_plan import load_plan
from archsearch.export.export import ExportOptions, export
from archsearch.train.run import run
from archsearch.train.trained import open_trained

SERVE = Path(__file__).parents[2] / "examples" / "deploy" / "serve.py"
ALONE = "import runpy, sys; sys.modules['archsearch'] = None; del sys.argv[0]; runpy.run_path(sys.argv[0])"
SMALL = ["train.epochs=2", "data.limit=40", "train.engine=torch", "train.device=cpu"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server of a trained network, and the network's run."""
    folder = run(load_plan("digits_quickstart", SMALL), runs_dir=tmp_path).run_dir
    export(str(folder), "onnx", ExportOptions(output=tmp_path / "d.onnx", with_preparation=True))
    server = subprocess.Popen(
        [sys.executable, "-c", ALONE, str(SERVE), str(tmp_path / "d.onnx"), "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip(), folder
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()


def post(address: str, content: bytes) -> dict[str, object]:
    with urllib.request.urlopen(urllib.request.Request(address, content), timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def test_server_answers_images_as_the_run_does(served: tuple[str, Path]) -> None:
    address, folder = served
    trained = open_trained(folder)
    for number in (0, 7, 25):
        levels = (load_digits().images[number] * 255 / 16).round().astype("u1")
        inner = io.BytesIO()
        Image.fromarray(levels).save(inner, "png")
        wanted = trained.outputs(torch.from_numpy(levels).float()[None, None] / 255)[0]
        found = post(address, inner.getvalue())
        assert found["class"] == trained.inputs.class_names[int(wanted.argmax())]
        assert found["outputs"] == pytest.approx(wanted.tolist(), abs=1e-4)


def test_server_converts_an_image_of_another_size_and_refuses_what_is_none(served: tuple[str, Path]) -> None:
    address, _ = served
    inner = io.BytesIO()
    Image.new("RGB", (31, 17), "red").save(inner, "jpeg")
    assert len(post(address, inner.getvalue())["outputs"]) == 10
    with pytest.raises(urllib.error.HTTPError, match="send one image") as refused:
        post(address, b"no image")
    refused.value.close()


def test_server_is_a_short_file() -> None:
    assert sum(bool(line.strip()) for line in SERVE.read_text().splitlines()) <= 30
