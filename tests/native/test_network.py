"""Whole networks on the engine: batches of any size, threads, bits, memory, what it refuses."""

from __future__ import annotations

import math
import re
from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from archsearch.errors import SpecError
from archsearch.native.placing import place
from archsearch.native.planner import compile_network, supports
from archsearch.native.program import OperationKind, Program, UnsupportedError, Vectors
from archsearch.spec.layers.base import product
from archsearch.spec.network import PlanError
from archsearch.spec.training import TrainSpec
from archsearch.task.multilabel import Multilabel
from archsearch.task.regression import Regression
from archsearch.train.compute import choose_engine
from tests.native.conftest import CLASSES, assert_same, available, loss_spec, pair, planned, unsteadiness

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
    for a, b in zip(first.native_step().gradients, again.native_step().gradients, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("variant", available())
def test_ten_training_steps_equal_torchs(variant):
    one = pair(LENET, SHAPE, n=50, threads=2, variant=variant, dtype=torch.float32)
    other = pair(LENET, SHAPE, n=50, dtype=torch.float32)
    optimizers = [torch.optim.SGD(p.model.parameters(), lr=0.1, momentum=0.9) for p in (one, other)]
    for _ in range(10):
        loss, _ = one.native.gradients(one.x, one.rows, one.y[one.rows])
        expected, gradients, *_ = other.torch_step()
        for parameter, gradient in zip(other.model.parameters(), gradients, strict=True):
            parameter.grad = gradient
        for optimizer in optimizers:
            optimizer.step()
        assert loss / 50 == pytest.approx(expected, rel=1e-4)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


# -- random networks

HEAD = ["flatten", {"linear": {"out_features": "classes"}}]

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


def depthwise(drawn):
    """As many outputs as groups, or twice; what does not divide the channels is left out as it does not fit."""
    fields, times = drawn
    groups = 1 + fields["out_channels"] % 3
    return {"conv2d": fields | {"groups": groups, "out_channels": groups * times}}


layer = st.one_of(
    conv2d.map(lambda f: {"conv2d": f}),
    conv2d.map(lambda f: {"conv2d": f | {"padding": "same", "stride": 1}}),
    st.tuples(conv2d, st.integers(1, 2)).map(depthwise),
    pool.map(lambda f: {"avg_pool2d": f}),
    pool.map(lambda f: {"max_pool2d": f}),
    smooth,
    kinked,
    st.integers(1, 3).map(lambda n: {"adaptive_avg_pool2d": {"output_size": n}}),
    st.fixed_dictionaries(
        {"momentum": st.sampled_from([0.1, 0.5, 1.0]), "eps": st.sampled_from([1e-5, 0.1]), "affine": st.booleans()}
    ).map(lambda f: {"batch_norm2d": f}),
    st.sampled_from([0.1, 0.5, 0.8]).map(lambda p: {"dropout": {"p": p}}),
    st.sampled_from([0.2, 0.5]).map(lambda p: {"dropout2d": {"p": p}}),
    st.sampled_from(["layer_norm", "instance_norm", {"instance_norm": {"affine": True}}]),
    st.sampled_from([1, 2, 3]).map(lambda n: {"group_norm": {"num_groups": n, "eps": 0.01}}),
)
branch = st.lists(layer, max_size=2)
block = st.one_of(
    st.tuples(st.lists(layer, min_size=1, max_size=3), st.sampled_from(["", "", "shortcut"]), branch).map(
        lambda b: {"residual": {"layers": b[0]} | ({"shortcut": b[2]} if b[1] and b[2] else {"projection": True})}
    ),
    st.tuples(st.sampled_from(["concat", "add"]), st.lists(branch, min_size=1, max_size=3)).map(
        lambda b: {"parallel": {"join": b[0], "branches": b[1] if any(b[1]) else [["tanh"]]}}
    ),
)


@st.composite
def networks(draw):
    """A layer list that fits together: layers that do not are left out."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(4, 12)), draw(st.integers(4, 12)))
    kept = []
    for written in draw(st.lists(st.one_of(layer, block), min_size=1, max_size=7)):
        try:
            compile_network(planned([*kept, written, *HEAD], shape), loss_spec())
        except (PlanError, UnsupportedError):
            continue
        kept.append(written)
    between = st.sampled_from([[], [], ["batch_norm1d"], [{"dropout": {"p": 0.3}}]])
    hidden = draw(st.lists(st.tuples(st.integers(1, 20), between, smooth), max_size=2))
    tail = [part for width, more, act in hidden for part in ({"linear": {"out_features": width}}, *more, act)]
    return [*kept, "flatten", *tail, {"linear": {"out_features": "classes"}}], shape


TARGETS = [
    (None, "cross_entropy"),
    (None, {"cross_entropy": {"label_smoothing": 0.2}}),
    (None, {"cross_entropy": {"weight": [1.0, 2.0, 0.5, 1.0, 0.2]}}),
    (None, "focal"),
    (None, "mse"),
    (None, "l1"),
    (Multilabel(CLASSES), {"bce": {"pos_weight": [1.0, 2.0, 0.5, 1.0, 0.2]}}),
    (Regression(CLASSES), {"huber": {"delta": 0.3}}),
]
cases = st.tuples(
    networks(),
    st.sampled_from(TARGETS),
    st.integers(2, 40),
    st.sampled_from([1, 2]),
    st.sampled_from(available() or ["plain"]),
)
free = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(free, max_examples=200)
@given(cases)
def test_random_network_gives_torchs_loss_and_gradients(case):
    check_random_network(case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(10))
def test_20_000_random_networks_give_torchs_loss_and_gradients(part):
    """A tenth each, from a start of its own."""

    @seed(part)
    @settings(free, max_examples=2000)
    @given(cases)
    def check(case):
        check_random_network(case)

    check()


def test_a_corner_at_rounding_is_told_from_a_mistake():
    """The mean of normalised values is 0 but for rounding, and the slope of relu there anything; that of tanh is 1."""
    norm, pool = {"group_norm": {"num_groups": 1}}, {"adaptive_avg_pool2d": {"output_size": 1}}
    corner, smooth = (pair(["tanh", norm, pool, last, *HEAD], (1, 4, 5), n=2) for last in ("relu", "tanh"))
    for one in (corner, smooth):
        one.model[1].bias.data.zero_()
    assert unsteadiness(corner) > 0.1
    assert unsteadiness(smooth) < 1e-12
    assert_same(smooth, 1e-10)


def check_random_network(case, library=None):
    """On the case's variant, or another library."""
    (written, shape), (task, loss), n, threads, variant = case
    of = partial(pair, written, shape, loss=loss, task=task, n=n, threads=threads, variant=library or variant)
    weighted = n % 3 == 0 and "weight" not in str(loss)  # weights of samples and of classes do not go together
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-3)):
        one = of(weighted=weighted, dtype=dtype)
        try:
            assert_same(one, tolerance)
        except AssertionError:
            if (more := 10 * unsteadiness(one)) <= tolerance:
                raise
            assert_same(one, tolerance + more)


