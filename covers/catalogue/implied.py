"""Implied genres: where the tree puts one genre below another, and the covers' labels agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.catalogue.genre_tree import GenreTree
    from covers.workspace.paths import Workspace

FOLLOWED = 0.9
"""Share of a genre's covers that must have the wider genre too, to imply it."""

SHARED = 0.1
"""From this share on the two have covers in common that say nothing of looks."""


def find_implied(
    vocab: Sequence[str],
    membership: npt.NDArray[np.float64],
    tree: GenreTree,
    *,
    share: float = FOLLOWED,
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
    share : float, default=0.9
        Of the narrower genre's covers that must have the wider one too.

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
            if own.any() and has[own, position[name]].mean() >= share:
                implied[position[genre], position[name]] = True
    return implied


def read_implied(
    workspace: Workspace,
    vocab: Sequence[str],
    membership: npt.NDArray[np.float64],
    *,
    share: float = FOLLOWED,
) -> npt.NDArray[np.bool_]:
    """Say which genre implies which by a workspace's own tree; see `find_implied`."""
    from covers.catalogue.genre_tree import GenreTree

    table = workspace.settings.intake.genre_table
    tree = GenreTree.read(workspace.root / table if table else None)
    return find_implied(vocab, membership, tree, share=share)


def broad_of(vocab: Sequence[str], implied: npt.NDArray[np.bool_]) -> dict[str, str]:
    """Return the widest genre that each belongs to, itself where it belongs to none.

    Of several the one that most others belong to, then the first by name.

    Examples
    --------
    >>> implied = np.array([[False, True], [False, False]])
    >>> broad_of(("Blues Rock", "Rock"), implied)
    {'Blues Rock': 'Rock', 'Rock': 'Rock'}
    """
    is_top = [not above.any() for above in implied]
    n_below = [int(below.sum()) for below in implied.T]
    found = {}
    for j, genre in enumerate(vocab):
        above = [int(k) for k in np.flatnonzero(implied[j]) if is_top[k]]
        best = min(above, key=lambda k: (-n_below[k], vocab[k]), default=j)
        found[genre] = vocab[best]
    return found
