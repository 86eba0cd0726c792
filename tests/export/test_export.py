"""What is exported, under which name, and what is refused before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from archsearch.errors import DamagedFileError, UsageError
from archsearch.experiment_plan import load_plan
from archsearch.export.chosen import chosen_network
from archsearch.export.export import SUFFIXES, ExportOptions, export
from archsearch.export.loading import comes_by_itself
from archsearch.export.placed import placed_layers
from archsearch.spec.dataset import DataSpec
from archsearch.spec.folds import Fold
from archsearch.spec.network import build_network
from archsearch.train.identity import experiment_key
from archsearch.train.run import run
from archsearch.train.trained import open_trained

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
QUICK = ["train.epochs=1", "data.limit=20", "train.engine=torch", "train.device=cpu"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with runs of two specs: one of the first, two of the second."""
    folder = tmp_path_factory.mktemp("exported") / "runs"
    data = tmp_path_factory.mktemp("exported_data")
    first, second = (
        load_plan("digits_quickstart", QUICK),
        load_plan("digits_quickstart", [*QUICK, "data.normalize=true"]),
    )
    made = [(first, 4), (second, 0), (second, 1)]
    return folder, [run(plan, seed=seed, runs_dir=folder, data_dir=data).run_dir.name for plan, seed in made]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def model_of(path: Path) -> torch.nn.Sequential:
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space["build_model"]()


def test_weights_of_a_run_load_into_its_source(runs: tuple[Path, list[str]]) -> None:
    folder, (first, *_) = runs
    done = export(first[:6], "pytorch", ExportOptions(runs_dir=folder))
    assert done.files == [Path("digits_quickstart.py")]
    assert done.notes == [f"the weights of the run, for its load_state_dict: {folder / first}/model.safetensors"]
    model = model_of(done.files[0])
    model.load_state_dict(load_file(folder / first / "model.safetensors"))
    assert (done.facts["run_id"], done.facts["seed"], done.facts["parameters"]) == (first, 4, 13706)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_resolved_spec_is_the_same_experiment(path: Path) -> None:
    export(str(path), "spec", ExportOptions(output=Path("out/s.yaml"), overrides=["train.epochs=3"]))
    again = load_plan("out/s.yaml")
    assert experiment_key(again) == experiment_key(load_plan(str(path), ["train.epochs=3"]))
    assert "extends" not in Path("out/s.yaml").read_text()


def test_spec_stands_for_its_only_run_and_asks_which_where_there_are_several(runs: tuple[Path, list[str]]) -> None:
    folder, (first, second, third) = runs
    done = export("digits_quickstart", "program", ExportOptions(runs_dir=folder, overrides=QUICK))
    assert done.notes[0] == f"weights of run {first} (seed 4)"
    several = [*QUICK, "data.normalize=true"]
    with pytest.raises(UsageError, match=rf"has 2 finished runs in .*; name one: ({second}|{third}) \(seed"):
        export("digits_quickstart", "program", ExportOptions(runs_dir=folder, overrides=several, output=Path("x.pt2")))
    chosen = ExportOptions(runs_dir=folder, overrides=several, output=Path("x.pt2"), seed=1)
    assert export("digits_quickstart", "program", chosen).facts["run_id"] == third
    assert sorted(path.name for path in Path().iterdir()) == ["digits_quickstart.pt2", "x.pt2"]


def test_untrained_network_needs_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("no data are needed")

    monkeypatch.setattr("archsearch.export.chosen.load", refuse)
    done = export("resnet_tiny", "program")
    assert done.notes[0].startswith("untrained: the initial weights of seed 0")
    assert done.notes[-1] == "reads float32 (N, 3, 32, 32), values / 255, normalised as in training"


def test_normalisation_of_a_run_is_in_its_program(runs: tuple[Path, list[str]]) -> None:
    folder, (_, second, _) = runs
    export(second, "program", ExportOptions(runs_dir=folder, with_preparation=True, output=Path("p.pt2")))
    trained = open_trained(folder / second)
    assert trained.inputs.mean is not None
    x = torch.rand(5, 1, 8, 8)
    assert torch.allclose(torch.export.load("p.pt2").module()(x), trained.outputs(x), atol=1e-5)


@pytest.mark.parametrize("format_", list(SUFFIXES))
def test_file_that_is_there_is_never_overwritten_unasked(format_: Any) -> None:
    path = Path(f"lenet5{SUFFIXES[format_]}")
    path.write_text("mine")
    with pytest.raises(UsageError, match=rf"{path} is there already; --force overwrites it, -o names another file"):
        export("lenet5", format_)
    assert path.read_text() == "mine"


