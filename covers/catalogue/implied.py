"""Which genre brings which along: the tree, as far as the covers' own labels follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.genre_tree import GenreTree

FOLLOWED = 0.9
"""Share of a genre's covers that must have the wider genre too."""


def find_implied(
    vocab: Sequence[str], membership: npt.NDArray[np.float64], tree: GenreTree
) -> npt.NDArray[np.bool_]:
    """Say which genre implies which.

    A genre implies a wider one of the tree where nearly all of its covers have
    both: who files blues rock under Rock too means it so, and who does not is
    not told to.

    Parameters
    ----------
    vocab : sequence of str
    membership : ndarray of float64, shape (n_covers, n_genres)
        Of covers that may be looked at: the train side.
    tree : GenreTree

    Returns
    -------
    ndarray of bool, shape (n_genres, n_genres)
        Row i, column j: a cover of genre i also has genre j.

    Examples
    --------
    >>> from covers.catalogue.genre_tree import GenreTree
    >>> tree = GenreTree.read()
    >>> both = np.array([[0.5, 0.5], [0.0, 1.0]])
    >>> find_implied(("Blues Rock", "Rock"), both, tree)
    array([[False,  True],
           [False, False]])
    """
    position = {genre: j for j, genre in enumerate(vocab)}
    has = membership > 0
    implied = np.zeros((len(vocab), len(vocab)), bool)
    for genre, wider in tree.wider_among(vocab).items():
        own = has[:, position[genre]]
        for name in wider:
            if own.any() and has[own, position[name]].mean() >= FOLLOWED:
                implied[position[genre], position[name]] = True
    return implied
