"""The layer kinds. To add one: a class in the file of its family, its name in the union below."""

from __future__ import annotations

from typing import Annotated, get_args

from archsearch.spec.layers.activation import (
    Elu,
    Gelu,
    Hardtanh,
    Identity,
    LeakyRelu,
    LogSoftmax,
    Mish,
    Relu,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, product, size_text
from archsearch.spec.layers.blocks import Block, Parallel, Residual, Sequential
from archsearch.spec.layers.convolution import Conv1d, Conv2d
from archsearch.spec.layers.dense import Flatten, Linear
from archsearch.spec.layers.normalization import BatchNorm1d, BatchNorm2d, Dropout, Dropout2d, GroupNorm, LayerNorm
from archsearch.spec.layers.padding import PadChannels
from archsearch.spec.layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from archsearch.spec.onekey import OneKey

AnyLayer = (
    Conv1d
    | Conv2d
    | MaxPool1d
    | MaxPool2d
    | AvgPool1d
    | AvgPool2d
    | AdaptiveAvgPool1d
    | AdaptiveAvgPool2d
    | Flatten
    | Linear
    | BatchNorm1d
    | BatchNorm2d
    | LayerNorm
    | GroupNorm
    | Dropout
    | Dropout2d
    | Tanh
    | Relu
    | LeakyRelu
    | Elu
    | Selu
    | Gelu
    | Silu
    | Mish
    | Hardtanh
    | Sigmoid
    | Softplus
    | Softmax
    | LogSoftmax
    | Identity
    | PadChannels
    | Sequential
    | Residual
    | Parallel
)
Layer = Annotated[AnyLayer, OneKey("layer")]

for _block in (Sequential, Residual, Parallel):
    _block.model_rebuild(_types_namespace={"Layer": Layer})

LAYER_KINDS: dict[str, type[LayerBase]] = {cls.kind: cls for cls in get_args(AnyLayer)}

__all__ = [
    "LAYER_KINDS",
    "AnyLayer",
    "Block",
    "Layer",
    "LayerBase",
    "Shape",
    "ShapeError",
    "product",
    "size_text",
]
