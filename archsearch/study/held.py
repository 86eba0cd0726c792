"""What a storage holds of a study and of its trials beside Optuna's own: fields to read, records to write.

    HeldTrial(trial).outcome, HeldTrial(trial).retry, HeldRun(trial).test_reads     # read when asked for
    write_down(storage, trial, stored(Ended(outcome="pruned", seconds=2.0)))

The only file that knows a key of an attribute. What is written is checked when it is written; what is read is not
checked again: a queue reads a key or two of a thousand trials every few moments, and old storages hold less.

Keys and values are those of version 0.1.0: one format. Two fields have other names here, as their keys differ in a
letter: `attempt` (tries of an ablation's run, from 1) is `retry` (from 0), `attempts` (1 + dead workers) is `deaths`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from archsearch.plain import Plain

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

T = TypeVar("T")
HeldKind = Literal["search", "confirm", "ablation"]
_LATE = "late "  # begins the key of a late result, which ends with the claim that it belongs to
AMENDED = "amended "  # begins the key of a ledger's entry that changes what was declared, which ends with its number
Ending = Literal["completed", "repeated", "pruned", "diverged", "failed"]

# -- what is written ---------------------------------------------------------------------------------------------------


class HeldPart(Plain):
    """Some of what a study or a trial holds; what is None is not written."""


class HeldSearch(HeldPart):
    """A search, so that any worker can make its job: file, base, sampler and what must not change."""

    kind: Literal["search"] = "search"
    text: str
    stem: str
    base: dict[str, Any]
    seed: int
    sampler: str
    identity: dict[str, Any]
    metrics: tuple[str, ...]
    minimize_learned: bool
    trials: int
    own: tuple[dict[str, Any], ...] | None = None  # objectives that are functions of people's files


class HeldConfirmation(HeldPart):
    """The confirmation of a search: a study beside it, `of` which it says."""

    kind: Literal["confirm"] = "confirm"
    of: str
    own: tuple[dict[str, Any], ...] | None = None


class HeldAblation(HeldPart):
    """An ablation, whole, as JSON."""

    kind: Literal["ablation"] = "ablation"
    ablation: str
    metrics: tuple[str, ...]
    trials: int


class HeldCell(HeldPart):
    """A slot of an ablation: a cell with the seed of its pair, and the seed that it runs."""

    cell: str
    pair: int
    run_seed: int
    retry: int


class PlannedFinalist(HeldPart):
    """A slot of a confirmation: a finalist among all that there are, with a fresh seed."""

    candidate: str
    candidates: tuple[str, ...]
    candidate_spec: dict[str, Any]
    run_seed: int


class Assigned(HeldPart):
    """How a search came to what a slot stands for.

    With folds `sampled_spec` is what was sampled, and `folds` are the `data` of the runs that are made of it.
    """

    network: str | None = None
    infeasible: int | None = None
    sampling_seconds: float | None = None
    sampled_spec: dict[str, Any] | None = None
    folds: tuple[dict[str, Any], ...] | None = None


class Started(HeldPart):
    """What a trial runs: a seed, an experiment as JSON, and its sizes where it has any."""

    seed: int
    spec: dict[str, Any]
    parameters: int | None = None
    macs: int | None = None


class Ended(HeldPart):
    """How a trial ended. `result` is the run's record without its spec, which stands beside it.

    With folds that is the first one's, and `fold_results` are those of the others.
    """

    outcome: Ending
    seconds: float | None = None
    run_id: str | None = None
    result: dict[str, Any] | None = None
    failure: str | None = None
    artifacts: str | None = None  # the place that the run's files were put to, beside where it was made
    fold_results: tuple[dict[str, Any], ...] | None = None


def stored(part: HeldPart | None) -> dict[str, Any]:
    """Give a part as a storage has it: keys and values."""
    found = {} if part is None else {name: getattr(part, name) for name in type(part).model_fields}
    found = {name: value for name, value in found.items() if value is not None}
    if "retry" in found:
        found[HeldTrial.retry.key] = found.pop("retry") + 1
    return found


def required_fields(kind: HeldKind) -> list[str]:
    """Name what every study of a kind holds."""
    parts: dict[str, type[HeldPart]] = {"search": HeldSearch, "confirm": HeldConfirmation, "ablation": HeldAblation}
    return ["kind", *(name for name, field in parts[kind].model_fields.items() if field.is_required())]


def slot_attributes(number: int, part: HeldPart | None) -> dict[str, Any]:
    """Give what a planned slot holds: its number in the plan, and what its job needs to know."""
    return {HeldTrial.slot.key: number, **stored(part)}


def deaths_attribute(deaths: int) -> tuple[str, int]:
    """Give key and value that say how many workers a slot has killed."""
    return HeldTrial.deaths.key, deaths + 1


def late_attribute(claim: str, attrs: Mapping[str, Any], values: Sequence[float]) -> dict[str, Any]:
    """Give what keeps a result aside that came when its slot was another worker's."""
    return {f"{_LATE}{claim}": {name: attrs.get(name) for name in ("outcome", "run_id")} | {"values": list(values)}}


