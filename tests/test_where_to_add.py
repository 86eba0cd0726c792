"""CONTRIBUTING's table "where to add a thing" is true: one of each is added to a copy of the package and used.

A thing is a class or a function in one file, and its place in one literal table; whatever needs more has a row of its
own in `ADDED`, and is a fault. The copy is used by its commands, from a folder with nothing but the files below.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import archsearch

PACKAGE = Path(archsearch.__file__).parent

OPTIMIZER = '''\
class Adamax(OptimizerBase):
    """Adamax (Kingma & Ba 2015, section 7.1)."""

    kind: ClassVar[str] = "adamax"
    usual_rate: ClassVar[tuple[float, float]] = (1e-5, 0.1)
    a_usual_rate: ClassVar[float] = 2e-3

    lr: PositiveFloat = Field(default=2e-3, description="Learning rate.", examples=[0.002])

    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters."""
        import torch

        return torch.optim.Adamax(parameters, lr=self.lr)


'''

LOSS = '''\
class LogCosh(LossBase):
    """Squared near the one-hot label, absolute far from it."""

    kind: ClassVar[str] = "log_cosh"
    wants = "like_labels"

    def function(self) -> LossFunction:
        """Give the mean logarithm of the hyperbolic cosine."""
        return lambda outputs, labels: (outputs - as_outputs(outputs, labels)).cosh().log().mean()


'''

SCHEDULE = '''\
class Linear(ScheduleBase):
    """Down to nothing in a straight line."""

    kind: ClassVar[str] = "linear"

    def factor(self, epoch: float, epochs: int) -> float:
        """Give what is left of the way."""
        return 1.0 - epoch / epochs


'''

AUGMENTATION = '''\
class Blank(AugmentationBase):
    """Nothing is left of the image."""

    kind: ClassVar[str] = "blank"

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Give images of zeros."""
        return 0 * x


'''

LAYER = '''\
"""Layers that make maps larger."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from archsearch.plain import Positive
from archsearch.spec.layers.base import LayerBase, Shape, need_rank

if TYPE_CHECKING:
    from torch import nn


class Upsample2d(LayerBase):
    """Each pixel `scale` times in both directions."""

    kind: ClassVar[str] = "upsample2d"
    family: ClassVar[str] = "up"

    scale: Positive = 2

    def output_shape(self, shape: Shape) -> Shape:
        need_rank(shape, 3)
        return (shape[0], shape[1] * self.scale, shape[2] * self.scale)

    def build(self, shape: Shape) -> nn.Module:
        from torch import nn

        return nn.Upsample(scale_factor=self.scale)
'''

DESIGN = '''\
def all_or_nothing(factors: Sequence[Factor]) -> Design:
    """Move all factors at once."""
    whole = _all_moved(factors, "all_or_nothing")
    return Design("all_or_nothing", (BASELINE, whole), (Comparison(whole, BASELINE, "all of it"),))


'''

FIGURE = '''\
"""How many values each cell has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archsearch.report.figures.figure import Column, Table
from archsearch.report.figures.style import layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from archsearch.ablate.record import AblationReport


class ValueCounts(NamedTuple):
    """Values by cell."""

    says: str
    table: Table


def counts_data(report: AblationReport) -> ValueCounts:
    """Count the values of each cell."""
    rows = tuple((cell.name, len(cell.values)) for cell in report.cells)
    return ValueCounts(f"{len(rows)} cells.", Table((Column("cell"), Column("values", "count")), rows))


def draw_counts(data: ValueCounts) -> go.Figure:
    """Draw a bar for each cell."""
    import plotly.graph_objects as go

    figure = go.Figure(layout=layout(x="cell", y="values"))
    figure.add_bar(x=[row[0] for row in data.table.rows], y=[row[1] for row in data.table.rows], name="values")
    return figure
'''

RULE_CHECK = '''\


def one_epoch(subject: Examined) -> Iterator[Found]:
    """Find a training of one epoch."""
    if subject.spec.train.epochs == 1:
        yield Found("one epoch is hardly a training")
'''

RULE = """\
        Rule("A099", "one epoch", "Weights have hardly moved.", "Arithmetic.", checks.one_epoch),
"""

DATA_SET = """\
    "twins": Downloaded(
        title="handwritten digits, each image twice",
        contents=_contents((1, 8, 8), DIGITS, 4, 2),
        torchvision="MNIST",
        layout="idx",
        files=_idx("twins"),
    ),
