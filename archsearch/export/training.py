"""A training script that gives the numbers of a run: the same split, initial weights, batches, augmentation and steps.

    script = training_source(load_plan("lenet5"), module="lenet5")     # beside it lies lenet5.py, with build_model()

It needs torch and what the data come from, nothing else. What is subtle is copied from where a run has it; what stands
here is the loop, as the torch engine runs it.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from archsearch.data.split import stratified
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.averaging import cast_written, mean_begun, mean_remembered, mean_taken
from archsearch.export.calls import optimizer_call, written_value
from archsearch.export.copied import Copied
from archsearch.export.epoch import balanced_field, epoch_written, reading_written, when_right
from archsearch.export.loading import loading
from archsearch.export.pytorch import harmless
from archsearch.export.seeded import seeding
from archsearch.metrics import direction_of
from archsearch.spec.loss_functions import balanced_classes, balanced_labels
from archsearch.spec.losses import LOSS_KINDS, minimises_eval_loss
from archsearch.task.multilabel import label_sets
from archsearch.task.regression import quantile_bins
from archsearch.train.compute import layout_of
from archsearch.train.labels import with_label_noise
from archsearch.train.loop import EVALUATION_BATCH
from archsearch.train.streams import stream

KNOWN_TASKS = ("classification", "binary", "multilabel", "regression")


def training_source(plan: ExperimentPlan, module: str, data_file: str | None = None) -> str:
    """Give the text of a script that trains what `build_model` of a module beside it gives.

    `data_file` is the .npz of prepared arrays that a script on your own data reads. Raises `UsageError` for what cannot
    be written out: a task other than classification, an optimiser that is not torch's.
    """
    if plan.facts.task.name not in KNOWN_TASKS:
        raise UsageError(f"a training script is written for {' and '.join(KNOWN_TASKS)}, not {plan.facts.task.name}")
    if plan.facts.weighted:
        raise UsageError(
            f"a training script weighs no samples, and those of {plan.facts.name} have weights; take them out "
            "(data.weight, weight_train of an .npz), or train with `archsearch run`"
        )
    if plan.facts.group_names and plan.spec.data.validation and not plan.facts.validation:
        raise UsageError(
            f"a training script holds single samples out, and the validation part of {plan.facts.name} is of whole "
            "groups; give the data a validation part of their own, or train with `archsearch run`"
        )
    for key, monitor in plan.spec.train.watches.items():
        if monitor not in _measured(plan, "val"):
            who = "early stopping" if key == "early_stopping" else f"the {key}"
            raise UsageError(
                f"a training script measures {' and '.join(_measured(plan, 'val'))}, and {who} watches {monitor}; "
                "watch one of them"
            )
    copied = Copied({word: f"import {word}" for word in ("sys", "torch")})
    copied.imports |= {"build_model": f"from {module} import build_model", "Tensor": "from torch import Tensor"}
    copied.imports["nn"] = "from torch import nn"
    copied.definition(stream)
    initial, loaded = seeding(plan), loading(plan, copied, data_file)
    parts = [initial, loaded, _evaluate(plan, copied), _train(plan, copied), _main(module)]
    body = "\n\n\n".join("\n".join(part) for part in parts)
    return f"{_head(plan, module)}\n{copied.text()}\n\n\n{_constants(plan)}\n\n\n{body}\n"


def _head(plan: ExperimentPlan, module: str) -> str:
    said = f"Train {harmless(plan.spec.name)} on {plan.spec.data.name}: python {module}_train.py [SEED]"
    return f'"""{said}. The seed decides every random number."""\n'


def _constants(plan: ExperimentPlan) -> str:
    train = plan.spec.train
    auto = '"cuda" if torch.cuda.is_available() else "cpu"'
    return (
        f"EPOCHS, BATCH_SIZE, LR = {train.epochs}, {train.batch_size}, {train.optimizer.lr!r}\n"
        f"DEVICE = {auto if train.device == 'auto' else written_value(train.device)}"
    )


_MARK = 0.8125  # stands where the weights will
_SCALE = ", y_mean, y_deviation"
_SCALE_TYPED = ", mean: Tensor, deviation: Tensor"


def _take_loss(plan: ExperimentPlan, copied: Copied) -> None:
    """Take the loss along; one whose weights are counted for each seed gets them as an argument."""
    loss, field = plan.spec.train.loss, balanced_field(plan)
    if not field:
        copied.method("loss_of", loss.function)
        return
    copied.method("loss_of", loss.model_copy(update={field: (_MARK,)}).function)
    text = copied.definitions["loss_of"].replace(f"({_MARK!r},)", "weight")
    copied.definitions["loss_of"] = re.sub(r"^def loss_of\((\w+), (\w+)\)", r"def loss_of(\1, \2, weight)", text)


def _measured(plan: ExperimentPlan, part: str) -> list[str]:
    return [f"{part}_loss", *([f"{part}_accuracy"] if when_right(plan) else [])]


def _strata(plan: ExperimentPlan, copied: Copied) -> str:
    """Write the groups that parts of the data are drawn from, "" where they are the labels or nothing is drawn."""
    function = {"multilabel": label_sets, "regression": quantile_bins}.get(plan.facts.task.name)
    drawn = plan.spec.data.train_limit is not None or (plan.spec.data.validation and not plan.facts.validation)
    if function is None or not drawn:
        return ""
    return f"{copied.definition(function)}(y.cpu())"


def _evaluate(plan: ExperimentPlan, copied: Copied) -> list[str]:
    train = plan.spec.train
    _take_loss(plan, copied)
    loss = "loss_of"
    if not minimises_eval_loss(train.loss, train.eval_loss):
        kind = next(kind for kind in LOSS_KINDS if kind.kind == train.eval_loss)
        copied.method("eval_loss_of", kind().function)
        loss = "eval_loss_of"
    cast = [f"    {line}" for line in cast_written(train.precision)]
    right, scaled = when_right(plan), plan.spec.data.normalize_targets
    restored = ["    outputs = outputs * deviation + mean"] * scaled
    restored += ["    outputs = outputs.exp()"] * (train.loss.link == "exp")
    outputs = f"    outputs = torch.cat([model(some) for some in x.split({EVALUATION_BATCH})]).float()"
    return [
        "@torch.inference_mode()",
        f"def evaluate(part: str, model: nn.Module, x: Tensor, y: Tensor{_SCALE_TYPED * scaled}) -> dict[str, float]:",
        f'    """Measure prepared samples: mean loss{", and the share that is right" * bool(right)}."""',
        "    model.eval()",
        *cast,
        f"    {outputs}" if cast else outputs,
        *restored,
        *([f"    right = ({right.format(y='y')}).double().mean()"] if right else []),
        f'    return {{f"{{part}}_loss": float({loss}(outputs, y))'
        + (', f"{part}_accuracy": float(right)}' if right else "}"),
    ]


def _train(plan: ExperimentPlan, copied: Copied) -> list[str]:
    """Write the training, from the data to the kept weights."""
    validates, rule = bool(plan.spec.data.validation), plan.spec.train.early_stopping
    scale = _SCALE * plan.spec.data.normalize_targets
    measured = "averaged.module" if plan.spec.train.ema else "model"
    on_val = f'evaluate("val", {measured}, x_val, y_val{scale})'
    on_test = f'evaluate("test", {measured}, x_test, y_test{scale})'
    accuracy = ', "train_accuracy": int(right) / len(y)' if when_right(plan) else ""
    measure = on_val if validates else on_test
    kept = ["    model = averaged.module"] * bool(plan.spec.train.ema)
    kept += ["    model.load_state_dict(best_state)"] * (rule is not None)
    averages = plan.spec.train.average is not None
    kept += mean_taken(plan, copied, *reading_written(plan, copied)) if averages else []
    last = f"{on_val} | {on_test}" if validates and (averages or rule is not None) else on_test
    return [
        "def train(seed: int) -> tuple[nn.Sequential, list[dict[str, float]]]:",
        '    """Train with a seed; give the network, and what was measured after each epoch and at the end."""',
        *_surroundings(plan),
        *_data(plan, copied),
        *_model(plan),
        *mean_begun(plan),
        "    history = []",
        "    for epoch in range(EPOCHS):",
        *epoch_written(plan, copied),
        f'        measured = {{"train_loss": float(total) / len(y){accuracy}}}',
        f"        history.append(measured | {measure})",
        '        print(f"epoch {epoch + 1}:", *(f"{name} {value:.7f}" for name, value in history[-1].items()))',
        *_early_stopping(plan, copied),
        *mean_remembered(plan),
        *kept,
        # else the test data were all there was to watch
        *([f"    history.append({last})"] if validates or averages else []),
        "    return model, history",
    ]


def _surroundings(plan: ExperimentPlan) -> list[str]:
    """Write what a run sets of torch."""
    train = plan.spec.train
    lines = ["    torch.set_flush_denormal(True)"]
    if train.precision == "tf32":
        lines += ['    torch.set_float32_matmul_precision("high")']
    if train.device in ("auto", "cuda"):
        lines += [f"    torch.backends.cudnn.allow_tf32 = {train.precision == 'tf32'}"]
        lines += ['    torch.use_deterministic_algorithms(DEVICE == "cuda", warn_only=True)']
    return lines


def _data(plan: ExperimentPlan, copied: Copied) -> list[str]:
    """Write which samples are trained on and which are held out, and what is done to all of them before."""
    data, own = plan.spec.data, plan.facts.validation
    strata = _strata(plan, copied)
    groups = "groups" if strata else "y.cpu()"
    lines = ["    x, y, x_test, y_test = (values.to(DEVICE) for values in load_data())"]
    lines += [f"    groups = {strata}"] if strata else []
    if own:
        lines += [f"    groups = groups[:-{own}]"] if strata else []
        lines += [f"    x, y, x_val, y_val = x[:-{own}], y[:-{own}], x[-{own}:], y[-{own}:]"]
    elif data.validation:
        copied.definition(stratified)
        count = data.validation if isinstance(data.validation, int) else f"round({data.validation!r} * len(y))"
        lines += [f'    fit, held_out = stratified({groups}, {count}, stream(seed, "split"))']
        lines += ["    x, y, x_val, y_val = x[fit], y[fit], x[held_out], y[held_out]"]
        lines += ["    groups = groups[fit]"] if strata and data.train_limit is not None else []
    if data.train_limit is not None:
        copied.definition(stratified)
        kept = data.train_limit if isinstance(data.train_limit, int) else f"round({data.train_limit!r} * len(y))"
        lines += [f'    _, kept = stratified({groups}, {kept}, stream(seed, "split", "train_limit"))']
        lines += ["    x, y = x[kept], y[kept]"]
    if share := plan.spec.train.label_noise:
        copied.definition(with_label_noise)
        rows, draws = "torch.arange(len(y))", 'torch.Generator().manual_seed(stream(seed, "label_noise"))'
        lines += [f"    y = with_label_noise(y, {rows}, {share!r}, {plan.facts.task.groups}, {draws})"]
    if balanced_field(plan):
        counted = balanced_classes if plan.facts.task.name == "classification" else balanced_labels
        lines += [f"    weight = {copied.definition(counted)}(y, {plan.facts.task.outputs})"]
    if data.normalize_targets:
        copied.definition(channel_statistics)
        lines += ["    y_mean, y_deviation = channel_statistics(y)", "    y = (y - y_mean) / y_deviation"]
    if data.normalize:
        copied.definition(channel_statistics)
        parts = ["x", "x_val", "x_test"] if data.validation else ["x", "x_test"]
        lines += ["    mean, deviation = channel_statistics(x)"]
        early = [part for part in parts if part != "x" or not data.augment]  # images are augmented before
        lines += [f"    {', '.join(early)} = {', '.join(f'({part} - mean) / deviation' for part in early)}"]
    return lines


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation of each channel, or of each feature of flat data."""
    values, over = x.double(), (0, *range(2, x.dim()))
    mean = values.mean(over, keepdim=True)
    deviation = (values.square().mean(over, keepdim=True) - mean.square()).clamp_min(0).sqrt()
    deviation[deviation == 0] = 1.0  # a value that never changes stays what it is
    return mean.float(), deviation.float()


