"""`--on`: workers on other machines, for the commands that work on a study.

elsewhere = Elsewhere(on="dask", address="tcp://head:8786", given=[], workers="8")
with elsewhere.placed(settings, "lenet", console.note) as check: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.study.lifecycle import Settings

T = TypeVar("T")

OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="workers|slurm|dask|kubernetes",
        help="Where workers are, if not here; workers: those that anybody starts; kubernetes prints a Job.",
    ),
]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="tcp://...", help="With --on dask: the scheduler, if there is one.")
]
OnOptions = Annotated[
    list[str] | None,
    typer.Option("--on-option", metavar="KEY=VALUE", help="With --on: partition=gpu, image=..., see docs/cluster.md."),
]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What was said of workers elsewhere; `on` is None where they work here."""

    on: str | None
    address: str | None = None
    given: list[str] | None = None
    workers: str = "auto"
    options: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        from archsearch.errors import UsageError

        if self.on is None and (self.address is not None or self.given):
            raise UsageError("--address and --on-option go with --on slurm, dask or kubernetes")
        for text in self.given or ():
            key, equals, value = text.partition("=")
            if not equals or not key:
                raise UsageError(f"--on-option: {text!r} is not KEY=VALUE")
            self.options[key] = value

    def count(self) -> int:
        """Give how many workers there are to be; raise `UsageError` where only the caller can know."""
        from archsearch.errors import UsageError
        from archsearch.study.pool import worker_count

        wanted = options.workers(self.workers)
        engines = ("slurm", "kubernetes") if self.address is None else ("slurm", "kubernetes", "dask")
        if wanted is None and self.on in engines:
            raise UsageError(f"--on {self.on}: --workers N says how many; auto is for this machine's cores")
        return worker_count(wanted)

    def printed_job(self, study: str, artifacts: str | None, gpus: int | None) -> bool:
        """Print the Job of Kubernetes where that is asked for, and say so."""
        if self.on != "kubernetes":
            return False

        from archsearch.cli import console
        from archsearch.cluster.kubernetes_job import job_yaml
        from archsearch.errors import UsageError

        if self.address is not None:
            raise UsageError("--address is that of a Dask scheduler; --on kubernetes has none")
        print(job_yaml(study, self.count(), self.options, artifacts=artifacts, gpus=gpus), end="")
        console.note(
            "nothing was started: apply this with kubectl apply -f -, and call the same with --on workers and with "
            "--storage URL, the server whose URL the Secret has: that call plans, watches and judges"
        )
        return True

    @contextmanager
    def placed(self, settings: Settings, study: str) -> Iterator[Callable[[], None]]:
        """Place workers elsewhere for the length of a block; give what checks that some are left."""
        if self.on is None:
            yield lambda: None
            return
        from archsearch.cli import console
        from archsearch.cluster.placing import Placing, workers_placed
        from archsearch.cluster.visits import Visit

        visit = Visit(settings.url, study, settings.runs_dir, settings.data_dir, artifacts=settings.artifacts)
        with workers_placed(Placing(self.on, self.count(), visit, self.address, self.options), console.note) as check:
            yield check


def looking(look: Callable[[T], None], check: Callable[[], None]) -> Callable[[T], None]:
    """Look at a study, and check that somebody is at work on it."""

    def both(study: T) -> None:
        look(study)
        check()

    return both
