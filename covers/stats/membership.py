"""Which genres each cover has, as numbers: one definition for everything that counts.

A cover of m genres has 1/m in each, in float64, so that it counts as one cover
wherever covers are summed. Where genres are taken as independent, what is above
zero counts, and nothing has to sum to one. Letters: N covers, G genres.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Membership = npt.NDArray[np.float64]

SEVERAL_GENRES_SHARE = 0.2
"""From this share of covers with several genres on, genres are taken as independent."""


def make_membership(
    genres: Iterable[Sequence[str] | None], vocab: Sequence[str]
) -> Membership:
    """Return how much each cover belongs to each genre.

    Parameters
    ----------
    genres : iterable of (sequence of str or None)
        The genres of each cover.
    vocab : sequence of str
        Genres of the columns; others are left out.

    Returns
    -------
    ndarray of float64, shape (n_covers, n_genres)
        A cover of m genres of `vocab` has 1/m in each; one with none has a row of zeros.

    Examples
    --------
    >>> make_membership([["Jazz", "Soul"], ["Polka"], None], ("Jazz", "Soul"))
    array([[0.5, 0.5],
           [0. , 0. ],
           [0. , 0. ]])
    """
    position = {genre: j for j, genre in enumerate(vocab)}
    rows = [
        [position[genre] for genre in dict.fromkeys(names or ()) if genre in position]
        for names in genres
    ]
    n_each = np.array([len(known) for known in rows], np.int64)
    membership = np.zeros((len(rows), len(position)))  # (N, G)
    at = np.repeat(np.arange(len(rows)), n_each)
    columns = np.fromiter(chain.from_iterable(rows), np.int64, len(at))
    membership[at, columns] = 1 / n_each[at]
    return membership


def as_membership(values: npt.NDArray[np.floating[Any]]) -> Membership:
    """Bring rows that sum to about one to a sum of one in float64; rows of zeros stay.

    Thirds kept in 32 bits add up to 1.00000003: enough for a figure and its own
    recount to differ.

    Parameters
    ----------
    values : ndarray of float, shape (n_covers, n_genres)
        Not negative.

    Examples
    --------
    >>> thirds = np.full((1, 3), 1 / 3, np.float32)
    >>> float(thirds.astype(np.float64).sum()), float(as_membership(thirds).sum())
    (1.0000000298023224, 1.0)
    """
    m = np.asarray(values, np.float64)
    totals = m.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(m, totals, out=np.zeros_like(m), where=totals > 0))


def has_genre(membership: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Return which covers have a genre, shape (n_covers,).

    Examples
    --------
    >>> has_genre(np.array([[0.5, 0.5], [0.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray(membership.any(axis=1))


def share_with_several(membership: npt.NDArray[np.floating[Any]]) -> float:
    """Return the share of the covers with a genre that have more than one.

    Examples
    --------
    >>> share_with_several(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]))
    0.5
    """
    n_genres = (membership > 0).sum(axis=1)
    labelled = int((n_genres > 0).sum())
    return float((n_genres > 1).sum() / labelled) if labelled else 0.0


def has_several_genres(membership: npt.NDArray[np.floating[Any]]) -> bool:
    """Say whether covers commonly have several genres, see `SEVERAL_GENRES_SHARE`."""
    return share_with_several(membership) >= SEVERAL_GENRES_SHARE
