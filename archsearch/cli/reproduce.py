"""`archsearch reproduce`: do published numbers come out again?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC...]", help="Specs with a documented value: names or files; all by name if none is given."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="How many seeds each, 5 if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train again what an earlier call has trained.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print Markdown.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Run what has a documented value with several seeds, and say what came out again.

    Examples:  archsearch reproduce lenet5 lenet_l1 --seeds 10
    """
    from archsearch.errors import UsageError

    if json and md:
        raise UsageError("--json and --md are two forms of one result; choose one")
    _specs(names, seeds or 5, fresh, runs_dir, data_dir, json=json, md=md)


def _specs(
    names: list[str] | None, seeds: int, fresh: bool, runs_dir: Path, data_dir: Path | None, *, json: bool, md: bool
) -> None:
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.errors import NothingCompletedError

    for name in names or ():
        refuse_other(name, "spec", "run")

    from archsearch.data.prepare import load
    from archsearch.export.documented import documented_specs, markdown_of, plan_reproductions, reproduced
    from archsearch.train.calibrate import seconds_of_run
    from archsearch.train.seeds import train_seeds

    planned = plan_reproductions(names or documented_specs(), range(seeds), runs_dir, seconds_of_run, fresh=fresh)
    console.note_reproductions(planned)
    if not names and not _wanted():
        return
    found = []
    for one in planned:
        dataset = load(one.plan.spec.data, data_dir=data_dir, say=console.note)
        finished = train_seeds(
            one.plan,
            one.seeds,
            lambda seed, plan=one.plan: console.RunBar(plan, seed),
            runs_dir=runs_dir,
            dataset=dataset,
            compute=one.compute,
            fresh=fresh,
        )
        found.append(reproduced(one, finished, dataset.facts.test))
        if len(planned) > 1:
            console.note(found[-1].sentence)
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
