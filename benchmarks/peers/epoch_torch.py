"""An epoch by loops around torch: tensors in memory, channels_last, compiled, and the notebook's.

`plain` is the loop as people write it; the other two on tensors have torch's fused Adam too, the best that torch has.
"""

from __future__ import annotations

import time

import torch
from torch.nn import functional as F

from benchmarks.peers.epoch_asked import EpochAsked, Learned
from benchmarks.peers.torch_loops import notebook_epoch, notebook_loader, ready_accuracy, ready_epoch


def plain(asked: EpochAsked) -> Learned:
    """Train on tensors in memory in torch's default layout."""
    optimizer = torch.optim.Adam(asked.model.parameters(), lr=asked.lr)
    start = time.perf_counter()
    loss = ready_epoch(asked.model, optimizer, asked.x, asked.y, asked.batch)
    return _learned(asked, time.perf_counter() - start, loss)


def channels_last(asked: EpochAsked) -> Learned:
    """Train with network and images in channels_last."""
    model = asked.model.to(memory_format=torch.channels_last)
    x = asked.x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=asked.lr, fused=True)
    start = time.perf_counter()
    loss = ready_epoch(model, optimizer, x, asked.y, asked.batch)
    return _learned(asked, time.perf_counter() - start, loss)


def compiled(asked: EpochAsked) -> Learned:
    """Train with `torch.compile`: it compiles in a step of every size of batch, then the weights are put back."""
    before = {name: value.clone() for name, value in asked.model.state_dict().items()}
    model = torch.compile(asked.model)
    optimizer = torch.optim.Adam(asked.model.parameters(), lr=asked.lr, fused=True)
    start = time.perf_counter()
    model.train()
    for size in asked.sizes:
        F.cross_entropy(model(asked.x[:size]), asked.y[:size]).backward()
        optimizer.zero_grad()
    compiling = time.perf_counter() - start
    asked.model.load_state_dict(before)
    start = time.perf_counter()
    loss = ready_epoch(model, optimizer, asked.x, asked.y, asked.batch)
    return _learned(asked, time.perf_counter() - start, loss, compiling)


def notebook(asked: EpochAsked) -> Learned:
    """Train through a DataLoader that decodes, resizes and converts each image of MNIST."""
    loader = notebook_loader(asked.raw, asked.x.shape[-1], range(len(asked.x)), asked.batch, shuffle=True)
    optimizer = torch.optim.Adam(asked.model.parameters(), lr=asked.lr)
    start = time.perf_counter()
    loss = notebook_epoch(asked.model, optimizer, loader)
    return _learned(asked, time.perf_counter() - start, loss)


def _learned(asked: EpochAsked, seconds: float, loss: float, compiling: float = 0.0) -> Learned:
    return Learned(seconds, loss, ready_accuracy(asked.model, asked.x_held, asked.y_held), compiling)
