"""What init reads out of scripts: the command, the values, the metrics, each written out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsearch.ablate.ablation_spec import AblationSpec
from archsearch.errors import SpecError, UsageError
from archsearch.init.begin import begin, write_begun
from archsearch.init.script import read_script
from archsearch.program.change import edited_program
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.read import load_program
from archsearch.spec.text.yaml import read_text
from tests.init import scripts

Begin = Callable[..., ProgramSpec]


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Write a script with the files beside it, begin, and read what was written."""

    def make(text: str, files: dict[str, str] | None = None, fill: dict[str, str] | None = None) -> ProgramSpec:
        monkeypatch.chdir(tmp_path)
        for name, content in {"train.py": text, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        write_begun(begin(Path("train.py"), Path()))
        for name, value in (fill or {}).items():  # as a person fills in what the file leaves open
            content = Path("train.yaml").read_text(encoding="utf-8")
            assert f"  # {name}: ..." in content
            Path("train.yaml").write_text(content.replace(f"  # {name}: ...", f"  {name}: {value}"), encoding="utf-8")
        return load_program("train.yaml")

    return make


def command(spec: ProgramSpec) -> str:
    """The command without the interpreter's name, which depends on the machine."""
    words = spec.program.command or ()
    assert str(words[0]).startswith("python")
    return " ".join(map(str, words[1:]))


def metrics(spec: ProgramSpec) -> dict[str, Any]:
    """Where each metric is read, without the time that is measured in every file."""
    found = {name: source.model_dump(exclude_defaults=True) for name, source in spec.metrics.items()}
    assert found.pop("seconds") == {"measured": "seconds"}
    return found


def test_argparse_with_groups_and_formatted_lines(first: Begin) -> None:
    spec = first(scripts.MNIST)
    assert command(spec) == (
        "train.py --batch-size {batch_size} --epochs {epochs} --lr {lr} --dropout {dropout} --seed {seed} {extra}"
    )
    assert spec.values == {"batch_size": 64, "epochs": 2, "lr": 0.5, "dropout": 0.0, "extra": ()}
    assert metrics(spec) == {
        "test_accuracy": {"last": r"\bAccuracy: \S+/\S+ \(([-+.\w]+)", "unit": "percent"},
        "test_loss": {"last": r"\bTest set: Average loss:\s*([-+.\w]+)"},
        "train_loss": {"last": r"\bLoss:\s*(\S+)"},
    }
    assert spec.objective is not None
    assert (spec.objective.way, spec.objective.metric) == ("maximize", "test_accuracy")


def test_argparse_with_sub_commands_a_list_and_a_result_file(first: Begin) -> None:
    spec = first(scripts.SUBCOMMANDS, fill={"data": "digits"})
    assert command(spec) == (
        "train.py train {data} --output-dir {run_dir} --learning_rate {learning_rate} --norm {norm} "
        "--hidden {hidden} --random-seed {seed} {extra}"
    )
    assert spec.values == {"data": "digits", "learning_rate": 3e-4, "norm": "batch", "hidden": (32, 32), "extra": ()}
    assert metrics(spec) == {
        "test_accuracy": {"json": "metrics.json", "key": "test.accuracy"},
        "test_f1": {"json": "metrics.json", "key": "test.f1"},
    }
    text = Path("train.yaml").read_text(encoding="utf-8")
    assert "# switches: --no-ema" in text  # it is on by default, so the other word is what changes something
    assert "--amp" in text


def test_a_value_that_the_script_needs_is_left_open_and_its_brace_is_named(first: Begin) -> None:
    with pytest.raises(SpecError, match=r"train\.yaml:\d+:\d+: unknown name in braces 'data'"):
        first(scripts.SUBCOMMANDS)


def test_click_options_with_choices_a_pair_of_switches_and_an_argument(first: Begin) -> None:
    spec = first(scripts.CLICK, fill={"csv_path": "wine.csv"})
    assert command(spec) == (
        "train.py {csv_path} --n-estimators {n_estimators} --criterion {criterion} --random-state {seed} "
        "--out {run_dir}/scores.json {extra}"
    )
    assert spec.values == {"csv_path": "wine.csv", "n_estimators": 100, "criterion": "gini", "extra": ()}
    assert metrics(spec) == {
        "accuracy": {"json": "scores.json", "key": "accuracy"},
        "f1": {"json": "scores.json", "key": "macro_f1"},
    }


def test_typer_parameters(first: Begin) -> None:
    spec = first(scripts.TYPER)
    assert command(spec) == "train.py --lr {lr} --width {width} --activation {activation} --seed {seed} {extra}"
    assert spec.values == {"lr": 0.1, "width": 16, "activation": "relu", "extra": ()}
    assert metrics(spec) == {"val_loss": {"last": r"\bfinal val_loss=(\S+)"}}
    assert "switches: --augment" in Path("train.yaml").read_text(encoding="utf-8")


def test_fire_class_and_the_method_that_trains(first: Begin) -> None:
    spec = first(scripts.FIRE)
    assert command(spec) == (
        "train.py fit --lr={lr} --optimizer={optimizer} --nesterov={nesterov} --epochs={epochs} --seed={seed} "
        "--out_dir={run_dir} {extra}"
    )
    assert spec.values == {"lr": 0.01, "optimizer": "sgd", "nesterov": "False", "epochs": 5, "extra": ()}
    assert metrics(spec) == {"val_accuracy": {"last": r"\bval_acc\s*(\S+)"}}


def test_absl_flags(first: Begin) -> None:
    spec = first(scripts.ABSL)
    assert command(spec) == (
        "train.py --learning_rate={learning_rate} --seed={seed} --optimizer={optimizer} --workdir={run_dir} "
        "--layers={layers} {extra}"
    )
    assert spec.values == {"learning_rate": 0.001, "optimizer": "adam", "layers": "64,64", "extra": ()}
    assert metrics(spec) == {
        "eval_accuracy": {"last": r"\beval_accuracy\s*(\S+)", "unit": "percent"},
        "train_loss": {"last": r"\btrain_loss\s*(\S+)"},
    }


def test_environment_variables_without_those_of_the_machine(first: Begin) -> None:
    spec = first(scripts.ENVIRONMENT)
    assert command(spec) == "train.py"
    assert spec.program.environment == {"LR": "{lr}", "HIDDEN": "{hidden}", "SEED": "{seed}"}
    assert spec.values == {"lr": 0.1, "hidden": 32}
    assert metrics(spec) == {"loss": {"last": r"\bloss\s*(\S+)"}}


def test_hydra_keys_groups_and_the_keys_of_the_chosen_file(first: Begin) -> None:
    spec = first(scripts.HYDRA, scripts.HYDRA_FILES)
    assert command(spec) == (
        "train.py model={model} model.hidden_dim={hidden_dim} model.dropout={dropout} lr={lr} seed={seed} "
        "trainer.max_epochs={max_epochs} hydra.run.dir={run_dir} {extra}"
    )
    assert spec.values == {"model": "mlp", "hidden_dim": 64, "dropout": 0.1, "lr": 0.1, "max_epochs": 3, "extra": ()}
    assert spec.program.files == ("**/*.yaml", "*.py")
    assert metrics(spec) == {"test_accuracy": {"last": r"\btest_accuracy=(\S+)"}}
    assert "model:                         # mlp in the baseline\n    cnn: [set: {values.model: cnn}]" in Path(
        "train_ablation.yaml"
    ).read_text(encoding="utf-8")


def test_a_configuration_file_is_written_for_each_run(first: Begin) -> None:
    spec = first(scripts.CONFIG, scripts.CONFIG_FILES)
    assert command(spec) == "train.py --config {run_dir}/config.json {extra}"
    config = spec.program.config
    assert config is not None
    assert (config.template, config.to) == ("config.json", "{run_dir}/config.json")
    assert config.edits == {
        "seed": "{seed}",
        "optim.lr": "{lr}",
        "optim.momentum": "{momentum}",
        "dropout": "{dropout}",
        "amp": "{amp}",
    }
    assert spec.values == {"lr": 0.1, "momentum": 0.9, "dropout": 0.2, "amp": True, "extra": ()}


def test_dataclasses_of_transformers(first: Begin) -> None:
    spec = first(scripts.TRANSFORMERS, fill={"model_name_or_path": "bert-base-cased"})
    assert command(spec) == (
        "train.py --model_name_or_path {model_name_or_path} --use_fast_tokenizer {use_fast_tokenizer} "
        "--output_dir {run_dir} --seed {seed} "
        "--learning_rate {learning_rate} --num_train_epochs {num_train_epochs} "
        "--per_device_train_batch_size {per_device_train_batch_size} --weight_decay {weight_decay} "
        "--warmup_ratio {warmup_ratio} --max_grad_norm {max_grad_norm} "
        "--label_smoothing_factor {label_smoothing_factor} --lr_scheduler_type {lr_scheduler_type} {extra}"
    )
    assert spec.values["extra"] == ("--do_train", "--do_eval")
    assert metrics(spec) == {"eval_loss": {"json": "all_results.json", "key": "eval_loss"}}


def test_dataclasses_of_tyro_with_parts(first: Begin) -> None:
    spec = first(scripts.TYRO)
    assert command(spec) == ("train.py --optim.lr {lr} --seed {seed} --total-timesteps {total_timesteps} {extra}")
    assert spec.values == {"lr": 2.5e-4, "total_timesteps": 500000, "extra": ()}
    assert metrics(spec) == {"return": {"last": r"\bepisodic_return=(\S+)"}}


def test_arguments_by_their_place(first: Begin) -> None:
    spec = first(scripts.ARGV, fill={"lr": "0.5"})
    assert command(spec) == "train.py {lr} {seed} {extra}"
    assert metrics(spec) == {"error_rate": {"last": r"\berror rate\s*([-+.\w]+)", "unit": "percent"}}


def test_constants_before_a_configurator(first: Begin) -> None:
    spec = first(scripts.CONFIGURATOR)
    assert command(spec) == (
        "train.py --out_dir={run_dir} --learning_rate={learning_rate} --max_iters={max_iters} --dropout={dropout} "
        "--compile={compile} {extra}"
    )
    assert metrics(spec) == {
        "val_loss": {"last": r"\bval loss\s*(\S+)"},
        "train_loss": {"last": r": train loss\s*([-+.\w]+)"},
        "loss": {"last": r": loss\s*([-+.\w]+)"},
    }
    text = Path("train.yaml").read_text(encoding="utf-8")
    assert "# NO SEED: train.py takes none" in text
    assert "# A number stands where the seed belongs: train.py:10: torch.manual_seed(1337)" in text


def test_lightning_cli_takes_a_seed_and_the_parameters_of_its_model(first: Begin) -> None:
    spec = first(scripts.LIGHTNING)
    assert command(spec) == (
        "train.py fit --seed_everything {seed} --trainer.default_root_dir {run_dir} --model.lr={lr} "
        "--model.width={width} {extra}"
    )
    assert metrics(spec) == {}
    text = Path("train.yaml").read_text(encoding="utf-8")
    assert "# FILL IN what it is judged by" in text
    assert "self.log is told val_acc, which is not read from there" in text


def test_tables_and_meters_but_not_what_is_said_before_an_exit(first: Begin) -> None:
    spec = first(scripts.TABLE)
    assert command(spec) == ("train.py --save-dir {run_dir} --wd {wd} --arch {arch} --seed {seed} {extra}")
    assert metrics(spec) == {
        "val_mae": {"csv": "log.csv", "column": "val_mae"},
        "acc1": {"last": r"\bAcc@1 \S+ \(\s*([-+.\w]+)", "direction": "maximize"},
        "train_loss": {"csv": "log.csv", "column": "train_loss"},
    }


def test_a_script_without_a_seed_says_what_to_add(first: Begin) -> None:
    spec = first(scripts.KERAS)
    assert command(spec) == "train.py"
    assert metrics(spec) == {
        "test_accuracy": {"last": r"\bTest accuracy:\s*(\S+)"},
        "test_loss": {"last": r"\bTest loss:\s*(\S+)"},
        "val_loss": {"csv": "log.csv", "column": "val_loss"},
        "val_accuracy": {"csv": "log.csv", "column": "val_accuracy"},
        "loss": {"csv": "log.csv", "column": "loss"},
        "accuracy": {"csv": "log.csv", "column": "accuracy"},
    }
    assert Path("train.yaml").read_text(encoding="utf-8").splitlines()[1:5] == [
        "# NO SEED: train.py takes none, so nothing tells its runs apart, and no claim can be made. Add",
        '#     seed = int(os.environ.get("SEED", "0"))',
        "#     keras.utils.set_random_seed(seed)",
        '# and put environment: {SEED: "{seed}"} under program.',
    ]
    assert not Path("train_ablation.yaml").exists()  # there is nothing to vary


# -- what is written is right: the program runs with it, and the numbers are those that it prints ----------------------


@pytest.mark.parametrize(
    ("text", "files", "fill", "last", "objective"),
    [
        (scripts.MNIST, {}, {}, "Accuracy", "test_accuracy"),
        (scripts.TYPER, {}, {}, "val_loss", "val_loss"),
        (scripts.ENVIRONMENT, {}, {}, "loss", "loss"),
        (scripts.CONFIG, scripts.CONFIG_FILES, {}, "loss", "loss"),
        (scripts.ARGV, {}, {"lr": "0.5"}, "error", "error_rate"),
        (scripts.SUBCOMMANDS, {}, {"data": "digits"}, "", "test_accuracy"),
    ],
    ids=["argparse", "typer", "environment", "config", "argv", "subcommands"],
)
def test_a_program_runs_as_written_and_its_metric_is_what_it_says(
    first: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, files: dict[str, str],
    fill: dict[str, str], last: str, objective: str,
) -> None:  # fmt: skip
    from archsearch.program.experiment import plan_program
    from archsearch.program.run import run_program

    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "cache"))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin_folder / "python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    spec = first(text, files, fill)
    runs = [run_program(plan_program(spec), seed=seed, runs_dir=tmp_path / "runs", trusted=True) for seed in (0, 0, 1)]
    results = [run.result for run in runs]
    assert [result.status for result in results] == ["completed"] * 3, results[0].reason
    values = [result.metrics[objective] for result in results]
    assert values[0] == values[1] != values[2]  # the seed arrives
    if last:  # by another reading: the last number of the last line that speaks of it
        said = (runs[0].run_dir / "stdout.txt").read_text(encoding="utf-8")
        line = [line for line in said.splitlines() if last in line][-1]
        number = float(line.replace("(", " ").replace("%)", "").replace("%", "").replace("=", " ").split()[-1])
        assert values[0] == pytest.approx(number / 100 if "%" in line else number, rel=1e-12)


