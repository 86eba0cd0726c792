"""Run SQLAlchemy's own statements in a SQLite connection, as its engine does, at a third of the price.

    connection = Connection(raw, sqlite3.connect(":memory:"))
    connection.execute(sqlalchemy.select(TrialModel.state)).scalars().all()

What is compiled, bound and read back is SQLAlchemy's work; left out are its pool, its events and its transactions, which
are whole steps here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")
_COMPILED: dict[Any, Any] = {}
_READERS: dict[int, tuple[Any, SimpleResultMetaData, list[Any] | None]] = {}


class Written:
    """What a statement gives that changes rows: how many."""

    def __init__(self, rowcount: int) -> None:
        self.rowcount = rowcount


def execute(raw: sqlite3.Connection, statement: Any, rows: Any = None) -> Any:
    """Run a statement, once or for each of several rows."""
    several = rows if isinstance(rows, Sequence) else None
    first: Mapping[str, Any] = (several[0] if several else rows) or {}
    compiled, extracted = statement._compile_w_cache(
        DIALECT,
        compiled_cache=_COMPILED,
        column_keys=sorted(first),
        for_executemany=several is not None and len(several) > 1,
    )[:2]
    cursor = None
    changed = 0
    for row in several or [first]:
        sql, values = _bound(compiled, extracted, row)
        cursor = raw.execute(sql, values)
        changed += cursor.rowcount
    if cursor is None or cursor.description is None:
        return Written(changed)
    return _read(compiled, cursor)


def _bound(compiled: Any, extracted: Any, row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    params = compiled.construct_params(dict(row) or None, extracted_parameters=extracted)
    processors = compiled._bind_processors
    sql, names = compiled.string, compiled.positiontup
    if compiled._render_postcompile or compiled.post_compile_params or compiled.literal_execute_params:
        expanded = compiled._process_parameters_for_postcompile(params)
        sql, names = expanded.statement, expanded.positiontup
        params = {**params, **expanded.additional_parameters}
        processors = {**processors, **expanded.processors}
    values = [processors[name](params[name]) if name in processors else params[name] for name in names or ()]
    return sql, values


def _read(compiled: Any, cursor: sqlite3.Cursor) -> Any:
    known = _READERS.get(id(compiled))
    if known is None or known[0] is not compiled:
        columns = compiled._result_columns
        readers = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        keys = SimpleResultMetaData([column.keyname for column in columns])
        known = _READERS[id(compiled)] = (compiled, keys, readers if any(readers) else None)
    _, keys, readers = known
    found: Any = cursor.fetchall()
    if readers is not None:
        found = [
            tuple(value if read is None else read(value) for read, value in zip(readers, row, strict=True))
            for row in found
        ]
    return IteratorResult(keys, iter(found))
