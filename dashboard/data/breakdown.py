"""What a selection of covers is made of, against the whole library.

Letters: G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import GroupBootstrap, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.data.library import Library

_RESAMPLES = 400


@dataclass(frozen=True)
class GenreShare:
    """One genre's part in a selection.

    Parameters
    ----------
    genre : str
    n : float
        Its covers in the selection; those of several genres count with their share.
    share : float
        Of the labelled covers selected.
    lift : float
        Over its share of the library.
    lift_ci95 : tuple of float
        By group bootstrap.
    """

    genre: str
    n: float
    share: float
    lift: float
    lift_ci95: tuple[float, float]


def genre_shares(library: Library, rows: npt.NDArray[np.int64]) -> list[GenreShare]:
    """Return the genres of some covers, most frequent first.

    Parameters
    ----------
    library : Library
    rows : ndarray of int64
        The covers; those without a genre of the vocabulary do not count.
    """
    everywhere = library.membership.sum(axis=0, dtype=np.float64)  # (G,)
    labelled = rows[library.membership[rows].any(axis=1)]
    if not len(labelled) or not everywhere.sum():
        return []
    inside = library.membership[labelled].astype(np.float64)
    base = everywhere / everywhere.sum()
    share = inside.sum(axis=0) / len(labelled)
    draws = GroupBootstrap.draw(
        library.groups[labelled], n_bootstraps=_RESAMPLES, seed=0
    )
    sums = draws.sums(np.column_stack([inside, np.ones(len(inside))]))
    resampled = sums[:, :-1] / sums[:, -1:]  # (B, G)
    found = []
    for j in np.flatnonzero(inside.any(axis=0)):
        low, high = percentile_interval(resampled[:, j] / base[j]).ends
        lift = float(share[j] / base[j])
        found.append(
            GenreShare(
                library.vocab[j],
                float(inside[:, j].sum()),
                float(share[j]),
                lift,
                (min(low, lift), max(high, lift)),
            )
        )
    return sorted(found, key=lambda one: -one.share)


def side_by_side(
    sides: Sequence[Sequence[GenreShare]], n_shown: int = 12
) -> list[list[GenreShare]]:
    """Return the same genres of every side in one order, so that lines can be compared.

    Parameters
    ----------
    sides : sequence of sequences of GenreShare
    n_shown : int, default=12
        So many genres, the most frequent of the first side that has any.
    """
    first = next((side for side in sides if side), ())
    genres = [one.genre for one in first[:n_shown]]
    lined_up = []
    for side in sides:
        known = {one.genre: one for one in side}
        # What a side has nothing of is seldom there: not left out.
        none = (0.0, 0.0, 0.0, (0.0, 0.0))
        lined_up.append([known.get(g) or GenreShare(g, *none) for g in genres])
    return lined_up
