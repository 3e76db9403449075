"""Files in object stores and behind https://, by fsspec: listed, looked at and read, never written.

Whatever a listing says comes from a stranger: a name in it is only ever put
below the address that a person gave, and sizes and counts have limits.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from covers.errors import ConfigError, DataError, refuse_missing_package
from covers.workspace.source_files import FileEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST_FILES = 20_000_000
"""Files that one address may hold."""
MOST_TABLE_MEBIBYTES = 4096
"""Size of a manifest that is read over the network."""
HOSTS = "COVERS_SOURCE_HOSTS"
"""Buckets and hosts that this machine's user lets a workspace's sources name, by commas."""

_ADDRESS = re.compile(r"(s3|gs|https?)://", re.IGNORECASE)
_PLAIN = re.compile(r"[^\x00-\x20\x7f?#\\]+")
_OWN = {"127.0.0.1", "localhost", "::1"}
_PACKAGES = {"s3": "s3fs", "https": "aiohttp", "http": "aiohttp"}
_CONNECT_S, _READ_S = 10, 60
_SIDE_BY_SIDE = 16


def is_remote(text: object) -> bool:
    """Say whether a source is an address and not a path.

    Examples
    --------
    >>> is_remote("s3://covers/by-genre"), is_remote("covers/by-genre")
    (True, False)
    """
    return isinstance(text, RemotePath) or bool(_ADDRESS.match(str(text)))


def _host_of(text: str) -> str | None:
    """Return the host or bucket of an address; None where it may hold a password.

    A '/' in a password ends the host for whoever takes addresses apart: what comes
    before is then a user and a colon, behind a '@'.
    """
    host = text.partition("://")[2].partition("/")[0]
    has_colon = ":" in host.rpartition("]")[2]
    if "@" in host or (has_colon and "@" in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A file, or what a folder is called there, in an object store or behind https://.

    Parameters
    ----------
    url : str
        Such as ``"s3://bucket/folder"``.
    """

    url: str

    @classmethod
    def of(cls, text: str) -> RemotePath:
        """Take an address that a person or a workspace gave.

        Raises
        ------
        ConfigError
            If it holds a password, asks for something, or is no plain address. It is
            not repeated then, as it may hold a password.
        """
        text = text.rstrip("/")
        scheme, _, path = text.partition("://")
        is_plain = bool(_PLAIN.fullmatch(text)) and "::" not in text
        host = _host_of(text)
        if not host or not is_plain:
            message = (
                f"a source that begins with '{scheme}://' is no plain address: expected such as 's3://bucket/folder' or "
                "'https://host/manifest.csv', without user, password or '?'; keys come from the environment"
            )
            raise ConfigError(message)
        if scheme.lower() == "http" and host not in _OWN:
            message = f"source '{text}' would be read unprotected: use https://"
            raise ConfigError(message)
        return cls(f"{scheme.lower()}://{path}")

    def __truediv__(self, path: str) -> RemotePath:
        return RemotePath(f"{self.url}/{path}")

    def __str__(self) -> str:
        return self.url

    @property
    def scheme(self) -> str:
        """The protocol: s3, gs, http or https."""
        return self.url.partition("://")[0]

    @property
    def host(self) -> str:
        """The bucket, or the server."""
        return urlsplit(self.url).hostname or ""

    @property
    def name(self) -> str:
        """The last part of the address: the name of the file or folder."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return os.path.splitext(self.name)[1]  # noqa: PTH122  no path

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return os.path.splitext(self.name)[0]  # noqa: PTH122  no path

    @property
    def parent(self) -> RemotePath:
        """The folder that it lies in."""
        above = self.url.rpartition("/")[0]
        return self if above.endswith("/") else RemotePath(above)

    def read(self, most_bytes: int) -> bytes:
        """Read a file, at most one byte more than `most_bytes` of it.

        Raises
        ------
        OSError
            If it is not there, may not be read, or nobody answers.
        """
        files = filesystem(self.scheme)
        content: bytes
        if self.scheme.startswith("http"):
            content = _ask(self, lambda: _read_stream(files, self.url, most_bytes + 1))
            return content
        end = most_bytes + 1
        try:
            content = _ask(self, lambda: files.cat_file(self._key, start=0, end=end))
        except OSError as error:
            if "range" in str(error).lower():  # how an empty file is answered
                return b""
            raise
        return content

    def look(self) -> tuple[int, int]:
        """Ask for size and mark of a file, without its content.

        Raises
        ------
        OSError
            If it is not there, may not be looked at, or nobody answers.
        """
        about = _ask(self, lambda: filesystem(self.scheme).info(self._key))
        return int(about.get("size") or 0), _mark(about)

    def files(self) -> Iterator[FileEntry]:
        """List the files below this address, none of whose names leads elsewhere.

        Raises
        ------
        OSError
            If it cannot be listed.
        DataError
            If there are too many, or they can only be named by a manifest.
        """
        if self.scheme.startswith("http"):
            message = f"'{self}' cannot be listed: over https:// give a manifest, such as '{self}/manifest.csv'"
            raise DataError(message)
        files = filesystem(self.scheme)
        start = f"{self._key}/"
        walked = _ask(
            self, lambda: files.walk(self._key, detail=True, on_error="raise")
        )
        n_files = 0
        while (level := _ask(self, lambda: next(walked, None))) is not None:
            for about in level[2].values():
                key = str(about["name"])
                path = key[len(start) :] if key.startswith(start) else ""
                if not is_below(path):
                    continue  # also what stands for an empty folder
                n_files += 1
                if n_files > MOST_FILES:
                    message = f"'{self}' holds more than {MOST_FILES:,} files: give its parts one by one"
                    raise DataError(message)
                yield FileEntry(path, int(about.get("size") or 0), _mark(about))

    @property
    def _key(self) -> str:
        """What fsspec's file system calls it; an address is never handed to fsspec to be taken apart."""
        return (
            self.url if self.scheme.startswith("http") else self.url.partition("://")[2]
        )


