"""What a search will do and how long that will take, said before anything runs.

    ahead = outlook(study, settings, measure=seconds_of_run)
    ahead.left, ahead.sampler, ahead.seconds

Looks into the storage where there is one, and writes nothing.
"""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Callable

import optuna

from archsearch.experiment import Experiment
from archsearch.plain import Plain
from archsearch.search.confirming import ConfirmAsked
from archsearch.search.pruner_spec import Halving, Screen
from archsearch.search.race_budget import LEAST_FINALISTS
from archsearch.search.search import SearchSettings, asked_of, choose_sampler
from archsearch.search.search_file import SearchFile
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.domains import Value
from archsearch.search.space.space import InfeasibleError, Values
from archsearch.search.space.templates import Open
from archsearch.stats.race import looks_for
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.lifecycle import study_there
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage
from archsearch.study.storage_url import sqlite_file

TIMED_NETWORKS = 3  # sampled networks that are timed beside the baseline
_MOST_TRIES = 200


class Outlook(Plain):
    """What is left of a search: trials in all and yet to do, runs to confirm, the sampler and why it is that one.

    Of a confirmation that is a race the runs are those of the first look, which it has at the least.

    `seconds` is an estimate for all that is left, None where nothing is known; `seconds_from` says what it rests on.
    """

    study: str
    trials: int
    left: int
    confirming: int
    sampler: str
    why: str
    seconds: float | None
    seconds_from: str


def outlook(
    study: SearchFile, settings: SearchSettings, measure: Callable[[Experiment], float | None] | None = None
) -> Outlook:
    """Look ahead; `measure` gives the seconds of a whole run, and is asked only where no trial of the study ran yet."""
    name = settings.name or study.spec.name
    opened = _opened(settings.url, name)
    trials = settings.trials or study.spec.trials
    sampler, why = sampler_used(study, opened, settings.sampler or study.spec.sampler, trials)
    slots = [] if opened is None else list(slots_of(opened).values())
    left = max(0, trials - sum(trial.state.is_finished() for trial in slots))
    confirming = _confirming(asked_of(study, settings)) if study.learned is not None else 0
    near = (spaces_of(study.space).base_values(study.space) or {}) if sampler == "local" and measure is not None else {}
    seconds, source = _seconds(study, slots, left, confirming, measure, near)
    return Outlook(
        study=name,
        trials=trials,
        left=left,
        confirming=confirming,
        sampler=sampler,
        why=why,
        seconds=None if seconds is None else seconds / max(1, settings.workers),
        seconds_from=source,
    )


def sampler_used(study: SearchFile, opened: optuna.Study | None, wanted: str, trials: int) -> tuple[str, str]:
    """Name the sampler that a search uses, and say why: one that has begun goes on with its own."""
    if opened is not None and not (study_held := HeldStudy(opened)).lacks([HeldStudy.sampler.key]):
        held = study_held.sampler
        return held, "the study began with it" + (f", {wanted} is not used" if wanted not in ("auto", held) else "")
    return choose_sampler(study, trials) if wanted == "auto" else (wanted, "as asked for")


def _confirming(asked: ConfirmAsked) -> int:
    """Give how many runs a confirmation has; of a race, whose work nobody knows yet, those of its first look."""
    if not asked.count:
        return 0
    if asked.seeds is not None:
        return (asked.count + 1) * asked.seeds
    runners = 1 + min(asked.count, LEAST_FINALISTS if asked.budget is None else 1)
    return runners * looks_for(runners)[0]


def _opened(url: str, name: str) -> optuna.Study | None:
    """Open a search that is there already; None where there is none, and no file is made."""
    if (path := sqlite_file(url)) is not None and not path.is_file():
        return None
    storage = open_storage(url, reading=True)
    return study_there(name, storage, "search")


def _seconds(
    study: SearchFile,
    slots: list[optuna.trial.FrozenTrial],
    left: int,
    confirming: int,
    measure: Callable[[Experiment], float | None] | None,
    near: Values,
) -> tuple[float | None, str]:
    """Estimate the seconds of one worker: from the trials that there are, else from timed batches."""
    runs = 1 if study.spec.split is None else study.spec.split.pairs  # of a trial
    ended = [(held, held.seconds) for trial in slots if (held := HeldTrial(trial)).seconds is not None]
    took = [seconds for _, seconds in ended if seconds is not None]
    whole = [seconds for held, seconds in ended if seconds is not None and held.run is not None]
    if took and whole:
        seconds = left * statistics.fmean(took) + confirming * statistics.fmean(whole) / runs
        return seconds, f"the {len(took)} trials so far"
    if measure is None:
        return None, ""
    plans = _some_networks(study, near)
    timed = [of_one for plan in plans if (of_one := measure(plan)) is not None]
    if not timed:
        return None, ""
    of_run = statistics.fmean(timed)
    share = _share_of_epochs(study)
    return (
        left * runs * share + confirming
    ) * of_run, f"timed batches of the baseline and {len(plans) - 1} sampled networks"


def _share_of_epochs(study: SearchFile) -> float:
    """Give the share of its epochs that a trial is trained for on average; 1 where the pruner does not tell."""
    pruner, epochs = study.pruner, study.kind.epochs(study.space.baseline)
    if not isinstance(pruner, Screen | Halving) or epochs is None or study.learned is None:
        return 1.0
    rungs = [0.0, *map(float, pruner.rungs(epochs)), float(epochs)]
    left, done = 1.0, 0.0  # of the trials, and epochs of one that began
    for start, end in itertools.pairwise(rungs):
        done += left * (end - start)
        left *= pruner.keep
    return done / epochs


def _some_networks(study: SearchFile, near: Values) -> list[Experiment]:
    """Give the baseline and some samples as the sampler will try: drawn, or a change or two from those values."""
    dice = random.Random(0)
    moved = 2 / max(2, len(near))

    def choose(value: Open) -> Value:
        return near[value.name] if value.name in near and dice.random() > moved else value.domain.draw(dice)

    plans = [study.kind.plan(study.space.baseline)]
    for _ in range(_MOST_TRIES):
        try:
            plans.append(study.space.sample(choose)[0])
        except InfeasibleError:
            continue
        if len(plans) > TIMED_NETWORKS:
            break
    return plans
