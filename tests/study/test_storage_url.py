"""URLs of storages: which file or server is meant, and that nothing secret in them is ever shown."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import sqlalchemy

from archsearch.errors import UnavailableError, UsageError
from archsearch.study.storage import default_url, open_storage
from archsearch.study.storage_url import server_url, shown_url, sqlite_file, without_secrets

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("sqlite:///runs/archsearch.db", "sqlite:///runs/archsearch.db"),
        ("sqlite:////abs/a%20b#c.db", "sqlite:////abs/a%20b#c.db"),
        ("postgresql+psycopg://me@db:5432/x", "postgresql+psycopg://me@db:5432/x"),
        ("postgresql+psycopg://db/x?connect_timeout=2", "postgresql+psycopg://db/x?connect_timeout=2"),
        ("postgresql+psycopg://[::1]:5432/x", "postgresql+psycopg://[::1]:5432/x"),
        (f"postgresql+psycopg://me:{SECRET}@db/x", "postgresql+psycopg://me:***@db/x"),
        (f"postgresql+psycopg://:{SECRET}@db/x", "postgresql+psycopg://:***@db/x"),
        (f"postgresql://me:a@{SECRET}@db/x", "postgresql://me:***@db/x"),
        (f"postgresql://me:a/?#{SECRET}@db/x", "postgresql://me:***@db/x"),
        (f"postgresql://db/x?user=me&password={SECRET}", "postgresql://db/x?user=me&password=***"),
        (
            f"postgresql://db/x?sslpassword={SECRET}&sslmode=require",
            "postgresql://db/x?sslpassword=***&sslmode=require",
        ),
        (f"postgresql://db/x?token={SECRET}", "postgresql://db/x?token=***"),
        (f"postgresql://db/x?user=me@corp&password={SECRET}", "postgresql://***"),
        (f"postgresql://db:5432/x?password=a@{SECRET}", "postgresql://***"),
        (f"postgresql://me:a?b=c@{SECRET}", "postgresql://***"),
        (f"postgresql://db/x?{SECRET}", "postgresql://db/x?***"),
        (f"postgresql://db/x?pass%77ord={SECRET}", "postgresql://db/x?pass%77ord=***"),
        (f"postgresql://db/x?sslmode=require#{SECRET}", "postgresql://db/x?sslmode=***"),
        (f"postgresql://me:{SECRET}/x", "postgresql://me:***"),
        (f"postgresql+psycopg:/me:{SECRET}@db/x", "postgresql+psycopg:/***@db/x"),
        (f"me:{SECRET}@db/x", "***@db/x"),
        (f"postgresql//me:{SECRET}", "postgresql//me:***"),
        (f"host=db password={SECRET}", "host:***"),
        (f"host=db password=a@{SECRET}", "***"),
        (f"https://me:{SECRET}@tracker.example/mlflow", "https://me:***@tracker.example/mlflow"),
        ("runs/archsearch.db", "runs/archsearch.db"),
        ("sqlite:/runs/archsearch.db", "sqlite:/runs/archsearch.db"),
    ],
)
def test_what_is_shown_of_a_url_has_no_secret(given, shown):
    assert shown_url(given) == shown
    assert SECRET not in shown


def test_what_another_library_says_is_shown_without_the_password_in_either_writing():
    url = "postgresql+psycopg://me:p%40ss%21@db/x?sslpassword=abc"
    said = "no p@ss! for me, not p%40ss%21 nor abc at db"
    assert without_secrets(said, url) == "no *** for me, not *** nor *** at db"
    assert without_secrets("db is not there", "postgresql+psycopg://me@db/x") == "db is not there"


@pytest.mark.parametrize(
    "url",
    [
        f"me:{SECRET}@db/x",
        f"postgresql+psycopg://me:{SECRET}@db:notaport/x",
        f"postgresql+psycopg://me:{SECRET}",
        f"postgresql+psycopg://me:a@{SECRET}@127.0.0.1:1/x?connect_timeout=2",
        f"postgresql+psycopg://me:a@{SECRET}/@127.0.0.1:1/x?connect_timeout=2",
        f"postgresql+psycopg://127.0.0.1:1/x?connect_timeout=2&user=me@corp&password={SECRET}",
        f"mysql+pymysql://me:{SECRET}@db/x",
        f"postgres://me:{SECRET}@db/x",
        f"postgresql+asyncpg://me:{SECRET}@db/x",
        f"sqlite:///x.db?password={SECRET}",
        f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/x?connect_timeout=2",
        f"postgresql+psycopg://me@127.0.0.1:1/x?connect_timeout=2&password={SECRET}",
        f"postgresql+psycopg://me@127.0.0.1:1/x?connect_timeout=2&nonsense={SECRET}",
    ],
)
def test_no_error_about_a_storage_holds_its_password(url, monkeypatch):
    monkeypatch.setenv("ARCHSEARCH_STORAGE_SECONDS", "0")
    pytest.importorskip("psycopg")
    with pytest.raises((UsageError, UnavailableError), match=r"storage") as caught:
        open_storage(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql+psycopg://db:notaport/x",
            r"^--storage: postgresql\+psycopg://db:\*\*\*: what follows the last :",
        ),
        (
            "postgresql+psycopg://me:a:b@/c@127.0.0.1/x",
            r"^--storage: postgresql\+psycopg://me:\*\*\*@127\.0\.0\.1/x: more than one @\. A : / @",
        ),
        (
            "postgresql+psycopg://d\x80b/x",
            r"^--storage: postgresql\+psycopg://d�b/x has a character that no host",
        ),
        ("postgres://db/x", r"^--storage: postgres://db/x: the scheme is written postgresql\+psycopg://$"),
        ("oracle://db/x", r"^--storage: oracle is not supported; use sqlite:///FILE or postgresql\+psycopg://USER"),
        ("postgresql+asyncpg://db/x", r"^--storage: the driver asyncpg is not supported; use"),
        ("sqlite:///x?1.db", r"^--storage: sqlite:///x\?\*\*\*: SQLite has no options here; .* write \? as %3F$"),
        (
            "sqlite://x.db",
            r"^--storage: sqlite://x\.db names no file; a study needs one: sqlite:///runs/archsearch\.db",
        ),
        (
            "sqlite:///\0",
            r"^--storage: sqlite:///␀: a character that is not seen, '\\x00', .*write it as its code, %00$",
        ),
        (
            "sqlite:///runs/a.db\n",
            r"^--storage: sqlite:///runs/a\.db: a character that is not seen, '\\n', stands in the file's name; if it "
            r"is meant, write it as its code, %0A$",
        ),
        ("sqlite:///a%00b", r"^--storage: sqlite:///a%00b names no file"),
        ("runs/archsearch.db", r"^--storage: 'runs/archsearch\.db' is not a storage URL; use sqlite:///FILE or"),
    ],
)
def test_a_url_that_names_no_storage_is_refused_with_what_to_write(url, sentence):
    with pytest.raises(UsageError, match=sentence):
        open_storage(url)


def test_a_driver_that_is_not_installed_is_one_sentence(monkeypatch):
    import optuna.storages._rdb.storage as rdb

    def without_driver(*arguments: object, **options: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg2'")

    monkeypatch.setattr(rdb.sqlalchemy.engine, "create_engine", without_driver)
    with pytest.raises(UsageError, match=r"^--storage: PostgreSQL needs its driver psycopg2: pip install 'arch"):
        open_storage("postgresql+psycopg2://db/x")


def test_postgresql_without_a_driver_means_psycopg_and_codes_are_decoded():
    assert server_url("postgresql://me:p%40ss@db/x") == sqlalchemy.URL.create(
        "postgresql+psycopg", "me", "p@ss", "db", database="x"
    )


@pytest.mark.parametrize("folder", ["a%20b?c#d", "x?1", "x?2", "{SCHEMA_VERSION}", "{}", "ü ö", "a:b@c", "%2F", "+"])
def test_the_storage_lies_in_the_runs_folder_whatever_its_name_is(tmp_path, folder):
    runs = tmp_path / folder
    url = default_url(runs)
    assert sqlite_file(url) == runs / "archsearch.db"
    storage = open_storage(url)
    optuna.create_study(study_name="one", storage=storage)
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert sorted(path.name for path in runs.iterdir() if not path.name.endswith(("-wal", "-shm"))) == [
        "archsearch.db",
        "archsearch.db.lock",
    ]
    storage.engine.dispose()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///runs/a.db", "runs/a.db"),
        ("sqlite:////abs/a.db", "/abs/a.db"),
        ("sqlite:///a%20b%3F.db", "a b?.db"),
        ("sqlite:///a#b.db", "a#b.db"),
    ],
)
def test_the_file_of_an_sqlite_url(url, path):
    assert sqlite_file(url) == Path(path)


def test_a_server_has_no_file():
    assert sqlite_file("postgresql+psycopg://db/x") is None
