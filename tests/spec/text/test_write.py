"""Writing a spec as YAML: what is read again is the same spec, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.spec.catalog import read_spec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.write import spec_yaml
from archsearch.spec.text.yaml import read_text

SPECS = sorted((Path(__file__).parents[3] / "specs").glob("*.yaml"))

EVERY_KEY = """\
name: every.key-1
summary: 'Two lines: # no comment,\ta "quote"'
data:
  name: npz
  path: "my data/a: b.npz"
  size: [8, 12]
  grayscale: true
  normalize: true
  validation: 0.25
  limit: 300
  augment: [shift, {rotate: {degrees: 5}}, {flip: {direction: vertical}}, {crop: {padding: 2}}]
network:
  - conv2d: {name: first, out_channels: 4, kernel_size: [3, 5], padding: same, bias: false}
  - batch_norm2d
  - leaky_relu: {negative_slope: 1e-3}
  - residual:
      name: stage
      layers:
        - conv2d: {out_channels: 4, kernel_size: 3, padding: same}
        - sequential: {layers: [tanh, relu]}
  - residual: {layers: [tanh], shortcut: [conv2d: {out_channels: 4, kernel_size: 1}, batch_norm2d]}
  - residual:
      layers: [conv2d: {out_channels: 9, kernel_size: 3, padding: same, bias: false}, {batch_norm2d: {momentum: 0.2}}]
      shortcut: [conv2d: {out_channels: 9, kernel_size: 1, bias: false}, {batch_norm2d: {momentum: 0.2}}]
  - parallel: {branches: [[tanh], none, []]}
  - parallel:
      branches:
        - none
        - [conv2d: {out_channels: 9, kernel_size: 3, padding: same, bias: false}, batch_norm2d: {momentum: 0.2}]
        - []
  - flatten
  - dropout: {p: 0.25}
  - linear: {out_features: classes}
train:
  epochs: 30
  batch_size: 64
  optimizer: {adamw: {lr: 1e-5, betas: [0.8, 0.99], weight_decay: 0.1}}
  schedule: {cosine: {final_fraction: 0.1, warmup_epochs: 2}}
  loss: {cross_entropy: {label_smoothing: 0.1}}
  clip_grad_norm: 1.5
  early_stopping: {monitor: val_loss, patience: 3, min_delta: 0.001}
  device: cpu
  precision: bf16
  engine: torch
documented: {test_accuracy: 0.5}
expect: {parameters: 12, macs: 0}
source: "'A: paper', 1998"
departures: [one, "two: [a]", ""]
lint: {A001: "the write-up has it: so be it", A007: 'no'}
"""


def again(spec: ExperimentSpec) -> ExperimentSpec:
    return ExperimentSpec.model_validate(read_text(spec_yaml(spec, "archsearch run x.yaml"), "again.yaml").plain())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_written_spec_reads_as_the_same(path: Path) -> None:
    spec = read_spec(str(path)).spec
    assert again(spec) == spec


def test_written_spec_keeps_every_key() -> None:
    spec = ExperimentSpec.model_validate(read_text(EVERY_KEY, "s.yaml").plain())
    assert spec.model_fields_set == set(ExperimentSpec.model_fields)  # a new key belongs into the text above
    assert spec.lint == {"A001": "the write-up has it: so be it", "A007": "no"}
    assert again(spec) == spec


@pytest.mark.parametrize("word", ["NULL", "nUll", "TRUE", "~", "", "12", "1e-3", "Ä\U0001f600\x85\u2028\x7f\n\r\\"])
def test_written_text_stays_a_text(word: str) -> None:
    spec = ExperimentSpec.model_validate(read_text(EVERY_KEY, "s.yaml").plain())
    spec = spec.model_copy(update={"summary": word, "source": word, "departures": (word,)})
    assert again(spec) == spec


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=200, deadline=None)
def test_written_text_stays_a_text_whatever_it_holds(text: str) -> None:
    spec = ExperimentSpec.model_validate(read_text(EVERY_KEY, "s.yaml").plain())
    spec = spec.model_copy(update={"source": text})
    assert again(spec).source == text
