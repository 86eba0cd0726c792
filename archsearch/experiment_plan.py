"""Join a spec with the facts of its data: does the network fit, is it within the limits?

    spec = load_spec("lenet_best", ["train.epochs=2"])      # read, checked, planned: raises SpecError with all problems
    plan = plan_experiment(spec)                            # names, shapes, counts

Needs no data file (but for your own data) and no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from archsearch.data.asked import refuse_recipe
from archsearch.data.facts import DataFacts, describe, own_task, refuse_bad_values, training_count
from archsearch.data.whole import embedding_faults, tensor_faults
from archsearch.errors import SpecError, UsageError
from archsearch.files import expanded
from archsearch.metrics import metric_of, own_metric, title_of
from archsearch.spec.catalog import LoadedSpec, read_spec
from archsearch.spec.embedded import EmbeddedValues, embedded_values
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.lint.rules import LintReport, lint
from archsearch.spec.losses import EVAL_LOSS, MEASURING, loss_called, losses_for
from archsearch.spec.network import Limits, NetworkPlan, PlanError, plan_network, size_text
from archsearch.spec.training import TrainSpec
from archsearch.task import Task, task_of_predictions

if TYPE_CHECKING:
    from archsearch.task.task import AnyArray


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """A checked spec with the facts of its data and the plan of its network: the experiment of a network."""

    spec: ExperimentSpec
    facts: DataFacts
    network: NetworkPlan

    @property
    def task(self) -> Task:
        """Give the task, as this network's outputs are read."""
        return task_of(self.facts.task, self.network, self.spec.train)

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.spec.name

    @property
    def written(self) -> dict[str, Any]:
        """The resolved spec as JSON."""
        return self.spec.model_dump(mode="json")

    @property
    def sizes(self) -> Mapping[str, int]:
        """Parameters, and multiply-accumulates for a sample."""
        return {"parameters": self.network.parameters, "macs": self.network.macs}


def load_spec(reference: str, overrides: Sequence[str] = (), *, limits: Limits | None = None) -> ExperimentSpec:
    """Read a spec by name or path, apply `path=value` overrides, and check all of it, shapes included.

    Raises `SpecError` (with `file:line:column`) or `LimitError`.
    """
    return load_plan(reference, overrides, limits=limits).spec


def load_plan(reference: str, overrides: Sequence[str] = (), *, limits: Limits | None = None) -> ExperimentPlan:
    """Do what `load_spec` does, and give the plan with it."""
    loaded = read_spec(reference, overrides)
    try:
        plan = plan_experiment(with_own_monitor(_with_own_path(loaded), loaded.path.parent), limits=limits)
        refuse_bad_values(plan.spec.data)
        return plan
    except SpecError as error:
        error.place(loaded.locate(error.loc))
        raise


def _with_own_path(loaded: LoadedSpec) -> ExperimentSpec:
    """Make the paths of your own data absolute: they are meant from the spec's folder."""
    spec = loaded.spec
    given = {key: path for key in ("path", "labels") if (path := getattr(spec.data, key)) is not None}
    if not given:
        return spec
    here = loaded.path.parent
    absolute = {key: str((here / expanded(path, ("data", key))).absolute()) for key, path in given.items()}
    return spec.model_copy(update={"data": spec.data.model_copy(update=absolute)})


def with_own_monitor(spec: ExperimentSpec, folder: Path) -> ExperimentSpec:
    """Find the file of a function that early stopping watches, from a folder; executes nothing.

    Raises `SpecError` where there is no such file or function. A spec that says its file already stays as it is.
    """
    rule = spec.train.early_stopping
    function = None if rule is None else rule.function
    if rule is None or (None if rule.own is None else rule.own.name) == function:
        return spec
    try:
        own = None if function is None else own_metric(function, folder)
    except UsageError as error:
        raise SpecError(str(error), ("train", "early_stopping", "monitor")) from None
    train = spec.train.model_copy(update={"early_stopping": rule.model_copy(update={"own": own})})
    return spec.model_copy(update={"train": train})


def plan_experiment(spec: ExperimentSpec, *, limits: Limits | None = None) -> ExperimentPlan:
    """Look the data's facts up and put the network together; raise `SpecError` or `LimitError`.

    Where the data hold a validation part of their own, the plan's spec says so in `data.validation`.
    """
    try:
        facts = describe(spec.data)
    except SpecError as error:
        error.loc = error.loc or ("data",)
        raise
    spec = with_own_monitor(_resolved(spec, facts), Path())
    plan = plan_network(
        spec.network, facts.shape, facts.classes, batch_size=spec.train.batch_size, limits=limits or Limits()
    )
    _trains_on_its_data(spec, facts)
    _gives_one_value_per_class(plan, facts)
    _as_expected(spec, plan)
    _was_published_of_its_task(spec, facts.task)
    _batches_can_be_normalised(spec, plan, facts)
    _embeds_whole_numbers(spec, plan)
    return ExperimentPlan(spec, facts, plan)


