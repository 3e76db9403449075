"""Walks from one cover to another through covers that look alike.

Letters: N covers, K neighbours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import DataError, needs_extra
from covers.render.gallery import cover_tiles, gallery_html, with_galleries
from covers.render.short_repr import ShortRepr
from covers.render.text import text_table
from covers.workspace.documents import InWorkspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from covers.stats.neighbours import Neighbours
    from covers.workspace.paths import Workspace

_SHORTEST_ID = 4


@dataclass(frozen=True)
class Walk:
    """A walk through the neighbour graph.

    Parameters
    ----------
    rows : list of int
        The covers passed, both ends included; empty where no walk exists.
    similarities : list of float
        Cosine similarity of each step, one fewer than `rows`.
    """

    rows: list[int]
    similarities: list[float]


@dataclass(frozen=True, kw_only=True, repr=False)
class Step(ShortRepr):
    """One cover of a walk.

    Parameters
    ----------
    cover_id : str
    similarity : float or None
        Cosine similarity to the one before; None for the first.
    genres : tuple of str
    artist, album : str or None
    path : str
    """

    cover_id: str
    similarity: float | None
    genres: tuple[str, ...]
    artist: str | None
    album: str | None
    path: str

    @property
    def title(self) -> str:
        """Artist and album; the path where neither is known."""
        return " · ".join(filter(None, (self.artist, self.album))) or self.path


@dataclass(frozen=True, kw_only=True, repr=False)
class CoverPath(InWorkspace):
    """A walk from one cover or genre to another through covers that look alike: a sequence of `Step`.

    Parameters
    ----------
    start, end : str
        As they were given.
    k : int
        Neighbours of each cover that could be stepped to.
    steps : tuple of Step
        The covers passed, both ends included.

    Examples
    --------
    >>> walk = library.path("Jazz", "Metal", k=40)
    >>> "Jazz" in walk[0].genres, "Metal" in walk[-1].genres
    (True, True)
    """

    start: str
    end: str
    k: int
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __getitem__(self, number: int) -> Step:
        return self.steps[number]

    @needs_extra("a data frame")
    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per cover."""
        import pandas as pd

        return pd.DataFrame([asdict(step) for step in self.steps])

    def __repr__(self) -> str:
        rows = [
            [
                "" if step.similarity is None else f"{step.similarity:.2f}",
                step.cover_id[:8],
                ", ".join(step.genres) or "-",
                step.title,
            ]
            for step in self.steps
        ]
        header = ["similarity", "id", "genres", "cover"]
        return text_table(header, rows, right=[0])

    def _repr_html_(self) -> str:
        tiles = cover_tiles(self._workspace, [step.cover_id for step in self.steps])
        title = f"From {self.start} to {self.end}"
        return with_galleries(repr(self), gallery_html(tiles, title=title))


