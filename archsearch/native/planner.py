"""From a planned network to the list of operations that the C++ engine runs.

    program = compile_network(plan, loss)       # raises UnsupportedError
    supports(plan, train)                       # why not, in words, or None

`builder.py` walks over the layers; where values and gradients lie is `placing.py`'s. Knows the plan and the training
spec only: no torch, no library.
"""

from __future__ import annotations

from archsearch.native.builder import Builder
from archsearch.native.program import LOSSES, Program, UnsupportedError
from archsearch.spec.layers.blocks import Parallel
from archsearch.spec.layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    Dropout2d,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
)
from archsearch.spec.losses import AnyLoss, CrossEntropy, Focal
from archsearch.spec.network import NetworkPlan
from archsearch.spec.training import TrainSpec

MOST_CLASSES = 2**24  # the engine compares labels as floats, exact up to here
# Which layers there are kernels for; a study goes on with those that it was begun with, so that no two of its runs are
# computed by two engines because archsearch became newer. 1 is version 0.1.0.
KERNELS = 2
_SINCE_2 = (BatchNorm1d, BatchNorm2d, Dropout, Dropout2d, LayerNorm, GroupNorm, InstanceNorm, Parallel)


def supports(plan: NetworkPlan, train: TrainSpec, kernels: int = KERNELS) -> str | None:
    """Give the reason why the engine cannot train this network, None where it can; `kernels` are those it may use."""
    if kernels < KERNELS:
        for row in plan.walk():
            if isinstance(row.layer, _SINCE_2) and getattr(row.layer, "p", None) != 0:
                return f"{row.name} ({row.kind}) had no native kernel when the study was begun"
        if isinstance(train.loss, Focal) or getattr(train.loss, "weight", None) is not None:
            return f"train.loss: {train.loss.kind} as it is had no native kernel when the study was begun"
    try:
        compile_network(plan, train.loss)
    except UnsupportedError as reason:
        return str(reason)
    for name in ("mixup", "cutmix"):
        if getattr(train, name) is not None:
            return f"train.{name} has no native kernel"
    if train.precision != "fp32":
        return f"train.precision: {train.precision} is not float32"
    return None


def compile_network(plan: NetworkPlan, loss: AnyLoss) -> Program:
    """Turn a plan into a program whose values have no place yet; raise `UnsupportedError`."""
    if not plan.parameters:
        raise UnsupportedError("the network has no parameters")
    builder = Builder(plan)
    output = builder.run(plan.rows, builder.input)
    classes = plan.output_shape[0]
    if len(plan.output_shape) != 1 or classes > MOST_CLASSES:
        raise UnsupportedError(f"the output is {'x'.join(map(str, plan.output_shape))}, not one value per class")
    if not output.learns:
        raise UnsupportedError("no layer with parameters stands before the output")
    number = LOSSES.get(loss.kind)
    if number is None:
        raise UnsupportedError(f"train.loss: {loss.kind} has no native kernel")
    program = Program(builder.operations, builder.sizes, builder.input, output, classes, number)
    if isinstance(loss, CrossEntropy):
        program.smoothing = loss.label_smoothing
        program.class_weights = loss.weight if isinstance(loss.weight, tuple) else ()  # `balanced` until it is fitted
    elif isinstance(loss, Focal):
        program.gamma = loss.gamma
    return program
