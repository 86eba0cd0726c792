"""The walk over a planned network that collects its operations, one layer after the other.

    builder = Builder(plan)
    output = builder.run(plan.rows, builder.input)      # raises UnsupportedError, which names the layer
    builder.operations, builder.sizes

Knows the plan only. To give a layer a kernel: its case in `layer`, its operation in `program.py` and source/program.h.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from archsearch.native.program import (
    FROM_OUTPUT,
    FUNCTIONS,
    NOTHING,
    Map,
    Operation,
    OperationKind,
    TwoSizes,
    UnsupportedError,
    Vectors,
)
from archsearch.spec.layers.activation import (
    Activation,
    Elu,
    Gelu,
    Hardtanh,
    Identity,
    LeakyRelu,
    LogSoftmax,
    Softmax,
    Softplus,
)
from archsearch.spec.layers.base import LayerBase, Shape, product
from archsearch.spec.layers.blocks import BODY, SHORTCUT, Parallel, Residual, Sequential
from archsearch.spec.layers.convolution import Convolution
from archsearch.spec.layers.dense import Flatten, Linear
from archsearch.spec.layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    Dropout2d,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
)
from archsearch.spec.layers.pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d, MaxPool1d, MaxPool2d, Pooling
from archsearch.spec.layers.pooling3d import ScaledAvgPool2d
from archsearch.spec.network import NetworkPlan, PlannedLayer


class Builder:
    """Collects operations while it walks the rows."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.operations: list[Operation] = []
        self.sizes: list[int] = []
        self.input = Vectors(product(plan.input_shape), NOTHING, learns=False)

    def run(self, rows: Sequence[PlannedLayer], value: Vectors) -> Vectors:
        done = False
        for row, following in itertools.zip_longest(rows, rows[1:]):
            if done:  # the batch norm before has it
                done = False
            elif isinstance(row.layer, BatchNorm1d | BatchNorm2d):
                activation = _function(following.layer) if following is not None else None
                done = activation is not None
                value = self.batch_norm(row, row.layer, value, activation)
            else:
                value = self.layer(row, value)
        return value

    def layer(self, row: PlannedLayer, value: Vectors) -> Vectors:
        if max(len(row.input_shape), len(row.output_shape)) > 3:
            raise UnsupportedError(f"{row.name} ({row.kind}) is for volumes, and there are kernels for maps only")
        match row.layer:
            case Sequential():
                return self.run(row.branches[0].rows, value)
            case Residual():
                return self.residual(row, value)
            case Parallel(join="add" | "concat"):
                return self.parallel(row, row.layer, value)
            case Convolution():
                return self.convolution(row, row.layer, value)
            case Linear(per_step=False):
                return self.linear(row, row.layer, value)
            case ScaledAvgPool2d():
                pass  # a pooling with weights
            case Pooling():
                return self.pooling(row, row.layer, value)
            case AdaptiveAvgPool1d() | AdaptiveAvgPool2d():
                return self.add(OperationKind.ADAPTIVE_POOL, value, row)
            case Softmax():
                return self.add(OperationKind.SOFTMAX, value, row)
            case LogSoftmax():
                return self.add(OperationKind.LOG_SOFTMAX, value, row)
            case Identity() | Flatten() | Dropout(p=0.0) | Dropout2d(p=0.0):
                return value  # flattening moves nothing: the order of a value's vectors is torch's
            case Dropout() | Dropout2d():
                return self.dropout(row, row.layer, value)
            case LayerNorm(per_step=False):
                affine = row.layer.elementwise_affine
                return self.sample_norm(OperationKind.LAYER_NORM, row, value, 1, row.layer.eps, affine)
            case GroupNorm():
                groups = row.layer.num_groups
                return self.sample_norm(OperationKind.GROUP_NORM, row, value, groups, row.layer.eps, row.layer.affine)
            case InstanceNorm():
                groups = row.input_shape[0]
                return self.sample_norm(OperationKind.GROUP_NORM, row, value, groups, row.layer.eps, row.layer.affine)
            case Activation():
                return self.activation(row, row.layer, value)
        raise UnsupportedError(f"{row.name} ({row.kind}) has no native kernel")

    def add(self, kind: OperationKind, value: Vectors, row: PlannedLayer, **fields: Any) -> Vectors:
        return self.put(kind, value, _map(row.input_shape), _map(row.output_shape), **fields)

    def put(
        self,
        kind: OperationKind,
        value: Vectors,
        input_shape: Map,
        output_shape: Map,
        *,
        in_place: bool = False,
        **fields: Any,
    ) -> Vectors:
        """Append an operation, with a new output unless it works in place; give its output."""
        index = len(self.operations)
        learns = value.learns or fields.get("weight", NOTHING) != NOTHING
        output = value if in_place else Vectors(product(output_shape), index, learns)
        operation = Operation(kind, value, output, input_shape, output_shape, **fields)
        self.operations.append(operation)
        if not in_place:
            value.readers.append(index)
        if operation.other is not None:
            operation.other.readers.append(index)
            output.learns = output.learns or operation.other.learns
        return output

    def may_overwrite(self, value: Vectors) -> bool:
        """Whether nobody reads the value but the next operation, and its producer not on the way back."""
        if value.producer == NOTHING or value.held:
            return False
        return not any(op.output is value and op.needs_output for op in self.operations)

    def parameter(self, size: int) -> int:
        self.sizes.append(size)
        return len(self.sizes) - 1

    def convolution(self, row: PlannedLayer, layer: Convolution, value: Vectors) -> Vectors:
        sizes, strides, dilations, padding = layer.spatial()
        kernel, stride, dilation = _pair(sizes, 1), _pair(strides, 1), _pair(dilations, 1)
        if padding == "same":
            total = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
            before = (total[0] // 2, total[1] // 2)  # an odd one more goes to the right and the bottom, as in torch
        else:
            before = _pair(padding, 0)
            total = (2 * before[0], 2 * before[1])
        channels, height, width = _map(row.input_shape)
        shape = (channels, height + total[0], width + total[1])
        if any(total):
            value = self.put(OperationKind.PAD, value, (channels, height, width), shape, padding=before)
        weight = self.parameter(layer.width * (channels // layer.group_count) * kernel[0] * kernel[1])
        bias = self.parameter(layer.width) if layer.bias else NOTHING
        return self.put(
            OperationKind.CONVOLUTION,
            value,
            shape,
            _map(row.output_shape),
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            groups=layer.group_count,
            weight=weight,
            bias=bias,
        )

    def linear(self, row: PlannedLayer, layer: Linear, value: Vectors) -> Vectors:
        weight = self.parameter(value.size * layer.width)
        bias = self.parameter(layer.width) if layer.bias else NOTHING
        return self.add(OperationKind.CONVOLUTION, value, row, weight=weight, bias=bias)

    def pooling(self, row: PlannedLayer, layer: Pooling, value: Vectors) -> Vectors:
        kernel, stride, padding, dilation = layer.window()
        kind = OperationKind.MAX_POOL if isinstance(layer, MaxPool1d | MaxPool2d) else OperationKind.AVERAGE_POOL
        return self.add(
            kind,
            value,
            row,
            kernel=_pair(kernel, 1),
            stride=_pair(stride, 1),
            padding=_pair(padding, 0),
            dilation=_pair(dilation, 1),
        )

    def activation(self, row: PlannedLayer, layer: Activation, value: Vectors) -> Vectors:
        found = _function(layer)
        if found is None:
            raise UnsupportedError(f"{row.name} ({row.kind}) has no native kernel")
        function, a, b = found
        in_place = function in FROM_OUTPUT and self.may_overwrite(value)
        return self.add(OperationKind.ACTIVATION, value, row, in_place=in_place, function=function, a=a, b=b)

    def batch_norm(
        self,
        row: PlannedLayer,
        layer: BatchNorm1d | BatchNorm2d,
        value: Vectors,
        activation: tuple[int, float, float] | None,
    ) -> Vectors:
        channels = row.input_shape[0]
        function, a, b = activation or (NOTHING, 0.0, 0.0)
        return self.add(
            OperationKind.BATCH_NORM,
            value,
            row,
            function=function,
            a=a,
            b=b,
            weight=self.parameter(channels) if layer.affine else NOTHING,
            bias=self.parameter(channels) if layer.affine else NOTHING,
            eps=layer.eps,
            momentum=layer.momentum,
            number=sum(op.kind is OperationKind.BATCH_NORM for op in self.operations),
        )

    def dropout(self, row: PlannedLayer, layer: Dropout | Dropout2d, value: Vectors) -> Vectors:
        kind = OperationKind.DROPOUT if isinstance(layer, Dropout) else OperationKind.DROPOUT_CHANNELS
        before = sum(op.kind in (OperationKind.DROPOUT, OperationKind.DROPOUT_CHANNELS) for op in self.operations)
        return self.add(kind, value, row, in_place=self.may_overwrite(value), drop=layer.p, number=before)

    def sample_norm(
        self, kind: OperationKind, row: PlannedLayer, value: Vectors, groups: int, eps: float, affine: bool
    ) -> Vectors:
        size = value.size if kind is OperationKind.LAYER_NORM else row.input_shape[0]
        weight, bias = (self.parameter(size), self.parameter(size)) if affine else (NOTHING, NOTHING)
        return self.add(kind, value, row, groups=groups, eps=eps, weight=weight, bias=bias)

    def parallel(self, row: PlannedLayer, layer: Parallel, value: Vectors) -> Vectors:
        held, value.held = value.held, True
        outputs = [self.run(branch.rows, value) for branch in row.branches]
        value.held = held
        if len(outputs) == 1:
            return outputs[0]
        if layer.join == "concat":
            return self.joined(row, outputs)
        total = outputs[0]
        for one in outputs[1:]:
            if one is total:
                raise UnsupportedError(f"{row.name} (parallel) adds its input twice, which has no native kernel")
            total = self.sum(total, one, row, overwrite=total is not value)
        return total

    def joined(self, row: PlannedLayer, outputs: Sequence[Vectors]) -> Vectors:
        """Put values behind one another: a copy for each."""
        whole = _map(row.output_shape)
        output = Vectors(product(whole), len(self.operations), any(one.learns for one in outputs))
        begin = 0
        for one, branch in zip(outputs, row.branches, strict=True):
            shape = _map(branch.rows[-1].output_shape if branch.rows else row.input_shape)
            one.readers.append(len(self.operations))
            self.operations.append(Operation(OperationKind.JOIN, one, output, shape, whole, number=begin))
            begin += one.size
        return output

    def residual(self, row: PlannedLayer, value: Vectors) -> Vectors:
        branches = {branch.name: branch.rows for branch in row.branches}
        if isinstance(row.layer, Residual) and row.layer.projection == "none":
            return self.run(branches[BODY], value)
        held, value.held = value.held, True
        body = self.run(branches[BODY], value)
        if body is value:
            raise UnsupportedError(f"{row.name} (residual) holds no operation")
        beside = self.run(branches.get(SHORTCUT, ()), value)
        value.held = held
        return self.sum(body, beside, row, overwrite=True)

    def sum(self, value: Vectors, other: Vectors, row: PlannedLayer, *, overwrite: bool) -> Vectors:
        shape = _map(row.output_shape)
        # In place only where both learn or neither: what a value learns must not change after its operations are made.
        in_place = overwrite and self.may_overwrite(value) and value.learns == other.learns
        return self.put(OperationKind.ADD, value, shape, shape, in_place=in_place, other=other)


def _function(layer: LayerBase) -> tuple[int, float, float] | None:
    """Give the number of an activation and its two fields; None for what is none, or has no kernel."""
    if not isinstance(layer, Activation) or isinstance(layer, Identity | Softmax | LogSoftmax):
        return None
    name, a, b = layer.kind, 0.0, 0.0
    match layer:
        case Gelu(approximate="tanh"):
            name = "gelu_tanh"
        case LeakyRelu():
            a = layer.negative_slope
        case Elu():
            a = layer.alpha
        case Hardtanh():
            a, b = layer.min_val, layer.max_val
        case Softplus():
            a, b = layer.beta, layer.threshold
    return (FUNCTIONS.index(name), a, b) if name in FUNCTIONS else None


def _map(shape: Shape) -> Map:
    """Write any shape as channels, height, width: a signal has height 1, a flat input one pixel."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (shape[0], 1, shape[1]) if len(shape) == 2 else (shape[0], 1, 1)


def _pair(sizes: Sequence[int], height: int) -> TwoSizes:
    """Write one number per spatial dimension as (height, width); signals get `height`."""
    return (sizes[0], sizes[1]) if len(sizes) == 2 else (height, sizes[0])
