"""What a bundle has of its runs beside the same runs here: the same bits, a value inside the interval, or another one.

    against(bundle, bundle.runs[0], run_here, interval, "").sameness
    intervals_of(bundle, plans)["1f2e3d4c5b6a7988"]         # where one more run lands, where there are several seeds

Trains nothing (`rerun.py` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.arrays import numbers_of
from archsearch.export.bundle import Bundle
from archsearch.export.bundled import BundledRun
from archsearch.export.sameness import (
    MachineDifference,
    first_difference,
    judged_by,
    largest_difference,
)
from archsearch.markup import markdown_text
from archsearch.metrics import bounds_of, title_of, written
from archsearch.plain import Plain
from archsearch.stats import intervals
from archsearch.stats.intervals import Interval
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import experiment_key
from archsearch.train.result import EpochRecord, RunResult
from archsearch.train.run_files import PREDICTIONS, WEIGHTS
from archsearch.wording import count_of

Sameness = Literal["bit-identical", "inside the interval", "different"]
_FROM_BEST: tuple[Sameness, ...] = ("bit-identical", "inside the interval", "different")
_FILES = {PREDICTIONS: "predictions", WEIGHTS: "weights"}


class RunAgainst(Plain):
    """A run of a bundle beside the same run here.

    `compared` is what both have: metrics, predictions, weights. `difference` says where they first differ, "" where
    nowhere. `interval95` is where one more run of the same experiment lands, by the bundle's own seeds; None where the
    runs are equal or the bundle has one seed of it. `why_otherwise` says why it was computed with something else.
    """

    key: str
    name: str
    seed: int
    sameness: Sameness
    compared: tuple[str, ...]
    difference: str
    metric: str | None
    theirs: float | None
    ours: float | None
    interval95: Annotated[tuple[float, float] | None, Field(strict=False)]
    why_otherwise: str
    run_dir: str
    cached: bool


class BundleAgain(Plain):
    """A bundle beside the same runs here; `machines` is what may be why they differ."""

    bundle: str
    digest: str
    kind: str
    name: str
    verdict: Sameness
    runs: tuple[RunAgainst, ...]
    machines: tuple[MachineDifference, ...]
    declared: Annotated[tuple[str, ...], Field(strict=False)] = ()  # what its ledgers say

    @property
    def sentence(self) -> str:
        """Say what came out again, in a sentence or two."""
        counted = Counter(one.sameness for one in self.runs)
        of = count_of(len(self.runs), "run")
        same = [one for one in self.runs if one.sameness == "bit-identical"]
        files = [f"the same {what} ({sum(what in one.compared for one in same)})" for what in _FILES.values()]
        if self.verdict == "bit-identical":
            also = " and ".join(text for text in files if "(0)" not in text)
            return f"bit-identical: {of}, each with the same metrics in every epoch{f', {also}' if also else ''}."
        parts = [f"{counted[kind]} {kind}" for kind in _FROM_BEST if counted[kind]]
        less = "; machines and versions are the same" if not self.machines else ""
        return f"{self.verdict}: of {of} {', '.join(parts)}{less}."


@dataclass(frozen=True, slots=True)
class RunHere:
    """A run as it came out here; `result` is None of a run that was stopped where the search had stopped it."""

    result: RunResult | None
    history: Sequence[EpochRecord]
    directory: Path
    cached: bool


def against(bundle: Bundle, one: BundledRun, here: RunHere, interval: Interval | None, why: str) -> RunAgainst:
    """Compare a run with the same run here."""
    compared = ["metrics"]
    metric: str | None
    theirs: float | None
    if one.result is None:
        metric, theirs, ours, difference = _learned_against(one, here.history)
    else:
        assert here.result is not None
        metric = judged_by(one.result)
        theirs, ours = (None if metric is None else of.metrics.get(metric) for of in (one.result, here.result))
        difference = first_difference(one.result, here.result)
        for file, what in _FILES.items():
            apart = _file_against(bundle, one, here, file)
            if apart is not None:
                compared.append(what)
                difference = difference or (apart and f"{what} {apart}")
    return RunAgainst(
        key=one.key,
        name=one.name,
        seed=one.seed,
        sameness=_sameness(difference, ours, interval),
        compared=tuple(compared),
        difference=difference,
        metric=metric,
        theirs=theirs,
        ours=ours,
        interval95=interval if difference else None,
        why_otherwise=why,
        run_dir=str(here.directory),
        cached=here.cached,
    )


def _sameness(difference: str, ours: float | None, interval: Interval | None) -> Sameness:
    if not difference:
        return "bit-identical"
    inside = interval is not None and ours is not None and interval[0] <= ours <= interval[1]
    return "inside the interval" if inside else "different"


def _learned_against(one: BundledRun, history: Sequence[EpochRecord]) -> tuple[str, float, float | None, str]:
    """Compare what a search learned of a run that it stopped: the metric, its last values, the first difference."""
    [(metric, learned)] = one.learned.items()
    here = {record.epoch: record.metrics.get(metric) for record in history}
    last = max(learned)
    apart = [epoch for epoch, value in sorted(learned.items()) if here.get(epoch) != value]
    said = f"epoch {apart[0]}, {metric} {learned[apart[0]]!r} there, {here.get(apart[0])!r} here" if apart else ""
    return metric, learned[last], here.get(last), said


def _file_against(bundle: Bundle, one: BundledRun, here: RunHere, file: str) -> str | None:
    """Say how far a file of a run is from that of the run here, "" where not at all; None where it is not known."""
    name = f"runs/{one.key}/{file}"
    theirs = one.files.get(file)
    if theirs is None:
        return None
    if theirs == RunDirectory(here.directory).hashes()[file]:
        return ""
    path = here.directory / file
    if name not in bundle.archive.sizes or not path.is_file():
        return "differ"
    return largest_difference(
        *(numbers_of(content, weights=file == WEIGHTS) for content in (bundle.archive.read(name), path.read_bytes()))
    )


def intervals_of(bundle: Bundle, plans: Mapping[str, ExperimentPlan]) -> dict[str, Interval]:
    """Give where one more run of each experiment lands, by run, for those of which the bundle has several seeds."""
    groups: dict[tuple[str, str | None, str], dict[int, tuple[str, float]]] = {}
    for one in bundle.runs:
        result = one.result
        metric = None if result is None else judged_by(result)
        if result is None or metric is None or result.status != "completed":
            continue
        value = result.metrics[metric]
        assert value is not None
        group = (experiment_key(plans[one.key]), one.data_fingerprint, metric)
        groups.setdefault(group, {})[one.seed] = (one.key, value)
    found: dict[str, Interval] = {}
    for (_, _, metric), members in groups.items():
        values = [value for _, value in members.values()]
        if len(values) < 2:
            continue
        interval = intervals.within(intervals.prediction_interval(values), intervals.mean(values), bounds_of(metric))
        found |= {key: interval for key, _ in members.values()}
    return found


def worst(runs: Sequence[RunAgainst]) -> Sameness:
    """Say how a bundle came out: as its worst run did."""
    return max((one.sameness for one in runs), key=_FROM_BEST.index)


# -- in words ----------------------------------------------------------------------------------------------------------


def against_text(one: RunAgainst) -> str:
    """Say of a run that is not bit-identical where it first differs, and what came out."""
    parts = [f"{one.sameness}: {one.difference}"]
    if one.metric is not None and one.theirs is not None and one.ours is not None:
        parts.append(
            f"{title_of(one.metric)} {written(one.metric, one.theirs)} there, {written(one.metric, one.ours)} here"
        )
    if one.interval95 is not None and one.metric is not None:
        low, high = (written(one.metric, end) for end in one.interval95)
        parts.append(f"the bundle's 95 % prediction interval is {low} to {high}")
    else:
        parts.append("one seed has no interval")
    return "; ".join(parts)


def markdown_of_bundle(found: BundleAgain) -> str:
    """Write how a bundle came out as Markdown."""
    lines = [f"**{found.sentence}** (bundle `{found.name}`, digest `{found.digest[:16]}`)", ""]
    lines += ["| run | seed | came out | compared | what |", "| --- | --- | --- | --- | --- |"]
    for one in found.runs:
        what = against_text(one).partition(": ")[2] if one.difference else ""
        lines.append(f"| `{one.name}` | {one.seed} | {one.sameness} | {', '.join(one.compared)} | {what} |")
    lines += [line for said in found.declared for line in ("", markdown_text(said))]
    if found.machines:
        lines += ["", "| differs | in the bundle | here | runs |", "| --- | --- | --- | --- |"]
        lines += [f"| {one.what} | {one.theirs} | {one.ours} | {one.runs} |" for one in found.machines]
    return "\n".join(lines) + "\n"