def test_nothing_is_executed_by_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "executed"
    evil = f"import argparse\nopen({str(marker)!r}, 'w')\nparser = argparse.ArgumentParser()\n"
    (tmp_path / "train.py").write_text(evil + "parser.add_argument('--lr', default=print('x'))\n")
    read_script(Path("train.py"), Path())
    begin(Path("train.py"), Path())
    assert not marker.exists()


# -- sub-commands, modules, imports ------------------------------------------------------------------------------------


def test_several_sub_commands_none_of_which_says_that_it_trains_are_listed(tmp_path: Path) -> None:
    text = "import fire\ndef one(lr=1): pass\ndef two(lr=2): pass\nfire.Fire()\n"
    (tmp_path / "tool.py").write_text(text)
    with pytest.raises(UsageError, match=r"has the sub-commands one, two; say which one trains: .*--subcommand one"):
        read_script(tmp_path / "tool.py", tmp_path)
    assert [option.default for option in read_script(tmp_path / "tool.py", tmp_path, "two").options] == [2]
    with pytest.raises(UsageError, match=r"unknown sub-command 'tow'; did you mean 'two'"):
        read_script(tmp_path / "tool.py", tmp_path, "tow")


def test_arguments_of_a_file_that_the_script_imports(first: Begin) -> None:
    options = (
        "import argparse\ndef parse():\n    p = argparse.ArgumentParser()\n    p.add_argument('--seed', type=int)\n"
    )
    spec = first(
        "from tools.options import parse\nargs = parse()\nprint(f'accuracy={acc:.4f}')\n",
        {
            "tools/__init__.py": "",
            "tools/options.py": options + "    p.add_argument('--lr', type=float, default=0.1)\n",
        },
    )
    assert command(spec) == "train.py --seed {seed} --lr {lr} {extra}"
    assert spec.program.files == ("*.py", "tools/**/*.py")


