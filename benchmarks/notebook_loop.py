"""An epoch of archsearch beside an epoch of the loop that notebooks use, in turn, in one process tree.

    python benchmarks/notebook_loop.py lenet5 --rounds 5
    python benchmarks/notebook_loop.py lenet_best --rounds 3 --samples 12000

Every measurement is a process of its own: `notebook` reads MNIST through a DataLoader with Resize and ToTensor for
every sample, batch 600, default threads, and adds the accuracy up in Python, as the write-up's program did;
`archsearch` is the product's own loop on the same network. Both train one epoch; the loops' own seconds are compared
(no imports, no preparation), with the matrix-product rate of the machine measured beside each. Needs MNIST in the
data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path


def notebook_epoch(name: str, samples: int) -> float:
    """Train one epoch the notebook's way; give its seconds."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    from archsearch import build
    from archsearch.data.location import data_dir

    transform = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    data = datasets.MNIST(str(data_dir(None)), train=True, transform=transform, download=False)
    loader = DataLoader(Subset(data, range(samples)), batch_size=600, shuffle=True)
    model = build(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    start = time.perf_counter()
    model.train()
    total, correct = 0.0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        for output, label in zip(outputs.argmax(1), labels, strict=True):
            correct += int(output == label)
    return time.perf_counter() - start


def archsearch_epoch(name: str, samples: int, overrides: list[str]) -> float:
    """Train one epoch with the product's loop; give its seconds without the evaluation."""
    import torch

    from archsearch import load_spec, plan_experiment
    from archsearch.data.prepare import Dataset, load
    from archsearch.train.compute import decide
    from archsearch.train.interrupt import Interruption
    from archsearch.train.loop import train
    from archsearch.train.run import Silent

    class Clock(Silent):
        def start(self, epochs: int, history: object, samples: int) -> None:
            self.began = time.perf_counter()

        def batch(self, epoch: int, done: int, loss: float) -> None:
            self.ended = time.perf_counter()

    plan = plan_experiment(load_spec(name, ["train.epochs=1", "train.device=cpu", *overrides]))
    whole = load(plan.spec.data)
    few = Dataset(
        whole.facts, whole.fingerprint, whole.x_train[:samples], whole.y_train[:samples], whole.x_test, whole.y_test
    )
    clock = Clock()
    torch.set_flush_denormal(True)
    train(plan, 0, few, decide(plan), read_test="never", interruption=Interruption(), watch=clock)
    return clock.ended - clock.began


def matrix_rate() -> float:
    """Give the machine's float32 matrix-product rate at this moment in GFLOP/s."""
    from archsearch.train.doctor import matrix_product_rate

    return matrix_product_rate()


def measure(loop: str, name: str, samples: int, overrides: list[str]) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, name, "--samples", str(samples), "--only", loop, *overrides]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """Parse the arguments; measure in turn and print medians, spreads and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec")
    parser.add_argument("overrides", nargs="*", help="for archsearch's side only, such as train.batch_size=600")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=60000)
    parser.add_argument("--only", choices=["notebook", "archsearch"], help=argparse.SUPPRESS)
    arguments = parser.parse_intermixed_args()
    name, samples = arguments.spec, arguments.samples
    if arguments.only:
        seconds = (
            notebook_epoch(name, samples)
            if arguments.only == "notebook"
            else archsearch_epoch(name, samples, arguments.overrides)
        )
        print(json.dumps({"seconds": seconds, "gflops": matrix_rate()}))
        return
    pairs = []
    for _ in range(arguments.rounds):
        pair = [measure(loop, name, samples, arguments.overrides) for loop in ("notebook", "archsearch")]
        pairs.append(pair)
        print(
            "notebook {:.2f} s, archsearch {:.2f} s, ratio {:.2f}".format(
                *(p["seconds"] for p in pair), pair[0]["seconds"] / pair[1]["seconds"]
            )
        )
    for side, loop in enumerate(("notebook", "archsearch")):
        times = [pair[side]["seconds"] for pair in pairs]
        print(
            f"{loop}: median {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}), n = {len(times)}"
        )
    ratios = [a["seconds"] / b["seconds"] for a, b in pairs]
    print(f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    rates = [p["gflops"] for pair in pairs for p in pair]
    print(f"matrix product: median {statistics.median(rates):.0f} GFLOP/s")
    print(f"{name}, {samples:,} images, {Path(sys.executable).name}")


if __name__ == "__main__":
    main()
