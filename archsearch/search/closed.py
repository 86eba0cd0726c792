"""Check the parts of a search that are not open, and each end and option of those that are, as in a plain spec.

    problems_in(node, base)       # all of them, each with its place and the sentence of a plain spec

Every open value is taken as fitting where the rest is checked; then each of its options, or both ends of its range, is
put in its place. Knows fields only: whether layers fit together depends on all values, and is asked of each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from archsearch.errors import Problem
from archsearch.search.space.overlay import ONE_KEY
from archsearch.search.space.problems import place_order
from archsearch.search.space.read_value import is_open
from archsearch.spec.arithmetic import is_expression
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.sentences import problems_of
from archsearch.spec.text.yaml import Loc, Mark, Node

_LISTS = {"sequential": ("layers",), "residual": ("layers", "shortcut")}
_ANY: Any = object()  # stands where a value is open: whatever is said of it is not said
_MOST = 2000  # options that are tried in one place


def problems_in(node: Node, base: ExperimentSpec) -> list[Problem]:
    """Give what is wrong in the `network`, `data` and `train` of a search over its base, in the order of the file."""
    below = base.model_dump(mode="json", include={"name", "data", "network", "train"})
    check = _Check(below, node.get("space"))
    network = node.get("network")
    if network is not None and isinstance(network.value, tuple):
        for layer, loc in check.layers(network, ("network",)):
            check.layer(layer, loc)
    for part in ("data", "train"):
        if (value := node.get(part)) is not None:
            check.part(part, value)
    return list(dict.fromkeys(problem for _, problem in sorted(check.found, key=lambda pair: pair[0])))


class _Check:
    """Gathers problems, each with what it is sorted by."""

    def __init__(self, below: dict[str, Any], space: Node | None) -> None:
        self.below = below
        self.space = space.value if space is not None and isinstance(space.value, dict) else {}
        self.arithmetic = False  # in a layer, where a text may be computed
        self.found: list[tuple[tuple[int, int], Problem]] = []

    def layers(self, node: Node, loc: Loc) -> Iterator[tuple[Node, Loc]]:
        """Yield every layer of a list, of the repeats, choices and blocks in it, with its place in the file."""
        for index, item in enumerate(node.value if isinstance(node.value, tuple) else ()):
            yield from self._entry(item, (*loc, index))

    def _entry(self, item: Node, loc: Loc) -> Iterator[tuple[Node, Loc]]:
        repeat, choice = item.get("repeat"), item.get("choice")
        if isinstance(item.value, str) and item.value.startswith("$"):
            shared = self.space.get(item.value[1:])
            if shared is not None and not isinstance(shared.value, str):
                yield from self._entry(shared, ("space", item.value[1:]))
        elif repeat is not None:
            inside = repeat.get("layers")
            if inside is not None:
                yield from self.layers(inside, (*loc, "repeat", "layers"))
        elif choice is not None:
            for key, option in _options(choice):
                of_option = (*loc, "choice", key)
                if isinstance(option.value, tuple):
                    yield from self.layers(option, of_option)
                else:
                    yield from self._entry(option, of_option)
        else:
            yield from self._with_body(item, loc)

    def _with_body(self, item: Node, loc: Loc) -> Iterator[tuple[Node, Loc]]:
        """Yield a layer; the layers of a block are layers of their own."""
        if isinstance(item.value, dict) and len(item.value) == 1:
            ((kind, fields),) = item.value.items()
            held = [(key, fields.get(key)) for key in _LISTS.get(kind, ())]
            lists = [(key, one) for key, one in held if one is not None and isinstance(one.value, tuple) and one.value]
            for key, one in lists:
                fields = fields.with_item(key, Node(_ANY, one.mark))
            yield item.with_item(kind, fields) if lists else item, loc
            for key, one in lists:
                yield from self.layers(one, (*loc, kind, key))
            return
        yield item, loc

    def layer(self, layer: Node, loc: Loc) -> None:
        """Check one layer with every filling of its open fields."""
        self.arithmetic = True
        for number, filled in enumerate(self._fillings(layer)):
            heed = _is_of_a_field if number else _is_closed
            self._say({"network": Node((filled,), layer.mark)}, heed, lambda found: (*loc, *found[2:]))

    def part(self, name: str, node: Node) -> None:
        """Check `data` or `train` laid over the base's, with every filling of its open values."""
        self.arithmetic = False
        for number, filled in enumerate(self._fillings(node)):
            heed = _is_of_a_field if number else _is_closed
            self._say({name: laid_over_node(self.below[name], filled)}, heed, lambda found: found)

    def _say(
        self, parts: Mapping[str, Node], heed: Callable[[ErrorDetails], bool], shown: Callable[[Loc], Loc]
    ) -> None:
        mark = next(iter(parts.values())).mark
        node = Node({key: parts.get(key) or _node(value, mark) for key, value in self.below.items()}, mark)
        try:
            ExperimentSpec.model_validate(node.plain())
        except ValidationError as error:
            for problem in problems_of(error, node, ExperimentSpec, shown=shown, heed=heed):
                self.found.append((place_order(problem.where), problem))

    def _fillings(self, node: Node) -> list[Node]:
        """Give a value with anything in its open places, then once for each candidate of each of them."""
        if isinstance(node.value, str) and node.value.startswith("$"):
            shared = self.space.get(node.value[1:])
            return self._fillings(shared) if shared is not None and is_open(shared) else [Node(_ANY, node.mark)]
        if self.arithmetic and is_expression(node.value):
            return [Node(_ANY, node.mark)]
        if is_open(node):
            candidates = [filled for option in _candidates(node) for filled in self._fillings(option)]
            return [Node(_ANY, node.mark), *candidates[:_MOST]]
        if isinstance(node.value, dict):
            items: list[tuple[str | int, Node]] = [*node.value.items()]
        else:
            items = [*enumerate(node.value)] if isinstance(node.value, tuple) else []
        inside = {key: self._fillings(item) for key, item in items}
        first = node
        for key, filled in inside.items():
            first = _put(first, key, filled[0])
        return [first, *(_put(first, key, other) for key, filled in inside.items() for other in filled[1:])]


