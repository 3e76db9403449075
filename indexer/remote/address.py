"""Addresses of stores on servers: what they say, and what they may not."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import (
    SplitResult,
    parse_qsl,
    quote,
    unquote,
    urlencode,
    urlsplit,
)

__all__ = ["Address", "MilvusAddress", "PostgresAddress", "is_remote", "read_address"]

SCHEMES = ("postgresql", "postgres", "milvus")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_MISTYPED = re.compile(
    rf"\s*({'|'.join(SCHEMES)})[A-Za-z0-9+.-]*\s*(:|//)", re.IGNORECASE
)
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")
_HOST = re.compile(r"[A-Za-z0-9._:%-]*|/[^,\x00-\x1f]*")
_LOOK = "'postgresql://host/database?table=covers' or 'milvus://host:19530/covers'"
# Of libpq, what may stand in an address that another person wrote.
_OPTIONS = frozenset({"connect_timeout", "sslmode", "application_name"})
_MILVUS_OPTIONS = frozenset({"connect_timeout", "tls"})
# A colon before the last '@', also where a '/', '?' or '#' of the password ends the
# server's part for whoever takes addresses apart.
_PASSWORD = re.compile(r"[^:]+://[^@]*(:|%3A).*@", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(r"pass|token|secret|key", re.IGNORECASE)
_SECRET_OF_POSTGRES = "the address of a store holds a password: leave it out, and set PGPASSWORD or write it into ~/.pgpass"
_SECRET_OF_MILVUS = "the address of a store holds a user or a password: leave them out, and set MILVUS_TOKEN=user:password"


@dataclass(frozen=True)
class PostgresAddress:
    """Where a store lies on a PostgreSQL server.

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
        name = f"{quote(self.user, safe='')}@" if self.user else ""
        is_socket = self.host.startswith("/")
        port = f":{self.port}" if self.port else ""
        query = {"host": self.host} if is_socket else {}
        query["table"] = f"{self.schema}.{self.table}" if self.schema else self.table
        query.update(self.options)
        host = "" if is_socket else self.host
        return f"postgresql://{name}{_host(host)}{port}/{quote(self.database, safe='')}?{urlencode(query, safe='/')}"


