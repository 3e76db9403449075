"""Whether a library has enough to train on, told from its catalogue alone; needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from covers.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from covers.catalogue.table import Catalogue

FEWEST_GENRES = 2
FEWEST_GROUPS = 10


def refuse_too_little(catalogue: Catalogue) -> None:
    """Refuse a library that no network could be trained on, before anything heavy is loaded.

    Raises
    ------
    DataError
        If there are too few genres or covers to train on.
    """
    refuse_few_genres(catalogue)
    refuse_few_groups(catalogue.groups[labelled_train_rows(catalogue)])


def refuse_few_genres(catalogue: Catalogue) -> None:
    """Refuse a library of fewer than two genres.

    Raises
    ------
    DataError
        Naming the genres that there are, and what lets more of them in.
    """
    if len(catalogue.vocab) >= FEWEST_GENRES:
        return
    counts = list(catalogue.genre_counts.items())[:5]
    found = ", ".join(f"{genre}: {n}" for genre, n in counts) or "none"
    repair = "scan a folder per genre or a manifest with genres"
    if len(catalogue.genre_counts) > 1:
        repair += ", or lower the limit with '--genre-minimum N' of 'covers scan' or 'covers run'"
    message = (
        f"training needs at least {FEWEST_GENRES} genres of {catalogue.genre_minimum} covers or more, found {found}: "
        f"{repair}"
    )
    raise DataError(message)


def refuse_few_groups(groups: npt.NDArray[np.int64]) -> None:
    """Refuse a train side of fewer than ten separate covers or artists.

    Parameters
    ----------
    groups : ndarray of int64, shape (n_covers,)
        Of the covers that would be trained on.

    Raises
    ------
    DataError
        Saying how many there are.
    """
    n_groups = len(np.unique(groups))
    if n_groups < FEWEST_GROUPS:
        message = (
            f"training needs at least {FEWEST_GROUPS} separate covers or artists with a genre on the train side, "
            f"found {n_groups}: scan more covers, or another folder or manifest beside these"
        )
        raise DataError(message)


def labelled_train_rows(catalogue: Catalogue) -> npt.NDArray[np.int64]:
    """Return the rows of the train covers that have a genre of the vocabulary."""
    rows = catalogue.known_rows
    found: npt.NDArray[np.int64] = rows[catalogue.splits[rows] == "train"]
    return found
