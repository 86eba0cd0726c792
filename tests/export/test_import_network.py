"""Modules as people write them become specs with equal parameters and outputs; torch computes both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archsearch.errors import LimitError, SpecError
from archsearch.export.import_data import data_named, data_that_fit
from archsearch.export.import_network import import_network
from archsearch.export.import_source import ModuleSource
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import Limits, build_network
from archsearch.spec.text.write import spec_yaml
from archsearch.spec.text.yaml import read_text
from tests.export import modules

HERE = "tests/export/modules.py"


def source(module: nn.Module) -> ModuleSource:
    return ModuleSource(module, "net", "net.py:Net", {})


def imported(module: nn.Module, data: str = "digits", **options):
    """What is imported, after the promise was checked by torch once more, with other inputs and twice the batch."""
    found = import_network(source(module), data=data, **options)
    network = build_network(found.plan.network)
    network.load_state_dict(dict(found.state))
    assert found.plan.network.parameters == sum(p.numel() for p in module.parameters())
    x = torch.randn(6, *found.plan.facts.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(network.eval()(x), module.eval()(x.clone()), rtol=0, atol=1e-5)
    return found


def lines(module: nn.Module, **options) -> list[str]:
    text = spec_yaml(imported(module, **options).plan.spec, "archsearch run net.yaml")
    return text.partition("network:\n")[2].partition("train:\n")[0].splitlines()


def test_modules_and_functions_become_one_list() -> None:
    found = imported(modules.Lenet(), data="mnist")
    assert spec_yaml(found.plan.spec, "archsearch run net.yaml") == (
        "# archsearch run net.yaml\n"
        "name: net\n"
        "data: {name: mnist}\n"
        "network:\n"
        "  - conv2d: {out_channels: 4, kernel_size: 3}\n"
        "  - relu\n"
        "  - max_pool2d: {kernel_size: 2}\n"
        "  - conv2d: {out_channels: 6, kernel_size: 3}\n"
        "  - tanh\n"
        "  - max_pool2d: {kernel_size: 2}\n"
        "  - flatten\n"
        "  - linear: {out_features: 16}\n"
        "  - relu\n"
        "  - dropout: {p: 0.3}\n"
        "  - linear: {out_features: classes}\n"
        "  - log_softmax\n"
        "train:\n"
        "  epochs: 10\n"
        "  optimizer: adam\n"
        "  schedule: constant\n"
        "  loss: nll\n"  # the network gives log-probabilities
        'source: "net.py:Net"\n'
    )
    assert found.difference <= 1e-5
    assert list(found.state)[:2] == ["conv1.weight", "conv1.bias"]


def test_branches_gates_and_shortcuts_become_blocks() -> None:
    assert (
        lines(modules.SmallResnet())
        == """\
  - conv2d: {name: stem, out_channels: 4, kernel_size: 3, padding: same}
  - sequential:
      name: stages
      layers:
        - residual:
            layers:
              - conv2d: {out_channels: 4, bias: false, kernel_size: 3, padding: 1}
              - batch_norm2d: {name: bn1}
              - relu
              - parallel:
                  name: gate
                  join: multiply
                  branches:
                    - []
                    - - adaptive_avg_pool2d: {output_size: 1}
                      - flatten
                      - sequential:
                          name: fc
                          layers:
                            - linear: {out_features: 2}
                            - relu
                            - linear: {out_features: 4}
                            - sigmoid
        - relu
        - parallel:
            join: add
            branches:
              - - conv2d: {out_channels: 6, bias: false, kernel_size: 3, stride: 2, padding: 1}
                - batch_norm2d: {name: bn1}
                - relu
                - parallel:
                    name: gate
                    join: multiply
                    branches:
                      - []
                      - - adaptive_avg_pool2d: {output_size: 1}
                        - flatten
                        - sequential:
                            name: fc
                            layers:
                              - linear: {out_features: 2}
                              - relu
                              - linear: {out_features: 6}
                              - sigmoid
              - - conv2d: {out_channels: 6, bias: false, kernel_size: 1, stride: 2}
                - batch_norm2d
        - relu
  - adaptive_avg_pool2d: {output_size: 1}
  - flatten
  - linear: {name: head, out_features: classes}
