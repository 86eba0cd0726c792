"""`archsearch evaluate`: how good is a trained network on other data?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options
from archsearch.cli.predict import Run, RunSeed

if TYPE_CHECKING:
    from archsearch.data.given import GivenSamples
    from archsearch.spec.dataset import DataSpec
    from archsearch.train.trained import TrainedNetwork


def evaluate(
    run: Run,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="SPEC|NPZ|FOLDER|TABLE",
            help="A spec or data set, whose test part is used; an .npz file with x and y; a folder of class folders; a "
            "table with its target column.",
        ),
    ],
    seed: RunSeed = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep it in the run's folder, for the report on the run.")
    ] = True,
    artifacts: options.ArtifactsOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Evaluate the network of a finished run on other data, prepared as in its training.

    Examples:  archsearch evaluate 0123abcd --data mine.npz      archsearch evaluate 0123abcd --data photos/
    """
    from archsearch.cli import console
    from archsearch.report.fetched import bring_run
    from archsearch.report.names import named_run

    other = _other(data)
    bring_run(run, runs_dir, artifacts)
    directory = named_run(run, runs_dir, seed)

    from archsearch.train.evaluation import evaluate_on, keep_evaluation
    from archsearch.train.trained import open_trained

    network = open_trained(directory, data_dir=data_dir, say=console.note)
    record = evaluate_on(network, _given(other, network, data_dir), data)
    for line in record.remarks:
        console.note(line)
    if keep:
        path = keep_evaluation(directory, record)
        console.note(f"kept in {path}; archsearch report {run} shows it")
    if json:
        console.print_json(record.model_dump(mode="json"))
    else:
        console.print_evaluation(record)


def _other(data: str) -> Path | DataSpec:
    """Say what is meant: a file, a folder, or what a spec is trained on."""
    from archsearch.data.registry import DATASETS
    from archsearch.data.table.read import is_table
    from archsearch.errors import UsageError
    from archsearch.experiment_plan import load_plan
    from archsearch.spec.catalog import catalog
    from archsearch.spec.dataset import DataSpec

    path = Path(data)
    if path.is_dir() or (path.is_file() and (data.lower().endswith(".npz") or is_table(path))):
        return path
    if data.endswith((".yaml", ".yml")) or data in catalog("specs"):
        return load_plan(data).spec.data
    if data in DATASETS:
        return DataSpec(name=data)
    raise UsageError(
        f"--data {data}: there is no such file or folder, spec or data set; give an .npz file with x and y, a table, "
        f"a folder with a folder for each class, a spec (archsearch list), or one of {', '.join(DATASETS)}"
    )


def _given(other: Path | DataSpec, network: TrainedNetwork, data_dir: Path | None) -> GivenSamples:
    from archsearch.cli import console
    from archsearch.data.given import arrays_given, labelled_images, other_test_part
    from archsearch.data.given_table import table_given, table_test_part
    from archsearch.data.table.read import is_table

    inputs, spec = network.inputs, network.spec.data
    if not isinstance(other, Path):
        if (rows := table_test_part(other, inputs, spec)) is not None:
            return rows
        return other_test_part(other, inputs, spec, data_dir=data_dir, say=console.note)
    if is_table(other):
        return table_given(other, inputs, spec, labelled=True)
    if other.is_dir():
        return labelled_images(other, inputs, spec)
    return arrays_given(other, inputs, spec, labelled=True)
