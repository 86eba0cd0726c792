"""Is the winner real? The best of a search and its baseline once more, on fresh seeds, with the test set.

    confirmed = conclude(seeds, test, validation, searched, test_reads, family=family_of(kind, base, "val_loss"))
    confirmed.effects, confirmed.winner, confirmed.sentence, headline(confirmed)

The search's own values are not used for inference: they were selected. A confirmation is an ablation with the finalists
as levels: pairs are runs with the same seed, and the tests, the corrections, the verdicts and the sentence are those of
`stats/verdict.py`. Two questions, a family each: every finalist against the baseline, and, as nobody chose beforehand
which finalist is the best, every pair of finalists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any

from pydantic import Field, model_validator

from archsearch.kinds.kind import ExperimentKind
from archsearch.metrics import METRICS, Direction, bare_name, is_own, title_of
from archsearch.plain import Plain
from archsearch.stats import power
from archsearch.stats.effect import Effect, Family
from archsearch.stats.intervals import Interval, mean, of_shares, t_interval
from archsearch.stats.sentence import amount
from archsearch.stats.verdict import Contrast, ValuesBySeed, judge_contrasts

BASELINE = "baseline"
_NONE_COMPLETED = "No finalist completed."
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


class Confirmation(Plain):
    """What the confirmation came to; `winner` is set only where it is better than the baseline and all other finalists.

    `effects` are the finalists against the baseline, `between` the best finalist against the others, out of the family
    of all pairs of them; where `complete` is false, runs are still to come, and there are no verdicts. `unlike` says
    what of data and training differs between the best finalist and the baseline, outside the space. `family` says by
    which metric all this was decided.
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

    def effect(self, candidate: str) -> Effect | None:
        """Give the comparison of a finalist with the baseline, None where there is none."""
        return next((effect for effect in self.effects if effect.variant == candidate), None)


def conclude(
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    searched: Mapping[str, tuple[int | None, float | None]],
    test_reads: int,
    *,
    complete: bool = True,
    family: Family = FAMILY,
) -> Confirmation:
    """Compare the finalists with the baseline and with one another; names are those of `test`.

    `test`, `validation` and `searched` hold the metric of the `family`. A failed run is None. Where runs are still to
    come (`complete` is false) there are no verdicts.
    """
    rows = tuple(_row(name, seeds, test, validation, family, *searched.get(name, (None, None))) for name in test)
    first = _best(rows, family)
    effects, between = _judged(test, None if first is None else first.candidate, complete, family)
    found = Confirmation(
        seeds=tuple(seeds),
        candidates=rows,
        winner=None,
        sentence=_NONE_COMPLETED,
        test_reads=test_reads,
        effects=effects,
        between=between,
        complete=complete,
        family=family,
    )
    if first is None:
        return found
    against = found.effect(first.candidate)
    clear = against is not None and all(one.verdict == "better" for one in (against, *between))
    return found.model_copy(
        update={
            "winner": first.candidate if clear else None,
            "sentence": _sentence(first, found, len(seeds)),
        }
    )


