"""A planned network on the C++ engine: it reads torch's weights and writes torch's gradients.

    native = NativeNetwork(plan, CrossEntropy(), model, threads=2)
    loss_sum, correct = native.gradients(x, rows, y[rows])     # model's .grad hold the gradient of the mean loss
    outputs = native.outputs(x, rows)                    # (N, classes)

The model's parameters stay where they are; whoever changes them in place (an optimiser, load_state_dict) is seen.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsearch.native.library import CBatch, COperation, CProgram, Library, load_library, why_missing
from archsearch.native.planner import compile_network, place
from archsearch.native.program import NOTHING, Operation, Program, Vectors
from archsearch.spec.losses import AnyLoss
from archsearch.spec.network import NetworkPlan

if TYPE_CHECKING:
    from torch import Tensor, nn


class NativeNetwork:
    """Holds the engine of one network, its threads and buffers, until it is forgotten."""

    def __init__(
        self, plan: NetworkPlan, loss: AnyLoss, model: nn.Module, threads: int, library: Library | None = None
    ) -> None:
        import torch

        library = library or load_library()
        if library is None:
            raise RuntimeError(why_missing())
        self._library = library
        self._parameters = list(model.parameters())
        self._dtype = self._parameters[0].dtype
        doubles = int(self._dtype == torch.float64)
        self.program = compile_network(plan, loss)
        assert [parameter.numel() for parameter in self._parameters] == self.program.sizes
        place(self.program, lambda op: self._scratch(op, doubles))
        self._gradients = [torch.zeros_like(parameter) for parameter in self._parameters]
        described = _c_program(self.program)
        self._handle: int | None = library.call.archsearch_create(ctypes.byref(described), threads, doubles)
        if self._handle is None:
            raise MemoryError("no memory for the native engine's buffers")
        weakref.finalize(self, library.call.archsearch_destroy, self._handle)
        self._shape_size = self.program.input.size

    def buffer_bytes(self) -> int:
        """Give the size of one thread's buffer of values and gradients."""
        return self.program.vectors * self._library.lanes * 4  # in double too: half the lanes, twice as wide

    def gradients(self, x: Tensor, rows: Tensor, labels: Tensor) -> tuple[float, int]:
        """Write the gradient of the mean loss over x[rows] with these labels; give summed loss and number correct."""
        loss, correct = ctypes.c_double(), ctypes.c_int64()
        classes = self.program.classes
        if len(labels) != len(rows) or labels.dtype != rows.dtype or not labels.is_contiguous():
            raise ValueError("expected one label (int64) for each row")
        if len(rows) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise IndexError(f"a label is not in 0..{classes - 1}")
        batch = self._batch(x, rows)
        batch.labels = labels.data_ptr()
        failed = self._library.call.archsearch_train(
            self._handle,
            ctypes.byref(batch),
            _addresses(self._parameters),
            _addresses(self._gradients),
            ctypes.byref(loss),
            ctypes.byref(correct),
        )
        if failed:
            raise MemoryError("no memory for the native engine")
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return loss.value, correct.value

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Give the network's outputs for x[rows]."""
        import torch

        given = torch.empty(len(rows), self.program.classes, dtype=self._dtype)
        batch = self._batch(x, rows)
        if self._library.call.archsearch_evaluate(
            self._handle, ctypes.byref(batch), _addresses(self._parameters), given.data_ptr()
        ):
            raise MemoryError("no memory for the native engine")
        return given

    def _batch(self, x: Tensor, rows: Tensor) -> CBatch:
        import torch

        if x.dtype not in (torch.uint8, self._dtype):
            raise TypeError(f"expected uint8 or {self._dtype}, got {x.dtype}")
        if not x.is_contiguous() or not rows.is_contiguous() or rows.dtype != torch.int64:
            raise ValueError("expected contiguous x and rows, rows as int64")
        if x[:1].numel() != self._shape_size or (len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(x)):
            raise IndexError("x has samples of another size, or a row is outside of it")
        return CBatch(x.data_ptr(), int(x.dtype == torch.uint8), rows.data_ptr(), None, len(rows))

    def _scratch(self, operation: Operation, doubles: int) -> int:
        size = int(self._library.call.archsearch_scratch(ctypes.byref(_c_operation(operation)), doubles))
        if size < 0:
            raise MemoryError("no memory for the native engine")
        return size


def _addresses(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def _c_program(program: Program) -> CProgram:
    operations = (COperation * len(program.operations))()
    for i, op in enumerate(program.operations):
        operations[i] = _c_operation(op)
        # The gradients of a value meet on the way back, last reader first: it writes, the others add.
        operations[i].accumulate = int(not op.in_place and i != max(op.input.readers))
        operations[i].accumulate_other = int(op.other is not None and i != max(op.other.readers))
    return CProgram(
        operations,
        len(program.operations),
        len(program.sizes),
        (ctypes.c_int64 * len(program.sizes))(*program.sizes),
        program.vectors,
        program.input.at,
        program.input.size,
        program.output.at,
        program.output.gradient_at,
        program.classes,
        program.loss,
        program.smoothing,
    )


def _c_operation(op: Operation) -> COperation:
    def gradient(value: Vectors | None) -> int:
        return value.gradient_at if value is not None and value.learns else NOTHING

    result = COperation(
        kind=op.kind,
        function=op.function,
        input=op.input.at,
        output=op.output.at,
        input_gradient=gradient(op.input),
        output_gradient=gradient(op.output),
        scratch=op.scratch_at,
        groups=op.groups,
        weight=op.weight,
        bias=op.bias,
        other=op.other.at if op.other is not None else NOTHING,
        other_gradient=gradient(op.other),
        a=op.a,
        b=op.b,
    )
    result.channels, result.height, result.width = op.input_shape
    result.out_channels, result.out_height, result.out_width = op.output_shape
    for name in ("kernel", "stride", "padding", "dilation"):
        first, second = getattr(op, name)
        setattr(result, name, (ctypes.c_int32 * 2)(first, second))
    return result
