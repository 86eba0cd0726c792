"""A metric: a number that a run gives, with all that is known of it. The rows stand in `table.py`.

Metric("mae", "mean absolute error", "minimize", "number", "training", ("regression",), compute=mean_absolute_error)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]
Unit = Literal["points", "own"]
Written = Literal["percent", "count", "number"]
Known = Literal["plan", "training", "measured"]
Giver = Literal["network", "program"]
Takes = Literal["outputs", "predicted", "probabilities"]
SpreadsOver = Literal["seeds", "repeats", "nothing"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a run gives.

    `known` says when: from the network's plan, by training (then on each part of the data), or measured on the machine.
    `compute` gives it: of a plan that has been made; after training of what `takes` names and the targets (N, ...),
    arrays or tensors on the CPU: the outputs (N, outputs), what the task says is predicted of them, or probabilities
    shaped as the outputs. It is None where something else does: the loss is the spec's `train.eval_loss`, what is
    measured is measured where it runs. Which of them every run is told by after each epoch, its task says; the others
    are computed where they are asked for: they hang on nothing but outputs and targets, which a finished run keeps.
    `anywhere`: of a program, too, it is this number and no other by the same name.
    `tasks` are those that it belongs to, None for all. `margin` is the difference that is too small to matter unless a
    file says otherwise, 0 for none; `near` the one that a smaller network may cost, None for a hundredth of the best.
    `given_by` is the only kind of experiment that gives it, None where every kind may.
    `spreads_over` says what makes two values of one network differ: the seed, the moment at which it is measured (then
    a trained network is measured again and again), or nothing, so that one value is all.
    `guessing` gives what guessing is worth, by the number of outputs. Of counts whole numbers are written.
    `bounds` are the least and the greatest value that there can be, both included where they are finite.
    """

    name: str
    title: str
    direction: Direction
    written: Written
    known: Known
    tasks: tuple[str, ...] | None = None
    margin: float = 0.0
    near: float | None = None
    given_by: Giver | None = None
    guessing: Callable[[int], float] | None = None
    compute: Callable[..., float] | None = None
    takes: Takes = "outputs"
    anywhere: bool = False
    spreads_over: SpreadsOver = "seeds"
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def unit(self) -> Unit:
        """Say how differences are written: of fractions in percentage points, else as they are."""
        return "points" if self.written == "percent" else "own"

    def fits(self, task: str) -> bool:
        """Say whether it is a metric of a task."""
        return self.tasks is None or task in self.tasks
