"""What a module computes, as a graph of values: plain objects that tracing makes and that blocks are found in.

    graph = Graph(inputs, output, values)
    output.step                       # LayerStep, JoinStep, SpreadStep, or Unsaid where the language has no word

Knows neither how a graph is traced nor how it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from archsearch.errors import SpecError
from archsearch.spec.layers import AnyLayer, Shape
from archsearch.spec.layers.blocks import Join


class Unsayable(Exception):
    """The language has no word for this; the text says for what, as a clause without a place."""


class InputMisfitError(SpecError):
    """The module cannot compute its input's shape: another input may fit."""


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One call of a module that holds others: `path` is where it stands in the whole, `plain` that it is a Sequential.

    Two calls of one module are two scopes.
    """

    path: str
    plain: bool

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class LayerStep:
    """A layer, with the tensors that it has, by the names that torch gives them in such a layer."""

    layer: AnyLayer
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JoinStep:
    """Several values made one."""

    join: Join


@dataclass(frozen=True, slots=True)
class SpreadStep:
    """One value for each channel, written as maps (1x1, or expanded): means something before a multiplication only."""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Something that the language has no word for; `reason` is the sentence, without a place."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndStates(Unsaid):
    """The states that a recurrence ends with, of all its layers; `last` is the layer that gives those of the last."""

    last: LayerStep | None = None


GraphStep = LayerStep | JoinStep | SpreadStep | Unsaid


@dataclass(eq=False, slots=True)
class GraphValue:
    """What a step gives for one sample. `place` is `file:line`, `path` the module that computed it ("" for a function).

    `step` is None for the input. `scopes` are the calls that the step stood in, from outside to inside. A join of one
    branch, which the graph does not show, has its `start`: what the branch begins at.
    """

    shape: Shape
    step: GraphStep | None = None
    inputs: tuple[GraphValue, ...] = ()
    place: str = ""
    path: str = ""
    scopes: tuple[ModuleCall, ...] = ()
    start: GraphValue | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """All values in the order in which they were computed, the input first.

    `skipped` names modules without a layer of the language that gave their input back unchanged.
    """

    values: tuple[GraphValue, ...]
    output: GraphValue
    skipped: tuple[str, ...] = ()

    @property
    def input(self) -> GraphValue:
        """What the module reads."""
        return self.values[0]
