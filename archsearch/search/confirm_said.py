"""What a confirmation has shown, in sentences: the words of every place that names a winner.

headline(confirmed, better="more accurate", noun="network")
confirmed_sentence(best_of(confirmed), confirmed, 8)
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.search.confirm import (
    BASELINE,
    NONE_COMPLETED,
    Confirmation,
    Confirmed,
    RaceReport,
    best_of,
    metric_words,
    not_told_apart,
    value_words,
)
from archsearch.stats import power
from archsearch.stats.effect import Effect, Family
from archsearch.stats.sentence import amount
from archsearch.wording import seconds_text


def headline(confirmed: Confirmation, better: str = "better", noun: str = "network") -> str:
    """Say in a sentence whether a better one was found; `better` is the word for it, `noun` names what was tried."""
    first = best_of(confirmed)
    if first is None:
        return "No finalist completed its confirmation." if confirmed.sentence == NONE_COMPLETED else confirmed.sentence
    name = first.candidate[:1].upper() + first.candidate[1:]
    if not any(row.candidate == BASELINE and row.mean is not None for row in confirmed.candidates):
        return f"{name} is the best finalist; the baseline has no confirmed value to compare it with."
    if confirmed.race is not None:
        said = _of_the_race(confirmed, confirmed.race, first.candidate, better, noun)
    else:
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


def _of_the_race(confirmed: Confirmation, race: RaceReport, first: str, better: str, noun: str) -> str:
    name = first[:1].upper() + first[1:]
    if race.outcome == "running":
        until = next((look for look in race.looks if look > race.seeds), race.looks[-1])
        return f"{name} is the best finalist so far; the next look at the race is after {until} seeds."
    shown = [one.variant for one in confirmed.effects if one.verdict == "better"]
    racing = [one for one in race.racing if one != BASELINE]
    if not racing:
        return f"No {noun} was found that is {better} than the baseline: it is shown to be better than all finalists."
    if race.outcome == "won":
        others = f" and {_others(len(race.left) - 1)}" if len(race.left) > 1 else ""
        return f"{name} is {better} than the baseline{others}, by more than noise."
    within = f"equivalent within {amount(confirmed.family.margin, confirmed.family)}"
    if race.outcome == "level" and BASELINE not in race.racing:
        are = _and([one for one in racing if one in shown] or racing)
        return f"A {noun} {better} than the baseline was found: {are}; {_and(racing)} are {within}: take any of them."
    if race.outcome == "level":
        return f"No {noun} was found that is {better} than the baseline: {_and(racing)} and it are {within}."
    found = f"A {noun} {better} than the baseline was found: {_and(shown)}. " if shown else ""
    return f"{found}Which of {_and(race.racing)} is best, is not known yet{_settling(confirmed, race)}."


def _others(count: int) -> str:
    return "the other finalist" if count == 1 else f"all {count} other finalists"


def _and(names: Sequence[str]) -> str:
    named = ["the baseline" if name == BASELINE else name for name in names]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _settling(confirmed: Confirmation, race: RaceReport) -> str:
    """Say what would settle a race that is open: seeds, minutes and the command; "" where nothing declared is left."""
    if not race.command:
        return f": all {race.looks[-1]} seeds that were declared are used up, and it is too close for them"
    took = "" if race.settling_seconds is None else f", about {seconds_text(race.settling_seconds)} of one worker"
    margin = amount(confirmed.family.margin, confirmed.family)
    if race.settled_at is not None:
        return f"; about {race.settled_at} seeds settle a difference of {margin}{took}: {race.command}"
    if race.needed is not None:
        many = f"a difference of {margin} takes about {race.needed:,} seeds, more than were declared; the next look"
        return f"; {many}{took}: {race.command}"
    return f"; the next look{took}: {race.command}"


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


def confirmed_sentence(first: Confirmed, confirmed: Confirmation, n: int) -> str:
    """Say what the best finalist came to, with its comparison with the baseline and with the others."""
    value = value_words(first.mean, confirmed.family) if first.mean is not None else "?"
    what = f"the best confirmed {metric_words(confirmed.family)}"
    race, seeds = confirmed.race, f"{n} seed{'s' * (n != 1)}"
    of_those = " of those that race on" if race is not None and race.left and len(race.racing) > 1 else ""
    parts = [f"{first.candidate} has {what}{of_those}, {value} over {n} fresh seed{'s' * (n != 1)}"]
    against = confirmed.effect(first.candidate)
    if against is not None:
        more = race is None and confirmed.complete and against.verdict == "inconclusive"
        parts.append(against.sentence.rstrip(".") + (_more(against, confirmed.family) if more else ""))
    among = [one.against for one in confirmed.between if one.verdict not in ("better", "worse", "equivalent")]
    level = [one.against for one in confirmed.between if one.verdict == "equivalent"]
    if race is None:
        among, level = among + level, []
    if level:
        parts.append(f"it and {_and(level)} are equivalent within {amount(confirmed.family.margin, confirmed.family)}")
    if among:
        parts.append(f"which of {first.candidate}, {', '.join(among)} is best, is not shown by {seeds}")
    elif confirmed.between and not level:
        others = "the other finalist" if len(confirmed.between) == 1 else f"all {len(confirmed.between)} others"
        parts.append(f"it is better than {others}")
    if race is not None and race.left:
        parts.append(_and_when(race))
    return "; ".join(parts) + "."


def _and_when(race: RaceReport) -> str:
    """Say who has left a race, after how many seeds, and which was better."""
    return "; ".join(
        f"{_and([one.runner])} left after {one.seeds} seeds, as {_and([one.by])} is better" for one in race.left
    )
