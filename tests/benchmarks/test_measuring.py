"""What the benchmarks share: turns, medians with ranges, what a process cost with all that it leaves behind."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks import epoch, measuring, study_peers
from benchmarks.measuring import FailedError, Found, conclude, in_turn, lacking, ratios, run_apart, spread, table

ROWS = {
    "ours": [{"wall": 1.0, "memory": 100.0}, {"wall": 3.0, "memory": 200.0}, {"wall": 2.0, "memory": 1500.0}],
    "peer": [{"wall": 4.0}, {"wall": 6.0}, {"wall": 5.0}],
}
# computes for 0.3 s of its own processor time, after the one that started it has ended
ORPHAN = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {ORPHAN!r}], start_new_session=True)"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "matrix_rate", lambda: 150.0)


def test_a_spread_is_the_median_and_the_range():
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"
    assert spread([1234.5], 1) == "1,234.5"


def test_a_table_has_a_line_for_each_way_and_nothing_where_a_way_has_no_figure():
    assert table(ROWS, {"wall": 1, "memory": 0}) == (
        "| | wall | memory |\n"
        "| --- | ---: | ---: |\n"
        "| ours | 2.0 (1.0 to 3.0) | 200 (100 to 1,500) |\n"
        "| peer | 5.0 (4.0 to 6.0) |  |"
    )


def test_ratios_are_taken_within_rounds():
    assert ratios(ROWS, "wall", "ours") == {"peer": "2.50 (2.00 to 4.00)"}
    assert ratios(ROWS, "wall", "nobody") == {}


def test_every_round_begins_with_the_next_way(quick):
    calls: list[str] = []
    ways = {name: lambda name=name: calls.append(name) or {"wall": 1.0} for name in "abc"}
    found = in_turn(ways, rounds=3)
    assert "".join(calls) == "abcbcacab"
    assert {name: len(rows) for name, rows in found.rows.items()} == {"a": 3, "b": 3, "c": 3}
    assert found.machine["matrix_gflops"] == [150.0] * 3
    assert len(found.machine["load"]) == 3


def test_what_fails_is_left_out_by_name_and_the_others_go_on(quick, capsys):
    def fails() -> dict[str, float]:
        raise FailedError("peer ended with 1: no memory")

    found = in_turn({"ours": lambda: {"wall": 1.0}, "peer": fails}, rounds=2, skipped={"third": "ray not installed"})
    assert found.rows == {"ours": [{"wall": 1.0}, {"wall": 1.0}]}
    assert conclude("study_peers", found, {"wall": 1}, "wall", "ours", None) == 1
    out = capsys.readouterr().out
    assert "left out: peer: peer ended with 1: no memory" in out
    assert "left out: third: ray not installed" in out


def test_an_interrupt_keeps_the_rounds_that_are_whole(quick, capsys):
    left = iter([1.0, 2.0, 3.0])

    def second() -> dict[str, float]:
        if (value := next(left)) > 2:
            raise KeyboardInterrupt
        return {"wall": value}

    found = in_turn({"first": lambda: {"wall": 5.0}, "second": second}, rounds=9)
    assert found.rows == {"first": [{"wall": 5.0}] * 2, "second": [{"wall": 1.0}, {"wall": 2.0}]}
    assert "interrupted" in capsys.readouterr().err


def test_json_holds_every_number_and_the_text(tmp_path, capsys):
    machine = {"processor": "P", "cores": 2, "system": "S", "python": "3", "versions": {"torch": "2"}}
    found = Found({"ours": [{"wall": 1.25}]}, {}, machine | {"matrix_gflops": [150.0], "load": [0.5]})
    assert conclude("epoch", found, {"wall": 1}, "wall", "ours", tmp_path / "found.json") == 0
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["rows"] == {"ours": [{"wall": 1.25}]}
    assert document["text"] == capsys.readouterr().out.rstrip("\n")
    assert document["text"].endswith(
        "P, 2 cores, S; Python 3, torch 2; n = 1; matrix product 150 GFLOP/s, load before each round 0.5"
    )


def test_an_absent_package_is_named_with_the_way_to_install_it():
    assert lacking(("json",)) is None
    assert lacking(("json", "no_such_package_at_all")) == (
        "no_such_package_at_all not installed (pip install -r benchmarks/peers.txt)"
    )


def test_what_pip_is_to_install_are_the_packages_that_peers_need():
    text = (Path(measuring.__file__).parent / "peers.txt").read_text()
    asked = {name for line in text.splitlines() if (name := re.split(r"[#\[ ]", line)[0].replace("-", "_"))}
    ours = {"optuna", "torchvision"}  # which archsearch itself installs
    needed = {name for peer in (*epoch.PEERS.values(), *study_peers.PEERS.values()) for name in peer.packages}
    assert needed - ours <= asked


def test_processor_time_has_what_a_command_leaves_behind(tmp_path):
    if sys.platform != "linux":
        pytest.skip("only Linux gives a process the orphans of those that it started")
    cost = run_apart([sys.executable, "-S", "-c", PARENT], tmp_path)
    assert cost.processor >= 0.3


def test_a_command_that_fails_says_its_last_lines(tmp_path):
    code = "import sys; print('one', file=sys.stderr); sys.exit('two')"
    with pytest.raises(FailedError, match=r"ended with 1: one / two$"):
        run_apart([sys.executable, "-S", "-c", code], tmp_path)


def test_output_of_a_command_is_what_it_wrote(tmp_path):
    code = "import os; print(os.getcwd(), os.environ['A'])"
    cost = run_apart([sys.executable, "-S", "-c", code], tmp_path, {"A": "b"})
    assert cost.output == f"{tmp_path} b\n"
