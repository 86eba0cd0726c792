"""Programs that go wrong, end to end through `archsearch ablate` and `run`: what is said, and that nothing is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = r"""
case $2 in
good) ;;
exit3) echo no data >&2; exit 3 ;;
segv) kill -SEGV $$ ;;
silent) exit 0 ;;
twice) echo acc=0.1 acc=0.2; exit 0 ;;
nan) echo acc=nan; exit 0 ;;
binary) printf '\377\376\033[31mred\000\n'; exit 4 ;;
asks) echo 'overwrite? [y/N]'; read answer || { echo no answer >&2; exit 9; } ;;
long) yes 'epoch 3 loss=0.1' | head -c 20000000; echo ;;
open) printf "acc=0.5$1"; exit 0 ;;
leaves) sleep 300 & echo $! >> pids; ;;
writes) touch made-$1 ;;
esac
echo acc=0.7$1
"""
PROGRAM = """\
program: {command: [sh, train.sh, "{seed}", "{how}"], files: [train.sh]}
values: {how: good}
metrics: {acc: {last: 'acc=(\\S+)'}}
objective: {maximize: acc}
"""
FAILING = {
    "exit3": "it ended with exit code 3; its last lines:\n  | no data",
    "segv": "it was ended by SIGSEGV",
    "silent": "acc: nothing in its stdout or stderr matches acc=(\\S+)",
    "twice": "acc: acc=(\\S+) is given twice in one line, 0.1 and 0.2",
    "nan": "acc: acc=(\\S+) in 'acc=nan' is nan, which is no number that can be compared",
    "binary": "it ended with exit code 4; its last lines:\n  | \ufffd\ufffdred␀",
    "asks": "it ended with exit code 9; its last lines:\n  | overwrite? [y/N]\n  | no answer",
}
COMPLETING = {"long": 0.0, "open": -0.2, "leaves": 0.0, "writes": 0.0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    (tmp_path / "train.sh").write_text(SCRIPT)
    (tmp_path / "train.yaml").write_text(PROGRAM)
    levels = "".join(f"    {name}: [set: {{values.how: {name}}}]\n" for name in (*FAILING, *COMPLETING))
    (tmp_path / "bad.yaml").write_text(f"baseline: train.yaml\nscreen: true\nseeds: 2\nfactors:\n  how:\n{levels}")
    return tmp_path


def test_levels_that_fail_are_said_and_the_others_go_on(cli, folder):
    done = cli("ablate", "bad.yaml", "--json")
    assert done.code == 0, done.err
    report = done.json
    reasons = {(one["cell"], one["seed"]): one["reason"] for one in report["failures"]}
    assert set(reasons) == {(f"how={name}", seed) for name in FAILING for seed in (0, 1)}
    for (cell, _), reason in reasons.items():
        assert reason.startswith(FAILING[cell.removeprefix("how=")])
    effects = {one["variant"].removeprefix("how="): one["mean_difference"] for one in report["effects"]}
    assert {name: effects[name] for name in COMPLETING} == pytest.approx(COMPLETING)
    assert {name: effects[name] for name in FAILING} == dict.fromkeys(FAILING)
    notes = " ".join(report["notes"])
    assert "of 10 runs left a process behind, which was ended with it" in notes
    assert "made-0" in notes
    for pid in (folder / "pids").read_text().split():
        assert not Path(f"/proc/{pid}").exists()
    kept = {path.parent.name for path in (folder / "runs").glob("*/outcome.json")}
    assert len(kept) == 2 * (1 + len(FAILING) + len(COMPLETING)), "the outputs of those that failed are kept too"


def test_command_that_does_not_exist_is_said_before_anything_runs(cli, folder):
    levels = "factors: {how: {gone: [set: {program.command: [nosuchthing, '{seed}', '{how}']}]}}\n"
    (folder / "bad.yaml").write_text(f"baseline: train.yaml\nscreen: true\nseeds: 2\n{levels}")
    done = cli("ablate", "bad.yaml")
    assert done.code == 3
    assert "nosuchthing" in done.err
    assert "Traceback" not in done.err
    assert not list((folder / "runs").glob("*/program.json"))


def test_folder_that_is_gone_is_said(cli, folder):
    (folder / "train.yaml").write_text(PROGRAM.replace("program: {", "program: {folder: elsewhere, "))
    for command in ("run", "check", "ablate"):
        done = cli(command, "bad.yaml" if command == "ablate" else "train.yaml")
        assert done.code == 3
        assert "elsewhere" in done.err


def test_tree_that_differs_from_its_commit_is_recorded_and_said(cli, folder):
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for words in (("init", "-q"), ("add", "train.sh"), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    with (folder / "train.sh").open("a") as file:
        file.write("# changed\n")
    (folder / "bad.yaml").write_text(
        "baseline: train.yaml\nscreen: true\nseeds: 2\nfactors: {how: {open: [set: {values.how: open}]}}\n"
    )
    done = cli("ablate", "bad.yaml", "--json")
    assert done.code == 0, done.err
    assert any(
        "4 of 4 runs had files that differ from the git commit (train.sh)" in note for note in done.json["notes"]
    )


def test_run_of_a_program_that_fails_ends_with_its_last_lines(cli, folder):
    done = cli("run", "train.yaml", "values.how=exit3", "--seeds", 2)
    assert done.code == 5
    assert "it ended with exit code 3; its last lines:" in done.out + done.err
    assert "Traceback" not in done.err
