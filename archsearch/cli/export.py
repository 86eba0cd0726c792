"""`archsearch export`: take a network away, as PyTorch source, ONNX, an exported program, or a resolved spec."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


class NetworkFormat(StrEnum):
    """What a network can be exported to."""

    pytorch = "pytorch"
    onnx = "onnx"
    program = "program"
    spec = "spec"


def export(
    subject: Annotated[
        str, typer.Argument(metavar="SPEC|RUN", help="A spec (name or file), or a finished run (id or folder).")
    ],
    to: Annotated[NetworkFormat, typer.Option("--to", help="The format.")],
    overrides: options.Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file (else NAME.py, .onnx, .pt2 or .yaml here); - prints a text."),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="pytorch: a training script beside it that gives the same numbers.")
    ] = False,
    with_preparation: Annotated[
        bool, typer.Option("--with-preparation", help="onnx, program: scale and normalise inside the file.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="onnx: a second file of 8-bit numbers, its accuracy measured.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of a spec: which run's weights, or which initial ones.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Write a network for use elsewhere: a file that needs nothing of archsearch.

    Examples:  archsearch export lenet5 --to pytorch --train      archsearch export 5e1c --to onnx --with-preparation
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other

    limits = options.limits(max_parameters, max_activations, max_layers)
    refuse_other(subject, "spec", "export")

    from archsearch.export.export import ExportOptions
    from archsearch.export.export import export as write

    chosen = ExportOptions(
        output=out,
        overrides=overrides or (),
        seed=seed,
        train=train,
        with_preparation=with_preparation,
        int8=int8,
        force=force,
        runs_dir=runs_dir,
        data_dir=data_dir,
        limits=limits,
        say=console.note,
    )
    done = write(subject, to.value, chosen)
    for line in done.notes:
        console.note(line)
    if json:
        text = {"text": done.text} if done.text else {}
        console.print_json(done.facts | {"files": [str(file) for file in done.files]} | text)
    elif done.text:
        print(done.text, end="")
    else:
        for file in done.files:
            print(file)
