"""What a search asks for: pictures, covers and words, put together into one vector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from covers.classify.query import Query, clean_text, is_words
from covers.errors import DataError
from covers.library.pictures import each_picture, each_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from PIL import Image

    from covers.classify.query import Queries
    from covers.model.embedders.protocol import WordEmbedder
    from covers.workspace.paths import Workspace
    from indexer import VectorStore

    PictureLike: TypeAlias = str | Path | bytes | Image.Image
    Part: TypeAlias = PictureLike | Query
    Vector = npt.NDArray[np.float32]

_LONGEST_NAME = 200
_LESS = 0.5


class _ReadsPictures(Protocol):
    """What a question needs of a library: reading pictures, and telling files from covers."""

    @property
    def workspace(self) -> Workspace:
        """Workspace of the library."""

    def ask(self, pictures: Sequence[PictureLike]) -> Queries:
        """Read and embed pictures."""

    def understand(self, given: PictureLike) -> PictureLike:
        """Tell a file from a cover."""


@dataclass(frozen=True)
class Question:
    """Pictures, covers and words that a search combines.

    Parameters
    ----------
    pictures : tuple of str, Path, bytes, PIL Image or Query
        Pictures, and ids of covers of the library.
    texts : tuple of str
        Words, cleaned.
    """

    pictures: tuple[Part, ...]
    texts: tuple[str, ...]

    @classmethod
    def read(
        cls,
        query: Part | Sequence[Part] | None,
        text: str | Sequence[str] | None,
        *,
        name: str = "query",
    ) -> Question:
        """Tell pictures from words.

        Raises
        ------
        DataError
            If nothing is asked for, or a text is empty.
        """
        given: list[Part] = [] if query is None else each_picture(name, query)
        texts = [] if text is None else each_text("text", text)
        pictures: list[Part] = []
        for part in given:
            if isinstance(part, str) and is_words(part):
                texts.append(part)
            else:
                pictures.append(part)
        if not pictures and not texts:
            message = (
                "nothing is asked for: give a picture, the id of a cover, or words"
            )
            raise DataError(message)
        return cls(tuple(pictures), tuple(clean_text(one) for one in texts))

    @property
    def name(self) -> str:
        """The pictures, covers and words as they are shown."""
        names = [*self.texts, *map(_name, self.pictures)]
        return " + ".join(name[:_LONGEST_NAME] for name in names)

    def in_pictures(self, library: _ReadsPictures) -> tuple[Vector, tuple[str, ...]]:
        """Return the vector to search the library's own index with, and the covers to leave out."""
        pictures = [part for part in self.pictures if not isinstance(part, Query)]
        found = library.ask(pictures)
        found.refuse_broken()
        ready = iter(found.items)
        queries = [
            part if isinstance(part, Query) else next(ready) for part in self.pictures
        ]
        own = tuple(q.cover_id for q in queries if q.cover_id and q.picture is None)
        return mean_direction([query.embedding for query in queries]), own

    def in_words(
        self, library: _ReadsPictures, index: VectorStore, embedder: WordEmbedder
    ) -> tuple[Vector, tuple[str, ...]]:
        """Return the vector to search an index that knows words with, and the covers to leave out.

        Raises
        ------
        DataError, BrokenImageError
            If a picture cannot be read, or a cover is not in that index.
        """
        vectors = list(embedder.embed_texts(self.texts)) if self.texts else []
        own = []
        for part in self.pictures:
            cover_id, image = _open(part, library)
            if image is not None:
                vectors += list(embedder.embed([image]))
            elif cover_id in index:
                vectors.append(index.reconstruct([cover_id])[0])
                own.append(cover_id)
            else:
                message = f"cover {cover_id!r} is not in the index of {embedder.name!r} yet: run 'covers index update'"
                raise DataError(message)
        return mean_direction(vectors), tuple(own)


def mean_direction(vectors: Sequence[Vector]) -> Vector:
    """Return the mean of unit vectors, shape (d,), brought back to length one.

    Examples
    --------
    >>> mean_direction([np.array([1.0, 0.0]), np.array([0.0, 1.0])]).round(3)
    array([0.707, 0.707], dtype=float32)
    """
    if len(vectors) == 1:
        return np.asarray(vectors[0], np.float32)
    mean = np.mean(np.stack(vectors), axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def less_like(toward: Vector, away: Vector) -> Vector:
    """Return the direction that is like one and less like another, brought to length one.

    Raises
    ------
    DataError
        If nothing is left of it.

    Examples
    --------
    >>> less_like(np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(3)
    array([ 0.894, -0.447], dtype=float32)
    """
    left = np.asarray(toward, np.float64) - _LESS * np.asarray(away, np.float64)
    length = float(np.linalg.norm(left))
    if length < 1e-9:
        message = "what the covers shall be like and less like cancel each other out: leave one out"
        raise DataError(message)
    return np.asarray(left / length, np.float32)


def _name(part: Part) -> str:
    """Return what a picture is called."""
    if isinstance(part, Query):
        return part.name
    return str(part) if isinstance(part, str | Path) else "a picture"


def _open(part: Part, library: _ReadsPictures) -> tuple[str, Image.Image | None]:
    """Return the id of a cover of the library, or the pixels of a picture from outside."""
    from covers.classify.query import read_picture

    if isinstance(part, Query):
        if part.picture is None:
            return part.cover_id, None
        part = part.picture
    understood = library.understand(part)
    if isinstance(understood, str):
        return understood, None
    limit = library.workspace.settings.intake.max_megapixels
    return "", read_picture(understood, max_megapixels=limit)
