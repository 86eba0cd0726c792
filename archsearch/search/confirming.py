"""Run what a confirmation lacks: the finalists and the baseline on fresh seeds, as a race or so many seeds for all.

    asked = ConfirmAsked(count=3)               # a race, see `stats/race.py`; with seeds=10 ten seeds for all
    run_confirmation(study, opened, storage, crew, asked, look)

What is there already is not run again. A race is declared before its first run, and one that has begun keeps its field
as long as the search does not bring other finalists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from archsearch.crash import crash_point
from archsearch.errors import SpecError, UsageError
from archsearch.kinds.kind import ExperimentKind
from archsearch.kinds.seed_check import LOOKED_AT, seeds_are_checked
from archsearch.search.confirm import BASELINE
from archsearch.search.finalists import compared, confirming_slots, finalist_name, finalists, fresh_seeds
from archsearch.search.jobs import confirm_job
from archsearch.search.race_budget import choose_field, work_of
from archsearch.search.racing import DeclaredRace, declared_race, finalist_slot, named_finalist, seed_check
from archsearch.search.search_file import SearchFile
from archsearch.stats.effect import Family
from archsearch.stats.power import seeds_to_reach
from archsearch.stats.race import Race, looks_for
from archsearch.study.held import HeldRun, HeldStudy, HeldTrial, fixed_values
from archsearch.study.ledger import amend, json_digest
from archsearch.study.lifecycle import Look, confirmation_study, make_confirmation
from archsearch.study.pool import Crew, run_workers
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.storage import Storage, Study


@dataclass(frozen=True, slots=True)
class ConfirmAsked:
    """How a search is to be confirmed: how many finalists at the most, and what decides when it ends.

    `seeds` for all, else a race within a `budget`, a share of the search's own work (None: the usual one), or up to the
    look with `until` seeds whatever that costs.
    """

    count: int
    seeds: int | None = None
    budget: float | None = None
    until: int = 0


def run_confirmation(
    study: SearchFile, opened: Study, storage: Storage, crew: Crew, asked: ConfirmAsked, look: Look
) -> None:
    """Run what is due, with a crew; nothing where the search has no finalist."""
    there = [HeldTrial(trial) for trial in confirming_slots(opened, storage)]
    kind = study.kind
    held = {slot.candidate: slot.candidate_spec for slot in there}
    # a confirmation that has begun goes on with the baseline that it began with
    baseline = held.get(BASELINE) or kind.plan(study.space.baseline).written
    chosen = finalists(opened, asked.count, kind.key(kind.plan(kind.read(baseline))))
    if not chosen:
        return
    family, _ = compared(opened)
    _refuse_ignored_seeds(kind, family.metric, opened, storage)  # of runs that are there, before more is declared
    begun = declared_race(confirmation_study(opened, storage))
    if begun is not None and asked.seeds is not None:
        raise SpecError(
            f"the confirmation of {opened.study_name} has begun as a race, and now {asked.seeds} seeds for all are "
            f"asked for; `archsearch confirm {opened.study_name} --seeds N` goes on with it, or choose another name "
            "with --name"
        )
    confirming = make_confirmation(opened, storage, (family.direction, family.metric))
    crash_point("confirmation made")
    seeds_there = len({slot.run_seed for slot in there})
    declared = None
    if begun is None and (asked.seeds is not None or (there and not asked.until)):
        specs = {BASELINE: baseline, **{finalist_name(trial): HeldRun(trial).candidate for trial in chosen}}
    else:
        if begun is None and there:
            begun = _as_a_race(opened, held, seeds_there, family)
        declared = _declared(opened, chosen, baseline, family, begun, asked)
        specs = declared.specs
    plans = [kind.plan(kind.read(spec)) for spec in specs.values()]
    kind.fix(storage, confirming, plans, crew.workers, like=opened)
    there_too = crew.at(study_name=confirming.study_name)
    if declared is not None:
        _declare(storage, confirming, specs, declared.race.seeds, declared.model_dump_json())
        run_workers(there_too, confirm_job, lambda: look(confirming))
        _refuse_ignored_seeds(kind, family.metric, opened, storage)
        return
    run_seeds = fresh_seeds(HeldStudy(opened).seed, asked.seeds or seeds_there)
    if len(run_seeds) > seeds_there and all(slot.state.is_finished() for slot in confirming_slots(opened, storage)):
        _refuse_more(opened, seeds_there, family)
    _declare(storage, confirming, specs, run_seeds, None)
    looked_at = {BASELINE: run_seeds[:LOOKED_AT]} if seeds_are_checked(kind, kind.read(baseline), family.metric) else {}
    for of in (looked_at, dict.fromkeys(specs, run_seeds)):
        add_slots(storage, confirming, _slots(confirming, specs, of))
        run_workers(there_too, confirm_job, lambda: look(confirming))
        _refuse_ignored_seeds(kind, family.metric, opened, storage)


def _refuse_ignored_seeds(kind: ExperimentKind, metric: str, opened: Study, storage: Storage) -> None:
    check = seed_check(kind, metric, confirming_slots(opened, storage))
    if check is not None and check.ignored:
        raise SpecError(check.sentence)


def _refuse_more(opened: Study, seeds: int, family: Family) -> None:
    """Raise `SpecError` where as many seeds for all as there are may have decided something: one more look is one."""
    if seeds >= seeds_to_reach(1, family.alpha):
        raise SpecError(
            f"{opened.study_name} was confirmed with {seeds} seeds for all, as it was planned: adding seeds until "
            "something is shown would show too much. A study with another --name and --seed has other fresh seeds; "
            "without --confirm-seeds its finalists race, and a race may go on (archsearch confirm)"
        )


# -- a race ------------------------------------------------------------------------------------------------------------


def _declared(
    opened: Study,
    chosen: Sequence[FrozenTrial],
    baseline: dict[str, Any],
    family: Family,
    begun: DeclaredRace | None,
    asked: ConfirmAsked,
) -> DeclaredRace:
    """Declare a race, or take the one that has begun with what is asked for now."""
    names = [finalist_name(trial) for trial in chosen]
    if begun is not None and _is_still_of(begun.race, names):
        race = begun.race
        if asked.budget is not None and race.searched is not None:
            race = race.model_copy(update={"budget": max(race.budget, asked.budget * race.searched)})
        return begun.model_copy(update={"race": _until(race, asked.until)})
    trials = dict(zip(names, chosen, strict=True))
    specs = {BASELINE: baseline, **{name: HeldRun(trial).candidate for name, trial in trials.items()}}
    if (of_base := slots_of(opened).get(0)) is not None and fixed_values(of_base):
        trials[BASELINE] = of_base
    work = work_of(opened, specs, trials)
    count, budget = choose_field([work.runs[name] for name in names], work.runs[BASELINE], work.searched, asked.budget)
    runners = (BASELINE, *names[:count])
    race = Race(
        runners=runners,
        seeds=tuple(fresh_seeds(HeldStudy(opened).seed, looks_for(len(runners))[-1])),
        looks=looks_for(len(runners)),
        work={name: work.runs[name] for name in runners},
        unit=work.unit,
        budget=budget,
        searched=work.searched,
        alpha=family.alpha,
        margin=family.margin,
        maximize=family.direction == "maximize",
    )
    specs = {name: specs[name] for name in runners}
    return DeclaredRace(race=_until(race, asked.until), metric=family.metric, specs=specs)


def _is_still_of(race: Race, names: Sequence[str]) -> bool:
    """Say whether the finalists of a race are the best of the search as it is now."""
    racing = [name for name in race.runners if name != BASELINE]
    return set(racing) <= set(names) and set(names[: len(racing)]) == set(racing)


def _until(race: Race, seeds: int) -> Race:
    if not seeds or seeds <= race.until:
        return race
    if seeds not in race.looks:
        raise UsageError(
            f"--seeds {seeds}: this confirmation is looked at after {_listed(race.looks)} seeds, as was declared when "
            "it began; give one of these"
        )
    return race.model_copy(update={"until": seeds})


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}" if first else last


def _as_a_race(opened: Study, held: Mapping[str, dict[str, Any]], seeds: int, family: Family) -> DeclaredRace:
    """Declare that a confirmation with the same few seeds for all goes on as a race.

    With fewer pairs than can be significant nothing was decided by a look at them, so that the looks may be declared
    now. Raises `SpecError` where there were more.
    """
    _refuse_more(opened, seeds, family)
    runners = (BASELINE, *(name for name in held if name != BASELINE))
    looks = looks_for(len(runners))
    trials = {finalist_name(trial): trial for trial in slots_of(opened).values()}
    work = work_of(opened, held, {name: trials[name] for name in runners if name in trials})
    race = Race(
        runners=runners,
        seeds=tuple(fresh_seeds(HeldStudy(opened).seed, looks[-1])),
        looks=looks,
        work={name: work.runs[name] for name in runners},
        unit=work.unit,
        budget=seeds * sum(work.runs[name] for name in runners),
        searched=work.searched,
        alpha=family.alpha,
        margin=family.margin,
        maximize=family.direction == "maximize",
    )
    specs = {name: held[name] for name in runners}
    return DeclaredRace(race=race, metric=family.metric, specs=specs)


def _declare(
    storage: Storage, confirming: Study, specs: Mapping[str, dict[str, Any]], seeds: Iterable[int], race: str | None
) -> None:
    """Note in the ledger who is confirmed with which seeds, and by which race, before any of it is planned."""
    before = HeldStudy(confirming).planned or {"candidates": {}, "seeds": []}
    planned = {
        "candidates": {
            **before["candidates"],
            **{name: json_digest(named_finalist(name, spec)) for name, spec in specs.items()},
        },
        "seeds": list(dict.fromkeys([*before["seeds"], *seeds])),
    }
    changes: dict[str, Any] = {HeldStudy.planned.key: planned}
    amend(storage, confirming, changes if race is None else changes | {HeldStudy.race.key: race})


# -- so many seeds for all ---------------------------------------------------------------------------------------------


def _slots(
    confirming: optuna.Study, candidates: dict[str, dict[str, Any]], seeds_of: Mapping[str, Sequence[int]]
) -> list[Slot]:
    """Plan runs of candidates with their seeds, seed by seed, but for those that are planned already."""
    seeds = dict.fromkeys(seed for of in seeds_of.values() for seed in of)
    planned = slots_of(confirming)
    there = {(slot.candidate, slot.run_seed) for slot in map(HeldTrial, planned.values())}
    slots: list[Slot] = []
    for run_seed in seeds:
        for candidate, spec in candidates.items():
            if (candidate, run_seed) in there or run_seed not in seeds_of.get(candidate, ()):
                continue
            slots.append(finalist_slot(len(planned) + len(slots), candidate, candidates, spec, run_seed))
    return slots
