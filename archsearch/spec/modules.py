"""The one module that torch lacks: several lists of layers that read one input. Imported by blocks' `assemble` only."""

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
