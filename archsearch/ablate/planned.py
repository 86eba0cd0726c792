"""A planned ablation: every cell as a checked spec, every question as weights of cells, all fixed before anything runs.

    ablation = plan_ablation(load_ablation("lenet5_factors"))
    [cell.name for cell in ablation.cells], [question.label for question in ablation.questions]

Frozen data that goes to JSON and back: it is what a storage holds of the study. Knows nothing of torch and Optuna.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from archsearch.ablate.ablation_file import VARIANT, Declared
from archsearch.ablate.blocks import DataBlock, blocks_of, joined
from archsearch.ablate.design.cell import BASELINE, Cell, Factor
from archsearch.ablate.design.checked_cells import CheckedCells, check_differences
from archsearch.ablate.design.confounds import Confound, confound_of
from archsearch.ablate.design.fitting import Fitted, LeftOut, fit_design
from archsearch.ablate.judged_by import metric_family, own_metrics
from archsearch.ablate.questions import CONTROL, Names, Numbers, Question, pair_of, questions_of
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.kinds import kind_of_spec
from archsearch.kinds.kind import ExperimentKind
from archsearch.metrics import OwnMetric
from archsearch.plain import Plain
from archsearch.program.program_spec import ProgramSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.folds import SplitSpec
from archsearch.stats.effect import Family
from archsearch.stats.group_sequential import plan_looks
from archsearch.stats.power import Plan, Purpose, plan_seeds

_ONE_RUN = "deterministic: every seed gives the same, so one run of each cell is compared, without p values"


class PlannedCell(Plain):
    """One combination of levels as a spec. `seeds` make its pairs; it runs `run_seeds` (the control has others)."""

    name: str
    moved: Annotated[tuple[Annotated[tuple[str, str], Field(strict=False)], ...], Field(strict=False)]
    spec: ExperimentSpec | ProgramSpec
    parameters: int | None = None
    macs: int | None = None
    seeds: Numbers
    run_seeds: Numbers
    block: str = ""


class Levels(Plain):
    """A factor with its levels beside the baseline's."""

    name: str
    levels: Names


