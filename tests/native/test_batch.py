"""What needs a whole batch or random numbers: batch norm and dropout, over several steps, threads and variants."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy.stats import binom

from tests.native.conftest import KEY, assert_same, available, pair, stays

NETWORK = [
    {"conv2d": {"out_channels": 5, "kernel_size": 3}},
    "batch_norm2d",
    "relu",
    {"max_pool2d": {"kernel_size": 2}},
    {"dropout": {"p": 0.25}},
    {"conv2d": {"out_channels": 9, "kernel_size": 3, "bias": False}},
    {"batch_norm2d": {"momentum": 0.3}},
    "tanh",
    {"dropout2d": {"p": 0.2}},
    "flatten",
    {"linear": {"out_features": 12}},
    "batch_norm1d",
    "gelu",
    {"linear": {"out_features": "classes"}},
]
SHAPE = (2, 12, 11)


@pytest.mark.parametrize("n", [2, 7, 16, 17, 65])
@pytest.mark.parametrize("threads", [1, 3])
def test_any_batch_size_and_number_of_threads_gives_torchs_gradients(n, threads):
    assert_same(pair(NETWORK, SHAPE, n=n, threads=threads), 1e-9)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_single_image_gives_torchs_gradients_where_a_map_has_more_than_a_pixel(threads):
    """Also as the last batch of a larger engine: what the batch before left in its buffers is not seen."""
    network = [*NETWORK[:10], NETWORK[-1]]
    one = pair(network, SHAPE, n=1, threads=threads)
    assert_same(one, 1e-9)
    larger = replace(one, rows=torch.arange(8))
    larger.native_step()
    assert_same(one, 1e-9)


@pytest.mark.parametrize("norm", [{"layer_norm": {"eps": 1e-60}}, {"instance_norm": {"eps": 1e-60}}])
@pytest.mark.parametrize("variant", available())
def test_lanes_without_an_image_give_nothing_to_the_gradients(norm, variant):
    """In float the eps is 0: an image of zeros, had it been there, would be divided by 0."""
    network = [norm, *NETWORK[:1], "flatten", NETWORK[-1]]
    for n in (1, 5, 17):
        assert_same(pair(network, SHAPE, n=n, dtype=torch.float32, variant=variant), 1e-5)


@pytest.mark.parametrize("first", [["batch_norm2d"], [{"batch_norm2d": {"affine": False}}, "relu"], [{"dropout": {}}]])
def test_images_are_normalised_or_dropped_first(first):
    """Nothing before the layer learns: it has no gradient to give, its own parameters have one."""
    assert_same(pair([*first, *NETWORK], SHAPE), 1e-9)


@pytest.mark.parametrize("variant", available())
def test_ten_training_steps_equal_torchs(variant):
    one, other = (
        pair(NETWORK, SHAPE, n=50, threads=threads, variant=variant, dtype=torch.float32) for threads in (2, 1)
    )
    optimizers = [torch.optim.SGD(p.model.parameters(), lr=0.05, momentum=0.9) for p in (one, other)]
    for _ in range(10):
        step = one.native_step()
        expected = other.torch_step(keep=True)
        assert step.loss == pytest.approx(expected.loss, rel=1e-3)
        for parameter, gradient in zip(other.model.parameters(), expected.gradients, strict=True):
            parameter.grad = gradient
        for optimizer in optimizers:
            optimizer.step()
    state = other.model.state_dict()
    assert int(state["norm1.num_batches_tracked"]) == 10
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("variant", available())
def test_statistics_and_masks_are_the_same_bits_for_any_number_of_threads(variant):
    """Those of the first batch norm alone: what comes before it are no sums over threads."""
    steps = [
        pair(NETWORK, SHAPE, n=150, threads=threads, variant=variant, dtype=torch.float32).native_step()
        for threads in (1, 2, 3)
    ]
    for step in steps[1:]:
        assert step.loss == pytest.approx(steps[0].loss, rel=1e-6)
        for a, b in zip(step.running, steps[0].running, strict=True):
            assert torch.equal(a, b)
        assert torch.equal(step.outputs, steps[0].outputs)


@pytest.mark.parametrize("variant", available())
def test_gradients_repeat_bit_for_bit(variant):
    first, again = (
        pair(NETWORK, SHAPE, n=150, threads=2, variant=variant, dtype=torch.float32).native_step() for _ in range(2)
    )
    for a, b in zip(first.gradients, again.gradients, strict=True):
        assert torch.equal(a, b)


def test_large_mean_and_small_variance_lose_no_digits():
    """Values about 1,000 apart by 0.01: a difference of two sums of squares in float would be all rounding."""
    one = pair(["batch_norm2d", "flatten", {"linear": {"out_features": "classes"}}], (1, 6, 6), dtype=torch.float32)
    one.x = 1000 + 0.01 * one.x
    one.native_step()
    variance = one.x[one.rows].double().var()
    assert float(one.model[0].running_var) == pytest.approx(0.9 + 0.1 * float(variance), rel=1e-7)
    assert float(one.model[0].running_mean) == pytest.approx(0.1 * float(one.x[one.rows].double().mean()), rel=1e-6)


@pytest.mark.parametrize("norm", ["layer_norm", "instance_norm", {"group_norm": {"num_groups": 1}}])
def test_equal_values_are_normalised_to_zero(norm):
    """Nine times a third summed and divided by nine is not a third in float: not to be seen 316 times as large."""
    network = [norm, "flatten", {"linear": {"out_features": "classes", "bias": False}}]
    one = pair(network, (1, 3, 3), dtype=torch.float32, n=40)
    one.x = torch.linspace(-3, 3, len(one.x))[:, None, None, None].expand(-1, 1, 3, 3).contiguous()
    given = one.native.outputs(one.x, one.rows)  # of zeros, whatever the image, times the weights, and the biases
    assert float((given - given[:1]).abs().max()) < 1e-6


def test_a_single_value_has_no_variance():
    one = pair([{"linear": {"out_features": 3}}, "batch_norm1d", {"linear": {"out_features": "classes"}}], (4,), n=1)
    with pytest.raises(ValueError, match=r"^expected more than 1 value per channel when training with a batch norm$"):
        one.native_step()


def test_another_key_drops_others_and_evaluation_drops_nothing():
    one = pair(["flatten", {"dropout": {"p": 0.5}}, {"linear": {"out_features": "classes"}}], (3, 8, 8), n=64)
    losses = [one.native.gradients(one.x, one.rows, one.y[one.rows], key)[0] for key in (KEY, KEY + 1, KEY)]
    assert losses[0] == losses[2] != losses[1]
    evaluated = one.native.outputs(one.x, one.rows)
    torch.testing.assert_close(evaluated, one.model.eval()(one.x[one.rows]).detach())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_mask_has_its_share_everywhere_and_values_are_independent(p):
    """1,000 keys, 40 images, 50 values: counts inside what a binomial gives once in 10 million tests."""
    masks = torch.stack([stays(p, 977 * key, key % 3, 40, 50) for key in range(1000)])
    for dims, trials in (((0, 1), 40_000), ((0, 2), 50_000), ((1, 2), 2000), ((0, 1, 2), 2_000_000)):
        counts = masks.sum(dims).double()
        low, high = binom.interval(1 - 1e-7, trials, 1 - p)
        assert low <= float(counts.min()) <= float(counts.max()) <= high
    for dim, shift in ((0, 1), (1, 1), (2, 1), (1, 8), (2, 16)):
        both = int((masks & masks.roll(shift, dim)).sum())
        low, high = binom.interval(1 - 1e-7, 2_000_000, (1 - p) ** 2)
        assert low - 3000 <= both <= high + 3000  # neighbours share a mask, so the pairs vary a little more


def test_what_is_kept_of_a_batch_is_less_than_what_torch_keeps():
    """For the way back torch keeps the output of every layer; here neither normalised values nor masks are."""
    one = pair(NETWORK, SHAPE, threads=2, dtype=torch.float32)
    assert 2 * one.native.buffer_bytes() + one.native.kept_bytes(600) < one.plan.activation_bytes(600) / 1.5
