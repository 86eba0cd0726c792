"""Many seeds, by as many processes as there are cores.

for violation in violations_of(range(10_000), workers=2): print(violation)
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from tests.simulation.invariants import Violation
from tests.simulation.schedule import simulator

_AT_ONCE = 250  # seeds that a process takes at a time


def violations_in(seeds: Sequence[int]) -> list[str]:
    """Run seeds in this process, and give what did not hold."""
    found = []
    with simulator() as running:
        for seed in seeds:
            try:
                running.simulate(seed)
            except Violation as violation:
                found.append(str(violation))
    return found


def violations_of(
    seeds: range, workers: int, say: Callable[[int, float], None] = lambda done, seconds: None
) -> Iterator[str]:
    """Run seeds, and give what did not hold as it is found; `say` is told how many were run, in how many seconds."""
    parts = [seeds[at : at + _AT_ONCE] for at in range(0, len(seeds), _AT_ONCE)]
    began, done = time.monotonic(), 0
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for found in pool.imap_unordered(violations_in, parts):
            done = min(done + _AT_ONCE, len(seeds))
            say(done, time.monotonic() - began)
            yield from found


def show(seed: int) -> int:
    """Print the course of events of a seed; give the exit code."""
    course: list[str] = []
    said = "it holds"
    with simulator() as running:
        try:
            running.simulate(seed, course)
        except Violation as violation:
            said = str(violation)
    print("\n".join(course))
    print(said, file=sys.stderr)
    return 0 if said == "it holds" else 1