""".splitlines()
    )


def test_dense_connections_become_nested_concatenations() -> None:
    conv = "conv2d: {out_channels: 2, kernel_size: 3, padding: 1}"
    assert lines(modules.Dense()) == [
        *[f"  - parallel: {{branches: [[], [{conv}, tanh]]}}"] * 3,
        "  - flatten",
        "  - linear: {name: out, out_features: classes}",
    ]


def test_parts_that_part_later_are_joined_first() -> None:
    a, b = "conv2d: {name: a, out_channels: 2, kernel_size: 1}", "conv2d: {name: b, out_channels: 3, kernel_size: 1}"
    assert lines(modules.Ladder())[0] == "  - parallel:"
    assert lines(modules.Ladder())[1:] == [
        "      branches:",
        "        - []",
        f"        - - {a}",
        f"          - parallel: {{branches: [[], [{b}]]}}",
        "  - flatten",
        "  - linear: {name: out, out_features: classes}",
    ]


def test_sum_of_three_is_one_block_in_its_order() -> None:
    assert lines(modules.Three())[1:7] == [
        "  - parallel:",
        "      join: add",
        "      branches:",
        "        - - linear: {name: a, out_features: 64}",
        "        - []",
        "        - - linear: {name: b, out_features: 64}",
    ]


def test_what_is_changed_in_place_is_changed_for_all_who_read_it() -> None:
    assert lines(modules.InPlace())[:3] == [
        "  - conv2d: {name: conv, out_channels: 2, kernel_size: 3, padding: 1}",
        "  - relu",
        "  - residual: {layers: [tanh]}",
    ]


def test_weights_without_modules_and_derived_classes_come_along() -> None:
    assert lines(modules.Bare()) == [
        "  - conv2d: {out_channels: 4, kernel_size: 3}",
        "  - relu",
        "  - flatten",
        "  - linear: {out_features: classes, bias: false}",
    ]
    found = imported(modules.on((1, 8, 8), modules.Derived(1, 2, 3)))
    assert found.state["conv1.bias"].tolist() == [1.0, 1.0]


def test_lazy_modules_take_their_sizes_from_the_data() -> None:
    assert lines(nn.Sequential(nn.Flatten(), nn.LazyLinear(7), nn.ReLU(), nn.LazyLinear(10))) == [
        "  - flatten",
        "  - linear: {out_features: 7}",
        "  - relu",
        "  - linear: {out_features: classes}",
    ]


def test_module_itself_is_left_as_it_was() -> None:
    module = modules.on((1, 8, 8), nn.BatchNorm2d(1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    imported(module.train())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert "__call__" not in vars(modules.Lenet)
    assert nn.Module.__call__.__name__ == "_wrapped_call_impl"


def test_written_spec_is_read_as_the_same() -> None:
    spec = imported(modules.SmallResnet()).plan.spec
    assert ExperimentSpec.model_validate(read_text(spec_yaml(spec, "x"), "s.yaml").plain()) == spec


# -- data --------------------------------------------------------------------------------------------------------------


def test_first_data_set_that_fits_is_taken_and_said() -> None:
    found = import_network(source(modules.SmallResnet()))
    assert found.notes == ("no --data: mnist (1x28x28, 10 classes) fits the network and is what the spec has",)
    in_a_row = import_network(source(nn.Sequential(nn.Linear(256, 10))))
    assert in_a_row.plan.spec.data.name == "usps"
    assert [layer.kind for layer in in_a_row.plan.spec.network] == ["flatten", "linear"]


def test_input_is_reached_by_size_and_grayscale() -> None:
    assert data_named("cifar10", (1, 20, 16)).data.model_dump(include={"size", "grayscale"}) == {
        "size": [20, 16],
        "grayscale": True,
    }
    assert data_named("digits", (64,)).input_shape == (64,)
    assert [one.data.name for one in data_that_fit((3, 40, 40))] == ["svhn", "cifar100"]
    with pytest.raises(SpecError, match=r"^mnist gives 1x28x28, which cannot be made an input of 3x28x28: images"):
        data_named("mnist", (3, 28, 28))


def test_own_data_give_shape_and_classes(tmp_path: Path) -> None:
    import numpy as np

    x, y = np.zeros((12, 2, 16), np.float32), np.arange(12) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    module = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3))
    found = import_network(source(module), data=str(tmp_path / "own.npz"))
    assert (found.plan.facts.shape, found.plan.facts.classes) == ((2, 16), 3)


def test_batch_is_one_that_fits_into_the_limits() -> None:
    module = modules.on((1, 8, 8), nn.Conv2d(1, 8, 1))
    small = import_network(source(module), data="digits", limits=Limits(activation_bytes=60_000))
    assert small.plan.spec.train.batch_size == 8  # 4 bytes * (8*64 + 8*64 + 10) = 4,136 for a sample: 14 of them
    with pytest.raises(LimitError, match=r"^fc1: 5,146 parameters up to here are more than the limit of 100;"):
        import_network(source(module), data="digits", limits=Limits(parameters=100))


def test_wrong_classes_and_wrong_inputs_say_what_to_give() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 7))
    with pytest.raises(SpecError, match=r"^net.py:Net gives 7 for a sample, and digits has 10 classes; build"):
        import_network(source(module), data="digits")
    with pytest.raises(SpecError, match=r"^net.py:Net: no data set with a name fits the network; give --data NAME"):
        import_network(source(module))
    with pytest.raises(SpecError, match=r"1 \(Linear\): .*: an input of 1x28x28 \(mnist\) does not fit; --input"):
        import_network(source(module), data="mnist")


# -- what is left out --------------------------------------------------------------------------------------------------


class Stochastic(nn.Module):
    """Drops its branch at random in training, and has a layer that it never uses."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.ops import DropBlock2d

        self.body, self.drop = nn.Conv2d(1, 1, 3, padding=1), DropBlock2d(0.2, 3)
        self.unused, self.out = nn.Linear(3, 2), nn.Linear(64, 10)
        self.out.bias.requires_grad_(False)

    def forward(self, x):
        return self.out((x + self.drop(self.body(x))).flatten(1))


