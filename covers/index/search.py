"""Looking covers up: by similarity, by columns, by the beginning of an id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from covers.arguments import refuse_type
from covers.catalogue.artists import artist_keys
from covers.catalogue.matching import match_name, match_split
from covers.errors import DataError, WrongValueError
from covers.index.hits import Hit, hits_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from indexer import VectorStore

COVER_ID = re.compile(r"[0-9a-f]{4,32}")
_SPARE = 10
_MOST_NAMED = 100
_MOST_SAID = 5
_ALIASES = {"genre": "genres"}
_NAMES = {"genres": "genre", "artist": "artist", "split": "split"}
_FREE = {"cover_id", "path"}
"""Columns of texts that nobody is expected to know by heart."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a search shall find.

    Parameters
    ----------
    k : int
        How many covers.
    where : mapping, optional
        Column to value, list of values, or ``(first, last)``; see `indexer.filters`.
        ``genre`` stands for the list column ``genres``.
    one_per_artist : bool, default=False
        Only the nearest cover of each artist; covers without one are all kept.
    among : collection of str, optional
        Only these covers, such as those that are still in the catalogue.
    """

    k: int = 10
    where: Mapping[str, Any] | None = None
    one_per_artist: bool = False
    among: Collection[str] | None = None


def find_cover(index: VectorStore, query: str) -> str:
    """Return the id of the one cover whose id begins with `query`.

    Raises
    ------
    DataError
        If there is none, there are several, or `query` is no id at all.
    """
    if not COVER_ID.fullmatch(query):
        message = (
            f"{query!r} is neither a picture file nor a cover id (4 to 32 digits of 0-9a-f): "
            "check the path, or take an id from 'covers search --json'"
        )
        raise DataError(message)
    if query in index:
        return query
    found = index.ids_beginning(query, most=_MOST_NAMED)
    if not found:
        message = f"no cover in '{index.address}' has an id that begins with {query!r}: run 'covers index update', or check the id; a word that looks like one is searched for with '--text'"
        raise DataError(message)
    if len(found) > 1:
        n_found = f"{len(found)}{' or more' if len(found) == _MOST_NAMED else ''}"
        message = f"{n_found} covers have an id that begins with {query!r}, such as {found[0]} and {found[1]}: give more digits"
        raise DataError(message)
    return found[0]


def search_index(
    index: VectorStore,
    embedding: npt.NDArray[np.float32],
    wanted: Wanted,
    *,
    leave_out: Collection[str] = (),
) -> tuple[list[Hit], list[str]]:
    """Find the covers most like an embedding.

    More are fetched until enough are left of those that may be shown.

    Parameters
    ----------
    index : VectorStore
    embedding : ndarray of float32, shape (n_dimensions,)
    wanted : Wanted
    leave_out : collection of str
        Covers that may not be found, such as the one that is asked about.

    Returns
    -------
    hits : list of Hit
        Nearest first, at most ``wanted.k``.
    notes : list of str
        Why there are fewer, and what the search could not do.
    """
    from indexer.result import SHORT

    notes = []
    where = clean_where(index, wanted.where)
    if not len(index):
        return [], ["the index is empty"]
    thins_out = wanted.one_per_artist or wanted.among is not None
    n_fetched = wanted.k * _SPARE if thins_out else wanted.k
    while True:
        with _explained(where):
            found = index.search(
                embedding,
                min(n_fetched, len(index)),
                where=where or None,
                exclude_ids=list(leave_out) or None,
            )
        batch = found.hits()
        hits = hits_of(batch, found.similarities[0][: len(batch)].tolist())
        is_all = len(batch) < n_fetched
        if wanted.among is not None:
            hits = [hit for hit in hits if hit.cover_id in wanted.among]
        if wanted.one_per_artist:
            hits = keep_one_per_artist(hits)
        if len(hits) >= wanted.k or is_all:
            break
        n_fetched *= 4
    if wanted.one_per_artist and not index.has_values("artist"):
        notes.append("no cover here has an artist: one per artist keeps them all")
    if len(hits) < wanted.k:
        notes += [_for_covers(note) for note in found.notes if SHORT not in note]
        notes.append(_why_few(len(hits), wanted.k, where))
    return hits[: wanted.k], notes


def _for_covers(note: str) -> str:
    """Return a note of the index without the argument that a search for covers lacks."""
    return note.partition("; exact=True")[0]


def _why_few(n_found: int, k: int, where: Mapping[str, Any]) -> str:
    """Say why there are fewer covers than wanted."""
    meant = " and ".join(
        f"{column} {_condition_text(condition)}" for column, condition in where.items()
    )
    if not n_found:
        return f"no other cover has {meant}" if meant else "there are no others"
    others = f"no others have {meant}" if meant else "there are no others"
    return f"only {n_found} of {k} wanted: {others}"


def _condition_text(condition: Any) -> str:
    """Write the condition of a filter in words.

    Examples
    --------
    >>> _condition_text(["Jazz", None]), _condition_text((1960, None))
    ("'Jazz' or no value", '1960 or more')
    """
    if isinstance(condition, tuple):
        low, high = condition
        if high is None:
            return f"{low} or more"
        return f"up to {high}" if low is None else f"{low} to {high}"
    is_one = condition is None or isinstance(condition, str | int | float)
    values = [condition] if is_one else list(condition)
    texts = ["no value" if value is None else repr(value) for value in values]
    return " or ".join(texts[:_MOST_SAID] + ["others"] * (len(texts) > _MOST_SAID))


def keep_one_per_artist(hits: list[Hit]) -> list[Hit]:
    """Keep the nearest cover of each artist, and every cover without one."""
    seen: set[str] = set()
    kept = []
    for hit in hits:
        keys = artist_keys(hit.artist)
        if seen.isdisjoint(keys):
            kept.append(hit)
        seen.update(keys)
    return kept


def parse_filters(schema: pa.Schema, texts: Sequence[str]) -> dict[str, Any]:
    """Read filters as they are typed: ``COLUMN=VALUE`` or ``COLUMN=LOW..HIGH``.

    A column that is named again is joined by *or*.

    Raises
    ------
    DataError
        If a text is no filter, its column is unknown, or its value does not fit.

    Examples
    --------
    >>> import pyarrow as pa
    >>> parse_filters(pa.schema({"year": pa.int64()}), ["year=1990..", ])
    {'year': (1990, None)}
    """
    from indexer.filters import parse_where

    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            message = f"{text!r} is not COLUMN=VALUE with one of the columns {', '.join(schema.names)}"
            raise DataError(message)
        pairs.append((_match_column(schema, name), value))
    try:
        return parse_where(schema, pairs)
    except ValueError as error:
        raise DataError(str(error)) from error


def rows_where(table: pa.Table, where: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Say which rows of a table of covers pass a filter, shape (n_rows,)."""
    from indexer.filters import check_where, match_rows

    cleaned = clean_where(_TableValues(table), where)
    with _explained(cleaned):
        return match_rows(table, check_where(cleaned, table.schema), table.schema)


