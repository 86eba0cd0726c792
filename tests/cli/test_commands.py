"""Every command that does not train, once from the outside; and what all of them promise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import archsearch
from tests.cli.conftest import PROGRAM


def test_version_is_the_packages(process):
    assert process("--version").out == f"archsearch {archsearch.__version__}\n"


def test_help_names_every_command(cli):
    done = cli("--help")
    assert done.code == 0
    for command in ("run", "show", "check", "list", "data", "schema", "doctor"):
        assert re.search(rf"^  {command} ", done.out, re.MULTILINE), command


def test_show_json_of_lenet5_is_the_arithmetic_of_the_paper(cli):
    document = cli("show", "lenet5", "--json").json
    assert (document["parameters"], document["macs"]) == (61706, 416520)
    assert len(document["layers"]) == 13
    assert document["layers"][0] == {
        "name": "conv1",
        "kind": "conv2d",
        "output_shape": [6, 28, 28],
        "parameters": 156,  # 6 * (25 + 1)
        "macs": 117600,  # 28 * 28 * 6 * 25
    }
    assert document["layers"][-1] == {
        "name": "act5",
        "kind": "softmax",
        "output_shape": [10],
        "parameters": 0,
        "macs": 0,
    }


def test_show_prints_every_layer_and_the_totals(cli):
    done = cli("show", "lenet5", "conv1.out_channels=10")
    lines = done.out.splitlines()
    assert re.fullmatch(r"conv1 +conv2d +out_channels=10 kernel_size=5 +10x28x28 +260 +196,000 +17\.9 MiB *", lines[3])
    assert lines[16].startswith("total ")
    assert lines[17] == "data   mnist, 10 classes, 60,000 training and 10,000 test samples"


def test_show_fits_a_narrow_terminal(cli):
    done = cli("show", "lenet5", env={"COLUMNS": "80"})
    assert done.code == 0
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert "61,706" in done.out


@pytest.mark.parametrize("name", ["lenet_best", "resnet_tiny"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_show_breaks_no_number_and_no_field_on_a_narrow_terminal(cli, name, width):
    """Every word of the wide output stands in the narrow one, whole; but for the memory, of which the total stays."""
    wide = [line for line in cli("show", name).out.splitlines()[2:] if line.strip()]
    done = cli("show", name, env={"COLUMNS": str(width)})
    assert max(len(line) for line in done.out.splitlines()) <= width
    words = {word for line in wide for word in re.sub(r"[\d.]+ [KM]iB", "", line).split()}
    assert words - set(done.out.split()) <= {"fields", "memory/600", "memory/128"}
    (total,) = (re.search(r"[\d.]+ MiB$", line.rstrip()) for line in wide if line.startswith("total"))
    assert total[0] in done.out


def test_check_reports_each_file_and_exits_with_the_worst(cli, tiny, tmp_path):
    (tmp_path / "bad.yaml").write_text(tiny.read_text().replace("relu", "rellu").replace("epochs: 2", "epoch: 2"))
    done = cli("check", "tiny.yaml", "bad.yaml", "missing.yaml")
    assert done.code == 3
    assert done.out.splitlines() == ["ok tiny.yaml: 1,490 parameters, 2.74 k MACs"]  # 36*36 + 144*10
    assert [line for line in done.err.splitlines() if line.startswith("error: bad.yaml")] == [
        "error: bad.yaml:5:5: network[2]: unknown kind 'rellu'; did you mean 'relu'?",
        "error: bad.yaml:8:8: train: the key 'epochs' is missing",
        "error: bad.yaml:8:9: train: unknown key 'epoch'; did you mean 'epochs'?",
    ]
    document = cli("check", "tiny.yaml", "bad.yaml", "--json").json
    assert [one["ok"] for one in document["specs"]] == [True, False]
    assert document["specs"][1]["problems"][0]["where"] == "bad.yaml:5:5"


def test_shape_error_stands_under_the_table_of_the_layers_before_it(cli, tiny):
    done = cli("show", "tiny.yaml", "conv1.kernel_size=9")
    assert done.code == 3
    assert done.out == ""
    assert done.err.splitlines()[-1] == (
        "error: tiny.yaml:4:5: conv1 (conv2d): kernel 9x9 does not fit its 8x8 input. "
        "Use kernel_size <= 8, or padding: same."
    )


def test_list_shows_the_shipped_specs_and_the_folders_own(cli, tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "mine.yaml").write_text("summary: My own, [red]no markup[/red].\n")
    document = cli("list", "--json").json
    rows = {row["name"]: row for row in document["specs"]}
    assert {"lenet5", "lenet_best", "digits_quickstart", "resnet_tiny", "mine"} <= set(rows)
    assert rows["mine"]["summary"] == "My own, [red]no markup[/red]."
    assert [row["name"] for row in document["zoo"]][:2] == ["zoo/convnext_tiny", "zoo/densenet121"]
    assert document["zoo"][0]["summary"] == "ConvNeXt-T (Liu et al. 2022), as torchvision has it."
    printed = cli("list").out
    assert "[red]no markup[/red]" in printed
    assert "published networks (archsearch show NAME)\nzoo/convnext_tiny, zoo/densenet121, zoo/ds_cnn" in printed


def test_published_network_is_shown_by_its_name(cli):
    document = cli("show", "zoo/lenet1", "--json").json
    assert (document["name"], document["parameters"]) == ("lenet1", 2578)


def test_schema_prints_and_writes_the_committed_one(cli, tmp_path):
    committed = Path(archsearch.__file__).parents[1] / "schema" / "experiment.schema.json"
    assert cli("schema").json == json.loads(committed.read_text())
    assert cli("schema", "--write", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "experiment.schema.json").read_text() == committed.read_text()


def test_doctor_names_versions_device_and_folders(cli):
    findings = {one["name"]: one["value"] for one in cli("doctor", "--json").json["findings"]}
    assert findings["archsearch"] == archsearch.__version__
    assert findings["torchvision works"] == "yes"
    assert re.fullmatch(r"\d+ GFLOP/s .*", findings["matrix product"])
    assert "data folder" in cli("doctor").out


def test_data_list_get_and_verify(cli, tmp_path):
    document = cli("data", "list", "--json").json
    digits = next(one for one in document["data_sets"] if one["name"] == "digits")
    assert (digits["shape"], digits["classes"], digits["present"]) == ([1, 8, 8], 10, True)
    assert cli("data", "get", "digits").out == "digits comes with scikit-learn: there is nothing to get\n"
    cli("run", "digits_quickstart", "train.epochs=1")
    checks = cli("data", "verify", "--json").json["files"]
    assert {one["state"] for one in checks} == {"ok"}


def test_data_verify_names_a_damaged_file_and_exits_4(cli, tmp_path):
    own = {"ARCHSEARCH_DATA": str(tmp_path / "own")}
    assert cli("run", "digits_quickstart", "train.epochs=1", env=own).code == 0
    (damaged,) = (tmp_path / "own").glob("prepared/digits-*/x_test.npy")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = cli("data", "verify", env=own)
    assert done.code == 4
    assert re.search(rf"^damaged +{re.escape(str(damaged))}$", done.out, re.MULTILINE)
    assert cli("run", "digits_quickstart", "train.epochs=2", env=own).code == 4


# Runs a command and prints, last on stderr, which heavy libraries it loaded.
TELLING_PROGRAM = """\
import sys
from archsearch.cli import main
try:
    main()
