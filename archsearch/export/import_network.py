"""An existing module as a spec: `archsearch import`, without the command line.

    found = import_network(module_from_torchvision("resnet18", {"num_classes": 10}), data="cifar10")
    found.plan.spec, found.state                  # the experiment, and the module's weights under the network's names

What is imported is the same network: its parameters are counted, and both are run on the same random inputs, in
evaluation and in training, before anything is given back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from archsearch.errors import Problem, SpecError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.export.import_blocks import FoundLayers, layers_of_graph
from archsearch.export.import_data import Suited, data_named, data_that_fit
from archsearch.export.import_graph import Graph, InputMisfitError
from archsearch.export.import_places import place_of_forward
from archsearch.export.import_source import ModuleSource
from archsearch.export.import_trace import trace
from archsearch.export.placed import placed_layers
from archsearch.spec.embedded import embedded_values
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import AnyLayer, Shape, size_text
from archsearch.spec.layers.blocks import Sequential
from archsearch.spec.layers.dense import Flatten
from archsearch.spec.losses import CrossEntropy, Nll, loss_called
from archsearch.spec.network import Limits, NetworkPlan, build_network, plan_network
from archsearch.spec.training import TrainSpec
from archsearch.wording import count_of

EPOCHS = 10
TOLERANCE = 1e-5  # of the largest output
_TOLERANCE_IN_TRAINING = 1e-3  # three samples normalised by their own deviation
_SAMPLES = 3  # not the number of samples that was traced with
_MOST_BATCH = 128


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported network: the plan of its spec, its weights by the names of the built network, and what was noticed.

    `difference` is the largest one between the outputs of both, as a fraction of the largest output.
    """

    plan: ExperimentPlan
    state: Mapping[str, Tensor]
    difference: float
    notes: tuple[str, ...]


def import_network(
    source: ModuleSource,
    *,
    data: str | None = None,
    input_shape: Shape | None = None,
    evaluated: bool = False,
    name: str | None = None,
    limits: Limits | None = None,
) -> Imported:
    """Give a module as a spec on these data (by default the first with a name that fit it).

    `evaluated` takes what the module computes in evaluation, and says what it does in training alone. Raises
    `SpecError` that names the first thing which the language cannot say, `LimitError` for a network that is too large.
    """
    with redirect_stdout(sys.stderr):  # what forward prints is no result
        return _imported(source, data, input_shape, evaluated, name, limits)


def _imported(
    source: ModuleSource,
    data: str | None,
    input_shape: Shape | None,
    evaluated: bool,
    name: str | None,
    limits: Limits | None,
) -> Imported:
    module = source.module
    module.train(not evaluated)
    graph, suited, chosen = _traced(source, data, input_shape)
    found = layers_of_graph(graph)
    departures = [*_training_alone(module, graph, evaluated), *_left_out(module, found)]
    layers = [*([Flatten()] if suited.flat else []), *_with_classes(found.layers, suited.outputs)]
    spec = ExperimentSpec(
        name=name or source.name,
        data=suited.data,
        network=tuple(layers),
        train=TrainSpec(epochs=EPOCHS, batch_size=_batch_size(layers, suited, limits), **_losses(layers, suited)),
        source=source.said,
        departures=tuple(departures),
    )
    plan = plan_experiment(_read_again(spec), limits=limits)
    network = build_network(plan.network)
    _give_weights(network, plan.network, found.tensors)
    difference = _compared(module, network, plan.network, suited, evaluated)
    return Imported(plan, network.state_dict(), difference, tuple(chosen))


