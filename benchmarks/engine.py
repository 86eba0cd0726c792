"""One epoch by three loops, in turn: the notebook's, the product's on torch, the product's on the native engine.

    python benchmarks/engine.py lenet5 --rounds 5
    python benchmarks/engine.py lenet_best --rounds 3 --loops torch native
    python benchmarks/engine.py lenet5 --variant avx2 --loops torch native
    python benchmarks/engine.py benchmarks/conv_norm.yaml --batch 128 --loops torch native

Every measurement is a process of its own, all loops once per round, so that a slow moment hits all of them alike.
Printed are medians and spreads of the epoch's training seconds (no imports, no preparation, no evaluation), the ratios
within the rounds, peak memory of the processes, and the training step's rate in GFLOP/s beside a float32 matrix product
in the same process. Needs MNIST in the data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path

LOOPS = ("notebook", "torch", "native")


def measure_here(loop: str, name: str, samples: int, batch: int) -> dict[str, float]:
    """Train one epoch with a loop; give seconds, peak memory in MiB and the matrix-product rate."""
    sys.path.insert(0, str(Path(__file__).parent))
    from notebook_loop import archsearch_epoch, matrix_rate, notebook_epoch

    before = matrix_rate()
    if loop == "notebook":
        seconds = notebook_epoch(name, samples)
    else:
        seconds = archsearch_epoch(name, samples, [f"train.engine={loop}", f"train.batch_size={batch}"])
    rate = max(before, matrix_rate())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "gflops": rate, "peak": peak}


def measure(loop: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Do one measurement in a process of its own."""
    command = [sys.executable, __file__, arguments.spec, "--samples", str(arguments.samples), "--only", loop]
    command += ["--batch", str(arguments.batch)]
    environment = os.environ | ({"ARCHSEARCH_NATIVE": arguments.variant} if arguments.variant else {})
    if arguments.threads:
        environment["OMP_NUM_THREADS"] = str(arguments.threads)
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def training_flop(name: str) -> int:
    """Count a sample's floating-point operations: forward, two ways back, but no gradient of the images."""
    from archsearch import load_spec, plan_experiment

    network = plan_experiment(load_spec(name)).network
    first = next(row.macs for row in network.walk() if row.macs)
    return 6 * network.macs - 2 * first


def spread(values: list[float], digits: int = 2) -> str:
    """Write median and range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    """Parse the arguments, measure in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=60000)
    parser.add_argument("--loops", nargs="+", choices=LOOPS, default=list(LOOPS))
    parser.add_argument(
        "--variant", choices=["avx512", "avx2", "plain"], help="of the native engine; default: the best"
    )
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch", type=int, default=600, help="of archsearch's loops; the notebook's is 600")
    parser.add_argument("--only", choices=LOOPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure_here(arguments.only, arguments.spec, arguments.samples, arguments.batch)))
        return
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(arguments.rounds):
        rounds.append({loop: measure(loop, arguments) for loop in arguments.loops})
        print(
            f"round {number + 1}: " + ", ".join(f"{k} {v['seconds']:.2f} s" for k, v in rounds[-1].items()), flush=True
        )
    flop = training_flop(arguments.spec) * arguments.samples / 1e9
    for loop in arguments.loops:
        seconds = [one[loop]["seconds"] for one in rounds]
        share = [flop / one[loop]["seconds"] / one[loop]["gflops"] for one in rounds]
        print(
            f"{loop:8} {spread(seconds)} s, {spread([flop / s for s in seconds], 0)} GFLOP/s = "
            f"{spread(share)} of a matrix product, peak memory {max(one[loop]['peak'] for one in rounds):.0f} MiB"
        )
    for loop in arguments.loops[:-1]:
        last = arguments.loops[-1]
        ratios = [one[loop]["seconds"] / one[last]["seconds"] for one in rounds]
        print(f"{last} beside {loop}: {spread(ratios)} times as fast")
    print(f"matrix product: {spread([v['gflops'] for one in rounds for v in one.values()], 0)} GFLOP/s")
    print(
        f"{arguments.spec}, {arguments.samples:,} images, batch {arguments.batch}, load {os.getloadavg()[0]:.1f}, "
        f"n = {len(rounds)}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
