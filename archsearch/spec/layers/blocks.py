"""Blocks: layers made of layers, so that a network stays one list that is read from top to bottom.

    Parallel(branches=((), (Conv2d(...), Relu())), join="concat")     # its input beside what a convolution makes of it

A block has branches, each a layer list that reads the block's input, and a join. `sequential` has one branch,
`residual` two (its layers, and the shortcut: the input, or what layers make of it) that are added, `parallel` as many
as are written. `network.py` plans and builds the branches, then asks the block for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, size_text
from archsearch.spec.layers.convolution import Conv1d, Conv2d, Conv3d
from archsearch.spec.layers.dense import Linear
from archsearch.spec.layers.padding import PadChannels

if TYPE_CHECKING:
    from torch import nn

    from archsearch.spec.layers import Layer

Join = Literal["concat", "add", "multiply"]
BODY, SHORTCUT = "body", "shortcut"
HOLDING = ("layers", "shortcut", "branches")  # the fields of blocks in which layers stand
UNSHOWN = (*HOLDING, "source")  # where a layer is shown in a few words


@dataclass(frozen=True, slots=True)
class WrittenBranch:
    """A branch as a spec has it: its name, where it stands in the block's fields, what its layers' names begin with."""

    name: str
    loc: tuple[str | int, ...]
    prefix: str
    layers: tuple[LayerBase, ...]


class Block(LayerBase):
    """A layer that holds layers, in fields that `HOLDING` names."""

    def branches_of(self) -> tuple[WrittenBranch, ...]:
        """Give the branches that are written; all read the block's input."""
        raise NotImplementedError

    def beside(self, shape: Shape, outputs: Sequence[Shape]) -> LayerBase | None:
        """Give a layer that follows from the shapes (a projection), or None; raise `ShapeError` where none would do."""
        return None

    def join_shape(self, outputs: Sequence[Shape]) -> Shape:
        """Give the shape of what the branches' outputs are joined to; raise `ShapeError` if they cannot be."""
        return outputs[0]

    def assemble(self, branches: Mapping[str, nn.Sequential]) -> nn.Module:
        """Join the built branches to one module."""
        raise NotImplementedError

    def canonical_block(self, branches: Mapping[str, list[dict[str, object]]]) -> dict[str, object]:
        """Give what decides what the block computes, from what decides it for the layers of its branches."""
        raise NotImplementedError

    def own_fields(self) -> dict[str, Any]:
        """Give the fields beside the layers and the name, as JSON values."""
        return self.model_dump(mode="json", exclude={"name", *HOLDING})


class _OneList(Block):
    layers: Annotated[tuple[Layer, ...], Field(strict=False, min_length=1)] = Field(
        description="The layers inside, one after the other.", examples=[[{"linear": {"out_features": 32}}, "relu"]]
    )

    def branches_of(self) -> tuple[WrittenBranch, ...]:
        return (WrittenBranch(BODY, ("layers",), branch_prefix("layers"), self.layers),)

    def canonical_block(self, branches: Mapping[str, list[dict[str, object]]]) -> dict[str, object]:
        return {"layers": branches[BODY], "projection": False}


class Sequential(_OneList):
    """A named sub-list: its layers run one after the other."""

    kind: ClassVar[str] = "sequential"
    family: ClassVar[str] = "block"
    colour: ClassVar[str] = "blue"

    def assemble(self, branches: Mapping[str, nn.Sequential]) -> nn.Module:
        return branches[BODY]


