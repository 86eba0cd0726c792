"""Find, load and call the compiled engine: the best variant that this processor can run.

    library = load_library()    # None where nothing was built
    library.variant             # "avx512", "avx2" or "plain"
    why_missing()               # why there is none, and how to get it

ARCHSEARCH_NATIVE names another variant, or `off`. Declares the C structs of source/program.h and source/batch.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from ctypes import POINTER, c_double, c_int, c_int32, c_int64, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

# Elsewhere for a build with other flags (tests: sanitizers).
BINARIES = Path(os.environ.get("ARCHSEARCH_NATIVE_BINARIES", Path(__file__).parent / "binaries"))
VARIANTS = ("avx512", "avx2", "plain")  # best first
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
# What /proc/cpuinfo must list for a variant (the flags that build.py compiles it with).
_NEEDS = {"avx512": ("avx512f", "avx512dq", "avx512vl", "fma"), "avx2": ("avx2", "fma"), "plain": ()}


class COperation(ctypes.Structure):
    """`Operation` of source/program.h."""

    _fields_ = (
        ("kind", c_int32),
        ("function", c_int32),
        *((name, c_int64) for name in ("input", "output", "input_gradient", "output_gradient", "scratch")),
        *((name, c_int32) for name in ("channels", "height", "width", "out_channels", "out_height", "out_width")),
        *((name, c_int32 * 2) for name in ("kernel", "stride", "padding", "dilation")),
        *((name, c_int32) for name in ("groups", "accumulate", "accumulate_other", "weight", "bias")),
        ("number", c_int32),
        ("again", c_int32),
        *((name, c_int64) for name in ("other", "other_gradient", "between")),
        *((name, c_double) for name in ("a", "b", "eps", "momentum", "drop")),
    )


class CProgram(ctypes.Structure):
    """`Program` of source/program.h."""

    _fields_ = (
        ("operations", POINTER(COperation)),
        ("count", c_int32),
        ("parameters", c_int32),
        ("sizes", POINTER(c_int64)),
        *((name, c_int64) for name in ("vectors", "kept", "input", "input_size", "output", "output_gradient")),
        ("outputs", c_int32),
        ("loss", c_int32),
        ("a", c_double),
        ("b", c_double),
        ("weights", POINTER(c_double)),
    )


class CBatch(ctypes.Structure):
    """`Batch` of source/batch.h."""

    _fields_ = (
        ("x", c_void_p),
        ("bytes", c_int32),
        ("rows", c_void_p),
        *((name, c_void_p) for name in ("labels", "targets", "weights", "outputs")),
        ("size", c_int64),
        ("key", c_uint64),
    )


class Library:
    """A loaded variant; `call` holds its functions."""

    def __init__(self, variant: str, path: Path) -> None:
        self.variant = variant
        self.call: Any = ctypes.CDLL(str(path))
        for name, result, arguments in (
            ("lanes", c_int, [c_int]),
            ("size", c_int, [c_int]),
            ("scratch", c_int64, [POINTER(COperation), c_int]),
            ("create", c_void_p, [POINTER(CProgram), c_int, c_int]),
            ("destroy", None, [c_void_p]),
            (
                "train",
                c_int,
                [c_void_p, POINTER(CBatch), c_void_p, c_void_p, c_void_p, POINTER(c_double), POINTER(c_int64)],
            ),
            ("evaluate", c_int, [c_void_p, POINTER(CBatch), c_void_p, c_void_p, c_void_p]),
        ):
            function = getattr(self.call, f"archsearch_{name}", None)
            if function is None:
                raise OSError(f"{path.name} was built from other sources; install archsearch again")
            function.restype, function.argtypes = result, arguments
        for which, struct in enumerate((COperation, CProgram, CBatch)):
            if self.call.archsearch_size(which) != ctypes.sizeof(struct):
                raise OSError(f"{path.name} was built from other sources; install archsearch again")

    @property
    def lanes(self) -> int:
        """How many images lie side by side in float32."""
        return int(self.call.archsearch_lanes(0))


def path_of(variant: str) -> Path:
    """Give the place of a variant's binary, there or not."""
    return BINARIES / f"engine_{variant}{SUFFIX}"


def load_library(variant: str | None = None) -> Library | None:
    """Load a variant, the best one for None; None where there is none. Loaded once per process."""
    return _load(variant or os.environ.get("ARCHSEARCH_NATIVE", ""), BINARIES)


@cache
def _load(wanted: str, folder: Path) -> Library | None:
    if wanted == "off":
        return None
    for variant in (wanted,) if wanted else VARIANTS:
        path = folder / f"engine_{variant}{SUFFIX}"
        if path.is_file() and _runs_here(variant):
            try:
                return Library(variant, path)
            except OSError:
                continue  # built for another system: the next may do
    return None


def instructions() -> str:
    """Name the best variant that this processor could run, built or not: its vector instructions."""
    return next(variant for variant in VARIANTS if _runs_here(variant))


def why_missing() -> str:
    """Say why no variant is loaded and what to do; call it where `load` gave None."""
    wanted = os.environ.get("ARCHSEARCH_NATIVE", "")
    if wanted == "off":
        return "switched off by ARCHSEARCH_NATIVE=off"
    if wanted:
        return f"ARCHSEARCH_NATIVE={wanted} is not there or cannot run here; unset it"
    if any(path_of(variant).is_file() for variant in VARIANTS):
        return "the compiled engine does not run on this system; install archsearch again, on this machine"
    return "not built: install a C++ compiler (g++ or clang++) and then archsearch again"


def _runs_here(variant: str) -> bool:
    return _processor_flags().issuperset(_NEEDS.get(variant, ()))


@cache
def _processor_flags() -> frozenset[str]:
    """Give the processor's features in the words of /proc/cpuinfo."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return frozenset()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return _flags_by_torch()


def _flags_by_torch() -> frozenset[str]:
    """Ask torch, where the system has no /proc/cpuinfo."""
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    flags = {"AVX512": (*_NEEDS["avx512"], *_NEEDS["avx2"]), "AVX2": _NEEDS["avx2"]}
    return frozenset(flags.get(capability, ()))
