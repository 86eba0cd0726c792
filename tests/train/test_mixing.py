"""Mixup and cutmix against torchvision's own transforms, and a run with them against a loop written here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms import v2

from archsearch.data.prepare import load
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan, plan_experiment
from archsearch.spec.losses import Bce, CrossEntropy, Mse
from archsearch.train.compute import decide, resources_here
from archsearch.train.mixing import Mix, drawn_mixes
from archsearch.train.streams import stream
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights
from tests.train.test_run import id_of

BOTH = v2.RandomChoice([v2.MixUp(alpha=0.4, num_classes=10), v2.CutMix(alpha=1.0, num_classes=10)])
RECIPES = {
    "mixup": ({"mixup": 0.4}, v2.MixUp(alpha=0.4, num_classes=10)),
    "cutmix": ({"cutmix": 1.0}, v2.CutMix(alpha=1.0, num_classes=10)),
    "both": ({"mixup": 0.4, "cutmix": 1.0}, BOTH),
}


@pytest.mark.parametrize(("recipe", "theirs"), RECIPES.values(), ids=RECIPES.keys())
def test_batches_are_mixed_as_torchvision_mixes_them_from_the_same_random_state(recipe, theirs):
    dice = torch.Generator().manual_seed(0)
    batches = [
        (torch.rand(n, 2, 6, 9, generator=dice), torch.randint(10, (n,), generator=dice)) for n in (7, 7, 5, 1) * 10
    ]
    torch.manual_seed(42)
    mixes = drawn_mixes(recipe.get("mixup"), recipe.get("cutmix"), (2, 6, 9), len(batches))
    torch.manual_seed(42)
    for (x, y), mix in zip(batches, mixes, strict=True):
        before = x.clone()
        wanted, soft = theirs(x, y)
        assert torch.equal(mix.samples(x), wanted)
        assert torch.equal(x, before)
        outputs = torch.rand(len(y), 10, generator=dice)
        found = mix.loss(lambda targets, outputs=outputs: CrossEntropy().function()(outputs, targets), y)
        torch.testing.assert_close(found, F.cross_entropy(outputs, soft), rtol=1e-5, atol=1e-6)
        if len(y) > 1 and mix.share != 0.5:
            one_hot = F.one_hot(mix.mostly(y), 10)
            assert bool((soft.gather(1, one_hot.argmax(1, keepdim=True)) >= 0.5).all())


def test_nothing_is_drawn_where_nothing_is_mixed():
    torch.manual_seed(0)
    assert drawn_mixes(None, None, (1, 8, 8), 5) == []
    state = torch.get_rng_state()
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


def test_targets_of_numbers_are_blended_and_labels_of_several_at_once_too():
    outputs, mix = torch.tensor([[1.0], [3.0]]), Mix(0.75)
    numbers = torch.tensor([[0.0], [4.0]])  # blended: 1 and 3
    assert float(mix.loss(lambda targets: Mse().function()(outputs, targets), numbers)) == 0.0
    labels = torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8)
    logits = torch.tensor([[0.3, -1.0], [0.2, 2.0]])
    found = mix.loss(lambda targets: Bce().function()(logits, targets), labels)
    soft = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    torch.testing.assert_close(found, F.binary_cross_entropy_with_logits(logits, soft))


@pytest.mark.parametrize(("recipe", "theirs"), RECIPES.values(), ids=RECIPES.keys())
def test_run_takes_the_steps_of_a_torch_loop_with_torchvisions_transforms(recipe, theirs):
    spec = tiny(train=recipe)
    model, data = begun(spec), load(spec.data)
    x, y = data.x_train.float(), data.y_train
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    losses = []
    for epoch in range(3):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream(5, "order", epoch)))
        torch.manual_seed(stream(5, "mix", epoch))
        total = 0.0
        for rows in order.split(32):
            images, soft = theirs(x[rows], y[rows])
            loss = F.cross_entropy(model(images), soft)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(y))
    mine = trained(seed=5, train=recipe)
    assert [record.train_loss for record in mine.progress.history] == pytest.approx(losses, rel=1e-4)
    for name, value in weights(model).items():
        torch.testing.assert_close(weights(mine.model)[name], value, rtol=1e-3, atol=2e-4)


def test_dropout_is_what_it_is_without_mixing():
    """Mixing has a stream of its own: an alpha so large that nothing but halves are drawn changes no dropout."""
    network = ["flatten", "dropout", {"linear": {"out_features": "classes"}}]
    masks = []

    def remember(module, given, found):
        masks[-1].append(found == 0)

    for train in ({}, {"mixup": 1.0}):
        masks.append([])
        handle = torch.nn.modules.module.register_module_forward_hook(
            lambda module, given, found: (
                remember(module, given, found) if isinstance(module, torch.nn.Dropout) else None
            )
        )
        try:
            trained(network=network, data={"normalize": True, "limit": 5}, train={"epochs": 1, **train})
        finally:
            handle.remove()
    plain, mixed = masks
    dropped = [
        (one.float().mean().item(), other.float().mean().item()) for one, other in zip(plain, mixed, strict=True)
    ]
    assert len(dropped) > 1
    assert torch.equal(plain[0] & mixed[0], plain[0])  # zeros that are only dropout's are the same ones


def test_mixing_is_trained_by_torch_and_says_why():
    plan = plan_experiment(tiny(train={"mixup": 0.2, "engine": "auto"}))
    compute = decide(plan, resources_here("cpu", 1))
    assert (compute.engine, compute.reason) == ("torch", "train.mixup has no native kernel")
    native = plan_experiment(tiny(train={"cutmix": 0.2, "engine": "native"}))
    with pytest.raises(SpecError, match=r"engine: native cannot be used: train\.cutmix has no native kernel"):
        decide(native, resources_here("cpu", 1))


def test_mixing_is_part_of_the_id_only_where_there_is_some():
    spec = tiny()
    assert not {"mixup", "cutmix"} & spec.model_dump(mode="json")["train"].keys()
    changed = [{"mixup": 0.2}, {"mixup": 0.4}, {"cutmix": 0.2}]
    assert len({id_of(spec), *(id_of(tiny(train=train)) for train in changed)}) == 4


def test_what_is_no_image_has_no_part_to_cut_out():
    with pytest.raises(SpecError, match="cutmix is for images, and a sample of wine is 13; use mixup"):
        load_plan("wine", ["train.cutmix=1.0"])


def test_whole_numbers_that_an_embedding_reads_are_not_blended(tmp_path):
    dice = np.random.default_rng(0)
    arrays = {f"x_{part}": dice.integers(0, 5, (20, 6)).astype("f4") for part in ("train", "test")}
    np.savez(tmp_path / "w.npz", **arrays, y_train=np.arange(20) % 2, y_test=np.arange(20) % 2)
    (tmp_path / "w.yaml").write_text(
        "data: {name: npz, path: w.npz}\n"
        "network: [embedding: {num_embeddings: 5, embedding_dim: 3}, flatten, linear: {out_features: classes}]\n"
        "train: {epochs: 1}\n"
    )
    load_plan(str(tmp_path / "w.yaml"))
    with pytest.raises(SpecError, match=r"embed1 \(embedding\) reads whole numbers, and train\.mixup blends them; rem"):
        load_plan(str(tmp_path / "w.yaml"), ["train.mixup=0.2"])


def test_whole_numbers_that_an_embedding_reads_are_moved_and_not_turned(tmp_path):
    """Turning is bilinear: values between whole numbers, of which an embedding would read the lower one."""
    (tmp_path / "w.yaml").write_text(
        "data: {name: digits, augment: [flip, shift]}\n"
        "network: [flatten, embedding: {num_embeddings: 17, embedding_dim: 3}, flatten, "
        "linear: {out_features: classes}]\ntrain: {epochs: 1}\n"
    )
    load_plan(str(tmp_path / "w.yaml"))
    with pytest.raises(SpecError, match=r"embed1 \(embedding\) reads whole numbers, and rotate blends them; remove it"):
        load_plan(str(tmp_path / "w.yaml"), ["data.augment=[flip, rotate]"])


def test_numbers_and_labels_of_any_task_are_mixed(tmp_path):
    from archsearch.train.run import run

    for name in ("diabetes", "breast_cancer", "digits_segments"):
        plan = load_plan(name, ["train.mixup=0.4", "train.epochs=1", "train.device=cpu"])
        assert run(plan, runs_dir=tmp_path).result.status == "completed"


def test_same_seed_gives_the_same_bits():
    train = {"mixup": 0.4, "cutmix": 0.4, "accumulate": 2}
    one, again = trained(seed=1, train=train), trained(seed=1, train=train)
    assert_equal(weights(one.model), weights(again.model))
