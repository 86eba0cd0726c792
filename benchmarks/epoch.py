"""One training epoch of the same network by archsearch and by its peers, in turn.

    python -m benchmarks.epoch lenet5 --rounds 5
    python -m benchmarks.epoch lenet_best --samples 6000 --rounds 3 --loops archsearch torch channels_last
    python -m benchmarks.epoch benchmarks/conv_norm.yaml --loops native torch_engine channels_last
    python -m benchmarks.epoch lenet5 --variant avx2 --loops native torch_engine

`archsearch` is our loop with the engine that it chooses, `native` and `torch_engine` with the one of that name. Peers:
`torch` (a loop around tensors in memory), `channels_last` and `compile` (the same in that layout, or compiled, with
fused Adam), `skorch`, `lightning`, `keras_torch`, `keras_jax`, and `notebook`, which decodes and resizes every image.
All train the network of the spec on the first `--samples` images, its batch size, Adam, cross-entropy of what the
network gives, with their default number of threads, from the same initial weights.

Every measurement is a process of its own, all loops once per round. Printed are medians and ranges: seconds of the
epoch's training (no imports, no preparation, no evaluation, no compiling), seconds of compiling anew, the rate beside a
float32 matrix product in the same process, peak memory in MiB, and, so that nobody wins by not learning, the mean
training loss and the accuracy on 1,000 images of the test set. Peers: `pip install -r benchmarks/peers.txt`. Needs
MNIST in the data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measuring import ROOT, Row, conclude, in_turn, lacking, run_apart

if TYPE_CHECKING:
    from archsearch.experiment_plan import ExperimentPlan
    from benchmarks.peers.epoch_asked import EpochAsked, Learned

HELD = 1000
COLUMNS = {"seconds": 2, "compiling": 1, "share": 2, "memory": 0, "loss": 3, "accuracy": 3}


class Peer(NamedTuple):
    """A peer's module and function, the packages that it needs, the variables of its process."""

    module: str
    function: str
    packages: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


OURS = {"archsearch": "auto", "native": "native", "torch_engine": "torch"}
_KERAS = ("epoch_keras", "by_keras")
PEERS = {
    "torch": Peer("epoch_torch", "plain"),
    "channels_last": Peer("epoch_torch", "channels_last"),
    "compile": Peer("epoch_torch", "compiled", (), (("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1"),)),
    "skorch": Peer("epoch_trainers", "by_skorch", ("skorch",)),
    "lightning": Peer("epoch_trainers", "by_lightning", ("lightning",)),
    "keras_torch": Peer(*_KERAS, ("keras",), (("KERAS_BACKEND", "torch"),)),
    "keras_jax": Peer(*_KERAS, ("keras", "jax"), (("KERAS_BACKEND", "jax"), ("JAX_PLATFORMS", "cpu"))),
    "notebook": Peer("epoch_torch", "notebook", ("torchvision",)),
}
LOOPS = (*OURS, *PEERS)
DEFAULT = ("archsearch", *PEERS)


def planned(name: str, batch: int | None, engine: str = "auto") -> ExperimentPlan:
    """Plan one epoch of a spec; raises SystemExit for what peers do not have."""
    from archsearch import ArchsearchError, load_spec, plan_experiment
    from archsearch.spec.losses import CrossEntropy
    from archsearch.spec.optimizers import Adam

    changes = ["train.epochs=1", "train.device=cpu", f"train.engine={engine}"]
    try:
        plan = plan_experiment(load_spec(name, changes + ([f"train.batch_size={batch}"] if batch else [])))
    except ArchsearchError as error:
        raise SystemExit(str(error)) from None
    train, data = plan.spec.train, plan.spec.data
    if type(train.loss) is not CrossEntropy or type(train.optimizer) is not Adam or train.mixup or train.cutmix:
        raise SystemExit(f"{name}: peers train with adam and cross_entropy, without mixup and cutmix; use such a spec")
    if data.name != "mnist" or data.normalize or data.augment:
        raise SystemExit(f"{name}: peers train on mnist without normalize and augment; use such a spec")
    return plan


def by_archsearch(plan: ExperimentPlan, samples: int) -> Learned:
    """Train by our own loop."""
    import torch

    from archsearch.data.prepare import Dataset, load, to_float
    from archsearch.train.compute import decide
    from archsearch.train.interrupt import Interruption
    from archsearch.train.loop import train
    from archsearch.train.watch import Silent
    from benchmarks.peers.epoch_asked import Learned
    from benchmarks.peers.torch_loops import ready_accuracy

    class Clock(Silent):
        def start(self, epochs: int, history: object, samples: int) -> None:
            self.began = time.perf_counter()

        def batch(self, epoch: int, done: int, loss: float) -> None:
            self.ended = time.perf_counter()

    whole, clock = load(plan.spec.data), Clock()
    few = Dataset(
        whole.facts, whole.fingerprint, whole.x_train[:samples], whole.y_train[:samples], whole.x_test, whole.y_test
    )
    torch.set_flush_denormal(True)
    trained = train(plan, 0, few, decide(plan), read_test="never", interruption=Interruption(), watch=clock)
    [record] = trained.progress.history
    accuracy = ready_accuracy(trained.model, to_float(whole.x_test[:HELD]), whole.y_test[:HELD])
    return Learned(clock.ended - clock.began, float(record.train_loss or "nan"), accuracy)


