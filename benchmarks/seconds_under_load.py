"""Seconds as a metric on a busy machine: does a program against itself stay without a verdict?

    python benchmarks/seconds_under_load.py                 # 200 comparisons of 10 pairs, 4,000 real runs
    python benchmarks/seconds_under_load.py --slower 0.2    # with a planted slowdown of a fifth: how often it is found

A program that computes for about 20 ms is really started 20 times for each comparison, in the order in which an
ablation plans its runs, while two other processes compute and pause by turns (0.1 to 3 seconds each). Its time is
taken as that of any run, and judged by what judges an ablation; queue and files of a run are left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from archsearch.ablate.judging import judge_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.ablate.schedule import due
from archsearch.ablate.without_file import declare_levels, levels_of_values
from archsearch.program.ended import machine
from archsearch.program.from_command import from_command
from archsearch.program.process import Start, start_program
from archsearch.stats.effect import Seed

SCRIPT = "import sys\nfor _ in range(int(sys.argv[2])): sum(range(1000))\n"
PAIRS = 10


def comes_and_goes(seed: int) -> None:
    """Compute and pause by turns, until the process that started this one ends it."""
    dice = random.Random(seed)
    while True:
        end = time.monotonic() + dice.uniform(0.1, 3)
        while time.monotonic() < end:
            sum(range(1000))
        time.sleep(dice.uniform(0.1, 3))


def seconds(folder: Path, loops: int) -> float:
    """Run the program once and give its time, as a run has it."""
    argv = (sys.executable, "-S", "-E", str(folder / "train.py"), "0", str(loops))
    start = Start(argv, dict(os.environ), folder, Path(os.devnull), folder / "out", folder / "err")
    with start_program(start) as running:
        while (ended := running.wait(10)) is None:
            pass
    return ended.seconds


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=200)
    parser.add_argument("--slower", type=float, default=0.0, metavar="PART")
    parser.add_argument("--loops", type=int, default=700)
    arguments = parser.parse_args()
    loads = [multiprocessing.Process(target=comes_and_goes, args=(seed,), daemon=True) for seed in (1, 2)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        (folder / "train.py").write_text(SCRIPT)
        spec = from_command([sys.executable, "train.py", "{seed}", "{loops}"], {"loops": 0}, ["seconds:measured"])
        declared = declare_levels(spec, levels_of_values({"loops": [1]}), name="same", seeds=PAIRS)
        ablation = plan_ablation(declared)
        baseline = ablation.cells[0].name
        for load in loads:
            load.start()
        verdicts: list[str] = []
        taken: list[float] = []
        for repeat in range(arguments.comparisons):
            runs: dict[str, dict[Seed, float | None]] = {cell.name: {} for cell in ablation.cells}
            for cell, seed in due(ablation.model_copy(update={"name": f"same-{repeat}"}), {}):
                loops = arguments.loops * (1 if cell == baseline else 1 + arguments.slower)
                took = seconds(folder, round(loops))
                runs[cell][seed] = took
                taken.append(took)
            [effect] = judge_ablation(ablation, runs, complete=True)
            verdicts.append(effect.verdict)
        for load in loads:
            load.terminate()
    low, median, high = np.percentile(1000 * np.array(taken), [5, 50, 95])
    print(f"{machine()['processor']}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{len(taken)} runs, median {median:.1f} ms, 5 % to 95 %: {low:.1f} to {high:.1f} ms")
    print(", ".join(f"{verdict}: {verdicts.count(verdict)}" for verdict in sorted(set(verdicts))))


if __name__ == "__main__":
    main()
