"""Whole networks on the engine: batches of any size, threads, bits, memory, what it refuses."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsearch.errors import SpecError
from archsearch.native.planner import compile_network, place, supports
from archsearch.native.program import UnsupportedError
from archsearch.spec.layers.base import product
from archsearch.spec.network import PlanError
from archsearch.spec.training import TrainSpec
from archsearch.train.compute import choose_engine
from tests.native.conftest import assert_same, available, loss_spec, pair, planned

LENET = [
    {"conv2d": {"out_channels": 6, "kernel_size": 5}},
    "tanh",
    {"avg_pool2d": {"kernel_size": 2}},
    {"conv2d": {"out_channels": 16, "kernel_size": 5}},
    "relu",
    {"max_pool2d": {"kernel_size": 2}},
    "flatten",
    {"linear": {"out_features": 30}},
    "tanh",
    {"linear": {"out_features": "classes"}},
]
SHAPE = (1, 28, 28)


@pytest.mark.parametrize("n", [1, 2, 7, 15, 16, 17, 31, 33, 64, 65])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_batch_size_and_number_of_threads_gives_torchs_gradients(n, threads):
    assert_same(pair(LENET, SHAPE, n=n, threads=threads), 1e-11)


@pytest.mark.parametrize("variant", available())
def test_bytes_are_read_as_the_loop_reads_them(variant):
    assert_same(pair(LENET, SHAPE, variant=variant, stored=torch.uint8), 1e-11)
    assert_same(pair(LENET, SHAPE, variant=variant, stored=torch.uint8, dtype=torch.float32), 1e-5)


@pytest.mark.parametrize("variant", available())
@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_repeat_bit_for_bit(variant, threads):
    first = pair(LENET, SHAPE, n=150, threads=threads, variant=variant, dtype=torch.float32)
    again = pair(LENET, SHAPE, n=150, threads=threads, variant=variant, dtype=torch.float32)
    again.native_step()
    for a, b in zip(first.native_step()[1], again.native_step()[1], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("variant", available())
def test_ten_training_steps_equal_torchs(variant):
    one = pair(LENET, SHAPE, n=50, threads=2, variant=variant, dtype=torch.float32)
    other = pair(LENET, SHAPE, n=50, dtype=torch.float32)
    optimizers = [torch.optim.SGD(p.model.parameters(), lr=0.1, momentum=0.9) for p in (one, other)]
    for _ in range(10):
        loss, _ = one.native.gradients(one.x, one.rows, one.y[one.rows])
        expected, gradients, _ = other.torch_step()
        for parameter, gradient in zip(other.model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        for optimizer in optimizers:
            optimizer.step()
        assert loss / 50 == pytest.approx(expected, rel=1e-4)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


# -- random networks

sizes = st.integers(1, 3)
conv2d = st.fixed_dictionaries(
    {
        "out_channels": st.integers(1, 18),
        "kernel_size": st.tuples(sizes, sizes).map(list) | st.sampled_from([1, 3, 5]),
        "stride": st.sampled_from([1, 1, 1, 2, 3]),
        "padding": st.integers(0, 2),
        "dilation": st.sampled_from([1, 1, 2]),
        "bias": st.booleans(),
    }
)
pool = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(2, 3),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 1),
        "ceil_mode": st.booleans(),
    }
)
smooth = st.sampled_from(["tanh", "gelu", "silu", "mish", "sigmoid", "softplus", "elu", "softmax", "log_softmax"])
kinked = st.sampled_from(["relu", "leaky_relu", "selu", "hardtanh"])
layer = st.one_of(
    conv2d.map(lambda f: {"conv2d": f}),
    conv2d.map(lambda f: {"conv2d": f | {"padding": "same", "stride": 1}}),
    pool.map(lambda f: {"avg_pool2d": f}),
    pool.map(lambda f: {"max_pool2d": f}),
    smooth,
    kinked,
    st.integers(1, 3).map(lambda n: {"adaptive_avg_pool2d": {"output_size": n}}),
)


@st.composite
def networks(draw):
    """A layer list that fits together: layers that do not are left out."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(4, 12)), draw(st.integers(4, 12)))
    kept = []
    for one in draw(st.lists(st.one_of(layer, st.lists(layer, min_size=1, max_size=3)), min_size=1, max_size=7)):
        written = {"residual": {"projection": True, "layers": one}} if isinstance(one, list) else one
        try:
            planned([*kept, written], shape)
        except PlanError:
            continue
        kept.append(written)
    hidden = draw(st.lists(st.tuples(st.integers(1, 20), smooth), max_size=2))
    tail = [part for width, act in hidden for part in ({"linear": {"out_features": width}}, act)]
    return [*kept, "flatten", *tail, {"linear": {"out_features": "classes"}}], shape


cases = st.tuples(
    networks(),
    st.sampled_from(["cross_entropy", {"cross_entropy": {"label_smoothing": 0.2}}, "mse", "l1"]),
    st.integers(1, 40),
    st.sampled_from([1, 2]),
    st.sampled_from(available() or ["plain"]),
)
free = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(free, max_examples=120)
@given(cases)
def test_random_network_gives_torchs_loss_and_gradients(case):
    check_random_network(case)


@pytest.mark.slow
@settings(free, max_examples=1500)
@given(cases)
def test_many_random_networks_give_torchs_loss_and_gradients(case):
    check_random_network(case)