# -- what is read ------------------------------------------------------------------------------------------------------


class Key(Generic[T]):
    """A field of what is held, read under its key when it is asked for.

    Without a value to take where it is missing that raises `KeyError`.
    """

    def __init__(self, key: str, missing: T | EllipsisType = ..., read: Callable[[Any], T] | None = None) -> None:
        self.key = key
        self.missing = missing
        self.read = read

    @overload
    def __get__(self, held: None, owner: type[_Held]) -> Key[T]: ...

    @overload
    def __get__(self, held: _Held, owner: type[_Held]) -> T: ...

    def __get__(self, held: _Held | None, owner: type[_Held]) -> Key[T] | T:
        if held is None:
            return self
        if self.key not in held.attrs and not isinstance(self.missing, EllipsisType):
            return self.missing
        value: T = held.attrs[self.key]
        return value if self.read is None else self.read(value)


class _Held:
    """Attributes as the storage has them."""

    __slots__ = ("attrs",)

    def __init__(self, of: optuna.Study | optuna.Trial | FrozenTrial | _Held | Mapping[str, Any]) -> None:
        found = of if isinstance(of, Mapping) else of.attrs if isinstance(of, _Held) else of.user_attrs
        self.attrs: Mapping[str, Any] = found


class HeldStudy(_Held):
    """What a study holds, as it was when this was made."""

    kind = Key("kind", "")  # "" where another program made it
    metrics = Key[tuple[str, ...]]("metrics", read=tuple)  # the names of the objectives
    trials = Key("trials", 0)  # how many are planned in all
    # what its runs are computed with: see study/compute.py
    compute = Key[str | None]("compute", None)
    fingerprints = Key[Mapping[str, str]]("fingerprints", {})
    # of a search: see HeldSearch
    text = Key[str]("text")
    stem = Key[str]("stem")
    base = Key[dict[str, Any]]("base", {})
    seed = Key[int]("seed")
    sampler = Key[str]("sampler")
    identity = Key[dict[str, Any]]("identity")
    minimize_learned = Key("minimize_learned", False)
    own = Key[Sequence[Mapping[str, Any]]]("own", ())
    # of an ablation
    ablation = Key[str]("ablation")
    # of a confirmation: the race that it is, as JSON; what is run, by candidate, with which seeds
    race = Key[str | None]("race", None)
    planned = Key[Mapping[str, Any] | None]("planned", None)
    declaration = Key[Mapping[str, Any] | None]("declaration", None)  # first entry and head: see study/ledger.py
    ledger = Key[Mapping[str, Any] | None]("ledger", None)

    def lacks(self, fields: Iterable[str]) -> bool:
        """Say whether the study misses one of these fields: its making was interrupted."""
        return not self.attrs.keys() >= set(fields)