def _put(node: Node, key: str | int, item: Node) -> Node:
    """Set one item and keep the place of its key."""
    after = node.with_item(key, item)
    return Node(after.value, node.mark, node.keys)


def _options(choice: Node) -> list[tuple[str | int, Node]]:
    if isinstance(choice.value, dict):
        return [*choice.value.items()]
    return [*enumerate(choice.value)] if isinstance(choice.value, tuple) else []


def _candidates(node: Node) -> list[Node]:
    """Give the options of a choice, or both ends of a range; nothing for a range that is none."""
    choice = node.get("choice")
    if choice is not None:
        return [option for _, option in _options(choice)]
    word = "int" if node.get("int") is not None else "float"
    bounds = node.get(word)
    values = [bound.value for bound in bounds.value] if bounds is not None and isinstance(bounds.value, tuple) else []
    if (
        bounds is None
        or len(values) != 2
        or not all(type(v) in ((int,) if word == "int" else (int, float)) for v in values)
    ):
        return []
    numbers = [float(value) if word == "float" else value for value in values]  # type: ignore[arg-type]
    ends = bounds.value if isinstance(bounds.value, tuple) else ()
    return [Node(number, end.mark) for number, end in zip(numbers, ends, strict=True)]


def _is_closed(detail: ErrorDetails) -> bool:
    """Say whether an error is about something that is written out, not about a value that is open."""
    if detail["type"] in ("extra_forbidden", "missing"):
        return True
    value = detail["input"]
    if isinstance(value, dict):
        return detail["type"] == "union_tag_not_found" or not _holds_any(value)
    return not _holds_any(value)


def _is_of_a_field(detail: ErrorDetails) -> bool:
    """Say whether an error is about one field: what several fields say together is told with the open value's name."""
    alone = detail["type"] in ("extra_forbidden", "missing", "union_tag_invalid", "union_tag_not_found")
    return _is_closed(detail) and (alone or detail["type"].endswith("_type") or not isinstance(detail["input"], dict))


def _holds_any(value: object) -> bool:
    if isinstance(value, (dict, list, tuple)):
        return any(map(_holds_any, value.values() if isinstance(value, dict) else value))
    return value is _ANY


def laid_over_node(below: Any, above: Node) -> Node:
    """Lay a study's values over the base's, as a sample does, and keep their places."""
    if not isinstance(above.value, dict) or not isinstance(below, dict):
        return above
    node = _node(below, above.mark)
    for key, value in above.value.items():
        inner = below.get(key)
        other = isinstance(value.value, dict) and isinstance(inner, dict) and set(value.value) != set(inner)
        whole = inner is None or (key in ONE_KEY and other)
        node = node.with_item(key, value if whole else laid_over_node(inner, value))
        node.keys[key] = above.keys.get(key, value.mark)
    return Node(node.value, above.mark, node.keys)


def _node(tree: Any, mark: Mark) -> Node:
    if isinstance(tree, dict):
        return Node({key: _node(value, mark) for key, value in tree.items()}, mark, dict.fromkeys(tree, mark))
    return (
        Node(tuple(_node(item, mark) for item in tree), mark) if isinstance(tree, (list, tuple)) else Node(tree, mark)
    )
