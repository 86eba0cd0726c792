"""An ablation file: a baseline, what changes around it, by which design, on how many seeds.

    declared = load_ablation("lenet5_factors")      # by name (./studies, then the shipped ones) or by path
    declared.spec.design, declared.baseline.name, declared.levels

Fields are checked here, with `file:line:column`; which cells that makes, and whether they fit, by `planned.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from archsearch.ablate.design.designs import SAMPLED_ORDERS
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.experiment_plan import load_spec
from archsearch.metrics import COMPARED, direction_of
from archsearch.plain import LARGEST, NonNegativeFloat, Plain
from archsearch.spec.catalog import find, study_kind
from archsearch.spec.edit.apply import edit_problems
from archsearch.spec.edit.in_memory import written_spec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.fields import LEVEL_NAME, SpecName, Text, written_default
from archsearch.spec.text.sentences import problems_of, quoted, short
from archsearch.spec.text.yaml import Mark, Node, read_file
from archsearch.stats.effect import Probability

if TYPE_CHECKING:
    Metric = str
else:
    Metric = Literal[COMPARED]
DesignName = Literal[
    "one_at_a_time",
    "leave_one_out",
    "path",
    "path_and_leave_one_out",
    "full_factorial",
    "fractional_factorial",
    "shapley",
    "variants",
]
VARIANT = "variant"  # the one factor of the design `variants`
RESERVED_FACTORS = ("seed", "control")  # a parameter of the trials, a question
RESERVED_LEVELS = ("baseline", "control")
MOST_SEEDS = 1000


class Seeds(Plain):
    """The seeds of every cell; `sequential` says that a comparison stops at its first decision."""

    values: Annotated[tuple[int, ...], Field(strict=False)] = Field(description="The seeds.", examples=[[0, 1, 2]])
    sequential: bool = Field(
        default=False, description="Whether a comparison stops at its first decision.", examples=[True]
    )


def _seeds(value: object) -> object:
    """Read `10`, `[3, 5, 8]` or `{max: 30, sequential: true}`."""
    if isinstance(value, (Seeds, dict)) and not (isinstance(value, dict) and "max" in value):
        return value
    if isinstance(value, dict):
        unknown = [key for key in value if key not in ("max", "sequential")]
        count, sequential = value["max"], value.get("sequential", False)
        if unknown or not _whole(count, 1, MOST_SEEDS) or not isinstance(sequential, bool):
            raise _no_seeds()
        return {"values": tuple(range(count)), "sequential": sequential}
    if _whole(value, 1, MOST_SEEDS):
        return {"values": tuple(range(value))}  # type: ignore[call-overload]
    if not isinstance(value, (list, tuple)) or not value or not all(_whole(seed, 0, LARGEST) for seed in value):
        raise _no_seeds()
    if len(set(value)) < len(value):
        twice = next(seed for seed in value if value.count(seed) > 1)
        raise PydanticCustomError("seeds", "seed {seed} stands there twice", {"seed": twice})
    return {"values": tuple(value)}


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _no_seeds() -> PydanticCustomError:
    return PydanticCustomError(
        "seeds",
        "expected how many (10, at most {most}), a list of seeds, or {max: 30, sequential: true}",
        {"most": MOST_SEEDS},
    )


_COUNT = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
SeedsField = Annotated[
    Seeds,
    BeforeValidator(_seeds),
    WithJsonSchema(
        {
            "anyOf": [
                _COUNT,
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                {
                    "type": "object",
                    "properties": {
                        "max": {**_COUNT, "description": "Most seeds of a cell.", "examples": [30]},
                        "sequential": {
                            "type": "boolean",
                            "default": False,
                            "description": "Whether a comparison stops at its first decision.",
                            "examples": [True],
                        },
                    },
                    "required": ["max"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _one_or_more(value: object) -> object:
    """Read one edit as a list of it."""
    return (value,) if isinstance(value, dict) else value


LevelName = Annotated[str, StringConstraints(pattern=LEVEL_NAME)]
Edits = Annotated[
    tuple[dict[str, Any], ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_one_or_more),
]
Reference = SpecName | Text


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
    metric: Metric = Field(
        default="test_accuracy",
        description="What is compared; for an accuracy more is better, for a loss less.",
        examples=["val_accuracy"],
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
    source: Text | None = Field(
        default=None,
        description="Where it comes from: a paper, a page, a repository.",
        examples=["LeCun et al. 1998, fig. 2"],
    )
    departures: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="Where it differs from its source, one sentence each.",
        examples=[["Average pooling has no trainable weights."]],
    )

    @model_validator(mode="before")
    @classmethod
    def _variants_are_a_design(cls, value: Any) -> Any:
        if isinstance(value, dict) and "design" not in value and value.get("variants"):
            return {**value, "design": "variants"}
        return value

    @model_validator(mode="after")
    def _design_has_what_it_needs(self) -> AblationSpec:
        if self.design == "variants":
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
        if self.seeds.sequential and self.screen:
            raise PydanticCustomError("screen", "a screen has few, fixed seeds; take `sequential` out")
        return self

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Say whether more of the metric is better."""
        return direction_of(self.metric)


