"""The file of a program: what is started, what stands in its braces, and which metrics it gives.

    spec = ProgramSpec.model_validate(tree)        # from a file: `archsearch.program.read.load_program`

Frozen plain data. Whether folder, files and executable are there is asked of `program.experiment.plan_program`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from archsearch.metrics import Direction, Metric, Written, part_of, row_of_any, usual_direction
from archsearch.plain import NonNegativeFloat, Plain, PositiveFloat
from archsearch.program.fields import Argument, ValueName, pattern_of_one_group
from archsearch.program.section import FilesDigest, ProgramSection
from archsearch.spec.experiment import LintCode, LintReason
from archsearch.spec.fields import Departures, SpecName, Text, WhereFrom, text_pattern, written_default

MetricName = Annotated[
    str,
    text_pattern(
        r"^[A-Za-z][A-Za-z0-9_./@-]{0,63}$",
        "may hold letters, digits, _ . / @ - only, and begins with a letter, 64 at most",
    ),
]
MetricUnit = Literal["fraction", "percent", "own"]
# Names that a run's record has for other things.
RESERVED = ("run_id", "status", "name", "seed", "spec", "history", "environment", "test_reads", "data_fingerprint")

Listed = Annotated[tuple[Argument, ...], Field(strict=False)]


class MetricSource(Plain):
    """Where a metric is read from: one of `json`, `csv`, `last`, `returned` and `measured`, and what is known of it.

    `json` and `csv` are files that the run writes in {run_dir}, or in its folder; `last` is a pattern with one group,
    whose last match in the output counts.
    """

    model_config = ConfigDict(serialize_by_alias=True)  # a field called json would hide a method of Pydantic's

    json_file: str | None = Field(
        default=None, alias="json", description="A JSON file that the run writes.", examples=["result.json"]
    )
    key: str | None = Field(default=None, description="Where it stands in the JSON.", examples=["test.accuracy"])
    csv: str | None = Field(default=None, description="A table that the run writes.", examples=["log.csv"])
    column: str | None = Field(default=None, description="The column of the table.", examples=["val_acc"])
    row: Literal["first", "last"] = Field(default="last", description="The row of the table.", examples=["last"])
    last: Annotated[str, BeforeValidator(pattern_of_one_group)] | None = Field(
        default=None,
        description="A pattern with one group; its last match in the output counts.",
        examples=[r"loss=(\S+)"],
    )
    output: Literal["stdout", "stderr"] | None = Field(
        default=None, description="Which output the pattern is looked for in, by default both.", examples=["stderr"]
    )
    returned: str | None = Field(
        default=None, description="The name of what a function returns, where it is a dict.", examples=["accuracy"]
    )
    measured: Literal["seconds", "peak_memory"] | None = Field(
        default=None, description="What is measured while it runs.", examples=["seconds"]
    )
    direction: Direction | None = Field(
        default=None, description="Which way is better, where the name does not tell.", examples=["maximize"]
    )
    unit: MetricUnit | None = Field(
        default=None,
        description="fraction: 0 to 1. percent: 98.1 is read as 0.981. own: as it is.",
        examples=["percent"],
    )
    margin: NonNegativeFloat | None = Field(
        default=None, description="The difference that is too small to matter, in the metric's unit.", examples=[0.001]
    )
    scale: PositiveFloat | None = Field(
        default=None, description="What the number is multiplied by when it is read.", examples=[0.001]
    )
    title: str | None = Field(default=None, description="What people call it.", examples=["word error rate"])

    @model_validator(mode="after")
    def _one_place(self) -> MetricSource:
        given = [name for name in ("json", "csv", "last", "returned", "measured") if self._place(name) is not None]
        if len(given) != 1:
            raise ValueError(
                "needs one of json, csv, last, returned and measured, got " + (" and ".join(given) or "none of them")
            )
        needs = {"json": "key", "csv": "column"}
        for place, field in needs.items():
            if (given == [place]) != (getattr(self, field) is not None):
                raise ValueError(f"{place} and {field} go together" if given == [place] else f"{field} is for {place}")
        if self.output is not None and self.last is None:
            raise ValueError("output is for last")
        if self.scale is not None and self.unit == "percent":
            raise ValueError("percent is a scale already; leave out scale")
        return self

    def _place(self, name: str) -> str | None:
        found: str | None = getattr(self, "json_file" if name == "json" else name)
        return found


def _one_word(value: Any, name: str) -> Any:
    return {value: name} if value in ("measured", "returned") else value


class HistoryFile(Plain):
    """A table with a row for each epoch or step, which is followed while the run goes on."""

    csv: str = Field(description="The table that the run writes.", examples=["log.csv"])
    step: str = Field(default="epoch", description="The column that counts.", examples=["epoch"])
    columns: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | dict[str, str] = Field(
        description="The columns to follow, or metrics' names with their columns.", examples=[["loss", "acc"]]
    )

    @property
    def named(self) -> dict[str, str]:
        """Give the columns by the names that they are followed by."""
        return dict(self.columns) if isinstance(self.columns, dict) else {name: name for name in self.columns}


class ProgramObjective(Plain):
    """The metric that decides, and which way."""

    maximize: MetricName | None = Field(default=None, description="More is better.", examples=["accuracy"])
    minimize: MetricName | None = Field(default=None, description="Less is better.", examples=["loss"])

    @model_validator(mode="after")
    def _one_way(self) -> ProgramObjective:
        if (self.maximize is None) == (self.minimize is None):
            raise ValueError("needs maximize or minimize, with a metric's name")
        return self

    @property
    def metric(self) -> str:
        """Name the metric."""
        return str(self.maximize if self.maximize is not None else self.minimize)

    @property
    def way(self) -> Direction:
        """Say which way is better."""
        return "maximize" if self.maximize is not None else "minimize"


class ProgramSpec(Plain):
    """A program, the values in its braces and the metrics that it gives."""

    name: SpecName = Field(
        description="What the experiment is called; by default the name of the file.", examples=["my_training"]
    )
    summary: Text = Field(default="", description="One or two sentences on what it is.", examples=["A small net."])
    program: ProgramSection = Field(
        description="What is started.", examples=[{"command": ["python", "train.py", "--seed", "{seed}"]}]
    )
    values: dict[ValueName, Argument | Listed] = Field(
        default_factory=dict,
        description="What stands in the braces; a list becomes several arguments.",
        examples=[{"lr": 0.001, "norm": "batch", "extra": []}],
        json_schema_extra=written_default({}),
    )
    metrics: Annotated[dict[MetricName, MetricSource], Field(min_length=1)] = Field(
        description="What it gives, and where that is read.", examples=[{"loss": {"last": r"loss=(\S+)"}}]
    )
    history: HistoryFile | None = Field(
        default=None,
        description="A table that is followed while it runs.",
        examples=[{"csv": "log.csv", "step": "epoch", "columns": ["loss"]}],
    )
    objective: ProgramObjective | None = Field(
        default=None, description="The metric that decides.", examples=[{"maximize": "accuracy"}]
    )
    source: WhereFrom = None
    departures: Departures = ()
    lint: dict[LintCode, LintReason] = Field(
        default_factory=dict,
        max_length=100,
        description="Lint rules that are silenced here, each with the reason.",
        examples=[{"A103": "the last epoch is what counts"}],
        json_schema_extra=written_default({}),
    )
    hashed: FilesDigest | None = Field(
        default=None, description="What its files were when it was planned; written by planning, not by hand."
    )

    @model_validator(mode="before")
    @classmethod
    def _measured(cls, tree: Any) -> Any:
        """Read `seconds: measured` and `accuracy: returned`."""
        if isinstance(tree, dict) and isinstance(tree.get("metrics"), dict):
            return tree | {"metrics": {name: _one_word(value, name) for name, value in tree["metrics"].items()}}
        return tree

    @model_validator(mode="after")
    def _of_its_kind(self) -> ProgramSpec:
        function = self.program.function is not None
        for name, source in self.metrics.items():
            if source.measured is None and (source.returned is not None) != function:
                raise ValueError(
                    f"{name} of a function is what it returns; write {name}: returned"
                    if function
                    else f"{name} cannot be returned: a command writes its metrics"
                )
        return self

    @property
    def main_metric(self) -> str:
        """Name the metric that decides: the objective, or the first."""
        return self.objective.metric if self.objective is not None else next(iter(self.metrics))


def metric_row(spec: ProgramSpec, name: str) -> Metric:
    """Give what is known of a metric of the file: from the file, from the table of metrics, or by its name.

    Raises `KeyError` for a metric that the file has not.
    """
    given, row = spec.metrics[name], row_of_any(name)
    if spec.objective is not None and spec.objective.metric == name:
        direction: Direction | None = spec.objective.way
    else:
        direction = given.direction or (row.direction if row is not None else usual_direction(name))
    own = given.unit == "own" or (given.unit is None and row is None)
    fraction = given.unit in ("fraction", "percent") or (not own and row is not None and row.written == "percent")
    written: Written = "percent" if fraction else "count" if row is not None and row.written == "count" else "number"
    return Metric(
        name=name,
        title=given.title or (row.title if row is not None and part_of(name) is None else name),
        direction=direction or "maximize",
        written=written,
        known="measured" if given.measured else "training",
        margin=given.margin if given.margin is not None else row.margin if row is not None and not own else 0.0,
        given_by="program",
    )


def is_fraction(spec: ProgramSpec, name: str) -> bool:
    """Say whether a metric's numbers lie between 0 and 1."""
    return metric_row(spec, name).written == "percent"
