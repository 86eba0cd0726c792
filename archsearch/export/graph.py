"""A network as one graph: `torch.export`'s program, from which ONNX is made too.

    graph = graph_of(subject.model(), inputs, with_preparation=True)
    content = program_bytes(graph)

The batch is of any size. Layers whose names Python keeps for itself (`if`) get an underscore: graphs are written as
code.
"""

from __future__ import annotations

import copy
import io
import keyword
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archsearch.data.inputs import Inputs
from archsearch.data.prepare import to_float
from archsearch.errors import UsageError
from archsearch.export.chosen import examples

CHECKED = 256  # made-up samples that a file's outputs are compared on
MOST_OFF = 1e-5  # largest difference of an output, relative to outputs above 1


_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node")  # where in whose folders a node comes from


class Prepared(nn.Module):
    """A network behind the preparation of its data: stored samples (N, *shape), uint8 or float32 -> outputs.

    These are in the unit of the targets, also where the training had them scaled.
    """

    mean: Tensor | None
    deviation: Tensor | None
    target_mean: Tensor | None
    target_deviation: Tensor | None

    def __init__(self, model: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.model = model
        for name, values in (("mean", inputs.mean), ("deviation", inputs.deviation)):
            along = (1, -1, *[1] * (len(inputs.shape) - 1))
            self.register_buffer(name, None if values is None else torch.tensor(values).reshape(along))
        for name, of_targets in (("target_mean", inputs.target_mean), ("target_deviation", inputs.target_deviation)):
            self.register_buffer(name, None if of_targets is None else torch.tensor(of_targets))
        self.link = inputs.link

    def forward(self, x: Tensor) -> Tensor:
        """Scale, normalise where the training did, apply the network, and undo what was done to the targets."""
        x = to_float(x)
        if self.mean is not None and self.deviation is not None:
            x = (x - self.mean) / self.deviation
        given: Tensor = self.model(x)
        if self.target_mean is not None and self.target_deviation is not None:
            given = given * self.target_deviation + self.target_mean
        return given.exp() if self.link == "exp" else given


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """A module in evaluation mode, samples for it (256, *shape), and what it gives for them.

    `rounding` is how far float32 itself takes these outputs from those of float64.
    """

    module: nn.Module
    samples: Tensor
    outputs: Tensor
    rounding: float = 0.0


def graph_of(model: nn.Sequential, inputs: Inputs, *, with_preparation: bool) -> NetworkGraph:
    """Put the preparation before the network if asked for; compute what a file of it must give."""
    model = _speakable(model)
    stored = examples(inputs, CHECKED)
    read = inputs.reader()(stored)
    module, samples = (Prepared(model, inputs), stored) if with_preparation else (model, read)
    module = module.eval()
    with torch.inference_mode():
        outputs, exact = module(samples), copy.deepcopy(model).eval().double()(read.double())
        return NetworkGraph(module, samples, outputs, float((outputs - exact).abs().max()))


def program_bytes(graph: NetworkGraph) -> tuple[bytes, float]:
    """Give a .pt2 file and its largest difference from the network; raise `UsageError` where it cannot be made."""
    try:
        program = exported(graph)
    except Exception as problem:  # torch.export raises whatever a traced module does
        raise UsageError(f"the network cannot be written as a program: {first_line(problem)}") from None
    for node in program.graph.nodes:
        for key in _TRACES:
            node.meta.pop(key, None)
    inner = io.BytesIO()
    torch.export.save(program, inner)
    content = inner.getvalue()
    again = torch.export.load(io.BytesIO(content)).module()
    with torch.inference_mode():
        return content, must_agree(graph, again, "the program")


def exported(graph: NetworkGraph) -> torch.export.ExportedProgram:
    """Trace the module with a batch of any size."""
    batch = torch.export.Dim("batch")
    return torch.export.export(graph.module, (graph.samples[:2],), dynamic_shapes=({0: batch},))


def must_agree(graph: NetworkGraph, compute: Callable[[Tensor], Tensor], what: str) -> float:
    """Give the largest difference on all samples, in batches of 1 and 256; raise `UsageError` where it is too large."""
    found, one = compute(graph.samples), compute(graph.samples[:1])
    difference = max(float((found - graph.outputs).abs().max()), float((one - graph.outputs[:1]).abs().max()))
    # a network that makes rounding larger does so in another order of additions too
    if not difference <= max(MOST_OFF * max(1.0, float(graph.outputs.abs().max())), 4 * graph.rounding):
        raise UsageError(
            f"{what} was not written: its outputs differ from the network's by up to {difference:.1e} on {CHECKED} "
            f"made-up samples, more than {MOST_OFF:.0e}"
        )
    return difference


def first_line(problem: BaseException) -> str:
    """Give the sentence at the bottom of an error, or its class where it says nothing."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(problem).__name__


def _speakable(model: nn.Sequential) -> nn.Sequential:
    """Give the network under names that can stand in code."""
    if not any(keyword.iskeyword(part) for name, _ in model.named_modules() for part in name.split(".")):
        return model
    model = copy.deepcopy(model)
    for module in model.modules():
        children, renamed = dict(module.named_children()), dict[str, nn.Module]()
        for name, child in children.items():
            spoken = name
            while keyword.iskeyword(spoken) or (spoken != name and spoken in {*children, *renamed}):
                spoken += "_"
            renamed[spoken] = child
        for name in children:
            delattr(module, name)
        for spoken, child in renamed.items():
            module.add_module(spoken, child)
    return model