def test_force_overwrites() -> None:
    Path("lenet5.py").write_text("mine")
    export("lenet5", "pytorch", ExportOptions(force=True))
    assert model_of(Path("lenet5.py"))[0].out_channels == 6


def test_script_that_is_there_keeps_the_module_from_being_written() -> None:
    Path("lenet5_train.py").write_text("mine")
    with pytest.raises(UsageError, match=r"lenet5_train\.py is there already"):
        export("lenet5", "pytorch", ExportOptions(train=True))
    assert not Path("lenet5.py").exists()


@pytest.mark.parametrize(
    ("format_", "options", "message"),
    [
        ("onnx", {"train": True}, "--train goes with --to pytorch, not with onnx"),
        ("spec", {"with_preparation": True}, "--with-preparation goes with --to onnx or program, not with spec"),
        ("program", {"int8": True}, "--int8 goes with --to onnx, not with program"),
        ("onnx", {"int8": True}, "--int8 is for trained networks, and lenet5 has no finished run here; train it"),
        ("spec", {"output": Path("a.onnx")}, "a.onnx is no name for --to spec; call it a.yaml"),
        ("spec", {"output": Path()}, "is a folder; give the name of a file in it: -o lenet5.yaml"),
        ("pytorch", {"train": True, "output": Path("a-b.py")}, "'a-b' cannot be imported; use another name"),
        ("pytorch", {"train": True, "output": Path("torch.py")}, "'torch' cannot be imported; use another name"),
    ],
)
def test_options_that_do_not_fit_are_told_and_nothing_is_written(format_: Any, options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        export("lenet5", format_, ExportOptions(**options))
    assert list(Path().iterdir()) == []


def test_name_that_python_cannot_import_becomes_one_that_it_can() -> None:
    source = "data: {name: digits}\nnetwork: [flatten, linear: {out_features: classes}]\ntrain: {epochs: 1}\n"
    for name, wanted in (("2nd-try.v1", "_2nd_try_v1.py"), ("torch", "torch_model.py"), ("class", "class_model.py")):
        Path("s.yaml").write_text(f"name: {name}\n{source}")
        assert export("s.yaml", "pytorch").files == [Path(wanted)]


def test_words_of_a_spec_stay_words() -> None:
    Path("s.yaml").write_text(
        'summary: "a\\"\\"\\"\\nimport os\\\\"\ndata: {name: digits}\n'
        "network: [flatten, linear: {out_features: classes}]\ntrain: {epochs: 1}\n"
    )
    export("s.yaml", "pytorch", ExportOptions(train=True))
    first = Path("s.py").read_text().splitlines()[0]
    assert first == "\"\"\"s: a''' import os\\\\"
    assert list(model_of(Path("s.py")).state_dict()) == ["fc1.weight", "fc1.bias"]


def test_run_takes_no_values_and_altered_weights_are_refused(runs: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, (first, *_) = runs
    with pytest.raises(UsageError, match=f"{first} is a run: it has its seed and its values, and takes no others"):
        export(first, "spec", ExportOptions(runs_dir=folder, overrides=["train.epochs=2"]))
    copy = tmp_path / "runs" / first
    shutil.copytree(folder / first, copy)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedFileError, match="was truncated or altered and is not used"):
        export(str(copy), "program")
    assert not Path("digits_quickstart.pt2").exists()


def test_places_and_rows_name_the_same_layers() -> None:
    plan = load_plan("resnet_tiny")
    model = build_network(plan.network)
    found = [(place, row.name) for place, _, row in placed_layers(model, plan.network.rows)]
    assert ("stage2.body.conv1", "stage2.conv1") in found
    assert ("stage2.shortcut", "stage2.projection") in found
    assert all(model.get_submodule(place) is module for place, module, _ in placed_layers(model, plan.network.rows))


def test_only_your_own_data_have_to_go_along() -> None:
    assert comes_by_itself(DataSpec(name="cifar10"))
    assert not comes_by_itself(DataSpec(name="npz", path="a.npz"))
    assert not comes_by_itself(DataSpec(name="digits", fold=Fold(of=5, number=0)))


def test_spec_has_the_seed_that_is_asked_for() -> None:
    assert chosen_network("lenet5", (), Path("runs"), seed=7).seed == 7
