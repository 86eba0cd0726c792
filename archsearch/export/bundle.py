"""A run, a search or an ablation as one file that anyone can check and run again.

    gathered = gather(["digits"], Where(runs_dir=Path("runs")))
    digest = write_bundle(gathered, Path("digits.zip"), weights=True)
    with open_bundle(Path("digits.zip")) as bundle:
        bundle.runs[0].seed, bundle.archive.read("report.html")

Bundling the same twice gives the same bytes: nothing in it says when or where it was packed. What it holds is listed in
its own README.txt.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from archsearch import __version__
from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.export.archive import Archive, open_archive, pack, refused
from archsearch.export.bundled import BundledRun, data_of, of_result, of_trial
from archsearch.export.lock import installed, requirements_text
from archsearch.files import canonical_json
from archsearch.markup import csv_cell
from archsearch.plain import Plain
from archsearch.report.experiments import KnownRun, with_files
from archsearch.report.make import Where, make
from archsearch.report.names import Named, find_named
from archsearch.report.page import page
from archsearch.report.provenance import folded_spec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.ledger_check import Ledger, ledger_of_snapshot
from archsearch.study.lifecycle import confirmation_study, existing_ablation, existing_study, legible
from archsearch.study.snapshot import StudySnapshot, snapshot_of
from archsearch.study.storage import open_storage
from archsearch.train.directory import RunDirectory
from archsearch.train.run_files import PREDICTIONS, WEIGHTS
from archsearch.wording import count_of


@dataclass(frozen=True, slots=True)
class Gathered:
    """What goes into a bundle: runs with where their files lie, the study that they are of, and what to say of it.

    `report` is the page on all of it.
    """

    kind: Literal["runs", "search", "ablation"]
    name: str
    runs: tuple[BundledRun, ...]
    folders: Mapping[str, Path]
    studies: tuple[StudySnapshot, ...]
    report: str
    notes: tuple[str, ...]


class BundleHead(Plain):
    """What the manifest says beside its files."""

    kind: Literal["runs", "search", "ablation"]
    name: str
    archsearch: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is open, with its runs read; its other files are read when they are asked for."""

    archive: Archive
    head: BundleHead
    runs: tuple[BundledRun, ...]

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """What its studies declared and were told, checked; none of runs, or of what an earlier version made."""
        found = []
        for name in _STUDIES:
            try:
                snapshot = StudySnapshot.model_validate_json(self.archive.read(name))
            except (KeyError, ValidationError):
                continue
            found.append(ledger_of_snapshot(snapshot))
        return tuple(filter(None, found))


_STUDIES = ("study.json", "confirmation.json")


# -- what goes in ------------------------------------------------------------------------------------------------------


def gather(names: Sequence[str], where: Where) -> Gathered:
    """Gather what is named: a study of the storage, or runs by id, folder or spec.

    Raises `UsageError` for a name that is none, or where nothing has finished, `DamagedFileError` for altered files.
    """
    found = find_named(names, where.runs_dir, where.storage)
    if found.left_out:
        raise DamagedFileError("\n".join(one.why for one in found.left_out))
    studies = _studies(found)
    if any(trial.spec is not None and "network" not in trial.spec for study in studies for trial in study.trials):
        raise UsageError(f"{found.study}: its runs are those of a program; bundles hold runs of networks so far")
    known, notes = _known(found, studies, where.runs_dir)
    stopped = [run for study in studies for trial in study.trials for run in of_trial(trial, study)]
    runs: dict[str, BundledRun] = {}
    for one in known:
        hashes = RunDirectory(one.directory).hashes() if one.directory is not None else {}
        runs.setdefault(one.result.run_id, of_result(one.result, hashes))
    for run in stopped:
        runs.setdefault(run.key, run)
    if not any(run.status != "stopped" for run in runs.values()):
        raise UsageError(f"{names[0]}: no run has finished, so there is nothing to bundle")
    stamp = max(run.result.finished for run in runs.values() if run.result is not None)
    made = make(names, Where(where.runs_dir, where.data_dir, where.storage, stamp))
    return Gathered(
        kind="runs" if not found.study else "search" if found.kind == "search" else "ablation",
        name=found.study or ", ".join(Path(name).stem for name in names),
        runs=tuple(runs.values()),
        folders={one.result.run_id: one.directory for one in known if one.directory is not None},
        studies=studies,
        report=page(made.document),
        notes=(*made.notes, *notes, *_of_versions(runs.values()), *_deviations(studies)),
    )


