"""Which genres have a colour of their own in a figure, and which covers have it.

Letters: N covers, G genres, E entries of the legend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.render.palette import (
    MOST_NAMED,
    NOISE_COLOUR,
    genre_colours,
    genre_families,
)
from covers.stats.membership import make_membership
from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.catalogue.table import Catalogue


@dataclass(frozen=True, kw_only=True)
class GenreLegend:
    """Genres, or broad genres where there are many, with their colours.

    Parameters
    ----------
    names : tuple of str
        The entries.
    colours : tuple of str
        Of each.
    has : ndarray of bool, shape (n_covers, n_entries)
        Which covers belong to an entry.
    main : ndarray of int64, shape (n_covers,)
        The entry whose colour a cover has: that of which it has most genres, of
        equals the rarer one; -1 for a cover without a genre.
    is_broad : bool
        Whether the entries stand for several genres.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    has: npt.NDArray[np.bool_]
    main: npt.NDArray[np.int64]
    is_broad: bool

    @property
    def main_names(self) -> list[str]:
        """The entry whose colour each cover has; empty for one without a genre."""
        return [self.names[entry] if entry >= 0 else "" for entry in self.main]

    @cached_property
    def colour_of_cover(self) -> list[str]:
        """The one colour of each cover; grey for one without a genre."""
        colours = [*self.colours, NOISE_COLOUR]  # -1 is the last
        return [colours[entry] for entry in self.main]

    def take(self, rows: npt.NDArray[np.int64]) -> GenreLegend:
        """Return the same entries for some covers, whose colours stay what they are."""
        return replace(self, has=self.has[rows], main=self.main[rows])

    @property
    def colour_of(self) -> dict[str, str]:
        """The colour of each entry by its name."""
        return dict(zip(self.names, self.colours, strict=True))


def genre_legend(
    membership: npt.NDArray[np.floating],
    vocab: Sequence[str],
    colours: Mapping[str, str],
) -> GenreLegend:
    """Return an entry per genre; of more than 20 genres one per broad genre, largest first.

    Parameters
    ----------
    membership : ndarray of float, shape (n_covers, n_genres)
    vocab : sequence of str
        The genres, columns of `membership`.
    colours : mapping of str to str
        Of each genre.

    Notes
    -----
    A cover that belongs to several entries has the colour of that of which it has most
    genres. Of equals it is the rarer one, which says more: of Rock and Jazz it is Jazz.
    So a genre that is always filed beside a greater one has dots of its own.

    Examples
    --------
    >>> colours = {"jazz": "#0072b2", "rock": "#e69f00"}
    >>> few = genre_legend(np.array([[1, 1], [0, 1]]), list(colours), colours)
    >>> few.main_names
    ['jazz', 'rock']
    >>> many = [*(f"genre {i}" for i in range(19)), "house", "techno"]
    >>> membership = np.zeros((2, 21))
    >>> membership[0, [0, 19, 20]] = 1 / 3
    >>> found = genre_legend(membership, many, dict.fromkeys(many, "#000000"))
    >>> found.names[0], len(found.names), found.main.tolist()
    ('Electronic', 20, [0, -1])
    """
    has = np.asarray(membership) > 0
    entries = {name: [name] for name in vocab}
    is_broad = len(entries) > MOST_NAMED
    counts = has.astype(np.int64)
    if is_broad:
        entries = genre_families(vocab)
        column = {name: j for j, name in enumerate(vocab)}
        below = [[column[name] for name in family] for family in entries.values()]
        counts = np.stack([has[:, own].sum(axis=1) for own in below], axis=1)
        # By covers, not by names: what there is most of comes first.
        order = np.argsort(-(counts > 0).sum(axis=0), kind="stable")
        counts = counts[:, order]
        names = [list(entries)[at] for at in order]
        entries = {name: entries[name] for name in names}
    n_covers = (counts > 0).sum(axis=0)  # (E,)
    most = counts - n_covers / (len(has) + 1)
    main = most.argmax(axis=1).astype(np.int64) if entries else np.zeros(len(has))
    main[~has.any(axis=1)] = -1
    return GenreLegend(
        names=tuple(entries),
        colours=tuple(colours[family[0]] for family in entries.values()),
        has=counts > 0,
        main=main.astype(np.int64),
        is_broad=is_broad,
    )


def legend_of(catalogue: Catalogue, cover_ids: Sequence[str]) -> GenreLegend:
    """Return the legend of some covers of a library, in the colours that they have among all.

    A cover that the catalogue does not know has no genre.
    """
    vocab = catalogue.vocab
    membership = make_membership([*catalogue.genres, []], vocab)
    found = genre_legend(membership, vocab, genre_colours(vocab))
    return found.take(RowsById(catalogue.cover_ids).of(list(cover_ids)))
