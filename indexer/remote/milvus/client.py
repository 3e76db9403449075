"""The driver of a Milvus server, and its errors in the words of stores."""

import logging
import os
import threading
from typing import Any

from indexer.errors import IndexNotFoundError, IndexReadError, IndexWriteError
from indexer.remote.address import MilvusAddress

__all__ = ["Client", "CollectionGoneError"]

_N_TRIES = 7  # some 6 s
_NOT_FOUND, _NOT_LOADED = 100, 101
_UNREACHABLE = "Fail connecting"
_LOAD_TIMEOUT_S = 120.0
_TOKEN = "MILVUS_TOKEN"


class CollectionGoneError(IndexReadError):
    """A collection was dropped or released meanwhile: look again which is current."""


class Client:
    """The connection to one Milvus server, opened when it is needed; threads may share it.

    Parameters
    ----------
    address : MilvusAddress
    """

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address
        self._driver: Any = None
        self._lock = threading.Lock()

    def read(self, method: str, *given: Any, **more: Any) -> Any:
        """Call a method of ``pymilvus.MilvusClient`` that changes nothing."""
        return self._call(method, given, more, is_write=False)

    def write(self, method: str, *given: Any, **more: Any) -> Any:
        """Call a method of ``pymilvus.MilvusClient`` that changes something."""
        return self._call(method, given, more, is_write=True)

    def load(self, collection: str) -> None:
        """Let a collection be searched, and wait until it can be."""
        self.read("load_collection", collection, timeout=_LOAD_TIMEOUT_S)

    def real_name(self, name: str) -> str | None:
        """Return the collection that a name or an alias means, if there is one."""
        try:
            return str(self.read("describe_collection", name)["collection_name"])
        except CollectionGoneError:
            return None

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        with self._lock:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _call(
        self,
        method: str,
        given: tuple[Any, ...],
        more: dict[str, Any],
        *,
        is_write: bool,
    ) -> Any:
        driver = self._connected()
        from pymilvus.exceptions import MilvusException

        where = f"store {str(self.address)!r}"
        try:
            return getattr(driver, method)(*given, **{"retry_times": _N_TRIES, **more})
        except MilvusException as error:
            if error.code in (_NOT_FOUND, _NOT_LOADED):
                message = f"{where} cannot be read: {_told(error)}; try again"
                raise CollectionGoneError(message) from error
            if _UNREACHABLE in str(error):
                raise _unreachable(self.address, error) from error
            if is_write:
                message = f"{where} refuses to be written: {_told(error)}; nothing was published"
                raise IndexWriteError(message) from error
            message = f"{where} cannot be read: {_told(error)}"
            raise IndexReadError(message) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._driver is None:
                self._driver = _connect(self.address)
            return self._driver


def _connect(address: MilvusAddress) -> Any:
    _import_quietly()
    from pymilvus import MilvusClient
    from pymilvus.exceptions import MilvusException

    try:
        return MilvusClient(
            address.uri,
            token=os.environ.get(_TOKEN, ""),
            db_name=address.database,
            timeout=address.connect_timeout_s,
        )
    except MilvusException as error:
        raise _unreachable(address, error) from error


def _unreachable(address: MilvusAddress, error: Exception) -> IndexReadError:
    message = (
        f"the server of store {str(address)!r} cannot be reached: {_told(error)}; is it "
        f"running, and is 'user:password' or the key in {_TOKEN}?"
    )
    return IndexReadError(message)


def _import_quietly() -> None:
    """Import the driver, which else reads a file ``.env`` and logs what is told anyway.

    Raises
    ------
    IndexReadError
        If it is not installed; the message names the extra.
    """
    name, before = "PYTHON_DOTENV_DISABLED", os.environ.get("PYTHON_DOTENV_DISABLED")
    os.environ[name] = "1"
    try:
        import pymilvus  # noqa: F401
    except ModuleNotFoundError as error:
        message = "a store on Milvus needs the optional package 'pymilvus': pip install 'album-covers[milvus]'"
        raise IndexReadError(message) from error
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


def _told(error: Exception) -> str:
    """Return what the server said, in one line."""
    return " ".join(str(getattr(error, "message", error)).split())[:500]


def no_index(address: MilvusAddress) -> IndexNotFoundError:
    """Return the error of an address where nothing was ever published."""
    return IndexNotFoundError(f"no index in {str(address)!r}: build one")
