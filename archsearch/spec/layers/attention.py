"""Attention over a sequence (steps x features) and what goes with it: embedding, positions, class token.

    MultiheadAttention(num_heads=4).output_shape((50, 64))       # (50, 64)

`embed_dim` and `d_model` are the input's features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, NonNegative, Positive, PositiveFloat
from archsearch.spec.layers.base import LayerBase, Shape, ShapeError, need_rank, need_steps, product

if TYPE_CHECKING:
    from torch import nn


class Embedding(LayerBase):
    """A trainable vector for each whole number: a flat input of numbers becomes a sequence (steps x embedding_dim).

    It is the first layer, on data whose values are whole numbers from 0 to num_embeddings - 1.
    """

    kind: ClassVar[str] = "embedding"
    family: ClassVar[str] = "embed"
    factor: ClassVar[str] = "embedding"
    field_factors: ClassVar[Mapping[str, str]] = {
        "num_embeddings": "embedding", "embedding_dim": "widths", "padding_idx": "embedding",
    }  # fmt: skip
    colour: ClassVar[str] = "purple"

    num_embeddings: Positive = Field(
        description="How many numbers (words, codes) there are: one more than the largest.", examples=[1000]
    )
    embedding_dim: Positive = Field(description="Values of each vector.", examples=[32])
    padding_idx: NonNegative | None = Field(
        default=None, description="The number that stands for nothing: its vector stays 0.", examples=[0]
    )

    @model_validator(mode="after")
    def _padding_is_one(self) -> Self:
        if self.padding_idx is not None and self.padding_idx >= self.num_embeddings:
            raise PydanticCustomError(
                "padding_idx", "padding_idx {idx} is none of the {count} numbers, 0 to {last}",
                {"idx": self.padding_idx, "count": self.num_embeddings, "last": self.num_embeddings - 1},
            )  # fmt: skip
        return self

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 1)
        return (shape[0], self.embedding_dim)

    def parameters(self, shape: Shape) -> int:
        return self.num_embeddings * self.embedding_dim

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import EmbeddingModule

        return EmbeddingModule(self.num_embeddings, self.embedding_dim, self.padding_idx)


class MultiheadAttention(LayerBase):
    """Self-attention: each step becomes a mixture of all steps, in several heads (Vaswani et al. 2017)."""

    kind: ClassVar[str] = "multihead_attention"
    family: ClassVar[str] = "attn"
    factor: ClassVar[str] = "attention"
    field_factors: ClassVar[Mapping[str, str]] = {"num_heads": "heads", "dropout": "dropout", "bias": "bias"}
    colour: ClassVar[str] = "purple"
    reads_steps: ClassVar[bool] = True

    num_heads: Positive = Field(
        description="Parts that the features are split into, each with an attention of its own; divides them.",
        examples=[4],
    )
    dropout: Fraction = Field(
        default=0.0,
        description="Probability that a weight of the mixture is set to zero while training.",
        examples=[0.1],
    )
    bias: bool = Field(
        default=True, description="Whether a trainable number is added to every output.", examples=[False]
    )

    @property
    def draws(self) -> bool:
        return self.dropout > 0

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        _heads_divide(shape, self.num_heads, "num_heads")
        return shape

    def parameters(self, shape: Shape) -> int:
        return attention_parameters(shape[1], self.bias)

    def macs(self, shape: Shape) -> int:
        return attention_macs(shape)

    def outputs(self, shape: Shape) -> int:
        return attention_outputs(shape, self.num_heads)

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import SelfAttentionModule

        return SelfAttentionModule(shape[1], self.num_heads, self.dropout, self.bias)


class TransformerEncoderLayer(LayerBase):
    """Self-attention, then two linear layers on each step, both beside their input (Vaswani et al. 2017).

    Torch's layer of this name: the norms stand behind the sums, or with `norm_first` before what is added.
    """

    kind: ClassVar[str] = "transformer_encoder_layer"
    family: ClassVar[str] = "encoder"
    short: ClassVar[str | None] = "encoder"
    factor: ClassVar[str] = "attention"
    field_factors: ClassVar[Mapping[str, str]] = {
        "nhead": "heads", "dim_feedforward": "widths", "dropout": "dropout", "activation": "activation",
        "layer_norm_eps": "normalisation", "norm_first": "normalisation", "bias": "bias",
    }  # fmt: skip
    colour: ClassVar[str] = "purple"
    reads_steps: ClassVar[bool] = True

    nhead: Positive = Field(description="Heads of the attention; divides the features.", examples=[4])
    dim_feedforward: Positive = Field(
        default=2048, description="Values of each step between the two linear layers.", examples=[128]
    )
    dropout: Fraction = Field(
        default=0.1, description="Probability that a value is set to zero while training.", examples=[0.0]
    )
    activation: Literal["relu", "gelu"] = Field(
        default="relu", description="What stands between the two linear layers.", examples=["gelu"]
    )
    layer_norm_eps: PositiveFloat = Field(
        default=1e-5, description="Added to the variance in the norms.", examples=[1e-6]
    )
    norm_first: bool = Field(
        default=False,
        description="Whether the norms stand before attention and linear layers; else behind the sums.",
        examples=[True],
    )
    bias: bool = Field(
        default=True, description="Whether a trainable number is added to every output.", examples=[False]
    )

    @property
    def draws(self) -> bool:
        return self.dropout > 0

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        _heads_divide(shape, self.nhead, "nhead")
        return shape

    def parameters(self, shape: Shape) -> int:
        width, inner = shape[1], self.dim_feedforward
        norms, biases = (4 * width, inner + width) if self.bias else (2 * width, 0)
        return attention_parameters(width, self.bias) + 2 * width * inner + biases + norms

    def macs(self, shape: Shape) -> int:
        return attention_macs(shape) + 2 * product(shape) * self.dim_feedforward

    def outputs(self, shape: Shape) -> int:
        """Count the attention's values, norms and sums (two of each), and the linear layers' with the activation's."""
        return attention_outputs(shape, self.nhead) + 5 * product(shape) + 2 * shape[0] * self.dim_feedforward

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import TransformerEncoderLayerModule

        return TransformerEncoderLayerModule(
            shape[1],
            self.nhead,
            self.dim_feedforward,
            self.dropout,
            self.activation,
            self.layer_norm_eps,
            self.norm_first,
            self.bias,
        )


