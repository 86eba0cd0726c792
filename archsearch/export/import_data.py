"""Which data an imported network is described on: a spec needs their shape and their classes.

    data_named("cifar10", (3, 64, 64))       # DataSpec(name="cifar10", size=(64, 64))
    data_that_fit((1, 28, 28))               # every data set with a name that can be made so, of one shape the first

Images are resized or made grey where the input asks for it, by the options that every spec has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from archsearch.data.facts import describe
from archsearch.data.registry import DATASETS
from archsearch.errors import SpecError
from archsearch.files import expanded
from archsearch.spec.dataset import DataSpec
from archsearch.spec.layers import Shape, size_text
from archsearch.task import Task


@dataclass(frozen=True, slots=True)
class Suited:
    """Data for a network: `shape` is what the data give, `flat` that the network wants it in one row."""

    data: DataSpec
    shape: Shape
    task: Task
    flat: bool = False

    @property
    def outputs(self) -> int:
        """How many values the network gives for a sample."""
        return self.task.outputs

    @property
    def input_shape(self) -> Shape:
        """What the network reads."""
        return (math.prod(self.shape),) if self.flat else self.shape


def data_named(name: str, wanted: Shape | None = None) -> Suited:
    """Give the data of this name (or of this .npz file or folder of images), made to the input that is wanted.

    Raises `SpecError` where there are none, or they cannot be made so.
    """
    spec = _spec(name)
    facts = describe(spec)
    if wanted is None or wanted == facts.shape:
        return Suited(spec, facts.shape, facts.task)
    if len(wanted) == 1 and wanted[0] == math.prod(facts.shape):
        return Suited(spec, facts.shape, facts.task, flat=True)
    if len(wanted) == len(facts.shape) == 3 and wanted[0] in (facts.shape[0], 1) and facts.shape[0] in (1, 3):
        changes: dict[str, object] = {"grayscale": wanted[0] != facts.shape[0]}
        if wanted[1:] != facts.shape[1:]:
            changes["size"] = wanted[1:]
        spec = spec.model_copy(update=changes)
        return Suited(spec, describe(spec).shape, facts.task)
    raise SpecError(
        f"{name} gives {size_text(facts.shape)}, which cannot be made an input of {size_text(wanted)}: images change "
        "their size, and colour becomes grey, nothing else. Use other --data, or another --input."
    )


def data_that_fit(wanted: Shape | None) -> Iterator[Suited]:
    """Give the data sets of classes with a name, in their order, that can be made such an input; one of each shape.

    Without a wish as they are, and then in one row.
    """
    seen: dict[tuple[Shape, int], Suited] = {}
    for name in DATASETS:
        try:
            one = data_named(name, wanted)
        except SpecError:
            continue
        if one.task.name == "classification":  # what a network without a word about its data is for, mostly
            seen.setdefault((one.shape, one.outputs), one)
    yield from seen.values()
    if wanted is None:
        yield from (replace(one, flat=True) for one in seen.values() if len(one.shape) > 1)


def _spec(name: str) -> DataSpec:
    path = expanded(name)
    if name in DATASETS or not (path.suffix == ".npz" or path.is_dir()):
        return DataSpec(name=name)
    return DataSpec(name="npz" if path.suffix == ".npz" else "folder", path=str(path.absolute()))
