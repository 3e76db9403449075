"""Opening Parquet files so that a process can end while they are read."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq


@contextmanager
def opened_parquet(source: IO[bytes], **options: Any) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, on this machine or in memory, for Arrow's threads.

    They decode columns, and let go of what they read a little after the answer.
    Were that an object of Python, and the process at its end, they would take it down
    with them: "terminate called without an active exception", with exit code 134. So
    they are given the file itself, or a copy in memory of their own.

    Parameters
    ----------
    source : file
        Opened for reading bytes.
    **options
        Of ``pyarrow.parquet.ParquetFile``.

    Raises
    ------
    pyarrow.ArrowException, OSError
        If it is damaged or cannot be read.

    References
    ----------
    https://github.com/apache/arrow/issues/45017
    """
    import pyarrow.parquet as pq

    with _native(source) as native, pq.ParquetFile(native, **options) as file:
        yield file


def _native(source: IO[bytes]) -> pa.NativeFile:
    """Return what Arrow can read without Python."""
    import pyarrow as pa

    try:
        return pa.OSFile(f"/dev/fd/{source.fileno()}", "r")
    except OSError:  # it is in memory, or there is no such folder, as on Windows
        sink = pa.BufferOutputStream()
        source.seek(0)
        shutil.copyfileobj(source, sink)
        return pa.BufferReader(sink.getvalue())
