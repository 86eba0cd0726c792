"""Find and read specs by name or path, and follow `extends`.

    loaded = read_spec("lenet_best")              # by name: ./specs first, then the shipped ones
    loaded = read_spec("zoo/resnet20")            # so are the published networks, in ./specs/zoo or the shipped folder
    loaded = read_spec("specs/mine.yaml", ["train.epochs=2"])
    loaded.spec, loaded.locate(("network", 3))

A name is looked up, anything else with a slash or `.yaml` is a path. A variant may extend a spec beside it or below its
folder, or a shipped one by name; nothing outside. Whether the layers fit is not asked here (`data.planning`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.spec.edit.apply import apply_edits, apply_overrides
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.nearest import nearest
from archsearch.spec.own_sources import with_sources
from archsearch.spec.shorthand import written_out
from archsearch.spec.text.sentences import problems_of, quoted, short, unknown
from archsearch.spec.text.yaml import Loc, Mark, Node, read_file

Folder = Literal["specs", "studies", "schema"]
StudyKind = Literal["search", "ablation"]
_OF_A_VARIANT = ("name", "summary", "extends", "edits", "documented", "expect", "source", "departures", "lint")
_MOST_PARENTS = 20
ZOO = "zoo"  # the folder of published networks in `specs`, and what their names begin with
_ZOO_NAME = re.compile(rf"{ZOO}/[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A spec with the nodes it was read from, so that later errors can say where."""

    spec: ExperimentSpec
    node: Node
    path: Path

    def locate(self, loc: Loc) -> str:
        """Give `file:line:column` of a value."""
        return str(self.node.locate(loc))


def shipped(folder: Folder) -> Path:
    """Give the folder of shipped files: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped" / folder
    return installed if installed.is_dir() else package.parent / folder


def catalog(folder: Folder) -> dict[str, Path]:
    """Give every file that can be called by name; ./specs (or ./studies) comes before the shipped ones."""
    found: dict[str, Path] = {}
    for root in (shipped(folder), Path(folder)):
        if root.is_dir():
            found |= {path.stem: path for path in root.glob("*.yaml")}
            found |= {f"{ZOO}/{path.stem}": path for path in root.glob(f"{ZOO}/*.yaml")}
    return dict(sorted(found.items(), key=lambda item: (item[0].startswith(f"{ZOO}/"), item[0])))


def is_path(reference: str) -> bool:
    """Say whether a reference is a path, and no name: one with a slash or the ending of a file, but for `zoo/NAME`."""
    if reference.endswith((".yaml", ".yml")):
        return True
    return ("/" in reference or "\\" in reference) and _ZOO_NAME.fullmatch(reference) is None


def find(reference: str, folder: Folder) -> Path:
    """Give the file that a name or path means; raise `SpecError` with the closest name if there is none."""
    names = catalog(folder)
    noun = "study" if folder == "studies" else "spec"
    if is_path(reference):
        path = Path(reference)
        if "\0" in reference or not _is_there(path):
            raise SpecError(
                Problem(
                    short(reference),
                    f"no such file; `archsearch list` shows what can be run by name{_near(path.stem, names)}",
                )
            )
        return path
    if reference not in names:
        raise SpecError(f"{_unknown(noun, reference, names)} (`archsearch list` shows them all)")
    return names[reference]


def _unknown(noun: str, reference: str, names: Mapping[str, Path]) -> str:
    """Say that nothing is called so; names of published networks are said where one is near, else there are many."""
    if f"{ZOO}/{reference}" in names:
        return f"unknown {noun} {reference!r}; did you mean {f'{ZOO}/{reference}'!r}?"
    outside = [name for name in names if not name.startswith(f"{ZOO}/")]
    return unknown(noun, reference, outside if nearest(reference, names) is None else names)


def study_kind(node: Node) -> StudyKind:
    """Tell an ablation from a search by its keys: an ablation has a baseline, a search a base."""
    keys = set(node.value) if isinstance(node.value, dict) else set()
    return "ablation" if keys & {"baseline", "factors", "variants", "design"} else "search"


def kind_of_file(reference: str) -> Literal["spec"] | StudyKind:
    """Say what a name or a path means to `check`; a name of a spec comes before that of a study."""
    if not is_path(reference):
        names = catalog("studies")
        if reference in catalog("specs") or reference not in names:
            return "spec"
        return study_kind(read_file(names[reference]))
    path = Path(reference)
    if "\0" in reference or not _is_there(path):
        return "spec"
    node = read_file(path)
    keys = set(node.value) if isinstance(node.value, dict) else set()
    if "program" in keys:
        return "spec"
    return study_kind(node) if keys & {"base", "objective", "baseline", "factors", "variants"} else "spec"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a loop of links
        return False


def _near(stem: str, names: dict[str, Path]) -> str:
    return f" ({stem} is one of them)" if stem in names else ""


def read_spec(reference: str, overrides: Sequence[str] = ()) -> LoadedSpec:
    """Read a spec by name or path, follow `extends`, apply edits and overrides, and check every field.

    Raises `SpecError` with all problems found, each with `file:line:column`.
    """
    path = find(reference, "specs")
    written = _resolve(path, path.resolve().parent, ())
    node = _without_old_claims(written, with_sources(apply_overrides(written, overrides), path.parent))
    try:
        spec = ExperimentSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, node, ExperimentSpec)) from None
    return LoadedSpec(spec, node, path)


def _without_old_claims(written: Node, overridden: Node) -> Node:
    """Drop what a file claims of its own experiment where an override made another one of it.

    `expect` is about the network, whose counts depend on the data; `documented` about all of it, whatever the device.
    """

    def changed(part: str) -> bool:
        before, after = (node.get(part) for node in (written, overridden))
        if part == "train":
            before, after = (_without_device(node) for node in (before, after))
        return (before.plain() if before else None) != (after.plain() if after else None)

    if overridden is written:
        return written
    if (changed("network") or changed("data")) and not changed("expect"):
        overridden = overridden.with_item("expect", None)
    if any(changed(part) for part in ("data", "network", "train")) and not changed("documented"):
        overridden = overridden.with_item("documented", None)
    return overridden


def _without_device(node: Node | None) -> Node | None:
    return node.with_item("device", None) if node is not None and isinstance(node.value, dict) else node


def _resolve(path: Path, root: Path, children: tuple[Path, ...]) -> Node:
    """Read a file and, if it is a variant, its parents; give the tree without `extends` and `edits`."""
    node = read_file(path)
    if not isinstance(node.value, dict):
        raise SpecError(Problem(str(node.mark), f"a spec is keys with values, got {quoted(node.plain())}"))
    if node.get("name") is None and "name" not in node.value:
        node = node.with_item("name", Node(path.stem, node.mark))
    node = _with_data_in_full(node)
    parent = node.get("extends")
    if parent is None:
        if (edits := node.keys.get("edits")) is not None:
            raise SpecError(Problem(str(edits), "edits need `extends`: the spec that they change"))
        return with_sources(written_out(node), path.parent)
    _only_variant_keys(node)
    parent_path, parent_root = _parent(parent, path.resolve().parent, root)
    chain = (*children, path.resolve())
    if parent_path.resolve() in chain:
        names = " -> ".join([*(p.stem for p in chain), parent_path.stem])
        raise SpecError(Problem(str(parent.mark), f"`extends` goes in a circle: {names}"))
    if len(chain) > _MOST_PARENTS:
        raise SpecError(Problem(str(parent.mark), f"more than {_MOST_PARENTS} specs extend one another"))
    base = _resolve(parent_path, parent_root, chain)
    edits_node = node.get("edits")
    if edits_node is not None:
        base = with_sources(apply_edits(base, edits_node), path.parent)
    return _with_own_words(base, node)


def _with_data_in_full(node: Node) -> Node:
    """Read `data: my_data.py:load` as its three keys."""
    data = node.get("data")
    if data is None or not isinstance(data.value, str):
        return node
    path, _, function = data.value.rpartition(":")
    if not path.endswith(".py"):
        return node
    keys = {"name": "python", "path": path, "function": function}
    marks = dict.fromkeys(keys, data.mark)
    return node.with_item("data", Node({key: Node(value, data.mark) for key, value in keys.items()}, data.mark, marks))


def _with_own_words(base: Node, variant: Node) -> Node:
    """Take name, summary, documented result and source from the variant alone: the parent's are not true of it."""
    for key in _OF_A_VARIANT:
        base = base.with_item(key, None)
    for key in _OF_A_VARIANT:
        value = variant.get(key)
        if key not in ("extends", "edits") and value is not None:
            base = base.with_item(key, value)
            base.keys[key] = variant.keys.get(key, value.mark)
    return Node(base.value, variant.mark, base.keys)


