"""Random networks over every layer kind and every block: what is planned is what torch computes, or torch refuses too.

pytest -m slow tests/spec/test_random_networks.py -k part3      # one tenth of the 100,000
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archsearch.spec.network import NetworkPlan, PlanError, PlannedLayer, build_network
from tests.spec import oracle
from tests.spec.random_networks import BLOCKS, FIELDS, KINDS, LEAVES, Shape, network, plan

# torch says so once in a process, of any even kernel with `same`; its numbers are right
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

# What torch would take and we refuse, on purpose: each a message of ours.
STRICTER = (
    r"\(linear\): needs a flat input",  # torch multiplies the last dimension of anything
    r"\((dropout2d|batch_norm2d)\): needs a map",  # torch reads (batch, channels, length) as a map without a batch
    r"\(batch_norm1d\): needs a flat input",  # torch raises as well, but for the batch's sake
    r"\((max|avg|adaptive_avg|scaled_avg)_pool[123]d\): needs a ",  # torch reads the batch as channels
    r"\(conv(_transpose)?[123]d\): needs a ",
    r"\((batch_norm3d|instance_norm|upsample|zero_pad|pixel_shuffle)\): needs a ",  # the same
    r"\((group|instance)_norm\): each of its (groups|channels) (holds|has) one value",  # torch: while training only
    r"\(conv_transpose[12]d\): output_padding",  # torch refuses it too, but not on the meta device
    r"\(conv_transpose[12]d\): padding takes all",  # torch gives maps of no pixels
    r"\(zero_pad\): padding has",  # torch takes [left, right] for a map too
    r"\(\w+\): per_step needs a sequence",  # torch's last size is that of a flat input too
    r"\(class_token\): needs a sequence",
    r"\(embedding\): needs a flat input",  # torch looks up whatever it gets
    r"\(residual\): its layers give ",  # torch adds what it can broadcast; the oracle does not
    r"\(parallel\): branches can be multiplied only ",  # torch multiplies whatever it can broadcast
)
TORCH_ERRORS = (RuntimeError, ValueError, IndexError, AssertionError)


def agree(tree: list[Any], shape: Shape, macs: bool = True) -> set[str]:
    """Hold one network against torch: every layer's shape and weights, the whole's multiply-accumulates (slow).

    Gives what came of it: the kinds of layers in it, or the rule by which it is refused.
    """
    try:
        planned = plan(tree, shape)
    except PlanError as error:
        rule = next((rule for rule in STRICTER if re.search(rule, str(error))), "")
        if not rule:
            with pytest.raises(TORCH_ERRORS, match=r"."):  # torch's words
                oracle.torch_network(tree, shape)
        return {"refused", rule or "refused as torch does"}
    module, output = oracle.torch_network(tree, shape)
    assert planned.output_shape == output
    assert planned.parameters == sum(p.numel() for p in module.parameters())
    if macs:
        assert planned.macs == oracle.macs(module, shape)
    ours = build_network(planned).to("meta")
    sizes = [tuple(value.shape) for value in ours.state_dict().values()]
    assert sizes == [tuple(value.shape) for value in module.state_dict().values()]
    agree_layer_by_layer(planned, ours)
    return {"accepted", *(row.kind for row in planned.walk())}


def agree_all(numbers: range) -> Counter[str]:
    """Hold the networks of some numbers against torch, and count what came of them; a mismatch has its number.

    Every fourth is asked for its multiply-accumulates too.
    """
    seen: Counter[str] = Counter()
    for number in numbers:
        case = network(Random(number))
        try:
            seen.update(agree(*case, macs=number % 4 == 0))
        except Exception as error:
            raise AssertionError(f"network {number}: {case}") from error
    return seen


def agree_layer_by_layer(planned: NetworkPlan, model: nn.Module) -> None:
    """Run two samples through: each row's shapes and weights are those of its module, inside blocks too."""
    found: dict[str, tuple[Shape, Shape]] = {}
    rows = list(with_modules(planned.rows, model))
    for row, module in rows:

        def note(module: nn.Module, given: tuple[Tensor], out: Tensor, name: str = row.name) -> None:
            assert (given[0].shape[0], out.shape[0]) == (oracle.BATCH, oracle.BATCH)
            found[name] = tuple(given[0].shape[1:]), tuple(out.shape[1:])

        module.register_forward_hook(note)
    model.eval()(torch.empty(oracle.BATCH, *planned.input_shape, device="meta"))
    assert found == {row.name: (row.input_shape, row.output_shape) for row, _ in rows}
    counted = {row.name: sum(p.numel() for p in module.parameters()) for row, module in rows}
    assert counted == {row.name: row.parameters for row, _ in rows}


