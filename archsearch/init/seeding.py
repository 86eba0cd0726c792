"""How a script gets a seed that takes none: what to add to it and to its file, in the way that it reads the rest.

how_to_add_a_seed(script)         # lines of comments
"""

from __future__ import annotations

from collections.abc import Iterator

from archsearch.errors import SpecError
from archsearch.init.script import Script
from archsearch.init.source import imported_names, read_source

# What seeds a library, by the name that it is imported by.
_SEEDS = {
    "lightning": "lightning.seed_everything({seed})",
    "pytorch_lightning": "pytorch_lightning.seed_everything({seed})",
    "torch": "torch.manual_seed({seed})",
    "keras": "keras.utils.set_random_seed({seed})",
    "tensorflow": "tensorflow.keras.utils.set_random_seed({seed})",
    "jax": "key = jax.random.key({seed})",
    "transformers": "transformers.set_seed({seed})",
    "numpy": "numpy.random.seed({seed})",
    "sklearn": "random_state={seed}, for every estimator and split",
    "xgboost": "random_state={seed}, for the estimator",
    "lightgbm": "random_state={seed}, for the estimator",
    "random": "random.seed({seed})",
}
# What to add to read it: (in the script, the name there, in the command or the environment of the file).
_READ = {
    "argparse": ('parser.add_argument("--seed", type=int, default=0)', "args.seed", "--seed {seed} into the command"),
    "click": ('@click.option("--seed", default=0)', "seed", "--seed {seed} into the command"),
    "typer": ("the parameter seed: int = 0", "seed", "--seed {seed} into the command"),
    "fire": ("the parameter seed=0", "seed", "--seed={seed} into the command"),
    "absl flags": ('flags.DEFINE_integer("seed", 0, "")', "FLAGS.seed", "--seed={seed} into the command"),
    "a dataclass": ("the field seed: int = 0", "args.seed", "--seed {seed} into the command"),
    "hydra": ("seed: 0, a key of the configuration", "cfg.seed", "seed={seed} into the command"),
    "sys.argv": ("seed = int(sys.argv[-1])", "seed", "{seed} at the end of the command"),
}
_BY_VARIABLE = ('seed = int(os.environ.get("SEED", "0"))', "seed", 'environment: {SEED: "{seed}"} under program')


def how_to_add_a_seed(script: Script) -> Iterator[str]:
    """Yield comments: that there is no seed, what to add, and where a number stands in its place."""
    add, name, put = _READ.get(script.by, _BY_VARIABLE)
    yield f"# NO SEED: {script.path.name} takes none, so nothing tells its runs apart, and no claim can be made. Add"
    yield f"#     {add}"
    yield from (f"#     {line.format(seed=name)}" for line in _lines(script))
    yield f"# and put {put}."
    yield from (f"# A number stands where the seed belongs: {place}" for place in script.fixed_seeds[:4])


def _lines(script: Script) -> list[str]:
    if script.path.suffix != ".py":
        return ["whatever seeds its generator with {seed}"]
    try:
        names = imported_names(read_source(script.path))
    except SpecError:
        names = set()
    found = [line for name, line in _SEEDS.items() if name in names]
    return found or ["random.seed({seed})"]
