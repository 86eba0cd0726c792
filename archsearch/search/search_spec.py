"""The keys of a search file that are not open: base, objectives, limits, sampler, pruner, confirmation.

    StudySpec.model_validate({"name": "mine", "base": "lenet5", "objective": {"maximize": "val_accuracy"}})

The open values are read by `search_file.py`, which joins them with the base.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from archsearch.kinds import NETWORK, kind_of_spec
from archsearch.kinds.kind import AnySpec, ExperimentKind
from archsearch.metrics import OBJECTIVES, bare_name, direction_of, is_own, part_of
from archsearch.plain import NonNegative, Plain, Positive
from archsearch.search.pruner_spec import NoPruning, Pruner, Screen
from archsearch.spec.fields import Departures, SpecName, Text, WhereFrom, written_default
from archsearch.spec.folds import SplitSpec
from archsearch.spec.nearest import nearest
from archsearch.spec.text.sentences import quoted

_SUFFIX = {"k": 10**3, "M": 10**6, "G": 10**9}


def _counted(value: object) -> object:
    """Read 100k as 100000: how people write sizes."""
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([kMG])", value)):
        return round(float(match[1]) * _SUFFIX[match[2]])
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise PydanticCustomError("counted", "expected a whole number above 0, or one with k, M or G (100k)")
    return value


Counted = Annotated[
    int,
    BeforeValidator(_counted),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9.]+[kMG]$"}]}),
]


class LimitsSpec(Plain):
    """What a sampled network may have at the most; larger ones are never trained."""

    parameters: Counted | None = Field(
        default=None, description="Most trainable values; k, M and G are allowed.", examples=["100k", 61706]
    )
    macs: Counted | None = Field(
        default=None,
        description="Most multiply-accumulates of one sample, forward; k, M and G are allowed.",
        examples=["2M"],
    )


def _base_of(info: ValidationInfo) -> AnySpec | None:
    """Give the base that is searched around, None where it is not known: then it is taken for a network."""
    return (info.context or {}).get("base")


def _kind_of(base: AnySpec | None) -> ExperimentKind:
    return NETWORK if base is None else kind_of_spec(base)


def _objective(value: object, info: ValidationInfo) -> object:
    base = _base_of(info)
    metrics = _kind_of(base).objectives(base)
    if isinstance(value, dict) and len(value) == 1:
        ((direction, metric),) = value.items()
        if direction in ("maximize", "minimize") and metric in metrics:
            return (direction, metric)
        if direction in ("maximize", "minimize") and isinstance(metric, str) and is_own(bare_name(metric)):
            return (direction, _own_on_validation(metric, base))
    raise PydanticCustomError(
        "objective",
        "expected maximize or minimize with one of {metrics}, {hint}",
        {"metrics": ", ".join(metrics), "hint": _objective_hint(value, base, metrics)},
    )


def _own_on_validation(metric: str, base: AnySpec | None) -> str:
    """Give the name of a function of people's files on validation data: a search never selects on test data."""
    bare = bare_name(metric)
    if part_of(metric) not in (None, "val"):
        raise PydanticCustomError("objective", "a search selects on validation data: write {bare}", {"bare": bare})
    if _kind_of(base).name != "network":
        why = "{bare}: a program keeps no predictions, so it gives its metrics itself"
        raise PydanticCustomError("objective", why, {"bare": bare})
    return f"val_{bare}"


def _objective_hint(value: object, base: AnySpec | None, metrics: Sequence[str]) -> str:
    """Quote the words that are none and say what was probably meant; without any, how an objective is written."""
    if not isinstance(value, dict) or len(value) != 1:
        return f"such as {_nearest_objective(value, base, metrics)}"
    ((direction, metric),) = value.items()
    said = ((direction, ("maximize", "minimize")), (metric, metrics))
    wrong = [quoted(word).removeprefix("text ") for word, known in said if word not in known]
    return f"got {' and '.join(wrong)}; did you mean {_nearest_objective(value, base, metrics)}?"


def _nearest_objective(value: object, base: AnySpec | None, metrics: Sequence[str]) -> str:
    """Give what was probably meant: `{maximise: val_acc}` -> `{maximize: val_accuracy}`."""
    words = next(iter(value.items())) if isinstance(value, dict) and value else ("", "")
    direction = nearest(str(words[0]), ("maximize", "minimize"))
    metric = nearest(str(words[1]), metrics) or metrics[0]
    usual = direction_of(metric) if base is None else kind_of_spec(base).metric(base, metric).direction
    return f"{{{direction or usual}: {metric}}}"


Objective = Annotated[
    tuple[Literal["maximize", "minimize"], str],
    BeforeValidator(_objective),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                word: {
                    "anyOf": [{"enum": list(OBJECTIVES)}, {"type": "string"}],
                    "description": f"The metric of which {amount} is better; by default the other key is given.",
                    "examples": [metric],
                }
                for word, amount, metric in (("maximize", "more", "val_accuracy"), ("minimize", "less", "macs"))
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }
    ),
]