def _studies(found: Named) -> tuple[StudySnapshot, ...]:
    """Take snapshots of the study that was found, and of a search's confirmation."""
    if found.study is None:
        return ()
    storage = open_storage(found.url, reading=True)
    with legible(found.study):
        if found.kind == "ablation":
            return (snapshot_of(existing_ablation(found.study, storage)),)
        study = existing_study(found.study, storage)
        confirming = confirmation_study(study, storage)
        return (snapshot_of(study), *(() if confirming is None else (snapshot_of(confirming),)))


def _known(found: Named, studies: Sequence[StudySnapshot], runs_dir: Path) -> tuple[list[KnownRun], list[str]]:
    """Give the finished runs with their folders, each once; what is not as it should be is said."""
    notes = [f"{one.name} seed {one.seed} is not finished and stays out" for one in found.unfinished]
    known: dict[str, KnownRun] = {run.result.run_id: run for run in found.runs}
    open_ = 0
    for study in studies:
        open_ += sum(trial.state in ("running", "waiting") for trial in study.trials)
        for trial in study.trials:
            for bundled in of_trial(trial, study):
                if bundled.result is not None:
                    known.setdefault(bundled.key, with_files(bundled.result, runs_dir))
    if open_:
        notes.append(f"{found.study} is not finished: {count_of(open_, 'trial')} run or wait, and stay out")
    others = [run for run in known.values() if run.directory is not None and not _is_it(run)]
    known |= {run.result.run_id: KnownRun(run.result, None, "another training of it lies there") for run in others}
    if without := [run for run in known.values() if run.directory is None]:
        notes.append(
            f"{len(without)} of {count_of(len(known), 'run')} are bundled without predictions: {without[0].why}"
        )
    return list(known.values()), notes


def _is_it(run: KnownRun) -> bool:
    """Say whether the files are of the training that the storage knows: the same id may have been trained again."""
    assert run.directory is not None
    there = RunDirectory(run.directory).result()
    if there is None:
        return False
    mine = {name: value for name, value in run.result.metrics.items() if value is not None}
    return all(there.metrics.get(name) in (value, None) for name, value in mine.items())


def _of_versions(runs: Iterable[BundledRun]) -> list[str]:
    """Say where the runs were made with another torch than the one whose versions the lock lists."""
    made = {str(run.environment["torch"]).partition("+")[0] for run in runs if "torch" in run.environment}
    here = installed().get("torch", "").partition("+")[0]
    if not here or made <= {here}:
        return []
    return [f"made with torch {', '.join(sorted(made))}; the versions in requirements.txt are those here, torch {here}"]


def _deviations(studies: Iterable[StudySnapshot]) -> list[str]:
    """Say what of a study is not as it was declared: whoever opens the bundle is told too."""
    ledgers = filter(None, map(ledger_of_snapshot, studies))
    return [f"{one.study} is not as it was declared: {said}" for one in ledgers for said in one.deviations]


# -- writing -----------------------------------------------------------------------------------------------------------


def write_bundle(gathered: Gathered, path: Path, *, weights: bool = False) -> str:
    """Write a bundle, whole or not at all, and give its digest. Raises `UnavailableError` where that cannot be."""
    head = BundleHead(
        kind=gathered.kind,
        name=gathered.name,
        archsearch=__version__,
        runs=tuple(run.key for run in gathered.runs),
    )
    return pack(path, head.model_dump(mode="json"), _files(gathered, weights=weights))