class Ablation(Plain):
    """All that decides an ablation. `left_out` are cells whose networks do not fit, each with its consequence.

    With a `split` the `seeds` number its parts: each pair of runs has a fold of the samples and a seed of its own. With
    `blocks` there are the design's cells and questions in each of them.
    """

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
    also: Names = ()  # metrics that were named beside the family's, before anything ran
    own: Annotated[tuple[OwnMetric, ...], Field(strict=False)] = ()  # those that are functions of people's files
    split: SplitSpec | None = None
    blocks: Annotated[tuple[DataBlock, ...], Field(strict=False)] = ()
    looks: Numbers = ()  # of a sequential design: after how many seeds one looks; without any: after each seed
    anytime: bool = False  # whether a look after each seed was asked for: version 0.1.0 had no other rule

    @model_serializer(mode="wrap")
    def _no_others_by_silence(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty: what was held before there was a choice stays the same."""
        written: dict[str, Any] = write(self)
        return {key: of for key, of in written.items() if of or key not in ("also", "own", "looks", "anytime")}

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
    def kind(self) -> ExperimentKind:
        """Give the kind of experiments that the cells are."""
        return kind_of_spec(self.cells[0].spec)

    @property
    def pair_word(self) -> str:
        """Name what makes a pair of runs: a seed, a part of the split, a repeat of a measurement."""
        return self.family.pairs

    @property
    def families(self) -> tuple[tuple[Question, ...], ...]:
        """Give the claims that are judged together: all, but those on each data set by themselves."""
        if not self.blocks or self.blocks[0].kind == "train_size":
            return (self.claims,)
        return tuple(tuple(one for one in self.claims if one.block == block.name) for block in self.blocks)

    def spec_at(self, name: str, pair: int) -> ExperimentSpec | ProgramSpec:
        """Give the spec of a cell's run: with the part of the samples that is tested, where there is a split."""
        spec = self.cell(name).spec
        if self.split is None or isinstance(spec, ProgramSpec):
            return spec
        data = spec.data.model_copy(update={"fold": self.split.parts()[self.seeds.index(pair)]})
        return spec.model_copy(update={"data": data})

    @property
    def runs(self) -> int:
        """Give how many runs there are at the most."""
        return sum(len(cell.seeds) for cell in self.cells)


def plan_ablation(declared: Declared) -> Ablation:
    """Make the cells and questions of a file; raise `SpecError` for what cannot be compared, with its place."""
    blocks = blocks_of(declared)
    inside = [(block, _planned_inside(around)) for block, around in blocks]
    ablation = joined(inside) if inside else _planned_inside(declared)
    if declared.spec.split is not None:
        _can_be_split(ablation, declared)
    looks: tuple[int, ...] = ()
    if ablation.sequential and not ablation.anytime and ablation.claims:
        looks = plan_looks(len(ablation.seeds), comparisons=len(ablation.claims), alpha=ablation.family.alpha)
    return ablation.model_copy(update={"plan": _promise(ablation, declared), "looks": looks})


def _can_be_split(ablation: Ablation, declared: Declared) -> None:
    """Plan every cell on the parts of one division: what their samples do not allow is said at the split's place."""
    split = declared.spec.split
    parts = ablation.seeds[: (split.folds if split is not None else None) or 1]  # the others are as large
    for cell, pair in ((cell, pair) for cell in ablation.cells for pair in parts):
        try:
            ablation.kind.plan(ablation.spec_at(cell.name, pair))
        except SpecError as error:
            raise SpecError(
                [Problem(declared.where("split"), f"split: {one.message}") for one in error.problems]
            ) from None


def _planned_inside(declared: Declared) -> Ablation:
    """Make the cells and questions around one data set, without a promise."""
    spec = declared.spec
    factors = _factors(declared)
    cells = CheckedCells(declared)
    claimed = [f for f in (_without(factor, declared.screens) for factor in factors) if f.levels]
    fitted = _fitted(declared, cells, claimed)
    screens = [Cell(((VARIANT, name),)) for name in declared.screens]
    for cell in screens:
        cells.must_fit(cell)
    check_differences(cells, declared, fitted, screens)
    questions = [*questions_of(fitted, claimed, declared, cells)]
    if spec.control:
        questions.append(
            pair_of(
                CONTROL, declared.baseline.name, "the baseline itself on other seeds", "control", CONTROL, BASELINE.name
            )
        )
    name = declared.baseline.name
    questions += [
        pair_of(cell.moved[0][1], name, f"{cell.moved[0][1]} instead of {name}", "screen", cell.name, BASELINE.name)
        for cell in screens
    ]
    over = cells.kind.spreads_over(declared.baseline, spec.metric)
    one_run = over == "nothing"
    seeds = spec.seeds.values[:1] if one_run else spec.seeds.values
    repeated = over == "repeats"  # one run of each cell, measured again and again
    planned = [
        _planned(cell, cells, seeds, repeated=repeated)
        for cell in dict.fromkeys((BASELINE, *fitted.cells))
        if claimed or cell == BASELINE
    ]
    if spec.control:
        planned.append(_control(planned[0], seeds, repeated=repeated))
    planned += [
        _planned(cell, cells, seeds[: spec.screens.seeds], repeated=repeated)
        for cell in screens
        if spec.screens is not None
    ]
    if not claimed and spec.screens is not None:  # nothing but screens: the baseline needs no more seeds than they
        seeds = seeds[: spec.screens.seeds]
        planned[0] = _planned(BASELINE, cells, seeds, repeated=repeated)
    return Ablation(
        name=spec.name,
        summary=spec.summary,
        baseline=name,
        design=spec.design,
        factors=tuple(Levels(name=factor.name, levels=factor.levels) for factor in factors),
        cells=tuple(planned),
        questions=tuple(questions),
        family=metric_family(declared, cells, screen=spec.screen or one_run),
        seeds=seeds,
        sequential=bool(spec.seeds.stopping) and not one_run,
        purpose="screen" if spec.screen or one_run or not claimed else "claim",
        left_out=fitted.left_out,
        confounds=tuple(_confounds(fitted, screens, cells)),
        orders=fitted.orders,
        resolution=fitted.resolution,
        generators=fitted.generators,
        aliases=fitted.aliases,
        notes=(
            *fitted.notes,
            *cells.repeats(dict.fromkeys((BASELINE, *fitted.cells))),
            *((_ONE_RUN,) if cells.kind.spreads_over(declared.baseline) == "nothing" else ()),
            *filter(None, [cells.kind.said_of(spec.metric)]),
        ),
        plan=None,
        also=tuple(name for name in spec.also if name != spec.metric),
        own=own_metrics(declared),
        split=spec.split,
        anytime=spec.seeds.anytime and not one_run,
    )


def _factors(declared: Declared) -> list[Factor]:
    names = dict.fromkeys(factor for factor, _ in declared.levels)
    return [Factor(name, tuple(level for factor, level in declared.levels if factor == name)) for name in names]


def _without(factor: Factor, screens: tuple[str, ...]) -> Factor:
    if factor.name != VARIANT or not screens:
        return factor
    return Factor(factor.name, tuple(level for level in factor.levels if level not in screens))


def _fitted(declared: Declared, cells: CheckedCells, factors: list[Factor]) -> Fitted:
    if not factors:  # screens only
        return Fitted(cells=(BASELINE,), comparisons=())
    try:
        return fit_design(declared.spec, factors, cells)
    except UsageError as error:
        raise SpecError(Problem(declared.where("factors") or declared.where("variants"), str(error))) from None


def _planned(cell: Cell, cells: CheckedCells, seeds: tuple[int, ...], *, repeated: bool) -> PlannedCell:
    experiment = cells.plan(cell)
    return PlannedCell(
        name=cell.name,
        moved=cell.moved,
        spec=cells.kind.spec_of(experiment),
        parameters=experiment.sizes.get("parameters"),
        macs=experiment.sizes.get("macs"),
        seeds=seeds,
        run_seeds=seeds[:1] * len(seeds) if repeated else seeds,
    )


def _control(baseline: PlannedCell, seeds: tuple[int, ...], *, repeated: bool) -> PlannedCell:
    """Run the baseline on the next free seeds: pairs by position, nothing in common but the recipe."""
    free = tuple(range(max(seeds) + 1, max(seeds) + 1 + len(seeds)))
    return baseline.model_copy(update={"name": CONTROL, "run_seeds": free[:1] * len(seeds) if repeated else free})


def _confounds(fitted: Fitted, screens: list[Cell], cells: CheckedCells) -> list[Confound]:
    """Look at what each single level moves; one that moves several factors cannot be attributed to one of them."""
    single = [cell for cell in (*fitted.cells, *screens) if len(cell.moved) == 1]
    found = (confound_of(cell, cells.kind, cells.plan(BASELINE), cells.plan(cell)) for cell in single)
    return [one for one in found if one is not None]


# -- what it can show --------------------------------------------------------------------------------------------------


def _promise(ablation: Ablation, declared: Declared) -> Plan | None:
    """Plan without a spread; refuse what cannot answer, at the place of its seeds."""
    if not ablation.claims or declared.kind.spreads_over(declared.baseline, declared.spec.metric) == "nothing":
        return None
    try:
        return promise(ablation)
    except UsageError as error:
        key = "seeds" if ablation.split is None else "split"
        where = declared.where(key) or declared.where("name")
        said = str(error) if where == "--seeds" else f"{key}: {error}"
        raise SpecError(Problem(where, said)) from None


def promise(ablation: Ablation, seed_sd: float | None = None, effect: float | None = None) -> Plan:
    """Say what the seeds can show; `seed_sd` where one was measured. Raises `UsageError` where they cannot answer.

    Where none was measured the plan says what is true for any spread; it never takes another network's.
    """
    return plan_seeds(
        max(map(len, ablation.families)) or 1,
        len(ablation.seeds),
        purpose=ablation.purpose,
        alpha=ablation.family.alpha,
        power=ablation.family.power,
        effect=effect,
        seed_sd=seed_sd,
        overlap=ablation.family.overlap,
    )
