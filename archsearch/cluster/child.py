"""A worker as a process of its own, for an engine whose tasks are threads: it ends with the one that started it.

    echo '{"url": ..., ...}' | python -c 'from archsearch.cluster.child import work_for_stdin; work_for_stdin()'

What it is to do comes as a line on stdin, as a password may stand in it; the end of stdin is the end of who started
it, or its wish. The last line on stdout is JSON: trials by study, or an error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from archsearch.cluster.visits import Visit, visit
from archsearch.errors import ArchsearchError, Interrupted
from archsearch.markup import visible


def written_visit(asked: Visit) -> dict[str, Any]:
    """Give what a worker is to do as JSON."""
    values = {one.name: getattr(asked, one.name) for one in fields(Visit)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def read_visit(written: dict[str, Any]) -> Visit:
    """Read what `written_visit` gave."""
    paths = {name: Path(written[name]) for name in ("runs_dir", "data_dir") if written[name] is not None}
    return Visit(**{**written, **paths})


def work_for_stdin() -> None:
    """Read what is to be done, do it, and say what came of it."""
    asked = read_visit(json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGTERM, _stop)  # for the moments before and after the visit, which hears it itself
    told: dict[str, Any] = {}
    code = 0
    try:
        threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
        told["trials"] = visit(asked, lambda line: print(visible(line), file=sys.stderr, flush=True)).trials
    except Interrupted as error:
        told, code = {"error": "stopped"}, error.exit_code
    except ArchsearchError as error:
        told, code = {"error": str(error)}, error.exit_code
    with suppress(BrokenPipeError):  # nobody is left to hear it
        print(json.dumps(told), flush=True)
    # at once: the thread that waits for the end of stdin holds its lock
    os._exit(code)


def _stop(number: int, frame: object) -> None:
    raise Interrupted("stopped", number)


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
