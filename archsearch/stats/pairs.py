"""The pairs of one comparison: what its two sides gave with each seed, or on each fold.

    Pairs("relu", (0, 1), (0.98, 0.97), (0.97, 0.97), failed=0).differences

Made by `verdict.pair_up`.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.stats.effect import Seed


@dataclass(frozen=True, slots=True)
class Pairs:
    """The seeds that both sides completed, with their values; `failed` counts the pairs that a failed run spoiled."""

    variant: str
    seeds: tuple[Seed, ...]
    level: tuple[float, ...]
    baseline: tuple[float, ...]
    failed: int

    @property
    def differences(self) -> tuple[float, ...]:
        """Give level - baseline for each seed."""
        return tuple(a - b for a, b in zip(self.level, self.baseline, strict=True))


def left_out_note(pairs: Pairs) -> str:
    """Say how many pairs a failed run spoiled."""
    return f"{pairs.failed} of {pairs.failed + len(pairs.seeds)} pairs left out: a run failed or has no finite value"
