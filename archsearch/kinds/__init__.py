"""The kinds of experiments, and which one a spec, an experiment, a file or a held record is of.

load_experiment("lenet5")                       # a file or a name of any kind
kind_of_spec(spec).name, kind_of_held({"network": []}).name
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsearch.experiment import Experiment
from archsearch.kinds.kind import AnySpec, ExperimentKind, ExperimentKindName
from archsearch.kinds.network import NetworkKind

NETWORK: ExperimentKind = NetworkKind()
EXPERIMENT_KINDS: dict[ExperimentKindName, ExperimentKind] = {"network": NETWORK}


def kind_of_spec(spec: AnySpec | Experiment) -> ExperimentKind:
    """Give the kind that a spec or an experiment is of."""
    return NETWORK


def kind_of_held(held: Mapping[str, Any]) -> ExperimentKind:
    """Give the kind of a spec as a storage holds it."""
    return NETWORK


def load_experiment(reference: str, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check a file or a name of any kind; raise `SpecError` with `file:line:column`."""
    return NETWORK.load(reference, overrides)
