from __future__ import annotations

from typing import get_args

import pytest
import torch

from archsearch.spec.optimizers import Adam, AdamW, AnyOptimizer, RmsProp, Sgd

CASES = [
    (Sgd(lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    (
        Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    ),
    (Adam(lr=0.01, betas=(0.8, 0.99)), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99))),
    (AdamW(lr=0.01), lambda p: torch.optim.AdamW(p, lr=0.01)),
    (RmsProp(lr=0.01, momentum=0.5), lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5)),
]


@pytest.mark.parametrize(("spec", "make"), CASES, ids=lambda case: getattr(case, "kind", ""))
def test_optimizer_takes_the_steps_of_torchs_plain_one(spec, make):
    start = torch.linspace(-1, 1, 7)
    mine, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    first, second = spec.build([mine], "cpu"), make([theirs])
    for _ in range(5):
        for parameter, o in ((mine, first), (theirs, second)):
            o.zero_grad()
            (parameter**2 + parameter.sin()).sum().backward()
            o.step()
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
    assert not torch.equal(mine, start)


def test_every_optimizer_kind_has_a_case():
    assert set(get_args(AnyOptimizer)) == {type(spec) for spec, _ in CASES}
