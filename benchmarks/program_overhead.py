"""What a run of a program costs beside the program: through the queue of a real ablation, one worker.

    python benchmarks/program_overhead.py                     # 200 runs of a program that ends at once
    python benchmarks/program_overhead.py --output 10         # the same, each writes 10 MB
    python benchmarks/program_overhead.py --profile           # where the time goes

After every run of ours the same program is started once by `subprocess.run` alone, with its output to files as ours:
what is printed is the median of ours, of the bare ones, and of the differences of neighbours, in milliseconds of wall
time. A loaded machine shows in the bare ones too. CPU time is that of this process, without what it started.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from archsearch.ablate.ablation import ablate
from archsearch.ablate.planned import plan_ablation
from archsearch.ablate.without_file import declare_levels, levels_of_values
from archsearch.program.ended import machine
from archsearch.program.from_command import from_command
from archsearch.study.lifecycle import Settings

LEVELS = 9  # with the baseline ten cells, of `--runs` / 10 seeds each


class Clock:
    """Takes the time between two looks, which come after every run; then runs the program bare."""

    def __init__(self, line: str, folder: Path) -> None:
        self.command = ["sh", "-c", line.format(level=0, seed=0)]
        self.folder = folder
        self.ours: list[float] = []
        self.bare: list[float] = []
        self.cpu: list[float] = []
        self.load: list[float] = []
        self.wall, self.spent = time.perf_counter(), time.process_time()

    def look(self, _: object) -> None:
        """Note what has passed since the last look."""
        self.ours.append(time.perf_counter() - self.wall)
        self.cpu.append(time.process_time() - self.spent)
        began = time.perf_counter()
        kept = self.folder / "bare" / str(len(self.bare))  # new files, as ours are
        kept.mkdir(parents=True)
        with (kept / "out").open("wb") as out, (kept / "err").open("wb") as err:
            subprocess.run(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=True, start_new_session=True
            )
        self.bare.append(time.perf_counter() - began)
        self.load.append(os.getloadavg()[0])
        self.wall, self.spent = time.perf_counter(), time.process_time()


def measure(folder: Path, runs: int, megabytes: int) -> Clock:
    """Run the ablation and give the times of its runs."""
    (folder / "train.py").write_text("")
    fill = f"yes 'epoch 3 step 1200 acc=0.9731 lr=0.001' | head -c {megabytes * 1_000_000}; echo; " if megabytes else ""
    line = f"{fill}echo loss={{level}}.{{seed}}"
    spec = from_command(["sh", "-c", line], {"level": 0}, [r"loss:last:loss=(\S+)"])
    levels = levels_of_values({"level": list(range(1, LEVELS + 1))})
    declared = declare_levels(spec, levels, name="overhead", folder=folder, seeds=max(10, runs // (LEVELS + 1)))
    clock = Clock(line, folder)
    report = ablate(plan_ablation(declared), Settings(runs_dir=folder / "runs"), clock.look)
    assert report.complete
    return clock


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--output", type=int, default=0, metavar="MB")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    os.environ["ARCHSEARCH_TRUST"] = "1"
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ARCHSEARCH_DATA"] = str(folder / "cache")
        os.chdir(folder)
        if arguments.profile:
            profile.enable()
        clock = measure(folder, arguments.runs, arguments.output)
        profile.disable()
    # the first run starts what is kept for the others, and is made twice; the last look comes after no run
    ours, bare, cpu = (1000 * np.array(times[1:-1]) for times in (clock.ours, clock.bare, clock.cpu))
    print(
        f"{len(ours)} runs with {arguments.output} MB of output each; {machine()['processor']}, {os.cpu_count()} cores"
    )
    print(f"load {min(clock.load):.1f} to {max(clock.load):.1f}; medians (lower, upper quartile) in ms:")
    for what, times in (("a run", ours), ("bare", bare), ("ours", ours - bare), ("CPU of this process", cpu)):
        low, median, high = np.percentile(times, [25, 50, 75])
        print(f"  {what:20} {median:7.1f} ({low:.1f}, {high:.1f})")
    for half in (ours[: len(ours) // 2] - bare[: len(ours) // 2], ours[len(ours) // 2 :] - bare[len(ours) // 2 :]):
        print(f"  ours, one half       {np.median(half):7.1f}")
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
