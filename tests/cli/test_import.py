"""`archsearch import`, as a person meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.cli.conftest import Finished

NET = """\
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.out = nn.Linear(width * 36, 10)

    def forward(self, x):
        print("looking at", x.shape)
        return self.out(torch.flatten(F.relu(self.conv(x)), 1))

class Chooses(Net):
    def forward(self, x):
        if x.mean() > 0:
            x = -x
        return super().forward(x)

hard = nn.Sequential(
    nn.Flatten(),
    nn.Softsign(),
    nn.Linear(64, 10),
)
"""

SPEC = """\
# archsearch run net.yaml
name: net
data: {name: digits}
network:
  - conv2d: {name: conv, out_channels: 3, kernel_size: 3}
  - relu
  - flatten
  - linear: {name: out, out_features: classes}
train:
  epochs: 10
  optimizer: adam
  schedule: constant
  loss: cross_entropy
source: "net.py:Net(width=3)"
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of somebody's, not yet trusted."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ARCHSEARCH_TRUST", raising=False)
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


def test_import_of_a_trusted_file_is_shown_run_and_written_once(
    cli: Callable[..., Finished], net: Path, tmp_path: Path
) -> None:
    refused = cli("import", "net.py:Net", "-o", "net.yaml")
    assert refused.code == 2
    assert "Look at it, then allow it: archsearch trust net.py" in refused.err
    assert not (tmp_path / "net.yaml").exists()
    cli("trust", "net.py")
    done = cli("import", "net.py:Net", "--arg", "width=3", "--data", "digits", "--with-weights", "-o", "net.yaml")
    # 3*9 + 3 and 3*36*10 + 10 parameters; 36*3*9 and 1080 multiply-accumulates
    assert done.out.splitlines() == [
        "net.py:Net(width=3): 1,120 parameters, 2.05 k MACs, input 1x8x8, outputs equal",
        "net.yaml",
        "net.safetensors",
        "archsearch show net.yaml",
    ]
    assert "looking at" in done.err
    assert (tmp_path / "net.yaml").read_text() == SPEC
    assert {name: tuple(value.shape) for name, value in load_file(tmp_path / "net.safetensors").items()} == {
        "conv.weight": (3, 1, 3, 3),
        "conv.bias": (3,),
        "out.weight": (10, 108),
        "out.bias": (10,),
    }
    again = cli("import", "net.py:Net", "--data", "digits", "-o", "net.yaml")
    assert (again.code, again.err) == (
        2,
        "error: net.yaml is there already; --force overwrites it, -o names another file\n",
    )
    assert cli("import", "net.py:Net", "--data", "digits", "-o", "net.yaml", "--force").code == 0
    assert cli("check", "net.yaml").code == 0
    trained = cli("run", "net.yaml", "train.epochs=1", "data.limit=20", "--json").json
    assert trained["status"] == "completed"


def test_import_prints_the_spec_or_json_and_nothing_else(cli: Callable[..., Finished], net: Path) -> None:
    printed = cli("import", "net.py:Net", "--arg", "width=3", "--trust")
    assert printed.out == SPEC.replace("run net.yaml", "run")
    assert "no --data: digits (1x8x8, 10 classes) fits the network" in printed.err
    document = cli("import", "net.py:Net", "--arg", "width=3", "--trust", "--json").json
    assert (document["parameters"], document["macs"], document["files"]) == (1120, 2052, [])
    assert document["largest_difference"] <= 1e-5


def test_import_takes_weights_of_the_module(cli: Callable[..., Finished], net: Path, tmp_path: Path) -> None:
    given = {
        "conv.weight": torch.randn(4, 1, 3, 3),
        "conv.bias": torch.randn(4),
        "out.weight": torch.randn(10, 144),
        "out.bias": torch.randn(10),
    }
    save_file(given, tmp_path / "trained.safetensors")
    options = ("--data", "digits", "--trust", "--weights", "trained.safetensors")
    assert cli("import", "net.py:Net", *options).code == 2
    assert cli("import", "net.py:Net", *options, "-o", "net.yaml").code == 0
    written = load_file(tmp_path / "net.safetensors")
    assert all(torch.equal(written[name], value) for name, value in given.items())


def test_import_of_a_model_of_torchvision(cli: Callable[..., Finished], tmp_path: Path) -> None:
    done = cli("import", "--torchvision", "squeezenet1_1", "-o", "squeeze.yaml")
    assert (done.code, done.err) == (0, "")
    first, *files = done.out.splitlines()
    assert "models.squeezenet1_1(num_classes=10): 727,626 parameters, " in first
    assert first.endswith("MACs, input 3x32x32, outputs equal")
    assert files == ["squeeze.yaml", "archsearch show squeeze.yaml"]
    assert cli("show", "squeeze.yaml", "--json").json["parameters"] == 727626


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "say what to import: archsearch import FILE.py:NAME, or archsearch import --torchvision NAME"),
        (("net.py:Net", "--torchvision", "resnet18"), 2, "say what to import: archsearch import FILE.py:NAME, or"),
        (("gone.py:Net",), 2, "gone.py: no such file; give FILE.py:NAME, or --torchvision NAME"),
        (("net.py:Nix",), 3, "net.py: unknown name 'Nix'; "),
        (("net.py:Chooses",), 3, "net.py:17: forward branches on data: `if x.mean() > 0:`; a network of the language"),
        (("net.py:hard",), 3, "net.py:23: 1 (Softsign): the language has no layer for Softsign"),
        (("net.py:Net", "--data", "minst"), 3, "unknown data set minst. Did you mean mnist?"),
        (("net.py:Net", "--data", "mnist"), 3, "net.py:9: out (Linear): "),
        (("net.py:Net", "--input", "1x8y8"), 2, "--input 1x8y8: expected the shape of a sample: 1x28x28"),
        (("net.py:Net", "--arg", "width"), 2, "--arg width: expected NAME=VALUE, as --arg width=32"),
        (("net.py:Net", "--arg", "width=[1"), 2, "error: --arg width=[1: not YAML: "),
        (("net.py:Net", "--with-weights"), 2, "weights are written beside the spec: say where it goes with -o SPEC"),
        (("net.py:Net", "--max-parameters", "100"), 6, "1,490 parameters up to here are more than the limit of 100"),
        (("--torchvision", "resnet19"), 2, "--torchvision: unknown model 'resnet19'; did you mean 'resnet18'?"),
        (("--torchvision", "alexnet"), 3, "an input of 3x32x32 (cifar10) does not fit; --input takes another"),
    ],
)
def test_import_that_cannot_be_says_why_and_leaves_nothing(
    cli: Callable[..., Finished], net: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    before = sorted(tmp_path.iterdir())
    done = cli("import", *arguments, "--trust", *([] if "--with-weights" in arguments else ["-o", "net.yaml"]))
    assert message in done.err
    assert (done.code, done.out) == (code, "")
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == before