class Residual(_OneList):
    """The output of a sub-list plus its input, or plus what the layers of `shortcut` make of it (He et al. 2015).

    With `projection: true` an input of another shape passes a 1x1 convolution without bias (a linear layer where the
    input is flat), their option B; with `projection: pad` it is subsampled and gets further channels of zeros, their
    option A. Where the shapes agree the input is added as it is. Layers in `shortcut` are always there. With
    `projection: none` nothing is added: the layers alone, under the names that they have here.
    """

    kind: ClassVar[str] = "residual"
    family: ClassVar[str] = "res"
    colour: ClassVar[str] = "blue"

    projection: bool | Literal["pad", "none"] = Field(
        default=False,
        description="Whether an input of another shape passes a 1x1 convolution (or a linear layer) to fit; `pad`: it "
        "is subsampled and padded with channels of zeros; `none`: the input is not added at all.",
        examples=[True, "pad"],
    )
    shortcut: Annotated[tuple[Layer, ...], Field(strict=False)] = Field(
        default=(),
        description="Layers that the input passes before it is added; by default none.",
        examples=[[{"conv2d": {"out_channels": 32, "kernel_size": 1, "stride": 2, "bias": False}}, "batch_norm2d"]],
    )

    @field_validator("shortcut")
    @classmethod
    def _some_layer(cls, layers: tuple[LayerBase, ...]) -> tuple[LayerBase, ...]:
        """Take layers that do nothing for none: what a search leaves open may be nothing."""
        return layers if any(layer.kind != "identity" for layer in layers) else ()

    @model_validator(mode="after")
    def _one_shortcut(self) -> Self:
        if self.shortcut and self.projection is not False:
            raise PydanticCustomError(
                "shortcut", "shortcut gives the layers beside its own, and projection makes one: keep one of them"
            )
        if self.shortcut and any(layer.name == SHORTCUT for layer in self.layers):
            raise PydanticCustomError(
                "shortcut", "one of its layers is called shortcut, as the list beside is; give the layer another name"
            )
        return self

    def branches_of(self) -> tuple[WrittenBranch, ...]:
        if not self.shortcut:
            return super().branches_of()
        beside = WrittenBranch(SHORTCUT, ("shortcut",), branch_prefix("shortcut"), self.shortcut)
        return (*super().branches_of(), beside)

    def beside(self, shape: Shape, outputs: Sequence[Shape]) -> LayerBase | None:
        body_shape, *beside = outputs
        if beside or shape == body_shape or self.projection == "none":
            return None
        if not self.projection or len(shape) != len(body_shape):
            ways = ["make its layers keep the shape (padding: same, equal channels)"]
            if len(shape) == len(body_shape):
                ways.insert(0, "set projection: true")
            raise ShapeError(f"its layers give {size_text(body_shape)}, its input is {size_text(shape)}", ways)
        return _padding(shape, body_shape) if self.projection == "pad" else _convolution(shape, body_shape)

    def join_shape(self, outputs: Sequence[Shape]) -> Shape:
        body_shape, *beside = outputs
        if beside and beside[0] != body_shape:
            raise ShapeError(
                f"its layers give {size_text(body_shape)}, its shortcut gives {size_text(beside[0])}",
                ["end both with as many channels", "use the same strides in both", "padding: same in its convolutions"],
            )
        return body_shape

    def canonical_block(self, branches: Mapping[str, list[dict[str, object]]]) -> dict[str, object]:
        beside = branches.get(SHORTCUT, [])
        if self.shortcut:
            return super().canonical_block(branches) | ({"shortcut": beside} if beside else {})
        made = bool(beside) or self.projection == "none"
        return super().canonical_block(branches) | {"projection": made and self.projection}

    def assemble(self, branches: Mapping[str, nn.Sequential]) -> nn.Module:
        from torch import nn

        from archsearch.spec.modules import Branches

        if self.projection == "none":
            return Branches({BODY: branches[BODY]}, "add")
        beside: nn.Module = branches.get(SHORTCUT) or nn.Identity()
        if not self.shortcut and isinstance(beside, nn.Sequential):
            beside = beside[0]  # a projection stands for itself
        return Branches({BODY: branches[BODY], SHORTCUT: beside}, "add")


def _no_branch(value: object) -> object:
    """Read `none` in the place of a branch; a choice of a search gives it in a list."""
    return None if value in ("none", ["none"], [None]) else value


