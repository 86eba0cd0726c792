"""Every classification model of torchvision: imported with equal parameters and outputs, or a true sentence why not.

python -m tests.export.test_import_torchvision > table.md      # the table of docs/import.md: all of them, minutes
"""

from __future__ import annotations

import gc
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import torchvision

from archsearch.errors import SpecError
from archsearch.export.import_network import import_network
from archsearch.export.import_source import ModuleSource, module_from_torchvision
from archsearch.spec.network import Limits

NAMES = torchvision.models.list_models(module=torchvision.models)
NO_LIMITS = Limits(parameters=10**10, activation_bytes=2**60, layers=10**5)
LARGEST = 150_000_000  # parameters: both networks and what they compute fit into a few GB
PAGE = Path(__file__).parents[2] / "docs" / "import.md"
# What a model is built with, where the usual form has something that the language lacks.
WITHOUT_AUXILIARY = {"googlenet": {"aux_logits": False}, "inception_v3": {"aux_logits": False}}
SMALL = ("alexnet", "squeezenet1_1", "mobilenet_v2", "mnasnet0_5", "regnet_y_400mf", "shufflenet_v2_x0_5")


@dataclass(frozen=True)
class Tried:
    """What came of a model: parameters and largest difference, or the sentence; `how` it was imported."""

    name: str
    how: str
    parameters: int = 0
    difference: float = 0.0
    sentence: str = ""

    @property
    def row(self) -> str:
        if self.sentence:
            return f"| {self.name} | refused | {self.sentence} |"
        equal = f" to {self.difference:.0e}" if self.difference else ""
        return f"| {self.name} | {self.how} | {self.parameters:,} parameters, outputs equal{equal} |"


def source(name: str) -> ModuleSource:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return module_from_torchvision(name, {"num_classes": 10, **WITHOUT_AUXILIARY.get(name, {})})


def side(name: str) -> int:
    """Pixels of the smallest images, in 32s, that the model is for."""
    fixed = {"inception_v3": 299, "alexnet": 64, "maxvit_t": 224}
    return 224 if name.startswith(("vit", "swin")) else fixed.get(name, 64)


def tried(name: str) -> Tried:
    """Import one: as it is, and where training alone stands in the way, as it is evaluated."""
    made = source(name)
    size = side(name)
    parameters = sum(p.numel() for p in made.module.parameters())
    how = "imported"
    if name in WITHOUT_AUXILIARY:
        how += ", `--arg aux_logits=false`"
    try:
        try:
            found = import_network(made, data="cifar10", input_shape=(3, size, size), limits=NO_LIMITS)
        except SpecError as error:
            if "StochasticDepth" not in str(error):
                raise
            how += ", `--evaluated`"
            found = import_network(made, data="cifar10", input_shape=(3, size, size), limits=NO_LIMITS, evaluated=True)
    except SpecError as error:
        return Tried(name, "refused", sentence=str(error))
    assert found.plan.network.parameters == parameters
    assert found.difference <= 1e-5
    return Tried(name, how, parameters, found.difference)


def rows_of_the_page() -> dict[str, str]:
    rows = re.findall(r"^\| (\w+) \| .*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {name: next(line for line in lines if line.startswith(f"| {name} |")) for name in rows}


def same(one: str, other: str) -> bool:
    """Compare rows but for the difference and the line, which may be others elsewhere."""
    bare = [re.sub(r"equal to \S+|equal|\.py:\d+", "", row) for row in (one, other)]
    return bare[0] == bare[1]


def family(name: str) -> str:
    """resnext50_32x4d -> resnext, efficientnet_v2_s -> efficientnet."""
    return re.split(r"[\d_]", name)[0]


def test_page_has_a_row_for_every_family_and_knows_no_other_model() -> None:
    rows = [name for name in rows_of_the_page() if name != "model"]
    assert set(rows) <= set(NAMES)
    assert {family(name) for name in rows} == {family(name) for name in NAMES}
    assert len({family(name) for name in rows}) >= 12


@pytest.mark.parametrize("name", SMALL)
def test_small_models_are_imported_or_refused_as_the_page_says(name: str) -> None:
    assert same(tried(name).row, rows_of_the_page()[name])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SMALL])
def test_every_model_is_imported_or_refused_as_the_page_says(name: str) -> None:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in source(name).module.parameters())
    if parameters > LARGEST:
        pytest.skip(f"{parameters:,} parameters")
    found, rows = tried(name), rows_of_the_page()
    assert found.sentence or found.parameters == parameters
    if name in rows:
        assert same(found.row, rows[name])
    gc.collect()


if __name__ == "__main__":
    for one in NAMES if len(sys.argv) == 1 else sys.argv[1:]:
        print(tried(one).row, flush=True)
        gc.collect()
