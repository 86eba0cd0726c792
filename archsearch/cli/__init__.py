"""The command line: `archsearch COMMAND ...`. One file per command; what they print stands in `console/`.

A command parses, calls one library function and hands the result to the console. Everything heavy is imported inside
the commands, so that `archsearch --help` answers at once.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from archsearch import __version__
from archsearch.cli import (
    ablate,
    bundle,
    card,
    check,
    claim,
    clean,
    compare,
    confirm,
    dashboard,
    data,
    diff,
    doctor,
    evaluate,
    export,
    import_,
    init,
    lint,
    list_,
    plan,
    predict,
    report,
    reproduce,
    run,
    schema,
    show,
    space,
    status,
    study,
    trust,
    verify,
    worker,
)

app = typer.Typer(
    name="archsearch",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Networks as YAML: run them, search around them, and find out which change mattered.",
    epilog="A first look, without any download:  archsearch run digits_quickstart",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"archsearch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("init")(init.init)
app.command("run")(run.run)
app.command("show")(show.show)
app.command("study")(study.study)
app.command("confirm")(confirm.confirm)
app.command("ablate")(ablate.ablate)
app.command("worker")(worker.worker)
app.command("plan")(plan.plan)
app.command("check")(check.check)
app.command("space")(space.space)
app.command("status")(status.status)
app.command("best")(status.best)
app.command("report")(report.report)
app.command("import")(import_.import_)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("evaluate")(evaluate.evaluate)
app.command("card")(card.card)
app.command("bundle")(bundle.bundle)
app.command("reproduce")(reproduce.reproduce)
app.command("dashboard")(dashboard.dashboard)
app.command("lint")(lint.lint)
app.command("diff")(diff.diff)
app.command("compare")(compare.compare)
app.command("claim")(claim.claim)
app.command("list")(list_.list_)
app.add_typer(data.app, name="data")
app.command("clean")(clean.clean_)
app.command("verify")(verify.verify)
app.command("trust")(trust.trust)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run the command line; every error of the user's ends in a sentence and an exit code, never in a traceback."""
    from archsearch.cli.pipe import quiet_pipes
    from archsearch.errors import ArchsearchError

    gc.set_threshold(200_000, 30, 30)  # what is imported stays: looking for garbage in it took an eighth of a command
    with quiet_pipes(), _signals() as came:
        try:
            app()
        except ArchsearchError as error:
            from archsearch.cli import console

            console.error(error)
            sys.exit(error.exit_code)
        except OSError as problem:  # a name that no file system takes, a folder that may not be read
            from archsearch.cli import console
            from archsearch.files import of_system

            said = of_system(problem)
            console.error(said)
            sys.exit(said.exit_code)
        except (KeyboardInterrupt, SystemExit):  # typer makes the latter of the former, without a word
            if not came:
                raise
            print("interrupted", file=sys.stderr)
            sys.exit(128 + came[0])


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Let SIGTERM end the command as Ctrl-C does, also where no run and no study hears them; give those that came."""
    came: list[int] = []

    def end(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()
    usual: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    heard = [number for number, handler in usual.items() if here and signal.getsignal(number) == handler]
    for number in heard:
        signal.signal(number, end)
    try:
        yield came
    finally:
        for number in heard:
            signal.signal(number, usual[number])