@dataclass(frozen=True, slots=True)
class Declared:
    """An ablation file that has been read: the baseline, and what each level is (edits, or a whole spec)."""

    spec: AblationSpec
    baseline: ExperimentSpec
    levels: Mapping[tuple[str, str], Node | ExperimentSpec]
    screens: tuple[str, ...] = ()  # levels of the factor `variant` that are screens
    node: Node | None = field(default=None, compare=False)

    def where(self, *loc: str) -> str:
        """Give the place of a value in the file, "" where there is none."""
        return str(self.node.locate(loc, key=True)) if self.node is not None else ""


def load_ablation(reference: str) -> Declared:
    """Read an ablation by name or path, its baseline with it; raise `SpecError` with `file:line:column`."""
    path = find(reference, "studies")
    node = read_file(path)
    if isinstance(node.value, dict) and study_kind(node) == "search":
        raise SpecError(
            Problem(str(node.mark), f"{path.stem} is a search and no ablation; `archsearch study {reference}` runs it")
        )
    return declare(node, path.parent, path.stem)


def declare(node: Node, folder: Path, stem: str, baseline: ExperimentSpec | None = None) -> Declared:
    """Check the tree of an ablation; references are meant from `folder`, unless the baseline is given."""
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"an ablation is keys with values, got {quoted(node.plain())}"))
    if "name" not in node.value:
        node = node.with_item("name", Node(stem, node.mark))
    empty = [name for name, factor in _items(node.get("factors")) if not _items(factor)]
    if empty:
        raise SpecError(
            [
                Problem(
                    str(node.locate(("factors", name), key=True)),
                    f"factors.{short(name)}: the factor has no levels; give it one: relu: [replace: {{tanh: relu}}]",
                )
                for name in empty
            ]
        )
    try:
        spec = AblationSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError([*problems_of(error, node, AblationSpec), *_wrong_edits(node, folder, baseline)]) from None
    baseline = baseline or _referred(spec.baseline, node, ("baseline",), folder)
    if problems := [*_wrong_edits(node, folder, baseline, alone=spec.design in _ALONE)]:
        raise SpecError(problems)
    levels: dict[tuple[str, str], Node | ExperimentSpec] = {}
    for factor, of_factor in _items(node.get("factors")):
        for level, edits in _items(of_factor):
            levels[factor, level] = edits if isinstance(edits.value, tuple) else Node((edits,), edits.mark)
    screens = _variants(spec, node, folder, baseline, levels)
    _no_reserved_names(levels, node)
    return Declared(spec, baseline, levels, screens, node)


_ALONE = ("one_at_a_time", "full_factorial", "fractional_factorial")  # designs that run each level on the baseline


