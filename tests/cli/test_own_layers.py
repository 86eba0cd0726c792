"""A layer of one's own from the outside: refused, allowed, run, changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.spec.test_own_layers import GATE, SPEC


def test_a_network_with_an_own_layer_runs_where_its_file_was_allowed(cli: Callable[..., Any], tmp_path: Path) -> None:
    layers, env = tmp_path / "my_layers.py", {"XDG_CONFIG_HOME": str(tmp_path / "config"), "ARCHSEARCH_TRUST": ""}
    layers.write_text(GATE, encoding="utf-8")
    text = SPEC.replace("validation: 0.2", "limit: 40").replace("epochs: 1", "epochs: 1, device: cpu")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    refused = cli("run", "mine.yaml", env=env)
    assert (refused.code, "Look at it, then allow it: archsearch trust my_layers.py" in refused.err) == (2, True)
    assert cli("trust", "my_layers.py", env=env).code == 0
    first = cli("run", "mine.yaml", "--json", env=env)
    assert (first.code, first.json["status"]) == (0, "completed"), first.err
    again = cli("run", "mine.yaml", "--json", env=env)
    assert (again.json["run_id"], again.json["cached"]) == (first.json["run_id"], True)

    layers.write_text(GATE.replace("relu", "tanh"), encoding="utf-8")
    changed = cli("run", "mine.yaml", env=env)
    assert (changed.code, "this is another one, or it changed since" in changed.err) == (2, True)
    other = cli("run", "mine.yaml", "--trust", "--json", env=env)
    assert other.code == 0, other.err
    assert other.json["run_id"] != first.json["run_id"]
    without = cli("run", "mine.yaml", "own1.arguments={hidden: 3}", "--trust", "--json", env=env)
    assert without.json["parameters"] == other.json["parameters"] + 8 + 1 + 8

    search = "base: mine.yaml\ntrain: {batch_size: {choice: [16, 20]}}\nobjective: {maximize: val_accuracy}\n"
    (tmp_path / "mine.yaml").write_text(text.replace("limit: 40", "train_limit: 40, validation: 40"), encoding="utf-8")
    (tmp_path / "search.yaml").write_text(search + "trials: 2\nconfirm: 0\n", encoding="utf-8")
    assert cli("study", "search.yaml", env=env).code == 2
    searched = cli("study", "search.yaml", "--workers", "2", "--trust", "--json", env=env)
    assert searched.code == 0, searched.err