"""

# thing: (file, what stands before, text); a file that is not there yet is made, and nothing stands before
ADDED = {
    "optimiser": (
        ("spec/optimizers.py", "AnyOptimizer = ", OPTIMIZER),
        ("spec/optimizers.py", "AnyOptimizer = Sgd | Adam | AdamW | RmsProp", " | Adamax"),
    ),
    "schedule": (
        ("spec/schedules.py", "AnySchedule = ", SCHEDULE),
        ("spec/schedules.py", "AnySchedule = Constant | Step | Cosine | OneCycle", " | Linear"),
    ),
    "loss": (
        ("spec/losses.py", "AnyLoss = ", LOSS),
        ("spec/losses.py", "AnyLoss = CrossEntropy | Nll | Mse | L1", " | LogCosh"),
    ),
    "augmentation": (
        ("spec/augmentations.py", "AnyAugmentation = ", AUGMENTATION),
        ("spec/augmentations.py", "AnyAugmentation = Shift | Rotate | Flip | Crop", " | Blank"),
    ),
    "layer": (
        ("spec/layers/upsampling.py", "", LAYER),
        ("spec/layers/__init__.py", "    | Parallel\n", "    | Upsample2d\n"),
        (
            "spec/layers/__init__.py",
            "from archsearch.spec.onekey import OneKey\n",
            "from archsearch.spec.layers.upsampling import Upsample2d\n",
        ),
    ),
    "design": (
        ("ablate/design/designs.py", "def variants(", DESIGN),
        ("ablate/design/designs.py", "] = {\n", '    "all_or_nothing": DesignKind(all_or_nothing),\n'),
    ),
    "figure": (
        ("report/figures/counts.py", "", FIGURE),
        (
            "report/figures/lists.py",
            "ABLATION_FIGURES: tuple[FigureEntry[AblationReport], ...] = (\n",
            '    FigureEntry("counts", "How many values has each cell?", counts.counts_data, counts.draw_counts),\n',
        ),
        ("report/figures/lists.py", "from archsearch.report.figures import (\n", "    counts,\n"),
    ),
    "rule": (
        ("spec/lint/checks.py", "$", RULE_CHECK),
        ("spec/lint/rules.py", "    for rule in (\n", RULE),
    ),
    "data set": (("data/registry.py", "DATASETS: dict[str, DataSource] = {\n", DATA_SET),),
    # metric, task and runner have doors of their own: their rows come with them
}
BEFORE = ("AnyOptimizer = ", "AnySchedule = ", "AnyLoss = ", "AnyAugmentation = ", "def variants(")

SPEC = """\
data: {{name: {data}, limit: 20, normalize: false, augment: [{augment}]}}
network: [{layers}flatten, linear: {{out_features: classes, bias: false}}]
train: {{epochs: 2, batch_size: 50, device: cpu, optimizer: {optimizer}, schedule: {schedule}, loss: {loss}}}
"""
PLAIN = {"data": "digits", "augment": "", "layers": "", "optimizer": "adam", "schedule": "constant", "loss": "mse"}
RUNS = {
    "plain": {},
    "optimiser": {"optimizer": "adamax"},
    "schedule": {"schedule": "linear"},
    "loss": {"loss": "log_cosh"},
    "augmentation": {"augment": "blank", "loss": "cross_entropy"},
    "layer": {"layers": "{upsample2d: {scale: 3}}, "},
    "data set": {"data": "twins"},
}

EXPORTED = ("optimiser", "schedule", "loss", "augmentation", "layer")

ABLATION = """\
baseline: base.yaml
factors:
  rate: {high: [set: {train.optimizer.adam.lr: 0.01}]}
  start: {rising: [set: {train.schedule.constant.warmup_epochs: 1}]}
design: all_or_nothing
seeds: 3
screen: true
"""

# Runs commands one after the other in one process, since most of the time is that of importing torch.
SCRIPT = """\
import contextlib, json, sys
from archsearch.cli import main
for name, arguments in json.loads(sys.argv[1]).items():
    sys.argv = ["archsearch", *arguments]
    code = 0
    with open(f"{name}.out", "w") as out, contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    if code:
        sys.exit(f"{name}: exit code {code}")
"""


def add(package: Path, thing: str) -> None:
    """Add one of a kind of thing to the package, by insertions at places that are there once."""
    for name, place, text in ADDED[thing]:
        path = package / name
        if not place:
            assert not path.exists()
            path.write_text(text, encoding="utf-8")
            continue
        there = path.read_text(encoding="utf-8")
        if place == "$":
            changed = there + text
        else:
            assert there.count(place) == 1, f"{name}: {place!r} stands there {there.count(place)} times"
            changed = there.replace(place, text + place if place in BEFORE else place + text)
        path.write_text(changed, encoding="utf-8")


def use(tmp_path: Path, commands: dict[str, list[str]]) -> dict[str, str]:
    """Run commands of the copy, and give what they print."""
    data = {"PYTHONPATH": str(tmp_path / "copy"), "ARCHSEARCH_DATA": str(tmp_path / "data"), "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        cwd=tmp_path,
        env={**os.environ, **data},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: (tmp_path / f"{name}.out").read_text(encoding="utf-8") for name in commands}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package in which one of each thing is added."""
    ours = shutil.ignore_patterns("__pycache__")
    package = Path(shutil.copytree(PACKAGE, tmp_path / "copy" / "archsearch", ignore=ours))
    for thing in ADDED:
        add(package, thing)
    return package


