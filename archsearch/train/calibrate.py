"""How long will a run take here? A few batches of the real network on made-up data, timed.

    seconds_of_run(plan)            # about a second of work; an estimate, as other programs run beside it

Measures the engine that the run would use.
"""

from __future__ import annotations

import time

import torch

from archsearch.data.facts import training_count, validation_count
from archsearch.data.prepare import to_float
from archsearch.experiment_plan import ExperimentPlan
from archsearch.train.compute import decide, resources_here
from archsearch.train.device import memory_format, numerics
from archsearch.train.engine import make_engine
from archsearch.train.loop import initial_network

BUDGET_SECONDS = 1.0
_MOST_BATCHES = 50
# a forward pass is a third of a step: forward, and backward for weights and inputs
_FORWARD_SHARE = 1 / 3


def seconds_of_run(plan: ExperimentPlan, budget: float = BUDGET_SECONDS, threads: int | None = None) -> float:
    """Estimate the seconds of a whole run: all epochs, the evaluations, not the loading of data.

    `threads` is what the run will have; None means those of this process.
    """
    spec, facts = plan.spec.train, plan.facts
    compute = decide(plan, resources_here(spec.device, threads))
    device, layout = compute.device, memory_format(compute)
    format_ = layout if len(facts.shape) == 3 else torch.contiguous_format
    held_out = validation_count(plan.spec.data.validation, facts.train)
    samples = training_count(plan.spec.data, facts.train)
    batch = min(spec.batch_size, samples)
    dice = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (batch, *facts.shape), dtype=torch.uint8, generator=dice).to(device)
    y = facts.task.drawn(batch, dice).to(device)
    rows = torch.arange(batch, device=device)
    with numerics(compute):
        model = initial_network(plan, 0).to(device).to(memory_format=layout)
        optimizer = spec.optimizer.build(model.parameters(), device)
        loss = spec.loss.fitted(y, facts.task.outputs)
        read = lambda x: to_float(x).contiguous(memory_format=format_)  # noqa: E731 - one line, used once
        engine = make_engine(compute, plan, model, read, loss, lambda outputs: outputs)
        began = time.perf_counter()
        done = 0
        with engine.threads():
            while done < 2 or (done < _MOST_BATCHES and time.perf_counter() - began < budget):
                summed, _ = engine.learn(x, y, rows, dice)
                optimizer.step()
                float(summed)  # waits for the device
                done += 1
                if done == 1:
                    began = time.perf_counter()  # the first batch prepares what the others find ready
    of_sample = (time.perf_counter() - began) / ((done - 1) * batch)
    evaluated = spec.epochs * held_out + facts.test
    return of_sample * (spec.epochs * samples + _FORWARD_SHARE * evaluated)
