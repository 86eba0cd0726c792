"""The finalists of a search: which they are, their runs on fresh seeds beside the baseline's, and what these came to.

    ranked_trials(study); finalists(study, 3, key)
    confirm(study, opened, storage, site, ...)       # trains what is not there yet
    confirmation_of(opened, storage)

The baseline is no finalist: a trial of the same network and training is the same runs over again. With several
objectives the finalists are those of the Pareto front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import SpecError
from archsearch.experiment_plan import plan_experiment
from archsearch.metrics import main_of
from archsearch.search.baseline import unlike
from archsearch.search.confirm import BASELINE, Confirmation, best_of, conclude
from archsearch.search.jobs import confirm_job
from archsearch.search.search_file import Study, stored_study
from archsearch.search.space.space import network_key
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.held import reads_of, results_of
from archsearch.study.pool import Site, run_workers
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.storage import experimental
from archsearch.train.streams import stream


def ranked_trials(opened: optuna.Study) -> list[FrozenTrial]:
    """Give the completed trials, best first, each network once; with several objectives by the learned one."""
    metrics: list[str] = opened.user_attrs["metrics"]
    which = main_of(metrics)
    sign = -1.0 if opened.directions[which] == optuna.study.StudyDirection.MAXIMIZE else 1.0
    done = [t for t in slots_of(opened).values() if t.state == TrialState.COMPLETE]
    done.sort(key=lambda t: (sign * t.values[which], t.number))
    seen: set[str] = set()
    ranked = []
    for trial in done:
        network = trial.user_attrs["network"]
        if network not in seen:
            seen.add(network)
            ranked.append(trial)
    return ranked


def confirm_name(name: str) -> str:
    """Give the name of the study that holds the confirmation of a search."""
    return f"{name}.confirm"


def finalists(opened: optuna.Study, count: int, baseline: str | None) -> list[FrozenTrial]:
    """Give the best trials that are not the baseline (its `network_key`), of several objectives those of the front."""
    ranked = [trial for trial in ranked_trials(opened) if trial.user_attrs["network"] != baseline]
    if len(opened.directions) > 1:
        front = {trial.number for trial in opened.best_trials}
        ranked = [trial for trial in ranked if trial.number in front]
    return ranked[:count]


def confirm(
    study: Study,
    opened: optuna.Study,
    storage: RDBStorage,
    site: Site,
    workers: int,
    count: int,
    seeds: int,
    look: Callable[[optuna.Study], None],
) -> None:
    """Train the finalists and the baseline on fresh seeds; what is there already is not trained again."""
    name = confirm_name(opened.study_name)
    there = confirming_slots(opened, storage)
    held = {t.user_attrs["candidate"]: t.user_attrs["candidate_spec"] for t in there}
    # a confirmation that has begun goes on with the baseline that it began with
    baseline = held.get(BASELINE) or study.space.baseline.model_dump(mode="json")
    chosen = finalists(opened, count, network_key(plan_experiment(ExperimentSpec.model_validate(baseline))))
    if not chosen:
        return
    candidates = {BASELINE: baseline, **{f"trial {trial.number}": trial.user_attrs["spec"] for trial in chosen}}
    confirming = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    if not confirming.user_attrs:
        confirming.set_user_attr("kind", "confirm")
        confirming.set_user_attr("of", opened.study_name)
        with experimental():
            confirming.set_metric_names(["test_accuracy"])
    add_slots(storage, confirming, _slots(confirming, candidates, fresh_seeds(opened.user_attrs["seed"], seeds)))
    run_workers(Site(site.url, name, site.runs_dir, site.data_dir), confirm_job, workers, lambda: look(confirming))


def _slots(confirming: optuna.Study, candidates: dict[str, dict[str, Any]], seeds: Sequence[int]) -> list[Slot]:
    """Plan a run of every candidate with every seed, but for those that are planned already."""
    planned = slots_of(confirming)
    there = {(t.user_attrs["candidate"], t.user_attrs["run_seed"]) for t in planned.values()}
    slots: list[Slot] = []
    for run_seed in seeds:
        for candidate, spec in candidates.items():
            if (candidate, run_seed) in there:
                continue
            attrs = {
                "candidate": candidate,
                "candidates": list(candidates),
                "candidate_spec": {**spec, "name": candidate.replace(" ", "-")},
                "run_seed": run_seed,
            }
            slots.append(Slot(len(planned) + len(slots), {"candidate": candidate, "seed": run_seed}, attrs))
    return slots


def fresh_seeds(study_seed: int, count: int) -> list[int]:
    """Give the seeds of a confirmation: none is that of the search."""
    return [1 + stream(study_seed, "confirm", number) % (2**31 - 2) for number in range(count)]


def confirming_slots(opened: optuna.Study, storage: RDBStorage) -> list[FrozenTrial]:
    """Give every slot of a search's confirmation; none where there is no confirmation."""
    name = confirm_name(opened.study_name)
    if name not in optuna.get_all_study_names(storage):
        return []
    return list(slots_of(optuna.load_study(study_name=name, storage=storage)).values())