def test_what_training_alone_does_is_refused_or_said() -> None:
    with pytest.raises(SpecError, match=r"drop \(DropBlock2d\): the language has no layer for DropBlock2d$"):
        import_network(source(Stochastic()), data="digits")
    found = import_network(source(Stochastic()), data="digits", evaluated=True)
    assert found.plan.spec.departures == (
        "drop (DropBlock2d) left out: it does something in training only, and the language has no layer for it.",
        "Taken as it computes in evaluation; dropout that is called as a function in training is not here.",
        "10 parameters of the module did not learn (requires_grad false); here all do.",
        "unused.weight and 1 other (8 parameters) take no part in forward and are left out.",
    )


# -- what cannot be said -----------------------------------------------------------------------------------------------


CANNOT = {
    "branch on data": (
        lambda x: x if x.sum() > 0 else -x,
        r"forward branches on data: `.*`; a network of the language",
    ),
    "number out of data": (lambda x: x / x.max().item(), r"forward takes numbers out of its data by \.item\(\): "),
    "float of data": (lambda x: x * float(x.mean()), r"forward takes numbers out of its data by float\(\): "),
    "part of a value": (lambda x: x[:, :, 1:], "it takes a part of a value by its index$"),
    "batch moved": (lambda x: x.transpose(0, 1).transpose(0, 1), "transpose moves the batch from its place$"),
    "rolled": (lambda x: x.roll(1), "the language has no layer for the function roll$"),
    "batch mixed in": (lambda x: x.reshape(1, -1), "reshape reads 1x128, whose first size is not the batch|reshape .*"),
    "a number added": (lambda x: x + 1, "it adds the number 1$"),
    "a number multiplied": (lambda x: 0.5 * x, "it multiplies by the number 0.5$"),
    "a tensor added": (lambda x: x + torch.ones(8), "it adds a tensor of its own$"),
    "difference": (lambda x: x - torch.tanh(x), "the language has no layer for sub of 2 values$"),
    "alpha": (lambda x: torch.add(x, torch.tanh(x), alpha=2), r"it adds a multiple of a value \(alpha\)$"),
    "rows together": (lambda x: torch.cat([x, x.tanh()], 2), "it concatenates along dimension 2; a join of the lang"),
    "with itself": (lambda x: torch.tanh(x) + torch.tanh(x) * 0 + x.relu().mul(2), "it multiplies by the number 0"),
    "x + x": (lambda x: x + x, "a value is joined with itself; a block has a layer in a branch$"),
    "chunks": (lambda x: torch.cat(x.chunk(2, 2), 1), "the language has no layer for chunk$"),
    "channels' mean": (
        lambda x: x.mean(1),
        "it takes the mean of 1x8x8 over other dimensions than all places of a map$",
    ),
    "count_include_pad": (
        lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False),
        "AvgPool2d has count_include_pad False, and avg_pool2d of the language has True for an input of 1x8x8$",
    ),
    "spread": (lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 8, 8), "values of channels are spread over maps"),
    "weights computed": (
        lambda x: F.conv2d(x, nn.Parameter(torch.ones(1, 1, 1, 1)) * 2),
        "the weight of conv2d is computed, and no parameter of its own$",
    ),
}


