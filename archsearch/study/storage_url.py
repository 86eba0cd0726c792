"""What a storage's URL means, and how it is shown: a password never leaves the process that was given it.

    sqlite_file("sqlite:///runs/a%20b.db")                # Path("runs/a b.db"); None for a server
    shown_url("postgresql+psycopg://me:secret@db/x")      # postgresql+psycopg://me:***@db/x
    without_secrets(text, url)                            # what another library said about it

Every place that shows a URL, also of a tracker, goes through `shown_url`: errors, reports, notes. It takes any text, as
what was mistyped may hold a password too, and shows less where it is in doubt. Knows no storage and opens nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

import sqlalchemy

from archsearch.errors import UsageError

STORAGE_VARIABLE = "ARCHSEARCH_STORAGE"
HIDDEN = "***"
_FORMS = "use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
_CODES = "A : / @ ? # or % in a password is written as its code: %3A %2F %40 %3F %23 %25"
_DRIVERS = ("psycopg", "psycopg2")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAME = re.compile(r"[A-Za-z0-9_.%-]*")
# Options of PostgreSQL's library that are no secret; the value of any other is hidden.
_SHOWN_OPTIONS = frozenset(
    [
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "gssencmode",
        "host",
        "hostaddr",
        "keepalives",
        "load_balance_hosts",
        "port",
        "service",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
        "timeout",
        "user",
    ]
)


def sqlite_file(url: str) -> Path | None:
    """Give the file of an SQLite storage, None for another kind; raise `UsageError` where none is named.

    `%20` and the like are the characters that they stand for. A `?` would begin options, of which there are none: in
    the name of a file it is `%3F`, as a line end is `%0A`: one that stands there as it is came by mistake.
    """
    found = _SCHEME.fullmatch(url)
    if found is None or found[1].lower() != "sqlite":
        return None
    slash, path = found[2][:1], found[2][1:]
    if "?" in path:
        raise UsageError(f"--storage: {shown_url(url)}: SQLite has no options here; in a file's name write ? as %3F")
    if found_control := _CONTROL.search(path):
        raise UsageError(
            f"--storage: {shown_url(url)}: a character that is not seen, {found_control[0]!a}, stands in the "
            f"file's name; if it is meant, write it as its code, {quote(found_control[0])}"
        )
    name = unquote(path)
    if slash != "/" or not name or name == ":memory:" or "\0" in name:
        raise UsageError(
            f"--storage: {shown_url(url)} names no file; a study needs one: sqlite:///runs/archsearch.db, or "
            "sqlite:////from/the/root.db"
        )
    return Path(name)


def sqlite_url(file: Path) -> str:
    """Give the URL of an SQLite storage in a file, whatever characters its path has."""
    return f"sqlite:///{quote(str(file), safe='/:' + os.sep)}"


def server_url(url: str) -> sqlalchemy.URL:
    """Read the URL of a PostgreSQL storage; raise `UsageError` for what is none.

    The driver is psycopg where none is named: which one SQLAlchemy takes then depends on its version.
    """
    shown = shown_url(url)
    try:
        parsed = sqlalchemy.engine.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise UsageError(f"--storage: {shown!r} is not a storage URL; {_FORMS}") from None
    except ValueError:
        raise UsageError(f"--storage: {shown}: what follows the last : is no port. {_CODES}") from None
    dialect, _, driver = parsed.drivername.partition("+")
    if dialect == "postgres":
        raise UsageError(f"--storage: {shown}: the scheme is written postgresql+psycopg://")
    if dialect != "postgresql":
        raise UsageError(f"--storage: {dialect} is not supported; {_FORMS}")
    if driver and driver not in _DRIVERS:
        raise UsageError(f"--storage: the driver {driver} is not supported; {_FORMS}")
    if "@" in f"{parsed.host}{parsed.database}":  # the rest of a password: asked for as a host, it would be printed
        raise UsageError(f"--storage: {shown}: more than one @. {_CODES}")
    return parsed.set(drivername=f"postgresql+{driver or _DRIVERS[0]}")


def shown_url(url: str) -> str:
    """Write a URL, or what was meant to be one, in a line without anything that may be a password or a token."""
    return re.sub(r"\s", " ", _without_what_is_secret(url).strip())


def _without_what_is_secret(url: str) -> str:
    found = _SCHEME.fullmatch(url)
    if found is None:
        return _mistyped(url)
    scheme, rest = found[1], found[2]
    if scheme.lower() == "sqlite":
        return f"{scheme}://{_with_hidden_options(rest)}"
    if "=" in rest.partition("?")[2].rpartition("@")[0]:
        return f"{scheme}://{HIDDEN}"  # an @ in an option, or = in a password: what follows may be the rest of a secret
    # up to the last @: a password may hold any character, also an @ that should have been %40
    given, at, place = rest.rpartition("@")
    place, number_sign, _ = place.partition("#")
    place += f"#{HIDDEN}" if number_sign else ""
    user = given.partition(":")[0]
    who = (user if _TAME.fullmatch(user) else HIDDEN) + (f":{HIDDEN}" if ":" in given else "") + at if at else ""
    host, slash, more = place.partition("/")
    name, colon, port = host.partition("?")[0].rpartition(":")
    if colon and not port.isdigit() and not host.startswith("["):
        return f"{scheme}://{who}{name.partition(':')[0]}:{HIDDEN}"  # no port: the rest may be a password
    return f"{scheme}://{who}{_with_hidden_options(host + slash + more)}"


def _with_hidden_options(text: str) -> str:
    before, mark, query = text.partition("?")
    if not mark:
        return text
    parts = []
    for part in re.split("[&;]", query):
        name, equals, value = part.partition("=")
        known = name.lower() in _SHOWN_OPTIONS and "#" not in value
        parts.append(part if known and equals else f"{name}={HIDDEN}" if equals and _TAME.fullmatch(name) else HIDDEN)
    return f"{before}?{'&'.join(parts)}"


def _mistyped(text: str) -> str:
    """Show of what is no URL only what cannot be a secret: a path, or what stands before it could begin."""
    before, at, after = text.rpartition("@")
    if at and re.search(r"[\s=]", before):
        return HIDDEN  # host=db password=a@b
    if at:
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", before)
        place = after.partition("?")[0]
        return f"{scheme[0] if scheme else ''}{HIDDEN}@{place if re.fullmatch(r'[A-Za-z0-9_./:-]*', place) else HIDDEN}"
    if text.lower().startswith("sqlite") or not re.search(r"[:=?#]", text):
        return text.partition("?")[0]
    return re.split("[:=?#]", text)[0] + f":{HIDDEN}"


def without_secrets(text: str, url: str) -> str:
    """Take what a URL keeps secret out of what another library said."""
    found = _SCHEME.fullmatch(url)
    if found is None:
        return text
    given, at, _ = found[2].rpartition("@")
    secrets = {given.partition(":")[2]} if at else set()
    query = found[2].partition("?")[2]
    secrets |= {value for name, value in parse_qsl(query) if name.lower() not in _SHOWN_OPTIONS}
    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        if secret:
            text = text.replace(secret, HIDDEN)
    return text