def _read_again(spec: ExperimentSpec) -> ExperimentSpec:
    """Validate a spec as a file would be: what is written must be read."""
    try:
        return ExperimentSpec.model_validate(spec.model_dump(mode="json"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SpecError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _traced(source: ModuleSource, data: str | None, wanted: Shape | None) -> tuple[Graph, Suited, list[str]]:
    """Trace with the data that are named, or else with the first that fit; say which, if it was not said."""
    if data is not None:
        suited = data_named(data, wanted)
        graph = _on(source, suited)
        if graph.output.shape != (suited.outputs,):
            raise SpecError(_wrong_outputs(source, graph, suited))
        return graph, suited, []
    tried: list[str] = []
    for suited in data_that_fit(wanted):
        try:
            graph = trace(source.module, suited.input_shape, lines=source.lines)
        except InputMisfitError as error:
            tried.append(str(error))
            continue
        if graph.output.shape == (suited.outputs,):
            said = f"{suited.data.name} ({size_text(suited.shape)}, {count_of(suited.outputs, 'class')})"
            return graph, suited, [f"no --data: {said} fits the network and is what the spec has"]
        tried.append(f"it gives {size_text(graph.output.shape)}")
    shape = f" with an input of {size_text(wanted)}" if wanted else ""
    reasons = "".join(f"\n  {reason}" for reason in dict.fromkeys(tried[:4]))
    raise SpecError(
        f"{source.said}: no data set with a name fits the network{shape}; give --data NAME, FILE.npz or "
        f"FOLDER of the classes that it is for, and --input CxHxW if images are to be resized.{reasons}"
    )


def _on(source: ModuleSource, suited: Suited) -> Graph:
    try:
        return trace(source.module, suited.input_shape, lines=source.lines)
    except InputMisfitError as error:
        said = f"an input of {size_text(suited.input_shape)} ({suited.data.name}) does not fit; --input takes another"
        raise SpecError([Problem(p.where, f"{p.message}: {said}") for p in error.problems]) from None


def _wrong_outputs(source: ModuleSource, graph: Graph, suited: Suited) -> str:
    return (
        f"{source.said} gives {size_text(graph.output.shape)} for a sample, and {suited.data.name} has "
        f"{count_of(suited.outputs, 'class')}; build the module for these (--arg num_classes={suited.outputs}, if that "
        "is what it calls them), or give other --data"
    )


def _with_classes(layers: Sequence[AnyLayer], classes: int) -> tuple[AnyLayer, ...]:
    """Write the width of the last layer with weights as the word `classes`, as a person would."""
    for at in range(len(layers) - 1, -1, -1):
        layer, changed = layers[at], None
        for field in ("out_features", "out_channels"):
            if getattr(layer, field, None) == classes:
                changed = layer.model_copy(update={field: "classes"})
        if isinstance(layer, Sequential):
            changed = layer.model_copy(update={"layers": _with_classes(layer.layers, classes)})
        if changed is not None:
            return (*layers[:at], changed, *layers[at + 1 :])
        if not (layer.elementwise or layer.squashes or layer.flattens or layer.pools or layer.drops):
            break
    return tuple(layers)


def _losses(layers: Sequence[AnyLayer], suited: Suited) -> dict[str, Any]:
    """Give the loss that wants what the last layer gives, of classes; of another task its usual one."""
    if suited.task.name == "classification":
        return {"loss": Nll() if layers[-1].squashes == "log_probabilities" else CrossEntropy()}
    usual = suited.task.default_loss
    return {"loss": loss_called(usual), "eval_loss": usual}


def _batch_size(layers: Sequence[AnyLayer], suited: Suited, limits: Limits | None) -> int:
    """Give the largest usual batch whose outputs stay within the limits."""
    limits = limits or Limits()
    free = Limits(parameters=2**62, activation_bytes=2**62, layers=2**62)
    each = plan_network(layers, suited.shape, suited.outputs, limits=free).activation_bytes(1)
    size = _MOST_BATCH
    while size > 1 and size * each > limits.activation_bytes:
        size //= 2
    return size


def _training_alone(module: nn.Module, graph: Graph, evaluated: bool) -> Iterator[str]:
    """Say what evaluation does not show."""
    if evaluated and graph.skipped:
        first, *others = graph.skipped
        more = f", and {len(others)} more," if others else ""
        yield f"{first}{more} left out: it does something in training only, and the language has no layer for it."
    if evaluated:
        yield "Taken as it computes in evaluation; dropout that is called as a function in training is not here."
    frozen = sum(parameter.numel() for parameter in module.parameters() if not parameter.requires_grad)
    if frozen:
        yield f"{count_of(frozen, 'parameter')} of the module did not learn (requires_grad false); here all do."


def _left_out(module: nn.Module, found: FoundLayers) -> Iterator[str]:
    """Say which parameters take no part in forward."""
    used = {id(tensor) for tensors in found.tensors for tensor in tensors.values()}
    rest = {name: value.numel() for name, value in module.named_parameters() if id(value) not in used}
    if rest:
        first, *others = rest
        more = f" and {count_of(len(others), 'other')}" if others else ""
        numbers = count_of(sum(rest.values()), "parameter")
        yield f"{first}{more} ({numbers}) take no part in forward and are left out."


def _give_weights(network: nn.Sequential, plan: NetworkPlan, tensors: Sequence[Mapping[str, Tensor]]) -> None:
    """Copy the module's tensors into the network: both have them in the order of the layers."""
    held = (
        dict([*layer.named_parameters(), *layer.named_buffers()]) for _, layer, _ in placed_layers(network, plan.rows)
    )
    with torch.no_grad():
        for mine, given in zip(filter(None, held), tensors, strict=True):
            for name, value in given.items():
                mine[name].copy_(value.reshape(mine[name].shape))  # factors of channels stand as maps of 1x1 too


def _compared(module: nn.Module, network: nn.Module, plan: NetworkPlan, suited: Suited, evaluated: bool) -> float:
    """Give the largest difference of the outputs as a fraction of the largest one; `SpecError` for another network.

    In training too, unless something drops at random.
    """
    x = torch.randn(_SAMPLES, *suited.shape, generator=torch.Generator().manual_seed(0))
    if wanted := [values.count for values in embedded_values(plan)]:
        x = x.abs().floor().clamp(max=min(wanted) - 1)
    given = x.flatten(1) if suited.flat else x
    difference = 0.0
    drops = any(row.layer.draws for row in plan.walk())
    for training in (False,) if evaluated or drops else (False, True):
        with _as_it_was(module), _as_it_was(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            module.train(training)
            network.train(training)
            theirs, ours = module(given.clone()), network(x)
            largest = float(theirs.abs().max())
            apart = float((ours - theirs).abs().max()) / largest if largest else float(ours.abs().max())
            if not apart <= (_TOLERANCE_IN_TRAINING if training else TOLERANCE):
                random = not training and bool((theirs != module(given.clone())).any())
                raise SpecError(Problem(place_of_forward(module), _another_network(apart, training, random)))
        if not training:
            difference = apart
    return difference


def _another_network(apart: float, training: bool, random: bool) -> str:
    mode = "training" if training else "evaluation"
    why = (
        "it gives other outputs each time, so it drops at random in evaluation too (F.dropout without "
        "training=self.training?)"
        if random
        else "it does something that tracing did not see, such as changing a value in place behind its back"
    )
    return (
        f"the network that was found is another one than the module: in {mode} its outputs differ by {apart:.1e} of "
        f"the largest; {why}. Nothing was written."
    )


@contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Put back what running a module changes: statistics of its normalisations, and the mode."""
    state: dict[str, Any] = {name: value.clone() for name, value in module.named_buffers()}
    mode = module.training
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in module.named_buffers():
                value.copy_(state[name])
        module.train(mode)
