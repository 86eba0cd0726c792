"""A study beside its peers: the same networks, epochs and images everywhere, wall time with everything.

    python -m benchmarks.study_peers --rounds 5                                  # 12 trials of one epoch, 6,000 images
    python -m benchmarks.study_peers --rounds 3 --trials 50 --epochs 3 --samples 20000
    python -m benchmarks.study_peers --ways ours --against ../other/checkout     # what changed, and where the time goes

Around LeNet-5 on MNIST, 32x32, batches of 100, Adam. `ours` is the command as users type it, with two workers, storage
and report; its random sampler's networks, drawn beforehand, are what everybody trains. `optuna_ready` and
`optuna_notebook` are loops around torch in one process (`peers/torch_loops.py`), `ray` is Ray Tune with two workers, a
process for each trial as it does by default, `ray_reuse` the same with its option to use processes again, `keras_tuner`
Keras Tuner on jax. Each is a command in an empty folder and in a process of its own, once a round in
turn; a first call of each, with one trial, is not counted: it fills the caches of Python and of the disk. The arrays
that the peers read lie resized on disk, as ours do; the notebook's loop reads MNIST itself.

Printed are seconds: wall time; processor time of all processes; from the command to the first batch; from there to the
end of the last trial; from there to the end of the command; and, so that nobody wins by not learning, the median over
the networks of the training loss of the last epoch and of the accuracy on 1,000 images. `import torch` stands beside,
and `ours, called again` is the same study with nothing left to do. Peers: `pip install -r benchmarks/peers.txt`. Needs
MNIST in the data folder (`archsearch data get mnist`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import ROOT, Cost, FailedError, Row, conclude, in_turn, lacking, run_apart
from benchmarks.peers.asked import Asked, Trial

STUDY = """\
base: base.yaml
objective: {maximize: val_accuracy}
sampler: random
pruner: none
network:
  - conv2d: {out_channels: {int: [4, 12]}, kernel_size: {choice: [3, 5]}}
  - tanh
  - avg_pool2d: {kernel_size: 2}
  - conv2d: {out_channels: {int: [8, 32]}, kernel_size: {choice: [3, 5]}}
  - tanh
  - avg_pool2d: {kernel_size: 2}
  - flatten
  - linear: {out_features: {int: [40, 120]}}
  - tanh
  - linear: {out_features: classes}
"""
BASE = """\
data: {{name: mnist, size: 32, train_limit: {training}, validation: {validation}}}
network: [flatten, {{linear: {{out_features: classes}}}}]
train: {{epochs: {epochs}, batch_size: {batch}, optimizer: {{adam: {{lr: {lr}}}}}, device: cpu}}
"""
MAIN = "from archsearch.cli import main; main()"
BATCH, LR, VALIDATION, SEED = 100, 1e-3, 1000, 0
COLUMNS = {"wall": 2, "processor": 2, "first batch": 2, "trials": 2, "after": 2, "loss": 3, "accuracy": 4}


@dataclass(frozen=True)
class Peer:
    """A peer's module, the packages that it needs, and how it goes about it."""

    module: str
    packages: tuple[str, ...]
    loop: str = "ready"


PEERS = {
    "optuna_ready": Peer("study_optuna", ("optuna",)),
    "optuna_notebook": Peer("study_optuna", ("optuna", "torchvision"), "notebook"),
    "ray": Peer("study_ray", ("ray",)),
    "ray_reuse": Peer("study_ray", ("ray",), "reuse"),
    "keras_tuner": Peer("study_keras_tuner", ("keras", "keras_tuner", "jax")),
}
WAYS = ("ours", *PEERS)


def write_study(folder: Path, asked: Asked) -> None:
    """Write the search file and its base."""
    (folder / "mine.yaml").write_text(STUDY)
    about = {name: getattr(asked, name) for name in ("validation", "epochs", "batch", "lr")}
    (folder / "base.yaml").write_text(BASE.format(training=asked.samples - asked.validation, **about))


def draw(asked: Asked, trials: int) -> list[dict[str, Any]]:
    """Draw the networks that our random sampler gives the study, without training any."""
    from archsearch.search.jobs import search_job
    from archsearch.search.search import open_study
    from archsearch.search.search_file import load_study
    from archsearch.study.held import stored
    from archsearch.study.queue import take
    from archsearch.study.storage import open_storage
    from archsearch.study.transaction import write_down

    with tempfile.TemporaryDirectory() as name:
        write_study(Path(name), asked)
        source = load_study(str(Path(name) / "mine.yaml"))
        storage = open_storage(f"sqlite:///{name}/study.db")
        study = open_study(source, storage, "drawn", SEED, None, trials)
        job, networks = search_job(study), []
        for _ in range(trials):
            job.plan_ahead(storage)
            trial = take(storage, study)
            assert trial is not None, "as many slots as trials were asked for"
            assigned = job.assignment(trial)
            write_down(storage, trial, stored(assigned.held), assigned.params)
            networks.append({name: value for name, (_, value) in assigned.params.items()})
            study.tell(trial, 0.0)
        storage.remove_session()
    return networks


def write_arrays(folder: Path, samples: int) -> None:
    """Write the first images of MNIST, resized, for peers that read arrays."""
    from archsearch.data.prepare import load
    from archsearch.spec.dataset import DataSpec

    data = load(DataSpec(name="mnist", size=(32, 32)))
    np.save(folder / "x.npy", data.x_train[:samples].numpy())
    np.save(folder / "y.npy", data.y_train[:samples].numpy())


