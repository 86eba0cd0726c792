"""What does a flaw cost? Each lint finding that has a fix, as an ablation: the spec as it is against the spec mended.

    ablation = price_ablation(plan, lint(plan.spec, plan.network), seeds=10)
    prices(ablate(ablation, settings), findings)

Paired seeds, the same statistics, one family for all findings of a spec.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from archsearch.ablate.ablation_file import declare
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.questions import moves
from archsearch.ablate.record import AblationReport
from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.files import seal
from archsearch.kinds import NETWORK
from archsearch.plain import Plain
from archsearch.spec.edit.in_memory import node_of
from archsearch.spec.lint.rules import Finding, LintReport
from archsearch.stats.effect import Effect
from archsearch.stats.sentence import amount, estimate

_FIXED = "fixed"


class Price(Plain):
    """A finding with what mending it changed; `edits` are the fix that it was compared with."""

    code: str
    title: str
    message: str
    edits: Annotated[tuple[dict[str, Any], ...], Field(strict=False)]
    effect: Effect
    sentence: str


def fixable(report: LintReport) -> dict[str, Finding]:
    """Give the findings that have a fix under a name each: A001, or A008 and A008-2."""
    found: dict[str, Finding] = {}
    for finding in (*report.findings, *report.silenced):
        if finding.fix:
            count = 1 + sum(one.code == finding.code for one in found.values())
            found[finding.code if count == 1 else f"{finding.code}-{count}"] = finding
    return found


def price_ablation(plan: ExperimentPlan, report: LintReport, *, seeds: int = 10, screen: bool = False) -> Ablation:
    """Plan the comparison of a spec with each of its fixes; raise `SpecError` where no finding has one."""
    findings = fixable(report)
    if not findings:
        raise SpecError(f"{plan.spec.name}: no finding has a fix, so there is nothing to price")
    tree: dict[str, Any] = {
        # named after all that decides it: an edited spec is another study
        "name": f"lint-{plan.spec.name[:60]}-{seal([NETWORK.question(plan), list(findings), seeds, screen])[:8]}",
        "summary": f"What the findings of `archsearch lint {plan.spec.name}` cost.",
        "baseline": plan.spec.name,
        "factors": {name: {_FIXED: list(finding.fix)} for name, finding in findings.items()},
        "seeds": seeds,
        "screen": screen,
    }
    source = f"lint --price {plan.spec.name}"
    ablation = plan_ablation(declare(node_of(tree, source), Path(), tree["name"], baseline=plan.spec))
    asked = []
    moved = {cell.name: dict(cell.moved) for cell in ablation.cells}
    for question in ablation.questions:
        (name,) = moves(question, moved)
        label = f"{name} fixed ({findings[name].title}) instead of {plan.spec.name} as it is"
        asked.append(question.model_copy(update={"label": label, "kind": "price"}))
    return ablation.model_copy(update={"questions": tuple(asked)})


def prices(report: AblationReport, findings: dict[str, Finding]) -> tuple[Price, ...]:
    """Say what each flaw costs, next to what it was compared with."""
    found = []
    for effect in report.effects:
        finding = findings[report.moved(effect.variant)[0]]
        found.append(
            Price(
                code=finding.code,
                title=finding.title,
                message=finding.message,
                edits=finding.fix,
                effect=effect,
                sentence=_sentence(finding, effect, report),
            )
        )
    return tuple(found)


def _sentence(finding: Finding, effect: Effect, report: AblationReport) -> str:
    head = f"{finding.code} ({finding.title})"
    if effect.mean_difference is None or effect.mean is None or effect.baseline_mean is None:
        return f"{head}: no price, {effect.n} pairs completed."
    family = report.family
    size = effect.mean_difference
    signed = effect.verdict != "better"
    shown, between = estimate(size, effect.ci95, family=family)
    ends = f" (95 % CI {between})" if between else ""
    unit = " points" if family.unit == "points" else ""
    what = f"{'mending it changes' if signed else 'costs'} {shown if signed else shown.removeprefix('+')}{unit}{ends}"
    verdict = {
        "better": "mended it is better",
        "worse": "mended it is worse",
        "equivalent": f"no difference beyond {amount(family.margin, family)}",
        "inconclusive": "a screen, no verdict" if family.screen else "inconclusive",
    }[effect.verdict]
    mended, as_it_is = _value(effect.mean, report), _value(effect.baseline_mean, report)
    sides = f"{report.baseline} {mended} mended, {as_it_is} as it is"
    return f"{head}: {what}, {effect.n} paired seeds: {sides}; {verdict}."


def _value(value: float, report: AblationReport) -> str:
    return f"{100 * value:.2f} %" if report.family.unit == "points" else f"{value:.4g}"
