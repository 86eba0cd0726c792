"""A training step's forward and backward on one thread, native beside torch, in processor seconds.

    python benchmarks/step.py lenet5
    python benchmarks/step.py benchmarks/conv_norm.yaml --batch 128 --rounds 12

For machines with other work beside it: what is measured is the thread's own time on the processor, which others
lengthen little, and all take turns in one process: torch in both layouts, the native engine, a 1024 x 1024 matrix
product. No optimiser, no reading of data, random images. Printed are the median, the least, and the share of the best
matrix product's rate that the least reaches.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from archsearch import load_spec, plan_experiment
from archsearch.native.network import NativeNetwork
from archsearch.spec.network import build_network


def seconds(work: Callable[[], object]) -> float:
    """Give the processor time of a call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Parse the arguments, measure in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("--batch", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    planned = plan_experiment(load_spec(arguments.spec, ["train.device=cpu"]))
    plan, loss = planned.network, planned.spec.train.loss
    model, loss_of = build_network(plan).train(), loss.function()
    native = NativeNetwork(plan, loss, model, threads=1)
    x = torch.randint(0, 256, (4 * arguments.batch, *plan.input_shape), dtype=torch.uint8)
    y = torch.randint(0, plan.output_shape[0], (len(x),))
    a, b, c = torch.randn(1024, 1024), torch.randn(1024, 1024), torch.empty(1024, 1024)

    def by_torch(rows: torch.Tensor, layout: torch.memory_format) -> None:
        model.zero_grad()
        loss_of(model((x[rows].float() / 255).contiguous(memory_format=layout)), y[rows]).backward()

    ways: dict[str, Callable[[torch.Tensor], object]] = {
        "matrix product": lambda rows: torch.mm(a, b, out=c),
        "native": lambda rows: native.gradients(x, rows, y[rows], int(torch.randint(2**62, ()))),
        "torch": lambda rows: by_torch(rows, torch.contiguous_format),
        "torch, channels_last": lambda rows: by_torch(rows, torch.channels_last),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        rows = torch.randperm(len(x))[: arguments.batch]
        for name, way in ways.items():
            taken[name].append(seconds(partial(way, rows)))
    first = next(row.macs for row in plan.walk() if row.macs)
    flop = (6 * plan.macs - 2 * first) * arguments.batch
    rate = 2 * 1024**3 / min(taken.pop("matrix product"))
    for name, times in taken.items():
        print(
            f"{name}: {1e3 * statistics.median(times):.1f} ms, least {1e3 * min(times):.1f}, "
            f"{flop / min(times) / rate:.2f} of the matrix product"
        )
    memory = (native.buffer_bytes() + native.kept_bytes(arguments.batch)) / 2**20
    kept = plan.activation_bytes(arguments.batch) / 2**20
    print(
        f"{arguments.spec}, batch {arguments.batch}, n = {arguments.rounds}; matrix product {rate / 1e9:.0f} GFLOP/s, "
        f"load {os.getloadavg()[0]:.0f}; native keeps {memory:.1f} MiB, the layers' outputs are {kept:.1f}"
    )


if __name__ == "__main__":
    main()
