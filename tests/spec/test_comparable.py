"""What must be the same where two runs are compared."""

from __future__ import annotations

from archsearch.experiment_plan import load_spec
from archsearch.spec.comparable import FIXED_IN_A_SEARCH, cannot_be_open, differences, same_test_data


def test_specs_on_other_samples_are_told_apart_by_what_differs() -> None:
    base = load_spec("digits_quickstart")
    same = base.model_copy(update={"name": "wider"})
    less = base.model_copy(update={"name": "less", "data": base.data.model_copy(update={"limit": 20})})
    assert list(differences(base, same, "test_accuracy", (144, 144))) == []
    (sentence,) = differences(base, less, "test_accuracy", (144, 144))
    assert sentence.startswith(
        "less is tested on other data than digits_quickstart: data.limit is 20, not not set; it cuts"
    )
    (sentence,) = differences(base, same, "val_loss", (144, 100))
    assert "other validation data than digits_quickstart: 100 samples, not 144" in sentence
    assert same_test_data([base.model_dump(), same.model_dump()])
    assert not same_test_data([base.model_dump(), less.model_dump()])


def test_what_a_search_takes_from_its_base_is_said_with_its_reason() -> None:
    assert "limit" in FIXED_IN_A_SEARCH["data"]
    assert cannot_be_open("data.name").startswith("data.name is the base's and cannot be open: runs must compare, and ")
