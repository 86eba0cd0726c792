"""Run SQLAlchemy's own statements in a SQLite connection, as its engine does, at a third of the price.

    execute(raw, sqlalchemy.select(TrialModel.state)).scalars().all()

What is compiled, bound and read back is SQLAlchemy's work; left out are its pool, its events and its transactions,
which are whole steps here. Of its object mapper there is what our own code uses: `Session` writes rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import NoResultFound

DIALECT = SQLiteDialect_pysqlite(paramstyle="qmark")
_COMPILED: dict[Any, Any] = {}
_READERS: dict[int, tuple[Any, SimpleResultMetaData, list[Any] | None]] = {}


class Written:
    """What a statement gives that changes rows: how many, and the key of one that was inserted."""

    def __init__(self, rowcount: int, key: int | None) -> None:
        self.rowcount = rowcount
        self.inserted_primary_key = (key,)


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
        return Written(changed, None if cursor is None else cursor.lastrowid)
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


class Session:
    """A session of the object mapper, for rows that are written by its classes; none is read."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._changed: list[_Row] = []
        self._added: list[Any] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *raised: object) -> None:
        """Forget what was not flushed."""

    def get_one(self, model: type[Any], key: int) -> Any:
        """Give a row, to be changed; raise `NoResultFound` where there is none."""
        column = next(iter(model.__table__.primary_key))
        query = f"SELECT 1 FROM {model.__tablename__} WHERE {column.name} = ?"
        if self._connection.raw.execute(query, (key,)).fetchone() is None:
            raise NoResultFound(f"no row {key} of {model.__tablename__}")
        row = _Row(model, key)
        self._changed.append(row)
        return row

    def add(self, instance: Any) -> None:
        """Write a new row with the next flush."""
        self._added.append(instance)

    def flush(self) -> None:
        """Write what was changed and added."""
        raw = self._connection.raw
        for row in self._changed:
            values = dict(row._values)
            if values:
                key = next(iter(row._model.__table__.primary_key)).name
                names = ", ".join(f"{name} = ?" for name in _columns(row._model, values))
                query = f"UPDATE {row._model.__tablename__} SET {names} WHERE {key} = ?"
                raw.execute(query, (*_written(row._model, values), row._key))
                row._values.clear()
        for instance in self._added:
            model = type(instance)
            values = {name: value for name, value in vars(instance).items() if name != "_sa_instance_state"}
            names, places = ", ".join(_columns(model, values)), ", ".join("?" * len(values))
            raw.execute(f"INSERT INTO {model.__tablename__} ({names}) VALUES ({places})", _written(model, values))
        self._added.clear()


class _Row:
    """A row that is changed as an instance of its class would be: by its columns and by its properties."""

    def __init__(self, model: type[Any], key: int) -> None:
        vars(self).update(_model=model, _key=key, _values={})

    def __setattr__(self, name: str, value: Any) -> None:
        of_class = getattr(self._model, name)
        if isinstance(of_class, property) and of_class.fset is not None:
            of_class.fset(self, value)
        else:
            self._values[name] = value


def _columns(model: type[Any], names: Iterable[str]) -> list[str]:
    attributes = sqlalchemy.inspect(model).column_attrs
    return [attributes[name].columns[0].name for name in names]


def _written(model: type[Any], values: Mapping[str, Any]) -> list[Any]:
    attributes = sqlalchemy.inspect(model).column_attrs
    found = []
    for name, value in values.items():
        processor = attributes[name].columns[0].type.dialect_impl(DIALECT).bind_processor(DIALECT)
        found.append(value if processor is None else processor(value))
    return found