def write_twins(folder: Path) -> None:
    """Write a data set as MNIST's files are: ten classes, 4 + 2 images of each, dark and light in turn."""
    folder.mkdir(parents=True)
    for part, per_class in (("train", 4), ("t10k", 2)):
        labels = np.repeat(np.arange(10, dtype=np.uint8), per_class)
        images = np.stack([np.full((8, 8), 25 * label, np.uint8) + np.eye(8, dtype=np.uint8) for label in labels])
        for name, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
            (folder / f"{part}-{name}-ubyte").write_bytes(head + values.tobytes())


def trained_by_script(folder: Path, name: str) -> list[float]:
    """Give the losses of an exported training script, run here."""
    script = (folder / f"{name}_train.py").read_text(encoding="utf-8")
    assert "archsearch" not in script
    space: dict[str, Any] = {}
    exec((folder / f"{name}.py").read_text(encoding="utf-8"), space)
    exec(script.replace(f"from {name} import build_model\n", ""), space)
    try:
        return [epoch["train_loss"] for epoch in space["train"](0)[1]]
    finally:
        torch.set_flush_denormal(False)


def test_what_is_added_for_a_run_is_trained_with_and_linted(copy: Path, tmp_path: Path) -> None:
    write_twins(tmp_path / "data" / "twins" / "raw")
    commands = {}
    for name, changed in RUNS.items():
        file = name.replace(" ", "_") + ".yaml"
        (tmp_path / file).write_text(SPEC.format(**PLAIN | changed), encoding="utf-8")
        commands[name] = ["run", file, "--json"]
    for name in EXPORTED:
        commands[f"export {name}"] = ["export", f"{name}.yaml", "--to", "pytorch", "--train"]
    (tmp_path / "short.yaml").write_text(SPEC.format(**PLAIN).replace("epochs: 2", "epochs: 1"), encoding="utf-8")
    printed = use(tmp_path, {**commands, "lint": ["lint", "short.yaml", "--json"], "show": ["show", "layer.yaml"]})
    results = {}
    for name in RUNS:
        folder = tmp_path / json.loads(printed[name])["run_dir"]
        results[name] = json.loads((folder / "result.json").read_text(encoding="utf-8"))["result"]
    losses = {name: [epoch["train_loss"] for epoch in result["history"]] for name, result in results.items()}
    assert all(math.isfinite(value) for values in losses.values() for value in values)
    assert losses["optimiser"] != losses["plain"]
    assert losses["schedule"][0] != losses["plain"][0]  # within the first epoch, too
    assert results["loss"]["environment"]["engine"] == "torch"  # the native engine has no kernel for it
    # without a bias an image of zeros has zeros as its outputs, whatever the weights: ten classes are alike
    assert losses["augmentation"] == pytest.approx([math.log(10)] * 2, rel=1e-6)
    assert results["layer"]["parameters"] == 3 * 8 * 3 * 8 * 10
    assert "1x24x24" in printed["show"]
    assert json.loads(printed["data set"])["status"] == "completed"
    for name in EXPORTED:  # a script of torch alone has them too, and the run's numbers
        assert trained_by_script(tmp_path, name) == pytest.approx(losses[name], rel=1e-4)
    assert "A099" in printed["lint"]


@pytest.mark.slow
def test_what_is_added_for_an_ablation_is_run_and_drawn(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SPEC.format(**PLAIN), encoding="utf-8")
    (tmp_path / "both.yaml").write_text(ABLATION, encoding="utf-8")
    printed = use(
        tmp_path, {"ablate": ["ablate", "both.yaml", "--workers", "1", "--json"], "report": ["report", "both"]}
    )
    report = json.loads(printed["ablate"])
    assert report["design"] == "all_or_nothing"
    assert [cell["name"] for cell in report["cells"]] == ["baseline", "rate=high+start=rising"]
    assert [effect["variant"] for effect in report["effects"]] == ["all of it"]
    (page,) = tmp_path.rglob("*.html")
    assert "How many values has each cell?" in page.read_text(encoding="utf-8")
