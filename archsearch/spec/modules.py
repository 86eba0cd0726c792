"""The one module that torch lacks: a list of layers plus its input. Imported by `Residual.build` only."""

from __future__ import annotations

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """body(x) + shortcut(x); both give tensors of one shape (batch, ...)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Add the body's output to the shortcut's."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total
