"""Read YAML as data and only as data: YAML 1.2 scalars, every value with its line and column, hard limits.

    node = read_file(Path("specs/lenet5.yaml"))
    node.plain()                          # dicts, lists and scalars
    node.locate(("train", "epochs"))      # Mark(source, line, column)

`1e-3` is a number and `no` is a word. Duplicate keys, tags, anchors, aliases, merge keys and second documents are
refused; nothing is ever evaluated. The parser's events are read one by one (libyaml where PyYAML has it), so a hostile
file is left at the first limit it breaks. Knows nothing of what the values mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import yaml

from archsearch.errors import LimitError, Problem, SpecError

Scalar = str | int | float | bool | None
Tree = Scalar | list["Tree"] | dict[str, "Tree"]
Loc = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
MAX_DEPTH = 40
MAX_DIGITS = 40

_INT = re.compile(r"[-+]?[0-9]+")
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEX = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file (line and column from 1) or, without a line, the name of another source."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its mark; `keys` has the mark of each key of a mapping. Never changed, only replaced."""

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    mark: Mark
    keys: dict[str, Mark] = field(default_factory=dict)

    def plain(self) -> Tree:
        """Give the value without marks."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def locate(self, loc: Loc, *, key: bool = False) -> Mark:
        """Give the mark of the value at `loc`, or of the nearest one around it; `key` asks for its key's mark."""
        if not loc:
            return self.mark
        first, rest = loc[0], loc[1:]
        if isinstance(self.value, dict) and isinstance(first, str) and first in self.value:
            if key and not rest:
                return self.keys.get(first, self.mark)
            return self.value[first].locate(rest, key=key)
        if isinstance(self.value, tuple) and isinstance(first, int) and first < len(self.value):
            return self.value[first].locate(rest, key=key)
        return self.mark

    def get(self, key: str) -> Node | None:
        """Give the value under a key, None where there is no such key or this is no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def with_item(self, key: str | int, node: Node | None) -> Node:
        """Give a copy with one item set (or, with None, taken out)."""
        if isinstance(self.value, dict) and isinstance(key, str):
            items = {k: v for k, v in self.value.items() if k != key or node is not None}
            keys = self.keys
            if node is not None:
                items[key] = node
                keys = self.keys | {key: node.mark}
            return replace(self, value=items, keys=keys)
        if isinstance(self.value, tuple) and isinstance(key, int):
            items_before, items_after = self.value[:key], self.value[key + 1 :]
            return replace(self, value=(*items_before, *((node,) if node is not None else ()), *items_after))
        raise KeyError(key)


def read_file(path: Path) -> Node:
    """Read one YAML file; raise `SpecError` for what is not YAML or not allowed, `LimitError` for too much of it."""
    source = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LimitError(Problem(source, f"the file has {size:,} bytes, the limit is {MAX_BYTES:,}"))
        with path.open("rb") as file:  # a device or a pipe says that it has 0 bytes: never read more than the limit
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError(Problem(source, "no such file")) from None
    except IsADirectoryError:
        raise SpecError(Problem(source, "is a folder, not a YAML file")) from None
    except (OSError, ValueError) as error:
        raise SpecError(Problem(source, f"cannot be read: {getattr(error, 'strerror', None) or error}")) from None
    return read_bytes(data, source)


def read_bytes(data: bytes, source: str) -> Node:
    """Read YAML from bytes; `source` is what errors call them."""
    if len(data) > MAX_BYTES:
        raise LimitError(Problem(source, f"has more than {MAX_BYTES:,} bytes"))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        raise SpecError(Problem(source, "is UTF-16 or UTF-32; save it as UTF-8"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(Problem(f"{source}:{line}", f"byte {error.start} is not UTF-8; save it as UTF-8")) from None
    return read_text(text, source)


def read_text(text: str, source: str) -> Node:
    """Read YAML from text; `source` is what errors call it."""
    if len(text) > MAX_BYTES:
        raise LimitError(Problem(source, f"has more than {MAX_BYTES:,} characters"))
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        before = text[: unreadable.start()]
        place = Mark(source, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise SpecError(
            Problem(str(place), f"the character U+{ord(unreadable[0]):04X} cannot stand in YAML; take it out")
        )
    reader = _Reader(source)
    try:
        node = reader.document(_events(text))
    except yaml.MarkedYAMLError as error:
        _stop_at_limit(text, source, error)
        context = f" ({error.context})" if error.context else ""
        raise SpecError(Problem(str(reader.mark(error.problem_mark)), f"not YAML: {error.problem}{context}")) from None
    except yaml.YAMLError as error:
        raise SpecError(Problem(source, f"not YAML: {' '.join(str(error).split())}")) from None
    if reader.problems:
        raise SpecError(reader.problems)
    return node


def _events(text: str) -> Iterator[yaml.Event]:
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return events


def _stop_at_limit(text: str, source: str, error: yaml.MarkedYAMLError) -> None:
    """Raise `LimitError` if the text before the parser's complaint breaks a limit of ours.

    The parser looks ahead of its events, so it may complain (of nesting, where it has a limit of its own) before
    `_Reader` has seen what stands there. The part before the complaint gives its events alone.
    """
    if error.problem_mark is None:
        return
    with suppress(yaml.YAMLError):  # the part ends in the middle: only its events count
        _Reader(source).document(_events(text[: error.problem_mark.index]))


class _YamlMark(Protocol):
    """What the marks of PyYAML and of libyaml share."""

    index: int
    line: int
    column: int


class _Reader:
    """Turns the parser's events into nodes; gathers what is refused, stops where a limit is broken."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.nodes = 0

    def mark(self, mark: _YamlMark | None) -> Mark:
        return Mark(self.source, mark.line + 1, mark.column + 1) if mark is not None else Mark(self.source)

    def refuse(self, event: yaml.Event, message: str) -> None:
        self.problems.append(Problem(str(self.mark(event.start_mark)), message))

    def document(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version or event.tags:
                    self.refuse(event, "directives (%YAML, %TAG) are not read; take the line out")
                if root is not None:
                    self.refuse(event, "a second document begins here; one file holds one")
                    return root
                root = self.node(next(events), events, 1)
        return root if root is not None else Node(None, Mark(self.source, 1, 1))

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        mark = self.mark(event.start_mark)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise LimitError(Problem(str(mark), f"more than {MAX_NODES:,} values; a spec has far fewer"))
        if depth > MAX_DEPTH:
            raise LimitError(Problem(str(mark), f"nested more than {MAX_DEPTH} deep"))
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, f"the alias *{_short(str(event.anchor))} is not read; write the value out")
            return Node(None, mark)
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent))
        if event.anchor is not None:
            self.refuse(event, f"the anchor &{_short(event.anchor)} is not read; write the value out where it is used")
        if event.tag is not None and event.tag != "!":
            self.refuse(event, f"the tag {_short(event.tag)} is not read; a spec is plain data")
        if isinstance(event, yaml.ScalarEvent):
            return Node(self.scalar(event), mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(tuple(self.items(events, yaml.SequenceEndEvent, depth)), mark)
        return self.mapping(events, mark, depth)

    def items(self, events: Iterator[yaml.Event], end: type[yaml.Event], depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, end):
                return
            yield self.node(event, events, depth + 1)

    def mapping(self, events: Iterator[yaml.Event], mark: Mark, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if isinstance(key.value, (tuple, dict)):
                self.problems.append(Problem(str(key.mark), "a key must be a word"))
                continue
            word = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if word == "<<":
                self.problems.append(Problem(str(key.mark), "merge keys are not read; use `extends`, or write it out"))
            elif word in values:
                first = keys[word]
                self.problems.append(
                    Problem(str(key.mark), f"duplicate key {_short(word)!r}; it stands in line {first.line} already")
                )
            else:
                values[word], keys[word] = value, key.mark
        return Node(values, mark, keys)

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text: str = event.value
        if event.style or event.tag == "!":
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) or _HEX.fullmatch(text) or _FLOAT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                self.refuse(event, f"a number of {len(text):,} digits; at most {MAX_DIGITS} are read")
                return None
            if _INT.fullmatch(text):
                return int(text)
            if _HEX.fullmatch(text):
                return int(text[2:], 16 if text[1] == "x" else 8)
            number = float(text)
            if number in (float("inf"), float("-inf")):
                self.refuse(event, f"{text} is too large for a number")
            return number
        if text.lower().lstrip("+-") in (".inf", ".nan"):
            self.refuse(event, f"{text} is not a number that a spec can use")
            return None
        return text


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