def _model(plan: ExperimentPlan) -> list[str]:
    train = plan.spec.train
    made = optimizer_call(train.optimizer.build([nn.Parameter(torch.zeros(1))], "cpu"), "model.parameters()")
    layout = ", memory_format=torch.channels_last" if layout_of(plan.network, train.device) == "channels_last" else ""
    return [
        f"    model = initial_model(seed).to(DEVICE{layout})",
        f"    optimizer = {made.replace(f'lr={train.optimizer.lr!r}', 'lr=LR')}",
        *(["    scaler = torch.amp.GradScaler(DEVICE)"] * (train.precision == "fp16")),
    ]


def _early_stopping(plan: ExperimentPlan, copied: Copied) -> list[str]:
    rule = plan.spec.train.early_stopping
    if rule is None:
        return []
    if rule.monitor not in ("val_loss", "val_accuracy"):
        raise UsageError(
            f"a training script measures val_loss and val_accuracy, and early_stopping watches {rule.monitor}; "
            "train it with archsearch run, or watch one of these"
        )
    copied.imports["copy"] = "import copy"
    model = "averaged.module" if plan.spec.train.ema else "model"
    sign = "-" if direction_of(rule.monitor) == "minimize" else ""
    return [
        f'        score = {sign}history[-1]["{rule.monitor}"]',
        f"        if epoch == 0 or score > best + {rule.min_delta!r}:",
        f"            best, best_epoch, best_state = score, epoch, copy.deepcopy({model}.state_dict())",
        f"        elif epoch - best_epoch >= {rule.patience}:",
        "            break",
    ]


def _main(module: str) -> list[str]:
    return [
        'if __name__ == "__main__":',
        "    trained, measured = train(int(sys.argv[1]) if len(sys.argv) > 1 else 0)",
        '    print("at the end:", *(f"{name} {value:.7f}" for name, value in measured[-1].items()))',
        f'    torch.save(trained.state_dict(), "{module}.pt")',
    ]
