"""Modules as people write them, for the tests of the import; what each computes is torch's own doing."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Lenet(nn.Module):
    """Modules and functions mixed, a view, dropout by function."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3)
        self.conv2 = nn.Conv2d(width, 6, 3)
        self.fc1 = nn.Linear(6 * 25, 16)
        self.fc2 = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.tanh(self.conv2(x)), kernel_size=2)
        x = x.view(x.size(0), -1)
        x = F.dropout(self.fc1(x).relu(), 0.3, training=self.training)
        return F.log_softmax(self.fc2(x), dim=-1)


class Gate(nn.Module):
    """Squeeze and excitation as it is usually written: sizes, views, expand_as."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, 2), nn.ReLU(inplace=True), nn.Linear(2, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y = F.adaptive_avg_pool2d(x, 1).view(b, c)
        return x * self.fc(y).view(b, c, 1, 1).expand_as(x)


class Bottleneck(nn.Module):
    """A residual block whose shortcut is a projection with a normalisation, and a gate."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.gate = Gate(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)) if stride > 1 else None
        )

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.gate(F.relu(self.bn1(self.conv1(x)), inplace=True))
        out += identity
        return F.relu(out)


class SmallResnet(nn.Module):
    """Blocks in a Sequential, global pooling by a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding="same")
        self.stages = nn.Sequential(Bottleneck(4, 4, 1), Bottleneck(4, 6, 2))
        self.head = nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(x, Tensor)
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


class Dense(nn.Module):
    """Every layer reads all before it, as in DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(1 + 2 * at, 2, 3, padding=1) for at in range(3)])
        self.out = nn.Linear(7 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(torch.tanh(layer(torch.cat(features, 1))))
        return self.out(torch.cat(features, 1).flatten(1))


class Ladder(nn.Module):
    """A concatenation whose last two parts part later than its first."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1)
        self.out = nn.Linear(6 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        return self.out(torch.cat((x, a, self.b(a)), dim=1).flatten(1))


class Three(nn.Module):
    """A sum of three, one of them twice as deep."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(64, 64), nn.Linear(64, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(x, 1)
        return self.out(sum([self.a(x), x, torch.sigmoid(self.b(x))]))


class InPlace(nn.Module):
    """What is added is the changed value: the activation works in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.out = nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.relu(x)
        return self.out((x + torch.tanh(y)).flatten(1))


class Bare(nn.Module):
    """Weights without modules."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.offset = nn.Parameter(torch.randn(4, 1, 3, 3)), nn.Parameter(torch.randn(4))
        self.matrix = nn.Parameter(torch.randn(10, 144))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.conv2d(x, self.kernel, self.offset).relu_().flatten(1), self.matrix)


class Derived(nn.Conv2d):
    """Another initialisation, the same forward."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        assert self.bias is not None
        nn.init.ones_(self.bias)


class Scaled(nn.Conv2d):
    """Another forward."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return F.conv2d(input, self.weight * 2, self.bias)


def on(shape: tuple[int, ...], *layers: nn.Module) -> nn.Module:
    """The layers, and what makes ten values of what they give."""
    inner = nn.Sequential(*layers, nn.Flatten())
    with torch.no_grad():
        width = inner.eval()(torch.zeros(2, *shape)).shape[1]
    return nn.Sequential(*inner.children(), nn.Linear(width, 10)).train()


def forwards(function: Any) -> nn.Module:
    """A module whose forward is this function of an 8x8 map, then a linear layer."""

    class Custom(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.LazyLinear(10)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(function(x).flatten(1))

    return Custom()
