"""Programs as a kind of experiment: what `kind.py` asks, answered by a program's file and its runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.errors import Problem, SpecError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import ExperimentKindName, KeptRun
from archsearch.kinds.not_learned import measured_on_two_machines, shuffled
from archsearch.metrics import Direction, Metric, OwnMetric, SpreadsOver
from archsearch.program.change import edited_program, program_edit_problems
from archsearch.program.experiment import ProgramChange, ProgramExperiment, changes, plan_program, program_key
from archsearch.program.from_command import program_text
from archsearch.program.permission import program_subject
from archsearch.program.program_directory import kept_programs
from archsearch.program.program_spec import ProgramSpec, metric_row
from archsearch.program.read import read_program
from archsearch.program.remarks import said_of_runs
from archsearch.spec.difference.factors import FactorChange
from archsearch.spec.difference.gaps import Change
from archsearch.spec.text.yaml import Node
from archsearch.trust import is_trusted

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from archsearch.study.held import HeldRun
    from archsearch.study.runner import Outcome, Runner
    from archsearch.study.storage import Storage, Study


class ProgramKind:
    """A command or a Python function that takes a seed and gives metrics."""

    name: ExperimentKindName = "program"
    noun = "setting"

    def load(self, reference: str, overrides: Sequence[str] = ()) -> ProgramExperiment:
        loaded = read_program(reference, overrides)
        try:
            return plan_program(loaded.spec)
        except SpecError as error:
            error.place(str(loaded.node.locate(error.loc)))
            raise

    def read(self, held: Mapping[str, Any]) -> ProgramSpec:
        return ProgramSpec.model_validate(dict(held))

    def plan(self, spec: ProgramSpec) -> ProgramExperiment:
        return plan_program(spec)

    def spec_of(self, experiment: Experiment) -> ProgramSpec:
        one = _program(experiment)
        return one.spec.model_copy(update={"hashed": one.files})

    def named(self, spec: ProgramSpec, name: str) -> ProgramSpec:
        return spec.model_copy(update={"name": name})

    def edit_problems(self, spec: ProgramSpec, edits: Node, folder: Path, *, alone: bool) -> Iterable[Problem]:
        return program_edit_problems(spec, edits, folder)

    def edited(self, spec: ProgramSpec, edits: Sequence[Mapping[str, Any]] | Node, folder: Path) -> ProgramSpec:
        return edited_program(spec, edits, folder)

    def difference(self, one: Experiment, other: Experiment) -> Sequence[FactorChange]:
        base, level = _program(one), _program(other)
        found = []
        for change in changes(base, level):
            name = change.path.removeprefix("values.").removeprefix("program.environment.").removeprefix("program.")
            part = _change(name, change, base.spec, level.spec)
            found.append(FactorChange(name, (part.edit,) if part.edit else (), (part,)))
        return found

    def apart(self, base: Experiment, other: Experiment, metric: str) -> Iterator[str]:
        one, two = _program(base).spec, _program(other).spec
        if one.metrics.get(metric) != two.metrics.get(metric):
            yield f"{two.name} reads {metric} otherwise than {one.name}: the two cannot be compared"

    def question(self, experiment: Experiment) -> str:
        return program_key(_program(experiment))

    def parts(self, spec: ProgramSpec) -> Mapping[str, Any]:
        written = spec.model_dump(mode="json", exclude={"program": {"folder"}})
        return {
            "values": written["values"],
            "program section": written["program"],
            "files": None if spec.hashed is None else spec.hashed.digest,
            "metrics": written["metrics"],
        }

    def compared(self, spec: ProgramSpec) -> Sequence[str]:
        return tuple(dict.fromkeys((spec.main_metric, *spec.metrics)))

    def metric(self, spec: ProgramSpec, name: str) -> Metric:
        return metric_row(spec, name)

    def guessing(self, experiment: Experiment, metric: str) -> float | None:
        return None

    def metric_held(self, held: Mapping[str, Any], name: str) -> Metric:
        return metric_row(self.read(held), name)

    def metrics_of(self, run: HeldRun) -> Mapping[str, float | None]:
        return {name: run.metric(name) for name in run.spec["metrics"]}

    def runner(
        self, metric: str, *, goes_on: bool = False, also: Sequence[str] = (), own: Sequence[OwnMetric] = ()
    ) -> Runner:
        from archsearch.study.program_runner import ProgramRunner

        return ProgramRunner()

    def fix(
        self,
        storage: Storage,
        study: Study,
        experiments: Iterable[Experiment],
        workers: int,
        like: Study | None = None,
        auto: Callable[[], str] | None = None,
    ) -> None:
        """Nothing is fixed: a program brings what it computes with."""

    def why_not_here(self, experiment: Experiment) -> str:
        from archsearch.program.run import why_not_startable

        one = _program(experiment)
        subject = program_subject(one.spec)
        if not is_trusted(subject.digest):  # first: to look for a function is to import its file
            shown = ", ".join(" ".join(line.split()) for line in subject.shows)
            return (
                f"its program was not allowed to run here ({shown}); archsearch trust FILE, with the program's file, "
                "allows it, or ARCHSEARCH_TRUST=1 where only your own code runs"
            )
        return why_not_startable(one)

    def left_out(
        self,
        study: Study,
        runs: Mapping[tuple[str, int], FrozenTrial],
        sides: Sequence[Collection[str]],
        first: str,
        metric: str,
    ) -> dict[tuple[str, int], str]:
        """Leave out runs whose time or memory was measured on another machine than the baseline's with that seed."""
        from archsearch.study.held import HeldRun

        if not runs or metric_row(self.read(HeldRun(next(iter(runs.values()))).spec), metric).known != "measured":
            return {}
        return measured_on_two_machines(runs, first, metric)

    def outdated(self, run: HeldRun, metric: str) -> bool:
        return False

    def workers(self, metric: str, spec: ProgramSpec, wanted: int) -> int:
        section = spec.program
        if section.function is not None:
            return 1  # it runs in this process
        alone = metric_row(spec, metric).known == "measured" if section.parallel is None else not section.parallel
        return 1 if alone else wanted

    def in_order(self, cells: Sequence[str], seed: int, study: str, metric: str) -> Sequence[str]:
        """Shuffle the cells of a seed, by the study's name: a machine that warms up or slows down hits all alike."""
        return shuffled(cells, seed, study)

    def spreads_over(self, spec: ProgramSpec, metric: str | None = None) -> SpreadsOver:
        return "nothing" if spec.program.deterministic else "seeds"

    def said_of(self, metric: str) -> str:
        return ""  # what is measured, and by whom, is said by the program's file

    def value_kept(self, run: HeldRun, folder: Path, metric: str) -> float | None:
        return run.metric(metric)

    def seeds_are_ours(self, spec: ProgramSpec) -> bool:
        return spec.program.deterministic

    def decided_by_seed(self, run: HeldRun) -> Mapping[str, Any]:
        return _decided(run, run.result)

    def repeated(self, run: HeldRun) -> Mapping[str, Any] | None:
        again = run.result.get("repeat")
        return _decided(run, again) if again else None

    def remarks(self, runs: Sequence[HeldRun]) -> Sequence[str]:
        """Say what runs changed around them, what they left running, and which files differed from the commit."""
        return said_of_runs([run.result for run in runs])

    def searched(self, spec: ProgramSpec) -> tuple[ProgramSpec, str]:
        return spec, ""

    def objectives(self, spec: ProgramSpec | None) -> Sequence[str]:
        assert spec is not None, "which metrics there are is said by the program"
        return self.compared(spec)

    def objective(self, spec: ProgramSpec) -> tuple[Direction, str] | None:
        return metric_row(spec, spec.main_metric).direction, spec.main_metric

    def not_together(self, metrics: Sequence[str]) -> str:
        return ""

    def learned(self, metrics: Sequence[str]) -> str | None:
        return next(iter(metrics), None)

    def main(self, metrics: Sequence[str]) -> int:
        return 0

    def confirmed_by(self, learned: str | None, held: Mapping[str, Any]) -> tuple[str, str]:
        """Name the objective twice: what a program holds out, if anything, is its own affair."""
        assert learned is not None, "a program is searched for a metric of its own"
        return learned, learned

    def followed(self, spec: ProgramSpec, metric: str) -> bool:
        return spec.history is not None and metric in spec.history.named

    def epochs(self, spec: ProgramSpec) -> int | None:
        return None

    def value(self, experiment: Experiment, outcome: Outcome, metric: str) -> float | None:
        return outcome.metrics.get(metric)

    def key(self, experiment: Experiment) -> str:
        return program_key(_program(experiment))

    def renamed(self, experiment: Experiment, name: str) -> Experiment:
        one = _program(experiment)
        return replace(one, spec=self.named(one.spec, name))

    def file_of(self, spec: ProgramSpec, path: Path) -> str:
        return program_text(spec, path)

    def line(self, held: Mapping[str, Any]) -> str:
        """Say nothing: the values of a program are a trial's parameters."""
        return ""

    def kept(self, experiments: Mapping[str, Experiment], runs_dir: Path) -> Mapping[str, Sequence[KeptRun]]:
        there: dict[str, list[KeptRun]] = {}
        for directory, result in kept_programs(runs_dir):
            if result.status == "completed":
                key = program_key(self.plan(self.read(result.spec)))
                kept = KeptRun(result.seed, result.metrics, result.seconds, 1, directory)
                there.setdefault(key, []).append(kept)
        return {name: there.get(program_key(_program(one)), []) for name, one in experiments.items()}

    def work(self, experiment: Experiment) -> float | None:
        return None


PROGRAM = ProgramKind()


def _program(experiment: Experiment) -> ProgramExperiment:
    assert isinstance(experiment, ProgramExperiment), f"{experiment.name} is no program"
    return experiment


def _decided(run: HeldRun, record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metrics of a record but for those that are measured, and its history."""
    names = [name for name, source in run.spec["metrics"].items() if not source.get("measured")]
    return {name: record.get(name) for name in names} | {"history": list(record.get("history", ()))}


def _change(name: str, change: ProgramChange, base: ProgramSpec, level: ProgramSpec) -> Change:
    """Give a change as an edit where one says it: a value, a variable; patches and files are what they are."""
    values = [_at(spec, change.path) for spec in (base, level)]
    if values[1] is None:
        return Change(name, {}, change.said, change.path if change.before else "", change.before, change.after)
    return Change(name, {"set": {change.path: values[1]}}, change.said, change.path, *values)


def _at(spec: ProgramSpec, path: str) -> Any:
    """Give the value at a path of values or variables; None elsewhere."""
    for prefix, values in (("values.", spec.values), ("program.environment.", spec.program.environment)):
        if path.startswith(prefix):
            value = values.get(path.removeprefix(prefix))
            return list(value) if isinstance(value, tuple) else value
    return None
