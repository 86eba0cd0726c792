"""Where the values, gradients and scratch of a program lie: in a thread's buffer, or in what is kept of each group.

    place(program, lambda operation: 0)      # sets `at` and `gradient_at` of its values, `vectors` and `kept` of it

Time runs twice over the operations: 2 i + 1 is operation i on the way forward, 2 n the loss, 4 n - t the way back of
what was at t. A batch norm needs the statistics of the whole batch, taken at 2 i, so a pass over all groups of images
ends between 2 i and 2 i + 1, and on the way back again. What lives in one pass only has a place in the buffer that a
thread uses for one group after the other; what one pass leaves for another is kept for each group. Two that never live
at the same time share a place. Knows programs only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archsearch.native.program import Operation, OperationKind, Program, Vectors

Life = tuple[int, int]  # first and last time
# Cheaper to compute once more on the way back than to keep in memory from one pass to the other.
_REPEATABLE = (OperationKind.BATCH_NORM, OperationKind.ACTIVATION, OperationKind.DROPOUT, OperationKind.PAD)


def place(program: Program, scratch: Callable[[Operation], int]) -> None:
    """Give every value, gradient and scratch a place; `scratch` says how many vectors an operation needs."""
    clock = _Clock(program)
    wanted = [*_values(program, clock), *_gradients(program, clock)]
    for i, op in enumerate(program.operations):
        if op.output.learns and (size := scratch(op)):
            wanted.append(_Wanted(size, [(clock.back(i), clock.back(i))], _setter(op, "scratch_at")))
        if op.kind is OperationKind.BATCH_NORM and op.output.learns and op.input.learns:
            wanted.append(_Wanted(op.input.size, [(clock.back(i), clock.back(i) + 1)], _setter(op, "between_at")))
    places: dict[bool, list[_Wanted]] = {True: [], False: []}
    for one in wanted:
        places[all(clock.run(first) == clock.run(last) for first, last in one.lives)].append(one)
    program.vectors = _lay(places[True], 0)
    program.kept = _lay(places[False], program.vectors) - program.vectors


class _Clock:
    """The times of a program, and the pass that each is in."""

    def __init__(self, program: Program) -> None:
        self.loss = 2 * len(program.operations)
        self.norms = [i for i, op in enumerate(program.operations) if op.kind is OperationKind.BATCH_NORM]
        self._begins = [self.forth(i) for i in self.norms]

    def forth(self, i: int) -> int:
        """Give the time of operation i on the way forward; of NOTHING, the reading of the images."""
        return 2 * i + 1

    def back(self, i: int) -> int:
        """Give its time on the way back; that of a batch norm's second step is one later."""
        return 2 * self.loss - self.forth(i)

    def run(self, time: int) -> int:
        """Give the number of the pass: forward, the last one forward and back, back again."""
        number = bisect_right(self._begins, min(time, 2 * self.loss - time))
        return number if time <= self.loss else 2 * len(self.norms) - number

    def begin_back(self, run: int) -> int:
        """Give the time at which the way back of a forward pass begins: the second step of the batch norm after it."""
        return self.back(self.norms[run]) + 1


@dataclass(slots=True, eq=False)
class _Wanted:
    size: int
    lives: list[Life]
    tell: Callable[[int], None]


def _values(program: Program, clock: _Clock) -> list[_Wanted]:
    """Give the lives of the values; mark the operations that compute theirs again (`again`)."""
    writers: dict[Vectors, list[int]] = {program.input: []}
    for i, op in enumerate(program.operations):
        writers.setdefault(op.output, []).append(i)
        op.again = False
    lives: dict[Vectors, list[Life]] = {}
    for value, written in writers.items():
        first = clock.forth(value.producer)
        forth = max([first, *map(clock.forth, (*written, *value.readers))])
        if value is program.output:
            forth = clock.loss
        back = max(_read_back(program, clock, value), default=forth)
        run = clock.run(first)
        lives[value] = [(first, max(forth, back))]
        if not written or clock.run(forth) != run or clock.run(back) == run:
            continue
        # In use again on the way back of its own pass, and nowhere between.
        begin = clock.begin_back(run)
        sources = [op.input for op in map(program.operations.__getitem__, written) if op.input is not value]
        if all(program.operations[i].kind in _REPEATABLE for i in written) and all(
            lives[one][-1][1] >= begin for one in sources
        ):
            lives[value] = [(first, forth), (begin, back)]
            for i in written:
                program.operations[i].again = True
    return [_Wanted(value.size, life, _setter(value, "at")) for value, life in lives.items()]


def _read_back(program: Program, clock: _Clock, value: Vectors) -> list[int]:
    """Give the times at which the way back reads a value."""
    times = []
    for i, op in enumerate(program.operations):
        if not op.output.learns:
            continue
        if (op.input is value and op.needs_input) or (op.output is value and op.needs_output):
            times.append(clock.back(i) + (op.kind is OperationKind.BATCH_NORM and value.learns))
    return times


def _gradients(program: Program, clock: _Clock) -> list[_Wanted]:
    """Give the lives of the gradients: from the last reader's way back, or the loss, to that of who made the value."""
    wanted = []
    for value in dict.fromkeys(op.output for op in program.operations if op.output.learns):
        if value is program.output:
            first = clock.loss
        else:
            reader = max(value.readers)
            first = clock.back(reader) + (program.operations[reader].kind is OperationKind.BATCH_NORM)
        wanted.append(_Wanted(value.size, [(first, clock.back(value.producer))], _setter(value, "gradient_at")))
    return wanted


def _lay(wanted: Sequence[_Wanted], start: int) -> int:
    """Give places from `start` on: the largest first, each the lowest that is free while it lives; give the end."""
    placed: list[tuple[int, int, _Wanted]] = []
    for one in sorted(wanted, key=lambda one: -one.size):
        at = start
        for begin, end, other in sorted(placed, key=lambda part: part[:2]):
            if begin < at + one.size and at < end and _together(one, other):
                at = end
        placed.append((at, at + one.size, one))
        one.tell(at)
    return max((end for _, end, _ in placed), default=start)


def _together(one: _Wanted, other: _Wanted) -> bool:
    return any(a[0] <= b[1] and b[0] <= a[1] for a in one.lives for b in other.lives)


def _setter(target: Vectors | Operation, name: str) -> Callable[[int], None]:
    return lambda at: setattr(target, name, at)
