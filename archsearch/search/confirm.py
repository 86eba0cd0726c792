"""Is the winner real? The best of a search and its baseline once more, on fresh seeds, with the test set.

    confirmed.winner, confirmed.race, best_of(confirmed), not_told_apart(confirmed)

What a confirmation came to, as data: `concluding.py` makes it, `confirm_said.py` says it in sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archsearch.kinds.kind import ExperimentKind
from archsearch.metrics import Direction, bare_name, bounds_of, is_own, title_of
from archsearch.plain import Plain
from archsearch.stats.effect import Effect, Family
from archsearch.stats.intervals import Interval
from archsearch.stats.race import Left
from archsearch.wording import cut_text

BASELINE = "baseline"
NONE_COMPLETED = "No finalist completed."
FAMILY = Family()  # an ablation's whose file says nothing else: alpha 0.05, a margin of 0.1 points of test accuracy


def family_of(
    kind: ExperimentKind, held: Mapping[str, Any], learned: str | None, direction: Direction | None = None
) -> tuple[Family, str]:
    """Give what a search is confirmed by, as an ablation of that metric would be, and what the search had of it.

    `held` is the base as a storage has it. Of networks the first is the metric that was learned, on the test set;
    where both are one, or it is a function of somebody's file, it goes in the `direction` of the search.
    """
    name, searched = kind.confirmed_by(learned, held)
    metric = kind.metric_held(held, name)
    same = name == searched or is_own(bare_name(name))
    wanted = direction if direction is not None and same else metric.direction
    return Family(metric=name, direction=wanted, margin=metric.margin, unit=metric.unit), searched


class Confirmed(Plain):
    """One finalist (or the baseline): its search value, and its values on the test set on fresh seeds.

    All are in the unit of the confirmation's metric, accuracies as fractions. `test_accuracies` are the `test_values`
    where these are accuracies, else empty.
    """

    candidate: str
    trial: int | None
    search_value: float | None
    test_values: dict[str, float]
    test_accuracies: dict[str, float]
    mean: float | None
    ci95: Annotated[tuple[float, float] | None, Field(strict=False)]
    shrinkage: float | None  # search value minus the mean of the same metric, on validation data, on the fresh seeds
    gain: float | None  # mean paired difference from the baseline
    gain_ci95: Annotated[tuple[float, float] | None, Field(strict=False)]

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, value: Any) -> Any:
        if isinstance(value, dict) and "test_values" not in value and "test_accuracies" in value:
            return {**value, "test_values": value["test_accuracies"]}
        return value


class RaceReport(Plain):
    """How far a confirmation is that is a race: `seeds` at the last look, who is in it and who has left.

    `spent` and `budget` are in `unit`, as is `searched`, the search's own work. After `needed` seeds a difference of
    the margin would be known, or that there is none as large; `settled_at` is the first look with as many. `command`
    goes on to it, or to the next one, in about `settling_seconds` of one worker. None where nothing is left to settle,
    or no declared look is enough.
    """

    outcome: Literal["running", "won", "level", "open"]
    looks: Annotated[tuple[int, ...], Field(strict=False)]
    seeds: int
    racing: Annotated[tuple[str, ...], Field(strict=False)]
    left: Annotated[tuple[Left, ...], Field(strict=False)]
    unit: str
    budget: float
    spent: float
    searched: float | None
    needed: int | None = None
    settled_at: int | None = None
    settling_seconds: float | None = None
    command: str = ""


class Confirmation(Plain):
    """What the confirmation came to; `winner` is set only where it is better than the baseline and all other finalists.

    `effects` are the finalists against the baseline, `between` the best finalist against the others, out of the family
    of all pairs of them; where `complete` is false, runs are still to come, and there are no verdicts. `unlike` says
    what of data and training differs between the best finalist and the baseline, outside the space. `family` says by
    which metric all this was decided. `race` is None where all had the same number of seeds, whatever came out.
    """

    seeds: tuple[int, ...]
    candidates: tuple[Confirmed, ...]
    winner: str | None
    sentence: str
    test_reads: int
    unlike: Annotated[tuple[str, ...], Field(strict=False)] = ()
    effects: Annotated[tuple[Effect, ...], Field(strict=False)] = ()
    between: Annotated[tuple[Effect, ...], Field(strict=False)] = ()
    complete: bool = True
    family: Family = FAMILY
    race: RaceReport | None = None

    def effect(self, candidate: str) -> Effect | None:
        """Give the comparison of a finalist with the baseline, None where there is none."""
        return next((effect for effect in self.effects if effect.variant == candidate), None)


def best_of(confirmed: Confirmation) -> Confirmed | None:
    """Give the finalist with the best mean on the test set, None where none completed; the baseline is no finalist.

    Of a race one of those that are still in it, where any finalist is.
    """
    rows = confirmed.candidates
    racing = [] if confirmed.race is None else [row for row in rows if row.candidate in confirmed.race.racing]
    return best_row(racing, confirmed.family) or best_row(rows, confirmed.family)


def best_row(rows: Sequence[Confirmed], family: Family) -> Confirmed | None:
    """Give the finalist with the best mean among these."""
    finalists = [(row.mean, row) for row in rows if row.candidate != BASELINE and row.mean is not None]
    if not finalists:
        return None
    choose = max if family.direction == "maximize" else min
    return choose(finalists, key=lambda pair: pair[0])[1]


def metric_words(family: Family) -> str:
    """Name what a confirmation is decided by: test accuracy."""
    return title_of(family.metric)


def better_words(family: Family) -> str:
    """Say what the better of two is, where a search has other objectives too."""
    if family.metric == "test_accuracy":
        return "more accurate"
    return f"{'higher' if family.direction == 'maximize' else 'lower'} in {metric_words(family)}"


def value_words(value: float, family: Family) -> str:
    """Write a value of the metric: an accuracy in per cent, anything else in four digits."""
    return f"{100 * value:.2f} %" if family.unit == "points" else f"{value:.4g}"


def interval_words(interval: Interval, family: Family) -> str:
    """Write an interval of values: 95.13 to 97.55 %."""
    low, high = (value_words(value, family) for value in interval)
    return f"{low.removesuffix(' %')} to {high}"


def interval_method(confirmed: Confirmation) -> str:
    """Say how the intervals of the means are made."""
    counts = sorted(len(row.test_values) for row in confirmed.candidates if row.test_values)
    raced = confirmed.race is not None and counts and counts[0] < counts[-1]
    seeds = f"{counts[0]} to {counts[-1]}" if raced else len(confirmed.seeds)
    lies, means = lies_in(confirmed.family), [row.mean for row in confirmed.candidates if row.mean is not None]
    cut = all(lies[0] <= mean <= lies[1] for mean in means)  # not nll of outputs that are no log-probabilities
    said = cut_text(lies, shares=confirmed.family.unit == "points") if cut else ""
    return f"Student's t over {seeds} seeds{said}"


def comparison_method(confirmed: Confirmation) -> str:
    """Say by which test finalists and baseline were compared, and over what its p is adjusted."""
    if confirmed.race is None:
        return "exact sign-flip test, Holm over the finalists"
    looks = ", ".join(map(str, confirmed.race.looks))
    return f"a race with looks after {looks} seeds, exact group-sequential sign-flip test, Shaffer over all pairs"


def not_told_apart(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates, the baseline among them, that the best finalist is not shown to be better or worse than."""
    return tuple(one.against for one in _of_the_best(confirmed) if one.verdict not in ("better", "worse"))


def ahead_of_the_best(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates that are shown to be better than the best finalist: the baseline, or none."""
    return tuple(one.against for one in _of_the_best(confirmed) if one.verdict == "worse")


def _of_the_best(confirmed: Confirmation) -> tuple[Effect, ...]:
    first = best_of(confirmed)
    against = None if first is None else confirmed.effect(first.candidate)
    return (*(() if against is None else (against,)), *confirmed.between)


def lies_in(family: Family) -> Interval:
    """Give where values of the metric can lie: of networks by its row, of what a program calls its own only shares."""
    if family.unit == "points":
        return 0.0, 1.0
    return bounds_of(family.metric) if family.metric.startswith("test_") else (-math.inf, math.inf)
