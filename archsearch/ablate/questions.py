"""What an ablation asks: weighted sums of cells, each with a name and words.

    questions_of(fitted, factors, declared, cells)      # effects, shares or comparisons, as the design says
    moves(question, cells)                              # the factors in which the two cells of a comparison differ

Frozen data that goes to JSON and back, also what 0.1.0 wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archsearch.ablate.ablation_file import Declared
from archsearch.ablate.design.cell import BASELINE, Comparison, Factor
from archsearch.ablate.design.checked_cells import CheckedCells
from archsearch.ablate.design.confounds import label_of
from archsearch.ablate.design.designs import DESIGNS
from archsearch.ablate.design.factorial import estimators, level_word, share_weights
from archsearch.ablate.design.fitting import Fitted
from archsearch.plain import Plain

CONTROL = "control"
QuestionKind = Literal["comparison", "step", "price", "effect", "interaction", "share", "control", "screen"]
OF_MANY_CELLS: tuple[QuestionKind, ...] = (
    "effect",
    "interaction",
    "share",
)  # weighted sums: no one cell is their level
# How 0.1.0 named the questions that it wrote under another kind.
_OLD_NAMES = {
    "comparison": {"step": r"then .*", "price": r"A[0-9]{3}(-[0-9]+)?=fixed"},
    "effect": {"interaction": r".*:.*"},
}
Names = Annotated[tuple[str, ...], Field(strict=False)]
Numbers = Annotated[tuple[int, ...], Field(strict=False)]


class Question(Plain):
    """One thing that is asked: a weighted sum of cells, mostly one cell (1) against another (-1).

    A `comparison`, a `step` of a path, the `price` of a finding of lint, a main `effect` or `interaction` of a
    factorial, a factor's Shapley `share`, the negative `control`, or a `screen`, which is outside the family.
    """

    name: str
    against: str
    label: str
    kind: QuestionKind
    weights: dict[str, float]
    aliases: Names = ()
    block: str = ""  # the data set, or number of training samples, in which it is asked

    @model_validator(mode="before")
    @classmethod
    def _of_0_1_0(cls, held: Any) -> Any:
        """Read the kind of a question that 0.1.0 wrote, when there were fewer of them, from its name."""
        if isinstance(held, dict) and held.get("kind") in _OLD_NAMES:
            for kind, pattern in _OLD_NAMES[held["kind"]].items():
                if re.fullmatch(pattern, str(held.get("name"))):
                    return {**held, "kind": kind}
        return held


def moves(question: Question, cells: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Name the factors in which the two cells of a comparison differ; `cells` are what has moved in each, by name."""
    (level, against) = (cells[name] for name in sorted(question.weights, key=lambda name: -question.weights[name]))
    return tuple(factor for factor in {**level, **against} if level.get(factor) != against.get(factor))


def pair_of(name: str, against: str, label: str, kind: QuestionKind, cell: str, other: str) -> Question:
    return Question(name=name, against=against, label=label, kind=kind, weights={cell: 1.0, other: -1.0})


def questions_of(fitted: Fitted, factors: list[Factor], declared: Declared, cells: CheckedCells) -> list[Question]:
    """Ask what the design is made for: effects for a factorial, shares for an attribution, else its comparisons."""
    kind, baseline = DESIGNS[declared.spec.design], declared.baseline.name
    if kind.asks == "effects":
        words = {(factor.name, level): level_word(factor, level) for factor in factors for level in factor.levels}
        return [
            Question(
                name=one.name,
                against=baseline,
                label=effect_label(*(words[moved] for moved in one.moved)),
                kind="effect" if len(one.moved) == 1 else "interaction",
                weights=one.weights,
                aliases=one.aliases,
            )
            for one in estimators(fitted.cells, factors)
        ]
    labels = _labels(fitted.comparisons, declared, cells)
    asked = [
        pair_of(
            one.label,
            baseline if one.against == BASELINE else one.against.name,
            labels[one],
            "step" if kind.unfit == "taken_together" and not _taken_back(one) else "comparison",
            one.cell.name,
            one.against.name,
        )
        for one in fitted.comparisons
    ]
    if kind.asks == "shares":
        asked += [
            Question(
                name=factor.name,
                against=baseline,
                label=f"{factor.name}, its share of the whole difference",
                kind="share",
                weights=share_weights(factor.name, fitted.factors, fitted.orders),
            )
            for factor in fitted.factors
        ]
    return asked


def _taken_back(comparison: Comparison) -> bool:
    """Say whether a comparison takes a change back, and adds none."""
    return len(comparison.cell.moved) < len(comparison.against.moved)


def effect_label(one: str, two: str = "") -> str:
    """Say a term of a factorial, the effect of a level or the interaction of two, as a sentence begins."""
    return f"{one} and {two} together, beyond their sum" if two else f"{one}, averaged over the other factors"


def _labels(comparisons: tuple[Comparison, ...], declared: Declared, cells: CheckedCells) -> dict[Comparison, str]:
    """Say each comparison as a sentence begins: "relu instead of tanh" where that is all, else by its names."""
    baseline, says = declared.baseline.name, DESIGNS[declared.spec.design].says
    if says == "level":
        return {one: f"{one.label} instead of {baseline}" for one in comparisons}
    if says == "step":
        return {one: one.label + ", all else changed" * _taken_back(one) for one in comparisons}
    found = {one: label_of(cells.kind.difference(cells.plan(BASELINE), cells.plan(one.cell))) for one in comparisons}
    said = list(found.values())
    return {
        one: label if label and said.count(label) == 1 else f"{one.cell.name} instead of {baseline}"
        for one, label in found.items()
    }
