"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from archsearch.spec.network import Limits

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A spec: a name (see `archsearch list`) or a file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH=VALUE]...", help="Values to change: train.epochs=2 conv1.out_channels=10"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets lie (else ARCHSEARCH_DATA, else the user cache)."),
]
RunsDir = Annotated[Path, typer.Option("--runs-dir", envvar="ARCHSEARCH_RUNS", help="Where results go.")]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        envvar="ARCHSEARCH_STORAGE",
        help="Where studies are kept: sqlite:///FILE or postgresql+psycopg://... (else archsearch.db among the runs).",
    ),
]
Log = Annotated[
    str | None,
    typer.Option("--log", metavar="mlflow[:URI]", help="Write the finished runs to MLflow too, each once (an extra)."),
]
GpusOption = Annotated[
    int | None,
    typer.Option("--gpus", min=1, help="Of programs: how many GPUs this machine has, one for each run at a time."),
]
ArtifactsOption = Annotated[
    str | None,
    typer.Option(
        "--artifacts",
        envvar="ARCHSEARCH_ARTIFACTS",
        metavar="DIR|URL",
        help="Where the files of runs are put, or fetched from, beside the runs here: a folder, s3://... (an extra).",
    ),
]


def _allow_what_asks(context: typer.Context, value: bool) -> bool:
    if value:
        from archsearch.trust import allow_what_asks

        context.call_on_close(allow_what_asks())
    return value


TrustOption = Annotated[
    bool,
    typer.Option("--trust", callback=_allow_what_asks, help="Allow programs and Python files to run, for this call."),
]
MaxParameters = Annotated[int | None, typer.Option("--max-parameters", min=1, help="Raise the limit of 100 million.")]
MaxActivations = Annotated[
    float | None,
    typer.Option("--max-activations", min=0.0, help="Raise the limit of 4 GiB of outputs per batch."),
]
MaxLayers = Annotated[int | None, typer.Option("--max-layers", min=1, help="Raise the limit of 512 layers.")]


def storage_to_come(storage: str | None, runs_dir: Path) -> bool:
    """Say whether no storage was named and none is there: opening it would make one."""
    return storage is None and not (runs_dir / "archsearch.db").exists()


def refuse_without_studies(storage: str | None, runs_dir: Path) -> None:
    """Raise `UsageError` where no storage was named and none is there."""
    from archsearch.errors import UsageError

    if storage_to_come(storage, runs_dir):
        raise UsageError(
            f"there is no study in {runs_dir} yet; `archsearch study` makes one, --storage names another place"
        )


def workers(text: str) -> int | None:
    """Read the number of workers; None for `auto`."""
    if text == "auto":
        return None
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise typer.BadParameter(f"expected auto or a number from 1 on, got {text!r}", param_hint="--workers")
    return int(text)


def limits(parameters: int | None, activations: float | None, layers: int | None) -> Limits:
    """Make the limits from the flags, the default where a flag was not given."""
    from archsearch.spec.network import Limits

    default = Limits()
    return Limits(
        parameters=parameters or default.parameters,
        activation_bytes=int(activations * 2**30) if activations else default.activation_bytes,
        layers=layers or default.layers,
    )
