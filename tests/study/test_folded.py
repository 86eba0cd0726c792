"""What is folded is equal to what it was made of, and takes a fraction of its memory."""

from __future__ import annotations

import copy
import json
import tracemalloc

import pytest

from archsearch.study.folded import FoldedAttrs

SPEC = {"network": [{"conv2d": {"out_channels": n, "kernel_size": 3}} for n in range(20)], "name": "\u20ac"}
ATTRS = {"seed": 0, "spec": SPEC, "outcome": "completed", "owner": None, "values": [0.1] * 200, "text": "x" * 500}


def test_folded_attributes_are_equal_to_the_dict() -> None:
    folded = FoldedAttrs(ATTRS)
    assert folded == ATTRS
    assert folded == ATTRS
    assert dict(folded) == ATTRS
    assert (len(folded), "spec" in folded, "seed" in folded, "other" in folded) == (6, True, True, False)
    assert folded["spec"] == SPEC
    assert folded.get("other", 3) == 3
    assert copy.deepcopy(folded) == ATTRS
    with pytest.raises(KeyError, match="other"):
        folded["other"]


def test_folded_attributes_take_a_fraction_of_the_memory() -> None:
    text = json.dumps(ATTRS)

    def held(make) -> int:
        tracemalloc.start()
        kept = [make(json.loads(text)) for _ in range(50)]
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(kept) == 50
        return size

    assert held(FoldedAttrs) < 0.4 * held(dict)
