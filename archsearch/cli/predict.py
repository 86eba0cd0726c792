"""`archsearch predict`: what does a trained network say of these images?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.data.given import GivenSamples
    from archsearch.train.prediction import PredictedSamples, Prediction
    from archsearch.train.trained import TrainedNetwork

Run = Annotated[str, typer.Argument(metavar="RUN", help="A finished run: id, folder, or a spec that was run.")]
RunSeed = Annotated[int | None, typer.Option("--seed", min=0, help="Which of a spec's runs, where it has several.")]


def predict(
    run: Run,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|FOLDER|NPZ|TABLE|-...",
            help="Image files; folders of them; an .npz file with x; a table; - reads a path a line from stdin.",
        ),
    ],
    top: Annotated[int, typer.Option("--top", min=1, help="How many classes of each, the likeliest first.")] = 3,
    seed: RunSeed = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print a line for each sample, and nothing else.")] = False,
    artifacts: options.ArtifactsOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Predict what images or the rows of a table are, with the network of a finished run, prepared as in its training.

    Examples:  archsearch predict 0123abcd photo.png more/      ls *.png | archsearch predict 0123abcd - --csv
    """
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.report.fetched import bring_run
    from archsearch.report.names import named_run

    if json and csv:
        raise UsageError("--json and --csv do not go together")
    names = _named(sources)
    bring_run(run, runs_dir, artifacts)
    directory = named_run(run, runs_dir, seed)

    from archsearch.train.prediction import predict as predict_samples
    from archsearch.train.trained import open_trained

    network = open_trained(directory, data_dir=data_dir, say=console.note)
    found = predict_samples(network, _given(names, network), top)
    for line in found.remarks:
        console.note(line)
    if json:
        console.print_json(_json(network, found))
    elif csv:
        console.print_predictions_csv(found)
    else:
        console.print_predictions(network.label, found)


def _named(sources: list[str]) -> list[str]:
    """Give the names with those of stdin in the place of `-`."""
    from archsearch.errors import UsageError

    if sources.count("-") > 1:
        raise UsageError("- can stand once: stdin is read once")
    if "-" not in sources:
        return sources
    try:
        lines = sys.stdin.buffer.read().decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise UsageError("stdin holds no text: - reads a path a line, not an image; name the file instead") from None
    at = sources.index("-")
    names = [*sources[:at], *(line for line in lines if line.strip()), *sources[at + 1 :]]
    if not names:
        raise UsageError("stdin holds no path: - reads one a line")
    return names


def _given(names: list[str], network: TrainedNetwork) -> GivenSamples:
    from archsearch.data.given import arrays_given, image_files, images_given
    from archsearch.data.table.read import TABLE_ENDINGS, is_table
    from archsearch.errors import UsageError

    inputs, spec = network.inputs, network.spec.data
    tables = [name for name in names if is_table(Path(name)) and not Path(name).is_dir()]
    if tables and len(names) > 1:
        raise UsageError(f"{tables[0]} is a table; name it alone")
    if tables:
        from archsearch.data.given_table import table_given

        return table_given(Path(tables[0]), inputs, spec, labelled=False)
    if inputs.columns:
        raise UsageError(f"the network reads the rows of a table ({', '.join(TABLE_ENDINGS)}), and {names[0]} is none")
    arrays = [name for name in names if name.lower().endswith((".npz", ".npy")) and not Path(name).is_dir()]
    if not arrays:
        return images_given(image_files(names), inputs, spec)
    if len(names) > 1:
        raise UsageError(f"{arrays[0]} is a file of arrays; name it alone")
    if arrays[0].lower().endswith(".npy"):
        raise UsageError(f"{arrays[0]}: arrays are read from .npz files; write it with numpy.savez(FILE, x=array)")
    return arrays_given(Path(arrays[0]), inputs, spec, labelled=False)


def _json(network: TrainedNetwork, found: PredictedSamples) -> dict[str, Any]:
    return {
        "run_id": network.result.run_id,
        "name": network.result.name,
        "seed": network.result.seed,
        "classes": list(network.inputs.class_names),
        "task": found.task,
        "probabilities": found.meaning,
        "predictions": [_prediction(one, found.task) for one in found.predictions],
        "remarks": list(found.remarks),
    }


def _prediction(one: Prediction, task: str) -> dict[str, Any]:
    """Give a sample with its classes, its labels or its numbers."""
    if task == "regression":
        return {"sample": one.sample, "values": {each.name: each.output for each in one.top}}
    top = [{"class": each.name, "probability": each.probability, "output": each.output} for each in one.top]
    if task == "multilabel":
        return {"sample": one.sample, "labels": list(one.taken), "top": top}
    return {"sample": one.sample, "class": one.best.name, "probability": one.best.probability, "top": top}
