"""Turn what Pydantic found wrong into sentences with a place.

    problems = problems_of(validation_error, node, ExperimentSpec)
    str(problems[0])      # mine.yaml:3:5: train: unknown key 'epoch'; did you mean 'epochs'?

Knows nothing of files; the marks of the nodes say where.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from archsearch.errors import Problem
from archsearch.spec.aliases import INSTEAD_OF_NUMBERS
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.fields import SAID_OF_PATTERNS
from archsearch.spec.nearest import instead_of, means, nearest, open_word, place_of_word, squashed, synonym
from archsearch.spec.onekey import Kind, OneKey
from archsearch.spec.text.yaml import Loc, Node

_MOST_PROBLEMS = 50  # what more there is has the same few causes
_MOST_NAMES = 40
_PARTS = ("data", "train", "documented", "expect")
_EVERYWHERE = ("name", "summary", "source")  # keys of many parts: where one was meant cannot be told
_OF_THE_LANGUAGE = ("key", "kind", "field", "part")  # what the tables of aliases know; names of files are anybody's
OPEN_VALUES = ("choice", "int", "float")

_NUMBERS = ("width", "whole_number", "int_type", "int_from_float")  # errors of what should be a whole number
_PLAIN: dict[str, str] = {
    "missing": "is missing",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "tuple_type": "expected a list",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "model_attributes_type": "expected keys with values",
    "finite_number": "expected a finite number",
    "too_long": "at most {max_length} values belong here",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "string_too_short": "needs some text",
    "string_too_long": "is too long, at most {max_length} characters",
}


def problems_of(
    error: ValidationError,
    node: Node,
    model: type[BaseModel],
    *,
    shown: Callable[[Loc], Loc] = lambda loc: loc,
    heed: Callable[[ErrorDetails], bool] = lambda _: True,
) -> list[Problem]:
    """Give one problem for each of Pydantic's errors (of the first 50), in the order of the file.

    `shown` gives the location that a sentence names, where it is another one in the file; `heed` says which errors
    are told at all.
    """
    # Pydantic also calls a list too short whose items it refused: only a list that is empty is meant.
    details = [d for d in error.errors(include_url=False) if not (d["type"] == "too_short" and d["input"])]
    found = [(node.locate(_place(d), key=d["type"] == "extra_forbidden"), d) for d in details if heed(d)]
    found.sort(key=lambda pair: (pair[0].source, pair[0].line, pair[0].column))
    problems = [Problem(str(mark), problem_sentence(d, model, shown)) for mark, d in found[:_MOST_PROBLEMS]]
    if len(found) > _MOST_PROBLEMS:
        mark = found[_MOST_PROBLEMS][0]
        problems.append(Problem(str(mark), f"and {len(found) - _MOST_PROBLEMS:,} more problems from here on"))
    return problems


def _place(detail: ErrorDetails) -> Loc:
    return detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]


def problem_sentence(
    detail: ErrorDetails, model: type[BaseModel], shown: Callable[[Loc], Loc] = lambda loc: loc
) -> str:
    """Say one error: which key, what is wrong, what is allowed, the closest valid name."""
    loc, kind = detail["loc"], detail["type"]
    loc = loc[:-1] if loc and loc[-1] == "[key]" else loc  # Pydantic's word for a key that is wrong itself
    subject = address(shown(loc))
    if kind == "extra_forbidden":
        return f"{address(shown(loc[:-1]), 'top level')}: {_unknown_key(str(loc[-1]), loc[:-1], model)}"
    if kind == "missing" and isinstance(loc[-1], int):
        return f"{address(shown(loc[:-1]))}: too few values in the list"
    if kind == "missing":
        return f"{address(shown(loc[:-1]), 'top level')}: the key {str(loc[-1])!r} is missing"
    if kind != "union_tag_not_found" and (text := wrong_open_value(detail["input"])):
        return f"{subject}: {text}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(detail, subject, allowed_keys(loc, model))
    if kind == "too_short":
        return f"{subject}: is empty; at least one is needed"
    if kind == "string_pattern_mismatch":
        text = SAID_OF_PATTERNS[detail["ctx"]["pattern"]]
    elif kind in _PLAIN:
        text = _PLAIN[kind].format(**detail.get("ctx", {}))
    elif isinstance(detail["input"], dict):  # said of all keys together: the sentence names those that matter
        return f"{subject}: {detail['msg']}" if subject else detail["msg"]
    else:
        text = detail["msg"]
    return f"{subject}: {text}, got {quoted(detail['input'])}{_meant_value(detail)}"


def _unknown_key(word: str, loc: Loc, model: type[BaseModel]) -> str:
    """Say that a key is unknown here; one that stands in another part of a spec is told with that part."""
    allowed = allowed_keys(loc, model)
    if synonym(word, allowed) is None and instead_of(word) is None:
        place_in_train = place_of_word(word)
        if place_in_train is not None and place_in_train[0] not in loc:
            return f"unknown key {short(word)!r}; in train, write {place_in_train[1]}"
        for name in (word, *means(word)):
            if (place := _elsewhere(name, loc, model)) is not None:
                return f"unknown key {short(word)!r}; did you mean {place}?"
    return unknown("key", word, allowed)


def _elsewhere(name: str, loc: Loc, model: type[BaseModel]) -> str | None:
    """Give where a key stands that does not stand at `loc`: in one of the parts of a spec, or at the top."""
    top = allowed_keys((), model)
    for part in _PARTS:
        if part in top and loc != (part,) and name in allowed_keys((part,), ExperimentSpec):
            return repr(f"{part}.{name}")
    return f"{name!r} at the top level" if loc and name in top and name not in _EVERYWHERE else None


def wrong_open_value(value: object) -> str | None:
    """Say how an open value is written, where another library's word (`{loguniform: [1e-4, 1e-2]}`) stands for one."""
    if not isinstance(value, dict) or not 0 < len(value) <= 3:
        return None
    if (ends := _ends_of(value)) is not None:
        return f"an open value is written with both ends in a list; write {_open_text(_range_word(ends), False, ends)}"
    for word, given in value.items():
        if (found := open_word(str(word))) is not None:
            kind, log = found
            if kind == "float" and not log and str(word) in _EITHER:
                kind = _range_word(given)
            return f"unknown kind of open value {short(str(word))!r}; write {_open_text(kind, log, given)}"
    if next(iter(value)) in OPEN_VALUES:
        return "cannot be left open here; open values stand in the network, data and train of a search"
    return None


