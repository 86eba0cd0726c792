"""What the C++ engine runs: operations, the values between them, and how they are numbered in source/program.h.

    Operation(OperationKind.ADD, value, value, (8, 4, 4), (8, 4, 4), other=beside)

Made by `planner.py`, handed to the library by `network.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

NOTHING = -1
TwoSizes = tuple[int, int]
Map = tuple[int, int, int]  # channels, height, width


class OperationKind(IntEnum):
    """The operations, as in source/program.h."""

    CONVOLUTION = 0
    PAD = 1
    MAX_POOL = 2
    AVERAGE_POOL = 3
    ADAPTIVE_POOL = 4
    ACTIVATION = 5
    SOFTMAX = 6
    LOG_SOFTMAX = 7
    ADD = 8
    BATCH_NORM = 9
    DROPOUT = 10
    DROPOUT_CHANNELS = 11
    LAYER_NORM = 12
    GROUP_NORM = 13
    JOIN = 14


# The activations, as in source/program.h; the slope of some follows from their output alone, so they work in place.
FUNCTIONS = (
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "hardtanh",
    "sigmoid",
    "softplus",
)
FROM_OUTPUT = frozenset(FUNCTIONS.index(name) for name in ("tanh", "relu", "hardtanh", "sigmoid"))
# The losses, as in source/program.h: first those of classes; `binary_focal` is `focal` of single labels.
LOSSES = (
    "cross_entropy",
    "nll",
    "focal",
    "mse",
    "l1",
    "huber",
    "smooth_l1",
    "quantile",
    "poisson_nll",
    "bce",
    "binary_focal",
)


class UnsupportedError(Exception):
    """The engine has no kernel for a layer; the message names it."""


@dataclass(slots=True, eq=False)
class Vectors:
    """What an operation writes, one vector per pixel and channel; the places of it and its gradient once planned."""

    size: int  # in vectors
    producer: int  # index of the operation, -1 for the network's input
    learns: bool  # parameters stand before it, so its gradient is wanted
    held: bool = False  # read by another branch too: nothing may work in place on it
    readers: list[int] = field(default_factory=list)  # operations that read it and do not write it
    at: int = NOTHING
    gradient_at: int = NOTHING


@dataclass(slots=True, eq=False)
class Operation:
    """One step; the fields are those of the C++ struct, but for values in the place of offsets."""

    kind: OperationKind
    input: Vectors
    output: Vectors
    input_shape: Map
    output_shape: Map
    function: int = 0
    kernel: TwoSizes = (1, 1)
    stride: TwoSizes = (1, 1)
    padding: TwoSizes = (0, 0)
    dilation: TwoSizes = (1, 1)
    groups: int = 1
    weight: int = NOTHING
    bias: int = NOTHING
    number: int = NOTHING  # of a batch norm or dropout among its like; where in the output a join's input begins
    other: Vectors | None = None
    a: float = 0.0
    b: float = 0.0
    eps: float = 0.0
    momentum: float = 0.0
    drop: float = 0.0
    again: bool = False  # its output is computed once more on the way back
    scratch_at: int = NOTHING
    between_at: int = NOTHING

    @property
    def in_place(self) -> bool:
        return self.input is self.output

    @property
    def needs_input(self) -> bool:
        """Whether the way back reads what came in."""
        if self.kind is OperationKind.ACTIVATION:
            return self.function not in FROM_OUTPUT
        return self.kind in (
            OperationKind.CONVOLUTION,
            OperationKind.MAX_POOL,
            OperationKind.BATCH_NORM,
            OperationKind.LAYER_NORM,
            OperationKind.GROUP_NORM,
        )

    @property
    def needs_output(self) -> bool:
        """Whether the way back reads what went out."""
        if self.kind is OperationKind.ACTIVATION:
            return self.function in FROM_OUTPUT
        return self.kind in (OperationKind.MAX_POOL, OperationKind.SOFTMAX, OperationKind.LOG_SOFTMAX)


@dataclass(slots=True)
class Program:
    """A network as operations; `sizes` are those of its parameters in the order of `nn.Module.parameters`."""

    operations: list[Operation]
    sizes: list[int]
    input: Vectors
    output: Vectors
    outputs: int
    loss: int
    of_classes: bool = True  # the targets are labels, one of `outputs` classes; else as many numbers as outputs
    a: float = 0.0  # of the loss, as `b`: what they are stands in source/program.h
    b: float = 0.0
    weights: tuple[float, ...] = ()  # of the loss, of each class or label; none: all count alike
    vectors: int = 0  # of one thread's buffer; set by `place`
    kept: int = 0  # of each group of images, from one pass to another; set by `place`

    @property
    def norms(self) -> list[Operation]:
        """The batch norms, in the order of their `number`."""
        return [op for op in self.operations if op.kind is OperationKind.BATCH_NORM]

    @property
    def drops(self) -> bool:
        """Whether there is a dropout."""
        return any(op.kind in (OperationKind.DROPOUT, OperationKind.DROPOUT_CHANNELS) for op in self.operations)
