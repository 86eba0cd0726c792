"""The two loops that people write around torch, a training epoch and the accuracy of each; knows nothing of archsearch.

`ready`: the whole data set as float32 tensors in memory, a permutation drawn every epoch. `notebook`: a DataLoader that
decodes, resizes and converts sample after sample, the accuracy added up in Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset


def small_lenet(network: dict[str, Any]) -> nn.Sequential:
    """Build a network of the study's space: two convolutions with tanh and average pooling, two linear layers."""
    c1, k1 = network["conv1.out_channels"], network["conv1.kernel_size"]
    c2, k2 = network["conv2.out_channels"], network["conv2.kernel_size"]
    hidden = network["fc1.out_features"]
    side = ((32 - k1 + 1) // 2 - k2 + 1) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, c1, k1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(c1, c2, k2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(c2 * side**2, hidden), nn.Tanh(), nn.Linear(hidden, 10)),
    )


def ready_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, batch: int) -> float:
    """Train one epoch on tensors in memory; give the mean loss of the batches."""
    model.train()
    total, batches = torch.zeros(()), 0
    for rows in torch.randperm(len(x)).split(batch):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.detach()
        batches += 1
    return float(total) / batches


@torch.no_grad()
def ready_accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Give the accuracy on tensors in memory."""
    model.eval()
    right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(1000), y.split(1000), strict=True))
    return right / len(x)


def notebook_loader(folder: Path, size: int, rows: range, batch: int, *, shuffle: bool) -> DataLoader[Any]:
    """Read MNIST as notebooks do: Resize and ToTensor for every sample."""
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.Resize((size, size)), transforms.ToTensor()])
    data = datasets.MNIST(str(folder), train=True, transform=transform, download=False)
    return DataLoader(Subset(data, rows), batch_size=batch, shuffle=shuffle)


def notebook_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any]) -> float:
    """Train one epoch the notebook's way; give the mean loss of the batches."""
    criterion = nn.CrossEntropyLoss()
    model.train()
    total, correct = 0.0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        for output, label in zip(outputs.argmax(1), labels, strict=True):
            correct += int(output == label)
    return total / len(loader)


@torch.no_grad()
def notebook_accuracy(model: nn.Module, loader: DataLoader[Any]) -> float:
    """Give the accuracy the notebook's way."""
    model.eval()
    right, seen = 0, 0
    for images, labels in loader:
        for output, label in zip(model(images).argmax(1), labels, strict=True):
            right += int(output == label)
            seen += 1
    return right / seen
