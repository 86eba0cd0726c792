"""Classification's facts against counts by hand: what its targets are, what is right, which strata there are."""

from __future__ import annotations

import torch

from archsearch.task import TASKS
from archsearch.task.classification import Classification
from archsearch.task.task import Task


def test_the_table_names_each_task_by_its_own_name() -> None:
    assert {name: task.name for name, task in TASKS.items()} == {name: name for name in TASKS}
    assert TASKS["classification"] is Classification


def test_the_largest_output_is_what_is_predicted_and_counted() -> None:
    task = Classification(outputs=3)
    outputs = torch.tensor([[0.1, 0.9, 0.0], [2.0, 1.0, 0.5], [0.0, 0.1, 0.2], [1.0, 0.0, 0.5]])
    labels = torch.tensor([1, 0, 0, 2])
    assert task.predicted(outputs).tolist() == [1, 0, 2, 0]
    assert int(task.right(outputs, labels)) == 2
    assert task.strata(labels).tolist() == [1, 0, 0, 2]
    assert (task.groups, task.target_shape, task.said) == (3, (), "3 classes")
    assert Classification(outputs=1).said == "1 class"


def test_labels_that_are_missing_or_out_of_range_are_said() -> None:
    task = Classification(outputs=3)
    assert task.misfit(torch.tensor([0, 2, 1]), 3) is None
    assert task.misfit(torch.tensor([0, 3]), 2) == "2 samples with labels 0..3 instead of 2 with 0..2"
    assert task.misfit(torch.tensor([0]), 2) == "1 samples with labels 0..0 instead of 2 with 0..2"


def test_drawn_labels_are_within_range() -> None:
    labels = Classification(outputs=4).drawn(200, torch.Generator().manual_seed(0))
    assert (labels.dtype, sorted(set(labels.tolist()))) == (torch.int64, [0, 1, 2, 3])


def test_a_task_of_numbers_has_one_stratum_and_refuses_what_is_not_finite() -> None:
    task = Task(outputs=2)
    assert task.strata(torch.rand(3, 2)).tolist() == [0, 0, 0]
    assert task.misfit(torch.rand(3, 2), 3) is None
    assert task.misfit(torch.rand(3), 3) == "3 targets of the shape () instead of 3 of (2,)"
    assert task.misfit(torch.full((1, 2), float("nan")), 1) == "targets that are not finite"
