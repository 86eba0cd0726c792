"""The engine of another processor, run by an emulator, in the place of a loaded library.

    with emulated(program_of("aarch64-linux-gnu-g++", folder), "qemu-aarch64") as library:
        pair(network, shape, variant=library)       # as with any other

`emulated.cpp` is the other side of the pipe. Both processors hold numbers and structs alike (64 bit, little endian).
"""

from __future__ import annotations

import ctypes
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsearch.native.build import FLAGS, HERE, WARNINGS
from archsearch.native.library import CBatch, COperation, CProgram, Library
from archsearch.native.program import OperationKind


def program_of(compiler: str, folder: Path) -> Path:
    """Compile the kernels and the program around them, with all that it needs inside."""
    made = folder / "emulated"
    sources = [str(HERE / "source" / "interface.cpp"), str(Path(__file__).parent / "emulated.cpp")]
    arguments = [compiler, *FLAGS, *WARNINGS, "-static", "-I", str(HERE / "source"), *sources, "-o", str(made)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return made


@contextmanager
def emulated(program: Path, emulator: str) -> Iterator[Library]:
    """Run the program while the context lasts."""
    with subprocess.Popen([emulator, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        library = EmulatedLibrary(process)
        yield library
        process.kill()


class EmulatedLibrary(Library):
    """A `Library` whose functions ask the process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.variant = "emulated"
        self.call: Any = _Calls(process)


class _Calls:
    """The functions of source/interface.cpp, with ctypes' structs and pointers as `NativeNetwork` hands them over."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.programs: dict[int, tuple[CProgram, list[int], list[int], int]] = {}
        self.forgotten: list[int] = []

    def ask(self, *sent: bytes) -> None:
        """Send one whole command, and before it those that nobody waits for."""
        assert self.process.stdin is not None
        forgotten, self.forgotten = self.forgotten, []
        self.process.stdin.write(b"".join((*(b"d" + struct.pack("<q", one) for one in forgotten), *sent)))
        self.process.stdin.flush()

    def take(self, size: int) -> bytes:
        assert self.process.stdout is not None
        read = self.process.stdout.read(size)
        assert len(read) == size, "the emulated program has ended"
        return read

    def number(self, form: str) -> int:
        return int(struct.unpack("<" + form, self.take(struct.calcsize(form)))[0])

    def archsearch_lanes(self, doubles: int) -> int:
        self.ask(b"l", struct.pack("<i", doubles))
        return self.number("i")

    def archsearch_size(self, which: int) -> int:
        self.ask(b"z", struct.pack("<i", which))
        return self.number("i")

    def archsearch_scratch(self, operation: Any, doubles: int) -> int:
        self.ask(b"s", bytes(operation._obj), struct.pack("<i", doubles))
        return self.number("q")

    def archsearch_create(self, described: Any, threads: int, doubles: int) -> int | None:
        program: CProgram = described._obj
        operations = bytes((COperation * program.count).from_address(ctypes.addressof(program.operations.contents)))
        sizes = [program.sizes[i] for i in range(program.parameters)]
        weights = [program.weights[i] for i in range(program.outputs)] if program.weights else []
        blocks = (operations, _packed("q", sizes), _packed("d", weights))
        self.ask(b"c", bytes(program), *map(_sized, blocks), struct.pack("<ii", threads, doubles))
        handle = self.number("q")
        if handle < 0:
            return None
        norms = [program.operations[i] for i in range(program.count)]
        channels = [op.channels for op in norms if op.kind == OperationKind.BATCH_NORM for _ in range(2)]
        self.programs[handle] = (program, sizes, channels, 8 if doubles else 4)
        return handle

    def archsearch_destroy(self, handle: int) -> None:
        self.forgotten.append(handle)  # it is called whenever Python collects, in the midst of a command too

    def archsearch_train(
        self, handle: int, batch: Any, weights: Any, running: Any, gradients: Any, loss: Any, correct: Any
    ) -> int:
        return self.step(b"t", handle, batch._obj, weights, running, batch._obj.outputs, gradients, loss, correct)

    def archsearch_evaluate(self, handle: int, batch: Any, weights: Any, running: Any, outputs: int) -> int:
        return self.step(b"e", handle, batch._obj, weights, running, outputs)

    def step(
        self,
        what: bytes,
        handle: int,
        batch: CBatch,
        weights: Any,
        running: Any,
        outputs: int | None,
        gradients: Any = None,
        loss: Any = None,
        correct: Any = None,
    ) -> int:
        """Send all that a step reads; write what it gave where the engine would have written it."""
        program, sizes, channels, width = self.programs[handle]
        rows = ctypes.string_at(batch.rows, 8 * batch.size)
        last = max(struct.unpack(f"<{batch.size}q", rows))
        given = batch.size * program.outputs * width
        blocks = (
            (batch.x, (last + 1) * program.input_size * (1 if batch.bytes else width)),
            (batch.rows, 8 * batch.size),
            (batch.labels, 8 * batch.size),
            (batch.targets, given),
            (batch.weights, 8 * batch.size),
            (outputs, given),
        )
        sent = [what, struct.pack("<q", handle), bytes(batch)]
        sent += [_sized(ctypes.string_at(at, size) if at else b"") for at, size in blocks]
        for places, lengths in ((weights, sizes), (running, channels)):
            sent.append(struct.pack("<q", len(lengths)))
            sent += [_sized(ctypes.string_at(at, n * width)) for at, n in zip(places, lengths, strict=True)]
        self.ask(*sent)
        failed = self.number("i")
        summed, right = struct.unpack("<dq", self.take(16))
        if outputs:
            ctypes.memmove(outputs, self.take(given), given)
        for at, n in zip(running, channels, strict=True):
            ctypes.memmove(at, self.take(n * width), n * width)
        for i, n in enumerate(sizes):
            written = self.take(n * width)
            if gradients is not None:
                ctypes.memmove(gradients[i], written, n * width)
        if loss is not None:
            loss._obj.value, correct._obj.value = summed, right
        return failed


def _sized(block: bytes) -> bytes:
    return struct.pack("<q", len(block)) + block


def _packed(form: str, numbers: list[Any]) -> bytes:
    return struct.pack(f"<{len(numbers)}{form}", *numbers)