def _heads_divide(shape: Shape, heads: int, field: str) -> None:
    width = shape[1]
    if width % heads:
        fitting = [n for n in range(1, min(width, 64) + 1) if width % n == 0]
        least = sorted(fitting, key=lambda n: abs(n - heads))[:3]
        raise ShapeError(
            f"{heads} heads do not divide the {width} features of its input",
            [f"use {field}: {' or '.join(str(n) for n in sorted(least))}", "change the features before it"],
        )


def attention_parameters(width: int, bias: bool) -> int:
    """Count the weights of queries, keys, values and output: four square matrices, and their biases."""
    return 4 * width * width + (4 * width if bias else 0)


def attention_macs(shape: Shape) -> int:
    """Count four linear maps of each step, the products of queries and keys, and the mixtures of values."""
    steps, width = shape
    return 4 * steps * width * width + 2 * steps * steps * width


def attention_outputs(shape: Shape, heads: int) -> int:
    """Count queries, keys, values, mixtures and output of each step, and each head's weights for each pair of steps."""
    return 5 * product(shape) + heads * shape[0] ** 2


class PositionalEncoding(LayerBase):
    """Add to each step what says where it stands: sines and cosines (Vaswani et al. 2017), or trainable numbers."""

    kind: ClassVar[str] = "positional_encoding"
    family: ClassVar[str] = "position"
    factor: ClassVar[str] = "positional encoding"
    field_factors: ClassVar[Mapping[str, str]] = {"learned": "positional encoding"}
    thin: ClassVar[bool] = True
    reads_steps: ClassVar[bool] = True

    learned: bool = Field(
        default=False,
        description="Whether a trainable number is added to each feature of each step; else sines and cosines.",
        examples=[True],
    )

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        return shape

    def parameters(self, shape: Shape) -> int:
        return product(shape) if self.learned else 0

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import PositionalEncodingModule

        return PositionalEncodingModule(shape[0], shape[1], self.learned)


class ClassToken(LayerBase):
    """Put a trainable step before the others, to stand for all of them (Devlin et al. 2019).

    `select_step` takes it out again.
    """

    kind: ClassVar[str] = "class_token"
    family: ClassVar[str] = "token"
    factor: ClassVar[str] = "attention"

    def output_shape(self, shape: Shape) -> Shape:
        need_steps(shape)
        return (shape[0] + 1, shape[1])

    def parameters(self, shape: Shape) -> int:
        return shape[1]

    def build(self, shape: Shape) -> nn.Module:
        from archsearch.spec.sequence_modules import ClassTokenModule

        return ClassTokenModule(shape[1])