def with_modules(rows: tuple[PlannedLayer, ...], model: nn.Module) -> Iterator[tuple[PlannedLayer, nn.Module]]:
    """Pair each row with its module."""
    for row, module in zip(rows, model.children(), strict=True):
        yield row, module
        if row.kind == "sequential":
            yield from with_modules(row.layers, module)
        for branch in row.branches if row.kind != "sequential" else ():
            inside = module.get_submodule(branch.name)
            if branch.written:
                yield from with_modules(branch.rows, inside)
            else:
                yield branch.rows[0], inside  # a projection stands for itself


def test_random_networks_agree_with_torch() -> None:
    seen = agree_all(range(1_000_000, 1_000_120))
    assert seen["accepted"] >= 60


PART = 10_000


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(10), ids=lambda part: f"part{part}")
def test_100_000_random_networks_agree_with_torch(part: int) -> None:
    seen = agree_all(range(PART * part, PART * part + PART))
    assert seen["accepted"] + seen["refused"] == PART
    assert seen["accepted"] >= PART // 2
    assert not [kind for kind in KINDS if seen[kind] < 20]  # every kind stands in networks that are accepted
    assert not [rule for rule in STRICTER if not seen[rule]]  # and every rule of ours refuses some


def test_random_windows_agree_with_torch() -> None:
    dice = Random(2)
    kinds = [kind for kind in LEAVES if "conv" in kind or "pool" in kind]
    for _ in range(800):
        kind = dice.choice(kinds)
        shape = tuple(dice.randint(1, 12) for _ in range(1 + int(kind[-2])))
        agree([{kind: FIELDS[kind](dice)}], shape)


# -- values and gradients ----------------------------------------------------------------------------------------------


def computed(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor | None]]:
    """Run forwards and backwards in training mode, with the same draws each time."""
    x = x.clone().requires_grad_()
    torch.manual_seed(3)  # dropout, depth
    out = model.train()(x)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
    return out.detach(), [x.grad, *(value.grad for value in model.parameters())]


def equal_values(tree: list[Any], shape: Shape) -> None:
    """Hold outputs and gradients of all weights and of the input against torch's modules with our weights."""
    ours = build_network(plan(tree, shape)).double()
    theirs = oracle.torch_network(tree, shape)[0].to_empty(device="cpu").double()
    with torch.no_grad():
        for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            other.copy_(mine)
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (out, gradients), (expected, wanted) = computed(ours, x), computed(theirs, x)
    near = {"rtol": 1e-6, "atol": 1e-6}  # the sines of positions are rounded to float32
    torch.testing.assert_close(out, expected, **near)
    for mine, other in zip(gradients, wanted, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            torch.testing.assert_close(mine, other, **near)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), **near)


def values_of(numbers: range) -> Counter[str]:
    """Compare the networks with blocks of some numbers that fit, and count the blocks."""
    seen: Counter[str] = Counter()
    for number in numbers:
        tree, shape = network(Random(number), with_block=True)
        try:
            kinds = {row.kind for row in plan(tree, shape).walk()}
        except PlanError:
            continue
        if "embedding" in kinds:  # reads whole numbers; test_later_layers.py has it
            continue
        try:
            equal_values(tree, shape)
        except Exception as error:
            raise AssertionError(f"network {number}: {tree} of {shape}") from error
        seen.update(kinds & set(BLOCKS))
    return seen


def test_values_and_gradients_of_random_blocks_equal_torch() -> None:
    seen = values_of(range(40))
    assert min(seen[kind] for kind in BLOCKS) >= 3, seen


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_values_and_gradients_of_many_random_blocks_equal_torch() -> None:
    seen = values_of(range(100, 3100))
    assert min(seen[kind] for kind in BLOCKS) >= 100, seen
