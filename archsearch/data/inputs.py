"""What a network reads and what its outputs are called: kept beside its weights, which are then of use without data.

    inputs = Inputs.of(plan.spec.data, dataset, *mean_and_deviation(dataset.x_train, rows))
    read = inputs.reader()
    read(dataset.x_test[:8])                  # stored samples, uint8 or float32 -> what the network reads

Knows samples and their values, no network and no run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from pydantic import SerializerFunctionWrapHandler, model_serializer
from torch import Tensor

from archsearch.data import npz
from archsearch.data.facts import contents
from archsearch.data.own import arrays_file, table_of
from archsearch.data.prepare import Dataset, to_float
from archsearch.data.table.columns import FeatureColumn
from archsearch.plain import Plain
from archsearch.spec.dataset import DataSpec
from archsearch.task import TASKS, Task

if TYPE_CHECKING:
    from archsearch.data.facts import DataFacts

_ROWS_AT_ONCE = 1000

Scaled = tuple[int, float, float]  # a column of the source, and the mean and deviation that it was stored less and over


class Inputs(Plain):
    """The samples of a training as its network read them.

    `shape` is that of one sample; `stored` its type: uint8 means value / 255. `mean` and `deviation` are those of the
    training samples, a value for each channel (flat data: for each feature), None where nothing is normalised.
    `scaled` are columns of float64 arrays that were standardised before they became float32 (`precision.py`), `columns`
    those of a table with how their cells become features.
    `target_mean` and `target_deviation` are those that targets were trained on less and over, one for each output, None
    where they were not; `link` says what else makes predictions of what the network gives (`LossBase.link`).
    """

    shape: tuple[int, ...]
    stored: Literal["uint8", "float32"]
    task: str
    outputs: int
    class_names: tuple[str, ...]
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    scaled: tuple[Scaled, ...] = ()
    columns: tuple[FeatureColumn, ...] = ()
    target_mean: tuple[float, ...] | None = None
    target_deviation: tuple[float, ...] | None = None
    link: Literal["", "exp"] = ""

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is younger than the first files and not set: these stay the same bytes."""
        return {key: value for key, value in write(self).items() if value or key not in _YOUNGER}

    @classmethod
    def of(
        cls,
        spec: DataSpec,
        data: Dataset,
        mean: Tensor | None = None,
        deviation: Tensor | None = None,
        *,
        targets: tuple[Tensor, Tensor] | None = None,
        link: Literal["", "exp"] = "",
    ) -> Self:
        """Describe loaded data; `mean` and `deviation` as `mean_and_deviation` gives them, and those of `targets`."""
        facts: DataFacts = data.facts
        return cls(
            shape=tuple(facts.shape),
            stored="uint8" if data.x_train.dtype == torch.uint8 else "float32",
            task=facts.task.name,
            outputs=facts.task.outputs,
            class_names=tuple(facts.class_names),
            mean=None if mean is None else tuple(mean.flatten().tolist()),
            deviation=None if deviation is None else tuple(deviation.flatten().tolist()),
            scaled=_scaled(spec),
            columns=columns_of(spec),
            target_mean=None if targets is None else tuple(targets[0].flatten().tolist()),
            target_deviation=None if targets is None else tuple(targets[1].flatten().tolist()),
            link=link,
        )

    def what(self) -> Task:
        """Give the task."""
        return TASKS[self.task](self.outputs)

    def reader(
        self, device: str | torch.device = "cpu", layout: torch.memory_format = torch.contiguous_format
    ) -> Callable[[Tensor], Tensor]:
        """Give the function from stored samples (N, *shape) to float32 on the device: normalised if asked for."""
        format_ = layout if len(self.shape) == 3 else torch.contiguous_format
        mean, deviation = (self._along_channels(values, device) for values in (self.mean, self.deviation))

        def read(x: Tensor) -> Tensor:
            x = to_float(x)
            if mean is not None and deviation is not None:
                x = (x - mean) / deviation
            return x.contiguous(memory_format=format_)

        return read

    def scale_targets(self, y: Tensor) -> Tensor:
        """Give targets (N, outputs) as they are trained on."""
        if self.target_mean is None or self.target_deviation is None:
            return y
        return (y - _row(self.target_mean, y)) / _row(self.target_deviation, y)

    def restore(self, outputs: Tensor) -> Tensor:
        """Give what a network gives (N, outputs) in the unit of the targets."""
        if self.target_mean is not None and self.target_deviation is not None:
            outputs = outputs * _row(self.target_deviation, outputs) + _row(self.target_mean, outputs)
        return outputs.exp() if self.link == "exp" else outputs

    def _along_channels(self, values: tuple[float, ...] | None, device: str | torch.device) -> Tensor | None:
        if values is None:
            return None
        return torch.tensor(values, device=device).reshape(1, -1, *[1] * (len(self.shape) - 1))


def columns_of(spec: DataSpec) -> tuple[FeatureColumn, ...]:
    """Give the columns of a table that are features, nothing for other data."""
    found = table_of(spec)
    return () if found is None else found[1].columns


_YOUNGER = frozenset({"target_mean", "target_deviation", "link", "columns"})


def _row(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device)


def _scaled(spec: DataSpec) -> tuple[Scaled, ...]:
    if not spec.normalize or not (file := arrays_file(spec)) or not contents(spec).wide:
        return ()
    return npz.scales(file, spec.channels)


def mean_and_deviation(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation per channel (flat data: per feature) over rows of x, float64 sums.

    Both have the shape (1, C, 1, ...) and are float32; a value that never changes has the deviation 1.
    """
    total = squares = None
    count = 0
    for some in torch.split(rows, _ROWS_AT_ONCE):
        part = to_float(x[some]).to(torch.float64 if x.device.type != "mps" else torch.float32)
        over = (0, *range(2, part.dim()))
        total = part.sum(over, keepdim=True) + (0 if total is None else total)
        squares = part.square().sum(over, keepdim=True) + (0 if squares is None else squares)
        count += part.numel() // part.shape[1]
    assert total is not None
    assert squares is not None
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    deviation[deviation == 0] = 1.0  # a value that never changes stays what it is
    return mean.float(), deviation.float()
