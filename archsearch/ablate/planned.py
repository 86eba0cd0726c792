"""A planned ablation: every cell as a checked spec, every question as weights of cells, all fixed before anything runs.

    ablation = plan_ablation(load_ablation("lenet5_factors"))
    [cell.name for cell in ablation.cells], [question.label for question in ablation.questions]

Frozen data that goes to JSON and back: it is what a storage holds of the study. Knows nothing of torch and Optuna.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archsearch.ablate.ablation_file import VARIANT, Declared
from archsearch.ablate.design.checked_cells import Cells, check_differences
from archsearch.ablate.design.confounds import Confound, confound_of, label_of
from archsearch.ablate.design.designs import BASELINE, Cell, Comparison, Factor
from archsearch.ablate.design.factorial import estimators, level_word, share_weights
from archsearch.ablate.design.fitting import Fitted, LeftOut, fit_design
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.metrics import metric_of
from archsearch.plain import Plain
from archsearch.spec.experiment import ExperimentSpec
from archsearch.stats.effect import Family
from archsearch.stats.power import Plan, Purpose, plan_seeds

CONTROL = "control"
Kind = Literal["comparison", "step", "price", "effect", "interaction", "share", "control", "screen"]
OF_MANY_CELLS: tuple[Kind, ...] = ("effect", "interaction", "share")  # weighted sums: no one cell is their level
# How 0.1.0 named the questions that it wrote under another kind.
_OLD_NAMES = {
    "comparison": {"step": r"then .*", "price": r"A[0-9]{3}(-[0-9]+)?=fixed"},
    "effect": {"interaction": r".*:.*"},
}
Names = Annotated[tuple[str, ...], Field(strict=False)]
Numbers = Annotated[tuple[int, ...], Field(strict=False)]


class PlannedCell(Plain):
    """One combination of levels as a spec. `seeds` make its pairs; it runs `run_seeds` (the control has others)."""

    name: str
    moved: Annotated[tuple[Annotated[tuple[str, str], Field(strict=False)], ...], Field(strict=False)]
    spec: ExperimentSpec
    parameters: int
    macs: int
    seeds: Numbers
    run_seeds: Numbers


class Question(Plain):
    """One thing that is asked: a weighted sum of cells, mostly one cell (1) against another (-1).

    A `comparison`, a `step` of a path, the `price` of a finding of lint, a main `effect` or `interaction` of a
    factorial, a factor's Shapley `share`, the negative `control`, or a `screen`, which is outside the family.
    """

    name: str
    against: str
    label: str
    kind: Kind
    weights: dict[str, float]
    aliases: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _of_0_1_0(cls, held: Any) -> Any:
        """Read the kind of a question that 0.1.0 wrote, when there were fewer of them, from its name."""
        if isinstance(held, dict) and held.get("kind") in _OLD_NAMES:
            for kind, pattern in _OLD_NAMES[held["kind"]].items():
                if re.fullmatch(pattern, str(held.get("name"))):
                    return {**held, "kind": kind}
        return held


def moves(question: Question, cells: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Name the factors in which the two cells of a comparison differ; `cells` are what has moved in each, by name."""
    (level, against) = (cells[name] for name in sorted(question.weights, key=lambda name: -question.weights[name]))
    return tuple(factor for factor in {**level, **against} if level.get(factor) != against.get(factor))


class Levels(Plain):
    """A factor with its levels beside the baseline's."""

    name: str
    levels: Names


class Ablation(Plain):
    """All that decides an ablation. `left_out` are cells whose networks do not fit, each with its consequence."""

    name: str
    summary: str
    baseline: str
    design: str
    factors: Annotated[tuple[Levels, ...], Field(strict=False)]
    cells: Annotated[tuple[PlannedCell, ...], Field(strict=False)]
    questions: Annotated[tuple[Question, ...], Field(strict=False)]
    family: Family
    seeds: Numbers
    sequential: bool
    purpose: Purpose
    left_out: Annotated[tuple[LeftOut, ...], Field(strict=False)]
    confounds: Annotated[tuple[Confound, ...], Field(strict=False)]
    orders: Annotated[tuple[Names, ...], Field(strict=False)]
    resolution: int | None
    generators: Names
    aliases: Annotated[tuple[Names, ...], Field(strict=False)]
    notes: Names
    plan: Plan | None

    @property
    def claims(self) -> tuple[Question, ...]:
        """Give the questions of the family: all but the screens."""
        return tuple(question for question in self.questions if question.kind != "screen")

    def cell(self, name: str) -> PlannedCell:
        """Give the cell of this name."""
        return next(cell for cell in self.cells if cell.name == name)

    def factor_list(self) -> tuple[Factor, ...]:
        """Give the factors as designs take them."""
        return tuple(Factor(one.name, one.levels) for one in self.factors)

    @property
    def runs(self) -> int:
        """Give how many runs there are at the most."""
        return sum(len(cell.seeds) for cell in self.cells)


