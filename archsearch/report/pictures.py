"""Small pictures: samples that a network got wrong, and the filters of its first layer. PNG, a few hundred bytes each.

mistakes_gallery(key, label, run, data_dir), filters_gallery(key, label, run)
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from archsearch.data.facts import describe
from archsearch.errors import ArchsearchError
from archsearch.experiment_plan import plan_experiment
from archsearch.report.document import Gallery, Picture
from archsearch.report.experiments import KnownRun, Predictions, predictions_of
from archsearch.report.figures.figure import Column, Missing, Table, TableCell
from archsearch.spec.experiment import ExperimentSpec
from archsearch.train.probabilities import of_both
from archsearch.train.streams import split_seeds

Bytes = NDArray[np.uint8]
MOST_MISTAKES, MOST_FILTERS, LARGEST = 24, 64, 64  # LARGEST: pixels of a side; larger samples are made smaller
_BLUE, _ORANGE = np.array([0, 114, 178]), np.array([230, 159, 0])  # the style's, for weights below and above zero


def class_names(spec: dict[str, Any], count: int) -> tuple[str, ...]:
    """Name the classes; their numbers where the data set is not there to ask."""
    try:
        return describe(ExperimentSpec.model_validate(spec).data).class_names
    except (ArchsearchError, ValidationError):
        return tuple(str(number) for number in range(count))


# -- mistakes ----------------------------------------------------------------------------------------------------------


def mistakes_gallery(key: str, label: str, run: KnownRun, data_dir: Path | None) -> Gallery | Missing:
    """Show the wrong predictions that the network was surest of."""
    seed = f"seed {run.result.seed}"
    title = f"Most confident mistakes, {label}, {seed}"
    found = predictions_of(run)
    if isinstance(found, str):
        return Missing(key, title, found)
    if found.task.name not in ("classification", "binary"):
        return Missing(key, title, f"it is shown for classes, and the data are for {found.task.name}")
    if found.probabilities is None:
        return Missing(key, title, found.meaning)
    samples = _samples(run, found, data_dir)
    if isinstance(samples, str):
        return Missing(key, title, samples)
    shares = of_both(found.probabilities) if found.task.name == "binary" else found.probabilities
    predicted, sure = shares.argmax(axis=1), shares.max(axis=1)
    wrong = np.flatnonzero(predicted != found.labels)
    if not len(wrong):
        return Missing(key, title, f"all {len(found.labels):,} {found.part} predictions are right")
    order = wrong[np.lexsort((wrong, -sure[wrong]))][:MOST_MISTAKES]
    names = class_names(run.result.spec, shares.shape[1])
    rows: list[tuple[TableCell, ...]] = []
    pictures = []
    for index in order:
        true, taken, share = names[found.labels[index]], names[predicted[index]], float(sure[index])
        rows.append((int(index), true, taken, share))
        caption = f"{true}, taken for {taken}, {100 * share:.0f} %"
        pictures.append(Picture(png(samples(int(index))), caption, f"{found.part} sample {index}: {caption}"))
    says = (
        f"{len(wrong):,} of {len(found.labels):,} {found.part} predictions of {seed} are wrong; these {len(order)} it "
        "was surest of. Under each: its true class, what it was taken for, and with which probability."
    )
    columns = (Column("sample", "count"), Column("true class"), Column("taken for"), Column("probability", "percent"))
    return Gallery(key, title, says, tuple(pictures), Table(columns, tuple(rows)))


def _samples(run: KnownRun, found: Predictions, data_dir: Path | None) -> Any:
    """Give the function from a row of the predictions to its image, or the reason why there are no images."""
    from archsearch.data.prepare import is_here, load  # with torch, which a report without images does without
    from archsearch.data.split import divide

    try:
        spec = ExperimentSpec.model_validate(run.result.spec)
        if not is_here(spec.data, data_dir=data_dir):
            return f"the data set {spec.data.name} is not in the data folder (archsearch data get {spec.data.name})"
        dataset = load(spec.data, data_dir=data_dir)
    except (ArchsearchError, ValidationError) as error:
        return f"the data set cannot be read: {str(error).splitlines()[0]}"
    if dataset.fingerprint != run.result.data_fingerprint:
        return "the data set in the data folder is not the one that the run was made with"
    if len(dataset.facts.shape) != 3 or dataset.facts.shape[0] not in (1, 3):
        return f"samples of {dataset.facts.shape} are no images"
    if found.part == "test":
        return lambda index: dataset.x_test[index].numpy()
    _, rows = divide(spec.data, dataset.facts, dataset.y_train, *split_seeds(run.result.seed), dataset.groups_train)
    return lambda index: dataset.x_train[int(rows[index])].numpy()


# -- filters -----------------------------------------------------------------------------------------------------------


def filters_gallery(key: str, label: str, run: KnownRun) -> Gallery | Missing:
    """Show the weights of the first layer, where they look at an image."""
    seed = f"seed {run.result.seed}"
    title = f"First-layer filters, {label}, {seed}"
    path = run.file("model.safetensors")
    if isinstance(path, str):
        return Missing(key, title, path)
    try:
        plan = plan_experiment(ExperimentSpec.model_validate(run.result.spec))
        first = next(row for row in plan.network.walk() if row.layer.weighted)
        weights = load_file(path)[f"{first.name}.weight"]
    except (ArchsearchError, ValidationError, SafetensorError, KeyError, StopIteration, OSError) as error:
        return Missing(key, title, f"the first layer's weights cannot be read: {str(error).splitlines()[0]}")
    shape = plan.network.input_shape
    if weights.ndim == 2 and len(shape) == 3 and weights.shape[1] == np.prod(shape):
        weights = weights.reshape(len(weights), *shape)
    if weights.ndim != 4 or weights.shape[1] not in (1, 3) or min(weights.shape[2:]) < 2:
        return Missing(key, title, f"weights of {tuple(weights.shape)} are no pictures")
    return _filters(key, title, first.name, weights)


def _filters(key: str, title: str, layer: str, weights: NDArray[Any]) -> Gallery:
    shown = weights[:MOST_FILTERS]
    colours = weights.shape[1] == 3
    reach = float(np.abs(weights).max()) or 1.0
    pictures, rows = [], []
    for number, one in enumerate(shown):
        image = _stretched(one) if colours else _signed(one[0], reach)
        caption = f"filter {number + 1}"
        low, high, size = float(one.min()), float(one.max()), float(np.sqrt(np.square(one).sum()))
        rows.append((number + 1, low, high, size))
        pictures.append(Picture(png(image), caption, f"{caption}: weights from {low:.2g} to {high:.2g}"))
    how = (
        "red, green and blue weights as colours, each filter stretched to its own range"
        if colours
        else f"blue below zero, orange above, white zero; full colour is {reach:.2g}"
    )
    some = f"The first {len(shown)} of {len(weights)}" if len(shown) < len(weights) else f"All {len(weights)}"
    says = f"{some} filters of {layer}, {weights.shape[2]}x{weights.shape[3]} each: {how}."
    columns = (
        Column("filter", "count"),
        Column("lowest", "number"),
        Column("highest", "number"),
        Column("norm", "number"),
    )
    return Gallery(key, title, says, tuple(pictures), Table(columns, tuple(rows)))


def _signed(weights: NDArray[Any], reach: float) -> Bytes:
    """Colour weights: white is zero, blue below, orange above."""
    share = np.clip(np.abs(weights) / reach, 0, 1)[..., None]
    ends = np.where(weights[..., None] < 0, _BLUE, _ORANGE)
    coloured: Bytes = np.moveaxis(255 + share * (ends - 255), -1, 0).round().astype(np.uint8)
    return coloured


def _stretched(weights: NDArray[Any]) -> Bytes:
    low, high = weights.min(), weights.max()
    stretched: Bytes = (255 * (weights - low) / ((high - low) or 1.0)).round().astype(np.uint8)
    return stretched


# -- writing them down -------------------------------------------------------------------------------------------------


def png(image: NDArray[Any]) -> bytes:
    """Write an image (1 or 3, height, width), uint8 or floats, as PNG; floats are stretched to their range."""
    from PIL import Image

    pixels = image if image.dtype == np.uint8 else _stretched(image)
    grey = len(pixels) == 1
    made = Image.fromarray(
        np.ascontiguousarray(pixels[0] if grey else np.moveaxis(pixels, 0, -1)), "L" if grey else "RGB"
    )
    if max(made.size) > LARGEST:
        made.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    made.save(file, "PNG", optimize=True)
    return file.getvalue()
