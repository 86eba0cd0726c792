"""The initial weights of a run, written out: each layer is made again with a seed of its own.

    lines = seeding(plan)           # defines initial_model(seed)

A run seeds each layer while it is made; a script makes the network first, and then each layer's weights anew.
"""

from __future__ import annotations

import torch

from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.placed import placed_layers
from archsearch.spec.network import build_network
from archsearch.train.loop import initial_network
from archsearch.train.streams import stream

_BODY, _SHORTCUT = (".body.", "."), (".shortcut", ".projection")


def seeding(plan: ExperimentPlan) -> list[str]:
    """Give the lines of `initial_model`; raise `UsageError` where weights cannot be made again layer by layer."""
    with torch.device("meta"):
        model = build_network(plan.network)
    names = {place: row.name for place, _, row in placed_layers(model, plan.network.rows) if row.parameters}
    _must_start_alike(plan, names)
    name, before = "name", []
    if any(place != seeded for place, seeded in names.items()):
        name = f"name.replace{_BODY}.replace{_SHORTCUT}".replace("'", '"')
        if any(place.replace(*_BODY).replace(*_SHORTCUT) != seeded for place, seeded in names.items()):
            # a layer of the network is itself called `body` or `shortcut`
            name, before = "SEEDED_AS.get(name, name)", [f"SEEDED_AS = {names!r}", "", ""]
    return [
        *before,
        "def initial_model(seed: int) -> nn.Sequential:",
        '    """Build the network; a layer\'s initial weights depend on the seed and its name only."""',
        "    model = build_model()",
        *_each_layer(any(list(model.get_submodule(place).children()) for place in names)),
        f'            torch.manual_seed(stream(seed, "init", {name}))',
        "            layer.reset_parameters()",
        "    return model",
    ]


def _each_layer(some_have_parts: bool) -> list[str]:
    """Give the head of a loop over the layers; what a layer is made of is drawn with it, and not once more."""
    if not some_have_parts:
        return [
            "    for name, layer in model.named_modules():",
            '        if hasattr(layer, "reset_parameters"):',
        ]
    return [
        '    drawn = "?"',
        "    for name, layer in model.named_modules():",
        '        if hasattr(layer, "reset_parameters") and not name.startswith(drawn):',
        '            drawn = f"{name}."',
    ]


def _must_start_alike(plan: ExperimentPlan, names: dict[str, str]) -> None:
    """Do what the script does, and raise `UsageError` where the weights are not those that a run starts from."""
    wanted, again = initial_network(plan, 0), initial_network(plan, 1)
    with torch.random.fork_rng(devices=[]):
        for place, seeded in names.items():
            layer = again.get_submodule(place)
            torch.manual_seed(stream(0, "init", seeded))
            if callable(reset := getattr(layer, "reset_parameters", None)):
                reset()
    found = again.state_dict()
    for key, value in wanted.state_dict().items():
        if not torch.equal(value, found[key]):
            layers = [again.get_submodule(place) for place in names if key.startswith(f"{place}.")]
            class_ = next((type(layer).__name__ for layer in layers if not hasattr(layer, "reset_parameters")), "")
            way = f"; give {class_} a method reset_parameters that draws what making it draws" if class_ else ""
            raise UsageError(f"the initial weights {key} cannot be made again by a script of torch alone{way}")
