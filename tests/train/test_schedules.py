from __future__ import annotations

import pytest
import torch

from archsearch.spec.training import AnySchedule, Constant, Cosine, OneCycle, Step
from archsearch.train.schedules import factor

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


def test_constant_is_one_throughout():
    assert ours(Constant()) == [1.0] * 60


def test_step_agrees_with_torch():
    lr = torch.optim.lr_scheduler
    expected = torch_factors(lambda o: lr.StepLR(o, 2 * STEPS, gamma=0.3))
    assert ours(Step(step_size=2, gamma=0.3)) == pytest.approx(expected, rel=1e-9)


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
