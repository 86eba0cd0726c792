"""A process that imports once what all workers need, and forks them: one import of torch, however many there are.

    with Nursery() as nursery:
        nursery.import_(["archsearch.train.run"])       # begins now; whoever called does something else meanwhile
        nursery.ask(resolve_device, "auto")             # answered by a process of its own, as a worker would
        nursery.begin(work, (site,), count=2)
        while (ended := nursery.ended(0.5)) is None: ...
        ended.codes                                     # exit codes, as multiprocessing has them

A fork is safe as long as the process has no threads but those that know of forks (OpenBLAS's) and no device is in use:
the nursery imports, and computes nothing; what is asked of it is answered in a fork too. Where forks are not safe
(macOS, Windows) workers are started anew, and nothing is imported ahead. It ends with who started it, and its
workers end with it. Knows no study and no torch.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, Self

FORKS = sys.platform == "linux"
_WORKERS_SECONDS = 30.0  # a worker has so long after SIGTERM; the nursery itself a little longer
_MASKS = hasattr(signal, "pthread_sigmask")


class WorkerExits(NamedTuple):
    """How workers ended: exit codes as `Process.exitcode` has them, and what they have put into their queue."""

    codes: frozenset[int]
    said: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class _Import:
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ask:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    method: str = "fork"


@dataclass(frozen=True, slots=True)
class _Begin:
    target: Callable[..., None]
    arguments: tuple[Any, ...]
    count: int
    method: str = "fork"
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))  # as it is when they begin


class Nursery:
    """The handle of who starts workers; the process begins with the first request, or with `start`.

    `meanwhile` are modules that are imported while workers work, for what is asked when they have ended. Without
    `forks` workers are started anew.
    """

    def __init__(self, meanwhile: Iterable[str] = (), *, forks: bool = FORKS) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._meanwhile = tuple(meanwhile)
        self._forks = forks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process, if it is not there; it is deaf to a terminal's Ctrl-C, as its workers will be."""
        if self._process is not None:
            return
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name="nursery")
        with _blocked(signal.SIGINT):  # one that came is raised at the end of the block, and `stop` knows the process
            self._process.start()
        theirs.close()

    @property
    def is_there(self) -> bool:
        """Whether the process has begun."""
        return self._process is not None

    def import_(self, modules: Iterable[str]) -> None:
        """Have modules imported, where what is imported is inherited; does not wait."""
        if self._forks and (asked := tuple(modules)):
            self._send(_Import(asked))

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Give what a function gives in a process of its own, which has what was imported; None where it ended early.

        Function, arguments and answer travel between processes. Where nothing is inherited it is called here.
        """
        if not self._forks:
            return function(*arguments)
        self._send(_Ask(function, arguments))
        return self._receive()

    def begin(self, target: Callable[..., None], arguments: Sequence[Any], count: int) -> None:
        """Start workers: `count` processes that call `target` with these arguments and a queue for what they say."""
        self._send(_Begin(target, tuple(arguments), count, "fork" if self._forks else "spawn"))
        self.import_(self._meanwhile)

    def ended(self, seconds: float) -> WorkerExits | None:
        """Wait for so many seconds at the most; give how the workers ended, None while some are at work."""
        assert self._pipe is not None, "nothing has begun"
        if not self._pipe.poll(seconds):
            return None
        found = self._receive()
        return found if isinstance(found, WorkerExits) else WorkerExits(frozenset({self._code()}))

    def stop(self) -> None:
        """End the workers, and the process; those that do not leave by themselves are killed."""
        process, self._process = self._process, None
        if process is None or self._pipe is None or process.pid is None:
            return
        if process.is_alive():
            process.terminate()
        process.join(_WORKERS_SECONDS + 5)
        if process.is_alive():
            process.kill()  # which its workers see
            process.join()
        self._pipe.close()

    def _send(self, request: object) -> None:
        self.start()
        assert self._pipe is not None
        with suppress(OSError):  # a process that is gone: said where its answer is waited for
            self._pipe.send(request)

    def _receive(self) -> Any:
        assert self._pipe is not None
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            return None

    def _code(self) -> int:
        assert self._process is not None
        self._process.join()
        return self._process.exitcode or 1


@contextmanager
def _blocked(*numbers: signal.Signals) -> Iterator[None]:
    """Hold signals back while a process is started: it inherits that, and none can end it amid its imports.

    This process gets what came in between at the end of the block.
    """
    if not _MASKS:
        yield
        return
    resource_tracker.ensure_running()  # its start, which comes with the first process, would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in the nursery ----------------------------------------------------------------------------------------------------


class _StoppedError(Exception):
    """SIGTERM came."""


def _serve(pipe: Connection) -> None:
    """Do what is asked until the pipe is closed, or SIGTERM comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the process that started this one gets it too
    while True:
        try:
            request = pipe.recv()
        except (EOFError, OSError):
            return
        if isinstance(request, _Import):
            _import(request)
            continue
        answer = _answer(request) if isinstance(request, _Ask) else _work(request, pipe)
        try:
            pipe.send(answer)
        except OSError:  # who asked was killed meanwhile
            return


