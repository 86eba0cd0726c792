"""What is done to the labels that are trained on: the balanced sampler and label noise."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import WeightedRandomSampler

from archsearch.data.prepare import load
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan, plan_experiment
from archsearch.spec.experiment import ExperimentSpec
from archsearch.train.labels import balanced_chances, with_label_noise
from archsearch.train.streams import stream
from tests.train.conftest import tiny, tiny_tree
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -- the sampler -------------------------------------------------------------------------------------------------------


@pytest.fixture
def skewed(tmp_path):
    """Own arrays of 60, 30 and 10 samples of three classes, as a spec tree."""
    dice = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 30, 10])
    np.savez(
        tmp_path / "skewed.npz",
        x_train=dice.normal(size=(100, 4)).astype("f4") + y[:, None],
        y_train=y,
        x_test=dice.normal(size=(30, 4)).astype("f4"),
        y_test=np.arange(30) % 3,
    )
    return {
        "data": {"name": "npz", "path": str(tmp_path / "skewed.npz")},
        "network": [{"linear": {"out_features": "classes"}}],
    }


def test_balanced_run_takes_the_steps_of_a_torch_loop_with_torchs_weighted_sampler(skewed):
    changes = {**skewed, "train": {"sampler": "balanced", "batch_size": 16}}
    tree = tiny_tree(**{key: value for key, value in changes.items() if key != "data"}) | {"data": skewed["data"]}
    spec = ExperimentSpec.model_validate(tree)
    data, model = load(spec.data), begun(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    seen: Counter[int] = Counter()
    for epoch in range(3):
        chances = 1.0 / torch.tensor([60.0, 30.0, 10.0], dtype=torch.float64)[data.y_train]
        sampler = WeightedRandomSampler(chances, 100, generator=generator(stream(5, "order", epoch)))
        for rows in torch.tensor(list(sampler)).split(16):
            seen.update(data.y_train[rows].tolist())
            optimizer.zero_grad()
            F.cross_entropy(model(data.x_train[rows]), data.y_train[rows]).backward()
            optimizer.step()
    assert min(seen.values()) > 70  # of 300 draws, 100 each: the rare class has 10 of 100 samples
    from archsearch.train.compute import decide
    from archsearch.train.interrupt import Interruption
    from archsearch.train.loop import train
    from archsearch.train.watch import Silent

    plan = plan_experiment(spec)
    mine = train(plan, 5, data, decide(plan), read_test="end", interruption=Interruption(), watch=Silent())
    assert_equal(weights(mine.model), weights(model))


def test_chances_are_one_over_the_samples_of_the_class_and_an_absent_class_has_none():
    assert balanced_chances(torch.tensor([0, 0, 0, 3, 3, 0])).tolist() == [0.25, 0.25, 0.25, 0.5, 0.5, 0.25]


def test_sampler_is_part_of_the_id_only_where_it_is_not_the_usual_one():
    spec = tiny()
    assert not {"sampler", "label_noise"} & spec.model_dump(mode="json")["train"].keys()
    assert id_of(tiny(train={"sampler": "random", "label_noise": 0.0})) == id_of(spec)
    changed = [{"sampler": "balanced"}, {"label_noise": 0.1}, {"label_noise": 0.2}]
    assert len({id_of(spec), *(id_of(tiny(train=train)) for train in changed)}) == 4


# -- label noise -------------------------------------------------------------------------------------------------------


def test_noise_makes_its_share_of_the_rows_wrong_and_no_others():
    y, rows = torch.arange(1000) % 10, torch.arange(0, 1000, 2)
    before = y.clone()
    noisy = with_label_noise(y, rows, 0.3, 10, generator())
    wrong = (noisy != y).nonzero()[:, 0]
    assert (len(wrong), int((wrong % 2).sum())) == (150, 0)  # 0.3 of 500 rows, all of them even
    assert torch.equal(y, before)
    assert (int(noisy.min()), int(noisy.max())) == (0, 9)


def test_noise_takes_every_other_class_as_often():
    y = torch.zeros(9000, dtype=torch.int64)
    noisy = with_label_noise(y, torch.arange(9000), 0.999, 4, generator(1))
    counts = noisy.bincount().tolist()
    assert counts[0] == 9
    assert all(abs(count - 2997) < 4 * (8991 * 2 / 9) ** 0.5 for count in counts[1:])  # four deviations of a binomial


def test_noise_of_two_classes_is_the_other_one():
    y = torch.tensor([0, 1, 0, 1])
    assert sorted((with_label_noise(y, torch.arange(4), 0.5, 2, generator()) + y).tolist()).count(1) == 2


def test_run_learns_the_noisy_labels_and_is_measured_by_the_right_ones():
    """A network that can learn all of its 80 samples by heart, and so the 20 wrong labels among them."""
    changes = {
        "network": ["flatten", {"linear": {"out_features": 64}}, "relu", {"linear": {"out_features": "classes"}}],
        "data": {"limit": 10, "validation": 20},
        "train": {"epochs": 150, "label_noise": 0.25, "optimizer": {"adam": {"lr": 0.01}}},
    }
    outcome = trained(seed=3, **changes)
    data = load(tiny(**changes).data)
    outputs = outcome.model.eval()(data.x_train.float())
    assert outcome.progress.history[-1].metrics["train_accuracy"] == 1.0
    unlike = int((outputs.argmax(1) != data.y_train).sum())
    assert unlike >= 20  # a quarter of 80 are learned wrong, beside what is wrong of the 20 that were held out
    held = torch.tensor(sorted(outcome.y_validation.tolist()))
    assert torch.equal(held, torch.arange(10).repeat_interleave(2))  # stratified by the right labels, and still right
    assert torch.equal(outcome.y_test, data.y_test)


def test_which_labels_are_wrong_depends_on_the_seed_alone():
    one, same, other = (trained(seed=seed, train={"label_noise": 0.5, "epochs": 1}) for seed in (1, 1, 2))
    assert_equal(weights(one.model), weights(same.model))
    clean = trained(seed=1, train={"epochs": 1})
    assert not torch.equal(weights(one.model)["fc1.weight"], weights(clean.model)["fc1.weight"])
    assert not torch.equal(weights(one.model)["fc1.weight"], weights(other.model)["fc1.weight"])


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.sampler=balanced", r"sampler balanced is for classification and binary, where each sample has one "),
        ("train.label_noise=0.1", r"label_noise 0\.1 is for classification and binary, .* diabetes is for regression"),
    ],
)
def test_samples_without_a_class_are_refused(override, says):
    with pytest.raises(SpecError, match=says) as caught:
        load_plan("diabetes", [override])
    assert caught.value.loc == ("train", override[6:].partition("=")[0])


@pytest.mark.parametrize("override", ["train.sampler=balanced", "train.label_noise=0.1"])
def test_binary_data_have_two_classes(override, tmp_path):
    from archsearch.train.run import run

    plan = load_plan("breast_cancer", [override, "train.epochs=1", "train.device=cpu"])
    assert run(plan, runs_dir=tmp_path).result.status == "completed"