_EITHER = ("range", "uniform")  # they do not say whether numbers are whole


def _ends_of(value: Mapping[object, object]) -> list[object] | None:
    """Give both ends of `{min: 8, max: 64}`; None where it is something else."""
    for low, high in (("min", "max"), ("low", "high"), ("lower", "upper")):
        if set(value) == {low, high} and all(type(one) in (int, float) for one in value.values()):
            return [value[low], value[high]]
    return None


def _range_word(given: object) -> str:
    """Say how a range of these numbers is open: those that are all written as whole numbers as int."""
    whole = isinstance(given, list) and bool(given) and all(type(one) is int for one in given)
    return "int" if whole else "float"


def _open_text(word: str, log: bool, given: object) -> str:
    """Write an open value with what was given, if that makes one, else with an example."""
    usable = isinstance(given, list) and 0 < len(given) <= 8 and not any(isinstance(v, (dict, list)) for v in given)
    if word != "choice":
        kinds = (int,) if word == "int" else (int, float)
        usable = usable and isinstance(given, list) and len(given) == 2 and all(type(v) in kinds for v in given)
    example = {"choice": "32, 64", "int": "8, 64", "float": "0.0001, 0.01"}[word]
    inside = ", ".join(_written(value) for value in given) if usable and isinstance(given, list) else example
    return f"{{{word}: [{inside}]{', log: true' if log else ''}}}"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else short(str(value))


def _meant_value(detail: ErrorDetails) -> str:
    """Give the word that was meant where a text is not one of those that are allowed."""
    value = detail["input"]
    if detail["type"] in _NUMBERS:
        return _meant_number(detail["type"], value)
    if detail["type"] != "literal_error" or not isinstance(value, str):
        return ""
    allowed = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
    if (close := nearest(value, allowed)) is not None:
        return f"; did you mean {close!r}?"
    return f"; {short(value)} {text}" if (text := instead_of(value)) else ""


