"""archsearch: networks as YAML, searched, compared and reported so that anyone can check.

    from archsearch import build, load_spec, run

    spec = load_spec("lenet5", ["train.epochs=1"])
    model = build(spec, seed=0)                 # an nn.Sequential
    print(run(spec, seed=0).result.test_accuracy)

The names below are all that is public; each is loaded when it is first used, so that `import archsearch` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from archsearch.api.functions import ablate, compare, plan, run, study
    from archsearch.api.results import AblationResult, ComparisonResult, PlanResult, StudyResult
    from archsearch.errors import (
        ArchsearchError,
        DamagedFileError,
        Interrupted,
        LimitError,
        NothingCompletedError,
        SpecError,
        UnavailableError,
        UsageError,
    )
    from archsearch.experiment_plan import load_spec, plan_experiment
    from archsearch.spec.experiment import ExperimentSpec
    from archsearch.spec.network import Limits
    from archsearch.train.result import RunResult
    from archsearch.train.run import FinishedRun, build

_HOME = {
    "load_spec": "archsearch.experiment_plan",
    "plan_experiment": "archsearch.experiment_plan",
    "ExperimentSpec": "archsearch.spec.experiment",
    "Limits": "archsearch.spec.network",
    "RunResult": "archsearch.train.result",
    "FinishedRun": "archsearch.train.run",
    "build": "archsearch.train.run",
    "run": "archsearch.api.functions",
    "plan": "archsearch.api.functions",
    "compare": "archsearch.api.functions",
    "AblationResult": "archsearch.api.results",
    "ComparisonResult": "archsearch.api.results",
    "PlanResult": "archsearch.api.results",
    "StudyResult": "archsearch.api.results",
    "ArchsearchError": "archsearch.errors",
    "DamagedFileError": "archsearch.errors",
    "Interrupted": "archsearch.errors",
    "LimitError": "archsearch.errors",
    "NothingCompletedError": "archsearch.errors",
    "SpecError": "archsearch.errors",
    "UnavailableError": "archsearch.errors",
    "UsageError": "archsearch.errors",
}

_CALLED = ("ablate", "study")  # packages that are called as functions of the same name

__all__ = [
    "AblationResult",
    "ArchsearchError",
    "ComparisonResult",
    "DamagedFileError",
    "ExperimentSpec",
    "FinishedRun",
    "Interrupted",
    "LimitError",
    "Limits",
    "NothingCompletedError",
    "PlanResult",
    "RunResult",
    "SpecError",
    "StudyResult",
    "UnavailableError",
    "UsageError",
    "ablate",
    "build",
    "compare",
    "load_spec",
    "plan",
    "plan_experiment",
    "run",
    "study",
]


def __getattr__(name: str) -> object:
    if name in _CALLED:
        return import_module(f"archsearch.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'archsearch' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
