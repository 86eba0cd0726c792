"""The file of a program: what is started, what stands in its braces, and which metrics it gives.

    spec = ProgramSpec.model_validate(tree)        # from a file: `archsearch.program.read.load_program`

Frozen plain data. Whether folder, files and executable are there is asked of `program.experiment.plan_program`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from archsearch.metrics import Direction, Metric, Written, metric_of, part_of, usual_direction
from archsearch.plain import NonNegativeFloat, Plain, Positive, PositiveFloat
from archsearch.program.fields import Argument, Arguments, Seconds, ValueName, Variable, pattern_of_one_group
from archsearch.spec.experiment import LintCode, LintReason
from archsearch.spec.fields import Departures, SpecName, Text, WhereFrom, written_default

MetricName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_./@-]{0,63}$")]
MetricUnit = Literal["fraction", "percent", "own"]
# Names that a run's record has for other things.
RESERVED = ("run_id", "status", "name", "seed", "spec", "history", "environment", "test_reads", "data_fingerprint")

Listed = Annotated[tuple[Argument, ...], Field(strict=False)]
Globs = Annotated[tuple[Annotated[str, StringConstraints(min_length=1)], ...], Field(strict=False, min_length=1)]
_OF_COMMANDS = ("environment", "stdin", "timeout", "gpus", "config", "ref", "patches")


class Patch(Plain):
    """A unified diff, taken into the spec whole; `name` is the file that it came from."""

    name: str = Field(description="The file that the diff came from.", examples=["no_whitening.diff"])
    text: str = Field(description="The diff.", examples=["--- a/train.py\n+++ b/train.py\n"])


class GitRef(Plain):
    """A commit whose tree stands in place of the working tree; a bare word is its name."""

    name: str = Field(description="A branch, a tag or a commit.", examples=["feature/muon"])
    commit: str | None = Field(
        default=None, description="The commit that it was when the file was read.", examples=["3c7178c0a1"]
    )


class ConfigFile(Plain):
    """A configuration file that is written for each run: a template with some of its values changed.

    With `edits` the template is YAML or JSON and each key a path in it; without, names in braces are replaced in it.
    """

    template: str = Field(description="The file that it is made of.", examples=["base.yaml"])
    to: str = Field(description="Where it is written.", examples=["{run_dir}/config.yaml"])
    edits: dict[str, Any] = Field(
        default_factory=dict,
        description="Values by path; a path that is not in the template begins with +.",
        examples=[{"train.lr": "{lr}"}],
        json_schema_extra=written_default({}),
    )
    text: str | None = Field(default=None, description="The template's text, taken in when the file is read.")


class ProgramSection(Plain):
    """What is started and what its numbers depend on."""

    command: Arguments | None = Field(
        default=None,
        description="The program and its arguments; one string is split as a shell would, but no shell runs it.",
        examples=[["python", "train.py", "--seed", "{seed}"]],
    )
    function: Annotated[str, StringConstraints(pattern=r"^[\w.]+:[\w.<>]+$")] | None = Field(
        default=None, description="A Python function, called as f(seed, **values).", examples=["train:main"]
    )
    source: str | None = Field(default=None, description="The function's source, taken in when it is given.")
    version: Text | None = Field(
        default=None, description="What else the function's numbers depend on.", examples=["2"]
    )
    folder: str = Field(
        default=".", description="Where it runs, meant from the file's folder.", examples=["../experiments"]
    )
    files: Globs | None = Field(
        default=None,
        description="What the numbers depend on, by default the files that git tracks in the folder, else *.py.",
        examples=[["*.py", "configs/**"]],
    )
    environment: dict[Variable, Argument] = Field(
        default_factory=dict,
        description="Variables beside those of the caller.",
        examples=[{"OMP_NUM_THREADS": 1}],
        json_schema_extra=written_default({}),
    )
    stdin: str | None = Field(default=None, description="What it reads from its standard input.", examples=["{lr}\n"])
    timeout: Seconds | None = Field(
        default=None, description="How long it may run: seconds, or 90s, 30m, 2h, 1d.", examples=["30m"]
    )
    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="How often a run is tried again that ended with a non-zero exit code.", examples=[2]
    )
    deterministic: bool = Field(
        default=False, description="That it has no chance in it: every seed gives the same.", examples=[True]
    )
    parallel: bool | None = Field(
        default=None,
        description="Whether runs may share a machine at one time; by default not where a measured metric decides.",
        examples=[False],
    )
    gpus: Positive | None = Field(
        default=None, description="How many GPUs there are, of which each run gets one.", examples=[2]
    )
    config: ConfigFile | None = Field(
        default=None,
        description="A configuration file that is written for each run.",
        examples=[{"template": "base.yaml", "to": "{run_dir}/config.yaml", "edits": {"train.lr": "{lr}"}}],
    )
    ref: Annotated[GitRef, BeforeValidator(lambda v: {"name": v} if isinstance(v, str) else v)] | None = Field(
        default=None,
        description="A git commit or branch whose tree stands in place of the working tree.",
        examples=["feature/muon"],
    )
    patches: Annotated[
        tuple[Annotated[Patch, BeforeValidator(lambda v: {"name": v, "text": ""} if isinstance(v, str) else v)], ...],
        Field(strict=False),
    ] = Field(
        default=(),
        description="Unified diffs, applied to a copy of the files.",
        examples=[["no_whitening.diff"]],
    )

    @model_validator(mode="after")
    def _one_thing_is_started(self) -> ProgramSection:
        if (self.command is None) == (self.function is None):
            raise ValueError("needs a command, or a function, and not both")
        given = [name for name in _OF_COMMANDS if getattr(self, name)]
        if self.function is not None and given:
            raise ValueError(f"a function has no {given[0]}: that is for commands, and it runs in this process")
        if self.command is not None and (self.version is not None or self.source is not None):
            raise ValueError("a command has no version or source: its files are hashed")
        return self


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


class FilesDigest(Plain):
    """The files that a program's numbers depend on, as they were: their hash, and the state of git.

    `files` has the SHA-256 of each by its path from the folder, shortened to 16 digits, and is empty where there are
    more than 200. `commit` is None outside of git; `dirty` names what differed from it.
    """

    digest: str
    count: int
    files: dict[str, str] = Field(default_factory=dict)
    commit: str | None = None
    dirty: Annotated[tuple[str, ...], Field(strict=False)] = ()


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
    given, row = spec.metrics[name], metric_of(name)
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
