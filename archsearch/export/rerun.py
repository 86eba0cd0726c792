"""Run a bundle again, and say what came out again: the same bits, a value inside the interval, or another one.

    done = RunAgain(Path("runs")).all_of(bundle, watch)
    done.verdict, done.runs[0].difference, done.machines

Nothing of a bundle is written to disk, and none of its files is taken for a result: each run is trained anew, in a
folder named after the bundle's digest, where an interrupted call goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.data.prepare import Dataset, load
from archsearch.errors import SpecError, UnavailableError, UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.against import BundleAgain, RunAgainst, RunHere, against, intervals_of, worst
from archsearch.export.bundle import Bundle
from archsearch.export.bundled import BundledRun, computed_here, planned
from archsearch.export.sameness import machine_differences
from archsearch.files import expanded
from archsearch.study.compute import data_key
from archsearch.train.compute import Compute
from archsearch.train.identity import identity, run_id
from archsearch.train.result import EpochRecord
from archsearch.train.run import run
from archsearch.train.watch import Silent, Watch

WatchOf = Callable[[ExperimentPlan, int], AbstractContextManager[Watch]]


class _EnoughError(Exception):
    """Raised to stop a run where the search had stopped it."""


class _UntilEpoch(Silent):
    """Follows a run, keeps its epochs, and stops it after so many."""

    def __init__(self, watch: Watch, epochs: int) -> None:
        self.watch, self.epochs = watch, epochs
        self.records: list[EpochRecord] = []

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """Take the epochs that were trained before."""
        self.watch.start(epochs, history, samples)
        self.records = list(history)
        self._stop()

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Pass it on."""
        self.watch.batch(epoch, samples, loss)

    def epoch(self, record: EpochRecord) -> None:
        """Keep an epoch."""
        self.watch.epoch(record)
        self.records.append(record)
        self._stop()

    def _stop(self) -> None:
        if len(self.records) >= self.epochs:
            raise _EnoughError


@dataclass(frozen=True, slots=True)
class RunAgain:
    """Where and how bundles are run again. `own_data` is where the data lie that no data set of ours is."""

    runs_dir: Path
    data_dir: Path | None = None
    own_data: Path | None = None
    fresh: bool = False

    def all_of(
        self,
        bundle: Bundle,
        watch: WatchOf,
        told: Callable[[RunAgainst], None] = lambda one: None,
        say: Callable[[str], None] | None = None,
    ) -> BundleAgain:
        """Run every run of a bundle again and compare.

        Raises `UnavailableError`, before anything is trained, where the data are not here or are another version.
        """
        plans = self._plans(bundle)
        datasets = self._datasets(bundle, plans, say)
        between = intervals_of(bundle, plans)
        folder = self.runs_dir / "reproduced" / bundle.archive.digest[:16]
        done: list[RunAgainst] = []
        environments: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        for one in bundle.runs:
            plan = plans[one.key]
            dataset = datasets[data_key(plan.spec.data)]
            plan, compute, why = computed_here(one, plan)
            with watch(plan, one.seed) as watching:
                here = self._train(one, plan, compute, dataset, folder, watching)
            if here.result is not None:
                environments.append((one.environment, here.result.environment))
            done.append(against(bundle, one, here, between.get(one.key), why))
            told(done[-1])
        return BundleAgain(
            bundle=str(bundle.archive.path),
            digest=bundle.archive.digest,
            kind=bundle.head.kind,
            name=bundle.head.name,
            verdict=worst(done),
            runs=tuple(done),
            machines=machine_differences(environments),
            declared=tuple(
                f"{one.study}: {said}." for one in bundle.ledgers for said in (one.sentence, *one.deviations)
            ),
        )

    def _plans(self, bundle: Bundle) -> dict[str, ExperimentPlan]:
        paths = {path for one in bundle.runs if (path := one.spec["data"].get("path"))}
        if self.own_data is not None and len(paths) != 1:
            found = "none" if not paths else f"{len(paths)}: {', '.join(sorted(paths))}"
            raise UsageError(f"--own-data says where one set of data lies, and this bundle has {found} of its own")
        own = None if self.own_data is None else str(expanded(self.own_data).absolute())
        plans = {}
        for one in bundle.runs:
            try:
                plans[one.key] = planned(one, own)
            except SpecError as error:
                if not paths or own is not None:
                    raise
                raise UnavailableError(f"{one.name}: {error}. Where do they lie here? --own-data PATH") from None
        return plans

    def _datasets(
        self, bundle: Bundle, plans: Mapping[str, ExperimentPlan], say: Callable[[str], None] | None
    ) -> dict[str, Dataset]:
        found: dict[str, Dataset] = {}
        for one in bundle.runs:
            data = plans[one.key].spec.data
            if (key := data_key(data)) not in found:
                found[key] = load(data, data_dir=self.data_dir, say=say)
            here = found[key].fingerprint
            if one.data_fingerprint not in (None, here):
                raise UnavailableError(
                    f"{one.name}: its data {data.name} are another version here (fingerprint {here[:12]}, the bundle's "
                    f"runs saw {(one.data_fingerprint or '')[:12]}), so the same numbers cannot come out"
                )
        return found

    def _train(
        self, one: BundledRun, plan: ExperimentPlan, compute: Compute, dataset: Dataset, folder: Path, watch: Watch
    ) -> RunHere:
        """Train a run as far as the bundle has it."""
        epochs = max((len(of) for of in one.learned.values()), default=0)
        until = _UntilEpoch(watch, epochs) if one.record is None else None
        try:
            finished = run(
                plan,
                seed=one.seed,
                runs_dir=folder,
                fresh=self.fresh,
                read_test=one.read_test,
                watch=until or watch,
                dataset=dataset,
                compute=compute,
            )
        except _EnoughError:
            assert until is not None
            directory = folder / run_id(identity(plan, one.seed, dataset.fingerprint, compute))
            return RunHere(None, until.records, directory, cached=False)
        history = list(finished.result.history)
        return RunHere(finished.result, history, finished.run_dir, cached=finished.cached)
