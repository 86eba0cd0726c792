"""What the report on an ablation says first: the headline, the sentences with the clear verdicts first, the numbers.

    answer(report), numbers(report, evidence)

The verdicts are the ablation's own; nothing is judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archsearch.ablate.record import AblationEvidence, AblationReport
from archsearch.report.document import KeyNumber
from archsearch.report.figures.effects import VERDICTS, in_order, is_claim
from archsearch.report.provenance import engine_numbers
from archsearch.stats.effect import Effect
from archsearch.stats.sentence import amount, number
from archsearch.wording import count_of

MOST_SAID = 12  # sentences of the first screen; all are in the table


def answer(report: AblationReport) -> tuple[str, ...]:
    """Say what was found, the clear verdicts first; only a finished ablation that is no screen has verdicts."""
    claims = [effect for effect in report.effects if is_claim(report, effect)]
    said = [_said(effect, report.family.pairs) for effect in in_order(report)]
    more = [f"{len(said) - MOST_SAID} more comparisons stand in the table of effects."] if len(said) > MOST_SAID else []
    first = [_headline(report, claims)]
    if report.chosen:
        first.append(f"{report.chosen[:1].upper()}{report.chosen[1:]}.")
    if not report.complete:
        first.append(_missing(report))
    return (*first, *report.sayings, *said[:MOST_SAID], *more, *_confounded(report))


def _headline(report: AblationReport, claims: Sequence[Effect]) -> str:
    around = f"around {report.baseline}"
    if not report.runs.completed:
        return f"No run of {report.runs.planned} has completed yet, so there is nothing to compare {around}."
    if not report.complete:
        return (
            f"Unfinished: {report.runs.completed:,} of {report.runs.planned:,} runs {around} completed; there are "
            "estimates so far, and no verdicts before all runs are done."
        )
    if report.family.screen or not claims:
        return f"A screen {around}: exploratory, without p values; it names no winner."
    if any(question.kind == "effect" for question in report.questions):
        return _factorial_headline(report, claims, around)
    what = "comparison" if any(question.kind == "share" for question in report.questions) else "change"
    if len(claims) == 1:
        return f"The one {what} {around} is {claims[0].verdict}."
    none = "" if any(effect.verdict in ("better", "worse") for effect in claims) else "none is better or worse: "
    return f"Of {len(claims)} {what}s {around}, {none}{_counted(claims)}."


def _factorial_headline(report: AblationReport, claims: Sequence[Effect], around: str) -> str:
    """Count levels and pairs apart: an interaction is no change that someone makes."""
    pairs = [effect for effect in claims if report.kind_of(effect.variant) == "interaction"]
    levels = [effect for effect in claims if effect not in pairs]
    words = f"Of {len(levels)} changes {around}, averaged over the others, {_counted(levels)}"
    if not pairs:
        return f"{words}."
    depend = sum(effect.verdict in ("better", "worse") for effect in pairs)
    if len(pairs) == 1:
        return f"{words}; the one pair of changes is {'' if depend else 'not '}shown to interact."
    number_ = f"{depend} of {len(pairs)} pairs of changes {'are' if depend > 1 else 'is'}" if depend else "no pair is"
    return f"{words}; {number_} shown to interact."


def _counted(effects: Sequence[Effect]) -> str:
    counted: Counter[str] = Counter(effect.verdict for effect in effects)
    return ", ".join(f"{counted[verdict]} {_is(counted[verdict])}{verdict}" for verdict in VERDICTS if counted[verdict])


def _confounded(report: AblationReport) -> list[str]:
    levels = {cell.name: list(cell.moved.values()) for cell in report.cells}
    names = [(levels.get(one.cell) or [one.cell])[-1] for one in report.confounds]
    if not names:
        return []
    moves = f"{names[0]} moves" if len(names) == 1 else f"Each of {', '.join(names)} moves"
    return [
        f"{moves} several factors at once, so its effect cannot be attributed to one of them; the cells that would "
        "tell stand under Limits."
    ]


def _is(count: int) -> str:
    return "is " if count == 1 else "are "


def _said(effect: Effect, pairs: str) -> str:
    if effect.further_seeds is None or effect.verdict != "inconclusive":
        return effect.sentence
    return f"{effect.sentence} About {count_of(effect.further_seeds, f'more {pairs}')} would decide it."


def _missing(report: AblationReport) -> str:
    """Say which runs are still to come."""
    waiting = Counter(one.variant for one in report.exclusions if one.kind == "missing")
    cells = [f"{name} ({count} {'run' if count == 1 else 'runs'})" for name, count in waiting.items()]
    shown = ", ".join(cells[:MOST_SAID]) + (f" and {len(cells) - MOST_SAID} more cells" * (len(cells) > MOST_SAID))
    return f"Still to come: {shown}; archsearch ablate goes on with them."


def design_text(report: AblationReport) -> str:
    """Say in one sentence what was planned."""
    kind = {"claim": "", "strong": "", "screen": ", a screen"}[report.purpose]
    seeds = f"{len(report.seeds)} seeds"
    if report.sequential:
        seeds = f"at most {seeds}, looks after {', '.join(map(str, report.looks)) or 'each'}"
    if report.split is not None:
        seeds = report.split.said
    names = ", ".join(block.name for block in report.blocks)
    where = {"data_set": f", on each of {names}", "train_size": f", with {names} training samples"}
    inside = where[report.blocks[0].kind] if report.blocks else ""
    return f"Ablation of {report.family.metric} around {report.baseline}: {report.design}, {seeds}{inside}{kind}."


def _detectable(report: AblationReport) -> list[KeyNumber]:
    """Say which effect could be found: by the spreads that were measured, else as it was planned."""
    family, plan = report.family, report.plan
    if plan is None or plan.purpose == "screen" or report.sequential:
        return []
    planned = ""
    if plan.smallest_effect is not None and plan.seed_sd is not None:
        spread = amount(plan.seed_sd, family)
        over = f"over the baseline's {family.pairs}s kept before"
        planned = f"{amount(plan.smallest_effect, family)} by an SD of {spread} {over}"
    measured = [e.smallest_detectable for e in report.effects if e.smallest_detectable is not None]
    if measured:
        low, high = (amount(end(measured), family) for end in (min, max))
        value = high if low == high else f"{number(min(measured), family, signed=False)} to {high}"
        note = f"by the spreads that were measured, with a chance of {family.power:.0%}"
        return [KeyNumber("Smallest detectable effect", value, note + (f"; planned: {planned}" if planned else ""))]
    if plan.smallest_effect is None:
        return []
    note = f"as planned, with a chance of {plan.power:.0%}: {planned}"
    return [KeyNumber("Smallest detectable effect", amount(plan.smallest_effect, family), note)]


def numbers(report: AblationReport, evidence: AblationEvidence) -> tuple[KeyNumber, ...]:
    """Give the numbers of the first screen."""
    family, runs = report.family, report.runs
    claims = sum(question.kind != "screen" for question in report.questions)
    screens = len(report.questions) - claims
    each = report.over_data_sets is not None or (report.blocks and report.blocks[0].kind == "data_set")
    together = "each data set a family of its own: Holm inside it" if each else "judged together: Holm over all of them"
    rule = "exploratory, outside of any family" if not claims else together
    rule += f"; {screens} more to screen" if screens and claims else ""
    found = [KeyNumber("Comparisons" if each else "Comparisons in the family", str(claims), rule)]
    pairs = sorted({effect.n for effect in report.effects})
    if pairs:
        both = str(pairs[0]) if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
        found.append(KeyNumber(f"Pairs of {family.pairs}s per comparison", both, f"of {len(report.seeds)} planned"))
    if not family.screen:
        found.append(KeyNumber("alpha", f"{family.alpha:g}", "of the whole family"))
        margin = amount(family.margin, family) if family.margin else "none given"
        found.append(KeyNumber("Margin", margin, "the difference too small to matter"))
    found += _detectable(report)
    words = [f"{getattr(runs, word):,} {word}" for word in ("diverged", "failed", "running", "waiting")
             if getattr(runs, word)]  # fmt: skip
    cached = f"{runs.cached:,} of them cached" if runs.cached else "none of them cached"
    note = f"completed of {runs.planned:,}, {cached}" + "".join(f", {word}" for word in words)
    found.append(KeyNumber("Runs", f"{runs.completed:,}", note))
    if report.kind == "program":
        return tuple(found)
    reads = "once per run, at its end" if report.test_reads else "never"
    if evidence.earlier_test_reads:
        reads = f"{evidence.earlier_test_reads:,} of them when cached runs were made; new runs once, at the end"
    found.append(KeyNumber("Reads of the test set", f"{report.test_reads:,}", reads))
    return (*found, *engine_numbers(machine.environment for machine in evidence.machines))
