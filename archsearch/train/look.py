"""What a run has learned within its first epoch, for who wants to know before the epoch is over.

    look = look_at_parts((0.125, 0.5), tell)          # tell(0.125, 6250) after the step that ends the first eighth
    part_to_look_at(validation, 6250, seed)     # which validation samples are read then

A look changes nothing of the run: weights, buffers and random numbers are what they are without it, so the epoch goes
on bit for bit as the epoch that nobody looked into.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import torch

from archsearch.train.epoch import Part
from archsearch.train.streams import stream

# A sample costs a third of what it does in training to evaluate. A quarter of those that were trained on makes a look
# a twelfth of the work before it; fewer than a thousand would tell networks of 90 % apart by chance (1 point SD).
TRAINED_PER_LOOK = 4
LEAST_LOOKED_AT = 1000


def look_at_parts(parts: Sequence[float], tell: Callable[[float, int], None]) -> Callable[[int, int, int, int], None]:
    """Make what an epoch calls after each step: with the epoch, the step, how many steps there are, samples done.

    `tell` is called with a part of the first epoch and the samples done so far, after the first step at which that part
    is over. The whole epoch is no part of it: it is evaluated anyway.
    """

    def after_step(epoch: int, step: int, steps: int, done: int) -> None:
        if epoch or step + 1 == steps:
            return
        for part in parts:
            if step + 1 == math.ceil(part * steps):
                tell(part, done)

    return after_step


def part_to_look_at(validation: Part, trained: int, seed: int) -> Part:
    """Give the validation samples that are read after training on so many samples: drawn once, the more the later."""
    count = max(LEAST_LOOKED_AT, trained // TRAINED_PER_LOOK)
    if count >= len(validation):
        return validation
    draws = torch.Generator().manual_seed(stream(seed, "look"))
    chosen = torch.randperm(len(validation), generator=draws)[:count]
    return replace(validation, rows=validation.rows[chosen.to(validation.rows.device)])


def undisturbed(device: str) -> AbstractContextManager[None]:
    """Give the context in which torch's random numbers are drawn and then given back."""
    return torch.random.fork_rng(devices=[torch.device(device)] if device.startswith("cuda") else [])
