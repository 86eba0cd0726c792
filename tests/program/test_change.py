"""Edits of a program: values, variables, lists, patches and other commits; each changes something or is an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.program.change import edited_program, program_edit_problems, with_values
from archsearch.program.experiment import ProgramExperiment, plan_program, program_differences, program_key, resolve
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.read import load_program
from archsearch.program.tree import with_changes
from archsearch.spec.text.yaml import Node, read_text
from tests.program.conftest import STANDARD

Write = Callable[..., Path]

DIFF = """\
--- a/train.py
+++ b/train.py
@@ -9,4 +9,4 @@
 random.seed(args.seed)
-loss = args.lr + random.random()
+loss = args.lr
 print(f"loss={loss:.6f}")
 json.dump({"test": {"accuracy": 0.9}}, open(f"{args.out}/result.json", "w"))
"""


@pytest.fixture
def spec(written: Write) -> ProgramSpec:
    return load_program(str(written(STANDARD)))


def edits(text: str) -> Node:
    return read_text(text, "ablation.yaml")


def refused(spec: ProgramSpec, text: str, folder: Path) -> str:
    with pytest.raises(SpecError, match=r"\S") as caught:
        edited_program(spec, edits(text), folder)
    return str(caught.value)


def test_set_and_append_change_what_is_started(spec: ProgramSpec, folder: Path) -> None:
    changed = edited_program(
        spec,
        edits(
            "[set: {values.lr: 0.5, program.environment.THREADS: 2}, append: {values.extra: [--warmup]},"
            " append: {values.extra: x}]"
        ),
        folder,
    )
    resolved = resolve(plan_program(changed), 3, Path("/r"))
    assert resolved.argv[1:] == (
        *("train.py", "--seed", "3", "--lr", "0.5", "--out", "/r"),
        *("--warmup", "x"),
    )
    assert resolved.environment == {"THREADS": "2"}
    assert program_differences(plan_program(spec), plan_program(changed)) == [
        "lr: 0.001 -> 0.5",
        "extra: nothing -> --warmup x",
        "environment.THREADS: not given -> 2",
    ]


def test_edits_may_be_plain_data(spec: ProgramSpec, folder: Path) -> None:
    assert edited_program(spec, [{"set": {"values.lr": 2}}], folder).values["lr"] == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[set: {values.lr: 0.001}]", "ablation.yaml:1:8: set values.lr changes nothing"),
        ("[set: {values.rate: 1}]", "ablation.yaml:1:8: unknown value 'rate'; allowed: lr, extra"),
        ("[set: {lr: 1}]", "ablation.yaml:1:8: there is no 'lr': did you mean 'values.lr'?"),
        ("[append: {values.lr: 1}]", "ablation.yaml:1:11: append values.lr: it is 0.001, and no list"),
        ("[append: {values.lrr: 1}]", "ablation.yaml:1:11: append values.lrr: there is no such list"),
        ("[append: {values.extra: []}]", "ablation.yaml:1:11: append values.extra changes nothing"),
        ("[drop: conv1]", "ablation.yaml:1:2: unknown edit 'drop'"),
        ("[set: 3]", "ablation.yaml:1:7: set: expected {values.lr: 0.01}, got 3"),
        ("[patch: gone.diff]", "ablation.yaml:1:9: patch gone.diff: "),
        ("[patch: 3]", "ablation.yaml:1:9: patch: expected a file, got 3"),
        ("[ref: 3]", "ablation.yaml:1:7: ref: expected a branch, a tag or a commit, got 3"),
        ("[ref: nowhere]", "ablation.yaml:1:7: ref nowhere: "),
        ("[set: {values.lr: [1, 2], values.extra: 3}]", "ablation.yaml:1:8: "),
        ("[set: {program.timeout: soon}]", "ablation.yaml:1:8: program.timeout: expected seconds"),
        ("[set: {program.environment.X: '{foo}'}]", "ablation.yaml:1:8: unknown name in braces 'foo'"),
        ("{set: {values.lr: 1}}", "edits: expected a list of edits"),
    ],
)
def test_edit_that_cannot_be_made_is_said_with_its_place(spec: ProgramSpec, folder: Path, text: str, said: str) -> None:
    if text == "[set: {values.lr: [1, 2], values.extra: 3}]":
        said = ""  # a list may stand there: the command has the braces alone
        assert edited_program(spec, edits(text), folder).values == {"lr": (1, 2), "extra": 3}
        return
    assert said in refused(spec, text, folder)


def test_every_wrong_edit_is_told(spec: ProgramSpec, folder: Path) -> None:
    found = program_edit_problems(spec, edits("[set: {values.a: 1}, set: {values.lr: 2}, set: {values.b: 1}]"), folder)
    assert [one.where for one in found] == ["ablation.yaml:1:8", "ablation.yaml:1:49"]


def test_with_values_may_repeat_what_is_there(spec: ProgramSpec) -> None:
    assert with_values(spec, {"values.lr": 0.001}) == spec
    with pytest.raises(SpecError, match=r"values\.lrr: unknown value 'lrr'"):
        with_values(spec, {"values.lrr": 1})


# -- patches and refs --------------------------------------------------------------------------------------------------


def test_patch_runs_on_a_copy_and_leaves_the_folder_alone(spec: ProgramSpec, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no_noise.diff").write_text(DIFF)
    (folder / "data.bin").write_bytes(b"1")
    before = (folder / "train.py").read_text()
    changed = edited_program(spec, edits("[patch: no_noise.diff]"), tmp_path)
    where = with_changes(changed.program)
    assert where.path != folder
    assert (where.path / "train.py").read_text() == before.replace("args.lr + random.random()", "args.lr")
    assert (where.path / "data.bin").resolve() == folder / "data.bin"
    assert (folder / "train.py").read_text() == before
    base, other = plan_program(spec), plan_program(changed)
    assert program_key(base) != program_key(other)
    assert program_differences(base, other) == ["patch no_noise.diff"]
    assert with_changes(changed.program) == where, "the copy is made once"


def test_patch_is_taken_in_whole(spec: ProgramSpec, folder: Path, tmp_path: Path) -> None:
    diff = tmp_path / "no_noise.diff"
    diff.write_text(DIFF)
    changed = edited_program(spec, edits("[patch: no_noise.diff]"), tmp_path)
    diff.unlink()
    held = ProgramSpec.model_validate(plan_program(changed).written)
    assert held.program.patches[0].text == DIFF
    assert plan_program(held) == plan_program(changed)


def test_patch_that_does_not_apply_is_said_before_anything_runs(
    spec: ProgramSpec, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "old.diff").write_text(DIFF.replace("loss = args.lr + random.random()", "loss = 3"))
    assert refused(spec, "[patch: old.diff]", tmp_path) == (
        "ablation.yaml:1:9: old.diff does not apply: patch failed: train.py:9; train.py: patch does not apply"
    )
    (tmp_path / "empty.diff").write_text("\n")
    assert "empty.diff is empty; a patch is a unified diff" in refused(spec, "[patch: empty.diff]", tmp_path)
    (tmp_path / "words.diff").write_text("remove the noise\n")
    assert "ablation.yaml:1:9: words.diff does not apply: " in refused(spec, "[patch: words.diff]", tmp_path)


def test_patch_that_leaves_the_folder_is_refused(spec: ProgramSpec, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out.diff").write_text("--- /dev/null\n+++ b/../../out.txt\n@@ -0,0 +1 @@\n+hello\n")
    assert "out.diff does not apply: it names b/../../out.txt, which" in refused(spec, "[patch: out.diff]", tmp_path)
    assert not list(tmp_path.rglob("out.txt"))


def test_patch_may_name_the_folder_that_the_repository_has_it_in(
    spec: ProgramSpec, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "deep.diff").write_text(DIFF.replace("a/train.py", "a/project/train.py").replace("b/t", "b/project/t"))
    changed = edited_program(spec, edits("[patch: deep.diff]"), tmp_path)
    assert "random.random()" not in (with_changes(changed.program).path / "train.py").read_text()


def test_ref_is_the_tree_of_that_commit(written: Write, folder: Path, repository: Callable[..., str]) -> None:
    spec = load_program(str(written(STANDARD)))
    first = repository("rev-parse", "HEAD")
    repository("checkout", "-b", "feature/muon")
    (folder / "train.py").write_text("print('loss=1')\n")
    (folder / "more.py").write_text("x = 1\n")
    repository("add", ".")
    repository("commit", "-m", "second")
    repository("checkout", "main")
    (folder / "data.bin").write_bytes(b"1")
    changed = edited_program(spec, edits("[ref: feature/muon]"), folder)
    where = with_changes(changed.program)
    assert (where.path / "train.py").read_text() == "print('loss=1')\n"
    assert (where.path / "more.py").is_file()
    assert (where.path / "data.bin").is_symlink()
    assert not (where.path / ".git").exists()
    assert "train.yaml" in where.names, "what the branch has committed"
    other = plan_program(changed)
    assert program_differences(plan_program(spec), other) == ["ref: the working tree -> feature/muon"]
    assert changed.program.ref is not None
    assert changed.program.ref.commit == repository("rev-parse", "feature/muon") != first


def test_ref_that_is_not_there_is_said_with_those_that_are(
    spec: ProgramSpec, folder: Path, repository: Callable[..., str]
) -> None:
    assert refused(spec, "[ref: feature/moun]", folder) == (
        f"ablation.yaml:1:7: there is no commit, branch or tag 'feature/moun' in {folder}; there are main"
    )


def test_commit_and_dirty_files_are_kept_with_the_digest(
    written: Write, planned: Callable[..., ProgramExperiment], folder: Path, repository: Callable[..., str]
) -> None:
    written(STANDARD)
    repository("add", ".")
    repository("commit", "-m", "file")
    clean = planned(STANDARD).files
    assert (clean.commit, clean.dirty) == (repository("rev-parse", "HEAD"), ())
    (folder / "train.py").write_text("print('loss=1')\n")
    (folder / "staged.py").write_text("")
    repository("add", "staged.py")
    dirty = planned(STANDARD).files
    assert (dirty.commit, dirty.dirty) == (clean.commit, ("staged.py", "train.py"))
    assert dirty.digest != clean.digest


def test_outside_of_git_there_is_no_commit(planned: Callable[..., ProgramExperiment]) -> None:
    files = planned(STANDARD).files
    assert (files.commit, files.dirty, list(files.files)) == (None, (), ["train.py"])


def test_command_that_names_the_file_whole_would_miss_a_patch(written: Write, folder: Path, tmp_path: Path) -> None:
    spec = load_program(str(written(STANDARD.replace("train.py", str(folder / "train.py")))))
    (tmp_path / "no_noise.diff").write_text(DIFF)
    assert "which a patch or a ref does not change" in refused(spec, "[patch: no_noise.diff]", tmp_path)


def test_nothing_of_a_repository_is_executed(folder: Path, repository: Callable[..., str], written: Write) -> None:
    marker = folder.parent / "executed"
    for key in ("core.fsmonitor", "filter.x.clean", "diff.external", "core.sshCommand"):
        repository("config", key, f"touch {marker}; cat")
    (folder / ".gitattributes").write_text("*.py filter=x\n")
    (folder / "train.py").write_text("print('loss=1')\n")
    plan_program(load_program(str(written(STANDARD))))
    assert not marker.exists()
