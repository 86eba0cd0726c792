"""The section `program` of a program's file: what is started, and what its numbers depend on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from archsearch.plain import Plain, Positive
from archsearch.program.fields import Argument, Arguments, Seconds, Variable
from archsearch.spec.fields import Text, text_pattern, written_default

FunctionName = Annotated[str, text_pattern(r"^[\w.]+:[\w.<>]+$", "is written MODULE:FUNCTION, such as train:main")]
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
    function: FunctionName | None = Field(
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
