"""What an option is for, by its name: the seed, where results go, what one would try out, what is housekeeping.

    is_seed("random_state"), interest("lr"), is_output("save_dir")      # True, 0, True

The names are those that public training scripts use; a name that is in no table is an option like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archsearch.init.options import Option, names_in

_SEED = re.compile(
    r"(?:.*[_.])?(?:rng_?)?(?:seed|random_state|random_seed|seed_everything)s?(?:_value|_num)?", re.IGNORECASE
)
_OUTPUT = re.compile(
    r"(?:.*[_.])?(?:out|output|outdir|output_dir|out_dir|output_path|outpath|save_dir|savedir|save_path|save_to|log_dir|logdir|"
    r"run_dir|work_dir|workdir|result|results|result_dir|results_dir|result_file|results_file|exp_dir|experiment_dir|"
    r"model_dir|checkpoint_dir|ckpt_dir|default_root_dir|metrics_file|out_file|output_file|log_file|logfile|json_out)",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"(?:.*[_.])?(?:data|dataset|data_dir|data_path|dataset_dir|data_root|root|datadir|input|input_dir|input_file|"
    r"train_file|train_path|train_data|csv|corpus)",
    re.IGNORECASE,
)
_CONFIG = re.compile(
    r"(?:.*[_.])?(?:config|cfg|conf|config_file|config_path|configs|yaml|params|params_file)", re.IGNORECASE
)

# What is tried out most, first what moves results most; words of a name, in any place of it.
_TRIED = (
    ("lr", "learning rate", "eta", "step size", "learn rate", "base lr"),
    ("norm", "normalization", "batchnorm", "batch norm", "layernorm", "bn"),
    ("optimizer", "optimiser", "optim", "opt", "solver"),
    ("arch", "model", "network", "backbone", "kernel", "booster", "criterion", "algo", "algorithm"),
    ("activation", "act", "nonlinearity"),
    ("dropout", "drop", "drop rate", "drop path", "p drop"),
    ("weight decay", "wd", "l2", "alpha", "lambda", "reg", "reg alpha", "reg lambda", "c", "min child weight"),
    ("aug", "augment", "augmentation", "mixup", "cutmix", "flip", "crop", "smoothing", "label smoothing"),
    ("batch size", "bs", "batch", "batchsize", "minibatch"),
    (
        "hidden",
        "embd",
        "hidden size",
        "hidden dim",
        "width",
        "dim",
        "channels",
        "units",
        "embed dim",
        "num leaves",
        "n hidden",
    ),
    ("depth", "layers", "num layers", "n layers", "blocks", "max depth", "heads", "num heads"),
    ("warmup", "warmup steps", "warmup epochs", "warmup ratio"),
    ("schedule", "scheduler", "lr scheduler", "sched", "gamma", "anneal"),
    (
        "momentum",
        "beta1",
        "beta2",
        "eps",
        "ema",
        "clip",
        "grad clip",
        "max grad norm",
        "clip grad",
        "subsample",
        "temperature",
    ),
    (
        "loss",
        "loss fn",
        "amp",
        "whitening",
        "pretrained",
        "residual",
        "attention",
        "pool",
        "pooling",
        "ent coef",
        "gae lambda",
    ),
    ("n estimators", "estimators", "trees", "rounds", "num boost round"),
)
_AMOUNTS = (
    "epochs",
    "epoch",
    "max epochs",
    "num epochs",
    "steps",
    "max steps",
    "iterations",
    "iters",
    "total timesteps",
)
_HOUSEKEEPING = names_in(
    "device gpu gpus cuda cpu mps accel accelerator workers num_workers n_jobs njobs threads log verbose quiet "
    "debug print wandb tensorboard tb resume checkpoint ckpt port host rank world dist distributed local_rank "
    "backend save load name project entity tag notes cache download eval evaluate test dry_run dry plot show "
    "video interval freq frequency every profile deterministic version track capture id pin entity_name run exp "
    "dataset root file path dir folder url start callbacks logger paths extras hydra train task world_size rank"
)
SAVING_SUFFIXES = (".json", ".csv", ".jsonl", ".txt", ".log", ".pt", ".pth", ".pkl", ".npz", ".tsv", ".yaml", ".yml")


def _words(name: str) -> str:
    """Write a name as words: `model.hiddenSize` is hidden size."""
    last = name.rpartition(".")[2]
    return re.sub(r"[-_\s]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last)).strip().lower()


def is_seed(name: str) -> bool:
    """Say whether a name is that of a seed."""
    return _SEED.fullmatch(name.replace("-", "_")) is not None


def is_output(name: str) -> bool:
    """Say whether a name is that of where results are written."""
    return _OUTPUT.fullmatch(name.replace("-", "_")) is not None


def is_data(name: str) -> bool:
    """Say whether a name is that of where data are read from."""
    return _DATA.fullmatch(name.replace("-", "_")) is not None


def is_config(name: str) -> bool:
    """Say whether a name is that of a configuration file."""
    return _CONFIG.fullmatch(name.replace("-", "_")) is not None


def is_amount(name: str) -> bool:
    """Say whether a name says how long is trained: worth a value, and no factor."""
    words = _words(name)
    return words in _AMOUNTS or words.removeprefix("n ").removeprefix("num ").removeprefix("train ") in _AMOUNTS


def is_housekeeping(name: str) -> bool:
    """Say whether a name is of how it is run rather than of what is trained."""
    words = _words(name).split()
    return bool({"_".join(words), *words} & _HOUSEKEEPING) and interest(name) is None


def interest(name: str) -> int | None:
    """Say how near the front an option stands among what people try out: 0 is the first; None for no known one.

    >>> interest("learning_rate"), interest("model.lr"), interest("num_workers"), interest("no_batch_norm")
    (0, 0, None, 1)
    """
    words = re.sub(r"^(no|use|with|enable|disable|do|n|num|init|initial|train|per device train) ", "", _words(name))
    padded = f" {words} "
    exact = next((place for place, names in enumerate(_TRIED) if words in names), None)
    if exact is not None:
        return exact
    if set(words.split()) & {
        "path",
        "dir",
        "file",
        "interval",
        "freq",
        "workers",
        "name",
        "id",
        "url",
        "save",
        "eval",
        "test",
    }:
        return None
    long = (place for place, names in enumerate(_TRIED) for one in names if len(one) > 2 and f" {one} " in padded)
    return next(long, None)


def first_seed(options: Iterable[Option]) -> Option | None:
    """Give the option that is the seed: one called just so before one that ends so."""
    found = [option for option in options if is_seed(option.name) and option.how != "switch"]
    return min(
        found,
        key=lambda one: (_words(one.name) not in ("seed", "random seed", "random state"), len(one.name)),
        default=None,
    )


def first_output(options: Iterable[Option]) -> Option | None:
    """Give the option that says where results are written, folders before files, `output` before the log."""
    found = [
        option
        for option in options
        if is_output(option.name) and option.how in ("flag", "joined", "positional", "override", "variable", "config")
    ]
    return min(
        found,
        key=lambda one: ("log" in one.name.lower(), "model" in one.name.lower(), "check" in one.name.lower()),
        default=None,
    )


def is_file(option: Option) -> bool:
    """Say whether an output option names a file rather than a folder: by its default, or by its own name."""
    if isinstance(option.default, str):
        return option.default.lower().endswith(SAVING_SUFFIXES)
    return option.name.lower().endswith("file")


def file_named(option: Option) -> str:
    """Give the file that an output option names in a run's own folder, where it names a file."""
    if isinstance(option.default, str) and is_file(option):
        return option.default.replace("\\", "/").rpartition("/")[2]
    return f"{option.value_name}.json"