def find_walk(
    neighbours: Neighbours,
    start: Sequence[int],
    end: Sequence[int],
    *,
    k: int = 15,
) -> Walk:
    """Find the walk with the least sum of squared angles.

    Squares make many small steps cheaper than few large ones, so the walk stays
    where covers are dense and every step is one that the eye can follow [1]_.

    Parameters
    ----------
    neighbours : Neighbours
        Of each cover; both directions of an edge can be walked.
    start, end : sequence of int
        Rows to start from and to arrive at; of several, the best one of each.
    k : int, default=15
        Neighbours of each cover that can be stepped to. Few give more and smaller
        steps but may leave no way at all.

    Returns
    -------
    Walk
        Empty where the covers lie in unconnected parts of the graph.

    Raises
    ------
    ValueError
        If `start` or `end` is empty.

    References
    ----------
    .. [1] Hwang, S. J., Damelin, S., Hero, A. (2016). "Shortest path through
       random points". Annals of Applied Probability 26(5).
    """
    from scipy import sparse
    from scipy.sparse.csgraph import dijkstra

    if len(start) == 0 or len(end) == 0:
        message = (
            f"a walk needs a start and an end, got {len(start)} and {len(end)} covers"
        )
        raise ValueError(message)
    near = neighbours.nearest(k)
    n_covers = len(near.rows)
    left = np.repeat(np.arange(n_covers), near.rows.shape[1])
    right, similarity = near.rows.ravel(), near.similarities.ravel()
    kept = right >= 0
    left, right, similarity = left[kept], right[kept], similarity[kept]
    # A zero would be no edge to scipy, so identical covers get a tiny length.
    length = np.arccos(np.clip(similarity.astype(np.float64), -1, 1)) ** 2 + 1e-9
    one_way = sparse.csr_array((length, (left, right)), shape=(n_covers, n_covers))
    graph = one_way.maximum(one_way.T)
    distance, before, _ = dijkstra(
        graph,
        directed=False,
        indices=np.asarray(start),
        return_predecessors=True,
        min_only=True,
    )
    goal = min(end, key=lambda row: float(distance[row]))
    if not np.isfinite(distance[goal]):
        return Walk([], [])
    rows = [int(goal)]
    while before[rows[-1]] >= 0:
        rows.append(int(before[rows[-1]]))
    rows.reverse()
    steps = [
        float(np.cos(np.sqrt(max(graph[a, b] - 1e-9, 0)))) for a, b in pairwise(rows)
    ]
    return Walk(rows, steps)


def walk_workspace(
    workspace: Workspace, start: str, end: str, *, k: int = 15
) -> CoverPath:
    """Walk between two covers or genres of a workspace.

    Parameters
    ----------
    workspace : Workspace
        With catalogue, model and embeddings.
    start, end : str
        A genre, then its most typical cover is meant, or a cover id, or the
        first digits of one.
    k : int, default=15
        Neighbours of each cover that can be stepped to.

    Returns
    -------
    CoverPath

    Raises
    ------
    DataError
        If `start` or `end` names nothing, or no walk exists.
    """
    from covers.catalogue.matching import match_name
    from covers.index.embedded import EmbeddedCovers
    from covers.overlap.exemplars import find_exemplars
    from covers.stats.neighbours import find_own_neighbours

    covers = EmbeddedCovers.read(workspace)
    near = find_own_neighbours(covers.embeddings, covers.groups, max(k, 25))
    shown = find_exemplars(near, covers.membership, covers.groups, n_shown=1)

    def rows_of(name: str) -> list[int]:
        rows = [i for i, cid in enumerate(covers.cover_ids) if cid.startswith(name)]
        if name not in covers.vocab and len(name) >= _SHORTEST_ID and rows:
            if len(rows) > 1:
                message = f"{len(rows)} covers have an id that begins with {name!r}: give more digits"
                raise DataError(message)
            return rows
        genre = match_name(name, covers.vocab, what="genre or cover")
        return shown.prototypes[covers.vocab.index(genre)]

    walk = find_walk(near, rows_of(start), rows_of(end), k=k)
    if not walk.rows:
        message = (
            f"no walk from {start!r} to {end!r} over {k} neighbours per cover: "
            f"try more with '-k {2 * k}'"
        )
        raise DataError(message)
    catalogue = read_catalogue(workspace)
    places = catalogue.rows_of([covers.cover_ids[row] for row in walk.rows])
    artists, albums = catalogue.column("artist"), catalogue.column("album")
    paths = catalogue.column("path")
    steps = zip(walk.rows, places, [None, *walk.similarities], strict=True)
    return CoverPath(
        start=start,
        end=end,
        k=k,
        steps=tuple(
            Step(
                cover_id=covers.cover_ids[row],
                similarity=similarity,
                genres=tuple(catalogue.genres[place]),
                artist=artists[place],
                album=albums[place],
                path=paths[place],
            )
            for row, place, similarity in steps
        ),
    ).at(workspace)
