"""Seeds as named streams: one run seed, one independent number for every purpose.

    stream(3, "order", 0)        # batch order of epoch 0
    stream(3, "init", "conv1")   # initial weights of the layer conv1

So a change in one place (another layer, no augmentation) leaves every other random number of the run as it was. The
purposes in use: init, split, order, augment, dropout, mix, label_noise; a study adds its own.
"""

from __future__ import annotations

import hashlib


def stream(seed: int, *purpose: str | int) -> int:
    """Derive the seed of a stream, a number below 2**63, from the run's seed and the purpose."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def split_seeds(seed: int) -> tuple[int, int]:
    """Derive the seeds of the validation part and of the training samples that `train_limit` keeps."""
    return stream(seed, "split"), stream(seed, "split", "train_limit")
