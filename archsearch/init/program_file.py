"""The program's file of a script, as text with comments: what is run, with what, and what it gives.

    file = program_file(read_script(path, Path(".")), "train", Path("."))
    file.text, file.open, file.said        # YAML, what is left to fill in, what a person ought to know

What was not found is a comment with what to fill in. A value that the script wants and nobody knows is left out of
`values`, so that reading the file says where it is missing.
"""

from __future__ import annotations

import ast
import shlex
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archsearch.init.options import Option
from archsearch.init.results import MetricGuess
from archsearch.init.roles import file_named, interest, is_amount, is_data, is_housekeeping
from archsearch.init.script import Script
from archsearch.init.seeding import how_to_add_a_seed
from archsearch.spec.text.write import flow

_MOST_VALUES = 12
_FEW_OPTIONS = 10
_NOT_TRIED = 100
_WIDTH = 110
_HAS_EXTRA = ("flag", "joined", "switch", "override", "positional")


@dataclass(frozen=True, slots=True)
class FirstFile:
    """A file that is not written yet: its text, what is left to fill in, and what is said of it, a sentence each."""

    text: str
    open: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which options stand in the command: by name in braces, with the value of the file; None is to be filled in."""

    values: dict[str, Option]
    extra: tuple[str, ...] | None
    left: tuple[Option, ...]


def chosen_options(script: Script) -> Chosen:
    """Choose what stands in braces: what a run needs, and what people try out; the rest goes through `extra`."""
    special = (script.seed, script.output, script.config_option)
    free = [option for option in script.options if option not in special]
    needed = [option for option in free if option.required]
    usable = [o for o in free if o.can_stand_in_command and not o.required and not is_data(o.name)]
    ranked = sorted((interest_of(o), at) for at, o in enumerate(usable) if interest_of(o) < _NOT_TRIED)
    wanted = [usable[at] for _, at in ranked][:_MOST_VALUES]
    if len(free) <= _FEW_OPTIONS:
        wanted += [o for o in usable if interest_of(o) == _NOT_TRIED]
    taken = {id(option) for option in [*needed, *wanted]}
    values: dict[str, Option] = {}
    for option in script.options:
        if id(option) in taken:
            values[_free_name(option, script.options, values)] = option
    left = tuple(option for option in free if id(option) not in taken)
    extra = any(option.how in _HAS_EXTRA for option in script.options)
    return Chosen(values, _given(script) if extra else None, left)


def interest_of(option: Option) -> int:
    """Rank an option by how likely one changes it: how long is trained first, housekeeping last."""
    if is_amount(option.name):
        return -1
    rank = interest(option.name)
    if rank is None:
        return _NOT_TRIED + is_housekeeping(option.name)
    return rank


def _given(script: Script) -> tuple[str, ...]:
    """Give the words that a script of transformers wants before it does anything."""
    trainer = any(option.help == "of transformers.TrainingArguments" for option in script.options)
    return ("--do_train", "--do_eval") if trainer else ()


def _free_name(option: Option, options: Sequence[Option], taken: dict[str, Option]) -> str:
    """Call `train.lr` just lr where no other option ends so."""
    last = option.name.rpartition(".")[2]
    alone = sum(other.name.rpartition(".")[2] == last for other in options) == 1
    name = Option(last, "").value_name if alone else option.value_name
    while name in taken or name == "extra":
        name += "_"
    return name


def program_file(script: Script, name: str, folder: Path) -> FirstFile:
    """Write the file that lies in `folder` and runs the script."""
    chosen = chosen_options(script)
    start, runs_in = _started(script, folder)
    missing = [key for key, option in chosen.values.items() if option.default is None]
    lines = [f"# How {script.path.name} is run, as read from its text.      archsearch run {name}.yaml --seeds 2"]
    lines += _comments([f"Note: {remark}" for remark in script.remarks], "# ")
    if script.seed is None:
        lines += how_to_add_a_seed(script)
    lines += [f"name: {flow(name)}", "program:", *_command(start, script, chosen)]
    if runs_in != ".":
        lines.append(f"  folder: {flow(runs_in)}")
    lines += _files(script, folder)
    lines += _environment(script, chosen)
    lines += _config(script, chosen)
    lines.append("  # timeout: 30m                 a run that takes longer has failed")
    lines += _values(script, chosen)
    lines += _metrics(script)
    to_do = [f"values.{key}: {script.path.name} needs {chosen.values[key].flag}" for key in missing]
    if not script.metrics:
        to_do.append("metrics: no number was found that it prints or writes; until then only its time is measured")
    if script.seed is None:
        to_do.append(
            f"seed: {script.path.name} takes no seed, and without one nothing can be claimed; the file says how"
        )
    return FirstFile("\n".join(lines) + "\n", tuple(to_do), script.remarks)


# -- what is started ---------------------------------------------------------------------------------------------------


def _started(script: Script, folder: Path) -> tuple[list[str], str]:
    """Give the words that start a script and the folder that it runs in, as the file says it."""
    python = "python" if shutil.which("python") or not shutil.which("python3") else "python3"
    path, home = script.path.resolve(), folder.resolve()
    if path.suffix != ".py":
        inside = path.is_relative_to(home)
        return [f"./{path.relative_to(home).as_posix()}" if inside else str(path)], "."
    if _imports_beside(script.path):
        root, parts = path.parent, [path.stem]
        while (root / "__init__.py").is_file():
            parts.insert(0, root.name)
            root = root.parent
        return [python, "-m", ".".join(parts)], _from(root, home)
    if path.is_relative_to(home):
        return [python, path.relative_to(home).as_posix()], "."
    return [python, path.name], _from(path.parent, home)


def _braces_doubled(words: list[str]) -> list[str]:
    """Write braces of a file's name so that they stand for themselves."""
    return [word.replace("{", "{{").replace("}", "}}") for word in words]


