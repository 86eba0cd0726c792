"""What a training script does for `train.average` and `train.ema`: torch's own `AveragedModel` and `update_bn`.

lines += mean_begun(plan)               # before the first epoch; each is empty for a plan without either
lines += mean_remembered(plan)          # after each epoch
lines += mean_taken(plan, copied, samples, read)        # after the last
"""

from __future__ import annotations

from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.copied import Copied


def draws_of(plan: ExperimentPlan, epoch: str) -> list[str]:
    """Write where the random numbers of an epoch come from; `epoch` is what names it in the script."""
    augments, drops = bool(plan.spec.data.augment), any(row.layer.draws for row in plan.network.walk())
    generator = f'torch.Generator().manual_seed(stream(seed, "order", {epoch}))'
    drawn = [f"order = torch.randperm(len(y), generator={generator})"]
    if plan.spec.train.sampler == "balanced":
        drawn = [f"dice, chances = {generator}, balanced_chances(y)"]
        drawn += ["order = torch.multinomial(chances, len(y), replacement=True, generator=dice)"]
    return [
        *drawn,
        *([f'draws = torch.Generator().manual_seed(stream(seed, "augment", {epoch}))'] if augments else []),
        *([f'torch.manual_seed(stream(seed, "dropout", {epoch}))'] if drops else []),
    ]


def cast_written(precision: str) -> list[str]:
    """Write what forward passes stand under, nothing where they are in single precision."""
    narrow = {"bf16": "bfloat16", "fp16": "float16"}.get(precision)
    return [] if narrow is None else [f"with torch.autocast(DEVICE, dtype=torch.{narrow}):"]


def mean_begun(plan: ExperimentPlan) -> list[str]:
    """Write what will hold the mean, or the moving average."""
    decay, made = plan.spec.train.ema, "    averaged = torch.optim.swa_utils.AveragedModel(model"
    if decay is None:
        return [f"{made})"] if plan.spec.train.average else []
    return [
        f"    moving = torch.optim.swa_utils.get_ema_multi_avg_fn({decay!r})",
        f"{made}, multi_avg_fn=moving, use_buffers=True)",
    ]


def mean_remembered(plan: ExperimentPlan) -> list[str]:
    """Write which epochs are taken into the mean."""
    count = plan.spec.train.average
    if count is None:
        return []
    return [f"        if epoch >= EPOCHS - {count}:", "            averaged.update_parameters(model)"]


def mean_taken(plan: ExperimentPlan, copied: Copied, samples: str, read: str) -> list[str]:
    """Write that the mean is kept, its batch norms measured on training samples that are read as in an epoch."""
    lines = ["    model = averaged.module"]
    if not any(row.layer.mixes_batch or row.layer.opaque for row in plan.network.walk()):
        return lines
    copied.imports["Iterator"] = "from collections.abc import Iterator"
    cast = cast_written(plan.spec.train.precision)
    updated = "torch.optim.swa_utils.update_bn(once_more(), model)"
    return [
        *lines,
        "",
        "    def once_more() -> Iterator[Tensor]:",
        *(f"        {line}" for line in draws_of(plan, '"average"')),
        "        for rows in order.split(BATCH_SIZE):",
        f"            samples = {samples}",
        f"            yield {read}",
        "",
        *(f"    {line}" for line in cast),
        f"{'    ' * len(cast)}    {updated}",
    ]
