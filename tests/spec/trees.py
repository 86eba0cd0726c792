"""Small specs as text, for tests that need a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archsearch.spec.catalog import LoadedSpec, read_spec
from archsearch.spec.experiment import ExperimentSpec

TINY = """\
name: tiny
data: {name: mnist}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - tanh
  - max_pool2d: {kernel_size: 2}
  - conv2d: {out_channels: 8, kernel_size: 3}
  - tanh
  - flatten
  - linear: {out_features: 20}
  - tanh
  - linear: {out_features: classes}
train:
  epochs: 2
  optimizer: {adam: {lr: 1e-3}}
"""

BLOCKS = """\
data: {name: mnist}
network:
  - residual:
      name: stage
      layers:
        - conv2d: {out_channels: 1, kernel_size: 3, padding: same}
        - sequential: {layers: [tanh, relu]}
  - sequential: {layers: [tanh]}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1}
"""


def read(folder: Path, text: str, overrides: Sequence[str] = (), name: str = "s.yaml") -> LoadedSpec:
    """Write a spec into a folder and read it."""
    (folder / name).write_text(text, encoding="utf-8")
    return read_spec(str(folder / name), overrides)


def variant(folder: Path, edits: str, parent: str = TINY) -> LoadedSpec:
    """Read a variant of a spec; `edits` is the YAML list, from line 4 on."""
    (folder / "parent.yaml").write_text(parent, encoding="utf-8")
    return read(folder, f"name: child\nextends: parent\nedits:\n{edits}\n", name="child.yaml")


def words(spec: ExperimentSpec) -> list[str]:
    """Write each layer in a word with its first number: conv2d 4, tanh, ..."""
    out = []
    for layer in spec.network:
        number = getattr(layer, "out_channels", getattr(layer, "out_features", None))
        out.append(layer.kind if number is None else f"{layer.kind} {number}")
    return out
