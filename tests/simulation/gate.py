"""Where a process meets the storage: time passes, others go first, faults come, and a lock has one owner.

gate = Gate(process, scene)       # a process's own; `scene` is what all processes of a world share
gate.before("get_trial"), gate.after("get_trial")
"""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from types import FrameType

from tests.simulation.database import Database
from tests.simulation.faults import BUSY, DEADLOCK, DOWN, LOST, STARTING, STOPPED, Faults, as_sqlalchemy
from tests.simulation.world import Process, Thread, World

QUICK, SLOW = (0.001, 0.02), (1.0, 60.0)  # seconds that a call takes: most of them, and one that befalls
# seconds that a process is stopped, from and to: about as long as a worker is waited for, shorter and longer
STOPS = ((0.0, 0.1), (1.0, 30.0), (80.0, 170.0), (80.0, 170.0), (200.0, 400.0))
DOWNTIMES = (0.2, 1.3, 30.0, 90.0)  # seconds that a server is down at most


class Lock:
    """A lock that one process has: of a file, or of the server, which forgets it when it is restarted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner: Process | None = None
        self.waiting: deque[Thread] = deque()

    def acquire(self, process: Process) -> None:
        """Wait until nobody has it."""
        while self.owner is not None:
            assert self.world.current is not None
            self.waiting.append(self.world.current)
            self.world.wait()
        self.owner = process

    def release(self, process: Process) -> None:
        """Let the next one have it; nothing where another process has it."""
        if self.owner is process:
            self.owner = None
            while self.waiting:
                thread = self.waiting.popleft()
                if thread.process.alive:
                    self.world.wake(thread)


@dataclass(slots=True)
class Scene:
    """What the processes of a world share: its faults, its server, its locks; `course` is filled if there is one."""

    world: World
    faults: Faults
    database: Database
    course: list[str] | None = None
    down_until: float = 0.0
    lock: Lock = field(init=False)
    agreed: dict[str, object] = field(default_factory=dict)
    cut: dict[Process, bool] = field(default_factory=dict)  # whose call a restart met: True after its commit
    stopped_at: dict[Process, float] = field(default_factory=dict)
    kills: int = 0
    stops: int = 0
    losses: int = 0

    def __post_init__(self) -> None:
        self.lock = Lock(self.world)
        self.world.when_ended.append(self.lock.release)

    def tell(self, who: str, what: str) -> None:
        """Write into the course of events."""
        if self.course is not None:
            self.course.append(f"{self.world.now:12.3f}  {who:12s}  {what}")

    def restart(self) -> None:
        """Stop the server at once, and start it after a while: calls are cut off, its locks are forgotten."""
        dice = self.world.dice
        seconds = dice.uniform(0.0, dice.choice(DOWNTIMES))
        self.down_until = max(self.down_until, self.world.now + seconds)
        self.losses += 1
        self.tell("the server", f"is down for {seconds:.1f} s")
        self.cut = {process: dice.random() < 0.5 for process in self.world.processes if process.alive}
        if self.lock.owner is not None:
            self.lock.release(self.lock.owner)

    def kill(self, process: Process) -> None:
        """Kill a process, wherever it is."""
        if process.alive:
            self.kills += 1
            self.tell(process.name, "is killed")
            process.kill()

    def stop(self, process: Process) -> None:
        """Stop a process for a while."""
        dice = self.world.dice
        seconds = dice.uniform(*dice.choice(STOPS))
        self.stops += 1
        self.tell(process.name, f"is stopped for {seconds:.1f} s")
        process.stop(seconds)


def _asked_by() -> str:
    """Name the function of ours that asks the storage: the one above those that make calls again."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals["__name__"]
        if module.startswith("archsearch.") and module not in ("archsearch.study.steady", "archsearch.study.calls"):
            return frame.f_code.co_name
        frame = frame.f_back
    return ""


class Gate:
    """A process's way to the storage."""

    def __init__(self, process: Process, scene: Scene) -> None:
        self.process = process
        self.scene = scene
        self._then = ""  # what befalls the call after its commit

    @property
    def now(self) -> float:
        """The time of the server."""
        return self.scene.world.now

    def before(self, what: str) -> None:
        """Let time pass, and let befall what comes before a commit."""
        scene, world = self.scene, self.scene.world
        dice = world.dice
        world.sleep(dice.uniform(*QUICK))
        drawn = scene.faults.draw(dice, world.now)
        if scene.course is not None:
            scene.tell(self.process.name, f"{_asked_by():14s} {what}{'  ! ' if drawn else ''}{drawn}")
        if drawn == "kill_before":
            scene.kills += 1
            world.die()
        elif drawn == "stop_before":
            scene.stop(self.process)
            world.sleep(0.0)
        elif drawn == "slow":
            world.sleep(dice.uniform(*SLOW))
        elif drawn == "lost_before":
            scene.losses += 1
            raise as_sqlalchemy(dice.choice((LOST, STOPPED, DEADLOCK)) if scene.faults.server else BUSY)
        after_commit = scene.cut.pop(self.process, None) if scene.cut else None
        if after_commit is False:
            raise as_sqlalchemy(STOPPED)
        if world.now < scene.down_until and after_commit is None:
            raise as_sqlalchemy(dice.choice((DOWN, STARTING)))
        self._then = "lost_after" if after_commit else drawn if drawn.endswith("_after") else ""

    def after(self, what: str) -> None:
        """Let befall what comes after a commit."""
        if not self._then:
            return
        then, self._then = self._then, ""
        scene = self.scene
        if then == "kill_after":
            scene.kills += 1
            scene.world.die()
        elif then == "stop_after":
            scene.stop(self.process)
            scene.world.sleep(0.0)
        else:
            scene.losses += 1
            raise as_sqlalchemy(LOST)

    def wait(self) -> None:
        """Wait as Optuna does between two tries to make a trial."""
        self.scene.world.sleep(self.scene.world.dice.uniform(0.0, 2.0))

    def lock(self) -> None:
        """Have the server's lock."""
        self.before("lock")
        self.scene.lock.acquire(self.process)

    def unlock(self) -> None:
        """Give it back."""
        self.before("unlock")
        self.scene.lock.release(self.process)
