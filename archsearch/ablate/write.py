"""Write an ablation as YAML that a person would have written: a factor a paragraph, an edit a line.

text = ablation_yaml(declared, Path("mine.yaml"))
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from archsearch.ablate.ablation_file import Declared
from archsearch.spec.text.write import flow

_FURTHER = (
    "data_sets", "train_sizes", "metric", "direction", "also", "alpha", "margin", "power", "screen", "control",
    "failed_value", "resolution", "orders",
)  # fmt: skip


def ablation_yaml(declared: Declared, path: Path) -> str:
    """Give the YAML of an ablation with factors; reading it gives an equal one. The comment says how to run it."""
    spec = declared.spec
    lines = [f"# archsearch ablate {shlex.quote(str(path))}", f"name: {flow(spec.name)}"]
    if spec.summary:
        lines.append(f"summary: {flow(spec.summary)}")
    baseline = spec.baseline
    if baseline.endswith((".yaml", ".yml")):  # is meant from the folder of the file
        baseline = os.path.relpath(baseline, path.parent)
    lines += [f"baseline: {flow(baseline)}", "factors:"]
    for factor, levels in spec.factors.items():
        lines.append(f"  {flow(factor)}:")
        for level, edits in levels.items():
            lines.append(f"    {flow(level)}:")
            lines += [f"      - {flow(edit)[1:-1]}" for edit in edits]
    lines.append(f"design: {spec.design}")
    seeds = spec.seeds.values
    counted = seeds == tuple(range(len(seeds)))
    written: object = len(seeds) if counted else list(seeds)
    if spec.seeds.stopping:
        written = {"max": len(seeds), spec.seeds.stopping: True}
    changed = spec.model_dump(mode="json", exclude_defaults=True)
    lines.append(f"split: {flow(changed['split'])}" if spec.split is not None else f"seeds: {flow(written)}")
    for key in _FURTHER:
        if key in changed:
            lines.append(f"{key}: {flow(changed[key])}")
    return "\n".join(lines) + "\n"
