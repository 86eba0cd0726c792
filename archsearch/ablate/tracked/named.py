"""Settings that stand in the names of runs.

settings_in("norm=layer/seed3")                          # {"norm": "layer", "seed": "3"}
settings_by("{norm}_s{seed}", "layer_s3")                # the same
"""

from __future__ import annotations

import re

from archsearch.errors import UsageError

_PART = re.compile(r"(?P<name>[A-Za-z][\w.-]*?)=(?P<value>[^/,;&]+)")
_SEED = re.compile(r"(?:^|[/,;_-])(?P<name>seed)[_-]?(?P<value>[0-9]{1,18})(?=$|[/,;_-])", re.IGNORECASE)
_BRACES = re.compile(r"\{([^{}]*)\}")


def settings_in(name: str) -> dict[str, str]:
    """Read `lr=0.1` and `seed3` from a name, between its slashes, commas and semicolons."""
    found = {}
    for part in re.split(r"[/,;&]", name):
        # of norm=layer_lr=0.1 it is not known where a value ends
        if part.count("=") == 1 and (told := _PART.fullmatch(part.strip())):
            found[told["name"]] = told["value"].strip()
    if seed := _SEED.search(name):
        found.setdefault("seed", seed["value"])
    return found


def _pattern_of(text: str) -> re.Pattern[str]:
    names = _BRACES.findall(text)
    wrong = [name for name in names if not name.strip() or names.count(name) > 1]
    if not names or wrong or set(_BRACES.sub("", text)) & {"{", "}"}:
        raise UsageError(f"--run-name {text}: write the settings in braces, each once, as in '{{norm}}_s{{seed}}'")
    parts = re.split(r"\{[^{}]*\}", text)
    groups = [f"(?P<g{at}>[^/]+?)" for at in range(len(names))]
    return re.compile("".join(re.escape(part) + group for part, group in zip(parts, [*groups, ""], strict=True)))


def settings_by(pattern: str, name: str) -> dict[str, str] | None:
    """Read the settings of a name by a pattern; None for a name that does not fit it.

    In `{norm}_s{seed}` what stands in place of {norm} is the setting norm. A brace takes no slash, and as little as it
    can. Raises `UsageError` for a pattern without a brace, or with two of one name.
    """
    found = _pattern_of(pattern).fullmatch(name)
    return None if found is None else dict(zip(_BRACES.findall(pattern), found.groups(), strict=True))