def _import(request: _Import) -> None:
    for name in request.modules:
        with suppress(ImportError):  # a worker that needs it says so
            importlib.import_module(name)


def _answer(request: _Ask) -> Any:
    context = multiprocessing.get_context(request.method)
    mine, theirs = context.Pipe(duplex=False)
    processes: list[BaseProcess] = []
    with _ending_at_sigterm(processes):
        processes.append(_started(context, _say_answer, (request, theirs)))
        theirs.close()
        answer = None
        with mine, suppress(EOFError):
            answer = mine.recv()
        processes[0].join()
    return answer


def _say_answer(request: _Ask, pipe: Connection) -> None:
    _hear_again(lambda number, frame: sys.exit(128 + number))  # so that what is half written is cleared away
    with suppress(Exception):  # whoever asked does it again, and says it
        pipe.send(request.function(*request.arguments))


def _work(request: _Begin, pipe: Connection) -> WorkerExits:
    """Start workers, and wait until all have ended; end them when SIGTERM comes, or when who started this is gone."""
    context = multiprocessing.get_context(request.method)
    said = context.SimpleQueue()
    processes: list[BaseProcess] = []
    with _ending_at_sigterm(processes):
        with _blocked(signal.SIGTERM):  # until all are there: none is forgotten when it comes
            for number in range(request.count):
                arguments = (request.target, (*request.arguments, said), request.environment)
                processes.append(_started(context, _be_worker, arguments, name=f"worker-{number}"))
        running = {process.sentinel: process for process in processes}
        while running:
            ready = wait([*running, pipe])
            for sentinel in running.keys() & set(ready):
                running.pop(sentinel).join()
            if running and pipe in ready:
                _import_meanwhile(pipe)
    found = []
    while not said.empty():
        found.append(said.get())
    return WorkerExits(frozenset(process.exitcode or 0 for process in processes), tuple(found))


def _import_meanwhile(pipe: Connection) -> None:
    """Import what is asked for while workers work; nothing else is, but that the pipe may be closed."""
    try:
        request = pipe.recv()
    except (EOFError, OSError):
        raise _StoppedError from None
    if isinstance(request, _Import):
        _import(request)


@contextmanager
def _ending_at_sigterm(processes: Sequence[BaseProcess]) -> Iterator[None]:
    """End these processes, and then this one, when SIGTERM comes in a block or who started this is gone."""
    before = signal.signal(signal.SIGTERM, _raise_stopped)
    try:
        yield
        signal.signal(signal.SIGTERM, before)
    except _StoppedError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end(processes)
        os._exit(143)


def _raise_stopped(number: int, frame: object) -> None:
    raise _StoppedError


def _started(context: Any, target: Callable[..., None], arguments: tuple[Any, ...], name: str | None = None) -> Any:
    """Start a process that holds SIGTERM back until it can hear it in its own way."""
    process = context.Process(target=target, args=arguments, name=name)
    with _blocked(signal.SIGTERM), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on: threads that know of forks count too
        process.start()
    return process


def _hear_again(handler: Any = signal.SIG_DFL) -> None:
    """Take a handler of SIGTERM, and hear what came meanwhile."""
    signal.signal(signal.SIGTERM, handler)
    if _MASKS:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _be_worker(target: Callable[..., None], arguments: tuple[Any, ...], environment: Mapping[str, str]) -> None:
    _hear_again()
    os.environ.update(environment)  # the nursery's is that of its own start
    target(*arguments)


def _end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.is_alive():
            process.terminate()
    until = time.monotonic() + _WORKERS_SECONDS
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
