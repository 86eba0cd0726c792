"""What a script can be told, and how: one `Option` for each flag, argument, override or variable.

    Option("lr", "--lr", default=0.1).words("{lr}")        # ["--lr", "{lr}"]

Knows no parser: those that read a script make these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

How = Literal["flag", "joined", "positional", "switch", "override", "variable", "config"]

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_DEFAULT_SAID = re.compile(r"\s*[\[(]\s*default[^)\]]*[)\]]", re.IGNORECASE)
_OF_A_RUN = ("seed", "run_dir", "device")  # what stands in braces already


def names_in(text: str) -> frozenset[str]:
    """Give the words of a text as a set: how the tables of names here are written."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a script can be told.

    `how` is how: `--lr 0.1` (flag), `--lr=0.1` (joined), in its place (positional), there or not there (switch, whose
    other word is `off_flag`), `lr=0.1` (override), an environment variable, or a key of a configuration file.
    `default` is None where there is none or where it is no plain value; `takes_none` says that it may be left out.
    `where` is `train.py:12`.
    """

    name: str
    flag: str
    how: How = "flag"
    default: Any = None
    choices: tuple[Any, ...] = ()
    required: bool = False
    several: bool = False
    off_flag: str = ""
    help: str = ""
    where: str = ""
    group: str = ""

    @property
    def value_name(self) -> str:
        """Give the name under which it stands in braces."""
        name = _NOT_A_NAME.sub("_", self.name).strip("_") or "value"
        name = f"_{name}" if name[0].isdigit() else name
        return f"{name}_value" if name in _OF_A_RUN else name[:60]

    def words(self, value: str) -> list[str]:
        """Give the words of a command that set it to `value`; none for what is set elsewhere.

        >>> Option("lr", "--lr").words("{lr}"), Option("lr", "lr", how="override").words("{lr}")
        (['--lr', '{lr}'], ['lr={lr}'])
        """
        if self.how == "flag":
            return [self.flag, value]
        if self.how in ("joined", "override"):
            return [f"{self.flag}={value}"]
        return [value] if self.how == "positional" else []

    @property
    def about(self) -> str:
        """Give its help without what is known anyway: its default."""
        return _DEFAULT_SAID.sub("", self.help).strip()

    @property
    def can_stand_in_command(self) -> bool:
        """Say whether it can be given its default in so many words: a switch or an absent default cannot."""
        return self.how != "switch" and (self.default is not None or self.required)
