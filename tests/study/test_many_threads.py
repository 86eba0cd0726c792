"""A worker's threads come and go with its slots: none loses its connection to another's."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy

from archsearch.study.storage import open_storage


def test_a_connection_in_use_outlives_the_connections_of_many_threads(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 's.db'}")
    one = sqlalchemy.text("SELECT 1")
    told: list[object] = []

    def ask() -> None:
        with storage.engine.begin() as connection:
            told.append(connection.execute(one).scalar())

    with storage.engine.connect() as mine:
        mine.execute(one)
        mine.rollback()
        for _ in range(20):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert mine.execute(one).scalar() == 1
    assert told == [1] * 20
    storage.engine.dispose()
