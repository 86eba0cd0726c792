"""What an ablation came to, as frozen data that goes to JSON and back: effects, cells, counts, models.

    AblationReport.model_validate_json(report.model_dump_json()) == report

Made from the storage alone (`ablation.report_on`). Numbers are in the metric's own unit.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsearch.ablate.design.confounds import Confound
from archsearch.ablate.design.factorial import Attribution, LinearModel
from archsearch.ablate.design.fitting import LeftOut
from archsearch.ablate.planned import Names, Question, moves
from archsearch.plain import Plain
from archsearch.stats.effect import Effect, Exclusion, Family, Interval
from archsearch.stats.power import Plan


class CellReport(Plain):
    """One cell: what has moved, its size, and its values by seed (None: that run failed)."""

    name: str
    moved: dict[str, str]
    spec: str
    parameters: int
    macs: int
    values: dict[str, float | None]
    mean: float | None
    sd: float | None
    seconds: float | None  # mean of the runs


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


class Course(Plain):
    """Where a comparison of a sequential design stands; evidence is e-values, adjusted for the family."""

    name: str
    decided: bool
    pairs: int
    evidence: float
    equivalence_evidence: float


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
    why there are fewer.
    """

    study: str
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
    courses: Annotated[tuple[Course, ...], Field(strict=False)]
    confounds: Annotated[tuple[Confound, ...], Field(strict=False)]
    left_out: Annotated[tuple[LeftOut, ...], Field(strict=False)]
    resolution: int | None
    generators: Names
    aliases: Annotated[tuple[Names, ...], Field(strict=False)]
    notes: Names
    models: Annotated[tuple[ModelPair, ...], Field(strict=False)]
    models_missing: str
    hardware: Names

    def moved(self, name: str) -> tuple[str, ...]:
        """Name the factors that a comparison of two cells moves."""
        question = next(question for question in self.questions if question.name == name)
        return moves(question, {cell.name: cell.moved for cell in self.cells})

    def kind_of(self, name: str) -> str:
        """Give the kind of the question that a comparison answers."""
        return next((question.kind for question in self.questions if question.name == name), "comparison")


__all__ = ["AblationReport", "CellReport", "Counts", "Course", "Failure", "Interval", "ModelPair"]