@contextmanager
def _explained(where: Mapping[str, Any]) -> Iterator[None]:
    """Say that a filter does not fit its column, where there is one.

    Raises
    ------
    WrongValueError
        If a value cannot be compared with the column.
    """
    try:
        yield
    except ValueError as error:
        if not where:
            raise
        raise WrongValueError(str(error)) from error


class _Values(Protocol):
    """Columns of a store, or of a table, and the values in them."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    def distinct(self, column: str) -> set[Any]:
        """Values of a column, those inside its lists too."""

    def has_values(self, column: str) -> bool:
        """Whether any row has a value in a column."""


class _TableValues:
    """The columns of a table of covers."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    def distinct(self, column: str) -> set[Any]:
        from indexer.files.columns import distinct_values

        return distinct_values(self._table.column(column))

    def has_values(self, column: str) -> bool:
        found = self._table.column(column)
        return bool(found.null_count < len(found))


def clean_where(known: _Values, where: Mapping[str, Any] | None) -> dict[str, Any]:
    """Find the columns and names that a filter means, whatever their case and accents.

    Raises
    ------
    DataError
        If there is no such column, genre, artist, split or other name, or the
        column is empty.
    """
    cleaned: dict[str, Any] = {}
    for given, condition in (where or {}).items():
        name = _match_column(known.schema, given)
        if condition is not None and not known.has_values(name):
            message = f"column {name!r} is empty: no cover of this library has one, so nothing can be found by it"
            raise DataError(message)
        cleaned[name] = _clean_condition(known, name, condition)
    return cleaned


def _match_column(schema: pa.Schema, name: str) -> str:
    """Return the column that is meant: ``genre`` is ``genres``."""
    name = _ALIASES.get(name.casefold(), name)
    return match_name(name, schema.names, what="column")


def _clean_condition(values: _Values, name: str, condition: Any) -> Any:
    """Replace names by the way they are written in the table; paths and ranges stay as they are."""
    is_name = name in _NAMES
    if condition is None or not (is_name or _holds_names(values.schema, name)):
        return condition
    if not is_name and isinstance(condition, tuple):
        return condition
    if not isinstance(condition, str | Iterable):
        if not is_name:
            return condition  # of the wrong kind: what compares it says so
        refuse_type(f"where[{name!r}]", "a name, or a list of names", condition)

    def match(wanted: Any) -> Any:
        if not (is_name or isinstance(wanted, str)) or wanted is None:
            return wanted
        if name == "split":
            return match_split(str(wanted))
        return match_name(str(wanted), known, what=_NAMES.get(name, name))

    known = set() if name == "split" else set(map(str, values.distinct(name)))
    if isinstance(condition, str):
        return match(condition)
    return [match(one) for one in condition]


def _holds_names(schema: pa.Schema, name: str) -> bool:
    """Say whether a column holds names, of which a wrong one can be told from a right one."""
    import pyarrow.types as kinds

    kind = schema.field(name).type
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        kind = kind.value_type
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return name not in _FREE and (kinds.is_string(kind) or kinds.is_large_string(kind))