def _judged(
    test: Mapping[str, Mapping[int, float | None]], first: str | None, complete: bool, family: Family
) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Judge every finalist against the baseline, and the best against the others among all pairs of finalists."""
    values: ValuesBySeed = {name: dict(runs.items()) for name, runs in test.items()}
    names = [name for name in test if name != BASELINE]
    effects: tuple[Effect, ...] = ()
    if BASELINE in values and names:
        contrasts = [_contrast(name, BASELINE) for name in names]
        effects = judge_contrasts(values, contrasts, family, unfinished=not complete)
    pairs = [(two, one) if two == first else (one, two) for one, two in combinations(names, 2)]
    judged = judge_contrasts(values, [_contrast(*pair) for pair in pairs], family, unfinished=not complete)
    return effects, tuple(effect for effect in judged if effect.variant == first)


def _contrast(one: str, other: str) -> Contrast:
    label = f"{one} instead of {'the ' * (other == BASELINE)}{other}"
    return Contrast(one, other, label, {one: 1.0, other: -1.0})


def best_of(confirmed: Confirmation) -> Confirmed | None:
    """Give the finalist with the best mean on the test set, None where none completed; the baseline is no finalist."""
    return _best(confirmed.candidates, confirmed.family)


def _best(rows: Sequence[Confirmed], family: Family) -> Confirmed | None:
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
    family, words = confirmed.family, f"Student's t over {len(confirmed.seeds)} seeds"
    if family.unit == "points":
        return f"{words}, cut to 0 to 100 %"
    below = any(row.mean is not None and row.mean < 0 for row in confirmed.candidates)  # nll of other outputs
    return f"{words}, cut to 0 and above" if _is_not_negative(family) and not below else words


def headline(confirmed: Confirmation, better: str = "better", noun: str = "network") -> str:
    """Say in a sentence whether a better one was found; `better` is the word for it, `noun` names what was tried."""
    first = best_of(confirmed)
    if first is None:
        return (
            "No finalist completed its confirmation." if confirmed.sentence == _NONE_COMPLETED else confirmed.sentence
        )
    name = first.candidate[:1].upper() + first.candidate[1:]
    if not any(row.candidate == BASELINE and row.mean is not None for row in confirmed.candidates):
        return f"{name} is the best finalist; the baseline has no confirmed value to compare it with."
    said = _against_the_baseline(confirmed, first.candidate, name, better, noun)
    if confirmed.unlike:
        said += f" They were not trained alike: {'; '.join(confirmed.unlike)}."
    return said


def _against_the_baseline(confirmed: Confirmation, first: str, name: str, better: str, noun: str) -> str:
    effect = confirmed.effect(first)
    if effect is None or not confirmed.complete:
        return f"{name} is the best finalist so far; there is no verdict before all runs of the confirmation are done."
    if effect.verdict == "better":
        among = not_told_apart(confirmed)
        if not among:
            return f"{name} is {better} than the baseline, by more than noise."
        finalists = 1 + len(among)
        return f"A {noun} {better} than the baseline was found; which of {finalists} finalists is best, is not clear."
    shown = [one.variant for one in confirmed.effects if one.verdict == "better"]
    if shown:
        are = f"{' and '.join(shown)} {'are' if len(shown) > 1 else 'is'} shown to be"
        return f"A {noun} {better} than the baseline was found: {are}, {first}, whose mean is the best, is not."
    if effect.verdict == "worse":
        return f"No {noun} was found that is {better} than the baseline: the best finalist is worse than it."
    if effect.verdict == "equivalent":
        within = f"equivalent to it within {amount(confirmed.family.margin, confirmed.family)}"
        return f"No {noun} was found that is {better} than the baseline: the best finalist, {first}, is {within}."
    size = (
        "" if effect.mean_difference is None else f", {amount(effect.mean_difference, confirmed.family, signed=True)}"
    )
    seeds = f"{effect.n} seed{'s' * (effect.n != 1)}"
    said = f"{first}{size}, is inconclusive with {seeds}" if size else f"{first} is inconclusive with {seeds}"
    return f"No {noun} is shown to be {better} than the baseline: {said}{_more(effect, confirmed.family)}."


def _more(effect: Effect, family: Family) -> str:
    """Say how many seeds would settle an inconclusive comparison; "" where none is known to."""
    least = power.seeds_to_reach(effect.comparisons, family.alpha)
    can = f"{least} seeds can settle it" if effect.n < least else ""
    about = ""
    if effect.further_seeds is not None:
        seeds = "" if can else "seeds settle "
        about = f"about {effect.n + effect.further_seeds:,} {seeds}a difference of {amount(family.margin, family)}"
    said = ", ".join(words for words in (can, about) if words)
    return f"; {said}" if said else ""


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


def _row(
    name: str,
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    family: Family,
    trial: int | None,
    value: float | None,
) -> Confirmed:
    by_seed = {seed: found for seed in seeds if (found := test[name].get(seed)) is not None}
    held_out = list(validation.get(name, {}).values())
    base = test.get(BASELINE, {}) if name != BASELINE else {}
    differences = [found - other for seed, found in by_seed.items() if (other := base.get(seed)) is not None]
    values = list(by_seed.values())
    values_by_seed = {str(seed): found for seed, found in by_seed.items()}
    return Confirmed(
        candidate=name,
        trial=trial,
        search_value=value,
        test_values=values_by_seed,
        test_accuracies=values_by_seed if family.metric == "test_accuracy" else {},
        mean=mean(values) if values else None,
        ci95=_within(t_interval(values), mean(values), family) if len(values) >= 2 else None,
        shrinkage=value - mean(held_out) if value is not None and held_out else None,
        gain=mean(differences) if differences else None,
        gain_ci95=t_interval(differences) if len(differences) >= 2 else None,
    )


def _within(interval: Interval, centre: float, family: Family) -> Interval:
    """Cut an interval of a mean to where the metric lies; nll of what are no log-probabilities may be below 0."""
    if family.unit == "points":
        return of_shares(interval, centre)
    return (max(0.0, interval[0]), interval[1]) if _is_not_negative(family) and centre >= 0 else interval


def _is_not_negative(family: Family) -> bool:
    """Say whether values below 0 cannot be: of the errors of networks, not of what a program calls its own."""
    row = METRICS.get(family.metric.removeprefix("test_")) if family.metric.startswith("test_") else None
    return row is not None and row.known == "training" and row.direction == "minimize"


def _sentence(first: Confirmed, confirmed: Confirmation, n: int) -> str:
    value = value_words(first.mean, confirmed.family) if first.mean is not None else "?"
    what = f"the best confirmed {metric_words(confirmed.family)}"
    parts = [f"{first.candidate} has {what}, {value} over {n} fresh seed{'s' * (n != 1)}"]
    against = confirmed.effect(first.candidate)
    if against is not None:
        parts.append(
            against.sentence.rstrip(".")
            + (_more(against, confirmed.family) if confirmed.complete and against.verdict == "inconclusive" else "")
        )
    among = [one.against for one in confirmed.between if one.verdict not in ("better", "worse")]
    if among:
        parts.append(
            f"which of {first.candidate}, {', '.join(among)} is best, is not shown by {n} seed{'s' * (n != 1)}"
        )
    elif confirmed.between:
        others = "the other finalist" if len(confirmed.between) == 1 else f"all {len(confirmed.between)} others"
        parts.append(f"it is better than {others}")
    return "; ".join(parts) + "."
