"""What an ablation and a search ask of any kind of experiment: a network that is trained, a program that is started.

    kind = kind_of_spec(spec)                     # NETWORK or PROGRAM, see `archsearch.kinds`
    experiment = kind.plan(kind.edited(spec, edits))
    kind.difference(kind.plan(spec), experiment)

A new kind is one file that has these. A spec is the frozen data of a file, an experiment what has been checked of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from archsearch.errors import Problem
from archsearch.experiment import Experiment
from archsearch.metrics import Direction, Metric, OwnMetric, SpreadsOver
from archsearch.spec.difference.factors import FactorChange
from archsearch.spec.text.yaml import Node

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from archsearch.study.held import HeldRun
    from archsearch.study.runner import Outcome, Runner
    from archsearch.study.storage import Storage, Study

AnySpec = Any  # ExperimentSpec or ProgramSpec: the kind that it belongs to knows which
ExperimentKindName = Literal["network", "program"]


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A finished run as it lies in a folder: its seed, metrics by name, seconds, and the threads that it had."""

    seed: int
    metrics: Mapping[str, float | None]
    seconds: float | None
    threads: int
    directory: Path


class ExperimentKind(Protocol):
    """All that differs between the kinds of experiments."""

    @property
    def name(self) -> ExperimentKindName:
        """Say which kind this is."""

    @property
    def noun(self) -> str:
        """Name one of those that a search tries, as sentences call it."""

    # -- specs ---------------------------------------------------------------------------------------------------------

    def load(self, reference: str, overrides: Sequence[str] = ()) -> Experiment:
        """Read and check a file or a name; raise `SpecError` with `file:line:column`."""

    def read(self, held: Mapping[str, Any]) -> AnySpec:
        """Read a spec as a storage holds it; raise `ValidationError` for what is none."""

    def plan(self, spec: AnySpec) -> Experiment:
        """Check a spec as a whole; raise `SpecError` for what cannot be run."""

    def spec_of(self, experiment: Experiment) -> AnySpec:
        """Give the spec that an experiment was made of, with all that was found out."""

    def named(self, spec: AnySpec, name: str) -> AnySpec:
        """Give a spec another name, and take out what it says of itself, which is not true of a cell."""

    # -- edits and differences -----------------------------------------------------------------------------------------

    def edit_problems(self, spec: AnySpec, edits: Node, folder: Path, *, alone: bool) -> Iterable[Problem]:
        """Try every edit of a list; files that edits name are meant from `folder`."""

    def edited(self, spec: AnySpec, edits: Sequence[Mapping[str, Any]] | Node, folder: Path) -> AnySpec:
        """Apply edits; raise `SpecError` for one that cannot be made or changes nothing."""

    def difference(self, one: Experiment, other: Experiment) -> Sequence[FactorChange]:
        """Give the factors that differ, each with the edits that lead from one to the other."""

    def apart(self, base: Experiment, other: Experiment, metric: str) -> Iterator[str]:
        """Yield a sentence for each thing that makes `metric` another one for `other` than for `base`."""

    def question(self, experiment: Experiment) -> str:
        """Give a hash of what a level may ask about: two levels with the same one would be the same runs."""

    def parts(self, spec: AnySpec) -> Mapping[str, Any]:
        """Give the parts of a spec that decide numbers, by the names that messages have for them."""

    # -- metrics -------------------------------------------------------------------------------------------------------

    def compared(self, spec: AnySpec) -> Sequence[str]:
        """Name the metrics that an ablation can compare, the usual one first."""

    def metric(self, spec: AnySpec, name: str) -> Metric:
        """Give the row of a metric: direction, unit, margin."""

    def metric_held(self, held: Mapping[str, Any], name: str) -> Metric:
        """Give the same of a spec as a storage holds it, also where this version does not read it any more."""

    def metrics_of(self, run: HeldRun) -> Mapping[str, float | None]:
        """Give the metrics of a run that a storage holds, as they are measured now."""

    def guessing(self, experiment: Experiment, metric: str) -> float | None:
        """Give what guessing is worth: what a failed run may count as. None where it is not known."""

    # -- runs ----------------------------------------------------------------------------------------------------------

    def runner(
        self, metric: str, *, goes_on: bool = False, also: Sequence[str] = (), own: Sequence[OwnMetric] = ()
    ) -> Runner:
        """Make what runs experiments for this metric; `goes_on` where a run that is refused fails alone.

        `also` are further metrics that a trial shall carry, `own` those that are functions of people's files.
        """

    def fix(
        self,
        storage: Storage,
        study: Study,
        experiments: Iterable[Experiment],
        workers: int,
        like: Study | None = None,
        auto: Callable[[], str] | None = None,
    ) -> None:
        """Fix what the runs of a study are computed with, at every opening; as the study `like` where none ran yet.

        `auto` says what `device: auto` stands for here, where another process is to be asked.
        """

    def why_not_here(self, experiment: Experiment) -> str:
        """Say why this machine cannot run what was planned on another one; "" where nothing is known against it."""

    def left_out(
        self,
        study: Study,
        runs: Mapping[tuple[str, int], FrozenTrial],
        sides: Sequence[Collection[str]],
        first: str,
        metric: str,
    ) -> dict[tuple[str, int], str]:
        """Say which completed runs would make a mixed pair, and why."""

    def outdated(self, run: HeldRun, metric: str) -> bool:
        """Say whether what a run holds under this name is not what the metric is now."""

    def workers(self, metric: str, spec: AnySpec, wanted: int) -> int:
        """Give how many runs may be under way at once on a machine."""

    def in_order(self, cells: Sequence[str], seed: int, study: str, metric: str) -> Sequence[str]:
        """Give the order in which the cells of one seed are run."""

    # -- seeds ---------------------------------------------------------------------------------------------------------

    def spreads_over(self, spec: AnySpec, metric: str | None = None) -> SpreadsOver:
        """Say what makes values differ: seeds; repeats of a measurement of one run; or nothing.

        Then one run a cell is all, and there are no p values. Without a metric it is what the spec says of itself.
        """

    def said_of(self, metric: str) -> str:
        """Say what is to be known beside the values of a metric, "" for nothing."""

    def value_kept(self, run: HeldRun, folder: Path, metric: str) -> float | None:
        """Give what is not learned of a finished run, now: counted, read or measured; None where that cannot be done.

        `folder` is the run's own.
        """

    def seeds_are_ours(self, spec: AnySpec) -> bool:
        """Say whether the seed is in our own hands; else the baseline shows first that it decides the numbers."""

    def decided_by_seed(self, run: HeldRun) -> Mapping[str, Any]:
        """Give the numbers of a run that its seed decides, by name: no times."""

    def repeated(self, run: HeldRun) -> Mapping[str, Any] | None:
        """Give the same numbers of the second run with the same seed; None where there was none."""

    def remarks(self, runs: Sequence[HeldRun]) -> Sequence[str]:
        """Give what is to be said of finished runs beside their numbers, in sentences."""

    # -- searches ------------------------------------------------------------------------------------------------------

    def searched(self, spec: AnySpec) -> tuple[AnySpec, str]:
        """Give the base of a search as it is searched around, and what is to be said of the difference, "" for none."""

    def objectives(self, spec: AnySpec | None) -> Sequence[str]:
        """Name the metrics that a search may look for, the usual one first; without a base those of any."""

    def objective(self, spec: AnySpec) -> tuple[Direction, str] | None:
        """Give what a spec itself says is wanted; None where it says nothing."""

    def not_together(self, metrics: Sequence[str]) -> str:
        """Say why these cannot be looked for at once; "" where they can."""

    def learned(self, metrics: Sequence[str]) -> str | None:
        """Name the objective that is known by running only, on a seed, and that a confirmation asks for again."""

    def main(self, metrics: Sequence[str]) -> int:
        """Say which of several objectives trials are ranked by."""

    def confirmed_by(self, learned: str | None, held: Mapping[str, Any]) -> tuple[str, str]:
        """Name the metric that finalists are compared by, and the one that a search has of them.

        `learned` is None where a search had no such objective; then the base, as a storage has it, says by what.
        """

    def followed(self, spec: AnySpec, metric: str) -> bool:
        """Say whether a metric is known while a run is under way, so that it can be stopped."""

    def epochs(self, spec: AnySpec) -> int | None:
        """Give how many epochs a run has at the most; None where it is not known beforehand."""

    def value(self, experiment: Experiment, outcome: Outcome, metric: str) -> float | None:
        """Give an objective of a completed run."""

    def key(self, experiment: Experiment) -> str:
        """Name an experiment: two with one key are the same but for the seed."""

    def renamed(self, experiment: Experiment, name: str) -> Experiment:
        """Give an experiment another name."""

    def file_of(self, spec: AnySpec, path: Path) -> str:
        """Write a spec as the file that stands at `path`; the first line says the command that runs it."""

    def line(self, held: Mapping[str, Any]) -> str:
        """Write a spec as a storage holds it in one line, "" where its values say all."""

    # -- what is kept --------------------------------------------------------------------------------------------------

    def kept(self, experiments: Mapping[str, Experiment], runs_dir: Path) -> Mapping[str, Sequence[KeptRun]]:
        """Give the finished runs of experiments that a folder holds, by the experiments' keys here."""

    def work(self, experiment: Experiment) -> float | None:
        """Give a number that a run's time grows with; None where none is known."""