def confirmed_runs(opened: optuna.Study, slots: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the completed runs of a confirmation that count, also of one that an earlier version made."""
    return [trial for trial in _counted(opened, slots) if trial.state == TrialState.COMPLETE]


def _counted(opened: optuna.Study, slots: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the runs that count, whatever became of them.

    Not those of a trial that is the baseline itself, nor, with several objectives, of one that is not on the front.
    """
    done = [trial for trial in slots if trial.state == TrialState.COMPLETE]
    of_baseline = {t.user_attrs["run_id"] for t in done if t.user_attrs["candidate"] == BASELINE}
    again = {
        t.user_attrs["candidate"]
        for t in done
        if t.user_attrs["candidate"] != BASELINE and t.user_attrs["run_id"] in of_baseline
    }
    if len(opened.directions) > 1:
        front = {f"trial {trial.number}" for trial in opened.best_trials}
        again |= {t.user_attrs["candidate"] for t in slots} - front - {BASELINE}
    return [trial for trial in slots if trial.user_attrs["candidate"] not in again]


def confirmation_of(opened: optuna.Study, storage: RDBStorage) -> Confirmation | None:
    """Read the confirmation of a search from the storage, None if there is none; judged by today's rule, always."""
    slots = confirming_slots(opened, storage)
    planned = _counted(opened, slots)
    if not any(trial.state == TrialState.COMPLETE for trial in planned):
        return None
    test: dict[str, dict[int, float | None]] = {}
    validation: dict[str, dict[int, float]] = {}
    specs: dict[str, dict[str, Any]] = {}
    for trial in planned:
        held = trial.user_attrs
        runs = test.setdefault(held["candidate"], {})
        specs[held["candidate"]] = held["candidate_spec"]
        if trial.state == TrialState.COMPLETE:
            runs[held["run_seed"]] = trial.values[0]
            if held["result"].get("val_accuracy") is not None:
                validation.setdefault(held["candidate"], {})[held["run_seed"]] = held["result"]["val_accuracy"]
        elif trial.state.is_finished():
            runs[held["run_seed"]] = None
    metrics = opened.user_attrs["metrics"]
    learned = metrics.index("val_accuracy") if "val_accuracy" in metrics else None
    searched: dict[str, tuple[int | None, float | None]] = {}
    for name in test:
        if name != BASELINE:
            number = int(name.split()[-1])
            values = opened.get_trials(deepcopy=False)[number].values
            searched[name] = (number, values[learned] if learned is not None and values else None)
    seeds = sorted({seed for by_seed in test.values() for seed in by_seed})
    complete = all(trial.state.is_finished() for trial in planned)
    confirmed = conclude(seeds, test, validation, searched, reads_of(results_of(slots)), complete=complete)
    return confirmed.model_copy(update={"unlike": _unlike(opened, confirmed, specs)})


def _unlike(opened: optuna.Study, confirmed: Confirmation, specs: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Say how the best finalist and the baseline were trained otherwise, beyond what the space leaves open."""
    first = best_of(confirmed.candidates)
    if first is None or BASELINE not in specs:
        return ()
    held = opened.user_attrs
    try:
        space = stored_study(held["text"], held["stem"], held["base"]).space
    except SpecError:  # a file that this version does not read any more
        return ()
    return unlike(space, specs[first.candidate], specs[BASELINE], first.candidate)