def plan_ablation(declared: Declared) -> Ablation:
    """Make the cells and questions of a file; raise `SpecError` for what cannot be compared, with its place."""
    spec = declared.spec
    factors = _factors(declared)
    cells = Cells(declared)
    claimed = [f for f in (_without(factor, declared.screens) for factor in factors) if f.levels]
    fitted = _fitted(declared, cells, claimed)
    screens = [Cell(((VARIANT, name),)) for name in declared.screens]
    for cell in screens:
        cells.must_fit(cell)
    check_differences(cells, declared, fitted, screens)
    questions = [*_questions(fitted, claimed, declared, cells)]
    if spec.control:
        questions.append(
            _pair(
                CONTROL, declared.baseline.name, "the baseline itself on other seeds", "control", CONTROL, BASELINE.name
            )
        )
    name = declared.baseline.name
    questions += [
        _pair(cell.moved[0][1], name, f"{cell.moved[0][1]} instead of {name}", "screen", cell.name, BASELINE.name)
        for cell in screens
    ]
    seeds = spec.seeds.values
    planned = [
        _planned(cell, cells, seeds) for cell in dict.fromkeys((BASELINE, *fitted.cells)) if claimed or cell == BASELINE
    ]
    if spec.control:
        planned.append(_control(planned[0], seeds))
    planned += [_planned(cell, cells, seeds[: spec.screens.seeds]) for cell in screens if spec.screens is not None]
    if not claimed and spec.screens is not None:  # nothing but screens: the baseline needs no more seeds than they
        seeds = seeds[: spec.screens.seeds]
        planned[0] = _planned(BASELINE, cells, seeds)
    ablation = Ablation(
        name=spec.name,
        summary=spec.summary,
        baseline=name,
        design=spec.design,
        factors=tuple(Levels(name=factor.name, levels=factor.levels) for factor in factors),
        cells=tuple(planned),
        questions=tuple(questions),
        family=_family(declared, cells),
        seeds=seeds,
        sequential=spec.seeds.sequential,
        purpose="screen" if spec.screen or not claimed else "claim",
        left_out=fitted.left_out,
        confounds=tuple(_confounds(fitted, screens, cells, declared)),
        orders=fitted.orders,
        resolution=fitted.resolution,
        generators=fitted.generators,
        aliases=fitted.aliases,
        notes=(*fitted.notes, *cells.repeats(dict.fromkeys((BASELINE, *fitted.cells)))),
        plan=None,
    )
    return ablation.model_copy(update={"plan": _promise(ablation, declared)})


def _factors(declared: Declared) -> list[Factor]:
    names = dict.fromkeys(factor for factor, _ in declared.levels)
    return [Factor(name, tuple(level for factor, level in declared.levels if factor == name)) for name in names]


def _without(factor: Factor, screens: tuple[str, ...]) -> Factor:
    if factor.name != VARIANT or not screens:
        return factor
    return Factor(factor.name, tuple(level for level in factor.levels if level not in screens))


def _fitted(declared: Declared, cells: Cells, factors: list[Factor]) -> Fitted:
    if not factors:  # screens only
        return Fitted(cells=(BASELINE,), comparisons=())
    try:
        return fit_design(declared.spec, factors, cells)
    except UsageError as error:
        raise SpecError(Problem(declared.where("factors") or declared.where("variants"), str(error))) from None


def _planned(cell: Cell, cells: Cells, seeds: tuple[int, ...]) -> PlannedCell:
    plan = cells.plan(cell)
    return PlannedCell(
        name=cell.name,
        moved=cell.moved,
        spec=plan.spec,
        parameters=plan.network.parameters,
        macs=plan.network.macs,
        seeds=seeds,
        run_seeds=seeds,
    )


def _control(baseline: PlannedCell, seeds: tuple[int, ...]) -> PlannedCell:
    """Run the baseline on the next free seeds: pairs by position, nothing in common but the recipe."""
    free = tuple(range(max(seeds) + 1, max(seeds) + 1 + len(seeds)))
    return baseline.model_copy(update={"name": CONTROL, "run_seeds": free})


def _family(declared: Declared, cells: Cells) -> Family:
    spec = declared.spec
    metric = metric_of(spec.metric)
    assert metric is not None, "the file was checked"
    guessing = metric.guessing(cells.plan(BASELINE).facts.task.outputs) if metric.guessing is not None else None
    return Family(
        metric=spec.metric,
        direction=spec.direction,
        alpha=spec.alpha,
        margin=metric.margin if spec.margin is None else spec.margin,
        power=spec.power,
        screen=spec.screen,
        unit=metric.unit,
        failed_value=guessing if spec.failed_value is None else spec.failed_value,
    )


