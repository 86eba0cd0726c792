r"""Metrics in what a script prints: the pattern whose last match is the number, checked against all that is printed.

printed_metrics([read_source(Path("train.py"))])[0].reading      # {"last": r"test_acc=(\S+)"}
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from archsearch.init.results import MetricGuess, guess, metric_name, named_by, part_name, scale_said, words_of_text
from archsearch.init.source import SourceFile
from archsearch.init.templates import Hole, PrintedLine, templates

_SPECIAL = re.compile(r"([\\.^$*+?{}\[\]|()])")
_SEPARATORS = re.compile(r"[,|;\t>]|(?<= )- |\]\s")
_LETTERS = re.compile(r"[A-Za-z]")
_COUNTS = re.compile(r"epoch|step|iter|batch|seed|fold|trial|round", re.IGNORECASE)


def printed_metrics(sources: Sequence[SourceFile]) -> list[MetricGuess]:
    """Give the metrics that are printed, each with a pattern that finds its number and no other of the script."""
    lines = [template for source in sources for template in templates(source)]
    return [found for line in lines for found in _of_line(line, lines)]


def _of_line(line: PrintedLine, lines: Sequence[PrintedLine]) -> Iterator[MetricGuess]:
    labels = {at: _label(line, at) for at, piece in enumerate(line.pieces) if isinstance(piece, Hole)}
    for at, label in labels.items():
        hole = line.pieces[at]
        assert isinstance(hole, Hole)
        after = line.pieces[at + 1] if at + 1 < len(line.pieces) else ""
        follows = after if isinstance(after, str) else ""
        by_label, by_expression = words_of_text(label.text), named_by(hole.expression, line.source)
        shares = [other for other, one in labels.items() if one.start == label.start]
        if _is_count(hole, follows, shares, at, line):
            continue
        named = len(shares) == 1 and metric_name(by_expression, at_end=True) != ""
        labelled = (
            not by_label or re.search(r"[=:(]\s*$", label.text) is not None or hole.spec[-1:] in ("f", "g", "e", "%")
        )
        words = by_expression if named and labelled else by_label
        if not metric_name(words):
            continue
        before = words_of_text("".join(p for p in line.pieces[:at] if isinstance(p, str)))
        part = part_name(by_expression) or part_name(by_label) or part_name(before)
        percent = hole.spec.endswith("%") or follows.lstrip().startswith("%")
        scale = "percent" if percent else scale_said(hole.expression, line.source)
        if (found_by := _pattern(line, at, label.start, follows, lines)) is None:
            continue
        pattern, also = found_by
        notes = list(_notes(hole, line, also))
        found = guess(words, part, {"last": pattern}, line.where, scale=scale, loops=line.loops, notes=tuple(notes))
        if found is not None:
            yield found


class _Label:
    """The words before a hole: where they start (piece, place in it) and what they are."""

    def __init__(self, start: tuple[int, int], text: str) -> None:
        self.start, self.text = start, text


def _label(line: PrintedLine, at: int) -> _Label:
    """Find the words before a hole: of the text just before it, or of an earlier one where that has no letter."""
    for place in range(at - 1, -1, -1):
        piece = line.pieces[place]
        if not isinstance(piece, str) or not _LETTERS.search(piece):
            continue
        cut = 0
        for match in _SEPARATORS.finditer(piece):
            if _LETTERS.search(piece[match.end() :]):
                cut = match.end()
        while cut < len(piece) and piece[cut] in " \t,;|-(){}[]":
            cut += 1
        return _Label((place, cut), piece[cut:])
    return _Label((at, 0), "")


def _is_count(hole: Hole, follows: str, shares: list[int], at: int, line: PrintedLine) -> bool:
    """Say whether a number is one of several behind a label and not the one that is meant: 97 of `97/100 (97%)`."""
    if _COUNTS.search(" ".join(named_by(hole.expression, line.source))) and not metric_name(
        named_by(hole.expression, line.source), at_end=True
    ):
        return True
    if len(shares) == 1:
        return follows.lstrip().startswith("/") and hole.spec in ("", "d")
    best = [one for one in shares if _said_in_percent(line, one)] or [one for one in shares if _is_average(line, one)]
    return at != (best[0] if best else shares[0])


def _said_in_percent(line: PrintedLine, at: int) -> bool:
    hole, after = line.pieces[at], line.pieces[at + 1 : at + 2]
    text = after[0] if after and isinstance(after[0], str) else ""
    return (isinstance(hole, Hole) and hole.spec.endswith("%")) or text.lstrip().startswith("%")


def _is_average(line: PrintedLine, at: int) -> bool:
    """Say whether a value is what a meter has averaged, rather than the last batch's: `meter.avg`."""
    hole = line.pieces[at]
    return isinstance(hole, Hole) and ast.unparse(hole.expression).endswith((".avg", ".global_avg", ".average"))


def _pattern(
    line: PrintedLine, at: int, start: tuple[int, int], follows: str, lines: Sequence[PrintedLine]
) -> tuple[str, list[str]] | None:
    """Give a pattern for a hole, and the places of other lines that it matches too; None where none finds it.

    First by the label alone, then by all of the line that stands before.
    """
    tried = []
    for place, cut in dict.fromkeys((start, (0, 0))):
        text = "".join(
            (_escaped(piece[cut if number == place else 0 :]) if isinstance(piece, str) else r"\S+")
            for number, piece in enumerate(line.pieces[place:at], place)
        )
        number = _number(follows)
        spaced = re.sub(r"\s+$", "", text) + r"\s*" if re.search(r"\s$", text) or _padded(line.pieces[at]) else text
        pattern = (rf"\b{spaced}" if re.match(r"\w", spaced) else spaced) + number
        if not _finds(pattern, line, at):
            continue
        also = [other.where for other in lines if other is not line and _other(pattern, other, line)]
        tried.append((pattern, also))
        if not also:
            break
    return min(tried, key=lambda one: len(one[1]), default=None)


def _escaped(text: str) -> str:
    return re.sub(r"\s{2,}|\t", r"\\s+", _SPECIAL.sub(r"\\\1", text))


def _number(follows: str) -> str:
    """Give the group for a number, so that what follows it is no part of it."""
    if not follows or follows[0].isspace():
        return r"(\S+)"
    if follows[0] == ".":
        return r"([-+.\w]*\w)"
    if follows[0].isalpha():
        return r"([-+.\de]+)" + follows[0]
    return r"([-+.\w]+)"


def _padded(piece: str | Hole) -> bool:
    """Say whether a format gives a number a width, so that spaces stand before it."""
    return isinstance(piece, Hole) and re.match(r"[<>^=+ ]*0?[1-9]", piece.spec) is not None


def _finds(pattern: str, line: PrintedLine, at: int) -> bool:
    found = re.findall(pattern, line.rendered())
    return bool(found) and found[-1] == f"{at}.5"


def _other(pattern: str, other: PrintedLine, line: PrintedLine) -> bool:
    return re.search(pattern, other.rendered()) is not None and other.rendered() != line.rendered()


def _notes(hole: Hole, line: PrintedLine, also: list[str]) -> Iterator[str]:
    if line.loops:
        yield "printed in a loop: the last one counts"
    if also:
        yield f"the pattern also matches what {also[0]} prints; the last match counts, whichever that is"
    digits = re.search(r"\.(\d)(?:f|%)?$", hole.spec)
    if digits and int(digits[1]) < 2 and hole.spec[-1:] in "f%":
        yield f"only {digits[1]} decimals are printed: smaller differences are lost"
