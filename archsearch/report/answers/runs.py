"""The report on runs: what several seeds of one experiment add up to, or several experiments beside one another.

    document = runs_document(runs, unfinished, source)

Experiments are compared pair by pair of runs with the same seed, by the rules of `ablate`; where that is not possible
no winner is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import ValidationError

from archsearch.data.facts import describe
from archsearch.errors import ArchsearchError
from archsearch.metrics import bounds_of, direction_of, kind_of, metric_of, title_of, written
from archsearch.report.answers.run_tables import every_run, table_of_verdicts
from archsearch.report.architectures import HOW_TO_READ, Shown, network_parts
from archsearch.report.document import Document, KeyNumber, Section, SectionPart, Source, Tabled, slug
from archsearch.report.evaluations import evaluation_sections
from archsearch.report.experiments import KnownRun, RunGroup, grouped, tested_by
from archsearch.report.figures.figure import (
    Column,
    Figure,
    FigureEntry,
    Missing,
    Table,
    TableCell,
    interval_columns,
)
from archsearch.report.figures.means import MeanRow, draw_means, means_data
from archsearch.report.names import DamagedRun, Unfinished, left_out_words
from archsearch.report.provenance import engine_numbers, facts_part, folded_spec, lost_part, machines_part
from archsearch.report.run_parts import run_parts
from archsearch.spec.comparable import same_test_data
from archsearch.spec.dataset import DataSpec
from archsearch.stats.effect import Family, Seed, Verdicts
from archsearch.stats.over_seeds import Summary, documented_words, size_warning, summarise
from archsearch.stats.verdict import judge
from archsearch.task import main_metric_of
from archsearch.train.result import WATCHED_TEST, RunResult, label_noise_words
from archsearch.wording import capital, cut_text, short_number

MOST_IN_FULL = 8  # experiments with figures of their own; more are in the table


def runs_document(
    runs: Sequence[KnownRun], unfinished: Sequence[Unfinished], source: Source, left_out: Sequence[DamagedRun] = ()
) -> Document:
    """Make the document on finished runs; those that were only begun, or are damaged, are named among the excluded."""
    groups = grouped(runs)
    summaries = [_summary(group) for group in groups]
    verdicts = _verdicts(groups)
    sections = [
        _table_section(groups, summaries, verdicts),
        *(
            Section(f"runs-{slug(group.label)}", f"Runs of {group.label}", (), tuple(run_parts(group, source.data_dir)))
            for group in groups[:MOST_IN_FULL]
        ),
        *evaluation_sections(groups),
        Section(
            "architectures",
            "Architectures",
            (HOW_TO_READ,),
            tuple(network_parts([Shown(group.label, group.runs[0].result.spec) for group in groups])),
        ),
        _provenance(groups, unfinished, left_out),
    ]
    return Document(
        kind="runs",
        title=", ".join(group.label for group in groups[:4]) + (" ..." if len(groups) > 4 else ""),
        subtitle=_subtitle(groups),
        answer=(*answer(groups, summaries, verdicts), *left_out_words(left_out)),
        numbers=_numbers(groups, summaries),
        command=source.command,
        made=source.made,
        sections=tuple(sections),
    )


def _metric(groups: Sequence[RunGroup]) -> str:
    """Name what runs are judged by: the documented metric where they have it, else their task's main one, of tests."""
    for name in groups[0].runs[0].result.spec.get("documented") or {} if len(groups) == 1 else ():
        if all(tested_by(run, name) is not None for run in groups[0].completed):
            return str(name)
    return f"test_{main_metric_of(name for group in groups for run in group.runs for name in run.result.metrics)}"


def _values(group: RunGroup, metric: str) -> tuple[float, ...]:
    return tuple(value for run in group.completed if (value := tested_by(run, metric)) is not None)


def _summary(group: RunGroup) -> Summary:
    metric, documented = _metric([group]), group.runs[0].result.spec.get("documented") or {}
    return summarise(
        _values(group, metric),
        diverged=len(group.runs) - len(group.completed),
        documented=documented.get(metric),
        test_images=_test_images(group),
        metric=metric,
    )


def _test_images(group: RunGroup) -> int | None:
    """Count the test images by the spec; None where its data are not there any more."""
    try:
        return describe(DataSpec.model_validate(group.runs[0].result.spec["data"])).test
    except (ArchsearchError, ValidationError):
        return None


def _verdicts(groups: Sequence[RunGroup]) -> Verdicts | None:
    """Compare all with the first, where each shares at least two seeds with it; None where that cannot be."""
    metric = _metric(groups)
    values: dict[str, dict[Seed, float | None]] = {
        group.label: {run.result.seed: run.result.metrics.get(metric) for run in group.runs} for group in groups
    }
    if len(groups) == 1 or _not_comparable(groups):
        return None
    row = metric_of(metric)
    assert row is not None, f"{metric} is no metric"
    family = Family(metric=metric, direction=row.direction, margin=row.margin, unit=row.unit)
    return judge(values, groups[0].label, family)


