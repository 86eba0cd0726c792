"""AVX-512's vectors of 16 floats and its tiles for 32 registers on a processor without them, two registers for each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from archsearch.native.build import build, buildable, compiler
from archsearch.native.library import Library
from tests.native.conftest import assert_same, available, pair
from tests.native.test_batch import NETWORK, SHAPE
from tests.native.test_kernels import ACTIVATIONS, FIRST, HEAD, MAPS, SIGNALS
from tests.native.test_losses import TASKS
from tests.native.test_network import cases, check_random_network, free

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Library:
    if compiler() is None:
        pytest.skip("no C++ compiler")
    variant = "avx2" if "avx2" in available() and "avx2" in buildable() else "plain"
    folder: Path = tmp_path_factory.mktemp("sixteen")
    (path,) = build(folder, ("-DARCHSEARCH_AS_AVX512",), (variant,))
    library = Library(variant, path)
    assert (library.lanes, library.call.archsearch_lanes(1)) == (16, 8)
    return library


@pytest.mark.parametrize("written", MAPS.values(), ids=MAPS.keys())
def test_map_kernel_equals_torch(sixteen, written):
    network = [*FIRST, *written, *HEAD]
    assert_same(pair(network, (2, 9, 8), variant=sixteen), 1e-11)
    assert_same(pair(network, (2, 9, 8), variant=sixteen, dtype=torch.float32), 2e-5)


@pytest.mark.parametrize("written", [*SIGNALS.values(), *([one] for one in ACTIVATIONS)], ids=str)
def test_signal_kernel_and_activation_equal_torch(sixteen, written):
    network = [{"conv1d": {"out_channels": 3, "kernel_size": 3, "padding": 1}}, *written, *HEAD]
    assert_same(pair(network, (2, 11), variant=sixteen), 1e-11)
    assert_same(pair(network, (2, 11), variant=sixteen, dtype=torch.float32), 2e-5)


@pytest.mark.parametrize(("task", "loss"), TASKS.values(), ids=TASKS.keys())
def test_loss_equals_torch(sixteen, task, loss):
    network = [{"linear": {"out_features": "outputs"}}, "tanh"]
    weighted = task is not None
    assert_same(pair(network, (10,), loss=loss, task=task, weighted=weighted, variant=sixteen), 1e-11)


@pytest.mark.parametrize("n", [2, 15, 33])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("stored", [None, torch.uint8])
def test_batch_norm_and_dropout_on_threads_equal_torch(sixteen, n, threads, stored):
    assert_same(pair(NETWORK, SHAPE, n=n, threads=threads, variant=sixteen, stored=stored), 1e-9)


def test_random_networks_give_torchs_loss_and_gradients(sixteen):
    @settings(free, max_examples=300)
    @given(cases)
    def check(case):
        check_random_network(case, sixteen)

    check()