class Parallel(Block):
    """Branches that read the same input, their outputs joined: `concat` (of the channels), `add` or `multiply`.

    An empty branch is the input itself, and `none` in the place of one is no branch: those after it keep their names,
    and so their initial weights. With `multiply` a branch may give one value per channel, as maps of 1x1 or
    flat: it scales the channels of the others (squeeze and excitation).
    """

    kind: ClassVar[str] = "parallel"
    family: ClassVar[str] = "par"
    colour: ClassVar[str] = "blue"

    branches: Annotated[
        tuple[Annotated[tuple[Layer, ...] | None, Field(strict=False), BeforeValidator(_no_branch)], ...],
        Field(
            strict=False,
            min_length=1,
            description="Layer lists that all read the block's input; an empty one is the input itself, `none` no "
            "branch.",
            examples=[[[{"conv2d": {"out_channels": 8, "kernel_size": 1}}], []]],
        ),
    ]
    join: Join = Field(
        default="concat",
        description="How the branches' outputs become one: put behind one another by channel, added, or multiplied.",
        examples=["concat", "add"],
    )

    @model_validator(mode="after")
    def _some_layer(self) -> Self:
        if not any(self.branches):
            raise PydanticCustomError("branches", "every branch is empty; write a layer in one of them at least")
        return self

    def branches_of(self) -> tuple[WrittenBranch, ...]:
        return tuple(
            WrittenBranch(branch_name(index), ("branches", index), branch_prefix("branches", index), layers)
            for index, layers in enumerate(self.branches)
            if layers is not None
        )

    def join_shape(self, outputs: Sequence[Shape]) -> Shape:
        join = {"concat": _concatenated, "add": _added, "multiply": _multiplied}[self.join]
        pairs = zip(self.branches_of(), outputs, strict=True)
        return join(outputs, ", ".join(f"{branch.name} gives {size_text(shape)}" for branch, shape in pairs))

    def assemble(self, branches: Mapping[str, nn.Sequential]) -> nn.Module:
        from archsearch.spec.modules import Branches

        return Branches(branches, self.join)

    def canonical_block(self, branches: Mapping[str, list[dict[str, object]]]) -> dict[str, object]:
        return {"branches": list(branches.values()), "join": self.join}


def branch_name(index: int) -> str:
    """Name the branch at this position, from 0 on: branch1, branch2, as in `par1.branch2.conv1`."""
    return f"branch{index + 1}"


def branch_prefix(field: str, index: int = 0) -> str:
    """Give what the names of layers in a field of a block begin with: "" in `layers`, `shortcut.`, `branch2.`."""
    return {"layers": "", "shortcut": f"{SHORTCUT}."}.get(field, f"{branch_name(index)}.")


_SAME_STRIDES = "use the same strides in every branch"
_KEEP_SIZE = "give its convolutions padding: same and its poolings stride: 1"


def _ways_to_agree(outputs: Sequence[Shape]) -> list[str]:
    flat = len({len(shape) for shape in outputs}) > 1
    return ["put flatten at the end of every branch, or of none"] if flat else [_KEEP_SIZE, _SAME_STRIDES]


def _concatenated(outputs: Sequence[Shape], named: str) -> Shape:
    """Add up the channels; all else must agree."""
    if len({shape[1:] for shape in outputs}) > 1 or len({len(shape) for shape in outputs}) > 1:
        reason = f"the channels of branches can be put together only where their maps are equal: {named}"
        raise ShapeError(reason, _ways_to_agree(outputs))
    return (sum(shape[0] for shape in outputs), *outputs[0][1:])


def _added(outputs: Sequence[Shape], named: str) -> Shape:
    if len(set(outputs)) > 1:
        ways = ["end each branch with as many channels"] if len({shape[0] for shape in outputs}) > 1 else []
        fit = len({shape[1:] for shape in outputs}) == 1 == len({len(shape) for shape in outputs})
        ways = [*ways, "use join: concat"] if fit else [*_ways_to_agree(outputs), *ways]
        raise ShapeError(f"branches can be added only where they give the same shape: {named}", ways)
    return outputs[0]


