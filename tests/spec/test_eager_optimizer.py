"""torch's optimisers without its compiler: the same bits, and nothing of it imported."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
import torch

from archsearch.export.calls import optimizer_call
from archsearch.spec.eager_optimizer import eager, torchs_own
from archsearch.spec.optimizers import AnyOptimizer

CASES = [
    (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "fused": True}),
    (torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1, "fused": True}),
    (torch.optim.AdamW, {"lr": 0.01, "fused": True}),
    (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5}),
]
USED = """
import sys
import torch
from archsearch.spec.optimizers import OPTIMIZER_KINDS
for kind in OPTIMIZER_KINDS:
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = kind(lr=0.1).build([parameter], "cpu")
    optimizer.zero_grad()
    (parameter ** 2).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""


@pytest.mark.parametrize(("of_torch", "values"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_steps_and_state_are_torchs_to_the_bit(of_torch, values):
    mine, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 70)) for _ in range(2))
    first, second = eager(of_torch)([mine], **values), of_torch([theirs], **values)
    for turn in range(6):
        for parameter, optimizer in ((mine, first), (theirs, second)):
            optimizer.zero_grad()
            (parameter**2 + parameter.sin()).sum().backward()
            optimizer.step()
        if turn == 2:  # as a run that goes on from a checkpoint of either
            kept = first.state_dict(), second.state_dict()
            first, second = eager(of_torch)([mine], **values), of_torch([theirs], **values)
            first.load_state_dict(kept[1])
            second.load_state_dict(kept[0])
    assert torch.equal(mine, theirs)
    assert not mine.grad_fn


def test_a_closure_is_evaluated_with_gradients():
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = eager(torch.optim.SGD)([parameter], lr=0.25)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss.detach()

    assert (float(optimizer.step(closure)), parameter.tolist()) == (1.0, [0.5])


def test_no_optimizer_imports_the_compiler():
    done = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_class_is_one_and_knows_torchs():
    made = eager(torch.optim.Adam)
    optimizer = made([torch.nn.Parameter(torch.ones(1))], lr=0.01)
    assert made is eager(torch.optim.Adam)
    assert torchs_own(optimizer) is torch.optim.Adam
    assert torchs_own(torch.optim.SGD([torch.ones(1)], lr=1)) is torch.optim.SGD
    assert optimizer_call(optimizer, "parameters") == "torch.optim.Adam(parameters, lr=0.01)"


def test_every_kind_has_a_case():
    assert len(CASES) == len(get_args(AnyOptimizer))
