"""The command line's two streams: their reader may go away, and no text that passes commands a terminal.

with quiet_pipes():
    app()

`archsearch list | head -1` ends quietly, with exit code 0: rich and typer each end with code 1 at a closed pipe, and
Python complains once more when it flushes at its end, so the streams themselves notice it first. What is printed
passes `visible`; the console's own colours and movements go to `obeyed`, where its texts have passed it already.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from archsearch.markup import visible


class QuietPipe:
    """A text stream that leaves the program with code 0 when its reader has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, as the stream does."""
        try:
            self._stream.write(text)
            return len(text)
        except BrokenPipeError:
            self._leave()

    def flush(self) -> None:
        """Flush, as the stream does."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> NoReturn:
        # what is still in the buffer goes nowhere, also when Python flushes at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        sys.exit(0)


class VisiblePipe(QuietPipe):
    """A quiet stream whose texts command no terminal; what does goes to `obeyed`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.obeyed = QuietPipe(stream)

    def write(self, text: str) -> int:
        """Write, with the characters that a terminal would obey made visible."""
        return super().write(visible(text))


@contextmanager
def quiet_pipes() -> Iterator[None]:
    """Make both streams quiet for a while; what was written is flushed at the end."""
    before = sys.stdout, sys.stderr
    streams = VisiblePipe(sys.stdout), VisiblePipe(sys.stderr)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        with suppress(SystemExit):  # the command's own exit code stands
            for stream in streams:
                stream.flush()
        sys.stdout, sys.stderr = before
