"""Runs inside a mount namespace of its own: a small disk that fills up, may not be written, or takes no large files.

unshare -m python -m tests.faults.disks full FOLDER      # prints a JSON list of what went wrong
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from archsearch.cli import main

SPEC = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network: [{conv2d: {out_channels: 4, kernel_size: 3}}, relu, flatten, {linear: {out_features: classes}}]
train: {epochs: 3, batch_size: 32, device: cpu, engine: torch}
"""
STUDY = """\
base: tiny
objective: {maximize: val_accuracy}
network: [flatten, {linear: {out_features: {int: [4, 12]}}}, relu, {linear: {out_features: classes}}]
"""
FREE = (0, 4, 8, 12, 16, 24, 32, 40, 48, 64, 96, 128)  # KiB that are left; a run needs about 60
LARGEST = (0, 100, 1_000, 4_000, 8_000, 16_000, 32_000)  # bytes that a file may have


def cli(*arguments: object) -> tuple[int, str]:
    """Call the command line in this process; give its exit code and what it said on stderr."""
    sys.argv = ["archsearch", *map(str, arguments)]
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as ended:
            return (ended.code if isinstance(ended.code, int) else 0), said.getvalue()
        except BaseException as error:
            return 1, f"{said.getvalue()}\nTraceback: {type(error).__name__}: {error}"
    return 0, said.getvalue()


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def used_kib(folder: Path) -> int:
    said = subprocess.run(["df", "--output=used", "-k", str(folder)], capture_output=True, text=True, check=True).stdout
    return int(said.split()[1])


def digests(folder: Path) -> dict[str, str]:
    """Hash the files of finished runs."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for run in sorted(folder.glob("*/result.json"))
        for path in sorted(run.parent.iterdir())
        if path.is_file() and path.name != ".lock"
    }


def wrong(step: str, found: tuple[int, str], codes: tuple[int, ...], word: str = "") -> Iterator[str]:
    code, said = found
    if code not in codes or "Traceback" in said or (code and word not in said):
        yield f"{step}: exit {code}: {said[-300:]}"


@contextlib.contextmanager
def small(disk: Path, free: int) -> Iterator[None]:
    mount(disk, f"remount,size={used_kib(disk) + free}k")
    try:
        yield
    finally:
        mount(disk, "remount,size=64m")


@contextlib.contextmanager
def short(_: Path, largest: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def limited(folder: Path, kind: str) -> Iterator[str]:
    """Fill a disk, or limit files, while a run, a search and a report are written; then give room, and go on."""
    context, sizes, word = {"full": (small, FREE, "No space left"), "short": (short, LARGEST, "")}[kind]
    for number, size in enumerate(sizes):
        disk = folder / f"disk{number}"
        disk.mkdir()
        mount(disk, "size=64m")
        runs, place = disk / "runs", f"{kind} {size}"
        yield from wrong(f"{place}: before", cli("run", "tiny.yaml", "--runs-dir", runs), (0,))
        before = digests(runs)
        new = ("run", "tiny.yaml", "--seed", "1", "--runs-dir", runs)
        report = ("report", "tiny.yaml", "--runs-dir", runs)
        search = ("study", "mine.yaml", "--trials", "2", "--confirm", "0", "--workers", "1", "--runs-dir", runs)
        with context(disk, size):
            yield from wrong(f"{place}: run", cli(*new), (0, 75), word)
            yield from wrong(f"{place}: cached", cli("run", "tiny.yaml", "--runs-dir", runs), (0,))
            yield from wrong(f"{place}: report", cli(*report), (0, 75), word)
            yield from wrong(f"{place}: report elsewhere", cli(*report, "-o", "-", "--format", "md"), (0,))
            if number % 3 == 0:
                yield from wrong(f"{place}: study", cli(*search), (0, 75))
        after = digests(runs)
        if any(after.get(name) != digest for name, digest in before.items()):
            yield f"{place}: a file of a finished run changed"
        if left := [str(path) for path in runs.rglob(".*-????????????") if path.is_file()]:
            yield f"{place}: left behind {left}"
        yield from wrong(f"{place}: run goes on", cli(*new), (0,))
        yield from wrong(f"{place}: study goes on", cli(*search), (0,))
        yield from wrong(f"{place}: report again", cli(*report), (0,))
        yield from wrong(f"{place}: verify", cli("verify", "--runs-dir", runs), (0,))
        subprocess.run(["umount", str(disk)], check=True)


def read_only(folder: Path, _: str) -> Iterator[str]:
    """Read what was written where nothing may be written any more, also with a database that was left open."""
    for how in ("closed", "killed"):
        disk = folder / how
        disk.mkdir()
        mount(disk, "size=64m")
        runs = disk / "runs"
        search = ("study", "mine.yaml", "--trials", "2", "--confirm", "0", "--workers", "1", "--runs-dir", runs)
        yield from wrong("before", cli(*search), (0,))
        yield from wrong("before", cli("run", "tiny.yaml", "--runs-dir", runs), (0,))
        if how == "killed":  # what was committed last stands in the log alone
            script = (
                "import os, sqlite3; c = sqlite3.connect('archsearch.db', isolation_level=None);"
                "c.execute('PRAGMA wal_autocheckpoint=0'); c.execute('UPDATE studies SET study_name = study_name');"
                "os._exit(0)"
            )
            subprocess.run([sys.executable, "-c", script], cwd=runs, check=True)
            (runs / "archsearch.db-shm").unlink(missing_ok=True)
        mount(disk, "remount,ro")
        for command in (
            ("status", "--runs-dir", runs), ("best", "mine", "--runs-dir", runs), ("verify", "--runs-dir", runs),
            ("report", "mine", "--runs-dir", runs, "-o", "-", "--format", "md"), ("list",),
            ("report", "mine", "--runs-dir", runs, "-o", folder / f"{how}.html"),
            ("run", "tiny.yaml", "--runs-dir", runs), ("clean", "--dry-run", "--runs-dir", runs),
            ("report", "tiny.yaml", "--runs-dir", runs, "-o", folder / f"{how}.md", "--format", "md"),
        ):  # fmt: skip
            yield from wrong(f"{how}: {command[0]}", cli(*command), (0,))
        yield from wrong(
            f"{how}: run", cli("run", "tiny.yaml", "--seed", "1", "--runs-dir", runs), (75,), "Read-only file system"
        )
        yield from wrong(f"{how}: report", cli("report", "mine", "--runs-dir", runs), (75,), "-o names another place")
        yield from wrong(f"{how}: study", cli(*search[:3], "3", *search[4:]), (75, 0))
        subprocess.run(["umount", str(disk)], check=True)


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    Path("tiny.yaml").write_text(SPEC)
    Path("mine.yaml").write_text(STUDY)
    print(json.dumps(list((read_only if what == "readonly" else limited)(where, what))))
