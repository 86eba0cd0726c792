"""What a script takes by libraries that are called once: fire, tyro, HfArgumentParser, jsonargparse, absl; by hand.

options, commands = fire_options(source)
options = absl_options(source), environment_options(source), argv_options(source)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from archsearch.init.options import Option, names_in
from archsearch.init.signatures import fields_of, parameters
from archsearch.init.source import SourceFile, argument, dotted, last_name, literal_or_none, text_of

# What transformers.TrainingArguments takes, as its documentation has it; only what people set most.
_TRAINING_ARGUMENTS: dict[str, Any] = {
    "output_dir": None, "seed": 42, "learning_rate": 5e-5, "num_train_epochs": 3.0, "per_device_train_batch_size": 8,
    "weight_decay": 0.0, "warmup_ratio": 0.0, "max_grad_norm": 1.0, "label_smoothing_factor": 0.0,
    "lr_scheduler_type": "linear",
}  # fmt: skip
# Variables that the machine or a launcher sets, not the person who tries something out.
_OF_THE_MACHINE = names_in(
    "HOME PATH USER PWD TMPDIR TMP TEMP SHELL HOSTNAME RANK LOCAL_RANK WORLD_SIZE MASTER_ADDR MASTER_PORT "
    "NODE_RANK CUDA_VISIBLE_DEVICES CUDA_LAUNCH_BLOCKING CUBLAS_WORKSPACE_CONFIG OMP_NUM_THREADS MKL_NUM_THREADS "
    "PYTHONHASHSEED TOKENIZERS_PARALLELISM TF_CPP_MIN_LOG_LEVEL KERAS_BACKEND XLA_FLAGS WANDB_MODE WANDB_PROJECT "
    "WANDB_API_KEY HF_HOME HF_TOKEN HF_HUB_OFFLINE TORCH_HOME PYTHONPATH LD_LIBRARY_PATH DISPLAY"
)


def fire_options(source: SourceFile) -> tuple[list[Option], list[str]]:
    """Give what `fire.Fire(...)` makes of a function, a class, a dict of functions, or of the whole file."""
    for call in source.calls:
        if dotted(call.func) not in ("fire.Fire", "Fire"):
            continue
        what = argument(call, 0, "component")
        if what is None:
            public = {n: f for n, f in source.functions.items() if f in source.tree.body and not n.startswith("_")}
            return _of_functions(public, source)
        if isinstance(what, ast.Dict):
            names = {
                text_of(k, source): last_name(v) for k, v in zip(what.keys, what.values, strict=True) if k is not None
            }
            return _of_functions({k: source.functions[n] for k, n in names.items() if n in source.functions}, source)
        if (function := source.functions.get(last_name(what))) is not None:
            return list(parameters(function, source, "fire")), []
        if (made := source.classes.get(last_name(what.func if isinstance(what, ast.Call) else what))) is not None:
            return _of_class(made, source)
    return [], []


def _of_functions(
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef], source: SourceFile
) -> tuple[list[Option], list[str]]:
    options = [o for name, f in functions.items() for o in parameters(f, source, "fire", group=name)]
    return options, list(functions)


def _of_class(made: ast.ClassDef, source: SourceFile) -> tuple[list[Option], list[str]]:
    methods = {n.name: n for n in made.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    first = list(parameters(methods["__init__"], source, "fire", skip=1)) if "__init__" in methods else []
    public = {name: f for name, f in methods.items() if not name.startswith("_")}
    return [*first, *(o for n, f in public.items() for o in parameters(f, source, "fire", group=n, skip=1))], list(
        public
    )


def dataclass_options(source: SourceFile) -> list[Option]:
    """Give the fields of the dataclasses that tyro, HfArgumentParser, simple_parsing or jsonargparse read."""
    found: list[Option] = []
    for call in source.calls:
        name = dotted(call.func)
        what = argument(call, 0, "")
        if name == "tyro.cli" and what is not None:
            if (made := source.classes.get(last_name(what))) is not None:
                found += fields_of(made, source, "tyro")
            elif (function := source.functions.get(last_name(what))) is not None:
                found += parameters(function, source, "tyro")
        elif last_name(call.func) == "HfArgumentParser" and what is not None:
            for one in what.elts if isinstance(what, (ast.Tuple, ast.List)) else [what]:
                if (made := source.classes.get(last_name(one))) is not None:
                    found += fields_of(made, source, "hf")
                if _trains(last_name(one), source):
                    found += _training_arguments(call, source)
        elif last_name(call.func) == "add_arguments" and what is not None:
            if (made := source.classes.get(last_name(what))) is not None:
                found += fields_of(made, source, "hf")
        elif name in ("CLI", "auto_cli", "jsonargparse.CLI", "jsonargparse.auto_cli") and what is not None:
            function = source.functions.get(last_name(what))
            found += parameters(function, source, "jsonargparse") if function is not None else ()
    return list({option.name: option for option in found}.values())


def _trains(name: str, source: SourceFile) -> bool:
    made = source.classes.get(name)
    names = [name, *(last_name(base) for base in made.bases)] if made is not None else [name]
    return any(one in ("TrainingArguments", "Seq2SeqTrainingArguments") for one in names)


def _training_arguments(call: ast.Call, source: SourceFile) -> Iterator[Option]:
    for name, default in _TRAINING_ARGUMENTS.items():
        yield Option(
            name, f"--{name}", default=default, required=name == "output_dir", where=source.where(call),
            help="of transformers.TrainingArguments",
        )  # fmt: skip


def absl_options(source: SourceFile) -> list[Option]:
    """Give the flags that `flags.DEFINE_...` defines."""
    found = []
    for call in source.calls:
        kind = last_name(call.func).removeprefix("DEFINE_")
        if not last_name(call.func).startswith("DEFINE_") or not (name := text_of(argument(call, 0, "name"), source)):
            continue
        default = literal_or_none(argument(call, 1, "default"), source)
        place = 3 if kind in ("enum", "multi_enum") else 2
        about: dict[str, Any] = {
            "help": " ".join(text_of(argument(call, place, "help"), source).split()),
            "where": source.where(call),
        }
        if kind in ("bool", "boolean"):
            on, off = (f"--no{name}", f"--{name}") if default is True else (f"--{name}", f"--no{name}")
            found.append(Option(name, on, "switch", off_flag=off, **about))
        elif kind in ("float", "integer", "string", "enum", "list"):
            choices = literal_or_none(argument(call, 2, "enum_values"), source) if kind == "enum" else None
            if kind == "list" and isinstance(default, list):
                default = ",".join(map(str, default))
            found.append(
                Option(
                    name, f"--{name}", "joined", default=default or (None if isinstance(default, str) else default),
                    choices=tuple(choices) if isinstance(choices, list) else (), **about,
                )
            )  # fmt: skip
        else:
            found.append(Option(name, f"--{name}", "joined", **about))
    required = {
        text_of(arg, source)
        for call in source.calls
        if last_name(call.func) in ("mark_flag_as_required", "mark_flags_as_required")
        for arg in (call.args[0].elts if call.args and isinstance(call.args[0], ast.List) else call.args)
    }
    return [replace(one, required=True) if one.name in required and one.default is None else one for one in found]


def environment_options(source: SourceFile) -> list[Option]:
    """Give the variables that a script reads, without those of the machine."""
    found: dict[str, Option] = {}
    for node in source.nodes:
        name, default = "", None
        if isinstance(node, ast.Call) and dotted(node.func) in ("os.environ.get", "os.getenv", "getenv", "environ.get"):
            name, default = (
                text_of(argument(node, 0, "key"), source),
                literal_or_none(argument(node, 1, "default"), source),
            )
        elif isinstance(node, ast.Subscript) and dotted(node.value) in ("os.environ", "environ"):
            name = text_of(node.slice, source) if isinstance(node.ctx, ast.Load) else ""
        if not name or name in _OF_THE_MACHINE or name in found or not name.isidentifier():
            continue
        found[name] = Option(
            name.lower(), name, "variable", default=_number(default), required=isinstance(node, ast.Subscript),
            where=source.where(node),
        )  # fmt: skip
    return sorted(found.values(), key=lambda one: int(one.where.rpartition(":")[2]))


def _number(value: Any) -> Any:
    """Read a variable's text as the number that it says: that is what a factor changes."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value or None


