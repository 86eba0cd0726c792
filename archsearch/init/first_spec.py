"""A network for data of one's own: small, sensible for their size and number of classes, written with comments.

    spec = first_spec("folder", Path("images"), "images", Path("."))     # of images; "npz" of arrays, "table" of rows
    text = first_spec_text(spec, "images")

It is planned before it is given, so that it fits and trains; must not import torch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from archsearch.data import folder as folder_data
from archsearch.data.facts import DataFacts
from archsearch.data.images import height_and_width, look
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.init.first_table import table_options
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.lint.rules import lint
from archsearch.spec.text.write import flow, spec_yaml

LARGEST_SIDE = 64  # pixels: what a small network on a CPU trains on within minutes
_WIDTHS = (16, 32, 64, 64)
_STEPS = 1000  # of the optimiser, about: a first look at a small network, minutes on a CPU
_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class FirstSpec:
    """A spec with its plan, and what was decided for the person, a sentence each."""

    spec: ExperimentSpec
    plan: ExperimentPlan
    said: tuple[str, ...]


def first_spec(source: Literal["folder", "npz", "table"], path: Path, name: str, beside: Path) -> FirstSpec:
    """Make a spec for a folder of images, a file of arrays or a table, with the path as a file in `beside` says it.

    Raises `SpecError` and `DamagedFileError` as reading the data does.
    """
    data: dict[str, Any] = {"name": source, "path": str(path.absolute())}
    said: list[str] = []
    if source == "folder":
        for key, value, why in _image_options(path):
            data[key] = value
            said.append(why)
    if source == "table":
        options, said = table_options(path)
        data |= options
    plan = _plan(data, name)
    for finding in lint(plan.spec, plan.network, task=plan.facts.task.name).findings:
        if finding.code == "A013":  # channels last
            data["channels"] = "last"
            said.append("channels: last, because the last axis is the shortest; take it out if that is wrong")
            plan = _plan(data, name)
    where = os.path.relpath(path.absolute(), beside.absolute())
    spec = plan.spec.model_copy(update={"data": plan.spec.data.model_copy(update={"path": Path(where).as_posix()})})
    if plan.facts.validation:  # the data bring their own: said by silence
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"validation": 0})})
    return FirstSpec(spec, plan, tuple(said))


def _image_options(path: Path) -> Iterator[tuple[str, Any, str]]:
    """Yield options that the images need: one size for all, grey where only some are."""
    files = [image for image, _ in folder_data.listing(path).images]
    every = max(1, math.ceil(len(files) / _MOST_LOOKED_AT))
    seen = files[::every]
    sizes = [height_and_width(file) for file in seen]
    one = len(set(sizes)) == 1
    if not one or max(sizes[0]) > LARGEST_SIDE:
        size = _size(sizes)
        was = (
            f"all are {sizes[0][0]}x{sizes[0][1]}"
            if one
            else f"they are from {_text(min(sizes))} to {_text(max(sizes))}"
        )
        yield "size", size, f"size: {flow(list(size))}, because {was}; a larger size keeps more detail and takes longer"
    grey = [look(file).grey for file in seen]
    if grey[0] and not all(grey):
        yield "grayscale", True, f"grayscale, because {sum(grey)} of {len(grey)} images are grey"


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _size(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """Choose height and width: of the middle image, no side longer than LARGEST_SIDE, multiples of 8."""
    heights, widths = sorted(size[0] for size in sizes), sorted(size[1] for size in sizes)
    height, width = heights[len(sizes) // 2], widths[len(sizes) // 2]
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    fitted = [max(8, round(side * scale / 8) * 8) for side in (height, width)]
    return fitted[0], fitted[1]


def _plan(data: dict[str, Any], name: str) -> ExperimentPlan:
    """Plan a spec on data: the facts first, by a network of one layer, then the network for them."""
    facts = plan_experiment(
        _spec(data, name, ["flatten", {"linear": {"out_features": "classes"}}], {"epochs": 1})
    ).facts
    samples = facts.train - facts.validation
    if not facts.validation and samples >= 50:
        data = {**data, "validation": 0.1}
        samples = samples - round(0.1 * samples)
    if len(facts.shape) < 3 and "normalize" not in data:
        data = {**data, "normalize": True}
    if facts.task.name == "regression":
        data = {**data, "normalize_targets": True}
    return plan_experiment(_spec(data, name, layers_for(facts.shape), training_for(samples)))


def _spec(data: dict[str, Any], name: str, network: list[Any], train: dict[str, Any]) -> ExperimentSpec:
    DataSpec.model_validate(data)
    return ExperimentSpec.model_validate({"name": name, "data": data, "network": network, "train": train})


def layers_for(shape: tuple[int, ...]) -> list[Any]:
    """Give the layers for samples of a shape (channels first): convolutions while there is room, or two linear layers.

    >>> layers_for((20,))
    [{'linear': {'out_features': 64}}, 'relu', {'linear': {'out_features': 'classes'}}]
    """
    last = {"linear": {"out_features": "classes"}}
    axes = len(shape) - 1
    if axes not in (1, 2) or min(shape[1:]) < 4:
        flat: list[Any] = ["flatten"] if axes else []
        return [*flat, {"linear": {"out_features": 64}}, "relu", last]
    layers: list[Any] = []
    sides, stages = list(shape[1:]), max(1, min(3, int(math.log2(min(shape[1:]) / 4))))
    for stage in range(stages + 1):
        kernel = {"out_channels": _WIDTHS[stage], "kernel_size": 3, "padding": "same", "bias": False}
        layers += [{f"conv{axes}d": kernel}, f"batch_norm{axes}d", "relu"]
        if stage < stages and min(sides) >= 4:
            layers.append({f"max_pool{axes}d": {"kernel_size": 2}})
            sides = [side // 2 for side in sides]
    return [*layers, {f"adaptive_avg_pool{axes}d": {"output_size": 1}}, "flatten", last]


def training_for(samples: int) -> dict[str, Any]:
    """Give the training for a number of samples: about 1,000 steps, in 5 to 40 epochs."""
    batch = next((size for size in (128, 64, 32, 16) if samples >= 10 * size), 8)
    while batch > 2 and samples % batch == 1:  # a last batch of one sample cannot be normalised
        batch -= 1
    epochs = min(40, max(5, round(_STEPS * batch / max(samples, 1))))
    return {"epochs": epochs, "batch_size": batch, "optimizer": {"adam": {"lr": 3e-3}}, "schedule": "cosine"}


def samples_text(facts: DataFacts) -> str:
    """Say what the data are: `3 classes, 30 training, 9 validation and 12 test samples of 3x24x24`."""
    held_out = f", {facts.validation:,} validation" if facts.validation else ""
    return (
        f"{facts.task.said}, {facts.train - facts.validation:,} training{held_out} and "
        f"{facts.test:,} test samples of {'x'.join(map(str, facts.shape))}"
    )


def first_spec_text(first: FirstSpec, name: str) -> str:
    """Write a spec with comments: how to run it, what was decided, what to try next."""
    facts, plan = first.plan.facts, first.plan.network
    text = spec_yaml(first.spec, f"archsearch run {name}.yaml")
    text = text.replace("{out_features: classes}", f"{{out_features: {facts.task.width}}}")  # one width, in other words
    comments = [
        f"# {samples_text(facts)}; {plan.parameters:,} parameters",
        *(f"# {sentence}" for sentence in first.said),
    ]
    if len(facts.shape) == 3:
        comments.append(
            "# to try, in data: augment: [flip, {shift: {pixels: 2}}]   (no flip where left and right differ)"
        )
    head, rest = text.split("\n", 1)
    return "\n".join([head, *comments, rest])
