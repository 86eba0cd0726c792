"""From a planned network to the list of operations that the C++ engine runs.

    program = compile_network(plan, loss, task)       # raises UnsupportedError
    supports(plan, train, task)                       # why not, in words, or None

`builder.py` walks over the layers; where values and gradients lie is `placing.py`'s. Knows the plan, the task and
the training spec only: no torch, no library.
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
from archsearch.spec.losses import AnyLoss, Bce, CrossEntropy, Focal, Huber, Quantile, SmoothL1
from archsearch.spec.network import NetworkPlan
from archsearch.spec.training import TrainSpec
from archsearch.task import Task

MOST_CLASSES = 2**24  # the engine compares labels as floats, exact up to here
# Which layers there are kernels for; a study goes on with those that it was begun with, so that no two of its runs are
# computed by two engines because archsearch became newer. 1 is version 0.1.0.
KERNELS = 2
_SINCE_2 = (BatchNorm1d, BatchNorm2d, Dropout, Dropout2d, LayerNorm, GroupNorm, InstanceNorm, Parallel)


def supports(
    plan: NetworkPlan,
    train: TrainSpec,
    task: Task | None = None,
    *,
    weighted: bool = False,
    kernels: int = KERNELS,
) -> str | None:
    """Give the reason why the engine cannot train this network, None where it can; `kernels` are those it may use.

    Without a task the targets are classes; `weighted` says that samples count for more or less.
    """
    if kernels < KERNELS:
        if task is not None and task.name != "classification":
            return f"the data are for {task.name}, which had no native kernel when the study was begun"
        if weighted:
            return "the samples have weights, which had no native kernel when the study was begun"
        for row in plan.walk():
            if isinstance(row.layer, _SINCE_2) and getattr(row.layer, "p", None) != 0:
                return f"{row.name} ({row.kind}) had no native kernel when the study was begun"
        if isinstance(train.loss, Focal) or getattr(train.loss, "weight", None) is not None:
            return f"train.loss: {train.loss.kind} as it is had no native kernel when the study was begun"
    try:
        compile_network(plan, train.loss, task)
    except UnsupportedError as reason:
        return str(reason)
    for name in ("mixup", "cutmix"):
        if getattr(train, name) is not None:
            return f"train.{name} has no native kernel"
    if train.precision != "fp32":
        return f"train.precision: {train.precision} is not float32"
    return None


def compile_network(plan: NetworkPlan, loss: AnyLoss, task: Task | None = None) -> Program:
    """Turn a plan into a program whose values have no place yet; raise `UnsupportedError`.

    Without a task the targets are classes.
    """
    if not plan.parameters:
        raise UnsupportedError("the network has no parameters")
    builder = Builder(plan)
    output = builder.run(plan.rows, builder.input)
    outputs = plan.output_shape[0]
    of_classes = task is None or (task.target_shape == () and task.outputs > 1)
    if len(plan.output_shape) != 1:
        raise UnsupportedError(f"the output is {'x'.join(map(str, plan.output_shape))}, not one value per output")
    if of_classes and outputs > MOST_CLASSES:
        raise UnsupportedError(f"{outputs:,} classes are more than it can tell apart")
    if not output.learns:
        raise UnsupportedError("no layer with parameters stands before the output")
    name, a, b, weights = _loss(loss, of_classes, outputs)
    if name not in LOSSES:
        raise UnsupportedError(f"train.loss: {loss.kind} has no native kernel")
    return Program(
        builder.operations,
        builder.sizes,
        builder.input,
        output,
        outputs,
        LOSSES.index(name),
        of_classes,
        a,
        b,
        weights,
    )


def _loss(loss: AnyLoss, of_classes: bool, outputs: int) -> tuple[str, float, float, tuple[float, ...]]:
    """Give a loss's name, its two fields and its weights; a weight that is `balanced` is none until it is fitted."""
    match loss:
        case CrossEntropy():
            return loss.kind, loss.label_smoothing, 0.0, loss.weight if isinstance(loss.weight, tuple) else ()
        case Focal() if of_classes:
            return loss.kind, loss.gamma, 0.0, ()
        case Focal():
            return "binary_focal", loss.gamma, -1.0 if loss.alpha is None else loss.alpha, ()
        case Bce():
            weights = loss.pos_weight if isinstance(loss.pos_weight, tuple) else ()
            return loss.kind, 0.0, 0.0, weights * outputs if len(weights) == 1 else weights
        case Huber():
            return loss.kind, loss.delta, 0.0, ()
        case SmoothL1():
            return loss.kind, loss.beta, 0.0, ()
        case Quantile():
            return loss.kind, loss.quantile, 0.0, ()
    return loss.kind, 0.0, 0.0, ()