def ours(asked: Asked, checkout: Path) -> Row:
    """Run the study by the command line, and once more when it is done."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder, asked)
        trials, workers = str(len(asked.networks)), str(asked.workers)
        command = [sys.executable, "-c", MAIN, "study", "mine.yaml", "--trials", trials, "--workers", workers]
        variables = {"PYTHONPATH": str(checkout)}
        cost = run_apart([*command, "--confirm", "0"], folder, variables)
        row = row_of(cost, held_trials(folder / "runs" / "archsearch.db", asked))
        again = run_apart([*command, "--confirm", "0"], folder, variables)
    return row | {"again": again.wall, "again, processor": again.processor}


def held_trials(database: Path, asked: Asked) -> list[Trial]:
    """Read the trials of our storage; raises `FailedError` where these are not the networks that peers were given."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    [summary] = optuna.get_all_study_summaries(f"sqlite:///{database}")
    found, networks = [], []
    for trial in optuna.load_study(study_name=summary.study_name, storage=f"sqlite:///{database}").get_trials():
        history = trial.user_attrs["result"]["history"]
        ended = trial.datetime_complete.timestamp()
        began = ended - sum(epoch["seconds"] for epoch in history)
        found.append(Trial(history[-1]["train_loss"], history[-1]["val_accuracy"], began, ended))
        networks.append(trial.params)
    if sorted(map(_written, networks)) != sorted(map(_written, asked.networks)):
        raise FailedError("archsearch study ended with other networks than were drawn for the peers")
    return found


def _written(network: dict[str, Any]) -> str:
    return json.dumps(network, sort_keys=True)


def peer(asked: Asked, which: Peer) -> Row:
    """Run a peer's study in an empty folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answers = folder / "answers.json"
        given = replace(asked, answers=str(answers), loop=which.loop)
        (folder / "asked.json").write_text(json.dumps(asdict(given)))
        command = [sys.executable, "-m", f"benchmarks.peers.{which.module}", "asked.json"]
        cost = run_apart(command, folder, {"PYTHONPATH": str(ROOT)})
        trials = [Trial(**one) for one in json.loads(answers.read_text())]
    if len(trials) != len(asked.networks):
        raise FailedError(f"{which.module} ended with {len(trials)} of {len(asked.networks)} trials")
    return row_of(cost, trials)


def row_of(cost: Cost, trials: list[Trial]) -> Row:
    """Give the figures of a study."""
    first = min(one.began for one in trials) - cost.began
    last = max(one.ended for one in trials) - cost.began
    return {
        "wall": cost.wall,
        "processor": cost.processor,
        "first batch": first,
        "trials": last - first,
        "after": cost.wall - last,
        "loss": statistics.median(one.loss for one in trials),
        "accuracy": statistics.median(one.accuracy for one in trials),
    }


def import_torch() -> Row:
    """Import torch and no more."""
    cost = run_apart([sys.executable, "-c", "import torch"], ROOT)
    return {"wall": cost.wall, "processor": cost.processor}


def main() -> int:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--samples", type=int, default=6000, help="images, 1,000 of them for validation")
    parser.add_argument("--workers", type=int, default=2, help="ours and Ray's")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--against", type=Path, help="another checkout of ours, measured in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all that was measured")
    arguments = parser.parse_args()
    from archsearch.data.location import data_dir

    with tempfile.TemporaryDirectory() as name:
        asked = Asked(
            networks=[],
            epochs=arguments.epochs,
            batch=BATCH,
            lr=LR,
            samples=arguments.samples,
            validation=VALIDATION,
            data=name,
            raw=str(data_dir(None)),
            answers="",
            workers=arguments.workers,
        )
        write_arrays(Path(name), arguments.samples)
        asked = replace(asked, networks=draw(asked, arguments.trials))
        ways: dict[str, Callable[[Asked], Row]] = {}
        skipped: dict[str, str] = {}
        for way in arguments.ways:
            if way == "ours":
                ways[way] = partial(ours, checkout=ROOT)
                if arguments.against:
                    ways["other checkout"] = partial(ours, checkout=arguments.against.resolve())
            elif why := lacking(PEERS[way].packages):
                skipped[way] = why
            else:
                ways[way] = partial(peer, which=PEERS[way])
        few = replace(asked, networks=draw(asked, 1), epochs=1)
        for way, measure in list(ways.items()):
            try:
                measure(few)
            except FailedError as error:
                skipped[way] = str(error)
        turns: dict[str, Callable[[], Row]] = {way: partial(measure, asked) for way, measure in ways.items()}
        found = in_turn(turns | {"import torch": import_torch}, arguments.rounds, skipped)
    for way in ("ours", "other checkout"):
        if way in found.rows:
            found.rows[f"{way}, called again"] = [
                {"wall": row.pop("again"), "processor": row.pop("again, processor")} for row in found.rows[way]
            ]
    print(
        f"{arguments.trials} trials of {arguments.epochs} epochs on {arguments.samples - VALIDATION:,} images, "
        f"batch {BATCH}, {arguments.workers} workers; seconds\n"
    )
    first = "ours" if "ours" in found.rows else arguments.ways[0]
    return conclude("study_peers", found, COLUMNS, "wall", first, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
