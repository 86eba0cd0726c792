"""Objects as calls, and text that is copied: what is written, and what cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archsearch.data.samples import every_fifth
from archsearch.errors import UsageError
from archsearch.export.calls import arguments_of, call_of, optimizer_call
from archsearch.export.copied import Copied, written_imports
from archsearch.spec.augmentations import AUGMENTATION_KINDS, Flip, Shift
from archsearch.spec.losses import LOSS_KINDS, CrossEntropy, Nll, Quantile
from archsearch.spec.modules import Branches
from archsearch.spec.optimizers import Adam, Sgd
from archsearch.spec.schedules import SCHEDULE_KINDS, OneCycle


@pytest.mark.parametrize(
    ("module", "written"),
    [
        (nn.Conv2d(1, 6, 5), "nn.Conv2d(1, 6, kernel_size=5)"),
        (nn.Conv2d(4, 6, (5, 3), stride=2, padding=(1, 1), groups=2, bias=False),
         "nn.Conv2d(4, 6, kernel_size=(5, 3), stride=2, padding=1, groups=2, bias=False)"),
        (nn.Conv1d(2, 3, 3, padding="same"), 'nn.Conv1d(2, 3, kernel_size=3, padding="same")'),
        (nn.MaxPool2d(2), "nn.MaxPool2d(2)"),
        (nn.MaxPool2d((2, 2), (2, 2)), "nn.MaxPool2d(2)"),
        (nn.MaxPool2d(3, 1, 1, ceil_mode=True), "nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True)"),
        (nn.AdaptiveAvgPool2d((1, 1)), "nn.AdaptiveAvgPool2d(1)"),
        (nn.AdaptiveAvgPool2d((2, 3)), "nn.AdaptiveAvgPool2d((2, 3))"),
        (nn.Linear(3, 4, bias=False), "nn.Linear(3, 4, bias=False)"),
        (nn.BatchNorm2d(4, affine=False), "nn.BatchNorm2d(4, affine=False)"),
        (nn.LayerNorm((4,)), "nn.LayerNorm(4)"),
        (nn.LayerNorm((5, 5), eps=1e-3), "nn.LayerNorm((5, 5), eps=0.001)"),
        (nn.GroupNorm(2, 4), "nn.GroupNorm(2, 4)"),
        (nn.Dropout(), "nn.Dropout()"),
        (nn.GELU(approximate="tanh"), 'nn.GELU(approximate="tanh")'),
        (nn.Hardtanh(0.0, 6.0), "nn.Hardtanh(min_val=0.0, max_val=6.0)"),
        (nn.Softmax(dim=1), "nn.Softmax(dim=1)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_module_is_written_as_a_person_would(module: nn.Module, written: str) -> None:
    assert call_of(module) == written


class Secretive(nn.Module):
    """Does not keep what it was told."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = width * 2


def test_module_that_does_not_say_its_arguments_is_refused() -> None:
    with pytest.raises(UsageError, match="Secretive cannot be written as a call: its arguments cannot be read"):
        arguments_of(Secretive(3))


def test_optimiser_is_written_with_its_rate_and_what_is_not_usual() -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    adam = Adam(lr=0.002).build(weights, "cpu")
    assert optimizer_call(adam, "p()") == "torch.optim.Adam(p(), lr=0.002, fused=True)"
    sgd = Sgd(lr=0.1, momentum=0.9, nesterov=True).build(weights, "mps")
    assert optimizer_call(sgd, "p()") == "torch.optim.SGD(p(), lr=0.1, momentum=0.9, nesterov=True, fused=False)"


def space_of(copied: Copied) -> dict[str, Any]:
    """Run what was copied, with nothing else."""
    space: dict[str, Any] = {}
    exec(compile(copied.text(), "copied.py", "exec"), space)
    assert "archsearch" not in copied.text()
    return space


def test_function_brings_what_it_uses() -> None:
    copied = Copied()
    copied.definition(every_fifth)
    assert list(copied.definitions) == ["rank_in_class", "every_fifth"]
    labels = torch.tensor([0, 1] * 12)
    for ours, theirs in zip(every_fifth(labels), space_of(copied)["every_fifth"](labels), strict=True):
        assert torch.equal(ours, theirs)


def test_class_brings_its_imports() -> None:
    copied = Copied()
    copied.definition(Branches)
    model = space_of(copied)["Branches"]({"a": nn.Identity(), "b": nn.Identity()}, "add")
    assert torch.equal(model(torch.ones(2)), torch.full((2,), 2.0))


@pytest.mark.parametrize("kind", LOSS_KINDS, ids=lambda kind: kind.kind)
def test_every_loss_is_written_out(kind: Any) -> None:
    copied = Copied()
    loss = kind(quantile=0.9) if kind is Quantile else kind()
    copied.method("loss_of", loss.function)
    outputs, labels = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 1, 2, 2, 0])
    targets = labels if kind.tasks is None or "classification" in kind.tasks else torch.ones(6, 4)
    assert torch.equal(space_of(copied)["loss_of"](outputs, targets), loss.function()(outputs, targets))


