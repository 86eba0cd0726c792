"""What git knows of a program's folder: its commit, its files, which of them differ, and the tree of another commit.

    facts = repository(Path("experiments"))      # None outside of git
    facts.commit, facts.tracked, facts.dirty()

Only commands that execute nothing of the repository (no hook, no filter, no monitor): a folder that was not trusted may
be looked at.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from archsearch.errors import SpecError

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never")
_blobs: dict[Path, tuple[tuple[int, int, int], str]] = {}
_OUTSIDE = re.compile(r"^(?:---|\+\+\+|rename \w+|copy \w+) (\S*\.\./\S*)", re.MULTILINE)


def git(folder: Path, *arguments: str, stdin: bytes = b"", ceiling: bool = False) -> bytes:
    """Run git in a folder and give its output; raise `SpecError` with git's own words where it fails.

    With `ceiling` no repository above the folder is looked for.
    """
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        environment.pop(name, None)
    if ceiling:
        environment["GIT_CEILING_DIRECTORIES"] = str(folder.parent)
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments], cwd=folder, input=stdin, capture_output=True, env=environment, check=False
        )
    except FileNotFoundError:
        raise SpecError("git is needed here, for a ref or a patch, and is not installed") from None
    except OSError as error:
        raise SpecError(f"git cannot be run in {folder}: {error.strerror}") from None
    if done.returncode:
        raise SpecError(done.stderr.decode(errors="replace").strip() or f"git ended with {done.returncode}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder in a git repository: its commit ("" before the first), and the blobs of the tracked files below it."""

    folder: Path
    commit: str
    tracked: dict[str, str]

    def dirty(self) -> tuple[str, ...]:
        """Name the files that are not as the commit has them: changed, staged or gone."""
        changed = [name for name, blob in self.tracked.items() if _blob(self.folder / name, len(blob)) != blob]
        staged = (
            _names(git(self.folder, "diff-index", "--cached", "--name-only", "--relative", "-z", "HEAD", "--", "."))
            if self.commit
            else list(self.tracked)
        )
        return tuple(sorted({*changed, *staged}))


def repository(folder: Path) -> Repository | None:
    """Look a folder up in git; None where it is in no repository, or there is no git."""
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return None  # git would say the same, and take its time
    try:
        listed = git(folder, "ls-files", "-s", "-z", "--", ".")
    except SpecError:
        return None
    try:
        commit = git(folder, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except SpecError:
        commit = ""
    tracked = {}
    for entry in _names(listed):
        facts, _, name = entry.partition("\t")
        mode, blob, _ = facts.split()
        if mode != "160000":  # a repository inside, whose files are its own
            tracked[name] = blob
    return Repository(folder, commit, tracked)


def git_index(folder: Path) -> Path:
    """Give the file in which git keeps what is tracked: it changes when that does."""
    return folder / os.fsdecode(git(folder, "rev-parse", "--git-path", "index").strip())


def commit_of(folder: Path, ref: str) -> str:
    """Give the commit that a ref means; raise `SpecError` where there is none."""
    if ref.startswith("-"):
        raise SpecError(f"{ref!r} is no name of a branch, tag or commit")
    try:
        inside = git(folder, "rev-parse", "--is-inside-work-tree").strip() == b"true"
    except SpecError as error:
        inside = False
        if "not installed" in str(error):
            raise
    if not inside:
        raise SpecError(f"ref {ref}: {folder} is not in a git repository")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    except SpecError:
        near = git(folder, "for-each-ref", "--format=%(refname:short)", "--count=20").decode().split()
        raise SpecError(
            f"there is no commit, branch or tag {ref!r} in {folder}; there are {', '.join(near) or 'no branches'}"
        ) from None


def extract(folder: Path, commit: str, to: Path) -> None:
    """Write the tree of a commit, as far as it lies below the folder, to another folder."""
    prefix = git(folder, "rev-parse", "--show-prefix").decode().strip().rstrip("/")
    try:
        content = git(folder, "archive", "--format=tar", f"{commit}:{prefix}")
    except SpecError:
        raise SpecError(f"the commit {commit[:12]} has no folder {prefix!r}") from None
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(to, filter="data")


def apply_patch(folder: Path, name: str, text: str) -> None:
    """Apply a unified diff to the files of a folder; raise `SpecError` where it does not fit them.

    Its paths may begin at the folder or at one above it, as git and diff write them.
    """
    if not text.strip():
        raise SpecError(f"{name} is empty; a patch is a unified diff, as `git diff` writes it")
    if (outside := _OUTSIDE.search(text)) is not None:
        raise SpecError(f"{name} does not apply: it names {outside[1]}, which leaves the folder")
    reasons = []
    for strip in (1, 0, 2, 3, 4):
        try:
            git(folder, "apply", f"-p{strip}", "--whitespace=nowarn", "-", stdin=text.encode(), ceiling=True)
        except SpecError as error:
            reasons.append(str(error))
        else:
            return
    if any("not installed" in reason for reason in reasons):
        raise SpecError(reasons[0])
    told = next((reason for reason in reasons if "patch failed" in reason or "corrupt" in reason), reasons[0])
    lines = [line.removeprefix("error: ") for line in told.splitlines() if line.startswith("error: ")] or [told]
    raise SpecError(f"{name} does not apply: {'; '.join(lines)}")


def _names(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _blob(path: Path, digits: int) -> str:
    """Give git's name of a file's content, "" where it is gone; a file is read again only where it was written."""
    try:
        stat = path.lstat()
        key = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if (known := _blobs.get(path)) is not None and known[0] == key:
            return known[1]
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except OSError:
        return ""
    made = hashlib.sha1(usedforsecurity=False) if digits == 40 else hashlib.sha256()
    made.update(b"blob %d\0" % len(content) + content)
    _blobs[path] = key, made.hexdigest()
    return made.hexdigest()
