"""Whatever people wrote into names, summaries, paths and cells: no command passes to the terminal."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.test_markup import commands

BAD = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\r=1+1"
SPEC = """
name: hostile
summary: {text}
data: {{name: digits}}
network: [flatten, {{linear: {{out_features: classes}}}}]
train: {{epochs: 1, batch_size: 600, optimizer: {{adam: {{lr: 0.01}}}}}}
documented: {{source: {text}, departures: [{text}], test_accuracy: 0.5}}
"""


@pytest.fixture
def said(cli):
    """Run a command; give both streams, which hold no command to a terminal."""

    def call(*arguments: object, code: int | None = None) -> str:
        done = cli(*arguments)
        assert commands(done.out + done.err) == [], arguments
        if code is not None:
            assert done.code == code, done.err
        return done.out + done.err

    return call


def test_summaries_sources_and_what_is_mistyped(said, tmp_path):
    (tmp_path / "specs").mkdir()
    text = json.dumps(BAD.replace("\r", ""))
    (tmp_path / "specs" / "hostile.yaml").write_text(SPEC.format(text=text), encoding="utf-8")
    told = [
        said(*command)
        for command in (
            ("list",),
            ("list", "--json"),
            ("show", "specs/hostile.yaml"),
            ("show", "specs/hostile.yaml", "--json"),
            ("check", "specs/hostile.yaml"),
            ("lint", "specs/hostile.yaml"),
            ("diff", "specs/hostile.yaml", "lenet5"),
            ("run", "specs/hostile.yaml"),
            ("report", "runs", "--format", "md"),
            ("run", BAD),
            ("check", f"{BAD}.yaml"),
            (BAD,),
            ("list", f"--{BAD}"),
            ("run", "specs/hostile.yaml", f"train.{BAD}=3"),
            ("status", BAD, "--storage", f"sqlite:///{BAD}"),
            ("report", BAD),
            ("data", "get", BAD),
        )
    ]
    assert sum("evil" in one for one in told) >= 10


def test_variants_of_a_file_of_numbers(said, tmp_path):
    rows = "".join(f'"{name}",{seed},{value}\n' for name, value in ((BAD, 0.9), ("b", 0.8)) for seed in range(10))
    rows = rows.replace("0.9\n", "0.9{}\n").format(*range(10))
    (tmp_path / "numbers.csv").write_text(f"variant,seed,accuracy\n{rows}", encoding="utf-8")
    for form in ((), ("--json",), ("--format", "md"), ("--format", "tex"), ("--format", "csv")):
        assert "evil" in said("compare", "numbers.csv", "--baseline", "b", *form, code=0)


def test_names_of_classes_files_and_columns_of_own_data(said, tmp_path):
    from PIL import Image

    for name in ("a\x1b[31mred", "b\u202etxt"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for number in range(6):
            Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(folder / f"{number}\x1b[2J.png")
    text = SPEC.format(text='"x"').replace("{name: digits}", "{name: folder, path: images}")
    (tmp_path / "own.yaml").write_text(text.partition("documented")[0], encoding="utf-8")
    told = said("run", "own.yaml")
    assert "hostile" in told
    [run] = [path for path in (tmp_path / "runs").iterdir() if (path / "result.json").exists()]
    for form in ((), ("--json",), ("--format", "csv")):
        said("predict", f"runs/{run.name}", "images", *form)
    said("evaluate", f"runs/{run.name}", "images")
    said("report", f"runs/{run.name}", "--format", "csv")
    (tmp_path / "images" / "a\x1b[31mred" / "0\x1b[2J.png").write_bytes(b"no picture")
    said("check", "own.yaml")
    said("run", "own.yaml", "--seed", "1")
