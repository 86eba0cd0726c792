"""The kinds of experiments, and which one a spec, an experiment, a file or a held record is of.

load_experiment("lenet5")                       # a file or a name of any kind
kind_of_spec(spec).name, kind_of_held({"program": {}}).name
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsearch.errors import SpecError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import AnySpec, ExperimentKind, ExperimentKindName
from archsearch.kinds.network import NETWORK
from archsearch.kinds.program import PROGRAM
from archsearch.program.experiment import ProgramExperiment
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.read import is_program
from archsearch.spec.catalog import find
from archsearch.spec.text.yaml import read_file

__all__ = [
    "EXPERIMENT_KINDS",
    "NETWORK",
    "PROGRAM",
    "kind_of_held",
    "kind_of_reference",
    "kind_of_spec",
    "load_experiment",
]

EXPERIMENT_KINDS: dict[ExperimentKindName, ExperimentKind] = {"network": NETWORK, "program": PROGRAM}


def kind_of_spec(spec: AnySpec | Experiment) -> ExperimentKind:
    """Give the kind that a spec or an experiment is of."""
    return PROGRAM if isinstance(spec, (ProgramSpec, ProgramExperiment)) else NETWORK


def kind_of_held(held: Mapping[str, Any]) -> ExperimentKind:
    """Give the kind of a spec as a storage holds it."""
    return PROGRAM if is_program(held) else NETWORK


def kind_of_reference(reference: str) -> ExperimentKind:
    """Give the kind of what a name or a path means; a network where that cannot be read, whose reader says why."""
    try:
        return PROGRAM if is_program(read_file(find(reference, "specs"))) else NETWORK
    except SpecError:
        return NETWORK


def load_experiment(reference: str, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check a file or a name of any kind; raise `SpecError` with `file:line:column`."""
    return kind_of_reference(reference).load(reference, overrides)