Sampler = Literal["auto", "tpe", "random", "qmc", "gp", "cmaes", "nsga2", "nsga3", "brute_force", "local"]


class StudySpec(Plain):
    """The part of a study file that is not open."""

    other_keys: ClassVar[tuple[str, ...]] = ("space", "never", "network", "data", "train")

    name: SpecName = Field(
        description="What the study is called in the storage; by default the name of the file.", examples=["lenet"]
    )
    summary: Text = Field(
        default="",
        description="One or two sentences on what it is.",
        examples=["Two convolutions and two linear layers."],
    )
    base: SpecName | Text = Field(
        description="The spec that gives data, training and trial 0, or a program: a name, or a file beside this one.",
        examples=["lenet5", "mine.yaml"],
    )
    objective: Annotated[tuple[Objective, ...], Field(strict=False, min_length=1, max_length=4)] = Field(
        description="What is looked for: maximize or minimize one metric, or a list of up to four; by default what a "
        "program says of itself.",
        examples=[{"maximize": "val_accuracy"}, [{"maximize": "val_accuracy"}, {"minimize": "macs"}]],
    )
    limits: LimitsSpec = Field(
        default_factory=LimitsSpec,
        description="What a network may have at the most; larger ones are never trained.",
        examples=[{"parameters": "100k"}],
        json_schema_extra=written_default({}),
    )
    trials: Positive = Field(default=50, description="Networks to try, or settings of a program.", examples=[100])
    sampler: Sampler = Field(
        default="auto",
        description="What chooses the next one; `auto` is local search for networks, tpe for programs and for several "
        "objectives.",
        examples=["tpe"],
    )
    proposals: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1,
        description="Configurations that are drawn for each trial, of which the one with the least work is tried; for "
        "every fourth trial the first is, whatever it costs.",
        examples=[3],
    )
    pruner: Pruner = Field(
        default_factory=Screen,
        description="When a trial is stopped early: screen, halving, median, hyperband or none.",
        examples=["none", {"screen": {"keep": 0.5}}],
        json_schema_extra=written_default("screen"),
    )
    split: SplitSpec | None = Field(
        default=None,
        description="Folds of the training samples: each trial is trained on all of them, each is the validation part "
        "once, and the objective is the mean over them.",
        examples=[{"folds": 5}, {"folds": 5, "group": "subject"}],
    )
    confirm: NonNegative = Field(
        default=3,
        description="Most of the best networks that are trained again on new seeds and tested; 0 is none.",
        examples=[5],
    )
    confirm_seeds: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        default=None,
        description="Seeds on which each of them is trained again; by default they race, and losers leave early.",
        examples=[10],
    )
    confirm_budget: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None,
        description="What the race may cost, as a share of the search's own work; by default a third, or what its "
        "first look takes.",
        examples=[0.5],
    )
    source: WhereFrom = None
    departures: Departures = ()

    @model_validator(mode="before")
    @classmethod
    def _one_objective(cls, value: Any, info: ValidationInfo) -> Any:
        """Read an objective alone as a list of one; without any take the one that the base itself has."""
        if not isinstance(value, dict):
            return value
        base = _base_of(info)
        own = None if base is None or "objective" in value else kind_of_spec(base).objective(base)
        if own is not None:
            return {**value, "objective": [{own[0]: own[1]}]}
        return {**value, "objective": [value["objective"]]} if isinstance(value.get("objective"), dict) else value

    @model_validator(mode="after")
    def _seeds_or_a_budget(self) -> StudySpec:
        if self.confirm_seeds is not None and self.confirm_budget is not None:
            raise PydanticCustomError(
                "confirm",
                "confirm_seeds gives all finalists so many seeds, confirm_budget is a race's: keep one of them",
            )
        return self

    @model_validator(mode="after")
    def _folds_are_for_what_is_learned(self, info: ValidationInfo) -> StudySpec:
        if self.split is None:
            return self
        if "pruner" in self.model_fields_set and not isinstance(self.pruner, NoPruning):
            raise PydanticCustomError(
                "pruner",
                "with a split every trial is trained on all its folds, and none is stopped; take pruner {pruner} out",
                {"pruner": self.pruner.kind},
            )
        metrics = [metric for _, metric in self.objective]
        if _kind_of(_base_of(info)).learned(metrics) is None:
            raise PydanticCustomError(
                "split",
                "{metrics} is the same on every fold: take split out, or add an objective that is learned, such as "
                "val_accuracy",
                {"metrics": " and ".join(metrics)},
            )
        return self

    @model_validator(mode="after")
    def _objectives_go_together(self, info: ValidationInfo) -> StudySpec:
        metrics = [metric for _, metric in self.objective]
        if len(set(metrics)) != len(metrics):
            raise PydanticCustomError("objective", "a metric stands in two objectives")
        if why := _kind_of(_base_of(info)).not_together(metrics):
            raise PydanticCustomError("objective", "{why}", {"why": why})
        return self
