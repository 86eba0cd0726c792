"""One seed: a study from its making to its end, with all that befalls it.

    simulate(4711)                     # raises `Violation`, with the seed
    simulate(4711, course=[])          # fills in the course of events

Some workers on some machines begin the study and work on it. Faults come for a while; then a last worker is started,
as a person calls again, and must bring the study to its end.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsearch.errors import Interrupted, UnavailableError
from archsearch.study import queue
from archsearch.study.calls import MOST_SECONDS
from archsearch.study.held import HeldAblation, HeldConfirmation, HeldPart, HeldSearch, HeldStudy, required_fields
from archsearch.study.lifecycle import open_or_make
from archsearch.study.runner import Workplace
from archsearch.study.steady import Storage
from archsearch.study.worker import SlotsWaitError, work
from tests.simulation.database import Database
from tests.simulation.faults import Faults
from tests.simulation.gate import Gate, Scene
from tests.simulation.invariants import Ledger, Violation
from tests.simulation.jobs import METRIC, Plan, Workshop, job_of
from tests.simulation.seams import calls_of, enter, seams, terminate
from tests.simulation.storage import SimulatedStorage
from tests.simulation.world import Process, StuckError, World

_COLLECT = 100  # seeds after which what is left of their worlds is collected
AFTERWARDS = 50_000.0  # seconds within which a study must end once nothing befalls it any more
URLS = {True: ("postgresql", "postgresql+psycopg://simulated/db"), False: ("sqlite", "sqlite:////simulated/s.db")}


class Simulator:
    """Runs one seed after the other in the same tables; made by `simulator`."""

    def __init__(self) -> None:
        self.database = Database()
        self.ledger = Ledger(self.database)
        self._count = 0

    def simulate(self, seed: int, course: list[str] | None = None) -> None:
        """Run a seed; raise `Violation` where something does not hold."""
        self._count += 1
        if self._count % _COLLECT == 0:
            gc.collect()
        dice = random.Random(seed)
        world = World(dice)
        scene = Scene(world, Faults.drawn(dice), self.database, course)
        enter(world, scene)
        self.database.clear()
        self.database.seen = lambda: self._look(world)
        try:
            self._run(world, scene)
        except (Violation, StuckError) as error:
            how = f"python -m tests.simulation --seed {seed}"
            raise Violation(f"seed {seed}: {error}\n  its course of events: {how}") from error.__cause__
        finally:
            world.clear()

    def _run(self, world: World, scene: Scene) -> None:
        dice, faults = world.dice, scene.faults
        plan = Plan.drawn(dice)
        self.ledger.begin(plan, required_fields(plan.kind), _Witness(world))
        queue.MOST_DEATHS = plan.most_deaths  # the seams put it back
        machines = [world.machine() for _ in range(dice.choice((1, 2, 2, 3)))]
        workshops = {one.name: Workshop(scene, plan, one is machines[0]) for one in machines}
        begun: list[Process] = []

        def start(name: str, machine_at: int, delay: float) -> Process:
            machine = machines[machine_at]
            seed = dice.randrange(1000)
            process = world.start(name, machine, lambda: command(plan, scene, workshops[machine.name], seed), delay)
            begun.append(process)
            return process

        for at in range(dice.choice((1, 2, 2, 3))):
            start(f"worker{at}", dice.randrange(len(machines)), dice.choice((0.0, 0.0, 0.05, 30.0)) * dice.random())
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            world.at(dice.uniform(0.0, faults.calm), lambda: self._befall(scene, begun))
        lasts = [start("last", 0, faults.calm + 10.0)]
        if "deadly" in plan.fates:  # a person calls again until it is done
            lasts += [start(f"last{at}", 0, faults.calm + 10.0 + 2000.0 * at) for at in range(1, plan.most_deaths + 1)]
        world.when_ended.append(lambda process: self._ended(process, scene, plan, is_last=process in lasts))
        world.run(faults.calm + AFTERWARDS)
        self.ledger.close(scene.kills + scene.stops + scene.losses)

    def _look(self, world: World) -> None:
        try:
            self.ledger.look()
        except Violation as violation:
            world.fail(violation)

    def _befall(self, scene: Scene, begun: list[Process]) -> None:
        """Let something happen, wherever the processes are."""
        dice = scene.world.dice
        alive = [one for one in begun if one.alive and not one.name.startswith("last")]
        if not alive:
            return
        process = dice.choice(alive)
        what = dice.choice(("kill", "stop", "terminate", "full", *(["restart"] * 3 if scene.faults.server else [])))
        if what == "kill":
            scene.kill(process)
        elif what == "stop":
            scene.stop(process)
        elif what == "restart":
            scene.restart()
        elif what == "full":
            process.held["full"] = True
        else:
            scene.tell(process.name, "is asked to stop")
            terminate(process)

    def _ended(self, process: Process, scene: Scene, plan: Plan, *, is_last: bool) -> None:
        """See how a process ended: well, killed, or with what is promised."""
        error = process.error
        if error is None:
            return
        scene.tell(process.name, f"ends with {type(error).__name__}: {error}")
        if not is_last:
            if isinstance(error, Interrupted) and "interruption" in process.held:
                return
            if isinstance(error, SlotsWaitError) and plan.only_on:
                return
            if isinstance(error, UnavailableError) and "the disk is full" in str(error):
                return
        said = error if isinstance(error, Violation) else Violation(f"{process.name}: {type(error).__name__}: {error}")
        said.__cause__ = error
        scene.world.failure = scene.world.failure or said


def command(plan: Plan, scene: Scene, workshop: Workshop, seed: int) -> None:
    """Do what the command line does: open or make the study, then work on it."""
    process = scene.world.here
    opened = SimulatedStorage(scene.database, Gate(process, scene), *URLS[scene.faults.server])
    storage = Storage(opened, calls_of(MOST_SECONDS))
    study = open_or_make(storage, "s", plan.kind, [("maximize", METRIC)], lambda: held_of(plan, seed))
    identity = {key: value for key, value in HeldStudy(study).attrs.items() if key in required_fields(plan.kind)}
    agreed = scene.agreed.setdefault("study", identity)
    if identity != agreed:
        raise Violation(f"{process.name} sees another study: {identity}, not {agreed}")
    job = job_of(plan, storage, study, workshop)
    work(Workplace(storage, study, Path("runs")), job)


class _Witness:
    """Sees the processes of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def now(self) -> float:
        return self.world.now

    def is_here(self, owner: Mapping[str, Any]) -> bool:
        here = self.world.here
        return (here.machine.name, here.pid) == (owner["host"], owner["pid"])

    def lives(self, owner: Mapping[str, Any]) -> bool:
        named = (owner["host"], owner["pid"])
        return any(one.alive and (one.machine.name, one.pid) == named for one in self.world.processes)

    def is_neighbour(self, owner: Mapping[str, Any]) -> bool:
        return bool(self.world.here.machine.name == owner["host"])


def held_of(plan: Plan, seed: int) -> HeldPart:
    """Give what the study holds; processes that make it at once would have different seeds."""
    metrics, trials = (METRIC,), len(plan.fates)
    if plan.kind == "ablation":
        return HeldAblation(ablation=f"{{{seed}}}", metrics=metrics, trials=trials)
    if plan.kind == "confirm":
        return HeldConfirmation(of=f"search{seed}")
    return HeldSearch(
        text="",
        stem="s",
        base={},
        seed=seed,
        sampler="random",
        identity={"seed": seed},
        metrics=metrics,
        minimize_learned=False,
        trials=trials,
    )


@contextmanager
def simulator() -> Iterator[Simulator]:
    """Put the seams in place, and give what runs seeds."""
    collecting = gc.isenabled()
    gc.freeze()
    gc.disable()  # worlds that are over are collected between two seeds, never in the middle of one
    try:
        with seams():
            yield Simulator()
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