@dataclass(frozen=True)
class MilvusAddress:
    """Where a store lies on a Milvus server.

    Attributes
    ----------
    host : str
    port : int or None
        19530 where it is not said.
    database : str
        Empty for the server's default one.
    collection : str
        An alias of the collection that is current.
    has_tls : bool
    connect_timeout_s : float
    """

    host: str
    port: int | None
    database: str
    collection: str
    has_tls: bool = False
    connect_timeout_s: float = 10.0

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine."""
        return self.host in _LOCAL

    @property
    def uri(self) -> str:
        """As the driver takes it."""
        host = _host(self.host) or "localhost"
        scheme = "https" if self.has_tls else "http"
        return f"{scheme}://{host}:{self.port or 19530}"

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        database = f"{self.database}/" if self.database else ""
        query = {"tls": "true"} if self.has_tls else {}
        if self.connect_timeout_s != 10:
            query["connect_timeout"] = f"{self.connect_timeout_s:g}"
        end = f"?{urlencode(query)}" if query else ""
        return f"milvus://{_host(self.host)}{port}/{database}{self.collection}{end}"


Address: TypeAlias = PostgresAddress | MilvusAddress


def is_remote(address: str | Path) -> bool:
    """Whether an address names a server rather than a folder.

    Raises
    ------
    ValueError
        If it begins with a scheme that is not known, or is a mistyped address. It is
        not repeated: it may hold a password.
    """
    if not isinstance(address, str):
        return False
    found = _SCHEME.match(address)
    if found is None:
        if _MISTYPED.match(address):
            message = f"the address of a store is mistyped: it looks like {_LOOK}"
            raise ValueError(message)
        return False
    if found[1].lower() not in SCHEMES:
        message = f"the address begins with {found[1]!r}, which no store is called: give a folder, {_LOOK}"
        raise ValueError(message)
    return True


def read_address(text: str) -> Address:
    """Take an address apart.

    Raises
    ------
    ValueError
        If it is malformed, holds a password, or an option that is not allowed. What
        was given is not repeated: it may be a part of a password.

    Examples
    --------
    >>> str(read_address("postgresql://me@db.example/music?table=covers"))
    'postgresql://me@db.example/music?table=covers'
    >>> str(read_address("milvus://vectors.example:19530/covers"))
    'milvus://vectors.example:19530/covers'
    """
    is_milvus = text.lower().startswith("milvus:")
    if _PASSWORD.match(text):
        raise ValueError(_SECRET_OF_MILVUS if is_milvus else _SECRET_OF_POSTGRES)
    parts, options = _split(text)
    return _milvus(parts, options) if is_milvus else _postgres(parts, options)


def _split(text: str) -> tuple[SplitResult, dict[str, str]]:
    """Take an address apart; messages of the standard library repeat what was given."""
    reason = ""
    if not text.isprintable():
        reason = "it holds characters that cannot be seen"
    else:
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, strict_parsing=bool(parts.query))
        except ValueError:
            reason = "a bracket, or what comes after '?', is no part of an address"
        else:
            reason = _why_malformed(parts, pairs)
            if not reason:
                return parts, dict(pairs)
    message = f"the address of a store cannot be read: {reason}; it looks like {_LOOK}"
    raise ValueError(message)


def _why_malformed(parts: SplitResult, pairs: list[tuple[str, str]]) -> str:
    """Say what is wrong with the parts of an address; nothing where nothing is."""
    try:
        _ = parts.port
    except ValueError:
        return "the port is no number up to 65535"
    if len(dict(pairs)) < len(pairs):
        return "an option comes twice"
    if parts.fragment:
        return "'#' must be written %23"
    if "@" in parts.path or parts.netloc.count("@") > 1:
        return "'@' in a name must be written %40"
    return ""


def _postgres(parts: SplitResult, options: dict[str, str]) -> PostgresAddress:
    if parts.password is not None or any(map(_SECRET.search, options)):
        raise ValueError(_SECRET_OF_POSTGRES)
    schema, dot, table = options.pop("table", "covers").rpartition(".")
    host = options.pop("host", "") or unquote(parts.hostname or "")
    _refuse_unknown(options, _OPTIONS, "table, host, ")
    _check_host(host)
    for name in [table, *([schema] if dot else [])]:
        _check_name(name, "table")
    return PostgresAddress(
        host=host,
        port=parts.port,
        database=unquote(parts.path.strip("/")),
        user=unquote(parts.username or ""),
        table=table,
        schema=schema,
        options=tuple(sorted(options.items())),
    )


def _milvus(parts: SplitResult, options: dict[str, str]) -> MilvusAddress:
    if parts.username is not None or any(map(_SECRET.search, options)):
        raise ValueError(_SECRET_OF_MILVUS)
    _refuse_unknown(options, _MILVUS_OPTIONS, "")
    _check_host(host := unquote(parts.hostname or ""), is_socket_allowed=False)
    database, _, collection = unquote(parts.path.strip("/")).rpartition("/")
    for name in [collection, *([database] if database else [])]:
        _check_name(name, "collection")
    has_tls = options.get("tls", "false")
    try:
        timeout_s = float(options.get("connect_timeout", 10))
    except ValueError:
        timeout_s = 0.0
    if has_tls not in ("true", "false") or not 0 < timeout_s < 3600:
        message = "in the address of a store on Milvus 'tls' is true or false, and 'connect_timeout' a number of seconds"
        raise ValueError(message)
    return MilvusAddress(
        host=host,
        port=parts.port,
        database=database,
        collection=collection,
        has_tls=has_tls == "true",
        connect_timeout_s=timeout_s,
    )


def _host(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host else quote(host, safe="")


def _check_host(host: str, *, is_socket_allowed: bool = True) -> None:
    """Refuse several hosts at once: each would have to be trusted for itself."""
    if not _HOST.fullmatch(host) or (host.startswith("/") and not is_socket_allowed):
        message = "the address of a store must name one server, by letters, digits, '.' and '-', or the folder of a socket"
        raise ValueError(message)


def _refuse_unknown(
    options: dict[str, str], known: frozenset[str], others: str
) -> None:
    unknown = sorted(set(options) - known)
    if unknown:
        message = f"unknown option {unknown[0]!r} in the address of a store: known are {others}{', '.join(sorted(known))}"
        raise ValueError(message)


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        message = f"{name!r:.200} is no name of a {what}: give letters, digits and _, at most 48"
        raise ValueError(message)
