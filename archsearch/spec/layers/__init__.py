"""The layer kinds. To add one: a class in the file of its family, its name in the union below."""

from __future__ import annotations

from typing import Annotated, get_args

from archsearch.spec.layers.activation import (
    Elu,
    Gelu,
    Glu,
    HardSigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyRelu,
    LogSoftmax,
    Mish,
    Prelu,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from archsearch.spec.layers.attention import (
    ClassToken,
    Embedding,
    MultiheadAttention,
    PositionalEncoding,
    TransformerEncoderLayer,
)
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, product, size_text
from archsearch.spec.layers.blocks import Block, Parallel, Residual, Sequential
from archsearch.spec.layers.convolution import Conv1d, Conv2d, Conv3d
from archsearch.spec.layers.dense import Flatten, Linear
from archsearch.spec.layers.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Dropout,
    Dropout2d,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RmsNorm,
)
from archsearch.spec.layers.own import Own
from archsearch.spec.layers.padding import PadChannels
from archsearch.spec.layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from archsearch.spec.layers.pooling3d import AdaptiveAvgPool3d, AvgPool3d, MaxPool3d, ScaledAvgPool2d
from archsearch.spec.layers.recurrent import Gru, Lstm, Rnn
from archsearch.spec.layers.reshaping import (
    Permute,
    PixelShuffle,
    SelectChannels,
    SelectStep,
    Unflatten,
    Upsample,
    ZeroPad,
)
from archsearch.spec.layers.scaling import LayerScale, SqueezeExcite, StochasticDepth
from archsearch.spec.layers.transposed import ConvTranspose1d, ConvTranspose2d
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
    | Relu6
    | Prelu
    | Hardswish
    | HardSigmoid
    | Glu
    | RmsNorm
    | InstanceNorm
    | BatchNorm3d
    | Permute
    | Unflatten
    | ZeroPad
    | SelectChannels
    | SelectStep
    | Upsample
    | PixelShuffle
    | ScaledAvgPool2d
    | Conv3d
    | MaxPool3d
    | AvgPool3d
    | AdaptiveAvgPool3d
    | ConvTranspose1d
    | ConvTranspose2d
    | SqueezeExcite
    | LayerScale
    | StochasticDepth
    | Lstm
    | Gru
    | Rnn
    | Embedding
    | MultiheadAttention
    | TransformerEncoderLayer
    | PositionalEncoding
    | ClassToken
    | Own
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