def argv_options(source: SourceFile) -> list[Option]:
    """Give `sys.argv[1]`, `[2]`, ..., each called as what it is assigned to; none where one between them is missing."""
    found: dict[int, Option] = {}
    for node in source.nodes:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        for inner in ast.walk(node.value):
            if isinstance(inner, ast.Subscript) and dotted(inner.value) in ("sys.argv", "argv"):
                place = literal_or_none(inner.slice, source)
                name = last_name(node.targets[0]).lower()
                if isinstance(place, int) and place > 0 and name and place not in found:
                    found[place] = Option(name, name, "positional", required=True, where=source.where(inner))
    places = sorted(found)
    return [found[place] for place in places] if places == list(range(1, len(places) + 1)) else []


def configurator_options(source: SourceFile) -> list[Option]:
    """Give the constants before a script executes a `configurator.py`, which reads `--name=value` for each of them."""
    reads = [
        call.lineno for call in source.calls if dotted(call.func) == "exec" and "configurator" in ast.unparse(call)
    ]
    if not reads:
        return []
    found = []
    for name, node in source.constants.items():
        value = literal_or_none(node, source)
        if not name.startswith("_") and isinstance(value, (int, float, str)) and node.lineno < reads[0]:
            spoken = str(value) if isinstance(value, bool) else None if value == "" else value
            found.append(Option(name, f"--{name}", "joined", default=spoken, where=source.where(node)))
    return found


def lightning_options(source: SourceFile) -> list[Option]:
    """Give what LightningCLI always takes, and the parameters of the model that it is given, if it is called."""
    for call in source.calls:
        if last_name(call.func) != "LightningCLI":
            continue
        where = source.where(call)
        found = [
            Option("seed_everything", "--seed_everything", default=0, where=where, group="fit"),
            Option("default_root_dir", "--trainer.default_root_dir", where=where, group="fit"),
        ]
        for place, key in ((0, "model"), (1, "data")):
            node = argument(call, place, "model_class" if key == "model" else "datamodule_class")
            made = source.classes.get(last_name(node)) if node is not None else None
            inits = [n for n in made.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"] if made else []
            for one in parameters(inits[0], source, "jsonargparse", group="fit", skip=1) if inits else ():
                found.append(replace(one, name=f"{key}.{one.name}", flag=f"--{key}.{one.flag[2:]}"))
        return found
    return []
