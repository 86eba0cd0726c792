"""Compile the engine: one binary per variant, into archsearch/native/binaries. Used by hatch_build.py and the tests.

    python -m archsearch.native.build        # again, after a change of the sources

Uses the standard library only: it runs where archsearch is being installed and is not importable yet.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
# -ffp-contract=fast lets a * b + c be one instruction; no -ffast-math: not-a-number must stay one. Floating-point
# exceptions are not looked at, so that selections become blends.
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fPIC", "-pthread")
WARNINGS = ("-Wall", "-Wextra", "-Wno-psabi")
VARIANTS = {
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"),
    "avx2": ("-mavx2", "-mfma"),
    "plain": (),
}


def compiler() -> list[str] | None:
    """Give the C++ compiler's command: CXX, or the first of c++, g++, clang++ that is there."""
    if named := os.environ.get("CXX"):
        command = shlex.split(named)
        return command if shutil.which(command[0]) else None
    for name in ("c++", "g++", "clang++"):
        if found := shutil.which(name):
            return [found]
    return None


def buildable() -> list[str]:
    """Give those that this kind of processor may have."""
    x86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
    return [name for name in VARIANTS if x86 or name == "plain"]


def build(folder: Path = HERE / "binaries", extra: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> list[Path]:
    """Compile every variant (or `only` those) into `folder`, all at once; raise `RuntimeError` with the reason."""
    command = compiler()
    if command is None:
        raise RuntimeError("no C++ compiler found (set CXX, or install g++ or clang++)")
    folder.mkdir(parents=True, exist_ok=True)
    running = []
    for name in only or buildable():
        target = folder / f"engine_{name}{SUFFIX}"
        part = target.with_suffix(f".{os.getpid()}.part")
        arguments = [*command, *FLAGS, *WARNINGS, *VARIANTS[name], "-fvisibility=hidden", "-shared", *extra]
        arguments += [str(HERE / "source" / "interface.cpp"), "-o", str(part)]
        running.append((target, part, subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
    problems = []
    for target, part, process in running:
        said = process.communicate()[0].decode(errors="replace")
        if process.returncode == 0:
            with part.open("rb") as built:
                os.fsync(built.fileno())
            part.replace(target)  # whole or not at all: another process may have the old one loaded
        else:
            part.unlink(missing_ok=True)
            problems.append(f"{target.name}: {' '.join(command)} failed\n{said[-2000:]}")
    if problems:
        raise RuntimeError("\n".join(problems))
    return [target for target, _, _ in running]


if __name__ == "__main__":
    for path in build():
        print(path)
