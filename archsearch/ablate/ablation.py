"""An ablation from start to end: open or go on with the study, fill the queue, work, judge.

    report = ablate(plan_ablation(load_ablation("documented")), Settings(runs_dir=Path("runs"), workers=2))
    report.effects[0].sentence, report.complete

The runs go through the same queue and the same run directories as those of a search: what was trained once, such as the
baseline of another ablation, is taken from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.by_group import by_group
from archsearch.ablate.jobs import ablate_job, held_ablation, latest, mixed_runs, retry, values_of
from archsearch.ablate.judged_again import Again
from archsearch.ablate.judging import attribution, courses_of, exclusions, judge_ablation, linear_model
from archsearch.ablate.loss_scale import scale_notes
from archsearch.ablate.mcnemar import compare_models
from archsearch.ablate.over_blocks import learning_curves, over_data_sets
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport, CellReport, Counts, Failure
from archsearch.ablate.schedule import Runs, due, rule_note
from archsearch.ablate.seed_check import check_seeds
from archsearch.errors import SpecError, UsageError
from archsearch.metrics import bare_name, is_learned, title_of
from archsearch.spec.folds import SplitSpec
from archsearch.stats import intervals
from archsearch.study.held import HeldAblation, HeldRun, HeldTrial
from archsearch.study.held_runs import reads_of, runs_of, why_lost
from archsearch.study.lifecycle import Look, Settings, open_or_make, read_each
from archsearch.study.mixed import computed_on
from archsearch.study.nursery import Nursery
from archsearch.study.pool import crew_of, run_workers
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage, open_storage
from archsearch.train.environment import environment_line


def ablate(
    ablation: Ablation, settings: Settings, look: Look = lambda study: None, nursery: Nursery | None = None
) -> AblationReport:
    """Train all cells with all seeds that are due, and judge them. Called again it goes on.

    Raises `SpecError` if a study of this name was made for another ablation, `UnavailableError` if the storage cannot
    be reached, `Interrupted`. `nursery` starts the workers, where it is there already.
    """
    if settings.elsewhere and ablation.family.pairs == "repeat":
        title = title_of(ablation.family.metric)
        raise UsageError(f"--on: {title} is measured on this machine, one network after the other; take --on out")
    storage = open_storage(settings.url)
    opened = open_ablation(ablation, storage, settings.name or ablation.name)
    kind, workers = ablation.kind, settings.workers
    workers = kind.workers(ablation.family.metric, ablation.cells[0].spec, workers)
    with crew_of(settings, opened.study_name, workers, nursery) as crew:
        runs = values_of(opened)
        if not _all_there(due(ablation, runs), runs):
            crew.prepare(ablate_job.__module__, torch=kind.name == "network")
        if not settings.elsewhere:  # else its first worker fixes it: this machine may have other devices
            plans = [kind.plan(cell.spec) for cell in ablation.cells]
            kind.fix(storage, opened, plans, workers, auto=crew.device)
        retry(storage, opened)
        run_workers(crew, ablate_job, lambda: look(opened))
    look(opened)
    check = check_seeds(ablation, latest(opened))
    if check is not None and check.ignored:
        raise SpecError(check.sentence)
    return report_on(opened, settings.runs_dir)


def open_ablation(ablation: Ablation, storage: Storage, name: str) -> optuna.Study:
    """Open the study of this name, or make it; refuse one that was made for another ablation."""
    held = HeldAblation(ablation=ablation.model_dump_json(), metrics=(ablation.family.metric,), trials=ablation.runs)
    opened = open_or_make(
        storage, name, "ablation", [(ablation.family.direction, ablation.family.metric)], lambda: held
    )
    differences = differences_of(held_ablation(opened), ablation)
    if differences:
        raise SpecError(
            f"an ablation named {name} exists and is another one ({'; '.join(differences)}): what is compared is fixed "
            "before the first run, and not amended. Put it back as it was to go on, or choose another name with "
            "--name: a run that both have is not trained again"
        )
    return opened


def differences_of(before: Ablation, now: Ablation) -> list[str]:
    """Say what an ablation of before and one of now do not share; words about them do not count."""
    found = []
    for key in ("baseline", "design", "split", "seeds", "sequential", "purpose", "also"):
        old, new = getattr(before, key), getattr(now, key)
        if old != new:
            found.append(f"{key} was {_brief(old)}, is {_brief(new)}")
    if (before.looks and now.anytime) or (before.anytime and now.looks):
        # where neither is so the study is of version 0.1.0, and goes on with the rule of then
        rules = ("sequential", "anytime") if before.looks else ("anytime", "sequential")
        found.append("the rule of stopping was {}, is {}".format(*rules))
    changed = {one.name: one.digest for one in before.own}
    found += [
        f"the file of {one.name} has changed" for one in now.own if changed.get(one.name, one.digest) != one.digest
    ]
    old_family, new_family = before.family.model_dump(), now.family.model_dump()
    if now.family.unit == "own" and not now.family.margin:
        old_family["margin"] = 0.0  # none was said now: the one that it was begun with stands
    found += [f"{key} was {old_family[key]}, is {new}" for key, new in new_family.items() if old_family[key] != new]
    old_cells, new_cells = ({cell.name: cell for cell in one.cells} for one in (before, now))
    found += [f"the cell {name} is new" for name in new_cells if name not in old_cells]
    found += [f"the cell {name} is gone" for name in old_cells if name not in new_cells]
    for name, cell in new_cells.items():
        old = old_cells.get(name)
        if old is None:
            continue
        was, is_now = (one.kind.parts(one_cell.spec) for one, one_cell in ((before, old), (now, cell)))
        parts = [part for part in is_now if was.get(part) != is_now[part]]
        found += [f"the {part} of the cell {name} is another one" for part in parts]
        if not parts and old.run_seeds != cell.run_seeds and before.seeds == now.seeds:
            found.append(f"the cell {name} has other seeds")
    old_questions, new_questions = (
        [one.model_copy(update={"label": ""}) for one in of.questions] for of in (before, now)
    )
    if not found and old_questions != new_questions:
        found.append("other questions are asked")
    return found[:6]


def _brief(value: object) -> str:
    if isinstance(value, tuple) and not all(isinstance(one, int) for one in value):
        return ", ".join(map(str, value))
    if isinstance(value, SplitSpec):
        return value.said
    if isinstance(value, tuple):
        return f"{len(value)} seeds ({', '.join(map(str, value[:3]))}{', ...' if len(value) > 3 else ''})"
    return str(value)


# -- what came out -----------------------------------------------------------------------------------------------------


def report_on(opened: optuna.Study, runs_dir: Path | None = None, again: Again | None = None) -> AblationReport:
    """Give what an ablation holds now, from the storage alone; predictions, where `runs_dir` has them, add models.

    With `again` it is judged by another metric than it was made for.
    """
    ablation = held_ablation(opened)
    trials, runs = latest(opened), values_of(opened)
    planned = due(ablation, runs)
    complete = _all_there(planned, runs)
    useless = mixed_runs(opened, trials)
    check = check_seeds(ablation, trials)
    runs = {cell: {seed: of[seed] for seed in of if (cell, seed) not in useless} for cell, of in runs.items()}
    lacking: set[tuple[str, int]] = set()
    if again is not None:
        ablation = again.ablation
        runs, lacking = again.runs(runs, trials)
    comparable = {key: trial for key, trial in trials.items() if key not in useless}
    # only networks keep what they predicted; by another metric the question about two models is the same as before
    asked = ablation.kind.name == "network" and is_learned(ablation.family.metric) and (again is None or not again.note)
    models, missing = compare_models(ablation, comparable, runs_dir) if asked else ((), "")
    done = [trial for trial in trials.values() if trial.state == TrialState.COMPLETE]
    unusable = {*useless, *lacking}
    effects = judge_ablation(ablation, runs, complete=complete, unusable=unusable)
    return AblationReport(
        study=opened.study_name,
        kind=ablation.kind.name,
        summary=ablation.summary,
        baseline=ablation.baseline,
        design=ablation.design,
        family=ablation.family,
        seeds=ablation.seeds,
        split=ablation.split,
        blocks=ablation.blocks,
        sequential=ablation.sequential,
        purpose=ablation.purpose,
        complete=complete,
        effects=effects,
        groups=by_group(ablation, comparable),
        over_data_sets=over_data_sets(ablation, runs) if complete else None,
        learning=learning_curves(ablation, runs, effects) if complete else (),
        questions=ablation.questions,
        cells=tuple(_cell_reports(ablation, comparable, runs)),
        runs=_counts(opened, trials, planned),
        failures=tuple(_failures(trials)),
        exclusions=exclusions(runs, planned, useless | dict.fromkeys(lacking, again.why_without if again else "")),
        test_reads=_test_reads(done),
        plan=ablation.plan,
        model=linear_model(ablation, runs),
        attribution=attribution(ablation, runs),
        looks=ablation.looks,
        courses=courses_of(ablation, runs, unusable),
        confounds=ablation.confounds,
        left_out=ablation.left_out,
        resolution=ablation.resolution,
        generators=ablation.generators,
        aliases=ablation.aliases,
        notes=(
            *((again.lacking(len(lacking)),) if again is not None and lacking else ()),
            *(again.valueless if again is not None else ()),
            *(one.said for one in ablation.own if one.name == bare_name(ablation.family.metric)),
            *ablation.notes,
            *filter(None, ("" if again is None else again.said, rule_note(ablation))),
            *scale_notes(ablation),
            *((check.sentence,) if check is not None and check.sentence else ()),
            *ablation.kind.remarks(runs_of(done)),
            *mixed_notes(useless),
            *engine_notes(comparable),
        ),
        models=models,
        models_missing=missing,
        hardware=_hardware(done),
        chosen="" if again is None else again.note,
    )


def _all_there(planned: Iterable[tuple[str, int]], runs: Runs) -> bool:
    return all(seed in runs.get(cell, {}) for cell, seed in planned)


def mixed_notes(useless: Mapping[tuple[str, int], str]) -> tuple[str, ...]:
    """Say that runs are left out as they would make mixed pairs."""
    if not useless:
        return ()
    count = "1 run is" if len(useless) == 1 else f"{len(useless)} runs are"
    return (f"{count} left out, as several machines computed otherwise: {'; '.join(dict.fromkeys(useless.values()))}",)


def engine_notes(trials: Mapping[tuple[str, int], FrozenTrial]) -> tuple[str, ...]:
    """Say which cells were computed by which engine, where these are two."""
    cells: dict[str, dict[str, str]] = {}
    for (cell, _), trial in trials.items():
        if trial.state == TrialState.COMPLETE:
            run = HeldRun(trial)
            _, engine = computed_on(run)
            cells.setdefault(engine, {})[cell] = run.environment.get("engine_reason", "")
    if len(cells) < 2:
        return ()
    said = "; ".join(f"{engine}: {', '.join(cells[engine])}" for engine in sorted(cells))
    why = "; ".join(dict.fromkeys(reason for of in cells.values() for reason in of.values() if reason))
    return (f"two engines computed the cells, by one rule over their networks ({said})" + (f": {why}" if why else ""),)


def _test_reads(done: list[FrozenTrial]) -> int:
    """Count the reads of the test set, each run once: the same run may be in two cells."""
    return reads_of({run.run_id: run for run in runs_of(done)}.values())


def _hardware(done: list[FrozenTrial]) -> tuple[str, ...]:
    """Name what the runs were computed on: one line if all on the same."""

    def line(environment: Mapping[str, Any]) -> str:
        if "engine" not in environment and "device" not in environment:
            return _machine_of_program(environment)
        return environment_line(environment)

    return tuple(dict.fromkeys(line(run.environment) for run in runs_of(done)))


def _machine_of_program(environment: Mapping[str, Any]) -> str:
    """Name the machine, and the versions that the program printed, where it printed any."""
    where = f"{environment.get('processor', '?')}, {environment.get('cores', '?')} cores, {environment.get('platform')}"
    printed = ", ".join(f"{name} {version}" for name, version in environment.get("versions", {}).items())
    return "; ".join(part for part in (where, printed, f"archsearch {environment.get('archsearch')}") if part)


def _cell_reports(ablation: Ablation, trials: dict[tuple[str, int], FrozenTrial], runs: Runs) -> list[CellReport]:
    found = []
    for cell in ablation.cells:
        of = runs.get(cell.name, {})
        values = [value for value in of.values() if value is not None]
        mine = [trial for (name, _), trial in trials.items() if name == cell.name]
        seconds = [HeldRun(trial).seconds for trial in mine if trial.state == TrialState.COMPLETE]
        found.append(
            CellReport(
                name=cell.name,
                moved=dict(cell.moved),
                block=cell.block,
                spec=cell.spec.name,
                parameters=cell.parameters,
                macs=cell.macs,
                values={str(seed): of[seed] for seed in cell.seeds if seed in of},
                mean=intervals.mean(values) if values else None,
                sd=intervals.standard_deviation(values) if len(values) > 1 else None,
                seconds=intervals.mean(seconds) if seconds else None,
            )
        )
    return found


def _counts(opened: optuna.Study, trials: dict[tuple[str, int], FrozenTrial], planned: list[tuple[str, int]]) -> Counts:
    outcomes = Counter(HeldTrial(trial).outcome for trial in trials.values())
    states = Counter(trial.state for trial in trials.values())
    return Counts(
        planned=len(planned),
        completed=states[TrialState.COMPLETE],
        cached=outcomes["repeated"],
        diverged=outcomes["diverged"],
        failed=states[TrialState.FAIL] - outcomes["diverged"],
        running=states[TrialState.RUNNING],
        waiting=len(planned) - sum(trial.state != TrialState.WAITING for trial in trials.values()),
        retried=len(slots_of(opened)) - len(trials),
    )


def _failures(trials: dict[tuple[str, int], FrozenTrial]) -> list[Failure]:
    found = []
    for (cell, seed), trial in trials.items():
        if trial.state == TrialState.FAIL:
            how, reason = why_lost(trial)
            outcome: Literal["diverged", "failed"] = "diverged" if how == "diverged" else "failed"
            found.append(Failure(cell=cell, seed=seed, outcome=outcome, reason=reason))
    return found


def all_reports(storage: Storage) -> tuple[list[AblationReport], dict[str, str]]:
    """Report on every ablation of a storage; and why not, for those that cannot be read."""
    return read_each(storage, "ablation", report_on)
