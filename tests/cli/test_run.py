from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tests.cli.conftest import PROGRAM


def test_run_prints_the_result_to_stdout_and_progress_to_stderr(process, tiny, tmp_path):
    done = process("run", "tiny.yaml")
    assert done.code == 0, done.err
    first, second = done.out.splitlines()
    accuracies = r"test accuracy \d+\.\d\d %, val accuracy \d+\.\d\d %"
    assert re.fullmatch(rf"tiny seed 0  {accuracies}  2 epochs, \d+\.\d s", first)
    assert (tmp_path / second.strip() / "result.json").is_file()
    assert re.search(r"tiny seed 0  epoch 2/2  train \d\.\d{4} \d+\.\d\d %  val ", done.err)
    assert "\x1b" not in done.out + done.err


def test_run_breaks_its_lines_between_parts_on_a_narrow_terminal(cli, tiny):
    done = cli("run", "tiny.yaml", "train.epochs=1", "--seeds", "2", env={"COLUMNS": "60"})
    assert done.code == 0
    lines = [*done.out.splitlines(), *done.err.splitlines()]
    assert max(len(line) for line in lines if "runs/" not in line) <= 60
    assert re.search(r"^  1 epoch, \d+\.\d s$", done.out, re.MULTILINE)
    assert re.search(r"^  95 % interval of the mean -?\d+\.\d\d to \d+\.\d\d %$", done.out, re.MULTILINE)
    assert re.search(r"^tiny seed 0  epoch 1/1  train \d\.\d{4} \d+\.\d\d %$", done.err, re.MULTILINE)
    assert "1,490 parameters, 2.74 k MACs, digits 1x8x8" in done.err


def test_run_json_is_one_document_with_the_promised_keys(cli, tiny, tmp_path):
    done = cli("run", "tiny.yaml", "--json", "--seed", "3")
    document = done.json
    assert list(document) == [
        "run_id",
        "status",
        "reason",
        "seed",
        "test_accuracy",
        "val_accuracy",
        "epochs",
        "seconds",
        "parameters",
        "run_dir",
        "cached",
    ]
    assert (document["seed"], document["epochs"], document["parameters"]) == (3, 2, 1490)  # 4*9+4 + 144*10+10
    assert 0 <= document["test_accuracy"] <= 1
    assert document["cached"] is False
    assert (tmp_path / document["run_dir"]).name == document["run_id"]
    assert cli("run", "tiny.yaml", "--json", "--seed", "3").json == document | {"cached": True}


def test_run_without_validation_data_says_null(cli, tiny):
    document = cli("run", "tiny.yaml", "data.validation=0", "train.epochs=1", "--json").json
    assert document["val_accuracy"] is None
    assert document["epochs"] == 1


def test_run_with_seeds_gives_runs_and_a_summary(cli, tiny):
    document = cli("run", "tiny.yaml", "--seeds", "3", "--json").json
    assert list(document) == ["runs", "summary", "others"]
    assert document["others"] == []
    assert [one["seed"] for one in document["runs"]] == [0, 1, 2]
    values = [one["test_accuracy"] for one in document["runs"]]
    assert document["summary"]["mean"] == pytest.approx(sum(values) / 3)
    assert document["summary"]["documented"] == 0.5
    assert isinstance(document["summary"]["documented_inside"], bool)
    text = cli("run", "tiny.yaml", "--seeds", "3").out
    assert "3 seeds: mean test accuracy" in text
    assert "the documented 50.00 % lies" in text
    assert text.count("from the cache") == 3