def test_loss_with_weights_is_written_out_with_them() -> None:
    copied = Copied()
    loss = CrossEntropy(weight=(1.0, 2.5, 1.0, 3.0))
    copied.method("loss_of", loss.function)
    outputs, labels = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 3, 1, 2, 2, 0])
    assert torch.equal(space_of(copied)["loss_of"](outputs, labels), loss.function()(outputs, labels))
    assert "None" not in copied.definitions["loss_of"]


def test_function_that_is_only_given_on_is_written_as_such() -> None:
    copied = Copied()
    copied.method("loss_of", CrossEntropy(label_smoothing=0.1).function)
    copied.method("other", Nll().function)
    assert copied.definitions == {
        "loss_of": "def loss_of(outputs, labels):\n    return F.cross_entropy(outputs, labels, label_smoothing=0.1)",
        "other": "other = F.nll_loss",
    }


MUST_BE_SAID = {"step_size": 2, "milestones": (1, 3), "gamma": 0.5}


@pytest.mark.parametrize("kind", SCHEDULE_KINDS, ids=lambda kind: kind.kind)
def test_every_schedule_is_written_out(kind: Any) -> None:
    schedule = kind(**{name: MUST_BE_SAID[name] for name, field in kind.model_fields.items() if field.is_required()})
    copied = Copied()
    copied.method("factor", schedule.factor)
    copied.method("reduced", schedule.reduced)
    factor, reduced = (space_of(copied)[name] for name in ("factor", "reduced"))
    for epoch in (0.0, 0.4, 2.0, 3.9, 5.0):
        assert factor(epoch, 5) == schedule.factor(epoch, 5)
    for seen in ([], [0.5] * 12, [0.5, None, 0.9, *[0.9] * 30]):
        assert reduced(seen) == schedule.reduced(seen)


def test_fields_stand_in_the_text_as_numbers() -> None:
    copied = Copied()
    copied.method("factor", OneCycle(pct_start=0.25, div_factor=10).factor)
    assert "if done < 0.25:" in copied.definitions["factor"]
    assert "self" not in copied.text()
    assert math.isclose(space_of(copied)["factor"](0.0, 4), 0.1)


@pytest.mark.parametrize("kind", AUGMENTATION_KINDS, ids=lambda kind: kind.kind)
def test_every_augmentation_is_written_out(kind: Any) -> None:
    copied = Copied()
    expression = copied.call("step", kind().apply, "x", "draws")
    images = torch.rand(9, 2, 8, 6, generator=torch.Generator().manual_seed(0))
    space = space_of(copied) | {"x": images, "draws": torch.Generator().manual_seed(4)}
    assert torch.equal(eval(expression, space), kind().apply(images, torch.Generator().manual_seed(4)))


def test_call_of_one_line_is_that_line_with_choices_made() -> None:
    copied = Copied()
    inner = copied.call("shift", Shift(pixels=1).apply, "x[rows]", "draws")
    assert copied.call("flip", Flip(direction="vertical").apply, inner, "draws") == (
        "_flip(_window(x[rows], 1, draws), 2, draws)"
    )


TABLE = {"a": [1, (2.5, "x")]}
TENSOR = torch.ones(2)


def uses_a_table(x: Tensor) -> int:
    """Use what holds numbers and words only."""
    return TABLE["a"][0] + len(x)


def uses_a_tensor(x: Tensor) -> Tensor:
    """Use what is no function and not written as it is read."""
    return TENSOR + x


def test_text_that_needs_more_than_functions_and_plain_values_is_refused() -> None:
    copied = Copied()
    copied.definition(uses_a_table)
    assert copied.definitions["TABLE"] == "TABLE = {'a': [1, (2.5, 'x')]}"
    with pytest.raises(UsageError, match="uses_a_tensor uses TENSOR, which a file that stands alone cannot have"):
        copied.definition(uses_a_tensor)


def test_two_things_of_one_name_do_not_stand_in_one_file() -> None:
    copied = Copied()
    copied.definition(uses_a_table)

    def other(x: Tensor) -> Tensor:
        return x

    other.__name__ = "uses_a_table"
    with pytest.raises(UsageError, match="two things that are called uses_a_table cannot stand in one file; give one"):
        copied.definition(other)


def test_imports_are_in_pythons_order() -> None:
    lines = {
        "nn": "from torch import nn",
        "sys": "import sys",
        "Tensor": "from torch import Tensor",
        "np": "import numpy as np",
    }
    assert written_imports(lines) == "import sys\n\nimport numpy as np\nfrom torch import Tensor, nn"