def _files(gathered: Gathered, *, weights: bool) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", _readme(gathered).encode()
    yield "report.html", gathered.report.encode()
    yield "requirements.txt", requirements_text(installed()).encode()
    yield "environment.json", _json(_machines(gathered.runs))
    yield "data.json", _json(data_of(gathered.runs))
    for file, study in zip(_STUDIES, gathered.studies, strict=False):
        # the records stand with their runs
        yield file, _json(study.model_dump(mode="json", exclude={"trials": {"__all__": {"record"}}}))
    for run in gathered.runs:
        folder = f"runs/{run.key}"
        yield f"{folder}/run.json", _json(run.model_dump(mode="json"))
        yield f"{folder}/spec.yaml", folded_spec(run.key, run.name, run.spec).text.encode()
        yield f"{folder}/history.csv", _history(run).encode()
        for file in (PREDICTIONS, *((WEIGHTS,) if weights else ())):
            content = _file(gathered.folders.get(run.key), file)
            if content is not None:
                yield f"{folder}/{file}", content


def _file(folder: Path | None, name: str) -> bytes | None:
    """Read a file of a run; None where it is not there: what is there was checked when it was gathered."""
    if folder is None:
        return None
    path = folder / name
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _history(run: BundledRun) -> str:
    """Write the metrics of every epoch as CSV."""
    result = run.result
    if result is None:
        rows: list[dict[str, Any]] = [
            {"epoch": epoch, name: value} for name, of in run.learned.items() for epoch, value in of.items()
        ]
    else:
        rows = [record.model_dump(mode="json") for record in result.history]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["epoch"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writerow({name: csv_cell(name) for name in columns})
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _machines(runs: Sequence[BundledRun]) -> list[dict[str, Any]]:
    """Count the runs of every environment; which share of its work made a network torch's is no machine's doing."""
    environments = ({k: v for k, v in run.environment.items() if k != "engine_reason"} for run in runs)
    counted = Counter(canonical_json(environment) for environment in environments if environment)
    return [{"environment": json.loads(text), "runs": count} for text, count in sorted(counted.items())]


def _readme(gathered: Gathered) -> str:
    what = {"runs": "runs of", "search": "the search", "ablation": "the ablation"}[gathered.kind]
    return f"""{what} {gathered.name}: {count_of(len(gathered.runs), "run")}, bundled by archsearch {__version__}.

Run all of it again, and see whether the same comes out:

    archsearch reproduce FILE.zip

bundle.json              every file's SHA-256 and size, and its own SHA-256
report.html              what came of it, to open in a browser
runs/*/spec.yaml         what was run: archsearch run spec.yaml --seed SEED
runs/*/run.json          seed, what it was computed with, and what came out
runs/*/history.csv       the metrics of every epoch
runs/*/predictions.npz   outputs and labels on validation and test data
runs/*/model.safetensors the weights, where they were bundled (--weights)
study.json               the search or ablation as its storage held it, trial by trial, with its ledger
confirmation.json        the same of a search's confirmation
data.json                the data and their fingerprints; the data themselves are not here
environment.json         the machines, engines and versions that computed the runs
requirements.txt         the libraries: pip install -r requirements.txt
"""


# -- reading -----------------------------------------------------------------------------------------------------------


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle, check all of it, read its runs; raise `DamagedFileError` for one that was altered, or is none."""
    with open_archive(path) as archive:
        archive.check()
        try:
            head = BundleHead.model_validate(archive.head, strict=False)
            runs = tuple(
                BundledRun.model_validate_json(archive.read(f"runs/{key}/run.json")) for key in dict.fromkeys(head.runs)
            )
            for run in runs:
                ExperimentSpec.model_validate(run.spec)
                if run.result is None and len(run.learned) != 1:
                    raise refused(path, f"runs/{run.key} has nothing to compare with")
        except KeyError as error:
            raise refused(path, f"{error.args[0]} is missing") from None
        except ValidationError:
            made = archive.head.get("archsearch")
            raise refused(path, f"archsearch {__version__} cannot read its runs (made by {made})") from None
        if [run.key for run in runs] != list(head.runs):
            raise refused(path, "its runs are not where its manifest says")
        yield Bundle(archive, head, runs)
