"""Kinds of files, what is done to them, and what reads them: what `test_mutations` draws from.

kinds = make_kinds(folder)
damage = Damage("flip", random.Random(3))
damage.apply(kind.path, kind.other)
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from archsearch import trust
from archsearch.ablate.ablation import all_reports as all_ablations
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.compare import read_values
from archsearch.data.facts import describe
from archsearch.data.prepare import load
from archsearch.data.store import folders
from archsearch.errors import Interrupted
from archsearch.experiment_plan import load_spec
from archsearch.export.bundle import gather, open_bundle, write_bundle
from archsearch.program.experiment import plan_program
from archsearch.program.program_directory import ProgramDirectory
from archsearch.program.read import load_program
from archsearch.program.run import run_program
from archsearch.report.make import Where
from archsearch.search.search import all_reports as all_searches
from archsearch.search.search_file import load_study
from archsearch.spec.dataset import DataSpec
from archsearch.study.storage import open_storage
from archsearch.study.verify import verify
from archsearch.train.run import run
from archsearch.train.trained import open_trained
from tests.test_older_versions import ASSET
from tests.train.conftest import tiny
from tests.train.test_run import InterruptAfter

WAYS = ("truncate", "flip", "tail", "swap")


@dataclass(frozen=True)
class FileKind:
    """A kind of file: one, another of its kind, what reads it, and whether every change of it must be noticed."""

    path: Path
    other: Path
    read: Callable[[], Any]
    checked: bool = False


def damage(path: Path, other: Path, way: str, draw: random.Random) -> None:
    """Change a file in one of the ways; swapped is with the same file of another run."""
    content = bytearray(path.read_bytes())
    if way == "truncate":
        content = content[: draw.randrange(len(content))]
    elif way == "flip":
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif way == "tail":
        content += draw.randbytes(draw.randrange(1, 600))
    else:
        content = bytearray(other.read_bytes())
    path.write_bytes(content)


def _runs(folder: Path, data: Path) -> dict[str, FileKind]:
    """Two finished runs, and two that were stopped after their second epoch."""

    def train(seed: int, watch: Any = None) -> Path:
        return run(tiny(), seed=seed, runs_dir=folder, data_dir=data, watch=watch).run_dir

    def stop(seed: int) -> Path:
        before = set(folder.iterdir())
        with suppress(Interrupted):
            train(seed, InterruptAfter(2, signal.SIGINT))
        return next(iter(set(folder.iterdir()) - before))

    mine, other = train(0), train(5)
    begun, begun_too = stop(1), stop(6)
    whole = folder.with_name("whole")

    def finished() -> object:
        network = open_trained(mine)
        outputs = network.outputs(torch.linspace(0, 1, 128).reshape(2, 1, 8, 8))
        again = run(tiny(), seed=0, runs_dir=folder, data_dir=data)
        with np.load(mine / "predictions.npz") as saved:
            return again.result, outputs.tolist(), float(saved["test_outputs"].sum())

    def goes_on() -> object:
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(begun, whole / begun.name)
        done = run(tiny(), seed=1, runs_dir=whole, data_dir=data).result
        return done.metrics, [(record.epoch, record.metrics) for record in done.history]

    names = ("run.json", "result.json", "history.jsonl", "model.safetensors", "predictions.npz")
    kinds = {name: FileKind(mine / name, other / name, finished, checked=True) for name in names}
    checkpoint = begun / "checkpoint.pt"
    return kinds | {"checkpoint.pt": FileKind(checkpoint, begun_too / checkpoint.name, goes_on)}


def _programs(folder: Path) -> dict[str, FileKind]:
    (folder / "project").mkdir(parents=True)
    (folder / "project" / "a.py").write_text("import sys; print(f'loss={int(sys.argv[1]) / 7:.6f}')")
    text = f"name: a\nprogram: {{command: [{sys.executable}, a.py, '{{seed}}']}}\n"
    path = folder / "project" / "a.yaml"
    path.write_text(text + "metrics: {loss: {last: 'loss=([0-9.]+)'}}\nobjective: {minimize: loss}\n")
    experiment = plan_program(load_program(str(path)))
    one, other = (run_program(experiment, seed=seed, runs_dir=folder / "runs", trusted=True).run_dir for seed in (0, 5))

    def read() -> object:
        return ProgramDirectory(one).result()

    return {
        "outcome.json": FileKind(one / "outcome.json", other / "outcome.json", read, checked=True),
        "program.json": FileKind(one / "program.json", other / "program.json", read),
        "program.yaml": FileKind(path, path, lambda: _only_read(load_program(str(path)))),
    }


def _data(folder: Path) -> dict[str, FileKind]:
    one, two = DataSpec(name="digits", limit=9), DataSpec(name="digits", limit=8)
    load(one, data_dir=folder / "data")
    (mine,) = folders(folder / "data")
    load(two, data_dir=folder / "data")
    (other,) = set(folders(folder / "data")) - {mine}

    def prepared() -> object:
        data = load(one, data_dir=folder / "data")
        return data.fingerprint, float(data.x_train.sum()), int(data.y_test.sum())

    kinds = {
        name: FileKind(mine / name, other / name, prepared, checked=name != "meta.json")
        for name in ("meta.json", "x_train.npy", "y_test.npy")
    }
    arrays = folder / "own.npz"
    x, y = np.arange(60, dtype=np.float32).reshape(12, 5), np.arange(12) % 2
    np.savez(arrays, x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    own = DataSpec(name="npz", path=str(arrays))
    for name in ("cat", "dog"):
        (folder / "images" / name).mkdir(parents=True)
        for index in range(5):
            Image.fromarray(np.full((4, 4), 9 * index + len(name), np.uint8)).save(
                folder / "images" / name / f"{index}.png"
            )
    image = folder / "images" / "cat" / "0.png"
    images = DataSpec(name="folder", path=str(folder / "images"))
    return kinds | {
        "own.npz": FileKind(arrays, mine / "x_train.npy", lambda: _only_read(describe(own))),
        "image.png": FileKind(image, arrays, lambda: _only_read(load(images, data_dir=folder / "cache"))),
    }


def _only_read(_: object) -> None:
    """Take what was read, where what a damaged file says cannot be told from what somebody meant."""


def _texts(folder: Path) -> dict[str, FileKind]:
    specs = Path(__file__).parents[2] / "specs"
    spec, study, ablation, table = (folder / name for name in ("spec.yaml", "study.yaml", "ablation.yaml", "table.csv"))
    shutil.copy(specs / "digits_quickstart.yaml", spec)
    shutil.copy(specs.with_name("studies") / "digits.yaml", study)
    shutil.copy(specs.with_name("studies") / "documented.yaml", ablation)
    table.write_text("variant,seed,accuracy\n" + "".join(f"{v},{s},0.9{s}\n" for v in "ab" for s in range(6)))
    return {
        "spec.yaml": FileKind(spec, study, lambda: _only_read(load_spec(str(spec)))),
        "study.yaml": FileKind(study, ablation, lambda: _only_read(load_study(str(study)))),
        "ablation.yaml": FileKind(ablation, spec, lambda: _only_read(load_ablation(str(ablation)))),
        "table.csv": FileKind(table, spec, lambda: _only_read(read_values(table))),
    }


def _kept(folder: Path, runs: Path) -> dict[str, FileKind]:
    """A storage, a bundle, and what was allowed to run."""
    with zipfile.ZipFile(ASSET) as archive:
        archive.extractall(folder / "older")
    base = folder / "archsearch.db"
    shutil.copy(folder / "older" / base.name, base)

    def storage() -> None:
        opened = open_storage(f"sqlite:///{base}", reading=True)
        try:
            _only_read((all_searches(opened), all_ablations(opened)))
            _only_read(verify(folder / "older", f"sqlite:///{base}"))
        finally:
            opened.remove_session()
            opened.engine.dispose()
            for end in ("-wal", "-shm"):
                base.with_name(base.name + end).unlink(missing_ok=True)

    bundle = folder / "one.zip"
    write_bundle(gather([str(runs)], Where(runs_dir=runs.parent)), bundle)

    def unpacked() -> object:
        with open_bundle(bundle) as opened:
            opened.archive.check()
            return [one.key for one in opened.runs], opened.archive.digest

    allowed = trust.trust(trust.Subject("Python file", "a.py", "0" * 64, ("file a.py",), "archsearch trust a.py"))
    return {
        "archsearch.db": FileKind(base, bundle, storage),
        "bundle.zip": FileKind(bundle, base, unpacked, checked=True),
        "trusted.json": FileKind(allowed, base, lambda: trust.is_trusted("1" * 64)),
    }


def quick_kinds(folder: Path) -> dict[str, FileKind]:
    """Make the files of runs and of prepared data."""
    return {**_runs(folder / "runs", folder / "run data"), **_data(folder)}


def other_kinds(folder: Path, run_dir: Path) -> dict[str, FileKind]:
    """Make one of each other kind of file, and what belongs to it."""
    return {**_programs(folder / "programs"), **_texts(folder), **_kept(folder, run_dir)}
