"""In which order genres stand in a figure of the overlap, and its pairs as matrices.

Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from covers.render.numbers import ends_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.overlap.measured import Measured


def genre_order(found: Measured) -> list[str]:
    """Return all genres: those of the tree in its order, alike ones side by side, then the others.

    Where genres contain others, each broad genre comes first among its own, in the
    order of the tree.
    """
    inside = list(found.tree.order)
    order = inside + [genre for genre in found.genres if genre not in inside]
    place: dict[str, int] = {}
    for genre in order:
        place.setdefault(found.broad.get(genre, genre), len(place))

    def rank(genre: str) -> tuple[int, bool]:
        broad = found.broad.get(genre, genre)
        return place[broad], broad != genre

    return sorted(order, key=rank)


def genre_groups(found: Measured) -> list[tuple[str, list[str]]]:
    """Return each broad genre with the genres below it, itself first, in the order of `genre_order`.

    A matrix of many genres shows the broad ones, and opens one at a time.
    """
    broad = found.broad
    groups: dict[str, list[str]] = {}
    for genre in genre_order(found):
        groups.setdefault(broad.get(genre, genre), []).append(genre)
    return list(groups.items())


def pair_matrices(
    found: Measured, order: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the pairs out as overlap, low end and high end in the given order; NaN where one genre contains the other."""
    place = {genre: i for i, genre in enumerate(order)}
    matrices = [np.eye(len(order)) for _ in range(3)]
    for pair in found.pairs:
        if pair.a in place and pair.b in place:
            i, j = place[pair.a], place[pair.b]
            values = (pair.overlap, *ends_of(pair.overlap_ci95))
            if pair.contained:
                values = (np.nan, np.nan, np.nan)
            for matrix, value in zip(matrices, values, strict=True):
                matrix[i, j] = matrix[j, i] = value
    return matrices[0], matrices[1], matrices[2]
