"""Overlap measured with other numbers of neighbours, to see what k changes.

Measured when the overlap is, because it takes a second or two per number: a page
with a slider over these must answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.overlap.measured import AtK, Pair
from covers.overlap.overlap import OverlapSettings, measure_overlap, n_neighbours
from covers.overlap.tree import find_edges
from covers.stats.neighbours import find_own_neighbours

if TYPE_CHECKING:
    from covers.index.embedded import EmbeddedCovers
    from covers.overlap.measured import Interval
    from covers.overlap.overlap import OverlapMatrices

LADDER = (3, 5, 10, 15, 25, 50, 100)
_SHORT_LADDER = (5, 15, 50)
"""Of many genres: a number of neighbours costs as much as there are pairs."""
_MANY_GENRES, _MOST_GENRES = 30, 100
_MOST_COVERS = 6_000


def measure_ladder(covers: EmbeddedCovers, *, seed: int = 0) -> list[AtK]:
    """Measure the overlap with each number of neighbours of a ladder.

    Of more than 6,000 covers whole groups are drawn at random until there are
    about as many; 200 resamples and 100 permutations. Of more than 30 genres three
    numbers are measured, of more than 100 none.

    Parameters
    ----------
    covers : EmbeddedCovers
        Those the overlap is measured on.
    seed : int, default=0
        Of everything random.

    Returns
    -------
    list of AtK
        For each `k` of `LADDER` up to a third of the covers, with `k` neighbours for
        the overlap coefficient and for the mixing.
    """
    covers = draw_groups(covers, _MOST_COVERS, seed=seed)
    n_genres = len(covers.vocab)
    ladder_of = LADDER if n_genres <= _MANY_GENRES else _SHORT_LADDER
    rungs = [k for k in ladder_of if 3 * k <= len(covers)]
    if not rungs or not 2 <= n_genres <= _MOST_GENRES:
        return []
    near = find_own_neighbours(
        covers.embeddings, covers.groups, n_neighbours(len(covers))
    )
    ladder = []
    for k in rungs:
        settings = OverlapSettings(
            k=k,
            mixing_k=k,
            n_bootstraps=200,
            n_permutations=100,
            n_splits=3,
            seed=seed,
        )
        found = measure_overlap(
            near, covers.membership, covers.groups, covers.vocab, settings
        )
        ladder.append(
            AtK(
                k=k,
                n_covers=len(covers),
                edges=tuple(find_edges(found)),
                pairs=tuple(
                    number_pair(found, int(a), int(b))
                    for a, b in zip(*np.triu_indices(len(found.genres), 1), strict=True)
                ),
            )
        )
    return ladder


def number_pair(found: OverlapMatrices, a: int, b: int) -> Pair:
    """Return what was measured on a pair of genres, given as columns."""
    return Pair(
        a=found.genres[a],
        b=found.genres[b],
        overlap=float(found.overlap[a, b]),
        overlap_ci95=_ends(found.overlap_ci95, a, b),
        overlap_uncorrected=float(found.raw[a, b]),
        lift_ab=float(found.lift[a, b]),
        lift_ab_ci95=_ends(found.lift_ci95, a, b),
        lift_ba=float(found.lift[b, a]),
        lift_ba_ci95=_ends(found.lift_ci95, b, a),
        p=float(found.p[a, b]),
        q=float(found.q[a, b]),
        n_a=float(found.n_covers[a]),
        n_b=float(found.n_covers[b]),
    )


def _ends(ci95: npt.NDArray[np.float64], a: int, b: int) -> Interval:
    """Return both ends of one cell's interval."""
    return float(ci95[0, a, b]), float(ci95[1, a, b])


def draw_groups(covers: EmbeddedCovers, n_most: int, *, seed: int) -> EmbeddedCovers:
    """Return about `n_most` covers, whole groups drawn at random; all where they are fewer."""
    if len(covers) <= n_most:
        return covers
    names, numbers = np.unique(covers.groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(numbers)[order]
    kept = np.zeros(len(names), bool)
    kept[order[np.cumsum(sizes) <= n_most]] = True
    return covers.take(np.flatnonzero(kept[numbers]))