def check_random_network(case):
    (written, shape), loss, n, threads, variant = case
    assert_same(pair(written, shape, loss=loss, n=n, threads=threads, variant=variant), 1e-10)
    assert_same(pair(written, shape, loss=loss, n=n, threads=threads, variant=variant, dtype=torch.float32), 1e-3)


@settings(free, max_examples=150)
@given(networks())
def test_values_that_live_at_the_same_time_share_no_place(network):
    written, shape = network
    program = compile_network(planned(written, shape), loss_spec())
    place(program, lambda op: 3)
    n = len(program.operations)
    # Write a number of its own for every value and gradient when it is born; it must be there whenever it is read.
    memory: dict[int, tuple[str, int]] = {}

    def write(what: str, value: object, at: int, size: int) -> None:
        for i in range(at, at + size):
            memory[i] = (what, id(value))

    def check(what: str, value: object, at: int, size: int) -> None:
        assert all(memory[i] == (what, id(value)) for i in range(at, at + size))

    write("value", program.input, program.input.at, program.input.size)
    for op in program.operations:
        check("value", op.input, op.input.at, op.input.size)
        if op.other:
            check("value", op.other, op.other.at, op.other.size)
        write("value", op.output, op.output.at, op.output.size)
    check("value", program.output, program.output.at, program.output.size)
    write("gradient", program.output, program.output.gradient_at, program.output.size)
    for op in reversed(program.operations):
        if not op.output.learns:
            continue
        check("gradient", op.output, op.output.gradient_at, op.output.size)
        write("scratch", op, op.scratch_at, 3)
        if op.needs_input:
            check("value", op.input, op.input.at, op.input.size)
        if op.needs_output:
            check("value", op.output, op.output.at, op.output.size)
        for value in (op.input, op.other):
            if value is not None and value.learns:
                write("gradient", value, value.gradient_at, value.size)
        check("scratch", op, op.scratch_at, 3)
    assert n > 0


def test_buffer_of_a_run_is_smaller_than_what_torch_keeps():
    one = pair(LENET, SHAPE, threads=2, dtype=torch.float32)
    assert 2 * one.native.buffer_bytes() < one.plan.activation_bytes(600)


def test_a_network_that_diverged_says_so():
    one = pair(LENET, SHAPE, dtype=torch.float32)
    with torch.no_grad():
        one.model[0].weight.fill_(float("nan"))
    assert one.native_step()[0] != one.native_step()[0]


# -- what it refuses


def test_labels_rows_and_types_that_do_not_fit_are_refused():
    one = pair(LENET, SHAPE, dtype=torch.float32)
    with pytest.raises(IndexError, match=r"^a label is not in 0\.\.4$"):
        one.native.gradients(one.x, one.rows, one.y[one.rows] + 5)
    with pytest.raises(IndexError, match="a row is outside of it"):
        one.native.outputs(one.x, one.rows + len(one.x))
    with pytest.raises(IndexError, match="samples of another size"):
        one.native.outputs(torch.zeros(3, 1, 9, 9), torch.arange(3))
    with pytest.raises(TypeError, match=r"^expected uint8 or torch\.float32, got torch\.float64$"):
        one.native.outputs(one.x.double(), one.rows)
    with pytest.raises(ValueError, match=r"^expected contiguous x and rows, rows as int64$"):
        one.native.outputs(one.x.transpose(2, 3), one.rows)


TRAIN = TrainSpec(epochs=1)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (["batch_norm2d", *LENET], "norm1 (batch_norm2d) has no native kernel"),
        ([*LENET[:7], "dropout", *LENET[7:]], "drop1 (dropout) has no native kernel"),
        ([{"residual": {"layers": ["identity"]}}, *LENET], "res1 (residual) holds no operation"),
    ],
)
def test_unsupported_layer_is_named(written, reason):
    assert supports(planned(written, SHAPE), TRAIN) == reason
    with pytest.raises(UnsupportedError, match=f"^{re.escape(reason)}$"):
        compile_network(planned(written, SHAPE), TRAIN.loss)


def test_choice_follows_device_layers_and_shapes():
    lenet = planned(LENET, SHAPE)
    assert choose_engine(lenet, TRAIN, "cpu").name == "native"
    assert choose_engine(lenet, TRAIN, "cuda").reason == "it computes on cpu, the run on cuda"
    assert choose_engine(lenet, TRAIN.model_copy(update={"engine": "torch"}), "cpu").reason == ""
    dense = planned(["flatten", {"linear": {"out_features": "classes"}}], SHAPE)
    assert choose_engine(dense, TRAIN, "cpu").reason.startswith("100% of its multiply-accumulates are matrix products")
    assert choose_engine(dense, TRAIN.model_copy(update={"engine": "native"}), "cpu").name == "native"
    half = TRAIN.model_copy(update={"engine": "native", "precision": "bf16"})
    with pytest.raises(SpecError, match=r"^train\.engine: native cannot be used: train\.precision: bf16 is not"):
        choose_engine(lenet, half, "cpu")


def test_parameters_are_counted_as_torch_counts_them():
    one = pair(LENET, SHAPE)
    assert one.native.program.sizes == [p.numel() for p in one.model.parameters()]
    assert one.native.program.input.size == product(SHAPE)
