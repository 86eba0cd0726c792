"""A training script, read and never executed: what it can be told, its seed, where it writes, the numbers it gives.

script = read_script(Path("train.py"), Path("."))
script.seed, script.options, script.metrics, script.remarks
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from archsearch.errors import UsageError
from archsearch.init import called_options, click_options, config_options
from archsearch.init.argparse_options import argparse_options
from archsearch.init.options import Option
from archsearch.init.printed import printed_metrics
from archsearch.init.results import MetricGuess, chosen_metrics
from archsearch.init.roles import file_named, first_output, first_seed, is_config, is_file, is_output
from archsearch.init.saved import logged_elsewhere, saved_metrics, written_options
from archsearch.init.source import SourceFile, last_name, literal_or_none, read_with_imports
from archsearch.spec.text.sentences import unknown

_TRAINS = ("train", "fit", "training", "run_train", "main", "run")
_SEEDING = (
    "manual_seed", "set_seed", "seed", "seed_everything", "set_random_seed", "manual_seed_all", "default_rng",
    "RandomState",
)  # fmt: skip
_ESTIMATOR_SEEDS = ("random_state", "seed", "random_seed")


@dataclass(frozen=True, slots=True)
class Script:
    """What was found; `by` is what reads its arguments, `command` the sub-command that trains, "" for none.

    `config` is the configuration file that it reads, with the option that names it. `fixed_seeds` are the places where
    a number stands as the seed, `sources` the files that were read. `output_is_file`: the output is no folder.
    """

    path: Path
    by: str
    options: tuple[Option, ...] = ()
    command: str = ""
    seed: Option | None = None
    output: Option | None = None
    config: Path | None = None
    config_option: Option | None = None
    metrics: tuple[MetricGuess, ...] = ()
    fixed_seeds: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    output_is_file: bool = False


Reader = Callable[[SourceFile], tuple[list[Option], list[str]]]
_READERS: dict[str, Reader] = {
    "argparse": argparse_options,
    "click": click_options.click_options,
    "typer": click_options.typer_options,
    "fire": called_options.fire_options,
    "absl flags": lambda source: (called_options.absl_options(source), []),
    "a dataclass": lambda source: (called_options.dataclass_options(source), []),
}


def read_script(path: Path, root: Path, command: str = "", told: tuple[Option, ...] = ()) -> Script:
    """Read a script and the files of its own that it imports.

    `root` is the folder that it is started in, `command` a sub-command that the person named, `told` what the script
    itself said of its options (`--help`). Raises `SpecError` for what is no Python, `UsageError` where it has several
    sub-commands and none of them is called as if it trained.
    """
    sources = read_with_imports(path, root)
    by, options, commands, remarks = _options(sources)
    if told:
        known = {option.flag for option in options}
        options += [option for option in told if option.flag not in known]
        by = by or "its --help"
    chosen = _command(path, commands, command)
    options = [option for option in options if option.group in ("", chosen)]
    options = list({option.flag: option for option in reversed(options)}.values())[::-1]
    if by == "fire":  # what the class takes may stand behind the method, with what the method takes
        options = [replace(option, group=chosen) for option in options]
    config, config_option, more = _config(sources, options, root)
    if config is not None:
        found, said = config_options.file_options(config)
        more, remarks = [*more, *found], [*remarks, *said]
    options += more
    named = {option.name.rpartition(".")[2]: file_named(option) for option in options if is_output(option.name)}
    files = written_options(sources, named)
    metrics, notes = chosen_metrics([*saved_metrics(sources, named), *printed_metrics(sources)])
    output = first_output(options)
    unread = () if any(one.direction for one in metrics) else logged_elsewhere(sources)
    return Script(
        path, by, tuple(options), chosen, first_seed(options), output, config, config_option, metrics,
        tuple(_fixed_seeds(sources)), (*remarks, *notes, *unread), tuple(source.path for source in sources),
        output is not None and (is_file(output) or output.name.rpartition(".")[2] in files),
    )  # fmt: skip


def _options(sources: list[SourceFile]) -> tuple[str, list[Option], list[str], list[str]]:
    """Give what reads the arguments, the options, the sub-commands and what was not understood.

    The script's own parser counts; one of the files that it imports where it has none.
    """
    for source in sources:
        if (hydra := config_options.hydra_options(source)) is not None:
            return "hydra", hydra[0], [], hydra[1]
        for name, read in _READERS.items():
            options, commands = read(source)
            if options or commands:
                return name, options, commands, _dynamic([source])
    first = sources[0]
    if options := called_options.lightning_options(first):
        return "LightningCLI", options, ["fit"], []
    if options := called_options.configurator_options(first):
        return "configurator", options, [], []
    if options := called_options.argv_options(first):
        return "sys.argv", options, [], []
    for source in sources:
        if options := called_options.environment_options(source):
            return "environment", options, [], []
    return "", [], [], _dynamic(sources)


def _dynamic(sources: list[SourceFile]) -> list[str]:
    """Say where arguments are added whose names are made when it runs."""
    found = [
        source.where(call)
        for source in sources
        for call in source.calls
        if last_name(call.func) == "add_argument"
        and call.args
        and not any(isinstance(literal_or_none(arg, source), str) for arg in call.args)
    ]
    return [f"{found[0]}: the names of some arguments are made when it runs; --run-help reads them"] if found else []


def _command(path: Path, commands: list[str], asked: str) -> str:
    if asked:
        if asked not in commands:
            raise UsageError(
                f"{path}: {unknown('sub-command', asked, commands)}" if commands else f"{path} has no sub-commands"
            )
        return asked
    if len(commands) < 2:
        return commands[0] if commands else ""
    for word in _TRAINS:
        if word in commands:
            return word
    raise UsageError(
        f"{path} has the sub-commands {', '.join(commands)}; say which one trains: "
        f"archsearch init {path} --subcommand {commands[0]}"
    )


def _config(
    sources: list[SourceFile], options: list[Option], root: Path
) -> tuple[Path | None, Option | None, list[Option]]:
    """Find the configuration file that an option names, where the script reads one and the file is there."""
    if not any(config_options.reads_config(source) for source in sources):
        return None, None, []
    for option in options:
        if is_config(option.name) and option.how in ("flag", "joined", "positional", "variable"):
            named = [Path(option.default)] if isinstance(option.default, str) else []
            beside = [Path(f"{option.name}.yaml"), Path("config.yaml"), Path("config.yml"), Path("config.json")]
            for candidate in named or beside:
                if candidate.suffix in (".yaml", ".yml", ".json") and (root / candidate).is_file():
                    return root / candidate, option, []
    return None, None, []


def _fixed_seeds(sources: list[SourceFile]) -> list[str]:
    """Say where a number stands as the seed."""
    found = []
    for source in sources:
        for call in source.calls:
            name = ast.unparse(call.func)
            value = literal_or_none(call.args[0], source) if call.args else None
            if last_name(call.func) in _SEEDING and isinstance(value, int) and not isinstance(value, bool):
                found.append(f"{source.where(call)}: {name}({value})")
            for one in call.keywords:
                fixed = literal_or_none(one.value, source) if one.arg in _ESTIMATOR_SEEDS else None
                if isinstance(fixed, int) and not isinstance(fixed, bool) and last_name(call.func) != "add_argument":
                    found.append(f"{source.where(call)}: {name}({one.arg}={fixed})")
    return found
