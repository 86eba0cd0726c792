"""What every test of faults ends with: storage and runs folder agree with each other.

assert wrong(tmp_path / "runs", url) == []
"""

from __future__ import annotations

from pathlib import Path

from archsearch.study.verify import verify


def wrong(runs_dir: Path, url: str | None = None) -> list[str]:
    """Give all that `archsearch verify` finds wrong, a line each."""
    return [f"{one.where}: {one.problem}" for one in verify(runs_dir, url).findings]
