"""A sequential ablation goes from look to look: which runs are due, what is said, and old studies keep their rule."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.ablate.ablation import differences_of, open_ablation
from archsearch.ablate.ablation_file import changed
from archsearch.ablate.jobs import slot_of
from archsearch.ablate.judging import courses_of, judge_ablation
from archsearch.ablate.planned import Ablation
from archsearch.ablate.schedule import due, look_decisions, rule_note
from archsearch.errors import SpecError
from archsearch.stats.sequential import follow
from archsearch.study.queue import add_slots, slots_of
from archsearch.study.storage import default_url, open_storage
from tests.faults.verified import wrong

WIDE = """\
baseline: tiny.yaml
factors:
  width: {x4: [set: {conv1.out_channels: 16}]}
  activation: {gelu: [replace: {relu: gelu}]}
metric: test_loss
margin: 0.0
seeds: {max: 20, RULE: true}
"""
BASE, WIDTH, GELU = "baseline", "width=x4", "activation=gelu"


@pytest.fixture
def looked(planned) -> Ablation:
    return planned(WIDE.replace("RULE", "sequential"))


def drawn(seeds: int = 20, *, failed: int | None = None) -> dict[str, dict[int, float | None]]:
    """Losses of which those of the wide network are smaller by two SDs of a difference; gelu changes nothing."""
    random = np.random.default_rng(4)
    base, noise, other = random.normal(0, 1, (3, 20))
    runs = {BASE: base, WIDTH: base - 2 + 0.5 * noise, GELU: base + 0.1 * other}
    found: dict[str, dict[int, float | None]] = {
        name: dict(enumerate(values[:seeds].tolist())) for name, values in runs.items()
    }
    if failed is not None:
        found[GELU][failed] = None
    return found


def after(runs, **counts: int):
    """Take so many seeds of each cell."""
    return {
        name: {seed: of[seed] for seed in of if seed < counts[key]}
        for key, (name, of) in zip("bwg", runs.items(), strict=True)
    }


def test_runs_are_due_look_by_look_and_those_of_what_is_decided_no_more(looked) -> None:
    assert looked.looks == (9, 13, 20)
    runs = drawn()
    first = [(name, seed) for seed in range(9) for name in (BASE, WIDTH, GELU)]
    assert due(looked, {}) == due(looked, after(runs, b=9, w=9, g=8)) == first
    second = due(looked, after(runs, b=9, w=9, g=9))
    assert second == first + [(name, seed) for seed in range(9, 13) for name in (BASE, GELU)]
    last = due(looked, after(runs, b=20, w=9, g=20))
    assert [sum(name == cell for cell, _ in last) for name in (BASE, WIDTH, GELU)] == [20, 9, 20]


def test_seeds_that_were_spared_are_no_slots_that_were_lost(looked, tmp_path) -> None:
    url = default_url(tmp_path)
    storage = open_storage(url)
    study = open_ablation(looked, storage, "mine")
    wanted = due(looked, after(drawn(), b=9, w=9, g=9))
    add_slots(storage, study, [slot_of(looked, cell, seed) for cell, seed in wanted])
    assert max(slots_of(study)) + 1 > len(wanted)
    assert wrong(tmp_path, url) == []


def test_each_comparison_says_at_which_look_it_stands(looked) -> None:
    width, gelu = judge_ablation(looked, after(drawn(), b=14, w=9, g=14), complete=False)
    assert width.verdict == "better"
    assert "9 paired seeds, group-sequential, look 1 of 3, Holm over 2: better." in width.sentence
    assert width.ci95[1] < 0
    assert "(after 9, 13, 20 seeds): p and interval hold at each; stopped: it is decided" in width.notes[-1]
    assert gelu.sentence.endswith("14 paired seeds so far, unfinished: no verdict.")
    assert [(c.decided, c.pairs, c.look) for c in courses_of(looked, after(drawn(), b=14, w=9, g=14))] == [
        (True, 9, 1),
        (False, 14, 2),
    ]


def test_a_run_that_failed_or_cannot_be_paired_does_not_hold_up_a_look_and_one_that_is_missing_does(looked) -> None:
    runs = drawn(failed=3)
    assert look_decisions(looked, after(runs, b=13, w=9, g=13))[GELU].look == 2
    judged = judge_ablation(looked, after(runs, b=13, w=9, g=13), complete=False)
    assert judged[1].notes[0] == "1 of 13 pairs left out: a run failed or has no finite value"
    without = after(drawn(), b=13, w=9, g=13)
    del without[GELU][3]
    assert look_decisions(looked, without)[GELU] == look_decisions(looked, after(runs, b=3, w=9, g=3))[GELU]
    found = look_decisions(looked, without, {(GELU, 3)})
    assert found == look_decisions(looked, after(runs, b=13, w=9, g=13))


def test_anytime_looks_after_every_seed(planned) -> None:
    ablation = planned(WIDE.replace("RULE", "anytime"))
    assert (ablation.sequential, ablation.anytime, ablation.looks, rule_note(ablation)) == (True, True, (), "")
    runs = drawn(8)
    bets = follow({n: [runs[n][s] - runs[BASE][s] for s in range(8)] for n in (WIDTH, GELU)}, direction="minimize")
    width, _ = judge_ablation(ablation, runs, complete=False)
    assert width.p_adjusted == pytest.approx(1 / bets[WIDTH].evidence)
    assert "sequential, e-Holm over 2" in width.sentence or "unfinished" in width.sentence


def test_a_study_begun_by_the_rule_of_before_goes_on_by_it_and_says_so(planned, looked) -> None:
    """Version 0.1.0 held `sequential: true` without looks: its bets after every seed."""
    held = looked.model_dump(mode="json")
    del held["looks"]
    old = Ablation.model_validate_json(Ablation.model_validate(held, strict=False).model_dump_json())
    anytime = planned(WIDE.replace("RULE", "anytime"))
    assert "looks" not in old.model_dump()
    assert "anytime" not in old.model_dump()
    assert differences_of(old, looked) == differences_of(old, anytime) == []
    assert rule_note(old).startswith("this study was begun when `sequential` meant a look after every seed")
    runs = drawn()
    assert due(old, runs) == due(anytime, runs)
    assert judge_ablation(old, runs, complete=True) == judge_ablation(anytime, runs, complete=True)
    assert differences_of(looked, anytime) == ["the rule of stopping was sequential, is anytime"]


def test_looks_that_a_study_holds_stay_its_looks(looked) -> None:
    other = looked.model_copy(update={"looks": (8, 20)})
    assert differences_of(other, looked) == []
    assert len(due(other, {})) == 24


def test_both_rules_at_once_are_refused(planned, declared) -> None:
    with pytest.raises(SpecError, match=r"seeds: sequential looks at planned numbers of seeds, anytime after each"):
        planned(WIDE.replace("RULE: true", "sequential: true, anytime: true"))
    with pytest.raises(SpecError, match=r"a screen has few, fixed seeds; take `anytime` out"):
        planned(WIDE.replace("RULE", "anytime") + "screen: true\n")
    assert changed(declared(WIDE.replace("RULE", "anytime")), seeds=12).spec.seeds.stopping == "anytime"
