"""Edits: set, replace, insert, drop. A variant, a level of an ablation and a command-line override are made of them.

    node = apply_edits(node, edits_node)                     # the `edits:` list of a file
    node = apply_overrides(node, ["conv1.out_channels=10"])  # from the command line

Edits work on nodes, so that every value keeps the place it was written at. A layer is addressed by its name (`conv2`,
`res1.conv1`), by its kind (`tanh`: all of them) or by kind and position (`tanh[2]`), as the network stands after the
edits before: all addresses of one edit are meant as the network stood before it. An edit that changes nothing is an
error; an override may repeat what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError
from archsearch.spec.edit.address import AddressError, find_each, find_layers
from archsearch.spec.edit.set_value import set_value
from archsearch.spec.edit.tree import at, count_values, hold, layers_of, put, put_all
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.shorthand import layers_written_out
from archsearch.spec.text.sentences import problems_of, quoted, short, unknown
from archsearch.spec.text.yaml import Mark, Node, read_text

_VERBS = ("set", "replace", "insert", "drop")


def apply_edits(node: Node, edits: Node) -> Node:
    """Apply an `edits:` list in order; raise `SpecError` at the first edit that cannot be made or changes nothing."""
    if not isinstance(edits.value, tuple):
        raise SpecError(Problem(str(edits.mark), f"edits: expected a list of edits, got {quoted(edits.plain())}"))
    for edit in edits.value:
        node = _apply_edit(node, edit)
    return node


def edit_problems(node: Node, edits: Node, *, alone: bool) -> list[Problem]:
    """Try every edit of a list and give what is wrong with each; without `alone`, others may come before the list.

    What is wrong with an address only is not told where an edit before it may have made the layer.
    """
    problems: list[Problem] = []
    for edit in edits.value if isinstance(edits.value, tuple) else ():
        try:
            node = _apply_edit(node, edit)
        except AddressError as error:
            problems += error.problems if alone and not problems else ()
        except SpecError as error:
            problems += error.problems
    return problems


def apply_overrides(
    node: Node, overrides: Sequence[str], put_value: Callable[[Node, str, Node, Mark], Node] = set_value
) -> Node:
    """Set values given as `path=value` (YAML) on the command line; raise `SpecError` for an unknown path.

    `put_value` knows the paths: those of a network, or of another kind of spec.
    """
    for text in overrides:
        path, equals, value = text.partition("=")
        source = f"override {short(text)!r}"
        if not equals or not path:
            raise SpecError(Problem(source, "expected path=value, such as train.epochs=2 or conv1.out_channels=10"))
        try:
            edit = read_text(value, source)
        except SpecError as error:  # its line and column mean nothing on the command line
            raise type(error)([Problem(source, problem.message) for problem in error.problems]) from None
        node = put_value(node, path, _marked(edit, Mark(source)), Mark(source))
    return node


def _marked(node: Node, mark: Mark) -> Node:
    """Give every value the one mark: a line number means nothing on the command line."""
    if isinstance(node.value, dict):
        return Node({k: _marked(v, mark) for k, v in node.value.items()}, mark, dict.fromkeys(node.keys, mark))
    if isinstance(node.value, tuple):
        return Node(tuple(_marked(v, mark) for v in node.value), mark)
    return Node(node.value, mark)


def _apply_edit(node: Node, edit: Node) -> Node:
    if not isinstance(edit.value, dict) or len(edit.value) != 1:
        raise SpecError(Problem(str(edit.mark), f"an edit is one of {', '.join(_VERBS)} with its target"))
    ((verb, target),) = edit.value.items()
    if verb not in _VERBS:
        raise SpecError(Problem(str(edit.mark), unknown("edit", verb, _VERBS)))
    for what, mark, change in _changes(verb, target):
        after = change(node)
        hold(after, 0, mark)
        if _same(node, after, mark):
            raise AddressError(_changes_nothing(verb, what, mark))
        node = after
    return node


def _changes_nothing(verb: str, what: str, mark: Mark) -> Problem:
    return Problem(str(mark), f"{verb} {what} changes nothing; take the edit out, or correct it")


_Change = tuple[str, Mark, Callable[[Node], Node]]


def _changes(verb: str, target: Node) -> Iterator[_Change]:
    """Split an edit into single changes, each with its name and place."""
    if verb == "drop":
        yield _dropping(target)
    elif verb == "insert":
        yield from _insertion(target)
    elif not isinstance(target.value, dict) or not target.value:
        example = "{conv1.out_channels: 10}" if verb == "set" else "{tanh: relu}"
        raise SpecError(Problem(str(target.mark), f"{verb}: expected {example}, got {quoted(target.plain())}"))
    elif verb == "set":
        for path, value in target.value.items():
            yield _setting(path, value, target.keys[path])
    else:
        yield _replacement(target)


def _setting(path: str, value: Node, mark: Mark) -> _Change:
    return short(path), mark, lambda node: set_value(node, path, value, mark)


def _dropping(target: Node) -> _Change:
    words = target.value if isinstance(target.value, tuple) else (target,)
    addresses: list[tuple[str, Mark]] = []
    for word in words:
        if not isinstance(word.value, str):
            raise SpecError(Problem(str(word.mark), f"drop: expected a layer, got {quoted(word.plain())}"))
        addresses.append((word.value, word.mark))
    if not addresses:
        raise SpecError(Problem(str(target.mark), "drop: expected a layer, got an empty list"))

    def change(node: Node) -> Node:
        return put_all(node, [(entry.loc, ()) for found in find_each(node, addresses) for entry in found])

    return ", ".join(short(address) for address, _ in addresses[:3]), target.mark, change


def _replacement(target: Node) -> _Change:
    assert isinstance(target.value, dict)
    pairs = {address: layers_written_out(layers_of(value)) for address, value in target.value.items()}

    def change(node: Node) -> Node:
        each = find_each(node, [(address, target.keys[address]) for address in pairs])
        added = sum(len(found) * count_values(new) for found, new in zip(each, pairs.values(), strict=True))
        hold(node, added, target.mark)
        every = []
        for address, found in zip(pairs, each, strict=True):
            places = [(entry.loc, pairs[address]) for entry in found]
            if len(pairs) > 1 and _same(node, put_all(node, places), target.keys[address]):
                raise SpecError(_changes_nothing("replace", short(address), target.keys[address]))
            every += places
        return put_all(node, every)

    return ", ".join(short(address) for address in list(pairs)[:3]), target.mark, change


def _insertion(target: Node) -> Iterator[_Change]:
    keys = set(target.value) if isinstance(target.value, dict) else set()
    if keys not in ({"after", "layers"}, {"before", "layers"}):
        raise SpecError(Problem(str(target.mark), "insert: expected {after: LAYER, layers: [...]} (or before:)"))
    side = "after" if "after" in keys else "before"
    where, layers = target.get(side), target.get("layers")
    assert where is not None
    assert layers is not None
    if not isinstance(where.value, str):
        raise SpecError(Problem(str(where.mark), f"insert: expected a layer, got {quoted(where.plain())}"))
    address, new = where.value, layers_written_out(layers_of(layers))

    def change(node: Node) -> Node:
        entries = find_layers(node, address, where.mark)
        if len(entries) != 1:
            raise AddressError(
                Problem(
                    str(where.mark),
                    f"{short(address)!r} is {len(entries)} layers; name one, such as {short(entries[0].path)}",
                )
            )
        loc = entries[0].loc
        if entries[0].kind == "branch":
            said = f"{short(address)!r} is a branch; name a layer in it, or replace the branch"
            raise AddressError(Problem(str(where.mark), said))
        old = (at(node, loc),)
        return put(node, loc, (*old, *new) if side == "after" else (*new, *old))

    yield f"{side} {short(address)}", target.mark, change


def _same(before: Node, after: Node, mark: Mark) -> bool:
    return _validated(before, mark) == _validated(after, mark)


def _validated(node: Node, mark: Mark) -> ExperimentSpec:
    try:
        return ExperimentSpec.model_validate(node.plain())
    except ValidationError as error:
        raise SpecError(problems_of(error, node, ExperimentSpec)) from None
