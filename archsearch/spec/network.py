"""A layer list as a plan: names, shapes, counts; and from the plan the `nn.Sequential`.

    plan = plan_network(spec.network, input_shape=(1, 32, 32), classes=10)
    plan.parameters, plan.macs, [row.name for row in plan.rows]
    model = build_network(plan)

Knows nothing of files, data sets or training; torch is imported by `build_network` only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsearch.errors import LimitError, SpecError
from archsearch.spec.layers import LAYER_KINDS, AnyLayer, Block, LayerBase, Shape, ShapeError, product, size_text
from archsearch.spec.layers.blocks import SHORTCUT
from archsearch.spec.reserved import RESERVED_NAMES

if TYPE_CHECKING:
    from torch import nn

    from archsearch.spec.text.yaml import Loc


@dataclass(frozen=True, slots=True)
class Limits:
    """What a spec may ask for; only flags raise it, a file cannot. Memory is float32 outputs of one batch, in bytes."""

    parameters: int = 100_000_000
    activation_bytes: int = 4 * 2**30
    layers: int = 512


@dataclass(frozen=True, slots=True)
class PlannedBranch:
    """A branch of a block: its rows, none where it passes the block's input on.

    A projection that follows from the shapes is not `written`.
    """

    name: str
    rows: tuple[PlannedLayer, ...]
    written: bool = True


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One row of the layer table; the rows of a block's `branches` are counted in its numbers already."""

    name: str
    layer: LayerBase
    input_shape: Shape
    output_shape: Shape
    parameters: int
    macs: int
    outputs: int  # values that the layer (for a block: its layers and itself) writes for one sample
    branches: tuple[PlannedBranch, ...] = ()

    @property
    def kind(self) -> str:
        """The key the layer is written under."""
        return self.layer.kind

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """The rows inside a block, branch after branch."""
        return tuple(row for branch in self.branches for row in branch.rows)

    def walk(self) -> Iterator[PlannedLayer]:
        """Yield the row and all rows inside it, in order."""
        yield self
        for row in self.layers:
            yield from row.walk()

    def outline(self, deep: int = 0, inside: str = "") -> Iterator[tuple[int, str, PlannedLayer]]:
        """Yield the row and all rows inside it with depth and short name: `conv1`, `branch2.conv1` in a `parallel`."""
        yield deep, self.name.removeprefix(f"{inside}."), self
        for row in self.layers:
            yield from row.outline(deep + 1, self.name)


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network that fits together."""

    input_shape: Shape
    rows: tuple[PlannedLayer, ...]

    @property
    def output_shape(self) -> Shape:
        """The shape of what the last layer gives for one sample."""
        return self.rows[-1].output_shape if self.rows else self.input_shape

    @property
    def parameters(self) -> int:
        """Trainable values."""
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers, one sample, forward."""
        return sum(row.macs for row in self.rows)

    def activation_bytes(self, batch_size: int) -> int:
        """Bytes of all layers' float32 outputs for one batch, which a training step keeps for the way back."""
        return 4 * batch_size * sum(row.outputs for row in self.rows)

    def walk(self) -> Iterator[PlannedLayer]:
        """Yield every row, those inside blocks too."""
        for row in self.rows:
            yield from row.walk()

    def canonical(self) -> list[object]:
        """Give the network as JSON values, equal for equal computations: defaults written out, no-ops left out.

        A name counts only where it seeds weights.
        """
        return [_canonical(row) for row in self.rows if row.kind != "identity"]


class PlanError(SpecError):
    """A layer does not fit; `rows` are those that do, up to it.

    `layer` is its full name, `kind` its key, `reason` what is wrong with it: "kernel 5x5 does not fit its 3x3 input".
    """

    def __init__(
        self,
        message: str,
        loc: Loc,
        rows: tuple[PlannedLayer, ...],
        input_shape: Shape,
        *,
        layer: str = "",
        kind: str = "",
        reason: str = "",
    ) -> None:
        super().__init__(message, loc, reason=f"({kind}): {reason}" if reason else "")
        self.rows = rows
        self.input_shape = input_shape
        self.layer = layer
        self.kind = kind
        self.reason = reason


