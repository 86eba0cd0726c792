"""A planned network on the C++ engine: it reads torch's weights and writes torch's gradients.

    native = NativeNetwork(plan, CrossEntropy(), model, threads=2)
    loss_sum, correct = native.gradients(x, rows, y[rows])     # model's .grad hold the gradient of the mean loss
    outputs = native.outputs(x, rows)                    # (N, outputs)

The model's parameters and running statistics stay where they are; whoever changes them in place (an optimiser,
load_state_dict) is seen.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsearch.native.library import CBatch, COperation, CProgram, Library, load_library, why_missing
from archsearch.native.placing import place
from archsearch.native.planner import compile_network
from archsearch.native.program import NOTHING, Operation, Program, Vectors
from archsearch.spec.loss_functions import as_outputs
from archsearch.spec.losses import AnyLoss
from archsearch.spec.network import NetworkPlan
from archsearch.task import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class NativeNetwork:
    """Holds the engine of one network, its threads and buffers, until it is forgotten."""

    def __init__(
        self,
        plan: NetworkPlan,
        loss: AnyLoss,
        model: nn.Module,
        threads: int,
        library: Library | None = None,
        task: Task | None = None,
    ) -> None:
        import torch

        library = library or load_library()
        if library is None:
            raise RuntimeError(why_missing())
        self._library = library
        self._parameters = list(model.parameters())
        self._dtype = self._parameters[0].dtype
        doubles = int(self._dtype == torch.float64)
        self._lanes = int(library.call.archsearch_lanes(doubles))
        self.program = compile_network(plan, loss, task)
        assert [parameter.numel() for parameter in self._parameters] == self.program.sizes
        place(self.program, lambda op: self._scratch(op, doubles))
        self._norms = _batch_norms(model)
        assert len(self._norms) == len(self.program.norms)
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

    def kept_bytes(self, batch_size: int) -> int:
        """Give the size of what is kept of a batch from one pass to another."""
        groups = -(-batch_size // self._lanes)
        return groups * self.program.kept * self._library.lanes * 4

    def gradients(
        self,
        x: Tensor,
        rows: Tensor,
        targets: Tensor,
        key: int = 0,
        weights: Tensor | None = None,
        outputs: Tensor | None = None,
    ) -> tuple[float, int]:
        """Write the gradient of the mean loss over x[rows] with these targets; give summed loss and number correct.

        Targets are classes (N,), of other tasks (N,) or (N, outputs), where none counts as correct. `weights` (N,) are
        what each sample's loss is multiplied by. To `outputs` (N, outputs), where it is given, goes what the network
        gave in training. Batch norms normalise by the batch, and their running statistics follow. What dropout drops is
        made of `key` (0 <= key < 2**64; source/dropout.h has the formula). Raises `ValueError` where a batch norm would
        see one value.
        """
        loss, correct = ctypes.c_double(), ctypes.c_int64()
        targets = self._targets(targets, rows)
        for op in self.program.norms:
            if len(rows) * op.input_shape[1] * op.input_shape[2] < 2:
                raise ValueError("expected more than 1 value per channel when training with a batch norm")
        batch = self._batch(x, rows)
        if self.program.of_classes:
            batch.labels = targets.data_ptr()
        else:
            batch.targets = targets.data_ptr()
        if weights is not None:
            weights = weights.double().contiguous()
            if weights.shape != rows.shape:
                raise ValueError("expected one weight for each row")
            batch.weights = weights.data_ptr()
        if outputs is not None:
            self._check_outputs(outputs, rows)
            batch.outputs = outputs.data_ptr()
        batch.key = key
        failed = self._library.call.archsearch_train(
            self._handle,
            ctypes.byref(batch),
            _addresses(self._parameters),
            self._running(),
            _addresses(self._gradients),
            ctypes.byref(loss),
            ctypes.byref(correct),
        )
        if failed:
            raise MemoryError("no memory for the native engine")
        for norm in self._norms:
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return loss.value, correct.value

    def outputs(self, x: Tensor, rows: Tensor) -> Tensor:
        """Give the network's outputs for x[rows] in evaluation: running statistics, nothing dropped."""
        import torch

        given = torch.empty(len(rows), self.program.outputs, dtype=self._dtype)
        batch = self._batch(x, rows)
        if self._library.call.archsearch_evaluate(
            self._handle, ctypes.byref(batch), _addresses(self._parameters), self._running(), given.data_ptr()
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
        return CBatch(x=x.data_ptr(), bytes=int(x.dtype == torch.uint8), rows=rows.data_ptr(), size=len(rows))

    def _targets(self, targets: Tensor, rows: Tensor) -> Tensor:
        """Give targets as the engine reads them: classes int64 (N,), others as numbers (N, outputs)."""
        outputs = self.program.outputs
        if not self.program.of_classes:
            if len(targets) != len(rows) or targets[:1].numel() != min(len(rows), 1) * outputs:
                raise ValueError(f"expected {outputs} target{'s' * (outputs != 1)} for each row")
            like = targets.new_empty(len(rows), outputs, dtype=self._dtype)
            return as_outputs(like, targets).to(self._dtype).contiguous()
        if len(targets) != len(rows) or targets.dtype != rows.dtype or not targets.is_contiguous():
            raise ValueError("expected one label (int64) for each row")
        if len(rows) and not 0 <= int(targets.min()) <= int(targets.max()) < outputs:
            raise IndexError(f"a label is not in 0..{outputs - 1}")
        return targets

    def _check_outputs(self, outputs: Tensor, rows: Tensor) -> None:
        shape = (len(rows), self.program.outputs)
        if outputs.shape != shape or outputs.dtype != self._dtype or not outputs.is_contiguous():
            raise ValueError(f"expected contiguous outputs of the shape {shape}, {self._dtype}")

    def _running(self) -> ctypes.Array[ctypes.c_void_p]:
        running = (one for norm in self._norms for one in (norm.running_mean, norm.running_var))
        return _addresses([one for one in running if one is not None])

    def _scratch(self, operation: Operation, doubles: int) -> int:
        size = int(self._library.call.archsearch_scratch(ctypes.byref(_c_operation(operation)), doubles))
        if size < 0:
            raise MemoryError("no memory for the native engine")
        return size


def _batch_norms(model: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    from torch import nn

    return [module for module in model.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]


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
        program.kept,
        program.input.at,
        program.input.size,
        program.output.at,
        program.output.gradient_at,
        program.outputs,
        program.loss,
        program.a,
        program.b,
        (ctypes.c_double * len(program.weights))(*program.weights) if program.weights else None,
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
        number=op.number,
        again=int(op.again),
        between=op.between_at,
        a=op.a,
        b=op.b,
        eps=op.eps,
        momentum=op.momentum,
        drop=op.drop,
    )
    result.channels, result.height, result.width = op.input_shape
    result.out_channels, result.out_height, result.out_width = op.output_shape
    for name in ("kernel", "stride", "padding", "dilation"):
        first, second = getattr(op, name)
        setattr(result, name, (ctypes.c_int32 * 2)(first, second))
    return result
