"""What can go wrong, as one tree; a caller catches as wide or as narrow as it likes.

    ArchsearchError                 exit  meaning
    ├── SpecError                    3    a file, an edit or an override says something that cannot be
    │   └── LimitError               6    a valid network, larger than the limits allow
    ├── UsageError                   2    the command was called wrongly
    │   └── UntrustedError           2    code that was not allowed to run
    ├── DamagedFileError             4    a data file, checkpoint or result was truncated or altered
    ├── NothingCompletedError        5    it ran, but no run completed (for example: all diverged)
    ├── UnavailableError            75    data, storage or what a study was begun with is not here; try again later
    │   └── BusyError               75    another process is at work on the same run
    └── Interrupted            130/143    stopped by SIGINT or SIGTERM; finished work is kept

Every other exception that leaves the library is a bug of ours (exit 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from archsearch.markup import visible


class ArchsearchError(Exception):
    """Base of every error that the library raises on purpose; `exit_code` is what the command line exits with.

    As text it holds no character that commands a terminal: what it quotes may be anybody's.
    """

    exit_code: int = 1

    def __str__(self) -> str:
        return visible(super().__str__())


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `where` is `file:line:column` or a name ("" if there is none), `message` a sentence.

    `reason` is the fault alone, without the layer that has it and without the way out: equal for equal faults. Whoever
    gives none has a message that is its own reason.
    """

    where: str
    message: str
    reason: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.reason:
            object.__setattr__(self, "reason", self.message)

    def __str__(self) -> str:
        return visible(f"{self.where}: {self.message}" if self.where else self.message)


class SpecError(ArchsearchError):
    """A spec cannot be what it says; `problems` holds all that was found, in the order of the file.

    `loc` is the part of the spec it is about, where the thrower knows no file: ("network", 3). `reason` is that of a
    single problem.
    """

    exit_code = 3

    def __init__(
        self, problems: Problem | str | Sequence[Problem], loc: tuple[str | int, ...] = (), *, reason: str = ""
    ) -> None:
        if isinstance(problems, str):
            problems = Problem("", problems, reason)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.loc = loc
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def place(self, where: str) -> None:
        """Say where the problems without a place are: `file:line:column`."""
        self.problems = tuple(p if p.where else replace(p, where=where) for p in self.problems)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


class LimitError(SpecError):
    """A limit on file size, nesting, layers, parameters or memory is exceeded."""

    exit_code = 6


class UsageError(ArchsearchError):
    """The command or function was called with arguments that do not go together."""

    exit_code = 2


class UntrustedError(UsageError):
    """Something would execute code that was not allowed to run here; the message shows it, and what allows it."""


class DamagedFileError(ArchsearchError):
    """A file is truncated or altered; it is named and was not used."""

    exit_code = 4


class NothingCompletedError(ArchsearchError):
    """Everything ran as asked, and no run completed."""

    exit_code = 5


class UnavailableError(ArchsearchError):
    """Something outside (a download, a storage, a lock) is unreachable or busy; trying again later may work."""

    exit_code = 75


class BusyError(UnavailableError):
    """Another process is at work on the very same thing; waiting a moment will do."""


class Interrupted(ArchsearchError):
    """SIGINT or SIGTERM arrived; `signal_number` says which, `exit_code` is 128 + that number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