def _multiplied(outputs: Sequence[Shape], named: str) -> Shape:
    """Give the shape of the product; a branch of one value per channel is taken for every place of a map."""
    most = max(len(shape) for shape in outputs)
    full = [(*shape, *(1,) * (most - len(shape))) if len(shape) == 1 else shape for shape in outputs]
    if len({len(shape) for shape in full}) == 1:
        sizes = [{size for size in at if size != 1} for at in zip(*full, strict=True)]
        channels = {shape[0] for shape in full}
        if all(len(one) <= 1 for one in sizes) and (len(channels) == 1 or 1 in channels):
            return tuple(max(at) for at in zip(*full, strict=True))
    raise ShapeError(
        f"branches can be multiplied only where they give the same shape, or one value per channel: {named}",
        ["end each branch with as many channels", "end a gate with adaptive_avg_pool2d: {output_size: 1}"],
    )


def _convolution(shape: Shape, wanted: Shape) -> LayerBase:
    """Give the 1x1 convolution without bias that makes one shape of another, or the linear layer of flat ones."""
    if len(shape) == 1:
        return Linear(out_features=wanted[0], bias=False)
    if len(shape) > 4:
        raise ShapeError(
            f"no projection is for an input of {len(shape)} sizes, {size_text(shape)}",
            ["give it a shortcut of layers", "make its layers keep the shape"],
        )
    strides = _strides(shape, wanted, "a 1x1 projection")
    if len(shape) == 2:
        return Conv1d(out_channels=wanted[0], kernel_size=1, stride=strides[0], bias=False)
    if len(shape) == 3:
        return Conv2d(out_channels=wanted[0], kernel_size=(1, 1), stride=(strides[0], strides[1]), bias=False)
    stride = (strides[0], strides[1], strides[2])
    return Conv3d(out_channels=wanted[0], kernel_size=(1, 1, 1), stride=stride, bias=False)


def _padding(shape: Shape, wanted: Shape) -> LayerBase:
    """Give the layer that subsamples one shape to another and adds channels of zeros."""
    if wanted[0] < shape[0]:
        raise ShapeError(
            f"projection: pad only adds channels, its layers give {wanted[0]} of {shape[0]}",
            ["use projection: true", f"end its layers with {shape[0]} channels or more"],
        )
    strides = _strides(shape, wanted, "subsampling")
    if len(strides) == 2:
        return PadChannels(out_channels=wanted[0], stride=(strides[0], strides[1]))
    stride = max(strides, default=1)  # each fits from its smallest on: if any fits all, the largest of these does
    if any((size - 1) // stride + 1 != goal for size, goal in zip(shape[1:], wanted[1:], strict=True)):
        raise ShapeError(
            f"a volume is subsampled by the same stride every way, which does not take {size_text(shape[1:])} to "
            f"{size_text(wanted[1:])}",
            ["use projection: true", "use the same strides every way in its convolutions"],
        )
    return PadChannels(out_channels=wanted[0], stride=(stride, stride))


def _strides(shape: Shape, wanted: Shape, what: str) -> tuple[int, ...]:
    strides = tuple(_stride(size, goal) for size, goal in zip(shape[1:], wanted[1:], strict=True))
    if 0 in strides:
        raise ShapeError(
            f"no stride of {what} takes {size_text(shape[1:])} to {size_text(wanted[1:])}",
            ["use padding: same in its convolutions", "use a stride that divides the input"],
        )
    return strides


def _stride(size: int, wanted: int) -> int:
    """Give the smallest stride s with floor((size - 1) / s) + 1 == wanted, or 0."""
    if wanted == 1:
        return size
    smallest = (size - 1) // wanted + 1  # the first s with (size - 1) // s < wanted
    return smallest if wanted <= size and (size - 1) // smallest + 1 == wanted else 0
