"""How a script gets its data: from scikit-learn, from torchvision, or from a file of prepared arrays beside it.

    lines = loading(plan, copied, None)           # defines load_data()

The values are those that a run reads, so that a script's numbers are a run's.
"""

from __future__ import annotations

from archsearch.data.facts import contents
from archsearch.data.registry import DATASETS, Downloaded, Embedded
from archsearch.data.samples import every_fifth, first_per_class
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.calls import written_value
from archsearch.export.copied import Copied
from archsearch.spec.dataset import DataSpec


def comes_by_itself(data: DataSpec) -> bool:
    """_Say whether a script can get the data set by its name; your own data, and a fold, go along as a file."""
    return data.name in DATASETS and data.fold is None


def loading(plan: ExperimentPlan, copied: Copied, data_file: str | None) -> list[str]:
    """Give the lines of `load_data`; raise `UsageError` for your own data without a file of prepared arrays."""
    data = plan.spec.data
    as_floats = ".to(torch.float32).div_(255)" if contents(data).dtype == "uint8" else ""
    begins = [
        "def load_data() -> tuple[Tensor, Tensor, Tensor, Tensor]:",
        '    """Give x and y to train on, and x and y to test on; x is float32, y int64."""',
    ]
    if data_file is not None:
        copied.imports["np"] = "import numpy as np"
        copied.imports["Path"] = "from pathlib import Path"
        return [
            *begins,
            f"    with np.load(Path(__file__).with_name({written_value(data_file)})) as file:",
            '        keys = ("x_train", "y_train", "x_test", "y_test")',
            "        x, y, x_test, y_test = (torch.from_numpy(file[key]) for key in keys)",
            f"    return x{as_floats}, y, x_test{as_floats}, y_test",
        ]
    source = DATASETS.get(data.name)
    if source is None or data.fold is not None:
        raise UsageError(f"a script on your own data ({data.name}) reads a file of prepared arrays, and there is none")
    y = "torch.tensor(labels)" if isinstance(source, Downloaded) else "y"
    limited = []
    if data.limit is not None and plan.facts.task.groups == 1:
        limited, y = [f"        x, y = x[:{data.limit}], {y}[:{data.limit}]"], "y"
    elif data.limit is not None:
        copied.definition(first_per_class)
        limited = [f"        rows = first_per_class({y}, {data.limit})", f"        x, y = x[rows], {y}[rows]"]
        y = "y"
    return [
        *begins,
        "    arrays = []",
        *(_torchvision(source, copied) if isinstance(source, Downloaded) else _library(source, plan, copied)),
        *limited,
        *_fitted(plan, copied, source.contents.shape),
        f"        arrays += [x{as_floats}, {y}]",
        "    return tuple(arrays)",
    ]


def _torchvision(source: Downloaded, copied: Copied) -> list[str]:
    copied.imports["datasets"] = "from torchvision import datasets"
    copied.imports["functional"] = "from torchvision.transforms.v2 import functional"
    parts = ", ".join(
        "{" + ", ".join(f"{written_value(key)}: {written_value(value)}" for key, value in arguments.items()) + "}"
        for arguments in (source.train_arguments, source.test_arguments)
    )
    upright = ".transpose(2, 3)" if source.transposed else ""
    return [
        f"    for part in ({parts}):",
        f'        images, labels = zip(*datasets.{source.torchvision}("data", download=True, **part))',
        f"        x = torch.stack([functional.pil_to_tensor(image) for image in images]){upright}",
    ]


def _library(source: Embedded, plan: ExperimentPlan, copied: Copied) -> list[str]:
    """Write how scikit-learn's data are read, whose test part is every fifth sample of each class."""
    copied.imports[source.loader] = f"from sklearn.datasets import {source.loader}"
    copied.definition(every_fifth)
    name = source.loader.removeprefix("load_")
    arguments = ", ".join(f"{key}={written_value(value)}" for key, value in source.arguments.items())
    lines = [f"    {name} = {source.loader}({arguments})"]
    if source.levels:
        x = f"torch.from_numpy({name}.images).to(torch.float32).div({source.levels})[:, None]"
    else:
        x = f"torch.from_numpy({name}.data).to(torch.float32)"
    lines += [f"    every_x = {x}"]
    every = "every_y"
    if plan.facts.task.name == "regression":
        lines += [f"    every_y = torch.from_numpy({name}.target).to(torch.float32)[:, None]"]
        every = "torch.zeros(len(every_y)).long()"
    elif source.labels:
        every = "classes"
        lines += [f"    classes = torch.from_numpy({name}.target).long()"]
        rows = [f"        {written_value(list(row))},  # class {number}" for number, row in enumerate(source.labels)]
        lines += ["    labels = [", *rows, "    ]"]
        lines += ["    every_y = torch.tensor(labels, dtype=torch.uint8)[classes]"]
    else:
        lines += [f"    every_y = torch.from_numpy({name}.target).long()"]
    return [*lines, f"    for rows in every_fifth({every}):", "        x, y = every_x[rows], every_y[rows]"]


def _fitted(plan: ExperimentPlan, copied: Copied, shape: tuple[int, ...]) -> list[str]:
    """Write what makes images grey and brings them to a size."""
    data, lines = plan.spec.data, []
    if data.grayscale:
        lines += ["        x = functional.rgb_to_grayscale(x, num_output_channels=1)"]
    if data.size is not None and tuple(data.size) != shape[-2:]:
        lines += [f"        x = functional.resize(x, {list(data.size)!r}, antialias=True)"]
    if lines:
        copied.imports["functional"] = "from torchvision.transforms.v2 import functional"
    return lines
