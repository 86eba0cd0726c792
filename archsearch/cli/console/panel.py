"""What is shown on stderr while a study works: a live panel on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

from rich.text import Text

from archsearch.cli.console.base import err, note

QUIET_SECONDS = 10.0  # between two lines where there is no terminal


class Panel:
    """Shows what `lines` says of a study, again and again; the first two lines where there is no terminal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.live: Any = None
        self.said = 0.0
        self.began: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        to = err()
        if to.is_terminal:
            from rich.live import Live

            self.live = Live(Text(f"{self.name}: ..."), console=to, refresh_per_second=4, transient=True)
            self.live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.live is not None:
            self.live.stop()

    def look(self, study: Any) -> None:
        """Show how far a study is."""
        if self.live is None and time.monotonic() - self.said < QUIET_SECONDS:
            return
        self.said = time.monotonic()
        lines = self.lines(study)
        if self.live is not None:
            self.live.update(Text("\n".join(lines)))
        else:
            note("  ".join(lines[:2]))

    def lines(self, study: Any) -> list[str]:
        """Say how far a study is."""
        raise NotImplementedError

    def left(self, study: str, done: int, total: int) -> str:
        """Say how long a study will take at the pace that it had since it was first looked at; "" if not known."""
        began, first = self.began.setdefault(study, (time.monotonic(), done))
        if done == first or done >= total:
            return ""
        return f", about {seconds_text((time.monotonic() - began) / (done - first) * (total - done))} left"


def counts_text(counts: Mapping[str, int]) -> str:
    """Name what there is some of."""
    return "".join(f", {number} {word}" for word, number in counts.items() if number)


def seconds_text(seconds: float) -> str:
    """Write a duration roughly."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