def layer_names(layers: Iterable[tuple[str, str | None]]) -> list[str]:
    """Name each (kind, own name): its own, else the family and its position in the family: conv1, conv2, pool1."""
    seen: Counter[str] = Counter()
    names = []
    for kind, own in layers:
        family = LAYER_KINDS[kind].family if kind in LAYER_KINDS else kind
        seen[family] += 1
        names.append(own or f"{family}{seen[family]}")
    return names


def plan_network(
    network: Sequence[AnyLayer],
    input_shape: Shape,
    classes: int,
    *,
    batch_size: int = 1,
    limits: Limits | None = None,
) -> NetworkPlan:
    """Put the layers together; raise `PlanError` at the first that does not fit, `LimitError` where it is too large."""
    limits = limits or Limits()
    count = _count(network)
    if count > limits.layers:
        raise LimitError(
            f"{count:,} layers are more than the limit of {limits.layers:,}; raise it with --max-layers", ("network",)
        )
    rows = tuple(_plan(network, input_shape, classes, ("network",), "", limits, batch_size))
    return NetworkPlan(input_shape, rows)


def _count(layers: Sequence[LayerBase]) -> int:
    inside = (branch.layers for layer in layers if isinstance(layer, Block) for branch in layer.branches_of())
    return len(layers) + sum(map(_count, inside))


def _plan(
    layers: Sequence[LayerBase],
    shape: Shape,
    classes: int,
    loc: Loc,
    prefix: str,
    limits: Limits,
    batch_size: int,
) -> list[PlannedLayer]:
    input_shape = shape
    rows: list[PlannedLayer] = []
    names = layer_names((layer.kind, layer.name) for layer in layers)
    for index, (name, layer) in enumerate(zip(names, layers, strict=True)):
        path, here = prefix + name, (*loc, index)
        if name in RESERVED_NAMES or names.index(name) != index:
            why = "is taken by another layer" if name not in RESERVED_NAMES else "means something else already"
            message = f"the name {name!r} {why}; give the layer another `name`"
            raise PlanError(message, here, tuple(rows), input_shape)
        layer = _with_classes(layer, classes).resolved(shape)
        inner: list[PlannedBranch] = []
        for branch in layer.branches_of() if isinstance(layer, Block) else ():
            inside = (*here, layer.kind, *branch.loc)
            try:
                planned = _plan(branch.layers, shape, classes, inside, f"{path}.{branch.prefix}", limits, batch_size)
            except PlanError as error:
                error.rows, error.input_shape = (*rows, *error.rows), input_shape
                raise
            inner.append(PlannedBranch(branch.name, tuple(planned)))
        try:
            row = _planned(path, layer, shape, inner)
        except ShapeError as error:
            ways = [*error.ways_out, *(_shrinking(rows) if error.too_small else ())][:3]
            message = f"{path} ({layer.kind}): {error.reason}." + (f" {_sentence(ways)}" if ways else "")
            about = {"layer": path, "kind": layer.kind, "reason": error.reason}
            raise PlanError(message, here, tuple(rows), input_shape, **about) from None
        rows.append(row)
        _hold(rows, limits, batch_size, here)
        shape = row.output_shape
    return rows


def _planned(path: str, layer: LayerBase, shape: Shape, inner: Sequence[PlannedBranch]) -> PlannedLayer:
    if not isinstance(layer, Block):
        output = layer.output_shape(shape)
        counts = layer.parameters(shape), layer.macs(shape)
        return PlannedLayer(path, layer, shape, output, *counts, outputs=layer.outputs(shape))
    outputs = [branch.rows[-1].output_shape if branch.rows else shape for branch in inner]
    beside = layer.beside(shape, outputs)
    if beside is not None:
        projection = _planned(f"{path}.projection", beside, shape, ())
        inner = [*inner, PlannedBranch(SHORTCUT, (projection,), written=False)]
    output = layer.join_shape(outputs)
    parts = [row for branch in inner for row in branch.rows]
    return PlannedLayer(
        path,
        layer,
        shape,
        output,
        sum(row.parameters for row in parts),
        sum(row.macs for row in parts),
        outputs=sum(row.outputs for row in parts) + product(output),
        branches=tuple(inner),
    )


