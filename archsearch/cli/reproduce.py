"""`archsearch reproduce`: do published numbers, or those of a bundle, come out again?"""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC...|BUNDLE.zip]",
            help="Specs with a documented value (all of them if none is given), or one bundle.",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Of specs: how many seeds each, 5 if not given.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train again what an earlier call has trained.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print Markdown.")] = False,
    own_data: Annotated[
        Path | None, typer.Option("--own-data", help="Of a bundle: where its own data (folder, npz, table) lie here.")
    ] = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Run what has a documented value with several seeds, or a bundle once more, and say what came out again.

    Examples:  archsearch reproduce lenet5 lenet_l1 --seeds 10      archsearch reproduce digits.zip
    """
    from archsearch.errors import UsageError

    if json and md:
        raise UsageError("--json and --md are two forms of one result; choose one")
    bundles = [name for name in names or () if name.lower().endswith(".zip")]
    if bundles:
        if len(names or ()) > 1:
            raise UsageError(f"a bundle is reproduced by itself; name {bundles[0]} alone")
        if seeds is not None:
            raise UsageError(f"--seeds is for specs; {bundles[0]} holds the seeds that it was made with")
        _bundle(Path(bundles[0]), fresh, own_data, runs_dir, data_dir, json=json, md=md)
        return
    if own_data is not None:
        raise UsageError("--own-data is for a bundle; a spec says itself where its data lie")
    _specs(names, seeds or 5, fresh, runs_dir, data_dir, json=json, md=md)


def _bundle(
    path: Path, fresh: bool, own_data: Path | None, runs_dir: Path, data_dir: Path | None, *, json: bool, md: bool
) -> None:
    from archsearch.cli import console
    from archsearch.export.against import RunAgainst, markdown_of_bundle
    from archsearch.export.bundle import open_bundle
    from archsearch.export.rerun import RunAgain

    with open_bundle(path) as bundle:
        console.note_bundle(bundle)
        done: list[RunAgainst] = []

        def told(one: RunAgainst) -> None:
            done.append(one)
            console.note_run_against(one, len(done), len(bundle.runs))

        found = RunAgain(runs_dir, data_dir, own_data, fresh).all_of(
            bundle, lambda plan, seed: console.RunBar(plan, seed, epochs=False), told, console.note
        )
    if json:
        console.print_json(found.model_dump(mode="json") | {"sentence": found.sentence})
    elif md:
        print(markdown_of_bundle(found), end="")
    else:
        console.print_bundle_again(found)


def _specs(
    names: list[str] | None, seeds: int, fresh: bool, runs_dir: Path, data_dir: Path | None, *, json: bool, md: bool
) -> None:
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.cli.programs import is_program_file
    from archsearch.errors import NothingCompletedError, UsageError

    for name in names or ():
        refuse_other(name, "spec", "run")
        if is_program_file(name):
            raise UsageError(
                f"{name} is a program, and a documented value is of a network; archsearch run {name} --seeds {seeds}"
            )

    from archsearch.data.prepare import load
    from archsearch.export.documented import Reproduced, documented_specs, markdown_of, plan_reproductions, reproduced
    from archsearch.train.calibrate import seconds_of_run
    from archsearch.train.seeds import train_seeds

    planned = plan_reproductions(names or documented_specs(), range(seeds), runs_dir, seconds_of_run, fresh=fresh)
    console.note_reproductions(planned)
    if not names and not _wanted():
        return
    found: list[Reproduced] = []
    for one in planned:
        dataset = load(one.plan.spec.data, data_dir=data_dir, say=console.note)
        finished = train_seeds(
            one.plan,
            one.seeds,
            partial(console.RunBar, one.plan),
            runs_dir=runs_dir,
            dataset=dataset,
            compute=one.compute,
            fresh=fresh,
        )
        mine = reproduced(one, finished, dataset.facts.test)
        found += mine
        for said in mine if len(planned) > 1 else ():
            console.note(said.sentence)
    if json:
        console.print_json({"specs": [one.model_dump(mode="json") for one in found]})
    elif md:
        command = " ".join(["archsearch reproduce", *(shlex.quote(name) for name in names or ()), f"--seeds {seeds}"])
        print(markdown_of(found, command), end="")
    else:
        console.print_reproduced(found)
    if not any(one.summary.n for one in found):
        raise NothingCompletedError("no run completed; try a smaller learning rate")


def _wanted() -> bool:
    """Ask on a terminal whether to go on, where nothing was named and much will run."""
    from archsearch.cli import console

    if not (sys.stdin.isatty() and sys.stderr.isatty()) or typer.confirm("Go on?", default=True, err=True):
        return True
    console.note("nothing was run; name a spec to reproduce that one")
    return False
