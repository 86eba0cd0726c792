"""Which values embeddings read, and that nothing may compute them before."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from archsearch.spec.embedded import embedded_values
from archsearch.spec.layers import Layer
from archsearch.spec.network import PlanError, plan_network

LAYERS = TypeAdapter(list[Layer])
EMBED = {"embedding": {"num_embeddings": 7, "embedding_dim": 2}}


def found(tree: list[Any], shape: tuple[int, ...]) -> list[tuple[str, int, tuple[int, ...] | None]]:
    plan = plan_network(LAYERS.validate_python(tree), shape, 10)
    return [(one.name, one.count, one.columns) for one in embedded_values(plan)]


def test_embedding_at_the_start_reads_all_values() -> None:
    assert found([EMBED, "flatten"], (5,)) == [("embed1", 7, None)]
    assert found(["flatten", EMBED], (1, 5)) == [("embed1", 7, None)]
    assert found([{"linear": {"out_features": 3}}], (5,)) == []


def test_embeddings_in_branches_read_the_columns_that_are_selected() -> None:
    """A table with two columns of codes and one of numbers."""
    codes = [[{"select_channels": {"channels": [column]}}, EMBED, "flatten"] for column in (2, 0)]
    tree = [{"parallel": {"branches": [*codes, [{"select_channels": {"channels": [1]}}]]}}]
    assert found(tree, (3,)) == [("par1.branch1.embed1", 7, (2,)), ("par1.branch2.embed1", 7, (0,))]


def test_embedding_of_what_a_layer_computes_is_refused_with_its_place() -> None:
    tree = ["flatten", {"sequential": {"layers": ["tanh", {"linear": {"out_features": 4}}, EMBED]}}]
    plan = plan_network(LAYERS.validate_python(tree), (2, 3), 10)
    message = (
        r"^block1\.embed1 \(embedding\): reads what block1\.act1 computes, .* Put it before block1\.act1, or use li"
    )
    with pytest.raises(PlanError, match=message) as caught:
        embedded_values(plan)
    assert caught.value.loc == ("network", 1, "sequential", "layers", 2)