def test_a_module_with_relative_imports_is_started_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "__init__.py").write_text("")
    (tmp_path / "net" / "data.py").write_text("")
    (tmp_path / "net" / "fit.py").write_text(
        "from . import data\nimport sys\nseed = int(sys.argv[1])\nprint('loss', 1)\n"
    )
    write_begun(begin(Path("net/fit.py"), Path()))
    assert command(load_program("fit.yaml")) == "-m net.fit {seed} {extra}"


def test_what_is_no_python_3_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("x = 1\nprint 'accuracy', x\n")
    with pytest.raises(SpecError, match=r"old\.py:2: is no Python 3 \(Missing parentheses"):
        read_script(tmp_path / "old.py", tmp_path)
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00x")
    with pytest.raises(SpecError, match=r"binary\.py(:\d+)?: is no Python 3"):
        read_script(tmp_path / "binary.py", tmp_path)


def test_a_python_file_that_reads_nothing_and_says_nothing_known(first: Begin) -> None:
    spec = first("print('hello')\n")
    assert (command(spec), spec.values, metrics(spec), spec.objective) == ("train.py", {}, {}, None)


def test_json_of_what_was_found_is_whole(first: Begin, tmp_path: Path) -> None:
    """A file of the program is data: it goes to JSON and back."""
    spec = first(scripts.MNIST)
    assert ProgramSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


