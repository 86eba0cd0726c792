"""Own layers: their counts and values are those of the class itself, and what is wrong is said with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archsearch.errors import SpecError, UntrustedError
from archsearch.experiment_plan import load_plan, load_spec
from archsearch.search.search_file import load_study
from archsearch.search.space.count import count_space
from archsearch.spec.edit.in_memory import edited
from archsearch.spec.layers.own import source_of
from archsearch.spec.layers.own_module import probed
from archsearch.spec.network import build_network
from archsearch.spec.own_sources import own_files, own_layers
from archsearch.spec.text.write import spec_yaml
from archsearch.train.identity import experiment_key

GATE = """\
from torch import nn


class Gate(nn.Module):
    def __init__(self, in_channels, hidden=4):
        super().__init__()
        self.squeeze = nn.Linear(in_channels, hidden)
        self.excite = nn.Linear(hidden, in_channels)

    def forward(self, x):
        return x * self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()[:, :, None, None]
"""
SPEC = """\
data: {name: digits, validation: 0.2}
network:
  - conv2d: {out_channels: 8, kernel_size: 3}
  - own: {layer: my_layers.py:Gate, arguments: {hidden: 2}}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1}
"""


class Gate(nn.Module):
    """The oracle: the class of the file, written once more."""

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(in_channels, hidden), nn.Linear(hidden, in_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale: torch.Tensor = self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()
        return x * scale[:, :, None, None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    (tmp_path / "my_layers.py").write_text(GATE)
    (tmp_path / "mine.yaml").write_text(SPEC)
    return tmp_path


def test_own_layer_has_the_shape_counts_and_values_of_its_class(folder: Path) -> None:
    plan = load_plan(str(folder / "mine.yaml")).network
    row = plan.rows[1]
    theirs = Gate(8, 2)
    assert (row.name, row.output_shape) == ("own1", (8, 6, 6))
    assert row.parameters == sum(p.numel() for p in theirs.parameters()) == 8 * 2 + 2 + 2 * 8 + 8
    assert row.macs == 8 * 2 + 2 * 8
    model = build_network(plan)
    theirs.load_state_dict(model.own1.state_dict())
    x = torch.randn(5, 8, 6, 6)
    assert torch.equal(model.own1(x), theirs(x))
    assert probed(next(own_layers(load_spec(str(folder / "mine.yaml")))), (3, 4, 4)).parameters == 3 * 2 + 2 + 2 * 3 + 3


def test_own_layer_is_refused_without_trust(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSEARCH_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "nobody"))
    with pytest.raises(UntrustedError, match=r"my_layers\.py is a Python file, which is code, and it was not allowed"):
        load_plan(str(folder / "mine.yaml"))
    (subject,) = own_files(load_spec_without_plan(folder))
    assert subject.allow == "archsearch trust my_layers.py"


def load_spec_without_plan(folder: Path) -> Any:
    from archsearch.spec.catalog import read_spec

    return read_spec(str(folder / "mine.yaml")).spec


def test_a_changed_file_is_another_experiment_and_another_place_is_not(folder: Path) -> None:
    first = experiment_key(load_plan(str(folder / "mine.yaml")))
    (folder / "sub").mkdir()
    (folder / "sub" / "my_layers.py").write_text(GATE)
    (folder / "mine.yaml").write_text(SPEC.replace("my_layers", "sub/my_layers"))
    assert experiment_key(load_plan(str(folder / "mine.yaml"))) == first
    (folder / "sub" / "my_layers.py").write_text(GATE.replace("relu", "tanh"))
    assert experiment_key(load_plan(str(folder / "mine.yaml"))) != first


def test_a_written_spec_has_the_text_and_needs_no_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = load_spec(str(folder / "mine.yaml"))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "again.yaml"
    elsewhere.write_text(spec_yaml(spec, "archsearch run again.yaml"))
    again = load_plan(str(elsewhere))
    assert again.spec.network == spec.network
    assert experiment_key(again) == experiment_key(load_plan(str(folder / "mine.yaml")))


def test_own_layers_are_dropped_replaced_and_set_as_others_are(folder: Path) -> None:
    spec = load_spec(str(folder / "mine.yaml"))
    assert [layer.kind for layer in edited(spec, [{"drop": "own1"}]).network] == ["conv2d", "flatten", "linear"]
    assert edited(spec, [{"replace": {"own": "tanh"}}]).network[1].kind == "tanh"
    (wider,) = own_layers(edited(spec, [{"set": {"own1.arguments": {"hidden": 5}}}]))
    assert probed(wider, (8, 6, 6)).parameters == 8 * 5 + 5 + 5 * 8 + 8
    (folder / "other.py").write_text(GATE.replace("sigmoid", "tanh"))
    new = {"own": {"layer": "other.py:Gate"}}
    (other,) = own_layers(edited(spec, [{"replace": {"own1": new}}], folder=folder))
    assert "tanh()" in other.source
    (other,) = own_layers(edited(spec, [{"set": {"own1.layer": "other.py:Gate"}}], folder=folder))
    assert "tanh()" in other.source


def test_a_search_opens_the_arguments_of_what_stands_in_its_base(folder: Path) -> None:
    path = folder / "search.yaml"
    text = "base: mine.yaml\nnetwork:\n  - own: {layer: my_layers.py:Gate, arguments: {hidden: {choice: [1, 3]}}}\n"
    text += "  - flatten\n  - linear: {out_features: classes}\nobjective: {maximize: val_accuracy}\n"
    path.write_text(text)
    space = load_study(str(path)).space
    assert count_space(space).feasible == 2
    assert space.with_values({"own1.arguments.hidden": 3}).network.rows[0].parameters == 3 + 3 + 3 + 1
    path.write_text(text.replace("my_layers", "others"))
    with pytest.raises(SpecError, match=r"search\.yaml:3:18: own: others\.py:Gate is not in the base: own layers of a"):
        load_study(str(path))


def in_file(body: str) -> str:
    return f"import torch\nfrom torch import nn\n\n\nclass Gate(nn.Module):\n{body}"


WRONG = {
    "depends on data": (in_file("    def forward(self, x):\n        return x if x.sum() > 0 else -x\n"),
                        "my_layers.py:7: its forward depends on the values of its input"),
    "an item": (in_file("    def forward(self, x):\n        return x * x.max().item()\n"),
                "my_layers.py:7: its forward depends on the values of its input"),
    "raises": (in_file("    def forward(self, x):\n        return x @ torch.ones(3, 3)\n"),
               "my_layers.py:7: its forward raised RuntimeError: a and b must have same reduction dim"),
    "raises as it is made": (in_file("    def __init__(self):\n        super().__init__()\n        1 / 0\n"),
                             "my_layers.py:8: ZeroDivisionError: division by zero"),
    "raises as it is imported": (in_file("    pass\n\n\n1 / 0\n"),
                                 "my_layers.py:9: importing it raised ZeroDivisionError: division by zero"),
    "a list of layers": (in_file("    def __init__(self):\n        super().__init__()\n"
                                 "        self.parts = [nn.Linear(2, 2)]\n"
                                 "\n    def forward(self, x):\n        return x\n"),
                         "my_layers.py:5: Gate.parts holds weights that torch does not see"),
    "a tensor that learns": (in_file("    def __init__(self):\n        super().__init__()\n"
                                     "        self.scale = torch.ones(1, requires_grad=True)\n"
                                     "\n    def forward(self, x):\n        return x * self.scale\n"),
                             "my_layers.py:5: Gate.scale holds weights that torch does not see"),
    "two tensors": (in_file("    def forward(self, x):\n        return x, x\n"),
                    "my_layers.py:5: its forward gives tuple; return one tensor"),
    "no batch": (in_file("    def forward(self, x):\n        return x.mean(0)\n"),
                 "my_layers.py:5: its forward gives 8x6x6 for a batch of 2; the batch comes first"),
    "a shape of the batch": (in_file("    def forward(self, x):\n        return x[:, :, : x.shape[0]]\n"),
                             "my_layers.py:5: gives 8x2x6 in a batch of 2 and 8x3x6 in one of 3"),
    "whole numbers": (in_file("    def forward(self, x):\n        return x.argmax(1)\n"),
                      "my_layers.py:5: its forward gives torch.int64 for torch.float32; return floating-point"),
    "double precision": (in_file("    def forward(self, x):\n        return x.double()\n"),
                         "my_layers.py:5: its forward gives torch.float64 for torch.float32; return floating-point"),
    "nothing": (in_file("    def forward(self, x):\n        return x[:, :0]\n"),
                "my_layers.py:5: its forward gives 0x6x6, which holds no value"),
    "another shape while training": (in_file("    def forward(self, x):\n"
                                             "        return x.flatten(1) if self.training else x\n"),
                                     "my_layers.py:5: gives 288 while training and 8x6x6 in evaluation; the shape"),
    "depends on data while training": (in_file("    def forward(self, x):\n"
                                               "        return x if not self.training or x.sum() > 0 else -x\n"),
                                       "my_layers.py:7: its forward depends on the values of its input"),
    "changes its input": (in_file("    def forward(self, x):\n        return x.relu_()\n"),
                          "my_layers.py:5: its forward changes its input in place, which a shortcut or another branch"),
    "no forward": (in_file("    pass\n"), "my_layers.py:5: Gate has no forward"),
    "a number of a tensor as it is made": (in_file("    def __init__(self):\n        super().__init__()\n"
                                                   "        self.rate = torch.linspace(0, 1, 3)[1].item()\n"),
                                           "my_layers.py:8: its constructor reads values of tensors (.item(), float()"),
    "NumPy in forward": (in_file("    def forward(self, x):\n"
                                 "        return x * torch.from_numpy(__import__('numpy').ones((8, 1, 1)))\n"),
                         "my_layers.py:7: its forward computes with a tensor that is no part of the layer (such as"),
    "an argument is missing": (in_file("    def __init__(self, width):\n        super().__init__()\n"),
                               "my_layers.py:5: TypeError: Gate.__init__() missing 1 required positional argument: "
                               "'width'; write it in arguments"),
    "lazy": (in_file("    def __init__(self):\n        super().__init__()\n        self.map = nn.LazyConv2d(4, 1)\n"),
             "my_layers.py:5: LazyConv2d has no weights until its first call; take in_channels or in_features"),
    "a list of layers under another name": (in_file("    def __init__(self):\n        super().__init__()\n"
                                                    "        self._parts = [nn.Linear(2, 2)]\n"),
                                            "my_layers.py:5: Gate._parts holds weights that torch does not see"),
    "a layer made in forward": (in_file("    def forward(self, x):\n        return nn.Conv2d(8, 8, 1)(x)\n"),
                                "my_layers.py:5: its forward computes with weights (8) that torch does not see: made"),
    "a weight of the file": ("import torch\nfrom torch import nn\n\nW = nn.Parameter(torch.ones(8, 1, 1))\n\n\n"
                             "class Gate(nn.Module):\n    def forward(self, x):\n        return x * W\n",
                             "my_layers.py:7: its forward computes with weights (8x1x1) that torch does not see: made"),
    "no module": ("class Gate:\n    pass\n", "my_layers.py:Gate is no class derived from torch.nn.Module"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_layer_that_cannot_be_is_refused_with_the_line_of_its_file(folder: Path, case: str) -> None:
    source, message = WRONG[case]
    (folder / "my_layers.py").write_text(source)
    (folder / "mine.yaml").write_text(SPEC.replace(", arguments: {hidden: 2}", ""))
    with pytest.raises(SpecError, match=rf"mine\.yaml:4:5: own1 \(own\): {re.escape(message)}"):
        load_plan(str(folder / "mine.yaml"))


RIGHT = {
    "a buffer of a NumPy array": in_file(
        "    def __init__(self, in_channels):\n        super().__init__()\n"
        "        ones = __import__('numpy').ones((in_channels, 1, 1), 'float32')\n"
        "        self.register_buffer('k', torch.from_numpy(ones))\n"
        "\n    def forward(self, x):\n        return x * self.k\n"
    ),
    "frozen weights, shared ones, a plain tensor": in_file(
        "    def __init__(self, in_channels):\n        super().__init__()\n"
        "        self.a = nn.Conv2d(in_channels, in_channels, 1).requires_grad_(False)\n"
        "        self.b, self.k = nn.Conv2d(in_channels, in_channels, 1), torch.ones(1)\n"
        "        self.b.weight = self.a.weight\n        self._both = [self.a, self.b]\n"
        "\n    def forward(self, x):\n        return self.b(self.a(x)) * self.k\n"
    ),
    "a batch norm and dropout": in_file(
        "    def __init__(self, in_channels):\n        super().__init__()\n"
        "        self.norm, self.drop = nn.BatchNorm2d(in_channels), nn.Dropout()\n"
        "\n    def forward(self, x):\n        y = self.norm(x)\n        y += x\n        return self.drop(y)\n"
    ),
    "a recurrence": in_file(
        "    def __init__(self, in_channels):\n        super().__init__()\n"
        "        self.rnn = nn.GRU(6, 6, batch_first=True)\n"
        "\n    def forward(self, x):\n        return torch.stack([self.rnn(one)[0] for one in x.unbind(1)], 1)\n"
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_torch_allows_a_layer_is_allowed(folder: Path, case: str) -> None:
    (folder / "my_layers.py").write_text(RIGHT[case])
    (folder / "mine.yaml").write_text(SPEC.replace(", arguments: {hidden: 2}", ""))
    plan = load_plan(str(folder / "mine.yaml")).network
    model = build_network(plan)
    assert plan.parameters == sum(p.numel() for p in model.parameters())
    assert model.own1(torch.ones(4, 8, 6, 6)).shape == (4, 8, 6, 6)


def test_what_a_layer_prints_is_no_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "    def forward(self, x):\n        print('seen', tuple(x.shape))\n        return x\n"
    (folder / "my_layers.py").write_text(in_file(body))
    (folder / "mine.yaml").write_text(SPEC.replace(", arguments: {hidden: 2}", ""))
    model = build_network(load_plan(str(folder / "mine.yaml")).network)
    model(torch.ones(5, 1, 8, 8))
    printed = capsys.readouterr()
    assert (printed.out, printed.err.splitlines()[-1]) == ("", "seen (5, 8, 6, 6)")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("nobody.py:Gate", r"mine\.yaml:4:18: own: nobody\.py:Gate: .*nobody\.py cannot be read: No such file"),
        ("my_layers.py:Gates", r"mine\.yaml:4:18: own: my_layers\.py:Gates: .* has no class Gates \(there: Gate\)"),
        ("my_layers:Gate", r"mine\.yaml:4:18: network\[2\]\.own\.layer: is no file with a class, such as"),
    ],
)
def test_a_file_or_a_class_that_is_not_there_is_said_where_it_stands(folder: Path, layer: str, message: str) -> None:
    (folder / "mine.yaml").write_text(SPEC.replace("my_layers.py:Gate", layer))
    with pytest.raises(SpecError, match=message):
        load_plan(str(folder / "mine.yaml"))


def test_a_file_that_is_no_python_is_told_with_its_line(folder: Path) -> None:
    (folder / "my_layers.py").write_text("class Gate(\n")
    with pytest.raises(SpecError, match=r"^here: own: .*my_layers\.py:1: '\(' was never closed; it is read as Python"):
        source_of("my_layers.py:Gate", folder, "here")
