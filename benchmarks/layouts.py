"""Which layout torch is faster in on CPU, network by network: what the rule in `train/compute.py` was read from.

    python benchmarks/layouts.py
    python benchmarks/layouts.py lenet5 squeezenet1_1 --batch 16 128 --rounds 9

Forward and backward of one batch of random images on one thread, in the default layout and in channels_last by turns,
in processor seconds, which other work on the machine lengthens little. Printed for each network and batch size: the
convolutions' mean number of input channels, weighted by their multiply-accumulates (what the rule reads), the median of
the time in the default layout over that in channels_last with its range (above 1 channels_last is faster), and what the
rule says here. Without names: small networks of the catalog, and a grid of convolutions, activations, norms and pools.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from archsearch import load_spec, plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers.convolution import Conv2d
from archsearch.spec.network import NetworkPlan, build_network
from archsearch.train.compute import layout_of

NAMES = (
    "lenet5", "lenet_best", "lenet_conv4", "lenet_fc4", "digits_quickstart", "digits_blocks",
    "benchmarks/conv_norm.yaml", "benchmarks/depthwise.yaml", "specs/zoo/ds_cnn.yaml", "specs/zoo/squeezenet1_1.yaml",
    "specs/zoo/mobilenet_v2.yaml", "specs/zoo/unet_encoder.yaml",
)  # fmt: skip
MOST_MACS = 3e9  # of a batch: larger ones are left out, that a round takes seconds


def grid() -> Iterator[tuple[str, ExperimentSpec]]:
    """Give networks of one and of two convolutions of few channels: small and large maps, with and without norms."""
    behind: dict[str, list[Any]] = {
        "tanh avg": ["tanh", {"avg_pool2d": {"kernel_size": 2}}],
        "norm relu max": ["batch_norm2d", "relu", {"max_pool2d": {"kernel_size": 2}}],
    }
    for widths, kernel, size, what in itertools.product(
        ((4,), (16,), (2, 4), (4, 8), (8, 16)), (3, 5), (16, 32), behind
    ):
        convolutions: list[Any] = []
        for channels in widths:
            convolutions += [{"conv2d": {"out_channels": channels, "kernel_size": kernel}}, *behind[what]]
        tree = {
            "name": "grid",
            "data": {"name": "mnist", "size": size, "validation": 0.1},
            "network": [*convolutions, "flatten", {"linear": {"out_features": "classes"}}],
            "train": {"epochs": 1, "batch_size": 100, "optimizer": {"adam": {}}},
        }
        named = ", ".join(map(str, widths))
        yield f"{named} of {kernel}x{kernel} on {size}, {what}", ExperimentSpec.model_validate(tree)


def mean_channels(network: NetworkPlan) -> float:
    """Give the convolutions' mean number of input channels, weighted by their multiply-accumulates."""
    rows = [row for row in network.walk() if isinstance(row.layer, Conv2d)]
    return sum(row.macs * row.input_shape[0] for row in rows) / max(1, sum(row.macs for row in rows))


def ratios(network: NetworkPlan, batch: int, rounds: int) -> list[float]:
    """Give the time in the default layout over that in channels_last, round by round."""
    x, y = torch.rand(batch, *network.input_shape), torch.randint(0, network.output_shape[0], (batch,))
    steps = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        steps[layout] = build_network(network).train().to(memory_format=layout)

    def seconds(layout: torch.memory_format) -> float:
        began = time.thread_time()
        model = steps[layout]
        model.zero_grad()
        nn.functional.cross_entropy(model(x.contiguous(memory_format=layout)), y).backward()
        return time.thread_time() - began

    for layout in steps:
        seconds(layout)
    found = []
    for number in range(rounds):
        order = list(steps) if number % 2 else list(reversed(steps))
        taken = {layout: seconds(layout) for layout in order}
        found.append(taken[torch.contiguous_format] / taken[torch.channels_last])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--grid", action="store_true", help="the grid only")
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    named = [(name, load_spec(name)) for name in arguments.names or (() if arguments.grid else NAMES)]
    for name, spec in [*named, *(() if arguments.names else grid())]:
        network = plan_experiment(spec).network
        for batch in arguments.batch:
            if batch * network.macs > MOST_MACS:
                continue
            found = ratios(network, batch, arguments.rounds)
            print(
                f"{mean_channels(network):6.1f} {statistics.median(found):5.2f} ({min(found):.2f} to {max(found):.2f}) "
                f"{layout_of(network, 'cpu'):17} {name}, batch {batch}",
                flush=True,
            )
    print(f"n = {arguments.rounds}, {torch.backends.cpu.get_cpu_capability()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
