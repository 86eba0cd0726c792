from __future__ import annotations

import pytest
from scipy import stats

from archsearch.stats.effect import Family
from archsearch.stats.over_groups import over_groups


def test_groups_count_the_same_however_often_they_were_tested() -> None:
    """ann: mean of 0.02 and 0.04, bob: -0.01, cid: 0.01; their mean is 0.01, SD 0.02."""
    differences = {0: {"ann": 0.02, "bob": -0.01}, 1: {"cid": 0.01}, 2: {"ann": 0.04}}
    found = over_groups("relu", "relu instead of tanh", differences, Family())
    assert found is not None
    assert [(one.group, one.n) for one in found.groups] == [("bob", 1), ("cid", 1), ("ann", 2)]
    assert found.mean_difference == pytest.approx(0.01)
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 2, 0.01, 0.02 / 3**0.5))
    assert found.sentence == (
        "relu instead of tanh, group by group: +1.00 points (95 % over groups -3.97 to +5.97), better for 2 of 3 "
        "groups, from -1.00 points (bob) to +3.00 points (ann)."
    )


def test_of_a_loss_less_is_better_and_one_group_has_no_interval() -> None:
    family = Family(metric="test_loss", direction="minimize", unit="own", margin=0.0)
    found = over_groups("relu", "relu", {0: {"ann": -0.5}}, family)
    assert found is not None
    assert (found.better, found.ci95) == (1, None)
    assert over_groups("relu", "relu", {0: {}}, family) is None
