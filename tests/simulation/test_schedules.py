"""Whatever befalls workers and storage, a study comes to its end with every slot counted once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import CodeType

import pytest

from archsearch.study.worker import work
from tests.simulation import put_back
from tests.simulation.invariants import Violation
from tests.simulation.many import show, violations_of
from tests.simulation.schedule import Simulator, simulator

FEW = 150
SCHEDULES = int(os.environ.get("ARCHSEARCH_TEST_SCHEDULES", "10000"))
MOST = 10_000  # schedules within which a fault must be found


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with simulator() as found:
        yield found


def test_some_schedules_hold(running) -> None:
    for seed in range(FEW):
        running.simulate(seed)


@pytest.mark.faults
@pytest.mark.timeout(6 * 3600)
def test_many_schedules_hold() -> None:
    assert list(violations_of(range(SCHEDULES), os.cpu_count() or 1)) == []


def test_a_seed_always_takes_the_same_course(running) -> None:
    courses: list[list[str]] = []
    for seed in (26, 3, 26, 205):
        courses.append([])
        running.simulate(seed, courses[-1])
    assert courses[0] == courses[2]
    assert courses[0] != courses[1]
    assert len(courses[0]) > 20
    with simulator() as fresh:
        again: list[str] = []
        fresh.simulate(205, again)
    assert again == courses[3]


def first_violation(running: Simulator, name: str, first: int) -> tuple[int, Violation]:
    """Give the first seed that finds a fault which is put back, and what it finds."""
    with put_back.FAULTS[name]():
        for seed in range(first, first + MOST):
            try:
                running.simulate(seed)
            except Violation as violation:
                return seed, violation
    pytest.fail(f"{name}: not found in {MOST} schedules")


def codes_of(error: BaseException) -> set[CodeType]:
    """The functions that an error came through."""
    codes, traceback = set(), error.__traceback__
    while traceback is not None:
        codes.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return codes


# The last column is where to begin: a little before the first seed of all that finds it.
@pytest.mark.parametrize(
    ("name", "said", "first"),
    [
        ("1: a study is made in many transactions", "half a study is there: without", 0),
        ("2: a search enqueues again what it has no answer of, and counts rows", "is planned twice", 0),
        ("2: an ablation enqueues again what it has no answer of", "is planned twice", 0),
        ("3: a report is made once", "StorageInternalError: An exception is raised during the commit", 100),
        ("3: a trial is read once", "StorageInternalError: An exception is raised during the commit", 0),
        ("3: trials are read once", "StorageInternalError: An exception is raised during the commit", 0),
        ("3: a transaction is made once", "OperationalError: ", 0),
        ("4: a report on a trial that has ended", "RuntimeError: nobody has thought of this: Trial#", 190),
        ("a worker ends a slot that another one has", "is ended by another process than has it", 10),
        ("a worker that is stopped keeps its slot", "1 deaths of a slot", 90),
        ("a reaper takes a slot from whoever has it", "a slot is taken from a process that lives", 4940),
    ],
)
def test_a_fault_that_is_put_back_is_found(running, name, said, first) -> None:
    seed, violation = first_violation(running, name, first)
    assert str(violation).startswith(f"seed {seed}: ")
    assert said in str(violation)
    assert str(violation).endswith(f"python -m tests.simulation --seed {seed}")
    if said.startswith("RuntimeError"):
        assert violation.__cause__ is not None
        assert work.__code__ in codes_of(violation.__cause__), "the worker that was run is the real one"


def test_the_course_of_a_seed_is_printed(capsys) -> None:
    assert show(26) == 0
    said = capsys.readouterr()
    assert said.err == "it holds\n"
    assert "_open          get_all_studies" in said.out