# -- questions ---------------------------------------------------------------------------------------------------------


def _pair(name: str, against: str, label: str, kind: Kind, cell: str, other: str) -> Question:
    return Question(name=name, against=against, label=label, kind=kind, weights={cell: 1.0, other: -1.0})


def _questions(fitted: Fitted, factors: list[Factor], declared: Declared, cells: Cells) -> list[Question]:
    """Ask what the design is made for: effects for a factorial, shares for an attribution, else its comparisons."""
    design, baseline = declared.spec.design, declared.baseline.name
    if design.endswith("factorial"):
        words = {(factor.name, level): level_word(factor, level) for factor in factors for level in factor.levels}
        return [
            Question(
                name=one.name,
                against=baseline,
                label=effect_label(*(words[moved] for moved in one.moved)),
                kind="effect" if len(one.moved) == 1 else "interaction",
                weights=one.weights,
                aliases=one.aliases,
            )
            for one in estimators(fitted.cells, factors)
        ]
    labels = _labels(fitted.comparisons, declared, cells)
    asked = [
        _pair(
            _name(one, design),
            baseline if one.against == BASELINE else one.against.name,
            labels[one],
            "step" if design in _PATHS and not _taken_back(one) else "comparison",
            one.cell.name,
            one.against.name,
        )
        for one in fitted.comparisons
    ]
    if design == "shapley":
        asked += [
            Question(
                name=factor.name,
                against=baseline,
                label=f"{factor.name}, its share of the whole difference",
                kind="share",
                weights=share_weights(factor.name, fitted.factors, fitted.orders),
            )
            for factor in fitted.factors
        ]
    return asked


_PATHS = ("path", "path_and_leave_one_out")


def _taken_back(comparison: Comparison) -> bool:
    """Say whether a comparison takes a change back, and adds none."""
    return len(comparison.cell.moved) < len(comparison.against.moved)


def effect_label(one: str, two: str = "") -> str:
    """Say a term of a factorial, the effect of a level or the interaction of two, as a sentence begins."""
    return f"{one} and {two} together, beyond their sum" if two else f"{one}, averaged over the other factors"


def _name(comparison: Comparison, design: str) -> str:
    return comparison.cell.name if design == "one_at_a_time" else comparison.label


def _labels(comparisons: tuple[Comparison, ...], declared: Declared, cells: Cells) -> dict[Comparison, str]:
    """Say each comparison as a sentence begins: "relu instead of tanh" where that is all, else by its names."""
    baseline, design = declared.baseline.name, declared.spec.design
    if design == "variants":
        return {one: f"{one.label} instead of {baseline}" for one in comparisons}
    if design != "one_at_a_time":
        return {one: one.label + ", all else changed" * _taken_back(one) for one in comparisons}
    found = {one: label_of(cells.plan(BASELINE), cells.plan(one.cell)) for one in comparisons}
    said = list(found.values())
    return {
        one: label if label and said.count(label) == 1 else f"{one.cell.name} instead of {baseline}"
        for one, label in found.items()
    }


def _confounds(fitted: Fitted, screens: list[Cell], cells: Cells, declared: Declared) -> list[Confound]:
    """Look at what each single level moves; one that moves several factors cannot be attributed to one of them."""
    single = [cell for cell in (*fitted.cells, *screens) if len(cell.moved) == 1]
    if declared.spec.design == "path":
        single = single[:1]
    found = (confound_of(cell, cells.plan(BASELINE), cells.plan(cell)) for cell in single)
    return [one for one in found if one is not None]


# -- what it can show --------------------------------------------------------------------------------------------------


def _promise(ablation: Ablation, declared: Declared) -> Plan | None:
    """Plan without a spread; refuse what cannot answer, at the place of its seeds."""
    claims = len(ablation.claims)
    if not claims:
        return None
    try:
        return promise(ablation)
    except UsageError as error:
        raise SpecError(Problem(declared.where("seeds") or declared.where("name"), f"seeds: {error}")) from None


def promise(ablation: Ablation, seed_sd: float | None = None, effect: float | None = None) -> Plan:
    """Say what the seeds can show; `seed_sd` where one was measured. Raises `UsageError` where they cannot answer.

    Where none was measured the plan says what is true for any spread; it never takes another network's.
    """
    return plan_seeds(
        len(ablation.claims) or 1,
        len(ablation.seeds),
        purpose=ablation.purpose,
        alpha=ablation.family.alpha,
        power=ablation.family.power,
        effect=effect,
        seed_sd=seed_sd,
    )
