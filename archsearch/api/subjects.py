"""What a caller hands in, a function, a spec, a file or a name, as a spec; and the levels around it.

spec = spec_of(train, {"lr": 0.1}, metric="accuracy")
levels_of(spec, {"norm": ["layer", "none"]})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from archsearch.ablate.without_file import levels_of_values
from archsearch.errors import UsageError
from archsearch.kinds import kind_of_spec, load_experiment
from archsearch.kinds.kind import AnySpec
from archsearch.metrics import Direction
from archsearch.program.function import function_spec
from archsearch.program.program_spec import ProgramSpec
from archsearch.spec.experiment import ExperimentSpec

Subjected = Callable[..., Any] | ExperimentSpec | ProgramSpec | str | PathLike[str]
_ONE_VERB = [[verb] for verb in ("set", "replace", "insert", "drop", "append", "patch", "ref")]


def spec_of(
    subject: Subjected,
    values: Mapping[str, Any] | None = None,
    *,
    metric: str | None = None,
    direction: Direction | None = None,
    version: str | None = None,
) -> AnySpec:
    """Give the spec of a function, of a file or name, or the spec itself with `values` set.

    Raises `UsageError` for what is none of these, `SpecError` for a file that is not right.
    """
    if isinstance(subject, (ExperimentSpec, ProgramSpec)):
        spec: AnySpec = subject
    elif isinstance(subject, (str, PathLike)):
        experiment = load_experiment(str(subject))
        spec = kind_of_spec(experiment).spec_of(experiment)
    elif callable(subject):
        metrics = (metric,) if metric is not None else ("value",)
        return function_spec(subject, values, metrics, direction=direction, version=version)
    else:
        raise UsageError(
            f"expected a function, a spec, or the file or name of one, got {type(subject).__name__}: "
            "train, load_spec('lenet5'), 'train.yaml'"
        )
    if not values:
        return spec
    if not isinstance(spec, ProgramSpec):
        raise UsageError("values are those of a program; change a network's with load_spec(name, ['train.epochs=2'])")
    from archsearch.program.change import with_values

    return with_values(spec, {f"values.{name}": value for name, value in values.items()})


def levels_of(spec: AnySpec, factors: Mapping[str, Any] | None) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Give the levels of each factor as edits: edits as a file has them, of a program also plain values.

    Raises `UsageError` where nothing is to be compared, or for a network whose levels are no edits.
    """
    if not factors:
        raise UsageError("say what to compare: factors={'norm': ['layer', 'none']}")
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for factor, levels in factors.items():
        if isinstance(levels, Mapping) and all(_is_edits(level) for level in levels.values()) and levels:
            found[factor] = {str(name): list(_listed(level)) for name, level in levels.items()}
        elif isinstance(spec, ProgramSpec):
            found |= levels_of_values({factor: levels})
        else:
            raise UsageError(
                f"{factor}: the levels of a network are edits, such as {{'relu': [{{'replace': {{'tanh': 'relu'}}}}]}}"
            )
    return found


def _is_edits(level: object) -> bool:
    edits = _listed(level)
    return bool(edits) and all(isinstance(edit, Mapping) and list(edit) in _ONE_VERB for edit in edits)


def _listed(level: object) -> Sequence[dict[str, Any]]:
    if isinstance(level, Mapping):
        return [dict(level)]
    return list(level) if isinstance(level, (list, tuple)) else []
