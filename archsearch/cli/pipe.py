"""The command line's streams: they may fail or be closed, and no text that passes commands a terminal.

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

from archsearch.errors import UnavailableError
from archsearch.markup import visible


class QuietPipe:
    """A text stream that leaves the program with code 0 when its reader has gone.

    What cannot be written otherwise raises `UnavailableError`; of `spare` streams (stderr) it is lost.
    """

    def __init__(self, stream: TextIO, spare: bool = False) -> None:
        self._stream = stream
        self._spare = spare

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, as the stream does."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._failed(error)
        return len(text)

    def flush(self) -> None:
        """Flush, as the stream does."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        # what is still in the buffer goes nowhere, also when Python flushes at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            self._leave()
        if not self._spare:
            raise UnavailableError(f"the output cannot be written: {error.strerror}")

    def _leave(self) -> NoReturn:
        sys.exit(0)


class VisiblePipe(QuietPipe):
    """A quiet stream whose texts command no terminal; what does goes to `obeyed`."""

    def __init__(self, stream: TextIO, spare: bool = False) -> None:
        super().__init__(stream, spare)
        self.obeyed = QuietPipe(stream, spare)

    def write(self, text: str) -> int:
        """Write, with the characters that a terminal would obey made visible."""
        return super().write(visible(text))


@contextmanager
def quiet_pipes() -> Iterator[None]:
    """Make both streams quiet for a while; what was written is flushed at the end."""
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    streams = VisiblePipe(sys.stdout), VisiblePipe(sys.stderr, spare=True)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        failed: UnavailableError | None = None
        for stream in streams:
            try:
                with suppress(SystemExit):  # the command's own exit code stands
                    stream.flush()
            except UnavailableError as error:
                failed = error
        sys.stdout, sys.stderr = before
        if failed is not None:
            print(f"error: {failed}", file=sys.stderr)
            sys.exit(failed.exit_code)


def _open_what_is_closed() -> None:
    """Let closed streams lead nowhere: else the next file that is opened, a database, gets the number of stdout."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    while nowhere <= 2:
        nowhere = os.open(os.devnull, os.O_RDWR)
    os.close(nowhere)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
