"""Whatever the bytes are: a spec, or a `SpecError` of short lines. Never anything else."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.spec.layers import LAYER_KINDS
from tests.spec.trees import BLOCKS, TINY

ROOT = Path(__file__).parents[2]
SEEDS = [path.read_bytes() for path in sorted((ROOT / "specs").glob("*.yaml"))] + [TINY.encode(), BLOCKS.encode()]
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))
LONGEST_LINE = 1000


def must_survive(data: bytes, *overrides: str) -> None:
    path = FOLDER / "s.yaml"
    path.write_bytes(data)
    lines = ["a spec"]
    try:
        load_plan(str(path), overrides)
    except SpecError as error:
        lines = [str(problem) for problem in error.problems]
    assert lines
    for line in lines:
        assert len(line) <= LONGEST_LINE + len(str(FOLDER)), line
        assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in line), repr(line)


raw = st.binary(max_size=200)
texts = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
marks = st.text(alphabet="{}[]:,-#&*!|>'\"%@` \n\t?<=0123456789.eE_abc~", max_size=80).map(str.encode)

nasty = st.sampled_from(
    [
        "&a",
        "*a",
        "!!python/object:x",
        "<<",
        "1e999",
        ".inf",
        "0x",
        "-1",
        "1e-3",
        "9" * 39,
        "no",
        "~",
        "''",
        "classes",
        "same",
        "x" * 5000,
        "\x1b[31m",
        "\u2028",
        "\u202e",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "../x",
        "network",
        "[0]",
        "tanh[1]",
        "{}",
        "[]",
        "null",
        "true",
        "2147483648",
        "0",
        "0.5",
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One of our specs with words, lines and bytes exchanged."""
    text = draw(st.sampled_from(SEEDS)).decode()
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.integers(0, 5))
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        elif what == 2:
            lines[at] = draw(st.sampled_from(["  ", "    ", "- ", "\t"])) + lines[at]
        elif what == 3:
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        else:
            words = lines[at].split(" ")
            words[draw(st.integers(0, len(words) - 1))] = draw(nasty)
            lines[at] = " ".join(words)
        text = "\n".join(lines) or "x"
    return text.encode("utf-8", "surrogatepass")


KEYS = [
    "name",
    "summary",
    "data",
    "network",
    "train",
    "extends",
    "edits",
    "documented",
    "expect",
    "source",
    "departures",
    "layers",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "groups",
    "dilation",
    "out_features",
    "bias",
    "p",
    "epochs",
    "batch_size",
    "optimizer",
    "schedule",
    "loss",
    "adam",
    "sgd",
    "lr",
    "cosine",
    "warmup_epochs",
    "size",
    "validation",
    "limit",
    "augment",
    "flip",
    "shift",
    "set",
    "replace",
    "insert",
    "drop",
    "after",
    "before",
    "conv1.out_channels",
    "train.epochs",
    "projection",
    "test_accuracy",
    "parameters",
    *LAYER_KINDS,
]
WORDS = [*KEYS, "classes", "same", "mnist", "digits", "cifar10", "lenet5", "resnet_tiny", "conv1", "act1", "tanh[1]"]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 64),
    st.sampled_from([10**9, 2**31, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
trees = st.recursive(
    values,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=25,
)
layers = st.lists(
    st.one_of(
        st.sampled_from(list(LAYER_KINDS)),
        st.dictionaries(
            st.sampled_from(list(LAYER_KINDS)),
            st.dictionaries(st.sampled_from(KEYS[11:21]), values),
            min_size=1,
            max_size=1,
        ),
        trees,
    ),
    max_size=5,
)
plausible = st.one_of(
    trees,
    st.fixed_dictionaries(
        {
            "data": st.one_of(st.just({"name": "mnist"}), trees),
            "network": layers,
            "train": st.one_of(st.just({"epochs": 2}), trees),
        }
    ),
    st.fixed_dictionaries(
        {
            "extends": st.sampled_from(["lenet5", "resnet_tiny", "lenet_best"]),
            "edits": st.one_of(
                st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "drop": st.sampled_from(WORDS),
                            "set": st.dictionaries(st.sampled_from(WORDS), values),
                            "replace": st.dictionaries(st.sampled_from(WORDS), layers),
                            "insert": st.fixed_dictionaries({"after": st.sampled_from(WORDS), "layers": layers}),
                        },
                    ),
                    max_size=4,
                ),
                trees,
            ),
        }
    ),
)


def written(tree: Any) -> bytes:
    return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")


INPUTS = {"bytes": raw, "text": texts, "marks": marks, "mutated": mutated(), "plausible": plausible.map(written)}
overrides = st.builds(
    lambda path, value: f"{path}={value}",
    st.one_of(
        st.sampled_from(["train.epochs", "conv1.out_channels", "train.optimizer.sgd.lr", "data", "tanh.name", *WORDS]),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(".".join),
        st.text(max_size=9),
    ),
    st.one_of(nasty, st.text(max_size=9), values.map(str)),
)


def fuzz(examples: int) -> Callable[[Any], Any]:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", list(INPUTS))
def test_any_file_is_a_spec_or_a_spec_error(kind: str) -> None:
    given(INPUTS[kind])(fuzz(300)(lambda data: must_survive(data)))()


@given(overrides)
@fuzz(200)
def test_any_override_is_taken_or_a_spec_error(override: str) -> None:
    must_survive(TINY.encode(), override)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", list(INPUTS))
def test_any_of_20_000_files_is_a_spec_or_a_spec_error(kind: str) -> None:
    given(INPUTS[kind])(fuzz(4000)(lambda data: must_survive(data)))()


@pytest.mark.slow
@given(overrides)
@fuzz(4000)
def test_any_of_many_overrides_is_taken_or_a_spec_error(override: str) -> None:
    must_survive(TINY.encode(), override)


HOSTILE = ["x" * 100_000, "\x1b[2J", "a\nb", "\u2028", "\u202e", "\r", "%s{0}{name}", "[bold red]x[/]", "\ud800"]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", range(11))
def test_hostile_word_is_shown_short_and_harmless_wherever_it_stands(word: str, place: int) -> None:
    quote = (
        '"' + word.encode("unicode_escape", "surrogatepass").decode() + '"'
        if "\ud800" not in word
        else '"' + word + '"'
    )
    text = [
        f"{quote}: 1\n",
        f"name: {quote}\n" + TINY.partition("\n")[2],
        TINY.replace("tanh", quote, 1),
        TINY.replace("epochs:", f"{quote}:"),
        TINY.replace("adam", quote),
        TINY.replace("classes", quote),
        f"extends: {quote}\n",
        f"extends: lenet5\nedits: [drop: {quote}]\n",
        f"extends: lenet5\nedits: [set: {{{quote}: 1}}]\n",
        f"extends: lenet5\nedits: [{{{quote}: conv1}}]\n",
        TINY.replace("mnist", quote),
    ][place]
    must_survive(text.encode("utf-8", "surrogatepass"))
