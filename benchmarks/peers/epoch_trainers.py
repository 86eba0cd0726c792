"""An epoch by training libraries around torch, with tensors in memory and their own loaders: skorch and Lightning."""

from __future__ import annotations

import logging
import time
import warnings

import torch
from torch.nn import functional as F

from benchmarks.peers.epoch_asked import EpochAsked, Learned
from benchmarks.peers.torch_loops import ready_accuracy


def by_skorch(asked: EpochAsked) -> Learned:
    """Train by skorch's classifier; its own default loss would take the logarithm of what a network gives."""
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        asked.model,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=asked.lr,
        batch_size=asked.batch,
        max_epochs=1,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    net.fit(asked.x, asked.y)
    [epoch] = net.history
    return Learned(epoch["dur"], epoch["train_loss"], ready_accuracy(net.module_, asked.x_held, asked.y_held))


def by_lightning(asked: EpochAsked) -> Learned:
    """Train by Lightning's trainer without loggers, checkpoints and progress bar."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = asked.model
            self.total, self.batches = torch.zeros(()), 0

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            x, y = batch
            loss = F.cross_entropy(self.network(x), y)
            self.total += loss.detach()
            self.batches += 1
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=asked.lr)

        def on_train_epoch_start(self) -> None:
            self.start = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds = time.perf_counter() - self.start

    data = torch.utils.data.TensorDataset(asked.x, asked.y)
    loader = torch.utils.data.DataLoader(data, batch_size=asked.batch, shuffle=True)
    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader)
    accuracy = ready_accuracy(module.network, asked.x_held, asked.y_held)
    return Learned(module.seconds, float(module.total) / module.batches, accuracy)