def test_subprocess_is_there_for_the_oracle(first: Begin, tmp_path: Path) -> None:
    """The words of the command are those that the script's own parser takes."""
    spec = first(scripts.MNIST)
    words = [str(word) for word in spec.program.command or ()][1:-1]
    filled = [word.format(seed=3, **spec.values) for word in words]
    done = subprocess.run([sys.executable, *filled], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Accuracy" in done.stdout


# -- the example of an ablation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "files", "fill"),
    [
        (scripts.MNIST, {}, {}),
        (scripts.SUBCOMMANDS, {}, {"data": "digits"}),
        (scripts.TYPER, {}, {}),
        (scripts.FIRE, {}, {}),
        (scripts.ABSL, {}, {}),
        (scripts.ENVIRONMENT, {}, {}),
        (scripts.HYDRA, scripts.HYDRA_FILES, {}),
        (scripts.CONFIG, scripts.CONFIG_FILES, {}),
        (scripts.TYRO, {}, {}),
    ],
    ids=["argparse", "subcommands", "typer", "fire", "absl", "environment", "hydra", "config", "tyro"],
)
def test_every_level_of_the_example_changes_the_program(
    first: Begin, text: str, files: dict[str, str], fill: dict[str, str]
) -> None:
    """Those that are comments too, where they have levels: each is an edit that the baseline takes."""
    spec = first(text, files, fill)
    written = Path("train_ablation.yaml").read_text(encoding="utf-8")
    opened = "\n".join(
        line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in written.splitlines()
    )
    for content in (written, opened):
        node = read_text(content, "train_ablation.yaml")
        ablation = AblationSpec.model_validate(node.plain())
        assert (ablation.baseline, len(ablation.seeds.values)) == ("train.yaml", 10)
        levels = [(f, level, edits) for f, found in ablation.factors.items() for level, edits in found.items()]
        assert levels
        for factor, level, edits in levels:
            if level != "another":  # FILL IN
                assert edited_program(spec, edits, Path()) != spec, f"{factor} {level}"