def _only_variant_keys(node: Node) -> None:
    assert isinstance(node.value, dict)
    problems = []
    for key in node.value:
        if key in ("data", "network", "train"):
            problems.append(
                Problem(str(node.keys[key]), f"a variant changes its parent with `edits`, such as set: {{{key}. ...}}")
            )
        elif key not in _OF_A_VARIANT:
            problems.append(Problem(str(node.keys[key]), unknown("key", key, _OF_A_VARIANT)))
    if problems:
        raise SpecError(problems)


def _parent(node: Node, folder: Path, root: Path) -> tuple[Path, Path]:
    """Give the parent's file and its root: from the variant's folder and inside its root, or a name of the catalog."""
    reference, where = node.value, str(node.mark)
    if not isinstance(reference, str) or not reference or "\0" in reference:
        raise SpecError(Problem(where, f"extends: expected the name of one spec, got {quoted(node.plain())}"))
    if is_path(reference):
        path = folder / reference
    else:
        path = folder / f"{reference}.yaml"
        if not _is_there(path):
            names = catalog("specs")
            if reference in names:
                return names[reference], names[reference].resolve().parent
            raise SpecError(Problem(where, _unknown("spec", reference, names)))
    try:
        inside = path.resolve().is_relative_to(root)
    except OSError:
        inside = False
    if not inside:
        raise SpecError(
            Problem(where, f"extends: {short(reference)!r} leaves the folder {root}; a parent stands in it or below it")
        )
    if not _is_there(path):
        raise SpecError(Problem(where, f"extends: no such file {short(reference)!r} in {folder}"))
    return path, root


def summary_of(path: Path) -> str:
    """Give a file's one-line summary without checking the rest; "" where there is none."""
    summary = read_file(path).get("summary")
    return summary.value.strip().split("\n")[0] if summary is not None and isinstance(summary.value, str) else ""


__all__ = [
    "ZOO",
    "Folder",
    "LoadedSpec",
    "Mark",
    "StudyKind",
    "catalog",
    "find",
    "is_path",
    "kind_of_file",
    "read_spec",
    "shipped",
    "study_kind",
    "summary_of",
]