@settings(free, max_examples=150)
@given(networks())
def test_values_that_live_at_the_same_time_share_no_place(network):
    written, shape = network
    program = compile_network(planned(written, shape), loss_spec())
    place(program, lambda op: 3)
    memory = Memory(program)
    ends = [i for i, op in enumerate(program.operations) if op.kind is OperationKind.BATCH_NORM]
    passes = list(zip([0, *ends], [*ends, len(program.operations)], strict=True))
    for begin, end in passes[:-1]:
        for group in (0, 1):
            memory.forward(group, begin, end)
            memory.check(group, "value", program.operations[end].input)
    for group in (0, 1):
        memory.forward(group, *passes[-1])
        memory.check(group, "value", program.output)
        memory.write(group, "gradient", program.output)
        memory.back(group, *passes[-1])
    for begin, end in reversed(passes[:-1]):
        for group in (0, 1):
            memory.forward(group, begin, end, again=True)
            memory.back_to(group, end)
            memory.back(group, begin, end)
    assert program.operations


class Memory:
    """Every value, gradient and scratch writes its name where it lies when it is born, and must find it when read.

    The engine's order: all groups go through a pass before the next pass begins. They share a buffer.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.buffer: dict[int, object] = {}
        self.kept: list[dict[int, object]] = [{}, {}]

    def write(self, group: int, what: str, value: object, at: int | None = None, size: int = 0) -> None:
        memory, places = self.places(group, what, value, at, size)
        memory.update(dict.fromkeys(places, (what, id(value), group)))

    def check(self, group: int, what: str, value: object, at: int | None = None, size: int = 0) -> None:
        memory, places = self.places(group, what, value, at, size)
        assert all(memory.get(place) == (what, id(value), group) for place in places)

    def places(self, group, what, value, at, size):
        if isinstance(value, Vectors):
            at, size = value.at if what == "value" else value.gradient_at, value.size
        assert at >= 0
        memory = self.buffer if at < self.program.vectors else self.kept[group]
        return memory, range(at, at + size)

    def forward(self, group: int, begin: int, end: int, again: bool = False) -> None:
        if begin == 0 and not again:
            self.write(group, "value", self.program.input)
        for op in self.program.operations[begin:end]:
            if again and not op.again:
                continue
            self.check(group, "value", op.input)
            if op.other:
                self.check(group, "value", op.other)
            self.write(group, "value", op.output)

    def back(self, group: int, begin: int, end: int) -> None:
        for i in range(end - 1, begin - 1, -1):
            op = self.program.operations[i]
            if not op.output.learns:
                continue
            self.check(group, "gradient", op.output)
            if op.needs_input:
                self.check(group, "value", op.input)
            if op.needs_output:
                self.check(group, "value", op.output)
            self.write(group, "scratch", op, op.scratch_at, 3)
            if op.kind is OperationKind.BATCH_NORM:
                if op.input.learns:
                    self.write(group, "between", op, op.between_at, op.input.size)
                continue
            for value in (op.input, op.other):
                if value is not None and value.learns:
                    self.give(group, i, value)
            self.check(group, "scratch", op, op.scratch_at, 3)

    def back_to(self, group: int, norm: int) -> None:
        op = self.program.operations[norm]
        if op.output.learns and op.input.learns:
            self.check(group, "value", op.input)
            self.check(group, "between", op, op.between_at, op.input.size)
            self.give(group, norm, op.input)

    def give(self, group: int, reader: int, value: Vectors) -> None:
        if reader != max(value.readers, default=reader) and value is not self.program.operations[reader].output:
            self.check(group, "gradient", value)  # the last reader wrote it, this one adds
        self.write(group, "gradient", value)


def test_buffer_of_a_run_is_smaller_than_what_torch_keeps():
    one = pair(LENET, SHAPE, threads=2, dtype=torch.float32)
    assert 2 * one.native.buffer_bytes() < one.plan.activation_bytes(600)


def test_a_network_that_diverged_says_so():
    one = pair(LENET, SHAPE, dtype=torch.float32)
    with torch.no_grad():
        one.model[0].weight.fill_(float("nan"))
    assert math.isnan(one.native_step().loss)


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
        ([*LENET[:7], "rms_norm", *LENET[7:]], "norm1 (rms_norm) has no native kernel"),
        (
            [{"parallel": {"branches": [["tanh"], []], "join": "multiply"}}, *LENET],
            "par1 (parallel) has no native kernel",
        ),
        (
            [{"parallel": {"branches": [[], ["identity"]], "join": "add"}}, *LENET],
            "par1 (parallel) adds its input twice, which has no native kernel",
        ),
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
