"""Addresses of stores on servers: what they say, and what they may not."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

__all__ = ["Address", "is_remote", "read_address"]

SCHEMES = ("postgresql", "postgres")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")
# Of libpq, what may stand in an address that another person wrote.
_OPTIONS = frozenset({"connect_timeout", "sslmode", "application_name"})


@dataclass(frozen=True)
class Address:
    """Where a store lies on a server.

    Attributes
    ----------
    host, database, user : str
        Empty where libpq's defaults hold; `host` may be the folder of a socket.
    port : int or None
    table : str
    schema : str
        Of the database; empty for the first of the search path.
    options : tuple of (str, str)
        Of libpq.
    """

    host: str
    port: int | None
    database: str
    user: str
    table: str
    schema: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine."""
        return self.host in _LOCAL or self.host.startswith("/")

    def __str__(self) -> str:
        name = f"{self.user}@" if self.user else ""
        is_socket = self.host.startswith("/")
        port = f":{self.port}" if self.port else ""
        query = {"host": self.host} if is_socket else {}
        query["table"] = f"{self.schema}.{self.table}" if self.schema else self.table
        query.update(self.options)
        host = "" if is_socket else self.host
        return f"postgresql://{name}{host}{port}/{self.database}?{urlencode(query, safe='/')}"


def is_remote(address: str | Path) -> bool:
    """Whether an address names a server rather than a folder.

    Raises
    ------
    ValueError
        If it begins with a scheme that is not known.
    """
    found = _SCHEME.match(str(address)) if isinstance(address, str) else None
    if found is None:
        return False
    if found[1].lower() not in SCHEMES:
        message = (
            f"{str(address)!r:.200} begins with {found[1]!r}, which no store is called: give a "
            f"folder, or 'postgresql://host/database?table=covers'"
        )
        raise ValueError(message)
    return True


def read_address(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    ValueError
        If it is malformed, holds a password, or an option that is not allowed.

    Examples
    --------
    >>> str(read_address("postgresql://me@db.example/music?table=covers"))
    'postgresql://me@db.example/music?table=covers'
    """
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        message = f"the address of a store cannot be read: {error}; it looks like 'postgresql://host/database?table=covers'"
        raise ValueError(message) from error
    if parts.password is not None or "password" in options:
        message = "the address of a store holds a password: leave it out, and set PGPASSWORD or write it into ~/.pgpass"
        raise ValueError(message)
    schema, dot, table = options.pop("table", "covers").rpartition(".")
    host = options.pop("host", "") or unquote(parts.hostname or "")
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        message = f"unknown option {unknown[0]!r} in the address of a store: known are table, host, {', '.join(sorted(_OPTIONS))}"
        raise ValueError(message)
    for name in [table, *([schema] if dot else [])]:
        if not _NAME.fullmatch(name):
            message = f"{name!r:.200} is no name of a table: give letters, digits and _, at most 48"
            raise ValueError(message)
    return Address(
        host=host,
        port=port,
        database=unquote(parts.path.strip("/")),
        user=unquote(parts.username or ""),
        table=table,
        schema=schema,
        options=tuple(sorted(options.items())),
    )
