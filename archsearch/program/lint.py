"""Known mistakes in a program's file that is otherwise right: what makes its numbers mean less than they seem to.

    for finding in lint_program(spec): print(finding.code, finding.message, finding.way_out)

A finding is advice and no error. It is silenced in the file, with a reason: `lint: {A103: nothing else writes it}`. To
add a rule: a check here and its entry in `PROGRAM_RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from archsearch.errors import SpecError
from archsearch.plain import Plain
from archsearch.program.check import names_used, result_files, shares_results
from archsearch.program.program_spec import ProgramSpec, metric_row
from archsearch.spec.text.sentences import unknown

_MOST_BYTES = 200_000  # of a script that is looked at
_SEED_WORDS = re.compile(r"(^|[_-])(seed|random_state|rng)($|[_-])", re.IGNORECASE)


class ProgramFinding(Plain):
    """A rule that applies: what was found, why it matters, and what to do."""

    code: str
    title: str
    message: str
    reason: str
    way_out: str


_Found = tuple[str, str]  # what was found, what to do
Check = Callable[[ProgramSpec], Iterator[_Found]]


def lint_program(spec: ProgramSpec) -> list[ProgramFinding]:
    """Apply every rule but those that the file silences; raise `SpecError` where it silences one that is none."""
    wrong = [code for code in spec.lint if code not in PROGRAM_RULES]
    if wrong:
        raise SpecError(unknown("lint rule", wrong[0], PROGRAM_RULES), ("lint",))
    return [
        ProgramFinding(code=code, title=title, message=message, reason=reason, way_out=way_out)
        for code, (title, reason, check) in PROGRAM_RULES.items()
        if code not in spec.lint
        for message, way_out in check(spec)
    ]


def _no_seed(spec: ProgramSpec) -> Iterator[_Found]:
    if spec.program.function is None and "seed" not in names_used(spec) and not spec.program.deterministic:
        yield (
            "{seed} stands nowhere in the command, the environment, stdin or the configuration",
            "give the program its seed, such as --seed {seed}, or say deterministic: true",
        )


def _seed_among_values(spec: ProgramSpec) -> Iterator[_Found]:
    for name in spec.values:
        if _SEED_WORDS.search(name):
            yield (
                f"values.{name} looks like a seed, and stays the same in every run",
                f"take {name} out of values and put {{seed}} in its place",
            )


def _last_look(spec: ProgramSpec) -> Iterator[_Found]:
    """The last row or match may be of the last step, or of a test after it: which of both the file does not say."""
    for name, source in spec.metrics.items():
        if source.csv is not None and source.row == "last" and spec.history is None and name != "steps":
            yield (
                f"{name} is the last row of {source.csv}: of the last epoch, whichever was best",
                "right where the last epoch is what counts; else let the program write the number once, at its end",
            )
        # Whatever stands before the word (^, a space, a quote) keeps val_ and test_ away.
        if source.last is not None and re.fullmatch(
            r"(acc|accuracy|loss|error|f1|auc)\W*\\?s?\W*\(.*\)\S*", source.last
        ):
            yield (
                f"the pattern {source.last} of {name} also matches val_{name} and test_{name}, whatever comes last",
                f"begin it with a word boundary, such as \\b{source.last}, or print the number on a line of its own",
            )


def _shared_results(spec: ProgramSpec) -> Iterator[_Found]:
    if shares_results(spec):
        yield (
            f"all runs write {' and '.join(result_files(spec))} in {spec.program.folder}: they must run one by one, "
            "and each overwrites what the one before wrote",
            "let the program write in {run_dir}, such as --out {run_dir}",
        )


def _output_path(spec: ProgramSpec) -> Iterator[_Found]:
    """A script with one place for its results, which `{run_dir}` does not reach."""
    if spec.program.function is not None or "run_dir" in names_used(spec):
        return
    for word in spec.program.command or ():
        path = Path(spec.program.folder) / str(word)
        if path.suffix not in (".py", ".sh", ".R", ".jl") or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        match = re.search(r"""(?:savez?|save_model|to_csv|to_parquet|open)\(\s*['"]([^'"{}]+\.\w+)['"]""", text)
        if match is not None and match[1] not in result_files(spec) and _writes(text, match):
            line = text.count("\n", 0, match.start()) + 1
            yield (
                f"{word}:{line} writes {match[1]}, which all runs share",
                "let it write in a folder that it is given, and give it {run_dir}",
            )


def _writes(text: str, match: re.Match[str]) -> bool:
    """Say whether a call that opens a file writes it."""
    return not match[0].startswith("open") or bool(re.match(r"""\s*,\s*['"][wax]""", text[match.end() :]))


def _margin(spec: ProgramSpec) -> Iterator[_Found]:
    for name, source in spec.metrics.items():
        row = metric_row(spec, name)
        if source.margin is None:
            continue
        if row.unit == "points" and source.margin >= 0.1:
            yield (
                f"the margin of {name} is {source.margin:g}, which is {100 * source.margin:g} percentage points",
                f"a margin is in the metric's unit: {source.margin:g} percentage points are {source.margin / 100:g}",
            )
        if (
            source.unit == "own"
            and source.scale is None
            and name.endswith(("acc", "accuracy"))
            and source.margin < 0.01
        ):
            yield (
                f"the margin of {name} is {source.margin:g}, and the metric is kept as it is printed",
                f"where it is printed in per cent, {source.margin:g} is a hundredth of a point or less; unit: percent "
                "reads it as a fraction",
            )
    for name in ("peak_memory", "seconds"):
        source = spec.metrics.get(name)  # type: ignore[assignment]
        if source is not None and source.margin is not None and name == "peak_memory" and 0 < source.margin < 4096:
            yield (
                f"the margin of peak_memory is {source.margin:g} bytes",
                "peak_memory is in bytes: 10 MiB are 10485760",
            )


PROGRAM_RULES: dict[str, tuple[str, str, Check]] = {
    "A101": (
        "no seed",
        "every run would be the same, or differ by chance that nobody can repeat or pair",
        _no_seed,
    ),
    "A102": (
        "a seed among the values",
        "runs that differ in {seed} alone would still start from one seed",
        _seed_among_values,
    ),
    "A103": (
        "the last look decides",
        "what is read last need not be what is meant: of another part of the data, or of an epoch after the best one",
        _last_look,
    ),
    "A104": (
        "results that all runs share",
        "a run could read what another one wrote, so that they have to wait for each other",
        _shared_results,
    ),
    "A105": (
        "a file that all runs overwrite",
        "runs at one time would write into each other's files, and those of earlier runs are lost",
        _output_path,
    ),
    "A106": (
        "a margin in another unit",
        "a margin that is a hundred times too large calls everything equivalent, one too small nothing",
        _margin,
    ),
}