class HeldTrial(_Held):
    """What a trial holds, as it was when this was made; what comes later is None."""

    # of the queue
    slot = Key[int | None]("slot", None)  # the number in the plan; None for a trial that is no slot
    owner = Key[Mapping[str, Any] | None]("owner", None)  # the process that has the slot
    beat = Key[int | None]("beat", None)  # changes as long as the owner lives
    deaths = Key[int]("attempts", 0, lambda attempts: int(attempts) - 1)
    # of an ablation: see HeldCell; of a confirmation: see PlannedFinalist
    cell = Key[str]("cell")
    pair = Key[int]("pair")
    retry = Key[int]("attempt", read=lambda attempt: int(attempt) - 1)
    candidate = Key[str]("candidate")
    candidates = Key[tuple[str, ...]]("candidates", read=tuple)
    candidate_spec = Key[dict[str, Any]]("candidate_spec")
    run_seed = Key[int]("run_seed")
    # of every trial that was started: see Assigned and Started
    network = Key[str | None]("network", None)
    parameters = Key[int | None]("parameters", None)
    macs = Key[int | None]("macs", None)
    infeasible = Key("infeasible", 0)
    seed = Key[int | None]("seed", None)
    spec = Key[dict[str, Any] | None]("spec", None)
    # of a search with folds: see Assigned and Ended
    sampled_spec = Key[dict[str, Any] | None]("sampled_spec", None)
    folds = Key[Sequence[Mapping[str, Any]]]("folds", ())
    fold_results = Key[Sequence[Mapping[str, Any]]]("fold_results", ())
    # the learned metric where Optuna takes no reports: by epoch with several objectives, by part of the first epoch
    learned = Key[dict[int, float]]("learned", {}, lambda noted: {int(epoch): value for epoch, value in noted.items()})
    early = Key[dict[float, float]]("early", {}, lambda noted: {float(part): value for part, value in noted.items()})
    # of every trial that ended: see Ended
    outcome = Key[Ending | None]("outcome", None)
    failure = Key[str | None]("failure", None)
    seconds = Key[float | None]("seconds", None)
    run_id = Key[str | None]("run_id", None)
    entry = Key[Mapping[str, Any] | None]("entry", None)  # of the study's ledger

    @property
    def late(self) -> list[Mapping[str, Any]]:
        """Results that came late and do not count: outcome, run id, values."""
        return [value for key, value in self.attrs.items() if key.startswith(_LATE)]

    @property
    def run(self) -> HeldRun | None:
        """The run that the trial carries; None where it carries none."""
        return HeldRun(self) if HeldRun.result.key in self.attrs else None

    @property
    def runs(self) -> list[HeldRun]:
        """The runs that the trial carries: one, or one a fold; none where it carries none."""
        run = self.run
        if run is None:
            return []
        more = [
            HeldRun({**self.attrs, "spec": spec, "result": result, "run_id": result["run_id"]})
            for spec, result in zip(self.specs[1:], self.fold_results, strict=False)  # fewer where one diverged
        ]
        return [run, *more]

    @property
    def specs(self) -> list[dict[str, Any]]:
        """The specs of its runs, those that are still to be made too; none of a trial that was not started."""
        spec = self.spec
        if spec is None:
            return []
        return [{**spec, "data": dict(data)} for data in self.folds] or [spec]


class HeldRun(_Held):
    """What a trial holds that carries a run: nothing is missing."""

    run_id = Key[str]("run_id")
    network = Key[str]("network")
    spec = Key[dict[str, Any]]("spec")
    sampled_spec = Key[dict[str, Any] | None]("sampled_spec", None)  # with folds: what was sampled
    result = Key[Mapping[str, Any]]("result")  # as it was stored, without its spec
    artifacts = Key[str | None]("artifacts", None)

    @property
    def candidate(self) -> dict[str, Any]:
        """The experiment as a search sampled it: that of the run, but for folds."""
        return self.sampled_spec or self.spec

    def metric(self, name: str) -> float | None:
        """Give a metric of the kept weights; None where it was not read."""
        found: float | None = self.result.get(name)
        return found

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """The records of its epochs."""
        found: Sequence[Mapping[str, Any]] = self.result.get("history", ())
        return found

    @property
    def environment(self) -> Mapping[str, Any]:
        """What it was computed on and with."""
        found: Mapping[str, Any] = self.result.get("environment", {})
        return found

    @property
    def data_fingerprint(self) -> str:
        """The state of the data."""
        return str(self.result["data_fingerprint"])

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return int(self.result["epochs"])

    @property
    def seconds(self) -> float:
        """How long the training took, over all its interruptions."""
        return float(self.result["seconds"])

    @property
    def test_reads(self) -> int:
        """How often the test set was evaluated."""
        return int(self.result["test_reads"])


def fixed_values(trial: FrozenTrial) -> Mapping[str, Any]:
    """Give the parameters that were known when a slot was planned: Optuna keeps them."""
    found: Mapping[str, Any] = trial.system_attrs.get("fixed_params") or {}
    return found