def _from(folder: Path, home: Path) -> str:
    return folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)


def _imports_beside(path: Path) -> bool:
    """Say whether a script says `from . import`, which works for modules only."""
    from archsearch.init.source import read_source

    inside = (path.parent / "__init__.py").is_file()
    return inside and any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(read_source(path).tree))


def _command(start: list[str], script: Script, chosen: Chosen) -> Iterator[str]:
    """Yield the command, folded where it is long: what is before the sub-command, the sub-command, what is after."""
    pieces = [[shlex.quote(word) for word in _braces_doubled(start)]]
    for group in dict.fromkeys(("", script.command)):
        if group:
            pieces.append([group])
        placed = [(option, word) for option, word in _in_braces(script, chosen) if (option.group or "") == group]
        for positional in (True, False):
            pieces += [
                _quoted_words(option.words(word))
                for option, word in placed
                if (option.how == "positional") is positional
            ]
    if script.by == "hydra":
        pieces.append(["hydra.run.dir={run_dir}"])
    if chosen.extra is not None:
        pieces.append(["{extra}"])
    texts = [" ".join(words) for words in pieces if words]
    one_line = f"  command: {' '.join(texts)}"
    if len(one_line) <= _WIDTH and ": " not in one_line.removeprefix("  command: ") and " #" not in one_line:
        yield one_line
        return
    yield "  command: >-"
    line = ""
    for text in texts:
        if line and len(line) + len(text) > _WIDTH - 10:
            yield f"    {line}"
            line = ""
        line = f"{line} {text}".strip()
    yield f"    {line}"


def _quoted_words(words: Sequence[str]) -> list[str]:
    return [word if set("{}") & set(word) and " " not in word else shlex.quote(word) for word in words]


def _in_braces(script: Script, chosen: Chosen) -> Iterator[tuple[Option, str]]:
    """Yield what is told in the command, in the order of the script, with what stands there."""
    names = {id(option): key for key, option in chosen.values.items()}
    for option in script.options:
        if option is script.seed:
            yield option, "{seed}"
        elif option is script.config_option:
            yield option, "{run_dir}/" + (script.config.name if script.config else "")
        elif option is script.output:
            yield option, "{run_dir}" + (f"/{file_named(option)}" if script.output_is_file else "")
        elif id(option) in names:
            yield option, f"{{{names[id(option)]}}}"


def _environment(script: Script, chosen: Chosen) -> Iterator[str]:
    told = [(o, word) for o, word in _in_braces(script, chosen) if o.how == "variable"]
    if told:
        yield "  environment:"
        yield from (f"    {option.flag}: {flow(word)}" for option, word in told)