def _not_comparable(groups: Sequence[RunGroup]) -> str:
    """Say why experiments cannot be compared, "" where they can."""
    if len({_metric([group]) for group in groups}) > 1:
        return "they are of several tasks"
    if not same_test_data(group.runs[0].result.spec for group in groups):
        return "they are tested on different data (data.name, data.path or data.limit differ)"
    first, *others = ({run.result.seed for run in group.runs} for group in groups)
    return "they do not share at least two seeds" if any(len(first & other) < 2 for other in others) else ""


# -- the first screen --------------------------------------------------------------------------------------------------


def _subtitle(groups: Sequence[RunGroup]) -> str:
    spec = groups[0].runs[0].result.spec
    summary = str(spec.get("summary") or "") if len(groups) == 1 else ""
    count = sum(len(group.runs) for group in groups)
    words = f"{count} {'run' if count == 1 else 'runs'} on {spec['data']['name']}."
    return f"{summary} {words}".strip()


def answer(groups: Sequence[RunGroup], summaries: Sequence[Summary], verdicts: Verdicts | None) -> tuple[str, ...]:
    """Say what the seeds add up to, and of several experiments whether they differ."""
    said = [text for group, one in zip(groups, summaries, strict=True) for text in _said(group, one)]
    said += [*_watched(groups), *_mislabelled(groups)]
    if len(groups) == 1:
        return tuple(said)
    if verdicts is None:
        head = f"{len(groups)} experiments; which of them is best was not tested: {_not_comparable(groups)}."
        return (head, *said)
    better = [effect.variant for effect in verdicts.effects if effect.verdict in ("better", "worse")]
    differ = "differs" if len(better) == 1 else "differ"
    which = f": {', '.join(better)}" if better else ""
    count = len(verdicts.effects)
    head = f"Of {count} compared with {verdicts.baseline}, {len(better)} {differ} from it by more than noise{which}."
    return (head, *(effect.sentence for effect in verdicts.effects), *said)


def _watched(groups: Sequence[RunGroup]) -> list[str]:
    """Say of which experiments the test set was watched while they trained."""
    mine = [group.label for group in groups if any(_watched_test(run.result) for run in group.runs)]
    if not mine:
        return []
    of = "" if len(mine) == len(groups) else f"{', '.join(mine)}: "
    return [f"{of}{WATCHED_TEST if of else WATCHED_TEST[0].upper() + WATCHED_TEST[1:]}."]


def _mislabelled(groups: Sequence[RunGroup]) -> list[str]:
    """Say of which experiments labels were made wrong on purpose."""
    said = []
    for group in groups:
        share = group.runs[0].result.spec["train"].get("label_noise")
        of = "" if len(groups) == 1 else f"{group.label}: "
        said += [f"{of}{label_noise_words(share)}."] if share else []
    return said


def _watched_test(result: RunResult) -> bool:
    return not result.spec["data"].get("validation") and result.test_reads > 1


def _said(group: RunGroup, one: Summary) -> list[str]:
    if one.mean is None:
        if one.diverged == len(group.runs):
            return [f"{group.label}: {'the run' if one.diverged == 1 else f'all {one.diverged} runs'} diverged."]
        return [f"{group.label}: the test set was not read{_best_validation(group, one.metric)}."]
    title = title_of(one.metric)
    if one.ci95 is None:
        seed = group.completed[0].result.seed
        text = f"{group.label}: {title} {one.mean_words} with seed {seed}; one run says nothing about the spread."
    else:
        text = (
            f"{group.label}: mean {title} {one.mean_words} over {one.n} seeds (95 % interval of the mean "
            f"{one.interval_words})."
        )
    lines = [text]
    if words := documented_words(one):
        lines.append(f"{capital(' '.join(words))}.")
    elif one.documented is not None:
        lines.append(f"Documented: {written(one.metric, one.documented)}; more seeds would say whether that agrees.")
    if warning := size_warning(one):
        lines.append(f"{group.label}: {warning}.")
    if one.diverged:
        lines.append(f"{one.diverged} more diverged and {'is' if one.diverged == 1 else 'are'} not in the mean.")
    return lines


def _best_validation(group: RunGroup, metric: str) -> str:
    """Say the best value on validation data, "" where none was measured."""
    name = f"val_{metric.removeprefix('test_')}"
    best, values = (max if direction_of(name) == "maximize" else min), _values(group, name)
    return f"; best {title_of(name)} {written(name, best(values))}" if values else ""


