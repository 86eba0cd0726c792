"""The versions of everything that is installed and that the program needs, as pip reads them.

    requirements_text({"numpy": "2.4.6", "torch": "2.14.1+cpu"})
    installed("archsearch")["torch"]

A lock of what is there, not of what could be: nothing is resolved, no network is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata

from archsearch import __version__

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']*)""")


def installed(package: str = "archsearch") -> dict[str, str]:
    """Give the versions of all that a package needs and that is installed, by name, its extras left out.

    What is needed on other systems only is not installed here, and so not listed.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(package, "")]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            there = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[_normal(name)] = there.version
        todo += [one for text in there.requires or () for one in _wanted(text, extra)]
    found.pop(_normal(package), None)
    return dict(sorted(found.items()))


def _wanted(text: str, extra: str) -> list[tuple[str, str]]:
    """Give name and extras that a requirement asks for, where it is one of this extra ("" for none)."""
    wanted, _, marker = text.partition(";")
    match = _NAME.match(wanted.strip())
    of = _EXTRA.search(marker)
    if match is None or (of.group(1) if of else "") != extra:
        return []
    extras = match.group(2).split(",") if match.group(2) else []
    return [(match.group(1), one.strip()) for one in ("", *extras)]


def requirements_text(versions: Mapping[str, str]) -> str:
    """Write versions as a requirements file; what stands behind a + names a build, which registries do not have."""
    lines = [f"# what archsearch {__version__} ran with; the build of torch is in environment.json"]
    lines += [f"{name}=={version.partition('+')[0]}" for name, version in versions.items()]
    return "\n".join(lines) + "\n"


def _normal(name: str) -> str:
    """Give a name as registries compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