def refuse_training(spec: ExperimentSpec, facts: DataFacts) -> None:
    """Raise `SpecError` where training and data do not go together, whatever the network is."""
    _trains_on_its_data(with_own_monitor(_resolved(spec, facts), Path()), facts)


def _trains_on_its_data(spec: ExperimentSpec, facts: DataFacts) -> None:
    _is_of_the_task(spec, facts.task)
    _weighs_once(spec, facts)
    _validation_where_needed(spec)
    _watches_its_task(spec, facts.task)
    refuse_recipe(spec, facts)


def lint_plan(plan: ExperimentPlan, *, searched: bool = False) -> LintReport:
    """Look for known mistakes in a planned spec, which may be the base of a search."""
    samples = training_count(plan.spec.data, plan.facts.train)
    return lint(plan.spec, plan.network, searched=searched, task=plan.facts.task.name, samples=samples)


def task_of(task: Task, network: NetworkPlan, train: TrainSpec) -> Task:
    """Say where the line between no and yes is in a network's outputs: at 0.5 where they are compared with 0 and 1."""
    layers = [row.layer.squashes for row in network.rows if row.kind != "identity"]
    return replace(task, threshold=threshold_of(layers, train))


def task_of_kept(outputs: AnyArray, targets: AnyArray, written: Mapping[str, Any]) -> Task:
    """Give the task of what a run predicted, arrays (N, outputs) and (N, ...), by them and its resolved spec."""
    task = task_of_predictions(outputs, targets)
    try:
        spec = ExperimentSpec.model_validate(dict(written))
    except ValidationError:  # of another version
        return task
    return replace(task, threshold=threshold_of([layer.squashes for layer in spec.network], spec.train))


def threshold_of(squashes: Sequence[str], train: TrainSpec) -> float:
    """Give the output from which on a yes is predicted, by what each layer's outputs may be read as, and the loss."""
    return 0.5 if train.loss.wants == "like_labels" or squashes[-1:] == ["probabilities"] else 0.0


def _resolved(spec: ExperimentSpec, facts: DataFacts) -> ExperimentSpec:
    """Write into a spec what its data decide: their own validation part, and the losses of their task.

    A task that the data say by themselves is said by silence, so that one experiment is written in one way.
    """
    data: dict[str, Any] = {"validation": facts.validation} if facts.validation else {}
    if spec.data.task is not None and own_task(spec.data) == spec.data.task:
        data["task"] = None
    usual = facts.task.default_loss
    train: dict[str, Any] = {
        key: value
        for key, value in (("loss", loss_called(usual)), ("eval_loss", usual))
        if key not in spec.train.model_fields_set and usual != EVAL_LOSS
    }
    for key in spec.train.watches:
        rule = getattr(spec.train, key)
        if "monitor" not in rule.model_fields_set:
            train[key] = rule.model_copy(update={"monitor": f"val_{facts.task.main_metric}"})
    changed = {
        name: part.model_copy(update=update)
        for name, part, update in (("data", spec.data, data), ("train", spec.train, train))
        if update
    }
    return spec.model_copy(update=changed) if changed else spec


def _weighs_once(spec: ExperimentSpec, facts: DataFacts) -> None:
    """Refuse weights of classes beside those of samples: their mean over a batch would depend on its samples."""
    if facts.weighted and getattr(spec.train.loss, "weight", None) is not None:
        raise SpecError(
            f"train.loss {spec.train.loss.kind}: weight is one too many, the samples of {spec.data.name} have weights "
            "already; multiply them into these",
            ("train", "loss"),
        )


def _is_of_the_task(spec: ExperimentSpec, task: Task) -> None:
    known, loss = losses_for(task.name, task.losses), spec.train.loss
    for key, kind in (("loss", loss.kind), ("eval_loss", spec.train.eval_loss)):
        allowed = [name for name in known if key == "loss" or name in MEASURING]
        if kind not in allowed:
            raise SpecError(
                f"{spec.data.name} is for {task.name}, and train.{key} {kind} is not; use {' or '.join(allowed)}",
                ("train", key),
            )
    if wrong := loss.misfit(task.name, task.outputs):
        raise SpecError(f"train.loss {loss.kind}: {wrong}", ("train", "loss"))
    if loss.link and spec.data.normalize_targets:
        raise SpecError(
            f"train.loss {loss.kind} is of targets as they are, and data.normalize_targets changes them; remove it",
            ("data", "normalize_targets"),
        )


