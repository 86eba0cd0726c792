"""The modules of layers for maps that torch lacks or has no module for; imported by layers' `build` only.

    LayerScaleModule(64, 1e-6)(torch.rand(2, 64, 7, 7))

What a module is told stands in attributes of the arguments' names, and `reset_parameters` draws what making it drew: a
module is written as the call that makes it, and its class is copied into files that stand alone.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PermuteModule(nn.Module):
    """Exchange the sizes of samples: (N, a, b) -> (N, b, a) for dims (2, 1)."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        """Give the same values in another order."""
        return x.permute(0, *self.dims)

    def extra_repr(self) -> str:
        """Say the order."""
        return f"dims={self.dims}"


class SelectChannelsModule(nn.Module):
    """Take some channels: (N, C, ...) -> (N, len(channels), ...)."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Give the channels in the order in which they are named."""
        return torch.stack([x[:, channel] for channel in self.channels], dim=1)

    def extra_repr(self) -> str:
        """Say the channels."""
        return f"channels={self.channels}"


class ScaledAvgPool2dModule(nn.Module):
    """Mean of each window times a trainable coefficient plus a trainable bias, one of each for a channel of maps."""

    def __init__(
        self,
        channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int] = (0, 0),
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.channels, self.kernel_size, self.stride = channels, kernel_size, stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as the mean itself."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, channels, H', W')."""
        pooled = F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return pooled * self.weight[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        """Say the window."""
        return f"{self.channels}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class LayerScaleModule(nn.Module):
    """A trainable factor for each channel, or with `per_step` for each feature of a sequence."""

    def __init__(self, channels: int, init: float = 1e-6, per_step: bool = False) -> None:
        super().__init__()
        self.channels, self.init, self.per_step = channels, init, per_step
        self.weight = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start all factors from `init`."""
        nn.init.constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, ...) or, with `per_step`, (N, ..., channels) -> the same."""
        return x * (self.weight if self.per_step else self.weight.reshape(-1, *[1] * (x.dim() - 2)))

    def extra_repr(self) -> str:
        """Say the width and the start."""
        return f"{self.channels}, init={self.init}, per_step={self.per_step}"


class StochasticDepthModule(nn.Module):
    """While training set whole samples to zero with probability p, and the others to x / (1 - p)."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> the same."""
        if not self.training or self.p == 0.0:
            return x
        kept = torch.empty([x.shape[0]] + [1] * (x.dim() - 1), dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)
        return x * kept.div_(1.0 - self.p)

    def extra_repr(self) -> str:
        """Say the probability."""
        return f"p={self.p}"


class SqueezeExciteModule(nn.Module):
    """Scale each channel of a map by what two 1x1 convolutions make of all channels' means."""

    def __init__(
        self,
        channels: int,
        squeeze_channels: int,
        activation: Literal["relu", "silu"] = "relu",
        scale_activation: Literal["sigmoid", "hard_sigmoid"] = "sigmoid",
    ) -> None:
        super().__init__()
        self.channels, self.squeeze_channels = channels, squeeze_channels
        self.activation, self.scale_activation = activation, scale_activation
        self.fc1 = nn.Conv2d(channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, channels, 1)

    def reset_parameters(self) -> None:
        """Draw both convolutions anew, in the order in which they were made."""
        self.fc1.reset_parameters()
        self.fc2.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same."""
        squeezed = self.fc1(F.adaptive_avg_pool2d(x, 1))
        scale = self.fc2(F.relu(squeezed) if self.activation == "relu" else F.silu(squeezed))
        return x * (torch.sigmoid(scale) if self.scale_activation == "sigmoid" else F.hardsigmoid(scale))

    def extra_repr(self) -> str:
        """Say the functions."""
        return f"activation={self.activation}, scale_activation={self.scale_activation}"
