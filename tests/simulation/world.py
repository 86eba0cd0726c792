"""Time, machines, processes and their threads: one runs at a time, and dice say which.

    world = World(random.Random(7))
    process = world.start("worker", world.machine(), main)
    world.run()

A thread is a greenlet. It runs until it sleeps, waits, or asks the storage for something; then whoever is due next goes
on. No real time passes and no real thread runs, so that a seed always gives the same course of events.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet


class StuckError(AssertionError):
    """Raised where the world does not come to its end: somebody waits for ever."""


@dataclass(slots=True)
class Machine:
    """A computer: its name, and how far its clocks are from the world's time, in seconds."""

    name: str
    skew: float
    pids: itertools.count = field(default_factory=lambda: itertools.count(100))


@dataclass(eq=False, slots=True)
class Process:
    """A process: where it runs, its threads, and how it ended (`error` is what escaped from it)."""

    name: str
    machine: Machine
    pid: int
    born: float
    world: World
    threads: list[Thread] = field(default_factory=list)
    alive: bool = True
    killed: bool = False
    error: BaseException | None = None
    stopped_until: float = 0.0
    thrown: BaseException | None = None  # what a handler of a signal raises, as soon as its main thread goes on
    held: dict[str, Any] = field(default_factory=dict)  # what the simulator remembers for it

    def kill(self) -> None:
        """End it at once: none of its code runs again, and what it had locked is free."""
        if self.alive:
            self.alive, self.killed = False, True
            self.world.ended(self)

    def stop(self, seconds: float) -> None:
        """Let none of its threads run for a while, as SIGSTOP and SIGCONT do."""
        self.stopped_until = max(self.stopped_until, self.world.now + seconds)


class Thread:
    """A thread of a process; `turn` tells a wake-up that is still meant from one that is not."""

    __slots__ = ("body", "done", "joining", "main", "process", "turn", "woken")

    def __init__(self, process: Process, target: Callable[[], None], main: bool) -> None:
        self.process = process
        self.main = main
        self.turn = 0
        self.woken = False  # by whom it waited for, not by its alarm
        self.done = False
        self.joining: list[Thread] = []
        self.body = greenlet(lambda: self._live(target), process.world.hub)
        process.threads.append(self)

    def _live(self, target: Callable[[], None]) -> None:
        process = self.process
        try:
            target()
        except GreenletExit:
            return
        except BaseException as error:
            process.error = process.error or error
        finally:
            self.done = True
        if process.world.over:
            return
        for waiting in self.joining:
            process.world.wake(waiting)
        if self.main:
            process.alive = False
            process.world.ended(process)


class World:
    """All that there is; `now` is its time in seconds."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.now = 0.0
        self.hub = getcurrent()
        self.current: Thread | None = None
        self.over = False
        self.failure: BaseException | None = None
        self.machines: list[Machine] = []
        self.processes: list[Process] = []
        self.when_ended: list[Callable[[Process], None]] = []
        self._agenda: list[tuple[float, float, int, Thread | Callable[[], None], int]] = []
        self._count = itertools.count()

    # -- what is there -------------------------------------------------------------------------------------------------

    def machine(self) -> Machine:
        """Add a computer, whose clock stands anywhere."""
        found = Machine(f"machine{len(self.machines)}", self.dice.uniform(0.0, 1e6))
        self.machines.append(found)
        return found

    def start(self, name: str, machine: Machine, main: Callable[[], None], delay: float = 0.0) -> Process:
        """Start a process, perhaps later."""
        process = Process(name, machine, next(machine.pids), self.now + delay, self)
        self.processes.append(process)
        self._due(Thread(process, main, main=True), delay)
        return process

    def start_thread(self, target: Callable[[], None]) -> Thread:
        """Start a thread of the process that runs now."""
        thread = Thread(self.here, target, main=False)
        self._due(thread, 0.0)
        return thread

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen after some seconds, whatever the processes do."""
        heapq.heappush(self._agenda, (self.now + seconds, self.dice.random(), next(self._count), event, 0))

    @property
    def here(self) -> Process:
        """The process that runs now."""
        assert self.current is not None, "no process runs"
        return self.current.process

    def ended(self, process: Process) -> None:
        """Tell those who wait for it that a process is no more."""
        for tell in self.when_ended:
            tell(process)

    # -- what a thread asks for ----------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let others run, and go on after some seconds."""
        assert self.current is not None, "no process runs"
        self._due(self.current, seconds)
        self._switch()

    def wait(self, seconds: float | None = None) -> bool:
        """Let others run until somebody wakes this thread, or the time is over; say whether it was woken."""
        thread = self.current
        assert thread is not None, "no process runs"
        thread.turn += 1
        thread.woken = False
        if seconds is not None:
            self._due(thread, seconds)
        self._switch()
        return thread.woken

    def wake(self, thread: Thread) -> None:
        """Let a thread that waits go on."""
        if not thread.done:
            thread.woken = True
            self._due(thread, 0.0)

    def die(self) -> NoReturn:
        """Kill the process that runs now, amid what it is doing."""
        self.here.kill()
        self._switch()
        raise AssertionError("a dead process goes on")

    def fail(self, failure: BaseException) -> None:
        """End it all: `run` raises the failure, whatever the code that caused it would make of an exception."""
        self.failure = self.failure or failure
        if self.current is not None and getcurrent() is not self.hub:
            self._switch()

    def _switch(self) -> None:
        if not self.over:  # else it is a `finally` of what is cleared away
            self.hub.switch()
        if self.over:
            raise GreenletExit
        thread = self.current
        if thread is not None and thread.main and thread.process.thrown is not None:
            thrown, thread.process.thrown = thread.process.thrown, None
            raise thrown

    def _due(self, thread: Thread, seconds: float) -> None:
        thread.turn += 1
        entry = (self.now + seconds, self.dice.random(), next(self._count), thread, thread.turn)
        heapq.heappush(self._agenda, entry)

    # -- its course ----------------------------------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Go on until nothing is due; raise `StuckError` where something still is at this time."""
        agenda = self._agenda
        while agenda:
            due, _, _, what, turn = heapq.heappop(agenda)
            if due > self.now:
                if due > until:
                    raise StuckError(f"it goes on for ever: {self._who()}")
                self.now = due
            if not isinstance(what, Thread):
                what()
                if self.failure is not None:
                    raise self.failure
                continue
            process = what.process
            if what.turn != turn or what.done or not process.alive:
                continue
            if process.stopped_until > self.now:
                self._due(what, process.stopped_until - self.now)
                continue
            self.current = what
            what.body.switch()
            self.current = None
            if self.failure is not None:
                raise self.failure
        if still := [process for process in self.processes if process.alive]:
            raise StuckError(f"{', '.join(process.name for process in still)} wait for what never comes")

    def _who(self) -> str:
        return ", ".join(process.name for process in self.processes if process.alive) or "nobody is alive"

    def clear(self) -> None:
        """End all that is left, without letting it do anything any more."""
        self.over = True
        for process in self.processes:
            for thread in process.threads:
                if thread.body and not thread.body.dead:
                    self.current = thread  # what it frees on its way out is its own
                    thread.body.throw(GreenletExit)
