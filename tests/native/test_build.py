"""Building: with a compiler, without one, with sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.native.build import HERE, build, buildable, compiler

ROOT = Path(__file__).parents[2]


@pytest.mark.no_binary
def test_without_a_compiler_the_reason_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert compiler() is None
    with pytest.raises(RuntimeError, match=r"^no C\+\+ compiler found \(set CXX, or install g\+\+ or clang\+\+\)$"):
        build(tmp_path)


@pytest.mark.no_binary
def test_a_compiler_that_fails_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(RuntimeError, match="false failed"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_structs_are_those_of_the_header():
    """`Library` refuses a binary whose structs have other sizes; here the fields' names and order."""
    from archsearch.native.library import CBatch, COperation, CProgram
    from archsearch.native.program import FUNCTIONS, LOSSES, OperationKind

    header = (HERE / "source" / "program.h").read_text(encoding="utf-8")
    batch = (HERE / "source" / "batch.h").read_text(encoding="utf-8")
    structs = ((COperation, header, "Operation"), (CProgram, header, "Program"), (CBatch, batch, "Batch"))
    for struct, text, name in structs:
        body = text[text.index(f"struct {name} {{") :]
        declared = [
            part.split()[-1].partition("[")[0]
            for line in body[: body.index("};")].splitlines()[1:]
            for part in line.partition(";")[0].split(",")
        ]
        assert declared == [field for field, _ in struct._fields_]
    for enum, expected in (
        ("Kind", [k.name.lower() for k in OperationKind]),
        ("Loss", list(LOSSES)),
        ("Function", list(FUNCTIONS)),
    ):
        written = header[header.index(f"enum {enum} :") :]
        words = written[written.index("{") + 1 : written.index("}")].replace("\n", " ").split(",")
        assert [word.strip().rstrip("_") for word in words] == expected


@pytest.mark.slow
@pytest.mark.parametrize("variant", buildable())
def test_kernels_are_clean_under_address_and_undefined_behaviour_sanitizers(tmp_path, variant):
    command = compiler()
    assert command is not None
    if "clang" in command[0]:
        pytest.skip("written for GCC's sanitizer libraries")
    build(tmp_path, ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"), (variant,))
    found = [
        subprocess.run(
            [*command, f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so")
    ]
    environment = os.environ | {
        "LD_PRELOAD": " ".join(found),
        "ASAN_OPTIONS": "detect_leaks=0",
        "ARCHSEARCH_NATIVE_BINARIES": str(tmp_path),
        "ARCHSEARCH_NATIVE": variant,
        "PYTHONPATH": str(ROOT),
    }
    tests = [f"tests/native/test_{name}.py" for name in ("kernels", "losses", "batch", "network")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=-m 'not slow'", "-x", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
