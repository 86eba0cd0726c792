"""What a worker of a storage has done, and what is said of workers elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.cli.console.base import out, sentences
from archsearch.wording import count_of


def print_worker(trials: Mapping[str, int]) -> None:
    """Print how many trials of which study a worker has run."""
    done = ", ".join(f"{count_of(count, 'trial')} of {name}" for name, count in trials.items())
    sentences(out(), done or "nothing was to be done")