finally:
    print(sorted({'torch', 'optuna', 'plotly'} & set(sys.modules)), file=sys.stderr)
"""

BAD_INPUT = {
    "unknown command": (["runn"], 2),
    "unknown option": (["run", "lenet5", "--sed", "1"], 2),
    "unknown name": (["run", "lenet6"], 3),
    "unknown path": (["run", "lenet5", "train.epoch=2"], 3),
    "no equals sign": (["run", "lenet5", "train.epochs"], 3),
    "wrong type": (["show", "lenet5", "conv1.out_channels=six"], 3),
    "negative size": (["show", "lenet5", "conv1.kernel_size=-3"], 3),
    "a billion channels": (["show", "lenet5", "conv1.out_channels=1000000000"], 6),
    "too wide": (["show", "digits_quickstart", "fc1.out_features=10000000"], 6),
    "huge batch": (["show", "lenet5", "train.batch_size=100000000"], 6),
}


@pytest.mark.parametrize(("arguments", "code"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_gets_a_sentence_an_exit_code_and_no_torch(tmp_path, arguments, code):
    command = [sys.executable, "-c", TELLING_PROGRAM, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["show", "lenet5"], ["check", "lenet5"], ["schema"]])
def test_light_commands_import_neither_torch_nor_optuna_nor_plotly(tmp_path, arguments):
    command = [sys.executable, "-c", TELLING_PROGRAM, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error(tmp_path):
    reader = subprocess.run(
        f"{sys.executable} -c '{PROGRAM}' schema | head -1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert reader.stdout == "{\n"
    assert reader.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "resnet_tiny"], ["space", "digits", "--list"], ["check", "lenet5", "--json"], ["--help"]],
)
@pytest.mark.parametrize("closed", ["stdout", "stderr and stdout"])
def test_a_reader_that_has_gone_ends_a_command_with_0_and_without_a_word(tmp_path, arguments, closed):
    both = closed != "stdout"
    command = [sys.executable, "-c", PROGRAM, *arguments]
    error = subprocess.STDOUT if both else subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=error) as process:
        process.stdout.close()  # long before it has loaded what it needs to write
        errors = b"" if both else process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_a_reader_that_has_gone_does_not_hide_the_exit_code_of_an_error(tmp_path):
    command = [sys.executable, "-c", PROGRAM, "show", "lenet6"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read().startswith("error: unknown spec 'lenet6'")
    assert process.returncode == 3


def test_colours_are_for_terminals_only(process):
    assert "\x1b" not in process("show", "lenet5").out
    assert "\x1b[" in process("show", "lenet5", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[3" not in process("show", "lenet5", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_error_and_write_into_no_file(tmp_path, closed):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{PROGRAM}' schema --write here {closed}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    for path in (tmp_path / "here").iterdir():
        json.loads(path.read_text())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["list", "schema"])
def test_output_that_cannot_be_written_is_said(tmp_path, command):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, command],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (75, "error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    "command",
    [("report", "{}"), ("init", "{}"), ("export", "digits_quickstart", "--to", "spec", "-o", "{}.yaml")],
)
def test_name_that_no_file_system_takes_is_a_usage_error(cli, command):
    long = "x" * 300
    done = cli(*(word.format(long) for word in command))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {long[:100]}...: File name too long\n"
