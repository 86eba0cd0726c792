"""The learning rates of every schedule against torch.optim.lr_scheduler's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.data.prepare import load
from archsearch.experiment_plan import plan_experiment
from archsearch.spec.schedules import AnySchedule, Constant, Cosine, Exponential, MultiStep, OneCycle, Plateau, Step
from archsearch.train.loop import parts
from archsearch.train.result import EpochRecord
from archsearch.train.schedules import factor, reduced
from archsearch.train.streams import stream
from tests.train.conftest import tiny
from tests.train.test_loop import assert_equal, begun, trained, weights

STEPS, EPOCHS = 10, 6


def torch_factors(make) -> list[float]:
    """The learning rates that a torch scheduler gives, relative to lr = 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(STEPS * EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def ours(spec: AnySchedule) -> list[float]:
    return [factor(spec, step, STEPS, EPOCHS) for step in range(STEPS * EPOCHS)]


def torch_rates_by_epoch(make) -> list[float]:
    """The same of a scheduler that is stepped after each epoch, as most scripts do."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(EPOCHS):
        rates += [optimizer.param_groups[0]["lr"]] * STEPS
        optimizer.step()
        scheduler.step()
    return rates


def test_constant_is_one_throughout():
    assert ours(Constant()) == [1.0] * 60


def test_step_agrees_with_torch():
    lr = torch.optim.lr_scheduler
    expected = torch_factors(lambda o: lr.StepLR(o, 2 * STEPS, gamma=0.3))
    assert ours(Step(step_size=2, gamma=0.3)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("milestones", [(1,), (2, 3, 5), (4, 9)])
def test_multi_step_agrees_with_torch(milestones):
    expected = torch_rates_by_epoch(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, milestones, gamma=0.3))
    assert ours(MultiStep(milestones=milestones, gamma=0.3)) == pytest.approx(expected, rel=1e-9)


def test_exponential_agrees_with_torch():
    expected = torch_rates_by_epoch(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.7))
    assert ours(Exponential(gamma=0.7)) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=200)
@given(
    seen=st.lists(st.floats(-2, 2) | st.sampled_from([0.5, 0.50004, 0.499, 1.0]), max_size=30),
    plateau=st.builds(
        Plateau,
        monitor=st.sampled_from(["val_loss", "val_accuracy"]),
        gamma=st.sampled_from([0.1, 0.5, 0.9]),
        patience=st.integers(0, 4),
        threshold=st.sampled_from([0.0, 1e-4, 0.3]),
        threshold_mode=st.sampled_from(["rel", "abs"]),
        cooldown=st.integers(0, 3),
        final_fraction=st.sampled_from([0.0, 0.02, 0.3]),
    ),
)
def test_plateau_agrees_with_torch_after_every_epoch(seen, plateau):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="max" if plateau.monitor == "val_accuracy" else "min",
        factor=plateau.gamma,
        patience=plateau.patience,
        threshold=plateau.threshold,
        threshold_mode=plateau.threshold_mode,
        cooldown=plateau.cooldown,
        min_lr=plateau.final_fraction,
        eps=0.0,
    )
    for epoch in range(len(seen) + 1):
        assert plateau.reduced(seen[:epoch]) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        if epoch < len(seen):
            scheduler.step(seen[epoch])


def test_plateau_takes_a_value_that_is_not_there_for_no_improvement():
    plateau = Plateau(monitor="val_loss", patience=1, gamma=0.5)
    assert [plateau.reduced([None] * epochs) for epochs in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    history = [EpochRecord(epoch=n, metrics={"val_loss": value}, lr=1.0, seconds=0.0) for n, value in
               enumerate([0.5, None, None], 1)]  # fmt: skip
    assert (reduced(plateau, history), reduced(Constant(), history)) == (0.5, 1.0)


def test_run_with_a_plateau_takes_the_steps_of_a_torch_loop_with_torchs_scheduler():
    changes = {
        "data": {"validation": 40},
        "train": {
            "epochs": 6,
            "optimizer": {"sgd": {"lr": 0.05}},
            "schedule": {"plateau": {"monitor": "val_loss", "gamma": 0.5, "patience": 0, "threshold": 0.6}},
        },
    }
    spec = tiny(**changes)
    plan, data = plan_experiment(spec), load(spec.data)
    training, validation, _ = parts(plan, 5, data, "cpu")
    model = begun(spec)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, fused=True)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.6)
    x, y = data.x_train.float(), data.y_train
    rates = []
    for epoch in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        generator = torch.Generator().manual_seed(stream(5, "order", epoch))
        for rows in training.rows[torch.randperm(len(training), generator=generator)].split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            scheduler.step(F.cross_entropy(model(x[validation.rows]), y[validation.rows]))
    assert 2 < len(set(rates)) < 6  # it drops more than once, and not after every epoch
    mine = trained(seed=5, **changes)
    assert [record.lr for record in mine.progress.history] == rates
    assert_equal(weights(mine.model), weights(model))


def test_cosine_agrees_with_torch():
    lr = torch.optim.lr_scheduler
    expected = torch_factors(lambda o: lr.CosineAnnealingLR(o, STEPS * EPOCHS, eta_min=0.1))
    assert ours(Cosine(final_fraction=0.1)) == pytest.approx(expected, rel=1e-9)


def test_one_cycle_has_torchs_start_peak_and_end():
    # OneCycleLR counts its phases from step 0 to the last step, ours in steps begun, so only the corners agree exactly
    spec = OneCycle(pct_start=0.25, div_factor=10.0, final_div_factor=100.0)
    rates = [factor(spec, step, 1000, 4) for step in range(4000)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 1000
    assert rates[-1] == pytest.approx(0.1 / 100, rel=0.01)


def test_warmup_rises_linearly_and_meets_the_schedule():
    rates = ours(Constant(warmup_epochs=0.5))
    assert rates[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_cosine_after_a_warmup_begins_at_the_full_rate():
    rates = ours(Cosine(warmup_epochs=1.0))
    assert rates[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[35] == pytest.approx(0.5)
