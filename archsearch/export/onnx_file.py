"""A network as an ONNX file, checked with onnxruntime; and one of 8-bit numbers with its accuracy beside the float one.

    content, difference = onnx_bytes(graph, plan.network, about)
    quantized = int8_bytes(content, calibration)
    measured(content, samples), measured(quantized, samples)

The extra `onnx` is imported here only, and late.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.errors import UsageError
from archsearch.export.graph import NetworkGraph, first_line, must_agree
from archsearch.export.placed import placed_layers
from archsearch.spec.network import NetworkPlan, build_network

INPUT, OUTPUT = "input", "output"
_AT_ONCE = 256
_PARTS = ("onnx", "onnxscript", "onnxruntime")


def need_onnx() -> None:
    """Raise `UsageError` where the extra is not installed."""
    try:
        for part in _PARTS:
            import_module(part)
    except ImportError:
        raise UsageError("writing ONNX is an extra: pip install 'archsearch[onnx]'") from None


def onnx_bytes(graph: NetworkGraph, network: NetworkPlan, about: Mapping[str, str]) -> tuple[bytes, float]:
    """Give an ONNX file and its largest difference from the network on 256 samples; `about` is kept in the file.

    Raises `UsageError` that names the first layer that ONNX cannot express, or a difference that is too large.
    """
    need_onnx()
    try:
        model = _onnx_model(graph.module, graph.samples[:2])
    except Exception as problem:  # the exporter raises whatever it meets
        raise UsageError(_culprit(network) or f"ONNX cannot express the network: {first_line(problem)}") from None
    _without_traces(model.graph)
    import_module("onnx.helper").set_model_props(model, dict(about))
    content: bytes = model.SerializeToString()
    return content, must_agree(graph, lambda x: measured(content, x), "the ONNX file")


def measured(content: bytes, samples: Tensor) -> Tensor:
    """Give what onnxruntime computes with a file of these samples (N, *shape), on the CPU."""
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [session.run(None, {INPUT: some.numpy()})[0] for some in torch.split(samples, _AT_ONCE)]
    return torch.cat([torch.from_numpy(one) for one in found])


def int8_bytes(content: bytes, calibration: Tensor) -> bytes:
    """Quantize a file statically: 8-bit weights per channel, 8-bit activations by the range of these samples."""
    quantization = import_module("onnxruntime.quantization")
    reader = _Reader(calibration)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        raw, shaped, small = (Path(folder) / name for name in ("raw.onnx", "shaped.onnx", "int8.onnx"))
        raw.write_bytes(content)
        try:
            quantization.quant_pre_process(str(raw), str(shaped), skip_symbolic_shape=True)
            quantization.quantize_static(str(shaped), str(small), reader, per_channel=True)
        except Exception as problem:  # onnxruntime raises whatever it meets
            raise UsageError(f"the ONNX file cannot be quantized: {first_line(problem)}") from None
        return small.read_bytes()


class _Reader:
    """Hands calibration samples to onnxruntime, a batch at a time."""

    def __init__(self, samples: Tensor) -> None:
        self.batches: Iterator[Tensor] = iter(torch.split(samples, _AT_ONCE))

    def get_next(self) -> dict[str, Any] | None:
        """Give the next batch, None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch.numpy()}


def _onnx_model(module: nn.Module, samples: Tensor) -> Any:
    with _quiet():
        program = torch.onnx.export(
            module,
            (samples,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter and the quantizer print, log and warn of: nothing that a user could change."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _culprit(network: NetworkPlan) -> str | None:
    """Export each layer by itself, and say which is the first that cannot be."""
    for _, module, row in placed_layers(build_network(network), network.rows):
        try:
            _onnx_model(module.eval(), torch.zeros(2, *row.input_shape))
        except Exception as problem:  # see above
            return f"{row.name} ({row.kind}): ONNX cannot express it: {first_line(problem)}"
    return None


def _without_traces(graph: Any) -> None:
    """Take out of a file where in whose folders its nodes come from."""
    values: Sequence[Any] = (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for value in values:
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    graph.ClearField("metadata_props")
