"""The keys of an ablation file: baseline, factors or variants, design, seeds, and what is claimed of them.

    AblationSpec.model_validate({"name": "mine", "baseline": "lenet5", "variants": ["lenet_best"]})

What the references mean is found by `ablation_file.py`; which cells that makes by `planned.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from archsearch.ablate.design.designs import DESIGNS, SAMPLED_ORDERS
from archsearch.ablate.references import DataOf, Reference, TrainSize
from archsearch.ablate.seeds_field import MOST_SEEDS, Seeds, SeedsField
from archsearch.metrics import COMPARED, NOT_LEARNED, bare_name, is_own
from archsearch.plain import NonNegativeFloat, Plain
from archsearch.spec.fields import Departures, SpecName, Text, WhereFrom, text_pattern, written_default
from archsearch.spec.folds import SplitSpec
from archsearch.spec.nearest import nearest
from archsearch.stats.effect import Probability

if TYPE_CHECKING:
    DesignName = str
else:  # the names stand in tables; Pydantic and the JSON Schema list them from there
    DesignName = Literal[tuple(DESIGNS)]
MOST_NAMES = 8  # of metrics, in a message


def _one_or_more(value: object) -> object:
    """Read one edit as a list of it."""
    return (value,) if isinstance(value, dict) else value


def _is_compared(value: str, info: ValidationInfo) -> str:
    """Refuse a metric that the baseline does not have; the context says which it has. `f1_macro` is `test_f1_macro`."""
    names = (info.context or {}).get("metrics", (*COMPARED, *NOT_LEARNED))
    if is_own(value):
        return f"test_{value}"
    if is_own(bare_name(value)):
        return value
    if value not in names and f"test_{value}" in names:
        return f"test_{value}"
    if value not in names:
        words = [repr(name) for name in names]
        if len(words) > MOST_NAMES:
            close = nearest(value, names) or nearest(f"test_{value}", names)
            such = words[:MOST_NAMES] if close is None else [repr(close)]
            raise PydanticCustomError(
                "metric", "expected a metric of the baseline, such as {such}", {"such": ", ".join(such)}
            )
        expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        raise PydanticKnownError("literal_error", {"expected": expected})
    return value


ComparedMetric = Annotated[
    str,
    AfterValidator(_is_compared),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*COMPARED, *NOT_LEARNED]}, {"type": "string"}]}),
]
LevelName = Annotated[
    str,
    text_pattern(
        r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$",
        "may hold letters, digits, spaces, _ . - only, and begins with a letter or digit, 64 at most",
    ),
]
Edits = Annotated[
    tuple[dict[str, Any], ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_one_or_more),
]


class Screens(Plain):
    """Named specs that are compared on few seeds only: exploratory, no p values, outside the family of claims."""

    variants: Annotated[tuple[Reference, ...], Field(strict=False, min_length=1)] = Field(
        description="Named specs to screen.", examples=[["lenet_l1"]]
    )
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)] = Field(
        default=3, description="Seeds of each of them, at least 2.", examples=[5]
    )


class AblationSpec(Plain):
    """An ablation as its file has it.

    `margin` is the difference too small to matter, in the metric's own unit: 0.001 (0.1 points) of an accuracy unless
    said otherwise; of a loss there is none unless it is said, and then nothing is called equivalent. `control`
    compares the baseline with itself on other seeds, in the same family. `failed_value` is what a failed run counts as
    in the second figure: for an accuracy that of guessing, if nothing is said.
    """

    name: SpecName = Field(
        description="What the ablation is called in the storage; by default the name of the file.",
        examples=["lenet5_factors"],
    )
    summary: Text = Field(
        default="",
        description="One or two sentences on what it is.",
        examples=["Two convolutions and two linear layers."],
    )
    baseline: Reference = Field(
        description="The spec that all is compared with: a name, or a file beside this one.", examples=["lenet5"]
    )
    factors: dict[LevelName, dict[LevelName, Edits]] = Field(
        default_factory=dict,
        max_length=100,
        description="What changes: each factor has levels, each level is one edit or a list of edits.",
        examples=[{"activation": {"relu": [{"replace": {"tanh": "relu"}}]}}],
        json_schema_extra=written_default({}),
    )
    variants: Annotated[tuple[Reference, ...], Field(strict=False)] = Field(
        default=(),
        description="Named specs that are compared with the baseline, instead of factors.",
        examples=[["lenet_best", "lenet_l1"]],
    )
    screens: Screens | None = Field(
        default=None,
        description="Named specs that are compared on few seeds, outside of the claims.",
        examples=[{"variants": ["lenet_l1"], "seeds": 3}],
    )
    design: DesignName = Field(
        default="one_at_a_time", description="Which combinations of levels are run.", examples=["full_factorial"]
    )
    resolution: Annotated[int, Field(ge=3, le=8)] = Field(
        default=4,
        description="Of a fractional factorial; 4 keeps main effects apart from those of pairs.",
        examples=[5],
    )
    orders: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=SAMPLED_ORDERS, description="Of shapley with many factors: orders that are drawn.", examples=[50]
    )
    seeds: SeedsField = Field(
        default_factory=lambda: Seeds(values=tuple(range(10))),
        description="Seeds of every cell: how many, a list, or {max: 30, sequential: true} to stop at a decision.",
        examples=[10, [1, 2, 3]],
        json_schema_extra=written_default(10),
    )
    split: SplitSpec | None = Field(
        default=None,
        description="How the samples are divided, again and again: each fold is a pair of runs, instead of a seed.",
        examples=[{"folds": 5, "repeats": 10}, {"shuffled": 20}],
    )
    data_sets: Annotated[tuple[DataOf, ...], Field(strict=False, max_length=100)] = Field(
        default=(),
        description="Data sets on each of which all is compared, by name or as keys of `data`; then over them.",
        examples=[["mnist", "fashion_mnist", {"name": "digits", "validation": 0.1}]],
    )
    train_sizes: Annotated[tuple[TrainSize, ...], Field(strict=False, max_length=100)] = Field(
        default=(),
        description="Numbers of training samples with each of which all is compared: learning curves. `all` of them, a "
        "count or a fraction.",
        examples=[[100, 300, 1000, "all"]],
    )
    metric: ComparedMetric = Field(
        default="test_accuracy",
        description="What is compared: of networks one of these, of programs a metric of their own, by default the "
        "objective; or a function (targets, outputs) of your own: my_metrics.py:cost.",
        examples=["val_accuracy"],
    )
    direction: Literal["maximize", "minimize"] | None = Field(
        default=None,
        description="Which way the metric is better, where its name does not tell: of a function of your own.",
        examples=["minimize"],
    )
    also: Annotated[tuple[ComparedMetric, ...], Field(strict=False)] = Field(
        default=(),
        description="Metrics that are judged beside it, each by itself: `archsearch ablate NAME --metric f1_macro`.",
        examples=[["f1_macro", "auroc"]],
    )
    alpha: Probability = Field(
        default=0.05, description="Level of significance of all claims together.", examples=[0.01]
    )
    margin: NonNegativeFloat | None = Field(
        default=None,
        description="Difference too small to matter, in the metric's own unit; by default 0.001 (0.1 points) of an "
        "accuracy, and none of a loss.",
        examples=[0.002],
    )
    power: Probability = Field(
        default=0.8, description="Probability with which an effect of the planned size is to be found.", examples=[0.9]
    )
    screen: bool = Field(default=False, description="Whether this is a screen: few seeds, no claims.", examples=[True])
    control: bool = Field(
        default=False, description="Whether the baseline is also compared with itself on other seeds.", examples=[True]
    )
    failed_value: float | None = Field(
        default=None,
        description="What a failed run counts as in the second figure; by default the accuracy of guessing.",
        examples=[0.1],
    )
    source: WhereFrom = None
    departures: Departures = ()

    @model_validator(mode="before")
    @classmethod
    def _variants_are_a_design(cls, value: Any) -> Any:
        if isinstance(value, dict) and "design" not in value and value.get("variants"):
            return {**value, "design": "variants"}
        return value

    @model_validator(mode="before")
    @classmethod
    def _a_split_has_its_pairs(cls, value: Any) -> Any:
        """Number the pairs of a split as seeds are, where the file names none."""
        if isinstance(value, dict) and value.get("split") is not None and "seeds" not in value:
            try:
                return {**value, "seeds": SplitSpec.model_validate(value["split"]).pairs}
            except ValidationError:
                return value  # the field says what is wrong
        return value

    @model_validator(mode="after")
    def _split_or_seeds(self) -> AblationSpec:
        if self.split is not None and self.seeds != Seeds(values=tuple(range(self.split.pairs))):
            raise PydanticCustomError(
                "seeds",
                "a split makes the pairs ({said}: {pairs}), each with a seed of its own; take `seeds` out",
                {"said": self.split.said, "pairs": self.split.pairs},
            )
        return self

    @model_validator(mode="after")
    def _design_has_what_it_needs(self) -> AblationSpec:
        if DESIGNS[self.design].specs:
            if self.factors:
                raise PydanticCustomError(
                    "factors", "the design variants takes `variants`, a list of specs, no factors"
                )
            if not self.variants and self.screens is None:
                raise PydanticCustomError("variants", "the design variants needs `variants`: a list of specs")
        elif self.variants or self.screens:
            what = "variants" if self.variants else "screens"
            raise PydanticCustomError("variants", "`{what}` belong to the design variants", {"what": what})
        elif not self.factors:
            raise PydanticCustomError("factors", "there is nothing to compare: give `factors`, or a list of `variants`")
        if self.screens is not None and self.screens.seeds > len(self.seeds.values):
            raise PydanticCustomError("screens", "screens have more seeds than the others; give `seeds` as many")
        if self.seeds.stopping and self.screen:
            raise PydanticCustomError(
                "screen", "a screen has few, fixed seeds; take `{rule}` out", {"rule": self.seeds.stopping}
            )
        return self
