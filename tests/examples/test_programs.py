"""The example programs, run as they are: each in a copy of its folder, by the commands that its README line names."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archsearch.cli import main

PROGRAMS = Path(__file__).parents[2] / "examples" / "programs"
FOLDERS = sorted(path.name for path in PROGRAMS.iterdir() if path.is_dir())


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Call = Callable[..., Said]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Call]:
    """Copy an example's folder and give what calls `archsearch` in it; `python` is the interpreter of the tests."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def enter(name: str, needs: str | None = None) -> Call:
        if needs is not None and importlib.util.find_spec(needs) is None:
            pytest.skip(f"{needs} is not installed: pip install 'archsearch[examples]'")
        shutil.copytree(PROGRAMS / name, tmp_path / name, ignore=shutil.ignore_patterns("runs", "__pycache__", "tour"))
        monkeypatch.chdir(tmp_path / name)

        def call(*arguments: str) -> Said:
            monkeypatch.setattr(sys, "argv", ["archsearch", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
            out, err = capsys.readouterr()
            return Said(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

        return call

    return enter


def judged(call: Call, program: str, ablation: str, *more: str) -> dict[str, dict[str, Any]]:
    """Allow the program, check both files, run the ablation; give its effects by their names."""
    assert call("trust", program).code == 0
    assert call("check", program, ablation).code == 0
    return {
        effect["variant"]: effect
        for effect in call("ablate", ablation, "--workers", "1", "--json", *more).json["effects"]
    }


def screened(call: Call, program: str, ablation: str) -> dict[str, float]:
    """Do so with two seeds, for what takes long; give the differences."""
    effects = judged(call, program, ablation, "--screen", "--seeds", "2")
    return {name: effect["mean_difference"] for name, effect in effects.items()}


# -- what needs nothing more than archsearch itself --------------------------------------------------------------------


def test_settings_in_environment_variables(example: Callable[..., Call]) -> None:
    found = judged(example("environment_variables"), "bandit.yaml", "strategy.yaml")
    assert {name: effect["verdict"] for name, effect in found.items()} == {
        "strategy=random": "worse",
        "epsilon=half": "worse",
    }
    # the pair of seed 3, by hand
    environment = {**os.environ, "SEED": "3", "EPSILON": "0.5"}
    by_hand = [
        float(subprocess.check_output([sys.executable, "bandit.py"], env=environment | changed, text=True).split()[-1])
        for changed in ({"EPSILON": "0.5"}, {"EPSILON": "0.1"})
    ]
    assert found["epsilon=half"]["differences"][3] == pytest.approx(by_hand[0] - by_hand[1])


def test_configuration_that_is_written_for_each_run(example: Callable[..., Call]) -> None:
    found = judged(example("yaml_config"), "train.yaml", "features.yaml")
    assert found["features=raw"]["verdict"] == "worse"  # the target has squares in it
    assert found["ridge=none"]["verdict"] == "equivalent"
    configs = [path.read_text() for path in Path("runs").glob("*/files/config.yaml")]
    assert len(configs) == 30
    assert sum(bool(re.search(r"features: .?raw", text)) for text in configs) == 10
    assert Path("base.yaml").read_bytes() == (PROGRAMS / "yaml_config" / "base.yaml").read_bytes()


@pytest.mark.skipif(shutil.which("make") is None or shutil.which("cc") is None, reason="no C compiler: no compiled_c")
def test_compiled_program(example: Callable[..., Call]) -> None:
    call = example("compiled_c")
    assert "there is no program ./tour" in call("run", "tour.yaml", "--trust").err
    subprocess.run(["make", "-s"], check=True)
    found = judged(call, "tour.yaml", "cooling.yaml")
    assert {name: effect["verdict"] for name, effect in found.items()} == {
        "cooling=quench": "worse",
        "steps=few": "worse",
    }


def test_program_that_ignores_its_seed_is_refused(example: Callable[..., Call]) -> None:
    call = example("ignores_its_seed")
    said = call("ablate", "smoothing.yaml", "--workers", "1", "--trust")
    assert said.code == 3
    assert "train ignores its seed: the seeds 0, 1, 2 gave the same numbers (rmse " in said.err
    assert "counted ten times" in said.err


def test_program_that_does_not_repeat_itself_is_allowed_and_said(example: Callable[..., Call]) -> None:
    call = example("does_not_repeat")
    assert judged(call, "train.yaml", "samples.yaml")["samples=few"]["verdict"] == "worse"
    assert "the program does not repeat itself (error " in call("ablate", "samples.yaml").out


def test_pytorch_with_argparse(example: Callable[..., Call]) -> None:
    call = example("torch_argparse")
    call("trust", "train.yaml")
    run = call("run", "train.yaml", "--seed", "7", "--json").json
    by_hand = subprocess.check_output([sys.executable, "train.py", "--seed", "7"], text=True)
    assert f"Test accuracy: {100 * run['metrics']['accuracy']:.2f}%" in by_hand


@pytest.mark.slow
def test_pytorch_ablation(example: Callable[..., Call]) -> None:
    found = judged(example("torch_argparse"), "train.yaml", "activation.yaml")
    assert found["activation=sigmoid"]["verdict"] == "worse"


# -- what needs the extra `examples` -----------------------------------------------------------------------------------


@pytest.mark.examples
def test_scikit_learn_with_click(example: Callable[..., Call]) -> None:
    found = screened(example("sklearn_click", "click"), "evaluate.yaml", "depth.yaml")
    assert found["depth=stump"] < 0


@pytest.mark.examples
def test_lightgbm_and_its_learning_curve(example: Callable[..., Call]) -> None:
    call = example("lightgbm_csv", "lightgbm")
    assert screened(call, "boost.yaml", "leaves.yaml")["leaves=two"] < 0
    run = call("run", "boost.yaml", "--json").json
    lines = Path(run["run_dir"], "files", "history.csv").read_text().split()
    assert len(lines) == 21  # a header, and 20 rounds
    assert lines[-1] == f"20,{run['metrics']['logloss']}"


@pytest.mark.examples
def test_keras_and_its_history(example: Callable[..., Call]) -> None:
    found = screened(example("keras_history", "keras"), "digits.yaml", "optimizer.yaml")
    assert found["optimizer=sgd"] < 0


@pytest.mark.examples
def test_hydra_and_its_overrides(example: Callable[..., Call]) -> None:
    found = judged(example("hydra_overrides", "hydra"), "fit.yaml", "optimizer.yaml")
    assert found["optimizer=sgd"]["verdict"] == "worse"
    # each run has the configuration that Hydra itself wrote down
    written = [path.read_text() for path in Path("runs").glob("*/files/.hydra/overrides.yaml")]
    assert sum("optimizer=sgd" in text for text in written) == 10


# -- what is said of them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOLDERS)
def test_readme_names_the_folder_and_its_files(name: str) -> None:
    [line] = [line for line in (PROGRAMS / "README.md").read_text().splitlines() if line.startswith(f"| [{name}]")]
    files = re.findall(r"[a-z_]+\.yaml", line)
    assert len(files) == 2
    assert all((PROGRAMS / name / file).is_file() for file in files)


@pytest.mark.parametrize("name", FOLDERS)
def test_programs_are_described_in_at_most_twelve_lines(name: str) -> None:
    for path in (PROGRAMS / name).glob("*.yaml"):
        if "program:" in path.read_text():
            assert len([line for line in path.read_text().splitlines() if not line.startswith("#")]) <= 12
