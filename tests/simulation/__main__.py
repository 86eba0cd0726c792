"""Run many seeds, or one of them with its course of events.

python -m tests.simulation 10000                # seeds 0 to 9999
python -m tests.simulation 10000 --first 50000
python -m tests.simulation --seed 4711
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.simulation.many import show, violations_of


def main() -> int:
    """Do what the arguments say; give the exit code: 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate the queue of slots.")
    parser.add_argument("count", type=int, nargs="?", default=1000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that run them")
    parser.add_argument("--seed", type=int, help="run this one only, and print its course of events")
    asked = parser.parse_args()
    if asked.seed is not None:
        return show(asked.seed)

    def say(done: int, seconds: float) -> None:
        print(f"{done} of {asked.count} seeds, {60 * done / seconds:.0f} a minute", file=sys.stderr)

    wrong = 0
    for violation in violations_of(range(asked.first, asked.first + asked.count), asked.workers, say):
        wrong += 1
        print(violation, flush=True)
    print(f"{asked.count} seeds, {wrong} violations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