def _numbers(groups: Sequence[RunGroup], summaries: Sequence[Summary]) -> tuple[KeyNumber, ...]:
    numbers = []
    for group, one in list(zip(groups, summaries, strict=True))[:4]:
        alone = len(groups) == 1
        if one.mean is not None:
            note = f"{one.n} {'seed' if one.n == 1 else 'seeds'}" + (
                f", SD {one.sd_words}" if one.sd is not None else ""
            )
            numbers.append(KeyNumber(f"Mean {title_of(one.metric)}" if alone else group.label, one.mean_words, note))
        if alone and one.ci95 is not None:
            numbers.append(KeyNumber("95 % interval of the mean", one.interval_words, "Student's t"))
        if alone and one.documented is not None:
            inside = {True: "inside the prediction interval", False: "outside the prediction interval", None: ""}
            numbers.append(KeyNumber("Documented", written(one.metric, one.documented), inside[one.documented_inside]))
    results = [run.result for group in groups for run in group.runs]
    if len(groups) == 1:
        result = results[0]
        numbers.append(KeyNumber("Parameters", f"{result.parameters:,}", f"{short_number(result.macs)} MACs"))
    seconds = sum(result.seconds for result in results)
    numbers.append(
        KeyNumber("Training time", f"{seconds:,.1f} s", f"{len(results)} runs together" if len(results) > 1 else "")
    )
    reads = sum(result.test_reads for result in results)
    each = {result.test_reads for result in results}
    numbers.append(
        KeyNumber("Reads of the test set", f"{reads:,}", f"{each.pop()} in each run" if len(each) == 1 else "")
    )
    numbers += engine_numbers(result.environment for result in results)
    return tuple(numbers)


# -- the sections ------------------------------------------------------------------------------------------------------


def _table_section(groups: Sequence[RunGroup], summaries: Sequence[Summary], verdicts: Verdicts | None) -> Section:
    kinds = {kind_of(one.metric) for one in summaries}
    kind = kinds.pop() if len(kinds) == 1 else "number"
    title = title_of(summaries[0].metric) if len({one.metric for one in summaries}) == 1 else "of the main metric"
    columns = (
        Column("experiment"), Column("seeds", "count"), Column(f"mean {title}", kind),
        *interval_columns(kind), Column("SD", kind), Column("documented", kind),
        Column("parameters", "count"), Column("MACs", "count"),
        Column("diverged", "count"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    for group, one in zip(groups, summaries, strict=True):
        low, high = one.ci95 or (None, None)
        result = group.runs[0].result
        cells = (low, high, one.sd, one.documented, result.parameters, result.macs, one.diverged)
        rows.append((group.label, one.n, one.mean, *cells))
    cuts = {cut_text(bounds_of(one.metric), shares=kind_of(one.metric) == "percent") for one in summaries}
    cut = cuts.pop() if len(cuts) == 1 else ", cut to where each metric can lie"
    says = f"Means over seeds, with Student's t interval of the mean{cut}."
    parts: list[SectionPart] = [
        *([] if isinstance(means := _means(groups, summaries), Missing) else [means]),
        Tabled("experiments", "Experiments", says, Table(columns, tuple(rows))),
        every_run(groups),
    ]
    if verdicts is not None:
        parts.append(table_of_verdicts(verdicts))
    elif len(groups) > 1:
        why = "experiments are compared over runs with the same seed on the same data, at least two pairs each"
        why += f": {_not_comparable(groups)}"
        parts.append(Missing("differences", "Differences", why))
    return Section("numbers", "Numbers", (), tuple(parts))


def _means(groups: Sequence[RunGroup], summaries: Sequence[Summary]) -> Figure | Missing:
    """Draw what every seed came to; also what a card shows."""
    rows = [
        MeanRow(group.label, _values(group, one.metric), one.ci95, one.metric)
        for group, one in zip(groups, summaries, strict=True)
    ]
    return FigureEntry("means", "How good is each, seed by seed?", means_data, draw_means).made("runs", rows)


def _provenance(
    groups: Sequence[RunGroup], unfinished: Sequence[Unfinished], left_out: Sequence[DamagedRun]
) -> Section:
    results = [run.result for group in groups for run in group.runs]
    prints = Counter(result.data_fingerprint for result in results)
    facts: list[tuple[str, TableCell]] = [
        ("seeds", "; ".join(f"{g.label}: {', '.join(str(r.result.seed) for r in g.runs)}" for g in groups)),
        ("evaluations of the test set", sum(result.test_reads for result in results)),
        ("first and last finished", f"{min(r.finished for r in results)}, {max(r.finished for r in results)}"),
        *((f"data fingerprint ({count:,} runs)", mark) for mark, count in sorted(prints.items())),
    ]
    machines: dict[str, tuple[dict[str, object], int]] = {}
    for result in results:
        key = repr(sorted(result.environment.items()))
        machines[key] = (result.environment, machines.get(key, ({}, 0))[1] + 1)
    lost: list[tuple[TableCell, ...]] = [
        (group.label, str(run.result.seed), "diverged", run.result.reason)
        for group in groups for run in group.runs if run.result.status != "completed"
    ]  # fmt: skip
    lost += [(one.name, str(one.seed), "not finished", f"{one.directory} has no result yet") for one in unfinished]
    lost += [("", "", "damaged", one.why) for one in left_out]
    columns = (Column("experiment"), Column("seed"), Column("outcome"), Column("reason"))
    parts: list[SectionPart] = [facts_part(facts), machines_part(machines.values()), lost_part(lost, columns)]
    parts += [
        folded_spec(f"spec-{slug(group.label)}", f"Resolved spec of {group.label}", group.runs[0].result.spec)
        for group in groups
    ]
    return Section("provenance", "Provenance", (), tuple(parts))
