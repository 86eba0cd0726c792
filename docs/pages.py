"""What MkDocs needs to make a site of a repository: files outside docs/ become pages, their links lead there.

README.md is the first page. A link to a file that is no page stays a link to the repository only where one is named;
here it becomes its name, so that `mkdocs build --strict` holds every other link to be good.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?\)")


def outside() -> dict[str, str]:
    """Give the Markdown files outside docs/ that are pages: place on the site, by place in the repository."""
    examples = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("**/*.md"))
    named = {name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", *examples)}
    return {"README.md": "index.md"} | named


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the pages that do not lie in docs/."""
    for source, place in outside().items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    place = page.file.src_uri
    source = {there: here for here, there in outside().items()}.get(place, f"docs/{place}")

    def rewritten(link: re.Match[str]) -> str:
        mark, text, target, anchor = link[1], link[2], link[3], link[4] or ""
        here = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = outside().get(here, here.removeprefix("docs/"))
        if files.get_file_from_path(there) is None:
            return f"`{text}`" if (ROOT / here).exists() and not mark and "`" not in text else link[0]
        return f"{mark}[{text}]({posixpath.relpath(there, posixpath.dirname(place) or '.')}{anchor})"

    return _LINK.sub(rewritten, markdown)
