"""From what a person names on the command line to a document: a search, an ablation, or runs.

made = make(["digits"], Where(runs_dir=Path("runs")))
made.document, made.path("html"), made.notes
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archsearch import __version__
from archsearch.ablate.ablation import report_on
from archsearch.ablate.compare import Compared, Measurements
from archsearch.ablate.judged_again import judge_again
from archsearch.ablate.record import ablation_evidence
from archsearch.ablate.tracked.reading import is_tracked
from archsearch.errors import DamagedFileError, UsageError
from archsearch.report.answers.ablation import ablation_document
from archsearch.report.answers.comparison import comparison_document
from archsearch.report.answers.program_runs import program_runs_document
from archsearch.report.document import Document, Source, slug
from archsearch.report.fetched import bring_files
from archsearch.report.figures.lists import search_figures
from archsearch.report.names import Named, find_named
from archsearch.search.evidence import search_evidence
from archsearch.search.record import search_record
from archsearch.study.lifecycle import existing_ablation, existing_study, legible
from archsearch.study.storage import open_storage
from archsearch.study.storage_url import shown_url


@dataclass(frozen=True, slots=True)
class Where:
    """Where studies, runs and data are looked for; `stamp` is the time that a report bears.

    `artifacts` is a place that files of runs are fetched from which are not here.
    """

    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    storage: str | None = None
    stamp: str | None = None
    artifacts: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A document, what to say to whoever asked for it, and the name of its files."""

    document: Document
    notes: tuple[str, ...]
    stem: Path
    left_out: tuple[str, ...] = ()  # runs that are meant and could not be read

    def check(self) -> None:
        """Raise `DamagedFileError` where the document lacks runs that could not be read: for when it is written."""
        if self.left_out:
            raise DamagedFileError("\n".join(f"left out: {why}" for why in self.left_out))

    def path(self, form: str) -> Path:
        """Give where it goes unless told otherwise; for csv a folder."""
        ending = {"pr": "pr.md"}.get(form, form)
        return self.stem if form == "csv" else self.stem.with_name(f"{self.stem.name}.{ending}")

    def card_path(self) -> Path:
        """Give where its card goes unless told otherwise."""
        return self.stem.with_name(f"{self.stem.name.replace('report', 'card', 1)}.png")


def make(names: Sequence[str], where: Where, metric: str | None = None) -> Made:
    """Make the report on a study, or on runs; raise `UsageError` with what there is for an unknown name.

    An ablation may be judged by another `metric` than it was made for.
    """
    command = _command(names, where) + ("" if metric is None else f" --metric {metric}")
    source = Source(command=command, made=made_text(where.stamp), runs_dir=where.runs_dir, data_dir=where.data_dir)
    found = find_named(names, where.runs_dir, where.storage)
    if metric is not None and found.kind != "ablation":
        raise UsageError("--metric is for an ablation, whose runs are judged again, or for a file of numbers")
    if found.study is not None:
        notes = (*found.notes, *_brought(found, where))
        stem = "report" if metric is None else f"report-{slug(metric)}"
        return Made(_of_study(found, source, metric), notes, where.runs_dir / found.study / stem)
    if found.programs:
        document = program_runs_document(found.programs, source, found.left_out)
    else:
        from archsearch.report.answers.runs import runs_document  # and with it torch, which an ablation does without

        document = runs_document(found.runs, found.unfinished, source, found.left_out)
    stem = "-".join(slug(Path(name).stem) for name in names)[:80]
    left_out = tuple(one.why for one in found.left_out)
    return Made(document, found.notes, where.runs_dir / f"report-{stem}", left_out)


def make_of_numbers(values: Measurements, compared: Compared, options: Sequence[str], where: Where) -> Made:
    """Make the report on a file of numbers; `options` are those that the command had."""
    stem = Path(f"report-{slug(values.source)}") if is_tracked(values.source) else Path(values.source).with_suffix("")
    command = " ".join([_command([values.source], where), *options])
    source = Source(command=command, made=made_text(where.stamp), runs_dir=where.runs_dir)
    return Made(comparison_document(values, compared, source), values.notes, stem)


def _brought(found: Named, where: Where) -> tuple[str, ...]:
    assert found.study is not None
    storage = open_storage(found.url, reading=True)
    opened = existing_ablation if found.kind == "ablation" else existing_study
    return bring_files(opened(found.study, storage), storage, where.runs_dir, where.artifacts)


def _of_study(found: Named, source: Source, metric: str | None = None) -> Document:
    assert found.study is not None
    storage = open_storage(found.url, reading=True)
    with legible(found.study):
        if found.kind == "ablation":
            ablation = existing_ablation(found.study, storage)
            again = None if metric is None else judge_again(ablation, metric, source.runs_dir or Path("runs"))
            evidence = ablation_evidence(ablation, None if again is None else again.values)
            return ablation_document(report_on(ablation, source.runs_dir, again), evidence, source)
        from archsearch.report.answers.search import search_document

        study = existing_study(found.study, storage)
        record = search_record(study, storage)
        return search_document(record.report, search_evidence(study, storage), search_figures(record), source)


def made_text(stamp: str | None) -> str:
    """Say when and by what a report was written; raise `UsageError` for a time that is none."""
    if stamp is not None:
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            raise UsageError(f"--stamp {stamp}: give a time such as 2026-01-31T12:00:00+00:00") from None
    elif epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        try:
            moment = datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError):
            raise UsageError(f"SOURCE_DATE_EPOCH={epoch}: it is a number of seconds since 1970") from None
    else:
        moment = datetime.now(UTC)
    return f"Written {moment.isoformat(timespec='seconds')} by archsearch {__version__}."


def _command(names: Sequence[str], where: Where) -> str:
    """Write the command that makes a report again; a password in a storage's URL stays out of it."""
    words = ["archsearch report", *(name if re.fullmatch(r"[\w./:@+-]+", name) else repr(name) for name in names)]
    if where.storage is not None:
        words.append(f"--storage {shlex.quote(shown_url(where.storage))}")
    if where.runs_dir != Path("runs"):
        words.append(f"--runs-dir {where.runs_dir}")
    if where.data_dir is not None:
        words.append(f"--data-dir {where.data_dir}")
    return " ".join(words)
