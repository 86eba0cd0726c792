"""What an epoch of a training script does: batches, the learning rate, steps, as `train/epoch.py` has them.

lines = epoch_written(plan, copied)             # inside `for epoch in range(EPOCHS):`
samples, read = reading_written(plan, copied)   # how `rows` become what the network reads
"""

from __future__ import annotations

from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.averaging import cast_written, draws_of
from archsearch.export.copied import Copied
from archsearch.spec.schedules import Constant
from archsearch.spec.training import TrainSpec
from archsearch.train.compute import layout_of
from archsearch.train.labels import balanced_chances
from archsearch.train.mixing import drawn_mixes


def balanced_field(plan: ExperimentPlan) -> str:
    """Name the field of the loss that is counted over the samples of a seed, "" where none is."""
    written = plan.spec.train.loss.model_dump()
    return next((field for field, value in written.items() if value == "balanced"), "")


def when_right(plan: ExperimentPlan) -> str:
    """Write when a prediction is right, with {y} for the labels; "" where none is right or wrong."""
    if plan.task.name == "classification":
        return "outputs.argmax(1) == {y}"
    return f"(outputs[:, 0] > {plan.task.threshold!r}) == {{y}}" if plan.task.name == "binary" else ""


def epoch_written(plan: ExperimentPlan, copied: Copied) -> list[str]:
    """Write an epoch: every sample once."""
    train = plan.spec.train
    samples, read = reading_written(plan, copied)
    weight, mixes = ", weight" * bool(balanced_field(plan)), train.mixup is not None or train.cutmix is not None
    forward = [f"outputs = model({read})", f"loss = loss_of(outputs, y[rows]{weight})"]
    told = "y[rows]"
    if mixes:
        copied.definition(drawn_mixes)
        told = f"mix.mostly({told})"
        forward = [
            f"outputs = model(mix.samples({read}))",
            f"loss = mix.loss(lambda targets: loss_of(outputs, targets{weight}), y[rows])",
        ]
    if cast := cast_written(train.precision):
        forward = [*cast, *(f"    {line}" for line in forward)]
    if train.sampler == "balanced":
        copied.definition(balanced_chances)
    counted = [
        "total += loss.detach() * len(rows)",
        *([f"right += ({when_right(plan).format(y=told)}).sum()"] if when_right(plan) else []),
    ]
    learned = [*["mix = next(mixes)"] * mixes, f"samples = {samples}", *forward]
    loss, scaled = (
        "loss" if train.accumulate == 1 else "(loss * (len(rows) / len(together)))",
        train.precision == "fp16",
    )
    backward = f"scaler.scale({loss}).backward()" if scaled else f"{loss}.backward()"
    stepped = [
        *(["scaler.unscale_(optimizer)"] * (scaled and bool(train.clip_grad_norm))),
        *([f"nn.utils.clip_grad_norm_(model.parameters(), {train.clip_grad_norm!r})"] * bool(train.clip_grad_norm)),
        *(["scaler.step(optimizer)", "scaler.update()"] if scaled else ["optimizer.step()"]),
        *(["averaged.update_parameters(model)"] * (train.ema is not None)),
    ]
    if train.accumulate == 1:
        inner = [*learned, "optimizer.zero_grad()", backward, *stepped, *counted]
    else:
        each = [*learned, backward, *counted]
        inner = ["optimizer.zero_grad()", "for rows in together.split(BATCH_SIZE):", *(f"    {line}" for line in each)]
        inner += stepped
    lines = [
        *(_mixed(train) if mixes else []),
        *draws_of(plan, "epoch"),
        *_slowed(train.schedule.watches),
        "total, right = 0, 0" if when_right(plan) else "total = 0",
        "model.train()",
        *_steps(train),
        *(f"    {line}" for line in [*_rate(plan, copied), *inner]),
    ]
    return [f"        {line}" for line in lines]


def reading_written(plan: ExperimentPlan, copied: Copied) -> tuple[str, str]:
    """Write how `rows` are read to be learned from: `samples`, and what the network reads of those."""
    data = plan.spec.data
    kinds, samples = [step.kind for step in data.augment], "x[rows]"
    for number, step in enumerate(data.augment, 1):
        name = step.kind if kinds.count(step.kind) == 1 else f"{step.kind}{number}"
        samples = copied.call(name, step.apply, samples, "draws")
    read = "(samples - mean) / deviation" if data.normalize and data.augment else "samples"
    if layout_of(plan.network, plan.spec.train.device) == "channels_last" and len(plan.facts.shape) == 3:
        read = f"({read})" if read != "samples" else read
        read = f"{read}.contiguous(memory_format=torch.channels_last)"
    return samples, read


def _mixed(train: TrainSpec) -> list[str]:
    batches = "-(-len(y) // BATCH_SIZE)"
    return [
        'torch.manual_seed(stream(seed, "mix", epoch))',
        f"mixes = iter(drawn_mixes({train.mixup!r}, {train.cutmix!r}, x.shape[1:], {batches}))",
    ]


def _steps(train: TrainSpec) -> list[str]:
    """Write the loop over the steps of the optimizer: what each has of the order of the epoch."""
    one = train.accumulate == 1
    rows, size = ("rows", "BATCH_SIZE") if one else ("together", f"BATCH_SIZE * {train.accumulate}")
    if train.schedule == Constant():
        return [f"for {rows} in order.split({size}):"]
    return [f"steps = order.split({size})", f"for step, {rows} in enumerate(steps, epoch * len(steps)):"]


def _rate(plan: ExperimentPlan, copied: Copied) -> list[str]:
    """Write how the learning rate follows the step."""
    schedule = plan.spec.train.schedule
    if schedule == Constant():
        return []
    lr = "LR * factor(step / len(steps), EPOCHS)"
    if schedule.watches:
        copied.method("reduced", schedule.reduced)
        lr = "LR * slowed"
    else:
        copied.method("factor", schedule.factor)
    lines = [f'optimizer.param_groups[0]["lr"] = {lr}']
    if warmup := getattr(schedule, "warmup_epochs", 0.0):
        lines += [f"if step + 1 < {warmup!r} * len(steps):"]
        lines += [f'    optimizer.param_groups[0]["lr"] *= (step + 1) / ({warmup!r} * len(steps))']
    return lines


def _slowed(watched: str) -> list[str]:
    return [f'slowed = reduced([measured["{watched}"] for measured in history])'] if watched else []
