"""`archsearch report`: one HTML file that answers the question, or its tables, or its figures."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options
from archsearch.cli.compare import (
    Factors,
    Margin,
    Minimize,
    Newest,
    Only,
    RunName,
    SeedColumn,
    TakeOption,
    Told,
    UnitOption,
    ValueColumn,
    Variant,
    values_meant,
    verdicts_of,
)

if TYPE_CHECKING:
    from archsearch.report.document import Document
    from archsearch.study.nursery import Nursery


_NUMBERS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")


class Format(StrEnum):
    """What is written: the page, its tables, or what a pull request needs (pr)."""

    html = "html"
    md = "md"
    pr = "pr"
    tex = "tex"
    csv = "csv"
    json = "json"


class FigureFormat(StrEnum):
    """What a figure's own file is: a page, or a picture for a paper."""

    html = "html"
    svg = "svg"
    pdf = "pdf"
    png = "png"


def report(
    names: Annotated[
        list[str],
        typer.Argument(metavar="STUDY|RUN...", help="A study; or runs: ids, folders, or specs that were run."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file (csv: the folder) to write; - prints it.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="The page, its tables, or pr for a pull request.")
    ] = Format.html,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Also each figure as a file of its own, in this folder.")
    ] = None,
    figure_formats: Annotated[
        list[FigureFormat] | None,
        typer.Option("--figure-format", help="What those files are (again for more); all but html need an extra."),
    ] = None,
    figure_width: Annotated[
        float, typer.Option(min=2, max=20, help="Their width in inches, as svg, pdf and png: a column has about 3.5.")
    ] = 7.0,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Of a file of numbers: what all is compared with (else the first).")
    ] = None,
    variant: Variant = None,
    factor: Factors = None,
    seed: SeedColumn = None,
    value: ValueColumn = None,
    unit: UnitOption = None,
    margin: Margin = None,
    minimize: Minimize = False,
    take: TakeOption = None,
    only: Only = None,
    run_name: RunName = None,
    newest: Newest = False,
    storage: options.StorageOption = None,
    artifacts: options.ArtifactsOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    stamp: Annotated[
        str | None, typer.Option("--stamp", help="The time that the report bears (else SOURCE_DATE_EPOCH, else now).")
    ] = None,
    checklist: Annotated[
        bool, typer.Option("--checklist", help="Print the paragraphs for a conference's reproducibility checklist.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Write one HTML file that answers the question: which network, how sure, and where the numbers come from.

    Examples:  archsearch report digits      archsearch report lenet5 lenet_best -o lenets.html
               archsearch report accuracies.csv --baseline lenet5      archsearch report documented --metric f1_macro
               archsearch report digits --checklist
               archsearch report digits --figures figures --figure-format pdf --figure-width 3.5
    """
    from archsearch.cli import console
    from archsearch.cli.meant import name_of_study
    from archsearch.errors import UnavailableError, UsageError
    from archsearch.report.make import Where, make, make_of_numbers
    from archsearch.report.write import figure_formats as checked
    from archsearch.report.write import one_text, write, write_figures

    formats = checked([form.value for form in figure_formats or ()], figures)

    told = {"--baseline": baseline, "--variant": variant, "--seed": seed, "--value": value, "--margin": margin}
    told |= {"--unit": unit.value if unit else None}
    words = [f"{name} {shlex.quote(str(said))}" for name, said in told.items() if said is not None]
    words += [f"--factor {shlex.quote(name)}" for name in factor or ()] + ["--minimize"] * minimize
    of_runs = Told(take, tuple(only or ()), run_name, newest)
    words += of_runs.words
    where = Where(runs_dir, data_dir, storage, stamp, artifacts)
    if len(names) == 1 and (Path(names[0]).suffix.lower() in _NUMBERS or _is_tracked(names[0])):
        from archsearch.ablate.compare import likely_baseline

        values = values_meant(names[0], variant, factor, seed, value, unit, minimize=minimize, told=of_runs)
        chosen = baseline if baseline is not None else likely_baseline(values)
        if baseline is None:
            words.insert(0, f"--baseline {shlex.quote(chosen)}")
            console.note(f"compared with {chosen}; --baseline names another")
        made = make_of_numbers(values, verdicts_of(values, chosen, margin=margin), words, where)
    elif value is not None and words == [f"--value {shlex.quote(value)}"]:
        made = make([name_of_study(name) for name in names], where, metric=value)
    elif words:
        raise UsageError(f"{words[0].split()[0]} is for a file of numbers ({', '.join(_NUMBERS)}) or tracked runs")
    else:
        made = make([name_of_study(name) for name in names], where)
    for line in made.notes:
        console.note(line)
    if checklist:
        if json or figures is not None or format_ is not Format.html:
            raise UsageError("--checklist is a text by itself; leave --json, --figures and --format out")
        _write_checklist(made.document, out)
        made.check()
        return
    if out == Path("-"):
        if json or figures is not None:
            raise UsageError("-o - prints the report and nothing else; leave --json and --figures out")
        print(one_text(made.document, format_.value), end="")
        made.check()
        return
    try:
        written = write(made.document, out or made.path(format_.value), format_.value)
    except UnavailableError as error:
        hint = "; -o names another place, -o - prints it" if out is None and format_ is not Format.csv else ""
        raise UnavailableError(f"{error}{hint}") from None
    if figures is not None:
        written += write_figures(made.document, figures, formats, figure_width)
    if json:
        console.print_json(_json(made.document, written))
    else:
        for file in written:
            print(file)
    made.check()


def _write_checklist(document: Document, out: Path | None) -> None:
    """Print the checklist as Markdown, or write it: as plain text where the file is called so."""
    from archsearch.errors import UsageError
    from archsearch.files import write_whole
    from archsearch.report.checklist import checklist_markdown, checklist_text

    if not document.checklist:
        raise UsageError("--checklist is for a search or an ablation: runs by themselves declare nothing")
    if out is None or out == Path("-"):
        print(checklist_markdown(document.checklist), end="")
        return
    if out.is_dir():
        raise UsageError(f"-o {out}: this is a folder; name a file")
    text = checklist_text if out.suffix == ".txt" else checklist_markdown
    write_whole(out, text(document.checklist).encode())
    print(out)


def _is_tracked(name: str) -> bool:
    from archsearch.ablate.tracked.reading import is_tracked

    return is_tracked(name)


def _json(document: Document, written: list[Path]) -> dict[str, object]:
    return {
        "kind": document.kind,
        "title": document.title,
        "answer": list(document.answer),
        "files": [str(path) for path in written],
    }


def write_at_end(
    what: str,
    name: str,
    storage: str | None,
    runs_dir: Path,
    data_dir: Path | None,
    artifacts: str | None = None,
    nursery: Nursery | None = None,
) -> None:
    """Write the HTML report on a study or an ablation and say where; whatever goes wrong here, it is done and kept.

    Where a nursery is there, a process of it writes: that has what it takes imported, and torch, which this one goes
    without.
    """
    from archsearch.cli import console

    asked = (name, storage, runs_dir, data_dir, artifacts)
    try:
        path = nursery.ask(_written, *asked) if nursery is not None and nursery.is_there else None
        console.note(f"report: {path or _written(*asked)}")
    except Exception as problem:
        reason = str(problem).strip().split("\n")[0] or type(problem).__name__
        again = f"archsearch report {name} writes it again"
        console.note(f"the {what} is done and kept, but its report could not be written ({reason}); {again}")


def _written(name: str, storage: str | None, runs_dir: Path, data_dir: Path | None, artifacts: str | None) -> Path:
    from archsearch.report.make import Where, make
    from archsearch.report.write import write

    made = make([name], Where(runs_dir, data_dir, storage, artifacts=artifacts))
    (path,) = write(made.document, made.path("html"), "html")
    return path
