"""What must be the same where two runs are compared."""

from __future__ import annotations

from archsearch.experiment_plan import load_spec
from archsearch.spec.comparable import FIXED_IN_A_SEARCH, cannot_be_open, differences, loss_of, same_test_data
from archsearch.spec.dataset import DataSpec
from archsearch.spec.edit.in_memory import edited


def test_specs_on_other_samples_are_told_apart_by_what_differs() -> None:
    base = load_spec("digits_quickstart")
    same = base.model_copy(update={"name": "wider"})
    less = base.model_copy(update={"name": "less", "data": base.data.model_copy(update={"limit": 20})})
    assert list(differences(base, same, "test_accuracy", (144, 144))) == []
    (sentence,) = differences(base, less, "test_accuracy", (144, 144))
    said = "less is tested on other data than digits_quickstart: data.limit is 20, and digits_quickstart sets none; it "
    assert sentence.startswith(said)
    (sentence,) = differences(base, same, "val_loss", (144, 100))
    assert "other validation data than digits_quickstart: 100 samples, not 144" in sentence
    assert same_test_data([base.model_dump(), same.model_dump()])
    assert not same_test_data([base.model_dump(), less.model_dump()])


def test_a_table_of_another_target_is_other_data_and_one_of_other_columns_is_not() -> None:
    base = load_spec("digits_quickstart")
    table = base.model_copy(update={"data": DataSpec(name="table", path="/t.csv", target="kind")})
    for key, value in {"target": ("size",), "task": "binary", "group": "who", "part": "split"}.items():
        other = table.model_copy(update={"name": "other", "data": table.data.model_copy(update={key: value})})
        (sentence,) = differences(table, other, "test_accuracy", (0, 0))
        assert f"data.{key} is " in sentence
        assert sentence.endswith("; the test data would be others; compare on one data set")
        assert cannot_be_open(f"data.{key}").startswith(f"data.{key} is the base's and cannot be open")
    fewer = table.model_copy(update={"data": table.data.model_copy(update={"ignore": ("id",)})})
    assert list(differences(table, fewer, "test_accuracy", (0, 0))) == []


def test_losses_of_probabilities_and_of_logits_are_of_two_scales() -> None:
    """To cross-entropy log-probabilities are logits: log-softmax twice is one. mse takes outputs as they are."""
    base = load_spec("digits_quickstart")
    taken = {
        (last, loss): loss_of(
            edited(base, [{"insert": {"after": "fc2", "layers": [last]}}, {"set": {"train.eval_loss": loss}}])
        )
        for last in ("softmax", "log_softmax", "identity")
        for loss in ("focal", "nll", "mse")
    }
    assert loss_of(base) == "logits"
    assert loss_of(edited(base, [{"insert": {"after": "fc2", "layers": ["softmax"]}}])) == "probabilities"
    assert taken == {
        ("softmax", "focal"): "probabilities",
        ("log_softmax", "focal"): "logits",
        ("identity", "focal"): "logits",
        ("softmax", "nll"): "probabilities",
        ("log_softmax", "nll"): "log-probabilities",
        ("identity", "nll"): "logits",
        ("softmax", "mse"): "",
        ("log_softmax", "mse"): "",
        ("identity", "mse"): "",
    }


def test_what_a_search_takes_from_its_base_is_said_with_its_reason() -> None:
    assert "limit" in FIXED_IN_A_SEARCH["data"]
    assert cannot_be_open("data.name").startswith("data.name is the base's and cannot be open: runs must compare, and ")
