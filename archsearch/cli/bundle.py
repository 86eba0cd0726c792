"""`archsearch bundle`: a run, a search or an ablation as one file that anyone can run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def bundle(
    names: Annotated[
        list[str],
        typer.Argument(metavar="STUDY|RUN...", help="A search or an ablation; or runs: ids, folders, or specs."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.zip", help="The file to write.")],
    weights: Annotated[bool, typer.Option("--weights", help="With the weights of every run.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Pack specs, seeds, versions, data fingerprints, every epoch, predictions and report into one file.

    Examples:  archsearch bundle digits -o digits.zip      archsearch bundle lenet5 -o lenet5.zip --weights
    """
    from archsearch.cli import console
    from archsearch.cli.meant import name_of_study
    from archsearch.cli.programs import is_program_file
    from archsearch.errors import UsageError
    from archsearch.files import must_be_free

    if out.suffix.lower() != ".zip":
        raise UsageError(f"-o {out}: a bundle is a ZIP file; name it {out.name or 'bundle'}.zip")
    must_be_free(out, force)
    for name in names:
        if is_program_file(name):
            raise UsageError(f"{name} is a program; bundles hold runs of networks so far")

    from archsearch.export.bundle import gather, write_bundle
    from archsearch.report.make import Where

    gathered = gather([name_of_study(name) for name in names], Where(runs_dir, data_dir, storage))
    for line in gathered.notes:
        console.note(line)
    digest = write_bundle(gathered, out, weights=weights)
    if json:
        document = {
            "file": str(out),
            "digest": digest,
            "bytes": out.stat().st_size,
            "kind": gathered.kind,
            "name": gathered.name,
            "runs": len(gathered.runs),
        }
        console.print_json(document)
    else:
        console.print_bundle(gathered, out, digest)
