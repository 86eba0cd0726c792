"""What the runs of a study took, those that came to nothing too: counts and seconds, as its trials say them.

    spent = spent_by(study.get_trials(deepcopy=False))
    spent.trained.runs, spent.trained.seconds, spent.lost["diverged"].runs

Seconds are of training (of programs: of the process), summed over runs whatever ran beside them, not a wall clock.
What nobody measured is counted and not guessed: see `unknown` and `deaths`.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING, Any

from archsearch.plain import Plain
from archsearch.study.held import HeldTrial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Took(Plain):
    """Some runs: how many, and their seconds together; `unknown` of them have no time."""

    runs: int = 0
    seconds: float = 0.0
    unknown: int = 0
    middle: float | None = None  # seconds of the median run


class Spent(Plain):
    """`trained` gave a value, `taken` were there before the study and were not run again, `lost` gave none, by outcome.

    `deaths` are tries whose worker died; `late` are results of a slot that another worker had ended.
    """

    trained: Took
    taken: Took
    lost: dict[str, Took]
    deaths: int
    late: int

    @property
    def seconds(self) -> float:
        """Give the seconds of all runs that the study made."""
        return self.trained.seconds + sum(one.seconds for one in self.lost.values())


def spent_by(trials: Iterable[FrozenTrial]) -> Spent:
    """Add up what trials took; those that wait or run are left out."""
    trained: list[float | None] = []
    taken: list[float | None] = []
    lost: dict[str, list[float | None]] = {}
    deaths = late = 0
    for trial in trials:
        held = HeldTrial(trial)
        deaths += held.deaths
        late += len(held.late)
        if not trial.state.is_finished():
            continue
        outcome = held.outcome or "failed"
        if outcome in ("completed", "repeated"):
            (trained if outcome == "completed" else taken).extend(_seconds(run.result) for run in held.runs)
        else:
            # of a run that was stopped the slot's own time is what is known: training, and what stood around it
            lost.setdefault(outcome, []).append(held.seconds)
    return Spent(
        trained=_took(trained),
        taken=_took(taken),
        lost={name: _took(lost[name]) for name in ("pruned", "diverged", "failed") if name in lost},
        deaths=deaths,
        late=late,
    )


def _seconds(result: Any) -> float | None:
    found = result.get("seconds")
    return None if found is None else float(found)


def _took(seconds: list[float | None]) -> Took:
    known = [one for one in seconds if one is not None]
    return Took(
        runs=len(seconds),
        seconds=sum(known),
        unknown=len(seconds) - len(known),
        middle=median(known) if known else None,
    )
