"""The kernels of 64-bit ARM (NEON): compiled by a cross compiler, run by an emulator, beside torch on this machine.

On Debian: g++-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from archsearch.native.library import CBatch, COperation, CProgram, Library
from tests.native.conftest import assert_same, pair
from tests.native.emulated import emulated, program_of
from tests.native.test_batch import NETWORK, SHAPE
from tests.native.test_kernels import ACTIVATIONS, FIRST, HEAD, MAPS, SIGNALS
from tests.native.test_losses import TASKS
from tests.native.test_network import cases, check_random_network, free

COMPILER, EMULATOR, DISASSEMBLER = "aarch64-linux-gnu-g++", "qemu-aarch64", "aarch64-linux-gnu-objdump"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    absent = [name for name in (COMPILER, EMULATOR, DISASSEMBLER) if shutil.which(name) is None]
    if absent:
        pytest.skip(f"no {' and no '.join(absent)} (Debian: g++-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user)")
    return program_of(COMPILER, tmp_path_factory.mktemp("neon"))


@pytest.fixture(scope="module")
def neon(program: Path) -> Iterator[Library]:
    with emulated(program, EMULATOR) as library:
        yield library


def test_structs_are_laid_out_as_here(neon):
    import ctypes

    sizes = [neon.call.archsearch_size(which) for which in range(3)]
    assert sizes == [ctypes.sizeof(struct) for struct in (COperation, CProgram, CBatch)]
    assert (neon.lanes, neon.call.archsearch_lanes(1)) == (4, 2)


@pytest.mark.parametrize("written", MAPS.values(), ids=MAPS.keys())
def test_map_kernel_equals_torch(neon, written):
    network = [*FIRST, *written, *HEAD]
    assert_same(pair(network, (2, 9, 8), variant=neon), 1e-11)
    assert_same(pair(network, (2, 9, 8), variant=neon, dtype=torch.float32), 2e-5)


@pytest.mark.parametrize("written", [*SIGNALS.values(), *([one] for one in ACTIVATIONS)], ids=str)
def test_signal_kernel_and_activation_equal_torch(neon, written):
    network = [{"conv1d": {"out_channels": 3, "kernel_size": 3, "padding": 1}}, *written, *HEAD]
    assert_same(pair(network, (2, 11), variant=neon), 1e-11)
    assert_same(pair(network, (2, 11), variant=neon, dtype=torch.float32), 2e-5)


@pytest.mark.parametrize(("task", "loss"), TASKS.values(), ids=TASKS.keys())
def test_loss_equals_torch(neon, task, loss):
    weighted = task is not None
    network = [{"linear": {"out_features": "outputs"}}, "tanh"]
    assert_same(pair(network, (10,), loss=loss, task=task, weighted=weighted, variant=neon), 1e-11)
    assert_same(pair(network, (10,), loss=loss, task=task, weighted=weighted, variant=neon, dtype=torch.float32), 1e-5)


@pytest.mark.parametrize("n", [2, 5, 33])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("stored", [None, torch.uint8])
def test_batch_norm_and_dropout_on_threads_equal_torch(neon, n, threads, stored):
    assert_same(pair(NETWORK, SHAPE, n=n, threads=threads, variant=neon, stored=stored), 1e-9)


def test_random_networks_give_torchs_loss_and_gradients(neon):
    @settings(free, max_examples=200)
    @given(cases)
    def check(case):
        check_random_network(case, neon)

    check()


def test_kernels_use_vector_instructions_of_128_bits(program):
    """The inner loops multiply and add four floats at once, none one after the other (fmadd of s registers)."""
    text = subprocess.run([DISASSEMBLER, "-d", "--no-show-raw-insn", str(program)], check=True, capture_output=True)
    found: dict[str, Counter[str]] = {}
    name = ""
    for line in text.stdout.decode().splitlines():
        if label := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = label[1]
        elif step := re.match(r"\s*[0-9a-f]+:\s+(\S+)\s+(\S+)", line):
            register = re.sub(r"\d+", "", step[2].split(",")[0], count=1)
            found.setdefault(name, Counter())[f"{step[1]} {register}"] += 1
    tiles = {name: counts for name, counts in found.items() if "11weight_tile" in name and "Dv4_f" in name}
    assert len(tiles) > 20, sorted(found)[:50]
    for name, counts in tiles.items():
        assert counts["fmla v.4s"] + counts["fmul v.4s"] > 0 == counts["fmadd s"], (name, counts)
    every = sum(found.values(), Counter())
    assert every["fmla v.4s"] > 1000
