"""A study with all its trials as plain data, as its storage holds them: what is left when the storage is not there.

    snapshot = snapshot_of(study)
    snapshot.trials[0].spec, StudySnapshot.model_validate_json(snapshot.model_dump_json()) == snapshot

Left out is what says nothing of the study: which process had a slot, and what another program keeps beside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from pydantic import Field

from archsearch.plain import Plain
from archsearch.study.compute import FixedCompute, fixed_of
from archsearch.study.held import AMENDED, HeldStudy, HeldTrial, Key
from archsearch.study.queue import slots_of
from archsearch.study.storage import Study


class TrialSnapshot(Plain):
    """A slot: Optuna's number, state, values and parameters, and what we keep of it.

    `learned` is the learned metric by epoch, as it was reported on the way; `record` is that of the run without its
    spec; `held` is everything else, by the storage's keys.
    """

    number: int
    state: str
    values: Annotated[tuple[float, ...], Field(strict=False)]
    params: dict[str, Any]
    learned: Annotated[dict[int, float], Field(strict=False)]
    outcome: str | None
    seed: int | None
    spec: dict[str, Any] | None
    run_id: str | None
    record: dict[str, Any] | None = None
    held: dict[str, Any]


class StudySnapshot(Plain):
    """A study: its name, its objectives, what its runs are computed with, and its slots in their order.

    `held` is what else we keep of it, by the storage's keys.
    """

    name: str
    kind: str
    objectives: Annotated[tuple[Annotated[tuple[str, str], Field(strict=False)], ...], Field(strict=False)]
    compute: FixedCompute | None
    fingerprints: dict[str, str]
    held: dict[str, Any]
    trials: Annotated[tuple[TrialSnapshot, ...], Field(strict=False)]


def snapshot_of(study: Study) -> StudySnapshot:
    """Take a snapshot of what a study holds now."""
    held = HeldStudy(study)
    directions = ["minimize" if one == StudyDirection.MINIMIZE else "maximize" for one in study.directions]
    return StudySnapshot(
        name=study.study_name,
        kind=held.kind,
        objectives=tuple(zip(directions, study.metric_names or held.metrics, strict=True)),
        compute=fixed_of(study),
        fingerprints=dict(held.fingerprints),
        held={
            **_others(HeldStudy, held.attrs, (HeldStudy.kind, HeldStudy.compute, HeldStudy.fingerprints)),
            **{key: value for key, value in held.attrs.items() if key.startswith(AMENDED)},
        },
        trials=tuple(_trial(trial) for _, trial in sorted(slots_of(study).items())),
    )


_OF_THE_MOMENT = (HeldTrial.owner, HeldTrial.beat)
_ON_THEIR_OWN = (HeldTrial.outcome, HeldTrial.seed, HeldTrial.spec, HeldTrial.run_id, HeldTrial.learned)


def _trial(trial: FrozenTrial) -> TrialSnapshot:
    held = HeldTrial(trial)
    reported = trial.intermediate_values or held.learned
    return TrialSnapshot(
        number=trial.number,
        state=trial.state.name.lower(),
        values=tuple(trial.values or ()),
        params=dict(trial.params),
        learned={epoch: value for epoch, value in sorted(reported.items()) if math.isfinite(value)},
        outcome=held.outcome,
        seed=held.seed,
        spec=held.spec,
        run_id=held.run_id,
        record=None if held.run is None else dict(held.run.result),
        held=_others(HeldTrial, held.attrs, (*_OF_THE_MOMENT, *_ON_THEIR_OWN)),
    )


def _others(
    held: type[HeldStudy] | type[HeldTrial], attrs: Mapping[str, Any], without: tuple[Key[Any], ...]
) -> dict[str, Any]:
    keys = [field.key for field in vars(held).values() if isinstance(field, Key) and field not in without]
    return {key: attrs[key] for key in keys if key in attrs}
