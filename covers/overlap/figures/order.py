"""In which order genres stand in a figure of the overlap, and its pairs as matrices.

Letters: G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.render.numbers import as_number, ends_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def genre_order(found: Mapping[str, Any]) -> list[str]:
    """Return all genres: those of the tree in its order, alike ones side by side, then the others.

    Where genres contain others, each broad genre comes first among its own, in the
    order of the tree.
    """
    inside = list(found["tree"]["order"])
    order = inside + [genre for genre in found["genres"] if genre not in inside]
    broad = found.get("broad", {})
    place: dict[str, int] = {}
    for genre in order:
        place.setdefault(broad.get(genre, genre), len(place))
    return sorted(
        order,
        key=lambda genre: (
            place[broad.get(genre, genre)],
            broad.get(genre, genre) != genre,
        ),
    )


def genre_groups(found: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return each broad genre with the genres below it, itself first, in the order of `genre_order`.

    A matrix of many genres shows the broad ones, and opens one at a time.

    Examples
    --------
    >>> found = {"genres": ["bebop", "jazz", "rock"], "tree": {"order": []},
    ...     "broad": {"bebop": "jazz", "jazz": "jazz", "rock": "rock"}}
    >>> genre_groups(found)
    [('jazz', ['jazz', 'bebop']), ('rock', ['rock'])]
    """
    broad = found.get("broad", {})
    groups: dict[str, list[str]] = {}
    for genre in genre_order(found):
        groups.setdefault(broad.get(genre, genre), []).append(genre)
    return list(groups.items())


def pair_matrices(
    found: Mapping[str, Any], order: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the pairs out as overlap, low end and high end in the given order; NaN where one genre contains the other."""
    place = {genre: i for i, genre in enumerate(order)}
    matrices = [np.eye(len(order)) for _ in range(3)]
    for pair in found["pairs"]:
        if pair["a"] in place and pair["b"] in place:
            i, j = place[pair["a"]], place[pair["b"]]
            values = (as_number(pair["overlap"]), *ends_of(pair["overlap_ci95"]))
            if pair.get("contained"):
                values = (np.nan, np.nan, np.nan)
            for matrix, value in zip(matrices, values, strict=True):
                matrix[i, j] = matrix[j, i] = value
    return matrices[0], matrices[1], matrices[2]
