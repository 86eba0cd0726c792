"""What a training recipe asks of the data: refused with a sentence, and let pass where the data have it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from archsearch.data.asked import refuse_recipe
from archsearch.data.facts import describe
from archsearch.errors import SpecError
from archsearch.spec.catalog import read_spec

ASKED = ["train.sampler=balanced", "train.label_noise=0.1", "train.mixup=0.2"]


@pytest.mark.parametrize("name", ["digits_quickstart", "wine", "breast_cancer"])
def test_data_with_one_class_for_each_sample_have_what_is_asked(name: str) -> None:
    spec = read_spec(name, ASKED).spec
    refuse_recipe(spec, describe(spec.data))


@pytest.mark.parametrize(
    ("name", "override", "changed", "key", "says"),
    [
        ("diabetes", "train.sampler=balanced", {}, "sampler",
         "sampler balanced is for classification and binary, where each sample has one class; diabetes is for "
         "regression, leave it out"),
        ("digits_segments", "train.label_noise=0.1", {}, "label_noise",
         "label_noise 0.1 is for classification and binary, where each sample has one class; digits_segments is for "
         "multilabel, leave it out"),
        ("digits_quickstart", "train.sampler=balanced", {"train": 20_000_000}, "sampler",
         "sampler balanced draws from 16,777,216 samples at most and there are 18,000,000; use data.train_limit, or "
         "train.loss: {cross_entropy: {weight: balanced}}"),
        ("digits_quickstart", "train.mixup=0.2", {"weighted": True}, "mixup",
         "mixup mixes samples that count alike, and those of digits have weights; leave out one of both"),
        ("wine", "train.cutmix=1.0", {}, "cutmix", "cutmix is for images, and a sample of wine is 13; use mixup"),
    ],
)  # fmt: skip
def test_data_without_it_are_refused(name: str, override: str, changed: dict, key: str, says: str) -> None:
    spec = read_spec(name, [override]).spec
    with pytest.raises(SpecError, match=f"^{re.escape(says)}$") as caught:
        refuse_recipe(spec, replace(describe(spec.data), **changed))
    assert caught.value.loc == ("train", key)