def asked_of(plan: ExperimentPlan, samples: int) -> EpochAsked:
    """Give a peer the network, its initial weights and the images."""
    from archsearch import build
    from archsearch.data.location import data_dir
    from archsearch.data.prepare import load, to_float
    from archsearch.spec.optimizers import Adam
    from benchmarks.peers.epoch_asked import EpochAsked

    data, train = load(plan.spec.data), plan.spec.train
    assert isinstance(train.optimizer, Adam)
    return EpochAsked(
        model=build(plan.spec),
        rows=plan.network.rows,
        x=to_float(data.x_train[:samples]),
        y=data.y_train[:samples].clone(),
        x_held=to_float(data.x_test[:HELD]),
        y_held=data.y_test[:HELD].clone(),
        batch=train.batch_size,
        lr=train.optimizer.lr,
        raw=data_dir(None),
    )


def measure_here(loop: str, name: str, samples: int, batch: int | None) -> Row:
    """Train one epoch with a loop; `share` is of the matrix product's rate in this process, memory in MiB."""
    from importlib import import_module

    from archsearch.train.doctor import matrix_product_rate

    before = matrix_product_rate()
    plan = planned(name, batch, OURS.get(loop, "auto"))
    if loop in OURS:
        learned = by_archsearch(plan, samples)
    else:
        peer = PEERS[loop]
        learned = getattr(import_module(f"benchmarks.peers.{peer.module}"), peer.function)(asked_of(plan, samples))
    rate = max(before, matrix_product_rate())
    share = training_flop(plan) * samples / learned.seconds / 1e9 / rate
    return asdict(learned) | {"share": share, "memory": peak_memory()}


def peak_memory() -> float:
    """Give the most memory that this process had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def training_flop(plan: ExperimentPlan) -> int:
    """Count a sample's floating-point operations: forward, two ways back, but no gradient of the images."""
    first = next((row.macs for row in plan.network.walk() if row.macs), 0)
    return 6 * plan.network.macs - 2 * first


def measure(loop: str, arguments: argparse.Namespace) -> Row:
    """Do one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.epoch", arguments.spec, "--samples", str(arguments.samples)]
    command += ["--only", loop, *(["--batch", str(arguments.batch)] if arguments.batch else [])]
    variables = dict(PEERS[loop].variables) if loop in PEERS else {}
    variables |= {"ARCHSEARCH_NATIVE": arguments.variant} if arguments.variant else {}
    variables |= {"OMP_NUM_THREADS": str(arguments.threads)} if arguments.threads else {}
    found: Row = json.loads(run_apart(command, ROOT, variables).output.splitlines()[-1])
    return found


def main() -> int:
    """Parse the arguments, measure in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", help="a network's name or file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=60000)
    parser.add_argument("--batch", type=int, help="default: the spec's")
    parser.add_argument("--loops", nargs="+", choices=LOOPS, default=list(DEFAULT), metavar="LOOP")
    parser.add_argument("--variant", choices=["avx512", "avx2", "plain"], help="of the native engine")
    parser.add_argument("--threads", type=int, help="of torch and of the native engine")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all that was measured")
    parser.add_argument("--only", choices=LOOPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure_here(arguments.only, arguments.spec, arguments.samples, arguments.batch)))
        return 0
    from benchmarks.peers.epoch_keras import not_translated

    if Path(arguments.spec).exists():
        arguments.spec = str(Path(arguments.spec).resolve())
    plan = planned(arguments.spec, arguments.batch)
    ways: dict[str, Callable[[], Row]] = {}
    skipped: dict[str, str] = {}
    for loop in arguments.loops:
        why = lacking(PEERS[loop].packages) if loop in PEERS else None
        if why is None and loop.startswith("keras"):
            why = not_translated(plan.network.rows)
        if why is None:
            ways[loop] = partial(measure, loop, arguments)
        else:
            skipped[loop] = why
    found = in_turn(ways, arguments.rounds, skipped)
    print(f"{plan.spec.name}, {arguments.samples:,} images, batch {plan.spec.train.batch_size}\n")
    first = next((loop for loop in OURS if loop in found.rows), arguments.loops[0])
    return conclude("epoch", found, COLUMNS, "seconds", first, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
