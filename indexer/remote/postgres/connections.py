"""Connections to a PostgreSQL server, and its errors in the words of stores."""

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from indexer.errors import (
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexReadError,
    IndexWriteError,
)
from indexer.remote.address import PostgresAddress

__all__ = ["Connections", "told"]

_MOST_IDLE = 8
_TRUSTED_FOR_S = 1.0
_CONNECT_TIMEOUT_S = 10


class Connections:
    """Connections to one server, used again by whoever needs one next; threads may share it.

    Parameters
    ----------
    address : PostgresAddress
    """

    def __init__(self, address: PostgresAddress) -> None:
        self.address = address
        self._idle: list[tuple[float, Any]] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def use(self) -> Iterator[Any]:
        """Lend a connection in autocommit mode; a broken one is not lent again.

        Raises
        ------
        IndexReadError
            If the server cannot be reached.
        """
        connection = self._take() or self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                if not connection.closed and len(self._idle) < _MOST_IDLE:
                    self._idle.append((time.monotonic(), connection))
                else:
                    connection.close()

    @contextmanager
    def translate_errors(self, *, is_write: bool = False) -> Iterator[None]:
        """Raise the errors of stores instead of those of the driver."""
        import psycopg
        from psycopg import errors

        where = f"store {str(self.address)!r}"
        try:
            yield
        except errors.UndefinedTable as error:
            message = f"no index in {str(self.address)!r}: build one, or give the address of one"
            raise IndexNotFoundError(message) from error
        except errors.UndefinedColumn as error:
            message = f"{where} is no store of vectors, or somebody changed it: {told(error)}; give another name, 'table=...'"
            raise IndexMismatchError(message) from error
        except errors.LockNotAvailable as error:
            message = f"another process keeps writing to {where}: wait until it is done, and try again"
            raise IndexBusyError(message) from error
        except (errors.DataCorrupted, errors.IndexCorrupted) as error:
            message = f"{where} is damaged: {told(error)}; restore the database from a backup, or build the index again"
            raise IndexDamagedError(message) from error
        except psycopg.Error as error:
            if is_write:
                message = (
                    f"{where} refuses to be written: {told(error)}; nothing was changed"
                )
                raise IndexWriteError(message) from error
            message = f"{where} cannot be read: {told(error)}"
            raise IndexReadError(message) from error

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            _close_all(self._idle)

    def _take(self) -> Any:
        """Return an idle connection that still works, if there is one."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < _TRUSTED_FOR_S and not connection.closed:
                return connection
            with suppress(Exception):
                connection.execute("SELECT")
                return connection
            connection.close()

    def _connect(self) -> Any:
        try:
            import psycopg
        except ModuleNotFoundError as error:
            message = "a store on PostgreSQL needs the optional package 'psycopg': pip install 'album-covers[postgresql]'"
            raise IndexReadError(message) from error
        address = self.address
        given: dict[str, Any] = {
            "host": address.host,
            "port": address.port,
            "dbname": address.database,
            "user": address.user,
        }
        options: dict[str, Any] = {"connect_timeout": _CONNECT_TIMEOUT_S}
        options.update({name: value for name, value in given.items() if value})
        options.update(address.options)
        try:
            return psycopg.connect(autocommit=True, **options)
        except psycopg.Error as error:
            message = (
                f"the server of store {str(address)!r} cannot be reached: {told(error)}; is it "
                f"running, and is the password in PGPASSWORD or ~/.pgpass?"
            )
            raise IndexReadError(message) from error


def _close_all(idle: list[tuple[float, Any]]) -> None:
    while idle:
        idle.pop()[1].close()


def told(error: Exception) -> str:
    """Return what the server said, in one line."""
    return " ".join(str(error).split())[:500]
