"""What the benchmarks share: a process and what it cost, the machine beside it, turns, medians with ranges, JSON.

    cost = run_apart([sys.executable, "-c", "import torch"], Path.cwd())      # .wall, .processor: seconds
    found = in_turn({"one": measure_one, "two": measure_two}, rounds=5)
    print(table(found.rows, {"seconds": 2}))

Knows no peer and nothing of archsearch but the name of the processor.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from archsearch.train.processor import processor

ROOT = Path(__file__).resolve().parents[1]
PEERS = "pip install -r benchmarks/peers.txt"
LEFTOVERS = 20.0  # seconds that processes may go on after the command that started them
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux's prctl
_RATE = "import sys; from archsearch.train.doctor import matrix_product_rate as rate; print(rate())"
_PACKAGES = ("torch", "optuna", "skorch", "lightning", "keras", "jax", "ray", "keras-tuner")
Row = dict[str, float]


class FailedError(Exception):
    """A command ended with another code than 0; says the last lines of what it wrote."""


class Cost(NamedTuple):
    """What a command cost: wall and processor seconds of all its processes, and when it began (seconds since 1970)."""

    wall: float
    processor: float
    began: float
    output: str


def run_apart(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a process of its own, as from a user's shell; raises `FailedError`.

    Wall time ends with the command itself. Processor time has every process that it started, also those that it leaves
    behind: on Linux these become children of this process, which waits for them, and ends them after `LEFTOVERS`.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | dict(variables or {})
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        with _adopting():
            spent, began, clock = _spent(), time.time(), time.perf_counter()
            done = subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
            )
            wall = time.perf_counter() - clock
        out.seek(0)
        err.seek(0)
        if done.returncode:
            last = (err.read().strip() or out.read().strip()).splitlines()[-3:]
            raise FailedError(f"{' '.join(command[1:3])} ended with {done.returncode}: {' / '.join(last)}")
        return Cost(wall, _spent() - spent, began, out.read())


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _adopting() -> Iterator[None]:
    """Become the parent of processes that lose theirs; at the end wait for those that are new, or end them."""
    if sys.platform != "linux":
        yield
        return
    prctl, others = ctypes.CDLL(None).prctl, _children()
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        until = time.monotonic() + LEFTOVERS
        while left := _children() - others:
            for child in left:
                with suppress(ChildProcessError, ProcessLookupError):
                    if not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() > until:
                        os.kill(child, signal.SIGKILL)
            time.sleep(0.02)
        prctl(_SUBREAPER, 0, 0, 0, 0)


def _children() -> set[int]:
    return {int(child) for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()}


def matrix_rate() -> float:
    """Give torch's float32 matrix-product rate of the machine in GFLOP/s, measured in a process of its own."""
    return float(run_apart([sys.executable, "-c", _RATE], ROOT).output)


def lacking(packages: Sequence[str]) -> str | None:
    """Say which packages a peer lacks and how to install them; None where all are there."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed ({PEERS})" if absent else None


@dataclass
class Found:
    """Rows of each way, one a round; what was left out, and why; the machine beside them."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)


def in_turn(ways: Mapping[str, Callable[[], Row]], rounds: int, skipped: Mapping[str, str] | None = None) -> Found:
    """Measure every way once a round, each round beginning with the next one, so that a slow moment hits all alike.

    What fails is left out from then on, by name. Ctrl-C ends after the last round that is whole.
    """
    found = Found({name: [] for name in ways}, dict(skipped or {}), machine())
    rates, loads = [], []
    try:
        for number in range(rounds):
            loads.append(os.getloadavg()[0])
            rates.append(matrix_rate())
            names = [name for name in ways if name not in found.skipped]
            start = number % max(1, len(names))
            row: dict[str, Row] = {}
            for name in names[start:] + names[:start]:
                try:
                    row[name] = ways[name]()
                except FailedError as error:
                    found.skipped[name] = str(error)
                    continue
                said = ", ".join(f"{key} {value:.2f}" for key, value in row[name].items())
                print(f"round {number + 1}, {name}: {said}", file=sys.stderr, flush=True)
            for name, one in row.items():
                found.rows[name].append(one)
    except KeyboardInterrupt:
        print("interrupted: what follows is of the rounds before", file=sys.stderr)
    found.rows = {name: rows for name, rows in found.rows.items() if rows}
    found.machine |= {"matrix_gflops": rates, "load": loads}
    return found


def machine() -> dict[str, Any]:
    """Give what the figures depend on: processor, cores, system, versions."""
    return {
        "processor": f"{processor()}{_model()}, {_vectors()}",
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: known for name in _PACKAGES if (known := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpuinfo() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _model() -> str:
    info = _cpuinfo()
    return f" (family {info['cpu family']}, model {info['model']})" if {"cpu family", "model"} <= info.keys() else ""


def _vectors() -> str:
    flags = _cpuinfo().get("flags", "").split()
    named = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
    return next((name for flag, name in named.items() if flag in flags), platform.machine())


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write a median and, of several values, their range."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) < 2 else f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(rows: Mapping[str, Sequence[Row]], columns: Mapping[str, int]) -> str:
    """Write a Markdown table: a line for each way, a column for each figure with so many digits."""
    lines = [f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for name, of in rows.items():
        known = {key: [row[key] for row in of if key in row] for key in columns}
        cells = [spread(known[key], digits) if known[key] else "" for key, digits in columns.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(rows: Mapping[str, Sequence[Row]], figure: str, first: str) -> dict[str, str]:
    """Say, for every other way, how many times as much of a figure it took as the first one, round by round."""
    if first not in rows:
        return {}
    mine = [row[figure] for row in rows[first]]
    return {
        name: spread([row[figure] / own for row, own in zip(of, mine, strict=False)])
        for name, of in rows.items()
        if name != first
    }


def conclude(name: str, found: Found, columns: Mapping[str, int], figure: str, first: str, path: Path | None) -> int:
    """Print the table with all that stands beside it, write JSON where asked, and give the exit code."""
    about = found.machine
    beside = ratios(found.rows, figure, first)
    rounds = max((len(rows) for rows in found.rows.values()), default=0)
    lines = [table(found.rows, columns), ""]
    lines += [f"{figure} beside {first}: {other}: {said} times" for other, said in beside.items()]
    lines += [f"left out: {other}: {why}" for other, why in found.skipped.items()]
    versions = ", ".join(f"{package} {number}" for package, number in about["versions"].items())
    lines.append(
        f"{about['processor']}, {about['cores']} cores, {about['system']}; Python {about['python']}, {versions}; "
        f"n = {rounds}; matrix product {spread(about['matrix_gflops'] or [float('nan')], 0)} GFLOP/s, "
        f"load before each round {spread(about['load'] or [float('nan')], 1)}"
    )
    text = "\n".join(lines)
    print(text)
    if path is not None:
        document = {
            "benchmark": name,
            "command": " ".join(["python", "-m", f"benchmarks.{name}", *sys.argv[1:]]),
            "machine": about,
            "rows": found.rows,
            "skipped": found.skipped,
            "text": text,
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if found.rows and not any("ended with" in why for why in found.skipped.values()) else 1
