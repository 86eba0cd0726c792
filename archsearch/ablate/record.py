"""What an ablation came to, as frozen data that goes to JSON and back: effects, cells, counts, evidence.

    AblationReport.model_validate_json(report.model_dump_json()) == report
    evidence = ablation_evidence(study)            # its cells as specs, every run, machines
    evidence.cells[0].spec, evidence.runs[0].run_id, evidence.machines

Made from the storage alone (the report by `ablation.report_on`). Numbers are in the metric's own unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from archsearch.ablate.blocks import DataBlock
from archsearch.ablate.design.confounds import Confound
from archsearch.ablate.design.factorial import Attribution, LinearModel
from archsearch.ablate.design.fitting import LeftOut
from archsearch.ablate.jobs import held_ablation, latest
from archsearch.ablate.questions import CONTROL, Names, Numbers, Question, moves
from archsearch.kinds.kind import ExperimentKindName
from archsearch.plain import Plain
from archsearch.spec.folds import SplitSpec
from archsearch.stats.crossing import SizeCurve
from archsearch.stats.effect import Effect, Exclusion, Family
from archsearch.stats.over_data_sets import OverDataSets
from archsearch.stats.over_groups import OverGroups
from archsearch.stats.power import Plan
from archsearch.study.held import HeldRun, HeldTrial
from archsearch.study.held_runs import Machine, fingerprints_of, machines_of, reads_of, runs_of
from archsearch.study.ledger_check import Ledger, ledger_of
from archsearch.study.spent import Spent, spent_by
from archsearch.study.storage import Study


class CellReport(Plain):
    """One cell: what has moved, its size, and its values by seed (None: that run failed)."""

    name: str
    moved: dict[str, str]
    spec: str
    parameters: int | None
    macs: int | None
    values: dict[str, float | None]
    mean: float | None
    sd: float | None
    seconds: float | None  # mean of the runs
    block: str = ""  # the data set, or number of training samples, of its runs


class Counts(Plain):
    """Runs of the plan. `cached` ones were there already; `diverged` and `failed` ones are in no pair."""

    planned: int
    completed: int
    cached: int
    diverged: int
    failed: int
    running: int
    waiting: int
    retried: int


class Failure(Plain):
    """A run that gave no value, and why."""

    cell: str
    seed: int
    outcome: Literal["diverged", "failed"]
    reason: str


class CourseReport(Plain):
    """Where a comparison of a sequential design stands.

    `look` is how many of the planned looks there were; without planned looks the evidence is e-values, adjusted for the
    family.
    """

    name: str
    decided: bool
    pairs: int
    evidence: float | None = None
    equivalence_evidence: float | None = None
    look: int | None = None


class ModelPair(Plain):
    """Two trained models on the same test images: a question about these two models, not about the recipes."""

    name: str
    seed: int
    only_against: int
    only_level: int
    p: float


class AblationReport(Plain):
    """All that an ablation holds. `complete` is false while runs are to come: there are no verdicts then.

    `models` are McNemar's exact tests for each seed, where both runs' predictions are at hand; `models_missing` says
    why there are fewer. `chosen` says when the metric was chosen, where it is not the one that the study was made for.
    """

    study: str
    kind: ExperimentKindName = "network"
    summary: str
    baseline: str
    design: str
    family: Family
    seeds: Annotated[tuple[int, ...], Field(strict=False)]
    sequential: bool
    purpose: str
    complete: bool
    effects: Annotated[tuple[Effect, ...], Field(strict=False)]
    questions: Annotated[tuple[Question, ...], Field(strict=False)]
    cells: Annotated[tuple[CellReport, ...], Field(strict=False)]
    runs: Counts
    failures: Annotated[tuple[Failure, ...], Field(strict=False)]
    exclusions: Annotated[tuple[Exclusion, ...], Field(strict=False)]
    test_reads: int
    plan: Plan | None
    model: LinearModel | None
    attribution: Attribution | None
    courses: Annotated[tuple[CourseReport, ...], Field(strict=False)]
    confounds: Annotated[tuple[Confound, ...], Field(strict=False)]
    left_out: Annotated[tuple[LeftOut, ...], Field(strict=False)]
    resolution: int | None
    generators: Names
    aliases: Annotated[tuple[Names, ...], Field(strict=False)]
    notes: Names
    models: Annotated[tuple[ModelPair, ...], Field(strict=False)]
    models_missing: str
    hardware: Names
    chosen: str = ""
    split: SplitSpec | None = None
    blocks: Annotated[tuple[DataBlock, ...], Field(strict=False)] = ()
    over_data_sets: OverDataSets | None = None
    learning: Annotated[tuple[SizeCurve, ...], Field(strict=False)] = ()
    groups: Annotated[tuple[OverGroups, ...], Field(strict=False)] = ()
    looks: Numbers = ()

    @property
    def sayings(self) -> tuple[str, ...]:
        """Give what the blocks, and the groups of samples, say together, in sentences."""
        over = (self.over_data_sets.sentence,) if self.over_data_sets is not None else ()
        return (*over, *(curve.sentence for curve in self.learning), *(one.sentence for one in self.groups))

    def moved(self, name: str) -> tuple[str, ...]:
        """Name the factors that a comparison of two cells moves."""
        question = next(question for question in self.questions if question.name == name)
        return moves(question, {cell.name: cell.moved for cell in self.cells})

    def kind_of(self, name: str) -> str:
        """Give the kind of the question that a comparison answers."""
        return next((question.kind for question in self.questions if question.name == name), "comparison")


# -- evidence ----------------------------------------------------------------------------------------------------------


class CellSpec(Plain):
    """A cell as it was planned: its resolved spec, the seeds of its pairs, and the seeds that it runs."""

    name: str
    spec: dict[str, Any]
    seeds: Numbers
    run_seeds: Numbers


class CellRun(Plain):
    """A run that completed, with its value of the metric; `repeated` where it was there already."""

    cell: str
    seed: int
    run_id: str
    repeated: bool
    value: float | None
    val_accuracy: float | None
    epochs: int
    seconds: float
    test_reads: int | None  # None of a program: what it reads is not known
    history: Annotated[tuple[dict[str, float], ...], Field(strict=False)] = ()  # of a program: `epoch` and its values
    wrote: Names = ()  # of a program: files that it wrote into the folder of its code


class AblationEvidence(Plain):
    """What an ablation holds beside its verdicts; of cells the baseline is the first, the control is left out."""

    cells: Annotated[tuple[CellSpec, ...], Field(strict=False)]
    runs: Annotated[tuple[CellRun, ...], Field(strict=False)]
    machines: Annotated[tuple[Machine, ...], Field(strict=False)]
    fingerprints: dict[str, int]
    earlier_test_reads: int
    ledger: Ledger | None = None
    spent: Spent | None = None


def ablation_evidence(opened: Study, values: Mapping[str, float | None] | None = None) -> AblationEvidence:
    """Read what a report needs beside the verdicts; touches no file but the storage.

    `values` of the runs by id stand in the place of the metric that they were made for.
    """
    ablation, trials = held_ablation(opened), latest(opened)
    done = {key: trial for key, trial in trials.items() if trial.state == TrialState.COMPLETE}
    once = {HeldRun(trial).run_id: trial for trial in done.values()}  # one run may be in two cells
    runs = []
    of_programs = ablation.kind.name == "program"
    for cell in ablation.cells:
        for seed, run_seed in zip(cell.seeds, cell.run_seeds, strict=True):
            trial = done.get((cell.name, seed))
            if trial is None:
                continue
            run = HeldRun(trial)
            runs.append(
                CellRun(
                    cell=cell.name,
                    seed=run_seed,
                    run_id=run.run_id,
                    repeated=_is_repeated(trial),
                    value=trial.values[0] if values is None else values.get(run.run_id),
                    val_accuracy=run.metric("val_accuracy"),
                    epochs=run.epochs,
                    seconds=run.seconds,
                    test_reads=None if of_programs else run.test_reads,
                    history=tuple(dict(row) for row in run.history) if of_programs else (),
                    wrote=tuple(run.result.get("wrote", ())),
                )
            )
    kept = runs_of(once.values())
    return AblationEvidence(
        cells=tuple(
            CellSpec(name=cell.name, spec=cell.spec.model_dump(mode="json"), seeds=cell.seeds, run_seeds=cell.run_seeds)
            for cell in ablation.cells
            if cell.name != CONTROL
        ),
        runs=tuple(runs),
        machines=machines_of(kept),
        fingerprints=fingerprints_of(kept),
        earlier_test_reads=reads_of(runs_of(filter(_is_repeated, once.values()))),
        ledger=ledger_of(opened),
        spent=spent_by(opened.get_trials(deepcopy=False)),
    )


def _is_repeated(trial: FrozenTrial) -> bool:
    return HeldTrial(trial).outcome == "repeated"
