"""`values`, `repeat` and computed widths in a plain spec: the same as written out; what is wrong is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsearch.errors import LimitError, SpecError
from archsearch.spec.catalog import read_spec
from tests.spec.trees import BLOCKS, read, variant

HEAD = "data: {name: mnist}\n"
TAIL = "  - flatten\n  - linear: {out_features: classes}\ntrain: {epochs: 1}\n"


def layers(folder: Path, text: str) -> list[Any]:
    spec = read(folder, HEAD + text + TAIL).spec
    written: list[Any] = spec.model_dump(mode="json", exclude_defaults=True)["network"]
    return written[:-2]


def conv(out: int, **more: Any) -> dict[str, Any]:
    return {"conv2d": {**more, "out_channels": out, "kernel_size": 3}}


def test_a_file_that_says_it_shorter_is_the_spec_that_is_written_out(tmp_path: Path) -> None:
    short = """\
values: {w: 8, half: w/2, act: relu, window: {max_pool2d: {kernel_size: 2}}}
network:
  - repeat:
      name: stage
      times: 2
      layers:
        - conv2d: {name: wide, out_channels: 2*w, kernel_size: 3}
        - $act
  - residual:
      layers: [repeat: {times: half - 2, layers: [conv2d: {out_channels: (w + half)/3, kernel_size: [half - 1, 3]}]}]
      shortcut: [conv2d: {out_channels: $half, kernel_size: 1}]
  - parallel: {branches: [[repeat: {times: 1, layers: [tanh]}], [$act]]}
  - $window
"""
    assert layers(tmp_path, short) == [
        conv(16, name="wide1"), "relu", conv(16, name="wide2"), "relu",
        {"residual": {"layers": [conv(4), conv(4)], "shortcut": [{"conv2d": {"out_channels": 4, "kernel_size": 1}}]}},
        {"parallel": {"branches": [["tanh"], ["relu"]]}},
        {"max_pool2d": {"kernel_size": 2}},
    ]  # fmt: skip


def test_a_repeat_in_a_repeat_numbers_names_by_both(tmp_path: Path) -> None:
    inner = "repeat: {times: 2, layers: [conv2d: {name: c, out_channels: 3, kernel_size: 3}]}"
    found = layers(tmp_path, f"network:\n  - repeat: {{times: 2, layers: [{inner}, tanh]}}\n")
    assert [layer if isinstance(layer, str) else layer["conv2d"]["name"] for layer in found] == [
        "c11", "c12", "tanh", "c21", "c22", "tanh"
    ]  # fmt: skip


def test_a_repeat_of_none_is_nothing(tmp_path: Path) -> None:
    assert layers(tmp_path, "network:\n  - tanh\n  - repeat: {times: 0, layers: [relu]}\n") == ["tanh"]


def test_edits_may_insert_what_is_repeated(tmp_path: Path) -> None:
    edits = "  - insert: {after: stage, layers: [repeat: {times: 3, layers: [relu]}]}"
    kinds = [layer.kind for layer in variant(tmp_path, edits, BLOCKS).spec.network]
    assert kinds == ["residual", "relu", "relu", "relu", "sequential", "flatten", "linear"]


WRONG = [
    (
        "values: {w: w/2}\nnetwork:\n  - conv2d: {out_channels: $w, kernel_size: 3}\n",
        ["2:13: values.w: w/2 refers to itself: w -> w"],
    ),
    (
        "values: {a: 2*b, b: a - 1}\nnetwork:\n  - conv2d: {out_channels: 3*a, kernel_size: 3}\n",
        ["2:13: values.a: 2*b refers to itself: a -> b -> a", "2:21: values.b: a - 1 refers to itself: b -> a -> b"],
    ),
    (
        "values: {w: 9}\nnetwork:\n  - conv2d: {out_channels: w/2, kernel_size: 2*v}\n",
        [
            "4:28: w/2 gives 4.5, which is no whole number",
            "4:46: unknown value '$v'; allowed: $w (they stand in `values`)",
        ],
    ),
    (
        "network:\n  - conv2d: {out_channels: 2*w, kernel_size: 3}\n",
        ["3:28: unknown value '$w' (they stand in `values`)"],
    ),
    (
        "values: {w: relu}\nnetwork:\n  - conv2d: {out_channels: 2*w, kernel_size: 3}\n",
        ["4:28: 2*w names w, which is text 'relu', and no whole number"],
    ),
    (
        "values: {w: 2}\nnetwork:\n  - conv2d: {out_channels: 8/(w - 2), kernel_size: 3}\n",
        ["4:28: 8/(w - 2) divides by 0"],
    ),
    ("values: {w: 2}\nnetwork:\n  - tanh\n", ["2:10: values.w is not used; write $w where it is meant"]),
    ("values: 3\nnetwork:\n  - tanh\n", ["2:9: values: expected names with values (w: 32), got 3"]),
    (
        "network:\n  - repeat: {times: 65, layers: [tanh]}\n",
        ["3:21: repeat: times: a whole number from 0 to 64, got 65"],
    ),
    ("network:\n  - repeat: {time: 6, layers: [tanh]}\n", ["3:14: repeat: unknown key 'time'; did you mean 'times'?"]),
    ("network:\n  - repeat: {times: 6}\n", ["3:13: repeat: needs times and layers, a list"]),
    (
        "network:\n  - repeat: {times: 2, layers: [conv2d: {out_channels: 0, kernel_size: 3}]}\n",
        ["3:56: network[1].conv2d.out_channels: must be between 1 and 2147483647, got 0"],
    ),
    (
        "network:\n  - parallel:\n      branches:\n        - [tanh]\n        - null\n",
        ["6:11: a branch without its layers; write [] for the input itself, none for no branch"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problems"), WRONG, ids=[problems[0] for _, problems in WRONG])
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, problems: list[str]) -> None:
    with pytest.raises(SpecError, match=re.escape(problems[0])) as caught:
        read(tmp_path, HEAD + text + TAIL)
    found = [str(problem).replace(f"{tmp_path / 's.yaml'}:", "") for problem in caught.value.problems]
    assert found[: len(problems)] == problems


def test_repeats_of_repeats_stop_at_the_limit_of_every_file(tmp_path: Path) -> None:
    text = "tanh"
    for _ in range(4):
        text = f"repeat: {{times: 64, layers: [{text}]}}"
    with pytest.raises(LimitError, match=r"s\.yaml:4:5: its repeats make more than 50,000 values"):
        read(tmp_path, f"{HEAD}network:\n  - {text}\n{TAIL}")


def test_an_expression_that_is_wrong_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(HEAD + "values: {w: 9}\nnetwork:\n  - conv2d: {out_channels: w/2, kernel_size: 3}\n" + TAIL)
    code = f"""
import sys
from archsearch.errors import SpecError
from archsearch.spec.catalog import read_spec
try:
    read_spec({str(path)!r})
except SpecError as error:
    print(error, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}:4:28: w/2 gives 4.5, which is no whole number False\n"


def test_a_variant_changes_the_layers_that_values_filled_in(tmp_path: Path) -> None:
    parent = HEAD + "values: {w: 8}\nnetwork:\n  - conv2d: {out_channels: 2*w, kernel_size: 3}\n" + TAIL
    spec = variant(tmp_path, "  - set: {conv1.out_channels: 5}", parent).spec
    assert spec.model_dump(mode="json", exclude_defaults=True)["network"][0] == conv(5)
    assert read_spec(str(tmp_path / "parent.yaml"), ["conv1.out_channels=6"]).spec.network[0].canonical(())[
        "out_channels"
    ] == 6  # fmt: skip