@pytest.mark.parametrize("what", CANNOT)
def test_first_thing_that_cannot_be_said_is_named_with_its_line(what: str) -> None:
    function, message = CANNOT[what]
    with pytest.raises(SpecError, match=message) as caught:
        import_network(source(modules.forwards(function)), data="digits")
    assert re.match(r"tests/export/(test_import_network|modules)\.py:\d+$", caught.value.problems[0].where)


LAYERS_THAT_CANNOT = {
    "Softsign": (nn.Softsign(), r"0 \(Softsign\): the language has no layer for Softsign$"),
    "padding_mode": (
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
        "Conv2d has padding_mode 'reflect', and conv2d of the language has 'zeros' for an input of 1x8x8$",
    ),
    "momentum": (nn.BatchNorm2d(1, momentum=None), "BatchNorm2d has momentum None, and batch_norm2d cannot: "),
    "statistics": (nn.BatchNorm2d(1, track_running_stats=False), "has track_running_stats False, and batch_norm2d of"),
    "last sizes": (
        nn.LayerNorm((8, 8)),
        r"LayerNorm has normalized_shape \[8, 8\], and layer_norm of the language has \[1, 8, 8\]",
    ),
    "softmax of rows": (
        nn.Softmax(dim=2),
        "Softmax has dim 2, and softmax of the language has 1 for an input of 1x8x8$",
    ),
    "half a flatten": (
        nn.Flatten(1, 2),
        "Flatten has end_dim 2, and flatten of the language has 3 for an input of 1x8x8$",
    ),
    "other forward": (modules.Scaled(1, 1, 1), "the weight of conv2d is computed, and no parameter of its own$"),
    "norm of weights": (
        nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 1, 1)),
        r"are computed from others \(a para",
    ),
    "recurrent": (
        nn.Sequential(nn.Flatten(2), nn.LSTM(64, 4)),
        r"1 \(LSTM\): LSTM has batch_first False, and lstm of the language has True$",
    ),
}


@pytest.mark.parametrize("what", LAYERS_THAT_CANNOT)
def test_layer_with_a_setting_of_its_own_is_refused(what: str) -> None:
    layer, message = LAYERS_THAT_CANNOT[what]
    module = layer if what == "recurrent" else nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(10))
    with pytest.raises(SpecError, match=message):
        import_network(source(module), data="digits")


def test_hooks_are_refused() -> None:
    layer = nn.ReLU()
    layer.register_forward_hook(lambda *_: None)
    with pytest.raises(SpecError, match=r"this ReLU has hooks, which may change what it computes$"):
        import_network(source(modules.on((1, 8, 8), layer)), data="digits")


def test_weights_of_two_layers_must_be_two() -> None:
    twice = nn.Linear(64, 64)
    with pytest.raises(SpecError, match=r"the weight of 1 is used by another layer too \(or 1 is called twice\)"):
        import_network(source(nn.Sequential(nn.Flatten(), twice, nn.ReLU(), twice, nn.Linear(64, 10))), data="digits")
    tied = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.Linear(64, 10))
    tied[3].weight = tied[1].weight
    with pytest.raises(SpecError, match="the weight of 3 is used by another layer too"):
        import_network(source(tied), data="digits")


class Crossing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(1, 1, 1) for _ in range(4))
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        return self.out(torch.cat([self.c(a) + b, self.d(b) + a], 1).flatten(1))


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(64, 10)

    def forward(self, x, mask):
        return self.out(x.flatten(1))


class Pair(Two):
    def forward(self, x):
        return self.out(x.flatten(1)), x


class AlwaysDrops(Two):
    def forward(self, x):
        return self.out(F.dropout(x.flatten(1)))


class Fails(Two):
    def forward(self, x):
        return self.out(x.flatten(1)[self.missing])


class Constant(Two):
    def forward(self, x):
        return self.out(torch.zeros(2, 64))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Crossing, "is read in several places that do not come together in one join; a network of the language has"),
        (Two, r"^tests/.*: forward of Two: missing a required argument: 'mask'; a network of the language reads one"),
        (
            Pair,
            r"^tests/.*: forward of Pair gives a tuple of 2 in training, and a spec has one output; if it is one in",
        ),
        (AlwaysDrops, r"^tests/.*: the network that was found is another one .* drops at random in evaluation too"),
        (Fails, r"^tests/.*:\d+: forward raised AttributeError: 'Fails' object has no attribute 'missing'$"),
        (Constant, "what forward of Constant gives does not come from its input$"),
    ],
)
def test_module_that_is_no_chain_of_layers_is_refused(module: type[nn.Module], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        import_network(source(module()), data="digits")