def _hold(rows: list[PlannedLayer], limits: Limits, batch_size: int, loc: Loc) -> None:
    """Raise `LimitError` as soon as the rows so far are too large."""
    name = rows[-1].name
    parameters = sum(row.parameters for row in rows)
    if parameters > limits.parameters:
        raise LimitError(
            f"{name}: {parameters:,} parameters up to here are more than the limit of {limits.parameters:,}; "
            "make the layers narrower, or raise it with --max-parameters",
            loc,
        )
    size = 4 * batch_size * sum(row.outputs for row in rows)
    if size > limits.activation_bytes:
        raise LimitError(
            f"{name}: {size / 2**30:,.1f} GiB of outputs for a batch of {batch_size:,} up to here are more than the "
            f"limit of {limits.activation_bytes / 2**30:,.1f} GiB; use a smaller train.batch_size or narrower layers, "
            "or raise it with --max-activations",
            loc,
        )


def _with_classes(layer: LayerBase, classes: int) -> LayerBase:
    """Replace the word `classes` by the number."""
    fields = [field for field in ("out_features", "out_channels") if getattr(layer, field, None) == "classes"]
    return layer.model_copy(update=dict.fromkeys(fields, classes)) if fields else layer


def _shrinking(rows: Sequence[PlannedLayer]) -> list[str]:
    """Suggest to drop the last pooling before the layer that does not fit."""
    for row in reversed(rows):
        if row.layer.pools and product(row.output_shape) < product(row.input_shape):
            return [f"drop {row.name}"]
    return []


def _sentence(ways: Sequence[str]) -> str:
    text = ways[0] if len(ways) == 1 else ", ".join(ways[:-1]) + f", or {ways[-1]}"
    return text[0].upper() + text[1:] + "."


def _canonical(row: PlannedLayer) -> dict[str, object]:
    value: dict[str, object] = {"kind": row.kind}
    if isinstance(row.layer, Block):
        value |= row.layer.canonical_block(
            {
                branch.name: [_canonical(inner) for inner in branch.rows if inner.kind != "identity"]
                for branch in row.branches
            }
        )
    else:
        value |= row.layer.canonical(row.input_shape)
    if row.parameters:
        value["name"] = row.name
    return value


def build_network(
    plan: NetworkPlan, around: Callable[[str], AbstractContextManager[object]] | None = None
) -> nn.Sequential:
    """Build the `nn.Sequential`; children carry the planned names.

    `around(name)` is entered while the layer of that full name is made: training seeds its initial weights there.
    """
    return _sequential(plan.rows, around or (lambda name: nullcontext()))


def _sequential(rows: Sequence[PlannedLayer], around: Callable[[str], AbstractContextManager[object]]) -> nn.Sequential:
    from torch import nn

    model = nn.Sequential()
    for row in rows:
        model.add_module(row.name.rpartition(".")[2], _module(row, around))
    return model


def _module(row: PlannedLayer, around: Callable[[str], AbstractContextManager[object]]) -> nn.Module:
    if isinstance(row.layer, Block):
        return row.layer.assemble({branch.name: _sequential(branch.rows, around) for branch in row.branches})
    with around(row.name):
        return row.layer.build(row.input_shape)


__all__ = [
    "Limits",
    "NetworkPlan",
    "PlanError",
    "PlannedBranch",
    "PlannedLayer",
    "build_network",
    "layer_names",
    "plan_network",
    "size_text",
]
