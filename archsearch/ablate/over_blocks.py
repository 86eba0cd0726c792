"""What the blocks of an ablation say together: ranks over data sets, or learning curves over training-set sizes.

    over_data_sets(ablation, runs)             # Friedman, Holm, critical difference; None where there are no data sets
    learning_curves(ablation, runs, effects)   # one for each comparison, with its crossing

Knows numbers and names: no storage, no specs.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.ablate.planned import Ablation
from archsearch.ablate.schedule import Runs, contrast_of
from archsearch.errors import UsageError
from archsearch.stats.crossing import SizeCurve, learning_curve
from archsearch.stats.effect import Effect, Seed
from archsearch.stats.over_data_sets import OverDataSets, compare_over_data_sets
from archsearch.stats.verdict import pair_up


def _inside(block: str, name: str) -> str:
    return name.removeprefix(f"{block}: ")


def over_data_sets(ablation: Ablation, runs: Runs) -> OverDataSets | None:
    """Rank the design's cells over the data sets, each by its mean there; None where that says nothing."""
    if not ablation.blocks or ablation.blocks[0].kind != "data_set":
        return None
    screens = {name for question in ablation.questions if question.kind == "screen" for name in question.weights}
    claimed = {name for question in ablation.claims for name in question.weights}
    values = {
        block.name: {
            _inside(block.name, cell.name): runs.get(cell.name, {})
            for cell in ablation.cells
            if cell.block == block.name and (cell.name in claimed or cell.name not in screens)
        }
        for block in ablation.blocks
    }
    family = ablation.family
    baseline = _inside(ablation.blocks[0].name, ablation.cells[0].name)
    try:
        return compare_over_data_sets(values, baseline, family.direction, family.alpha)
    except UsageError:
        return None


def learning_curves(ablation: Ablation, runs: Runs, effects: Sequence[Effect]) -> tuple[SizeCurve, ...]:
    """Follow each comparison over the training-set sizes, on the pairs that all sizes completed."""
    if not ablation.blocks or ablation.blocks[0].kind != "train_size":
        return ()
    sizes = {block.name: block.train_size for block in ablation.blocks}
    verdicts = {effect.variant: effect.verdict if effect.p is not None else None for effect in effects}
    names = dict.fromkeys(_inside(question.block, question.name) for question in ablation.claims)
    found = []
    for name in names:
        asked = [one for one in ablation.claims if _inside(one.block, one.name) == name]
        pairs = {one.block: pair_up(contrast_of(one), runs) for one in asked}
        shared: list[Seed] = [seed for seed in ablation.seeds if all(seed in of.seeds for of in pairs.values())]
        table = {
            sizes[block]: [dict(zip(of.seeds, of.differences, strict=True))[seed] for seed in shared]
            for block, of in pairs.items()
        }
        known = {sizes[one.block]: verdicts.get(one.name) for one in asked}
        family = ablation.family
        found.append(
            learning_curve(
                name,
                _inside(asked[0].block, asked[0].against),
                table,
                known,
                direction=family.direction,
                overlap=family.overlap,
                pairs=family.pairs,
            )
        )
    return tuple(found)
