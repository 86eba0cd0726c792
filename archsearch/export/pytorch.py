"""A network as a Python file that needs torch only: an `nn.Sequential` with a shape beside each layer.

    source = pytorch_source(load_plan("lenet5"))       # defines build_model()

Its `state_dict` has the keys of a run's `model.safetensors`. Classes that torch lacks are copied into the file from
`spec/modules.py`, so that there is one text of each.
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence

import torch
from torch import nn

from archsearch.data.inputs import Inputs
from archsearch.experiment_plan import ExperimentPlan
from archsearch.export.calls import arguments_of_block, call_of, class_name, written_arguments, written_value
from archsearch.export.copied import Copied
from archsearch.spec.layers import Block, size_text
from archsearch.spec.layers.own import Own
from archsearch.spec.layers.own_module import given_to_own
from archsearch.spec.network import NetworkPlan, PlannedLayer, build_network

INDENT = "    "


def pytorch_source(plan: ExperimentPlan, inputs: Inputs | None = None) -> str:
    """Give the text of a Python file with `build_model()`, which gives the network with torch's random weights.

    `inputs` are those of the run whose weights it is for: they have the numbers that targets were scaled by.
    """
    copied, body = model_source(plan.network)
    return f"{_about(plan, inputs)}\n{copied.text()}\n\n\n{body}"


def model_source(network: NetworkPlan) -> tuple[Copied, str]:
    """Give what the function `build_model` needs, and its text."""
    with torch.device("meta"):
        model = build_network(network)
    copied = Copied({"OrderedDict": "from collections import OrderedDict", "nn": "from torch import nn"})
    lines = [
        "def build_model() -> nn.Sequential:",
        f'{INDENT}"""Build the network: (N, {", ".join(map(str, network.input_shape))}) -> '
        f'(N, {", ".join(map(str, network.output_shape))})."""',
    ]
    first, *others = _sequential(model, network.rows, copied)
    lines += _indented([f"return {first}", *others])
    return copied, "\n".join(lines) + "\n"


def harmless(text: str) -> str:
    """Write a text as one line that cannot end the docstring it stands in: a spec's words come from anywhere."""
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return shown.replace("\\", "\\\\").replace('"', "'")


def _about(plan: ExperimentPlan, inputs: Inputs | None) -> str:
    spec, network = plan.spec, plan.network
    said = f"{spec.name}: {spec.summary}" if spec.summary else spec.name
    return f'''"""{harmless(said)}

{network.parameters:,} parameters; reads {size_text(network.input_shape)} values of {spec.data.name} for each sample, \
gives {plan.facts.task.said}.

    model = build_model()
    model.load_state_dict(safetensors.torch.load_file("model.safetensors"))  # the weights of a training
{"".join(f"{line}{chr(10)}" for line in _in_their_unit(plan, inputs))}"""
'''


def _in_their_unit(plan: ExperimentPlan, inputs: Inputs | None) -> list[str]:
    """Say how outputs become predictions in the unit of the targets; nothing where they are in it."""
    if plan.spec.train.loss.link == "exp":
        return ["", "Outputs are the logarithm of the predicted rate:", "", "    predictions = model(x).exp()"]
    if not plan.spec.data.normalize_targets:
        return []
    said = ["", "Outputs are of targets with mean 0 and deviation 1, as trained on. In the unit of the targets:"]
    if inputs is None or inputs.target_mean is None or inputs.target_deviation is None:
        return [*said, "", "    predictions = model(x) * deviation + mean  # of the targets of the training part"]
    mean, deviation = (list(values) for values in (inputs.target_mean, inputs.target_deviation))
    return [*said, "", f"    predictions = model(x) * torch.tensor({deviation}) + torch.tensor({mean})"]


def _sequential(module: nn.Module, rows: Sequence[PlannedLayer], copied: Copied) -> list[str]:
    """Write an `nn.Sequential` whose children carry the rows' names, as lines."""
    children = dict(module.named_children())
    if not children:
        return ["nn.Sequential()"]
    words = any(keyword.iskeyword(name) for name in children)  # `if=` would be no argument
    lines: list[str] = []
    for (name, child), row in zip(children.items(), rows, strict=True):
        key = f'"{name}": ' if words else f"{name}="
        lines += _item(key, _module(child, row, copied), f"  # {size_text(row.output_shape)}")
    opening, closing = ("OrderedDict({", "})") if words else ("OrderedDict(", ")")
    return ["nn.Sequential(", *_indented([opening, *_indented(lines), closing]), ")"]


def _module(module: nn.Module, row: PlannedLayer, copied: Copied) -> list[str]:
    """Write what a row is built as: a layer by its call, a block with what is in it."""
    if isinstance(row.layer, Block) and isinstance(module, nn.Sequential):
        (branch,) = row.branches
        return _sequential(module, branch.rows, copied)
    cls = type(module)
    name = class_name(cls)
    if name == cls.__name__:
        copied.definition(cls)
    if isinstance(row.layer, Own):
        return [f"{name}({written_arguments(cls, given_to_own(row.layer, row.input_shape))})"]
    if not isinstance(row.layer, Block):
        return [call_of(module)]
    branches = {branch.name: branch.rows for branch in row.branches}
    lines: list[str] = []
    for child_name, child in module.named_children():
        rows = branches.get(child_name, ())
        alone = not isinstance(child, nn.Sequential)
        if alone:
            written = _module(child, rows[0], copied) if rows else [call_of(child)]
        else:
            written = _sequential(child, rows, copied)
        lines += _item(
            f'"{child_name}": ', written, f"  # {size_text(rows[-1].output_shape)}" if alone and rows else ""
        )
    said = [f"{key}={written_value(value)}" for key, value in arguments_of_block(module).items()]
    return [f"{name}(", *_indented(["{", *_indented(lines), "},", *(f"{word}," for word in said)]), ")"]


def _item(key: str, lines: list[str], remark: str) -> list[str]:
    """Write an item of a list of arguments; the remark stands where the item begins."""
    if len(lines) == 1:
        return [f"{key}{lines[0]},{remark}"]
    return [f"{key}{lines[0]}{remark}", *lines[1:-1], f"{lines[-1]},"]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"{INDENT}{line}" for line in lines]