AnyPath = Path | RemotePath
"""Where a file or a folder lies."""


def path_of_source(text: str, base: Path) -> AnyPath:
    """Return what a text in ``covers.toml`` names: an address, or a path below `base`.

    Raises
    ------
    ConfigError
        If it is empty, which Python would take for the current folder.
    """
    if not text.strip():
        message = f"no source {text!r}: name a folder of covers, a manifest or a music library"
        raise ConfigError(message)
    return RemotePath.of(text) if is_remote(text) else base / text


def is_below(path: str) -> bool:
    """Say whether a name from a listing stays below the folder that was listed.

    Examples
    --------
    >>> is_below("Jazz/a.jpg"), is_below("../a.jpg"), is_below("/etc/passwd")
    (True, False, False)
    """
    parts = path.split("/")
    is_plain = "\\" not in path and path.isprintable()
    return is_plain and not any(part in {"", ".", ".."} for part in parts)


def look_at_many(
    root: RemotePath, paths: Iterable[str]
) -> Iterator[tuple[str, FileEntry | OSError]]:
    """Ask for size and mark of many files side by side, in the order of `paths`."""
    from concurrent.futures import ThreadPoolExecutor

    def look(path: str) -> tuple[str, FileEntry | OSError]:
        try:
            return path, FileEntry(path, *(root / path).look())
        except OSError as error:
            return path, error

    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="look") as pool:
        yield from pool.map(look, paths)


def name_host(path: AnyPath) -> None:
    """Allow the host of a source that a person named, here and in processes that this one starts."""
    if isinstance(path, RemotePath):
        os.environ[HOSTS] = ",".join(sorted({*_hosts_named(), path.host}))


def refuse_unnamed(path: AnyPath) -> AnyPath:
    """Refuse to talk to a bucket or a server that only a workspace names.

    Raises
    ------
    DataError
        Saying how a person names it.
    """
    if isinstance(path, RemotePath) and path.host not in {*_hosts_named(), *_OWN}:
        message = (
            f"source '{path}' is named by 'covers.toml' only: if you trust it, set {HOSTS}={path.host}, "
            f"or name it again in 'covers scan {path}'"
        )
        raise DataError(message)
    return path


def _hosts_named() -> set[str]:
    """Return the buckets and hosts that the environment names."""
    named = os.environ.get(HOSTS, "").split(",")
    return {one.strip().lower() for one in named} - {""}


@cache
def filesystem(scheme: str) -> Any:
    """Open fsspec's file system for one kind of address, such as ``s3``.

    Raises
    ------
    MissingExtraError
        If its package is not installed.
    """
    for package in ("fsspec", _PACKAGES.get(scheme, "fsspec")):
        refuse_missing_package(package, f"reading '{scheme}://'")
    import fsspec

    options: dict[str, Any] = {}
    if scheme == "s3":
        options["config_kwargs"] = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"max_attempts": 3},
        }
    elif scheme.startswith("http"):
        import aiohttp

        timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=_READ_S)
        options["client_kwargs"] = {"timeout": timeout}
    try:
        return fsspec.filesystem(scheme, use_listings_cache=False, **options)
    except ImportError as error:
        message = f"'{scheme}://' needs a package that this project was not tried with: pip install gcsfs"
        raise ConfigError(message) from error


def _ask(path: RemotePath, question: Callable[[], Any]) -> Any:
    """Call an object store; the exceptions of its packages become an `OSError`."""
    try:
        return question()
    except FileNotFoundError as error:
        # Whatever a web server did not do is this, and says nothing but the address.
        cause = error.__cause__
        if str(error) != path.url:
            raise
        if cause is None or getattr(cause, "status", None) in {404, 410}:
            raise FileNotFoundError("not found on the server") from error  # noqa: EM101
        raise OSError(f"{path.scheme}: {_reason(cause)}") from error  # noqa: EM102
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{path.scheme}: {_reason(error)}") from error  # noqa: EM102


def _reason(error: BaseException) -> str:
    """Put an exception of a package into one line."""
    return f"{' '.join(str(error).split()) or type(error).__name__:.200}"


def _read_stream(files: Any, url: str, n_bytes: int) -> bytes:
    """Read the beginning of what a server sends, however much it sends."""
    content = bytearray()
    with files.open(url, "rb", block_size=0) as stream:
        while len(content) < n_bytes:
            chunk = stream.read(min(2**20, n_bytes - len(content)))
            if not chunk:
                break
            content += chunk
    return bytes(content)


def _mark(about: dict[str, Any]) -> int:
    """Turn what changes with a file's content into a number: its ETag, else its time of change."""
    for name in ("ETag", "etag", "md5Hash", "LastModified", "Last-Modified", "mtime"):
        if about.get(name):
            digest = hashlib.sha256(str(about[name]).strip('"').encode()).digest()
            return int.from_bytes(digest[:8]) >> 1
    return 0
