"""What is shown on stderr while a study works: a bar on a terminal, elsewhere a line when something has changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.console import Group
from rich.text import Text

from archsearch.cli.console.base import err, note
from archsearch.wording import seconds_text

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress, TaskID

QUIET_SECONDS = 10.0  # between two lines where there is no terminal


class Seen(NamedTuple):
    """How far a study is: `what` is counted, `counts` is the rest of the line, `below` what stands under the bar."""

    name: str
    done: int
    total: int
    what: str
    counts: str
    below: tuple[str, ...] = ()


class Panel:
    """Shows what `state` says of a study, again and again; without a terminal no line comes twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.live: Live | None = None
        self.bars: Progress | None = None
        self.task: TaskID | None = None
        self.last: Any = None
        self.said = ""
        self.said_at = -QUIET_SECONDS
        self.began: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        to = err()
        if to.is_terminal:
            from rich.live import Live
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), MofNCompleteColumn())
            self.bars = Progress(*columns, TextColumn("{task.fields[left]}", markup=False), console=to)
            self.task = self.bars.add_task(self.name, total=None, left="")
            self.live = Live(self.bars, console=to, refresh_per_second=4, transient=True)
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self.live is not None:
            self.live.stop()
        elif kind is None and self.last is not None:
            self._say(self.last)

    def look(self, study: Any) -> None:
        """Show how far a study is."""
        if self.live is not None:
            self._draw(self.live, self.state(study))
            return
        before = self.last
        if before is not None and before is not study and self.name_of(before) != self.name_of(study):
            self._say(before)  # how the one ended, before another begins
            self.said_at = -QUIET_SECONDS
        if time.monotonic() - self.said_at < QUIET_SECONDS:
            self.last = study
        else:
            self._say(study)

    def _draw(self, live: Live, seen: Seen) -> None:
        assert self.bars is not None
        assert self.task is not None
        left = self.left(seen.name, seen.done, seen.total)
        self.bars.update(self.task, description=seen.name, completed=seen.done, total=seen.total, left=left)
        live.update(Group(self.bars, Text("\n".join((seen.counts, *seen.below)))))

    def _say(self, study: Any) -> None:
        """Print a line, unless it says what the last one said; the time left alone is no news."""
        self.last = None
        self.said_at = time.monotonic()
        seen = self.state(study)
        line = f"{seen.name}  {seen.done}/{seen.total} {seen.what}, {seen.counts}"
        below = "".join(f"  {text}" for text in seen.below[:1])
        if line + below == self.said:
            return
        self.said = line + below
        left = self.left(seen.name, seen.done, seen.total)
        note(line + (f", {left}" if left else "") + below)

    def name_of(self, study: Any) -> str:
        """Name a study, without a look at how far it is where that can be."""
        return self.state(study).name

    def state(self, study: Any) -> Seen:
        """Say how far a study is."""
        raise NotImplementedError

    def left(self, study: str, done: int, total: int) -> str:
        """Say how long a study will take at the pace that it had since it was first looked at; "" if not known."""
        began, first = self.began.setdefault(study, (time.monotonic(), done))
        if done == first or done >= total:
            return ""
        return f"about {seconds_text((time.monotonic() - began) / (done - first) * (total - done))} left"


def counts_text(counts: Mapping[str, int]) -> str:
    """Name what there is some of."""
    return "".join(f", {number} {word}" for word, number in counts.items() if number)
