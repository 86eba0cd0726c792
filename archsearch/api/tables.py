"""Numbers that a caller holds, a dict or a frame, as the sheet that files are read into.

sheet_of({"a": {0: 0.91, 1: 0.93}, "b": [0.95, 0.94]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsearch.ablate.sheet import Sheet, SheetRow
from archsearch.errors import UsageError

DICT_SOURCE, FRAME_SOURCE = "the dict", "the frame"


def sheet_of(data: Any) -> Sheet:
    """Give the rows of a dict of variants, or of a frame; raise `UsageError` for what is neither."""
    if isinstance(data, Mapping):
        return _of_dict(data)
    if hasattr(data, "columns") and hasattr(data, "itertuples"):
        columns = tuple(map(str, data.columns))
        rows = (tuple(_cell(cell) for cell in row) for row in data.itertuples(index=False, name=None))
        return Sheet(FRAME_SOURCE, columns, tuple(SheetRow(at, row) for at, row in enumerate(rows)))
    raise UsageError(
        f"compare() takes a dict of variants, a pandas frame or the path of a file, got {type(data).__name__}: "
        "{'a': [0.91, 0.93], 'b': [0.95, 0.94]}"
    )


def _of_dict(data: Mapping[Any, Any]) -> Sheet:
    rows: list[tuple[str, str, str]] = []
    for variant, values in data.items():
        if isinstance(values, Mapping):
            given = list(values.items())
        elif isinstance(values, Sequence) and not isinstance(values, str):
            given = list(enumerate(values))
        elif hasattr(values, "tolist"):
            given = list(enumerate(values.tolist()))
        else:
            raise UsageError(f"{variant}: expected values by seed or a list of values, got {type(values).__name__}")
        rows += [(str(variant), str(seed), _cell(value)) for seed, value in given]
    columns = ("variant", "seed", "value")
    return Sheet(DICT_SOURCE, columns, tuple(SheetRow(at, row) for at, row in enumerate(rows)))


def _cell(value: object) -> str:
    """Write a cell as a file would have it: nothing for what is absent."""
    if value is None or value != value:  # NaN is what frames have where a run failed
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)
