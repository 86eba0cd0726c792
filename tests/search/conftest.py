"""Studies small enough to look at every network of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archsearch.experiment_plan import load_spec
from archsearch.search.search_file import SearchFile, stored_study

HEAD = """\
base: digits_quickstart
objective: {maximize: val_accuracy}
"""

SMALL = """\
space: {activation: {choice: [relu, tanh]}}
network:
  - repeat:
      name: conv
      times: {int: [1, 2]}
      layers:
        - conv2d: {out_channels: {int: [2, 4]}, kernel_size: {choice: [3, 5]}}
        - $activation
        - choice: {avg: {avg_pool2d: {kernel_size: 2, stride: {choice: [1, 2]}}}, none: identity}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 2}
"""


@pytest.fixture(scope="session")
def make_study() -> Callable[..., SearchFile]:
    """Make a study of the embedded digits from the YAML of its open part."""
    base = load_spec("digits_quickstart", ["data.limit=20", "data.validation=40", "train.device=cpu"])

    def make(text: str = SMALL, head: str = HEAD) -> SearchFile:
        return stored_study(head + text, "small", base.model_dump(mode="json"))

    return make
