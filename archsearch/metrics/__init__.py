"""The metrics: what runs are judged by. Knows numbers and words; imports scikit-learn late, and no torch.

    METRICS["accuracy"].direction                                  # maximize
    title_of("val_accuracy"), written("val_accuracy", 0.9731)      # validation accuracy, 97.31 %

The rows stand in `table.py`, their arithmetic in `arithmetic.py`.
"""

from __future__ import annotations

from archsearch.metrics.metric import Direction, Metric, SpreadsOver, Unit, Written
from archsearch.metrics.own import OwnMetric, is_own, own_metric
from archsearch.metrics.table import (
    COMPARED,
    METRICS,
    NOT_LEARNED,
    OBJECTIVES,
    PARTS,
    WATCHED,
    bare_name,
    bounds_of,
    direction_of,
    is_learned,
    learned,
    main_of,
    metric_of,
    near_of,
    part_of,
    row_of_any,
    told_by,
)
from archsearch.metrics.usual import usual_direction
from archsearch.metrics.words import NamedMetric, difference, format_of, kind_of, metric_text, title_of, written

__all__ = [
    "COMPARED",
    "METRICS",
    "NOT_LEARNED",
    "OBJECTIVES",
    "PARTS",
    "WATCHED",
    "Direction",
    "Metric",
    "NamedMetric",
    "OwnMetric",
    "SpreadsOver",
    "Unit",
    "Written",
    "bare_name",
    "bounds_of",
    "difference",
    "direction_of",
    "format_of",
    "is_learned",
    "is_own",
    "kind_of",
    "learned",
    "main_of",
    "metric_of",
    "metric_text",
    "near_of",
    "own_metric",
    "part_of",
    "row_of_any",
    "title_of",
    "told_by",
    "usual_direction",
    "written",
]
