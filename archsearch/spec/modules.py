"""The modules that torch lacks: lists of layers that read one input, padded channels. Imported where they are built."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Branches(nn.Module):
    """Apply each branch to the same input (batch, ...) and join what they give: concat (dimension 1), add, multiply.

    Children carry the branches' names. Before a multiplication, values (batch, channels) become (batch, channels, 1, 1)
    where another branch gives maps.
    """

    def __init__(self, branches: Mapping[str, nn.Module], join: str) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        """Join the branches' outputs, from the first to the last."""
        outputs = [branch(x) for branch in self.children()]
        if self.join == "concat":
            return torch.cat(outputs, dim=1)
        if self.join == "multiply":
            most = max(output.dim() for output in outputs)
            outputs = [output.reshape(*output.shape, *(1,) * (most - output.dim())) for output in outputs]
        total: Tensor = outputs[0]
        for output in outputs[1:]:
            total = total * output if self.join == "multiply" else total + output
        return total

    def extra_repr(self) -> str:
        """Say the join."""
        return f"join={self.join}"


class PaddedChannels(nn.Module):
    """Keep every n-th place of maps (batch, channels, ...) and put channels of zeros behind those that there are.

    `stride` is that of each dimension after the channels, or one number for all.
    """

    def __init__(self, out_channels: int, stride: int | tuple[int, ...] = 1) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Subsample by slices, pad by zeros."""
        dims = x.dim() - 2
        steps = (self.stride,) * dims if isinstance(self.stride, int) else self.stride
        x = x[(slice(None), slice(None), *(slice(None, None, step) for step in steps))]
        return nn.functional.pad(x, (0, 0) * dims + (0, self.out_channels - x.shape[1]))

    def extra_repr(self) -> str:
        """Say how many channels come out, and the stride."""
        return f"{self.out_channels}, stride={self.stride}"
