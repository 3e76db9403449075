"""Answers to requests, each made from one state of the workspace.

A new index, model or evaluation may be published while a request is answered.
Then it is answered again, so that nothing is mixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from covers.errors import BrokenImageError, DataError
from covers.images.decode import read_size
from covers.service.limits import MOST_MEGAPIXELS
from covers.workspace import registry
from covers.workspace.disk.jsonable import to_jsonable
from covers.workspace.fresh import FreshValues, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.classify.query import Queries
    from covers.library.library import Library

Value = TypeVar("Value")

_STATE = (
    registry.INDEX_POINTER,
    registry.WEIGHTS,
    registry.DECISION,
    registry.CATALOGUE_TABLE,
)
_MOST_TRIES = 4


class NoSuchCoverError(Exception):
    """No cover of the library has this id."""


class BadFilterError(Exception):
    """A filter names no column or no value of the library."""


class WordlessError(Exception):
    """No index of the library knows words."""


class RequestHandler:
    """Answers requests from a library.

    Parameters
    ----------
    library : Library
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._read = FreshValues(library.workspace.root)

    def search_picture(self, content: bytes, k: int, where: Sequence[str]) -> Any:
        """Find the covers most like an uploaded picture."""
        refuse_large(content)
        return self._steady(lambda: self._search(self._upload(content), k, where))

    def search_cover(self, cover_id: str, k: int, where: Sequence[str]) -> Any:
        """Find the covers most like one of the library."""
        return self._steady(lambda: self._search(self._cover(cover_id), k, where))

    def search_words(self, text: str, k: int, where: Sequence[str]) -> Any:
        """Find the covers that words describe.

        Raises
        ------
        WordlessError
            If no index of the library knows words.
        """
        if not self.library.knows_words:
            raise WordlessError
        return self._steady(lambda: self._search(text, k, where))

    def classify_picture(self, content: bytes, level: float) -> Any:
        """Classify an uploaded picture."""
        refuse_large(content)
        return self._steady(lambda: self._classify(self._upload(content), level))

    def classify_cover(self, cover_id: str, level: float) -> Any:
        """Classify a cover of the library."""
        return self._steady(lambda: self._classify(self._cover(cover_id), level))

    def cover(self, cover_id: str, k: int) -> Any:
        """Return what is known of a cover, and its neighbours."""
        return self._steady(lambda: self._about(cover_id, k))

    def thumbnail(self, cover_id: str) -> bytes:
        """Return the thumbnail of a cover, a JPEG.

        Raises
        ------
        NoSuchCoverError
            If there is no such cover, or no thumbnail of it.
        """
        from covers.images.thumbnails import read_thumbnail

        try:
            whole = self._cover(cover_id).items[0].cover_id
            content = read_thumbnail(self.library.workspace, whole)
        except DataError as error:
            raise NoSuchCoverError from error
        if content is None:
            raise NoSuchCoverError
        return content

    def overlap(self) -> Any:
        """Return which genres look alike, as it was last measured."""
        from covers.overlap.stage import read

        workspace = self.library.workspace
        files = [registry.OVERLAP_DOCUMENT]
        found = self._read.get("overlap", files, lambda: read(workspace))
        names = ("a", "b", "overlap", "overlap_ci95", "lift_ab", "lift_ba")
        return to_jsonable(
            {
                "genres": found.genres,
                "n_covers": found.n_covers,
                "pairs": [
                    {name: getattr(pair, name) for name in names}
                    for pair in found.ranked()
                ],
            }
        )

    def clusters(self) -> Any:
        """Return the kinds of covers, as they were last found."""
        from covers.cluster.stage import read

        workspace = self.library.workspace
        files = [registry.CLUSTER_DOCUMENT]
        found = self._read.get("clusters", files, lambda: read(workspace))
        return to_jsonable(
            {
                "n_covers": found.n_covers,
                "noise_fraction": found.noise_fraction,
                "clusters": [
                    {
                        "id": one.id,
                        "n": one.n,
                        "stability": one.stability,
                        "genres": [
                            {"genre": g.genre, "share": g.share, "lift": g.lift}
                            for g in one.genres
                        ],
                        "exemplars": one.exemplars,
                        "look": one.words,
                    }
                    for one in found.ranked()
                ],
            }
        )

    def health(self) -> dict[str, Any]:
        """Say whether requests can be answered.

        Raises
        ------
        CoversError, IndexerError
            If something is missing.
        """
        self.library.refuse_unfinished()
        index = self.library.index
        found = {"n_covers": len(index), "generation": index.generation}
        return {"status": "ok", **found}

    def _upload(self, content: bytes) -> Queries:
        queries = self.library.ask([content])
        queries.refuse_broken()
        return queries

    def _cover(self, cover_id: str) -> Queries:
        """Ask about a cover by its id, which is never taken for the name of a file."""
        from covers.classify.query import Queries, query_cover
        from covers.index.search import find_cover

        index = self.library.index
        try:
            whole = find_cover(index, cover_id)
        except DataError as error:
            raise NoSuchCoverError from error
        return Queries(items=(query_cover(whole, index),))

    def _search(self, queries: Queries | str, k: int, where: Sequence[str]) -> Any:
        from covers.index.search import parse_filters

        try:
            schema = self.library.index.schema
            filters = parse_filters(schema, list(where)) if where else None
            if isinstance(queries, str):
                found = self.library.search(text=queries, k=k, where=filters)
            else:
                found = self.library.search(queries.items[0], k, where=filters)
        except DataError as error:
            if where:
                raise BadFilterError(str(error)) from error
            raise
        return to_jsonable(found.to_json())

    def _classify(self, queries: Queries, level: float) -> Any:
        (answer,) = self.library.classify(queries, level=level)
        return to_jsonable(answer.to_json())

    def _about(self, cover_id: str, k: int) -> Any:
        from covers.index.hits import hits_of

        queries = self._cover(cover_id)
        whole = queries.items[0].cover_id
        index = self.library.index
        (own,) = hits_of(index.get([whole], with_vectors=False), [1.0])
        hits = self.library.search(queries.items[0], k)
        return {
            "cover": own.to_json(),
            "thumbnail": f"/v1/covers/{whole}/thumbnail",
            "neighbours": [hit.to_json() for hit in hits],
        }

    def _steady(self, ask: Callable[[], Value]) -> Value:
        """Call `ask`, and again if something was published meanwhile."""
        for _ in range(_MOST_TRIES):
            before = self._version()
            try:
                found = ask()
            except Exception:
                if self._version() == before:
                    raise
                continue
            if self._version() == before:
                return found
        return ask()

    def _version(self) -> object:
        """Return what changes when anything that answers is published anew, on a server too."""
        workspace = self.library.workspace
        version = version_of(workspace.root, _STATE)
        if workspace.index_uri is None:
            return version
        return version, self.library.index.generation


def refuse_large(content: bytes) -> None:
    """Refuse a picture of very many pixels by its header.

    Raises
    ------
    BrokenImageError
        Saying how many.
    """
    width, height = read_size(content)
    if width * height > MOST_MEGAPIXELS * 1e6:
        message = f"too large: {width:,} x {height:,} pixels, the limit here is {MOST_MEGAPIXELS:g} megapixels"
        raise BrokenImageError(message)