@pytest.mark.parametrize(
    ("argument", "levels"),
    [
        ("'--lr', type=float, default=0.5", {"half": 0.25, "double": 1.0}),
        ("'--gamma', type=float, default=0.99", {"lower": 0.98, "higher": 0.995}),
        ("'--dropout', type=float, default=0.0", {"some": 0.1}),
        ("'--momentum', type=float, default=0.9", {"none": 0.0}),
        ("'--batch-size', type=int, default=1", {"double": 2}),
        ("'--optimizer', default='sgd', choices=['sgd', 'ada/m']", {"ada_m": "ada/m"}),
        ("'--amp', type=str2bool, default=False", {"on": "True"}),
    ],
)
def test_levels_by_the_kind_of_number(first: Begin, argument: str, levels: dict[str, Any]) -> None:
    text = f"import argparse\np = argparse.ArgumentParser()\np.add_argument({argument})\np.add_argument('--seed')\n"
    spec = first(text)
    (name,) = set(spec.values) - {"extra"}
    node = read_text(Path("train_ablation.yaml").read_text(encoding="utf-8"), "train_ablation.yaml")
    found = AblationSpec.model_validate(node.plain()).factors[name]
    assert {level: edits[0]["set"][f"values.{name}"] for level, edits in found.items()} == levels


@pytest.mark.parametrize(
    "argument", ["'--lr', default=0.1", "'--amp', default=False", "'--amp', type=bool, default=False"]
)
def test_a_default_that_no_word_of_a_command_can_say_stays_out_of_it(first: Begin, argument: str) -> None:
    """Without a type `--lr 0.1` is a text, and of `type=bool` every text is True."""
    spec = first(f"import argparse\np = argparse.ArgumentParser()\np.add_argument({argument})\n")
    assert (command(spec), spec.values) == ("train.py {extra}", {"extra": ()})
    assert f"it also takes: {argument.split(chr(39))[1]}" in Path("train.yaml").read_text(encoding="utf-8")


def test_levels_that_are_proposed(first: Begin) -> None:
    first(scripts.SUBCOMMANDS, fill={"data": "digits"})
    assert Path("train_ablation.yaml").read_text(encoding="utf-8").splitlines()[4:] == [
        "factors:",
        "  learning_rate:                 # 0.0003 in the baseline",
        "    half: [set: {values.learning_rate: 0.00015}]",
        "    double: [set: {values.learning_rate: 0.0006}]",
        "  norm:                          # batch in the baseline",
        "    layer: [set: {values.norm: layer}]",
        "    none: [set: {values.norm: none}]",
        "  ema:                           # --no-ema (train.py:14)",
        '    off: [append: {values.extra: ["--no-ema"]}]',
        "  # hidden:                      # [32, 32] in the baseline",
        "  #   another: [set: {values.hidden: ...}]        # FILL IN",
        "seeds: 10",
    ]