def _gives_one_value_per_class(plan: NetworkPlan, facts: DataFacts) -> None:
    if plan.output_shape != (facts.classes,):
        last = plan.rows[-1]
        reason = (
            f"the network gives {size_text(plan.output_shape)} values per sample, {facts.name} has {facts.task.said}"
        )
        raise PlanError(
            f"{last.name} ({last.kind}): {reason}. End with flatten and linear: {{out_features: {facts.task.width}}}.",
            ("network", len(plan.rows) - 1),
            plan.rows,
            plan.input_shape,
            layer=last.name,
            kind=last.kind,
            reason=reason,
        )


def _as_expected(spec: ExperimentSpec, plan: NetworkPlan) -> None:
    for what in ("parameters", "macs"):
        expected = getattr(spec.expect, what, None)
        counted = getattr(plan, what)
        if expected is not None and expected != counted:
            raise SpecError(
                f"the network has {counted:,} {what}, the spec expects {expected:,}; correct a layer or `expect`",
                ("expect", what),
            )


def _validation_where_needed(spec: ExperimentSpec) -> None:
    for key in () if spec.data.validation else spec.train.watches:
        what = "early_stopping" if key == "early_stopping" else f"{key} {getattr(spec.train, key).kind}"
        raise SpecError(
            f"{what} watches validation data and there is none; set data.validation, such as 0.1", ("train", key)
        )


def _watches_its_task(spec: ExperimentSpec, task: Task) -> None:
    for key, monitor in spec.train.watches.items():
        metric = metric_of(monitor)
        if metric is not None and not metric.fits(task.name):
            names = ", ".join(task.learned("val"))
            place = ("train", key, "monitor") if key == "early_stopping" else ("train", key)
            raise SpecError(
                f"{metric.title} is no metric of {task.name}, which {spec.data.name} is for; use one of {names}", place
            )


def _was_published_of_its_task(spec: ExperimentSpec, task: Task) -> None:
    for name in () if spec.documented is None else spec.documented.values:
        if name not in task.learned("test"):
            raise SpecError(
                f"{title_of(name)} is no metric of {task.name}, which {spec.data.name} is for; use one of "
                f"{', '.join(task.learned('test'))}",
                ("documented", name),
            )


def _embeds_whole_numbers(spec: ExperimentSpec, plan: NetworkPlan) -> None:
    """Refuse an embedding of what is not stored as whole numbers, as far as it can be said before data are loaded."""
    for values in embedded_values(plan):
        if spec.data.normalize:
            raise SpecError(
                f"{values.name} ({values.kind}) reads whole numbers, and data.normalize changes them; remove it",
                ("data", "normalize"),
            )
        if spec.train.mixup is not None:
            raise SpecError(
                f"{values.name} ({values.kind}) reads whole numbers, and train.mixup blends them; remove it",
                ("train", "mixup"),
            )
        for index, augmentation in enumerate(spec.data.augment):
            if augmentation.blends:
                said = f"reads whole numbers, and {augmentation.kind} blends them; remove it"
                raise SpecError(f"{values.name} ({values.kind}) {said}", ("data", "augment", index))
        for fault in embedding_faults(spec.data, values):
            raise _cannot_embed(values, fault)


def must_be_embeddable(network: NetworkPlan, samples: Mapping[str, Any]) -> None:
    """Raise `SpecError` where an embedding of the network reads samples (N, *shape) that are not whole numbers."""
    for values in embedded_values(network):
        for fault in tensor_faults(samples, values):
            raise _cannot_embed(values, fault)


def _cannot_embed(values: EmbeddedValues, fault: str) -> SpecError:
    reason = f"({values.kind}): {fault}"
    way_out = "An embedding reads whole numbers, stored as float32; use a larger num_embeddings, other data, or linear"
    return SpecError(f"{values.name} {reason}. {way_out}.", values.loc, reason=reason)


def _batches_can_be_normalised(spec: ExperimentSpec, plan: NetworkPlan, facts: DataFacts) -> None:
    """Refuse a last batch of one sample where a batch norm sees one value per channel: torch cannot train it."""
    samples = training_count(spec.data, facts.train)
    left = samples % spec.train.batch_size or spec.train.batch_size
    if min(left, samples) != 1:
        return
    for row in plan.walk():
        if row.layer.refuses_one_sample(row.input_shape):
            reason = (
                f"({row.kind}): {samples:,} training samples in batches of {spec.train.batch_size} leave a last batch "
                "of 1, which cannot be normalised; use another train.batch_size"
            )
            raise SpecError(f"{row.name} {reason}", ("train", "batch_size"), reason=reason)