def _meant_number(kind: str, value: object) -> str:
    """Give what was meant where something else stands than the number that is expected."""
    if isinstance(value, str) and (meant := INSTEAD_OF_NUMBERS.get((kind, squashed(value)))) is not None:
        return f"; did you mean {meant}?"
    if isinstance(value, (list, tuple)) and value and all(type(one) is int for one in value):
        return f"; in a search, {{choice: [{', '.join(map(str, value))}]}} tries each" if len(value) <= 8 else ""
    if isinstance(value, float) and value.is_integer():
        return f"; write {value:.0f}, and for an open whole number int in place of float"
    return ""


def _wrong_kind(detail: ErrorDetails, subject: str, kinds: list[str]) -> str:
    if detail["type"] == "union_tag_invalid":
        return f"{subject}: {unknown('kind', str(detail['ctx']['tag']), kinds)}"
    value = detail["input"]
    if isinstance(value, dict) and len(value) > 1:
        return (
            f"{subject}: expected one key, got {len(value)} ({', '.join(short(str(k)) for k in list(value)[:4])}); "
            "indent the fields below the first"
        )
    return f"{subject}: expected a word, or one key with its fields, got {quoted(value)}"


def unknown(what: str, word: str, allowed: Iterable[str]) -> str:
    """Say that a word is unknown, with the closest valid one, or all of them."""
    allowed = [short(name) for name in allowed]
    if not allowed:
        return f"unknown {what} {short(word)!r}"
    if (close := nearest(word, allowed)) is not None:
        return f"unknown {what} {short(word)!r}; did you mean {close!r}?"
    if what in _OF_THE_LANGUAGE and (text := instead_of(word)) is not None:
        return f"unknown {what} {short(word)!r}: it {text}"
    more = ", ..." if len(allowed) > _MOST_NAMES else ""
    return f"unknown {what} {short(word)!r}; allowed: {', '.join(allowed[:_MOST_NAMES])}{more}"


def address(loc: Loc, nothing: str = "") -> str:
    """Write a location as a path: ('network', 3, 'conv2d', 'stride') -> `network[3].conv2d.stride` (from 1)."""
    text = ""
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{short(part)}" if text else short(part)
    return text or nothing


def quoted(value: object) -> str:
    """Show a value briefly, with its type where that is the point."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, (list, tuple)):
        brief = len(value) <= 4 and not any(isinstance(item, (dict, list, tuple)) for item in value)
        return f"[{', '.join(map(_item, value))}]" if brief else "a list"
    return f"text {short(value)!r}" if isinstance(value, str) else short(str(value))


def _item(value: object) -> str:
    return quoted(value).removeprefix("text ")


def short(text: str, most: int = 60) -> str:
    """Cut a long text, and show control characters as escapes."""
    clean = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: most + 1])
    return clean if len(text) <= most else clean[: most - 3] + "..."


def allowed_keys(loc: Loc, model: type[BaseModel]) -> list[str]:
    """Give the keys (of a `Plain`) or kinds (of a `OneKey` union) that are allowed at a location."""
    at: Any = model
    for part in loc:
        at = _step(at, part)
    at = _without_none(at)
    if isinstance(at, type) and issubclass(at, BaseModel):
        return [*(field.alias or name for name, field in at.model_fields.items()), *getattr(at, "other_keys", ())]
    return list(_kinds(at))


def _step(at: Any, part: str | int) -> Any:
    at = _without_none(at)
    if isinstance(part, int):
        return next((item for item in get_args(_bare(at)) if item is not Ellipsis), None)
    kinds = _kinds(at)
    if part in kinds:
        return kinds[part]
    if get_origin(_bare(at)) in (dict, Mapping):  # of names that a file gives
        return get_args(_bare(at))[1]
    if isinstance(at, type) and issubclass(at, BaseModel):
        field = at.model_fields.get(part)
        if field is not None:
            one_key = [m for m in field.metadata if isinstance(m, OneKey)]
            return Annotated[field.annotation, one_key[0]] if one_key else field.annotation
    return None


def _kinds(at: Any) -> dict[str, type[Kind]]:
    classes = get_args(_bare(at))
    return {cls.kind: cls for cls in classes if isinstance(cls, type) and issubclass(cls, Kind)}


def _bare(at: Any) -> Any:
    return get_args(at)[0] if get_origin(at) is Annotated else at


def _without_none(at: Any) -> Any:
    if get_origin(at) in (Union, types.UnionType):
        rest = [arg for arg in get_args(at) if arg is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return at
