"""The modules of layers for sequences (N, steps, features); imported by layers' `build` only.

    LstmModule(8, 32, output="last")(torch.rand(2, 50, 8))       # (2, 32)

Torch's recurrent layers and attention give several tensors, where a layer of a list gives one. As in map_modules.py,
what a module is told stands in attributes of the arguments' names, and `reset_parameters` draws what making it drew.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RecurrentModule(nn.RNNBase):
    """Torch's recurrence that gives one tensor: the states of all steps, or the last ones."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        output: Literal["last", "all"] = "last",
        nonlinearity: str = "",
    ) -> None:
        told: dict[str, Any] = {"dropout": dropout, "bidirectional": bidirectional, "batch_first": True}
        if nonlinearity:  # which a plain recurrence has alone
            told["nonlinearity"] = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias=bias, **told)  # type: ignore[arg-type]
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        """(N, steps, input_size) -> (N, steps, width), or (N, width): of the last step, read backwards of the first.

        Torch's last states are (layers * directions, N, hidden_size), those of an LSTM with its cells.
        """
        states, ends = super().forward(x)
        if self.output == "all":
            return cast(Tensor, states)
        hidden = ends[0] if isinstance(ends, tuple) else ends
        return torch.cat((hidden[-2], hidden[-1]), dim=1) if self.bidirectional else hidden[-1]


class LstmModule(RecurrentModule, nn.LSTM):
    """Torch's LSTM that gives one tensor."""


class GruModule(RecurrentModule, nn.GRU):
    """Torch's GRU that gives one tensor."""


class RnnModule(RecurrentModule, nn.RNN):
    """Torch's plain recurrence that gives one tensor; `nonlinearity` is tanh or relu."""


class EmbeddingModule(nn.Embedding):
    """Torch's embedding of whole numbers that are stored as floats."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx)

    def forward(self, x: Tensor) -> Tensor:
        """(N, steps) of whole numbers -> (N, steps, embedding_dim)."""
        return super().forward(x.long())


class SelfAttentionModule(nn.MultiheadAttention):
    """Torch's attention of a sequence to itself."""

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__(embed_dim, num_heads, dropout, bias, batch_first=True)
        self.bias = bias

    def reset_parameters(self) -> None:
        """Draw all weights anew, as they were drawn."""
        made = nn.MultiheadAttention(self.embed_dim, self.num_heads, self.dropout, self.bias, batch_first=True)
        self.load_state_dict(made.state_dict())

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(N, steps, embed_dim) -> the same."""
        return super().forward(x, x, x, need_weights=False)[0]


class TransformerEncoderLayerModule(nn.Module):
    """Self-attention and two linear layers on each step, both beside their input (torch's TransformerEncoderLayer)."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Literal["relu", "gelu"] = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.d_model, self.nhead, self.dim_feedforward = d_model, nhead, dim_feedforward
        self.dropout, self.activation, self.bias = dropout, activation, bias
        self.layer_norm_eps, self.norm_first = layer_norm_eps, norm_first
        self.self_attn = SelfAttentionModule(d_model, nhead, dropout, bias)
        self.linear1 = nn.Linear(d_model, dim_feedforward, bias)
        self.linear2 = nn.Linear(dim_feedforward, d_model, bias)
        self.norm1 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)

    def reset_parameters(self) -> None:
        """Draw all weights anew, in the order in which they were drawn."""
        self.self_attn.reset_parameters()
        self.linear1.reset_parameters()
        self.linear2.reset_parameters()
        self.norm1.reset_parameters()
        self.norm2.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """(N, steps, d_model) -> the same; the norms stand before or behind what is added."""
        if self.norm_first:
            x = x + self.dropped(self.self_attn(self.norm1(x)))
            return x + self.fed_forward(self.norm2(x))
        x = self.norm1(x + self.dropped(self.self_attn(x)))
        normed: Tensor = self.norm2(x + self.fed_forward(x))
        return normed

    def fed_forward(self, x: Tensor) -> Tensor:
        """Apply the two linear layers to each step."""
        inner = self.linear1(x)
        inner = F.relu(inner) if self.activation == "relu" else F.gelu(inner)
        return self.dropped(self.linear2(self.dropped(inner)))

    def dropped(self, x: Tensor) -> Tensor:
        """Apply dropout while training."""
        return F.dropout(x, self.dropout, self.training)

    def extra_repr(self) -> str:
        """Say what the children do not."""
        return f"dropout={self.dropout}, activation={self.activation}, norm_first={self.norm_first}"


class PositionalEncodingModule(nn.Module):
    """Add to each step what says where it stands: sines and cosines (Vaswani et al. 2017), or trainable numbers."""

    encoding: Tensor

    def __init__(self, steps: int, features: int, learned: bool = False) -> None:
        super().__init__()
        self.steps, self.features, self.learned = steps, features, learned
        if learned:
            self.encoding = nn.Parameter(torch.empty(1, steps, features))
            self.reset_parameters()
        else:
            self.register_buffer("encoding", sinusoids(steps, features), persistent=False)

    def reset_parameters(self) -> None:
        """Draw trainable numbers with deviation 0.02 (Dosovitskiy et al. 2021)."""
        if self.learned:
            nn.init.normal_(self.encoding, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(N, steps, features) -> the same."""
        return x + self.encoding

    def extra_repr(self) -> str:
        """Say the sizes."""
        return f"{self.steps}, {self.features}, learned={self.learned}"


def sinusoids(steps: int, features: int) -> Tensor:
    """Give (1, steps, features): sin(t / 10000^(2i / features)) in feature 2i, the cosine in 2i + 1."""
    place = torch.arange(steps, dtype=torch.float32)[:, None]
    even = torch.arange(0, features, 2, dtype=torch.float32)
    angle = place * torch.exp(even * (-math.log(10000.0) / features))
    return torch.stack((angle.sin(), angle.cos()), dim=2).reshape(1, steps, -1)[:, :, :features]


class ClassTokenModule(nn.Module):
    """Put a trainable step before the others: (N, steps, features) -> (N, steps + 1, features)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.token = nn.Parameter(torch.empty(1, 1, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from zeros."""
        nn.init.zeros_(self.token)

    def forward(self, x: Tensor) -> Tensor:
        """Put the token first."""
        return torch.cat((self.token.expand(x.shape[0], -1, -1), x), dim=1)

    def extra_repr(self) -> str:
        """Say the width."""
        return f"{self.features}"


class SelectStepModule(nn.Module):
    """Take one step of a sequence: (N, steps, features) -> (N, features)."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """Give the step's features."""
        return x[:, self.step]

    def extra_repr(self) -> str:
        """Say the step."""
        return f"step={self.step}"
