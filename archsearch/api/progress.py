"""How far a study is, said while it works: one line that is overwritten, on stderr or in a notebook's cell.

with Said("norm", total=30, show=True) as said: ablate(planned, settings, said.look)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from archsearch.study.storage import Study


class Said:
    """Counts the trials of a study that have ended; says nothing where `show` is false."""

    def __init__(self, name: str, total: int, *, show: bool) -> None:
        self.name, self.total, self.show = name, total, show
        self.last = ""
        self.handle: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.show and self.last and self.handle is None:
            sys.stderr.write("\n" if sys.stderr.isatty() else "")

    def look(self, study: Study) -> None:
        """Say how many runs are done and under way, where that has changed."""
        if not self.show:
            return
        from archsearch.study.under_way import states_in

        states = states_in(study)
        running = states["running"]
        done = states.total() - running - states["waiting"]
        text = f"{self.name}: {done} of {max(self.total, done)} runs done, {running} under way"
        if text != self.last:
            self._write(text)
            self.last = text

    def _write(self, text: str) -> None:
        if _in_a_notebook():
            from IPython.display import Pretty, display

            if self.handle is None:
                self.handle = display(Pretty(text), display_id=True)
            else:
                self.handle.update(Pretty(text))
        elif sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        else:
            sys.stderr.write(f"{text}\n")


def _in_a_notebook() -> bool:
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and type(found).__name__ == "ZMQInteractiveShell"