def _wrong_edits(
    node: Node, folder: Path, baseline: ExperimentSpec | None, *, alone: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong in the edits of every level, where there is a baseline to try them on."""
    reference = node.get("baseline")
    if baseline is None and reference is not None and isinstance(reference.value, str):
        try:
            baseline = _referred(reference.value, node, ("baseline",), folder)
        except SpecError as error:
            yield from error.problems
    if baseline is not None:
        below = written_spec(baseline, "baseline")
        for _, of_factor in _items(node.get("factors")):
            for _, level in _items(of_factor):
                edits = level if isinstance(level.value, tuple) else Node((level,), level.mark)
                yield from edit_problems(below, edits, alone=alone)


def _items(node: Node | None) -> list[tuple[str, Node]]:
    return list(node.value.items()) if node is not None and isinstance(node.value, dict) else []


def _variants(
    spec: AblationSpec,
    node: Node,
    folder: Path,
    baseline: ExperimentSpec,
    levels: dict[tuple[str, str], Node | ExperimentSpec],
) -> tuple[str, ...]:
    """Read the named specs into levels; give the names of those that are screens."""
    places: list[tuple[str, tuple[str | int, ...], bool]] = [
        (reference, ("variants", number), False) for number, reference in enumerate(spec.variants)
    ]
    if spec.screens is not None:
        listed = enumerate(spec.screens.variants)
        places += [(reference, ("screens", "variants", number), True) for number, reference in listed]
    screens = []
    for reference, loc, is_screen in places:
        found = _referred(reference, node, loc, folder)
        name = found.name
        if (VARIANT, name) in levels or name == baseline.name:
            what = "the baseline" if name == baseline.name else "there already"
            raise SpecError(Problem(str(node.locate(loc)), f"the spec {short(name)!r} is {what}; name each once"))
        levels[VARIANT, name] = found
        if is_screen:
            screens.append(name)
    return tuple(screens)


def _no_reserved_names(levels: Mapping[tuple[str, str], object], node: Node) -> None:
    """Refuse names that a study's trials and questions use for something else."""
    for factor, level in levels:
        loc = ("factors", factor, level) if factor != VARIANT else ("variants",)
        if factor in RESERVED_FACTORS:
            where = node.locate(("factors", factor), key=True)
            raise SpecError(Problem(str(where), f"a factor cannot be called {factor!r}; give it another name"))
        if level in RESERVED_LEVELS:
            what = "spec among the variants" if factor == VARIANT else "level"
            where = node.locate(loc, key=True)
            raise SpecError(Problem(str(where), f"a {what} cannot be called {level!r}; give it another name"))


def _referred(reference: str, node: Node, loc: tuple[str | int, ...], folder: Path) -> ExperimentSpec:
    beside = reference.endswith((".yaml", ".yml"))
    try:
        return load_spec(str(folder / reference) if beside else reference)
    except SpecError as error:
        error.place(str(node.locate(loc)))
        raise


def changed(
    declared: Declared,
    *,
    design: str | None = None,
    seeds: int | None = None,
    control: bool = False,
    screen: bool = False,
) -> Declared:
    """Give an ablation with what the command line changes of it; raise `UsageError` where that does not go together."""
    spec, node = declared.spec, declared.node
    changes: dict[str, Any] = {}
    if design is not None:
        changes["design"] = design
    if seeds is not None:
        changes["seeds"] = {"values": tuple(range(seeds)), "sequential": spec.seeds.sequential}
        node = node.with_item("seeds", Node(seeds, Mark("--seeds"))) if node is not None else None
    if control or screen:
        changes |= {"control": control or spec.control, "screen": screen or spec.screen}
    if not changes:
        return declared
    try:
        spec = AblationSpec.model_validate(spec.model_dump() | changes)
    except ValidationError as error:
        raise UsageError("; ".join(detail["msg"] for detail in error.errors())) from None
    return replace(declared, spec=spec, node=node)
