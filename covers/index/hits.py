"""Covers that a search found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, overload

from covers.errors import needs_extra
from covers.render.gallery import Tile, gallery_html
from covers.render.short_repr import ShortRepr
from covers.render.text import text_table
from covers.workspace.registry import INDEX
from indexer.errors import IndexDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from covers.workspace.paths import Workspace
    from indexer import Batch, VectorStore

_COLUMNS = ("path", "genres", "artist", "album", "year")


@dataclass(frozen=True, kw_only=True, repr=False)
class Hit(ShortRepr):
    """A cover that was found.

    Parameters
    ----------
    cover_id : str
        Hash of the picture's bytes, 32 hexadecimal digits.
    similarity : float
        Cosine similarity to what was looked for, in [-1, 1].
    path : str
        Of the picture below its source.
    genres : tuple of str
    artist, album : str or None
    year : int or None

    Examples
    --------
    >>> hit = library.search(cover_id, k=1)[0]
    >>> -1 <= hit.similarity <= 1
    True
    """

    cover_id: str
    similarity: float
    path: str
    genres: tuple[str, ...] = ()
    artist: str | None = None
    album: str | None = None
    year: int | None = None

    @property
    def title(self) -> str:
        """Artist, album and year; the path where none is known."""
        parts = [part for part in (self.artist, self.album) if part]
        year = f" ({self.year})" if self.year else ""
        return " · ".join(parts) + year if parts else f"{self.path}{year}"

    def to_json(self) -> dict[str, Any]:
        """Return the hit as JSON values."""
        return {**asdict(self), "genres": list(self.genres)}


def known_hits(
    index: VectorStore,
    cover_ids: Sequence[str],
    similarities: Sequence[float],
    workspace: Workspace | None,
) -> list[Hit]:
    """Return what an index says of covers that it must have, because it found them.

    Raises
    ------
    IndexDamagedError
        If it does not know one of them.
    """
    try:
        found = index.get(cover_ids, with_vectors=False)
    except ValueError as error:
        message = f"{error}, though a search found them"
        if workspace is not None:
            message += f": run '{INDEX.repair(workspace.root, 'index rebuild')}'"
        raise IndexDamagedError(message) from error
    return hits_of(found, similarities)


def hits_of(found: Batch, similarities: Sequence[float]) -> list[Hit]:
    """Return items that a store gave as covers that were found.

    Parameters
    ----------
    found : Batch
        Ids and columns.
    similarities : sequence of float
        One for each.
    """
    taken = found.columns
    known = {
        name: taken.column(name).to_pylist()
        for name in _COLUMNS
        if name in taken.column_names
    }
    hits = []
    pairs = zip(found.ids, similarities, strict=True)
    for number, (cover_id, similarity) in enumerate(pairs):
        values = {name: column[number] for name, column in known.items()}
        values["genres"] = tuple(values.get("genres") or ())
        values["path"] = values.get("path") or ""
        hits.append(Hit(cover_id=str(cover_id), similarity=float(similarity), **values))
    return hits


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchHits:
    """The covers most like a picture, nearest first: a sequence of `Hit`.

    Parameters
    ----------
    query : str
        What was looked for: a file, the id of a cover, or words.
    hits : tuple of Hit
    notes : tuple of str
        Why there are fewer than asked for, or what the filter could not do.
    generation : int
        Of the index that answered.
    model : str
        Fingerprint of the model whose vectors it holds.
    embedder : str
        Name of that model: ``"cnn"``, or such as ``"clip:ViT-B-32"`` where words
        were searched for.

    Examples
    --------
    >>> hits = library.search(cover_id, k=3)
    >>> len(hits), hits[0].similarity >= hits[1].similarity
    (3, True)
    >>> list(hits.to_frame().columns)[:3]
    ['cover_id', 'similarity', 'path']
    """

    query: str
    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()
    generation: int = 0
    model: str = ""
    embedder: str = "cnn"
    _workspace: Workspace | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @overload
    def __getitem__(self, number: int) -> Hit: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, number: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[number]

    @needs_extra("a data frame")
    def to_frame(self) -> pd.DataFrame:
        """Return the hits as a data frame, one row each."""
        import pandas as pd

        columns = ["cover_id", "similarity", *_COLUMNS]
        return pd.DataFrame(
            [[getattr(hit, name) for name in columns] for hit in self.hits],
            columns=columns,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers search --json`` prints."""
        return {
            "query": self.query,
            "index": {
                "generation": self.generation,
                "model": self.model,
                "embedder": self.embedder,
            },
            "neighbours": [hit.to_json() for hit in self.hits],
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return "\n".join([show_hits(self.hits), *self.notes])

    def _repr_html_(self) -> str:
        return hits_html(self.hits, self._workspace, title=f"Most like {self.query}")


def show_hits(hits: Sequence[Hit]) -> str:
    """Lay hits out as a table of 80 columns; voters with their share of the vote."""
    if not hits:
        return "no covers"
    weights = [getattr(hit, "weight", None) for hit in hits]
    has_weights = weights[0] is not None
    header = ["like", *(["vote"] if has_weights else []), "id", "genres", "cover"]
    rows = [
        [
            f"{hit.similarity:.3f}",
            *([f"{100 * (weight or 0):.1f} %"] if has_weights else []),
            hit.cover_id[:8],
            ", ".join(hit.genres) or "?",
            hit.title,
        ]
        for hit, weight in zip(hits, weights, strict=True)
    ]
    return text_table(header, rows, right=(0, 1) if has_weights else (0,))


def hits_html(hits: Sequence[Hit], workspace: Workspace | None, *, title: str) -> str:
    """Return the thumbnails of hits as HTML."""
    from covers.images.thumbnails import read_thumbnail

    tiles = [
        Tile(
            read_thumbnail(workspace, hit.cover_id) if workspace else None,
            f"{hit.similarity:.2f} {', '.join(hit.genres)}",
            hit.title,
        )
        for hit in hits
    ]
    return gallery_html(tiles, title=title)
