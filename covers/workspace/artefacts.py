"""Artefacts on disk: each explains itself and is published whole or not at all.

A *stamp* goes into every artefact: format version, kind, parameters, seed,
library versions, date, and the fingerprints of what it was made from. JSON
artefacts carry it under the key ``"stamp"``, parquet artefacts as schema
metadata under ``covers``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from covers.errors import DataError, StaleError
from covers.workspace.disk.publish import publish
from covers.workspace.disk.strangers import (
    is_whole_number,
    open_regular,
    parse_json,
    read_text,
)
from indexer.parquet_files import opened_parquet
from indexer.parquet_sizes import refuse_swollen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow.parquet as pq

FORMAT = 1
_NEWEST_FORMAT = 1_000_000
METADATA_KEY = b"covers"
_STAMPED_PACKAGES = (
    "album-covers",
    "numpy",
    "torch",
    "fastai",
    "faiss-cpu",
    "hdbscan",
    "umap-learn",
)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """The stamp of an artefact: format, parameters, seed, versions, date, and what it was made from.

    Parameters
    ----------
    kind : str
        What the artefact is, such as ``"evaluation"``.
    made_from : dict of str to str
        Fingerprint of each ingredient, such as ``{"model": "3f9a…"}``.
    parameters : dict
        The parameters that made it, as JSON values.
    seed : int or None
        Seed of its random parts.
    summary : dict of str to str
        What would take long to work out from the content again, such as its
        own fingerprint.
    """

    kind: str
    made_from: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    format: int = FORMAT
    created: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds")
    )
    versions: dict[str, str] = field(default_factory=lambda: library_versions())
    summary: dict[str, str] = field(default_factory=dict)


def library_versions(packages: Iterable[str] = _STAMPED_PACKAGES) -> dict[str, str]:
    """Return the installed version of each of `packages` that is installed."""
    found = {package: _version(package) for package in packages}
    return {package: version for package, version in found.items() if version}


@cache
def _version(package: str) -> str | None:
    """Look a version up once: that reads and parses the package's whole description."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def fingerprint(*parts: object) -> str:
    """Hash JSON-like `parts` into 32 hexadecimal digits.

    Examples
    --------
    >>> fingerprint("a", 1) == fingerprint("a", 1), fingerprint("a", 1) == fingerprint("a", 2)
    (True, False)
    """
    return hashlib.sha256(_packed(parts)).hexdigest()[:32]


def fingerprint_blocks(head: Sequence[object], blocks: Iterable[bytes]) -> str:
    """Hash `head` and what is in blocks of JSON as `fingerprint` does, with one block in memory.

    Examples
    --------
    >>> fingerprint_blocks(["a"], [b"1,2", b"", b"3"]) == fingerprint("a", 1, 2, 3)
    True
    """
    digest = hashlib.sha256(_packed(list(head))[:-1])
    is_first = not head
    for block in blocks:
        if block:
            digest.update(block if is_first else b"," + block)
            is_first = False
    digest.update(b"]")
    return digest.hexdigest()[:32]


def _packed(parts: Sequence[object]) -> bytes:
    """Write JSON values without a space between."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode()


def fingerprint_file(path: Path) -> str:
    """Hash a file's bytes into 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def write_json(path: Path, payload: Mapping[str, Any], stamp: Stamp) -> None:
    """Publish `payload` with its `stamp` as a JSON file; NaN becomes ``null``."""
    from covers.workspace.disk.jsonable import to_jsonable

    with publish(path) as file:
        json.dump(
            to_jsonable({"stamp": asdict(stamp), **payload}),
            file,
            indent=1,
            allow_nan=False,
        )
        file.write("\n")


def read_json(path: Path, kind: str, repair: str) -> dict[str, Any]:
    """Read a JSON artefact and check that it is of the wanted `kind`.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        The kind its stamp must carry.
    repair : str
        The command that makes the artefact, named in errors.

    Raises
    ------
    DataError
        If the file is missing, is no JSON, or is of another kind or a newer format.
    """
    try:
        payload = parse_json(read_text(path))
    except FileNotFoundError as error:
        message = f"no {kind} in '{path}': make one with '{repair}'"
        raise DataError(message) from error
    except (ValueError, OSError) as error:
        message = f"cannot read '{path}' ({error}): make it anew with '{repair}'"
        raise DataError(message) from error
    check_stamp(
        payload.get("stamp", {}) if isinstance(payload, dict) else {},
        path,
        kind,
        repair,
    )
    assert isinstance(payload, dict)
    return payload


def write_table(path: Path, table: Any, stamp: Stamp) -> None:
    """Publish a ``pyarrow.Table`` with its `stamp` as a parquet file."""
    import pyarrow.parquet as pq

    metadata = dict(table.schema.metadata or {})
    metadata[METADATA_KEY] = json.dumps(asdict(stamp)).encode()
    with publish(path, "wb") as file:
        pq.write_table(
            table.replace_schema_metadata(metadata), file, compression="zstd"
        )