def test_run_with_seeds_says_where_each_documented_value_lies(cli, tiny):
    spec = yaml.safe_load(tiny.read_text(encoding="utf-8"))
    spec["documented"] = {"test_log_loss": 2.0, "test_accuracy": 0.5}
    tiny.write_text(yaml.safe_dump(spec), encoding="utf-8")
    document = cli("run", "tiny.yaml", "--seeds", "2", "--json").json
    (other,) = document["others"]
    assert (document["summary"]["metric"], other["metric"], other["documented"]) == (
        "test_accuracy",
        "test_log_loss",
        2.0,
    )
    text = cli("run", "tiny.yaml", "--seeds", "2").out
    assert "the documented 50.00 % lies" in text
    assert "2 seeds: mean test log loss" in text
    assert "the documented test log loss 2 lies" in text


def test_run_that_diverges_exits_5_with_the_reason(cli, tiny):
    done = cli("run", "tiny.yaml", "train.optimizer={sgd: {lr: 1e20}}")
    assert done.code == 5
    assert "diverged in epoch 1: the loss is nan at batch" in done.out
    assert done.err.splitlines()[-1].startswith("error: tiny: epoch 1: the loss is nan")


def test_run_without_validation_data_says_that_the_test_set_is_watched(cli, tiny):
    said = "no validation data are held out and the test set is read after every epoch"
    assert said in cli("run", "tiny.yaml", "data.validation=0", "train.epochs=2").err
    assert said not in cli("run", "tiny.yaml", "data.validation=0", "train.epochs=1").err
    assert said not in cli("run", "tiny.yaml", "data.validation=0.2", "train.epochs=2").err


def test_run_whose_last_step_diverges_exits_5_as_any_other(cli, tiny):
    done = cli("run", "tiny.yaml", "train.optimizer={sgd: {lr: 1e30}}", "train.batch_size=5000", "train.epochs=1")
    assert done.code == 5
    assert "diverged in epoch 1: the outputs on the " in done.out
    assert done.err.splitlines()[-1].endswith("; try a smaller learning rate")


def test_run_of_a_name_works_in_an_empty_folder(cli):
    document = cli("run", "digits_quickstart", "train.epochs=1", "--json").json
    assert document["parameters"] == 13706


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_run_interrupted_by_a_signal_keeps_its_epochs_and_goes_on(cli, tiny, tmp_path, data_dir, number, code):
    override = "train.epochs=100000"
    program = [sys.executable, "-c", PROGRAM, "run", "tiny.yaml", override]
    process = subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch      3/100000" in line:
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    kept = re.search(
        r"error: interrupted; epoch (\d+) of 100000 is kept|interrupted; (\d+) whole epochs are kept", errors
    )
    assert kept, errors
    again = subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert again.stderr is not None
    lines = [again.stderr.readline() for _ in range(2)]
    time.sleep(0.1)
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    assert f"tiny seed 0: goes on after epoch {kept[1] or kept[2]} of 100000" in "".join(lines)


def test_run_says_where_the_data_could_come_from_when_there_is_no_network(process, tmp_path):
    empty = {"ARCHSEARCH_DATA": str(tmp_path / "nothing"), "PATH": "/nonexistent", "http_proxy": "http://127.0.0.1:9"}
    empty["https_proxy"] = empty["http_proxy"]
    done = process("run", "lenet5", env=empty)
    assert done.code == 75
    message = done.err.splitlines()[-1]
    assert message.startswith("error: mnist cannot be had")
    for word in ("train-images-idx3-ubyte", str(tmp_path / "nothing"), "archsearch run digits_quickstart"):
        assert word in message
    assert "Traceback" not in done.err


def test_run_on_a_folder_that_cannot_be_written_says_so(cli, tiny, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    done = cli("run", "tiny.yaml")
    assert done.code == 75
    assert "cannot be written" in done.err
    assert "Traceback" not in done.err


def test_run_of_a_damaged_result_exits_4(cli, tiny, tmp_path):
    run_dir = tmp_path / cli("run", "tiny.yaml", "--json").json["run_dir"]
    (run_dir / "result.json").write_bytes((run_dir / "result.json").read_bytes()[:-20])
    done = cli("run", "tiny.yaml")
    assert done.code == 4
    assert "result.json was truncated or altered" in done.err
