"""The tables of other libraries' words, and the guess at a mistyped one."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsearch.cli.schema import schemas
from archsearch.spec.aliases import INSTEAD, MEANS, OPEN_WORDS, PLACED
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.losses import LOSS_KINDS
from archsearch.spec.nearest import distance, instead_of, means, nearest, open_word, place_of_word, squashed
from archsearch.spec.optimizers import OPTIMIZER_KINDS
from archsearch.spec.schedules import SCHEDULE_KINDS
from archsearch.spec.text.yaml import read_text
from archsearch.spec.training import TrainSpec


def words_of(schema: Any) -> set[str]:
    """Gather every key and every fixed word that a schema knows."""
    if isinstance(schema, list):
        return set().union(*(words_of(item) for item in schema))
    if not isinstance(schema, dict):
        return set()
    found = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    for key in ("enum", "const"):
        fixed = schema.get(key, [])
        found |= {word for word in (fixed if isinstance(fixed, list) else [fixed]) if isinstance(word, str)}
    return found.union(*(words_of(item) for item in schema.values()))


VOCABULARY = set().union(*(words_of(schema) for schema in schemas().values()))


@pytest.mark.parametrize(("word", "target"), [(word, target) for word, targets in MEANS.items() for target in targets])
def test_target_of_an_alias_can_be_written(word: str, target: str) -> None:
    assert target in VOCABULARY
    assert target in means(word)
    assert nearest(word, ["zzzz", target]) == target
    assert squashed(word) != squashed(target), "another spelling needs no entry"


@pytest.mark.parametrize("word", INSTEAD)
def test_what_is_written_instead_is_in_the_language(word: str) -> None:
    text = instead_of(word)
    assert text
    keys_elsewhere = ("dropout", "classes", "mixup", "cutmix", "activation", "nonlinearity", "init", "dim")
    assert word not in VOCABULARY or word in keys_elsewhere
    for snippet in re.findall(r"`([^`]*)`", text):
        if snippet.startswith("archsearch "):
            continue
        for key in keys_of(read_text(snippet, "s").plain()):
            assert key in VOCABULARY, key


def keys_of(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        return set(tree).union(*(keys_of(value) for value in tree.values()))
    return {tree} if isinstance(tree, str) else set()


@pytest.mark.parametrize("word", PLACED)
def test_place_of_a_word_is_a_part_of_train_that_reads(word: str) -> None:
    key, written = PLACED[word]
    tree = read_text(written, "s").plain()
    assert list(tree) == [key]
    TrainSpec.model_validate({"epochs": 20, **tree})
    assert place_of_word(word) == (key, written)
    known = {kind.kind: set(kind.model_fields) for kind in (*OPTIMIZER_KINDS, *SCHEDULE_KINDS, *LOSS_KINDS)}
    fields = set().union(
        *known.values(),
        *(
            {*cls.model_fields}
            for cls in get_args(TrainSpec.model_fields["early_stopping"].annotation)
            if cls is not type(None)
        ),
    )
    assert word in fields or word == "max_lr"


@pytest.mark.parametrize("word", OPEN_WORDS)
def test_word_for_an_open_value_has_one_here(word: str) -> None:
    assert open_word(word.upper()) == OPEN_WORDS[word]
    assert OPEN_WORDS[word][0] in ("choice", "int", "float")


def test_table_is_a_good_hundred_and_says_no_word_in_two_ways() -> None:
    assert len(MEANS) + len(INSTEAD) > 400
    assert set(map(squashed, MEANS)) & set(map(squashed, INSTEAD)) == set()


CONV = list(LAYER_KINDS["conv2d"].model_fields)
TRAIN = list(TrainSpec.model_fields)
KINDS = list(LAYER_KINDS)


@pytest.mark.parametrize(
    ("word", "allowed", "meant"),
    [
        ("attention", KINDS, "multihead_attention"),
        ("activation", CONV, None),
        ("in_channels", CONV, None),
        ("filters", CONV, "out_channels"),
        ("nn.Conv2d", KINDS, "conv2d"),
        ("BatchNormalization", KINDS, "batch_norm2d"),
        ("LeakyReLU", KINDS, "leaky_relu"),
        ("learning_rate", ["lr", "betas"], "lr"),
        ("lr_scheduler", TRAIN, "schedule"),
        ("weight_decay", TRAIN, None),
        ("units", list(LAYER_KINDS["linear"].model_fields), "out_features"),
        ("val_acc", ["val_accuracy", "val_loss"], "val_accuracy"),
        ("reelu", KINDS, "relu"),
        ("l2", ["l1", "mse"], "mse"),
        ("k", ["p"], None),
        ("noise", ["dense"], None),
        ("Fashion-MNIST", ["mnist", "fashion_mnist"], "fashion_mnist"),
    ],
)  # fmt: skip
def test_word_is_taken_for(word: str, allowed: list[str], meant: str | None) -> None:
    assert nearest(word, allowed) == meant


NAMES = st.text(alphabet="abcdeilnorst_", min_size=4, max_size=14).filter(lambda word: not means(word))


def slips(one: str, two: str) -> int:
    """Count by the definition, letter by letter (optimal string alignment)."""

    @cache
    def rest(i: int, j: int) -> int:
        if i == len(one) or j == len(two):
            return max(len(one) - i, len(two) - j)
        ways = [rest(i + 1, j) + 1, rest(i, j + 1) + 1, rest(i + 1, j + 1) + (one[i] != two[j])]
        if i + 1 < len(one) and j + 1 < len(two) and one[i] == two[j + 1] and one[i + 1] == two[j]:
            ways.append(rest(i + 2, j + 2) + 1)
        return min(ways)

    return rest(0, 0)


@given(st.text(alphabet="abc", max_size=7), st.text(alphabet="abc", max_size=7))
def test_distance_is_that_of_the_definition(one: str, two: str) -> None:
    assert distance(one, two) == slips(one, two) == distance(two, one)


@given(st.text(max_size=20), st.lists(NAMES, max_size=5))
def test_hint_is_never_far_from_the_word(word: str, allowed: list[str]) -> None:
    found = nearest(word, allowed)
    if found is not None and found not in means(word) and squashed(found) != squashed(word):
        assert slips(word.lower(), found.lower()) <= 2
        assert found in allowed


@given(NAMES, st.data())
def test_one_slip_is_seen_through(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    letter = data.draw(st.sampled_from("xyz"))
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    for word in (
        name[:at] + name[at + 1 :],
        name[:at] + letter + name[at:],
        name[:at] + letter + name[at + 1 :],
        swapped,
    ):
        if instead_of(word) is None and not means(word):
            assert nearest(word, [name, "qqqqqqqqqqqqqqqqqqqq"]) == name


def test_of_names_as_near_the_last_one_is_meant_whatever_their_order() -> None:
    names = ["conv1", "conv2", "conv3"]
    assert [nearest("conv9", order) for order in (names, names[::-1])] == ["conv3", "conv3"]