def read_table(
    path: Path, kind: str, repair: str, columns: Sequence[str] | None = None
) -> tuple[Any, Stamp]:
    """Read a parquet artefact, or some columns of it, as a ``pyarrow.Table`` and its stamp; see `read_json`."""
    with opened_table(path, kind, repair) as file:
        table = file.read(columns=None if columns is None else list(columns))
        table.validate(full=True)
        found = parse_json((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
    check_stamp(found, path, kind, repair)
    return table, parse_stamp(found, path)


@contextmanager
def opened_table(
    path: Path, kind: str, repair: str, **options: Any
) -> Iterator[pq.ParquetFile]:
    """Open a parquet artefact; what goes wrong within names its repair.

    Parameters
    ----------
    path : Path
    kind, repair : str
        As in `read_json`.
    **options
        Of ``pyarrow.parquet.ParquetFile``.

    Raises
    ------
    DataError
        If it is missing, damaged or says that it holds more than it can.
    """
    import pyarrow as pa

    try:
        # Not pq.read_table: that imports pyarrow.dataset and with it pandas.
        with open_regular(path) as source, opened_parquet(source, **options) as file:
            if "metadata" not in options:  # that of a file that was opened before
                refuse_swollen(source, file)
            yield file
    except FileNotFoundError as error:
        message = f"no {kind} in '{path}': make one with '{repair}'"
        raise DataError(message) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        message = f"cannot read '{path}' ({reason}): make it anew with '{repair}'"
        raise DataError(message) from error


def parse_stamp(values: Mapping[str, Any], path: Path) -> Stamp:
    """Make a `Stamp` of its JSON values, checked.

    Raises
    ------
    DataError
        If a field is missing, unknown or of another type.
    """
    try:
        stamp = Stamp(**values)
        _check_fields(stamp)
    except (TypeError, ValueError) as error:
        message = f"'{path}' has a damaged stamp ({error}): make it anew"
        raise DataError(message) from error
    return stamp


def _check_fields(stamp: Stamp) -> None:
    """Refuse a field of another type.

    Raises
    ------
    ValueError
        Naming it.
    """
    if not is_whole_number(stamp.format, 0, _NEWEST_FORMAT):
        message = f"format is {stamp.format!r:.40}"
        raise ValueError(message)
    if stamp.seed is not None and type(stamp.seed) is not int:
        message = f"seed is {stamp.seed!r:.40}"
        raise ValueError(message)
    for name in ("kind", "created"):
        if not isinstance(getattr(stamp, name), str):
            message = f"{name} is no text"
            raise ValueError(message)
    for name in ("made_from", "parameters", "versions", "summary"):
        if not isinstance(getattr(stamp, name), dict):
            message = f"{name} is no table"
            raise ValueError(message)
    for name in ("made_from", "versions", "summary"):
        if not all(isinstance(value, str) for value in getattr(stamp, name).values()):
            message = f"{name} holds other than texts"
            raise ValueError(message)


def read_stamp(path: Path) -> Stamp | None:
    """Return the stamp of a JSON or parquet artefact without reading it whole.

    Returns
    -------
    Stamp or None
        None where there is no such file or it carries no readable stamp.
    """
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            with open_regular(path) as file:
                metadata = pq.read_schema(file).metadata or {}
            stamp = Stamp(**parse_json(metadata[METADATA_KEY]))
        else:
            stamp = Stamp(**parse_json(read_text(path))["stamp"])
        _check_fields(stamp)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stamp


def add_to_summary(path: Path, entries: Mapping[str, str]) -> None:
    """Write a JSON or parquet artefact again, with more in the summary of its stamp."""
    if path.suffix == ".parquet":
        with open_regular(path) as source, opened_parquet(source) as file:
            table = file.read()
        stamp = parse_stamp(json.loads(table.schema.metadata[METADATA_KEY]), path)
        summary = {**stamp.summary, **entries}
        write_table(path, table, replace(stamp, summary=summary))
        return
    content = json.loads(read_text(path))
    stamp = parse_stamp(content.pop("stamp"), path)
    write_json(path, content, replace(stamp, summary={**stamp.summary, **entries}))


def require_fresh(
    stamp: Stamp, expected: Mapping[str, str], path: Path, repair: str
) -> None:
    """Refuse an artefact that was made from something else.

    Raises
    ------
    StaleError
        If an ingredient in `expected` has another fingerprint than the stamp says.
    """
    for name, value in expected.items():
        made_from = stamp.made_from.get(name)
        if made_from != value:
            message = (
                f"'{path}' was made from {name} {(made_from or 'unknown')[:8]}…, "
                f"but the {name} at hand is {value[:8]}…: run '{repair}'"
            )
            raise StaleError(message)


def check_stamp(stamp: Mapping[str, Any], path: Path, kind: str, repair: str) -> None:
    """Refuse what is not an artefact of this kind and format.

    Raises
    ------
    DataError
        By its stamp.
    """
    if not isinstance(stamp, dict) or stamp.get("kind") != kind:
        message = f"'{path}' is not a {kind} of this program: make one with '{repair}'"
        raise DataError(message)
    if not is_whole_number(stamp.get("format", 0), 0, FORMAT):
        message = (
            f"'{path}' has format {stamp['format']!r:.40}, newer or another than this program reads ({FORMAT}): "
            f"update album-covers, or make it anew with '{repair}'"
        )
        raise DataError(message)
