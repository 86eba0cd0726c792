"""What starting a command costs: wall and processor seconds of the quick commands and of a run of one batch.

    python -m benchmarks.startup --rounds 10
    python -m benchmarks.startup --rounds 10 --against ../other/checkout

Each is a process of its own in an empty folder, all of them once a round in turn, beside `python -c pass` and
`python -c "import torch"`; a first round is not counted: it fills the caches of Python and of the disk. The run is
LeNet-5 on one batch of 600 images of MNIST and as many to test on, with all that it writes. From the command to the
first batch of a study: `study_peers.py`. Needs MNIST in the data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.measuring import ROOT, Row, conclude, in_turn, run_apart

MAIN = "from archsearch.cli import main; main()"
COMMANDS: dict[str, tuple[str, ...]] = {
    "--help": ("--help",),
    "list": ("list",),
    "check lenet5": ("check", "lenet5"),
    "show lenet5": ("show", "lenet5"),
    "run lenet5, one batch": ("run", "lenet5", "train.epochs=1", "data.limit=60"),  # of each class
}
PLAIN = {"python -c pass": "pass", "import torch": "import torch"}
COLUMNS = {"wall": 2, "processor": 2}


def measure(command: Sequence[str], checkout: Path) -> Row:
    """Run a command in an empty folder."""
    with tempfile.TemporaryDirectory() as name:
        cost = run_apart([sys.executable, *command], Path(name), {"PYTHONPATH": str(checkout)})
    return {"wall": cost.wall, "processor": cost.processor}


def main() -> int:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--against", type=Path, help="another checkout of ours, measured in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all that was measured")
    arguments = parser.parse_args()
    checkouts = {"": ROOT} | ({", other checkout": arguments.against.resolve()} if arguments.against else {})
    ways: dict[str, Callable[[], Row]] = {
        name: partial(measure, ["-c", code], ROOT) for name, code in PLAIN.items()
    } | {
        f"archsearch {name}{which}": partial(measure, ["-c", MAIN, *command], checkout)
        for name, command in COMMANDS.items()
        for which, checkout in checkouts.items()
    }
    for way in ways.values():
        way()
    found = in_turn(ways, arguments.rounds)
    return conclude("startup", found, COLUMNS, "wall", "import torch", arguments.json)


if __name__ == "__main__":
    sys.exit(main())