def _config(script: Script, chosen: Chosen) -> Iterator[str]:
    if script.config is None:
        return
    yield _with_comment("  config:", f"{script.config.name} is written for each run, with these of its keys changed")
    yield f"    template: {flow(script.config.name)}"
    yield f"    to: {flow('{run_dir}/' + script.config.name)}"
    yield "    edits:"
    yield from (f"      {o.flag}: {flow(word)}" for o, word in _in_braces(script, chosen) if o.how == "config")


def _files(script: Script, folder: Path) -> Iterator[str]:
    """Yield the files that the numbers depend on, where the usual ones (tracked by git, else *.py) are not all."""
    home = folder.resolve()
    if any((above / ".git").exists() for above in (home, *home.parents)):
        return
    globs: list[str] = []
    for path in script.sources:
        if path.resolve().is_relative_to(home):
            first, *rest = path.resolve().relative_to(home).parts
            globs.append(f"{first}/**/*.py" if rest else "*.py")
    if script.by == "hydra" or script.config is not None:
        globs.append("**/*.yaml")
    if set(globs) - {"*.py"}:
        told = f"  files: {flow(sorted(set(globs)))}"
        yield _with_comment(told, "what the numbers depend on: a change makes another experiment")


# -- values and metrics ------------------------------------------------------------------------------------------------


def _values(script: Script, chosen: Chosen) -> Iterator[str]:
    if not chosen.values and chosen.extra is None:
        about = f"{script.path.name} takes nothing; a level of a factor can be a patch (a diff)"
        yield _with_comment("values: {}", about)
        return
    yield "values:"
    for key, option in chosen.values.items():
        about = f"{option.flag} ({option.where})" + (f": {option.about}" if option.about else "")
        if option.choices:
            about += f"; one of {', '.join(map(str, option.choices))}"
        about = textwrap.shorten(about, 90, placeholder=" ...")
        if option.default is None:
            yield _with_comment(f"  # {key}: ...", f"FILL IN: {about}")
        else:
            yield _with_comment(f"  {key}: {flow(option.default)}", about)
    if chosen.extra is not None:
        yield _with_comment(f"  extra: {flow(list(chosen.extra))}", "more arguments, such as [--name, value]")
        also = [o.flag for o in chosen.left if o.how in _HAS_EXTRA and o.how != "switch"]
        switches = [o.flag for o in chosen.left if o.how == "switch"]
        said = [f"switches: {' '.join(switches)}"] if switches else []
        said += [f"it also takes: {' '.join(also)}"] if also else []
        yield from _comments(said, "  # ")


def _with_comment(text: str, comment: str) -> str:
    return f"{text:<32} # {comment}"


def _comments(sentences: Sequence[str], start: str) -> Iterator[str]:
    for sentence in sentences:
        lines = textwrap.wrap(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from (f"{start}{'  ' * bool(at)}{line}" for at, line in enumerate(lines))


def _metrics(script: Script) -> Iterator[str]:
    yield "metrics:"
    told = [one for one in script.metrics if one.direction is not None]
    if not told:
        yield from (
            "  # FILL IN what it is judged by: no number was found that it prints or writes by a known name. Such as",
            r"  # accuracy: {last: 'accuracy=(\S+)'}                    the last match in its output",
            "  # accuracy: {json: result.json, key: test.accuracy}     a file that it writes",
        )
    for one in told:
        yield from _comments([f"{one.where}{''.join(f'; {note}' for note in one.notes)}"], "  # ")
        yield f"  {one.name}: {_reading(one)}"
    yield "  seconds: measured"
    if told:
        way = told[0].direction
        yield f"objective: {{{way}: {told[0].name}}}"


def _reading(one: MetricGuess) -> str:
    reading = dict(one.reading)
    if one.said:
        reading["direction"] = one.direction
    parts = [f"{key}: {_single(value) if key == 'last' else flow(value)}" for key, value in reading.items()]
    return "{" + ", ".join(parts) + "}"


def _single(text: str) -> str:
    """Write a pattern between single quotes, where a backslash is one."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
