"""Why a metric that somebody asks for by `--metric` cannot be had of runs that are there.

not_told("train_f1_macro", ["accuracy", "f1_macro"])
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.metrics import METRICS, bare_name, part_of
from archsearch.spec.text.sentences import unknown


def not_told(metric: str, names: Sequence[str]) -> str:
    """Say why it is none of these; `names` are those of the runs, without their part."""
    bare = bare_name(metric)
    row = METRICS.get(bare)
    if part_of(metric) == "train" and bare in names:
        return (
            f"--metric: {metric} is of the training data, of which runs keep no predictions; say {bare}, on the test "
            f"data, or val_{bare}"
        )
    if row is None:
        return f"--metric: {unknown('metric', metric, names)}"
    if row.known != "training":
        how = "counted" if row.spreads_over == "nothing" else "a time of the machine"
        return f"--metric: {row.title} is {how}, and no network learns it; these runs have {', '.join(names)}"
    return f"--metric: {row.title} is no metric of these runs; they have {', '.join(names)}"
