"""What of the real code's surroundings is the simulator's: time, threads, process ids, locks of files, signals.

    with seams():          # once, for any number of worlds
        enter(world, scene)
        world.run(until)

Replaced are names in the modules of `archsearch.study`, by what asks the world; the code in between is the real one.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from archsearch.errors import Interrupted
from archsearch.study import alive, calls, compute, lifecycle, queue, storage, transaction, worker
from archsearch.train.interrupt import Interruption
from tests.simulation.gate import Scene
from tests.simulation.statements import Session
from tests.simulation.world import Process, Thread, World

_now: list[tuple[World, Scene]] = []

# Seconds between two looks: as in production, but for those that only make a simulated wait longer.
IDLE_SECONDS, REAP_SECONDS = 30.0, 20.0


def enter(world: World, scene: Scene) -> None:
    """Let the seams lead to this world."""
    _now[:] = [(world, scene)]


def world_now() -> World:
    """The world that runs."""
    return _now[0][0]


class _Time:
    @staticmethod
    def monotonic() -> float:
        world = world_now()
        return world.now + world.here.machine.skew

    perf_counter = monotonic

    @staticmethod
    def time() -> float:
        world = world_now()
        return 1.8e9 + world.now - world.here.machine.skew / 100

    @staticmethod
    def sleep(seconds: float) -> None:
        world_now().sleep(seconds)


class _Event:
    def __init__(self) -> None:
        self._set = False
        self._waiting: list[Thread] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        for thread in self._waiting:
            world_now().wake(thread)
        self._waiting.clear()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            world = world_now()
            assert world.current is not None
            self._waiting.append(world.current)
            world.wait(timeout)
        return self._set


class _Thread:
    def __init__(
        self, target: Callable[..., None], args: Sequence[Any] = (), name: str = "", daemon: bool | None = None
    ) -> None:
        self.target, self.args = target, args
        self.thread: Thread | None = None

    def start(self) -> None:
        self.thread = world_now().start_thread(lambda: self.target(*self.args))

    def join(self, timeout: float | None = None) -> None:
        world, thread = world_now(), self.thread
        assert thread is not None
        assert world.current is not None
        if not thread.done and not world.over:
            thread.joining.append(world.current)
            world.wait(timeout)


class _Threading:
    Event, Thread = _Event, _Thread

    @staticmethod
    def main_thread() -> Thread:
        return world_now().here.threads[0]

    @staticmethod
    def current_thread() -> Thread | None:
        return world_now().current


class _Os:
    """Process ids are the world's; all else is the real one's."""

    @staticmethod
    def getpid() -> int:
        return world_now().here.pid

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class _Random:
    @staticmethod
    def random() -> float:
        return world_now().dice.random()

    @staticmethod
    def uniform(low: float, high: float) -> float:
        return world_now().dice.uniform(low, high)


def _host() -> str:
    return world_now().here.machine.name


def _started(pid: int) -> str:
    """When a process of this machine began, "" where it is gone."""
    world = world_now()
    machine = world.here.machine
    found = [one for one in world.processes if one.machine is machine and one.pid == pid and one.alive]
    return f"{found[0].born:.3f}" if found else ""


@contextmanager
def _file_lock(path: object) -> Iterator[None]:
    world, scene = _now[0]
    process = world.here
    world.sleep(0.001)
    scene.lock.acquire(process)
    try:
        yield
    finally:
        scene.lock.release(process)


@contextmanager
def _interruptible() -> Iterator[Interruption]:
    interruption = Interruption()
    world_now().here.held["interruption"] = interruption
    yield interruption


class _Claims:
    """What the process that runs has taken: each has its own."""

    @staticmethod
    def _mine() -> set[str]:
        found: set[str] = world_now().here.held.setdefault("claims", set())
        return found

    def add(self, claim: str) -> None:
        self._mine().add(claim)

    def discard(self, claim: str) -> None:
        self._mine().discard(claim)

    def __contains__(self, claim: object) -> bool:
        return claim in self._mine()


def _crash_point(name: str) -> None:
    """Be a named point of the code, at which a process may be killed: what its transaction has done is undone."""
    world, scene = _now[0]
    if scene.faults.draw_kill(world.now):
        scene.kills += 1
        scene.tell(world.here.name, f"is killed at: {name}")
        if scene.database.raw.in_transaction:
            scene.database.end(well=False)
        world.die()


def check_interrupted(kept: str) -> None:
    """Raise `Interrupted` where the process that runs was asked to stop."""
    interruption = world_now().here.held.get("interruption")
    if interruption is not None:
        interruption.check(kept)


def terminate(process: Process) -> None:
    """Ask a process to stop, as SIGTERM does."""
    interruption = process.held.get("interruption")
    if process.alive and interruption is not None:
        try:
            interruption.receive(15, None)
        except Interrupted as at_once:  # the second signal
            process.thrown = at_once


_REPLACED: dict[ModuleType, object] = {
    time: _Time(),
    threading: _Threading(),
    os: _Os(),
    random: _Random(),
}


def calls_of(seconds: float) -> calls.Calls:
    """Give what a process makes its storage calls by: the world's clock, its sleep and its dice."""
    return calls.Calls(
        seconds,
        clock=_Time.monotonic,
        sleep=_sleep,
        draw=_Random.random,
        say=lambda message: None,
    )


def _sleep(seconds: float) -> None:
    check_interrupted("finished trials are kept, the same call goes on")
    world_now().sleep(seconds)
    check_interrupted("finished trials are kept, the same call goes on")


@contextmanager
def seams() -> Iterator[None]:
    """Put the simulator's surroundings in place of the real ones."""
    claims = _Claims()
    patches = [
        patch.object(module, name, _REPLACED[value])
        for module in [module for name, module in sys.modules.items() if name.startswith("archsearch.study.")]
        for name, value in list(vars(module).items())
        if isinstance(value, ModuleType) and value in _REPLACED
    ]
    patches += [
        patch.object(module, "crash_point", _crash_point)
        for module in (compute, lifecycle, queue, transaction, worker)
        if hasattr(module, "crash_point")
    ]
    patches += [
        patch.object(alive, "_host", _host),
        patch.object(alive, "_started", _started),
        patch.object(alive, "CLAIMS", claims),
        patch.object(queue, "CLAIMS", claims),
        patch.object(queue, "Session", Session),
        patch.object(queue, "MOST_DEATHS", queue.MOST_DEATHS),
        patch.object(calls, "check_interrupted", check_interrupted),
        patch.object(storage, "_file_lock", _file_lock),
        patch.object(worker, "interruptible", _interruptible),
        patch.object(worker, "IDLE_SECONDS", IDLE_SECONDS),
        patch.object(worker, "REAP_SECONDS", REAP_SECONDS),
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
