"""What the kinds of search spaces do in ways of their own: how they are read, walked, and compared with a baseline.

    spaces_of(space).base_values(space), spaces_of(base).read(node, base, spec)

A new kind of experiment that can be searched has a class here and an entry in `SPACES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from archsearch.errors import Problem
from archsearch.kinds import kind_of_spec
from archsearch.kinds.kind import AnySpec, ExperimentKindName
from archsearch.search.space.networks import NetworkSpaces
from archsearch.search.space.programs import ProgramSpaces
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values
from archsearch.spec.text.yaml import Node

if TYPE_CHECKING:
    from archsearch.search.search_spec import StudySpec


class SpaceWalk(Protocol):
    """Looks at every configuration of a space, and gathers counts."""

    feasible: int  # configurations that can be run
    distinct: set[int]  # of these: equal for what is one experiment
    lost: Counter[str]  # configurations that cannot, by reason
    examples: dict[str, Values]  # one of them for each reason

    @property
    def whole(self) -> bool:
        """Whether every configuration must be planned as a whole, at about a millisecond each."""

    def run(self) -> None:
        """Look at everything."""

    def configurations(self) -> Iterator[Values]:
        """Yield the values of every configuration that can be run."""


class KindOfSpace(Protocol):
    """All that differs between the spaces of the kinds of experiments."""

    usual_sampler: tuple[str, str]  # of one objective in a space larger than the number of trials, and why it is that

    def read(self, node: Node, base: AnySpec, spec: StudySpec) -> SearchSpace:
        """Read the open parts of a search file; raise `SpecError` with all problems."""

    def problems(self, node: Node, base: AnySpec) -> list[Problem]:
        """Give what is wrong in the open parts of a search file whose other keys are wrong too."""

    def walk(self, space: SearchSpace) -> SpaceWalk:
        """Begin a walk through a space."""

    def base_values(self, space: SearchSpace) -> Values | None:
        """Find the values of the baseline, for trial 0; None if it is not in the space or larger than allowed."""

    def notes_on(self, space: SearchSpace) -> tuple[str, ...]:
        """Say what the baseline takes over from the search file, and what still sets it apart from every candidate."""

    def unlike(
        self, space: SearchSpace, candidate: Mapping[str, Any], baseline: Mapping[str, Any], name: str
    ) -> tuple[str, ...]:
        """Say what differs between a candidate and the baseline, outside the space; both as a storage has them."""

    def place(self, space: SearchSpace, node: Node, error: InfeasibleError | None, values: Values) -> str:
        """Give where in the file that stands what does not fit with these values."""


SPACES: dict[ExperimentKindName, KindOfSpace] = {"network": NetworkSpaces(), "program": ProgramSpaces()}


def spaces_of(one: SearchSpace | AnySpec) -> KindOfSpace:
    """Give the kind that a space, or a space around a spec, is of."""
    return SPACES[(one.kind if isinstance(one, SearchSpace) else kind_of_spec(one)).name]
