"""What an evaluation is made from, in rows of covers.

Letters: N covers, G genres, D dimensions, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import OF_ALL, CoverSet
from covers.stats.membership import as_membership

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class EvaluationInputs(CoverSet):
    """Everything an evaluation is made from, in rows of covers.

    Parameters
    ----------
    cover_ids, vocab, membership, groups, splits
        As in `CoverSet`; genres in alphabetical order.
    grouped_by : str
        What the groups are, in words.
    embeddings : ndarray of float32, shape (n_covers, n_dimensions)
        Of the trained network, L2-normalised.
    p_network : ndarray of float, shape (n_covers, n_genres)
        What the network says, in columns of `model_vocab`: distributions, or with
        `is_several` the probability of each genre by itself.
    model_vocab : tuple of str
        The same genres as `vocab`, in the network's order.
    is_several : bool, default=False
        Genres are independent: covers have any number of them.
    implied : ndarray of bool, shape (n_genres, n_genres), optional
        Row i, column j: genre i brings genre j along, in columns of `vocab`.
    frozen : ndarray of float32, shape (n_covers, n_features), optional
        Features of the untrained backbone, L2-normalised.
    colours : ndarray of float32, shape (n_covers, n_colours), optional
        Colour histograms, L2-normalised.
    crossed_folds : ndarray of int64, shape (n_covers,), optional
        Fold of the train side in which a head that has not seen the cover answered
        for it; ``-1`` for other covers, see `covers.model.training.heads.crossed`.
    crossed_p : ndarray of float, shape (n_covers, n_genres), optional
        What that head says, in columns of `vocab`, if it learned from the other folds
        of the train side alone: what is fitted on held-out covers is fitted on this too.
    crossed_embeddings : ndarray of float16, shape (n_covers, n_folds, n_dimensions), optional
        Unit vectors by the head of each fold.
    across_p, across_embeddings : ndarray, optional
        The same by heads that learned from the held-out covers too, so that every
        cover is read by a head fitted on all folds but its own, the held-out side
        being one of them.
    """

    grouped_by: str = field(metadata=OF_ALL)
    embeddings: npt.NDArray[np.float32]
    p_network: npt.NDArray[np.floating[Any]]
    model_vocab: tuple[str, ...] = field(metadata=OF_ALL)
    is_several: bool = field(metadata=OF_ALL, default=False)
    implied: npt.NDArray[np.bool_] | None = field(metadata=OF_ALL, default=None)
    frozen: npt.NDArray[np.float32] | None = None
    colours: npt.NDArray[np.float32] | None = None
    crossed_folds: npt.NDArray[np.int64] | None = None
    crossed_p: npt.NDArray[np.floating[Any]] | None = None
    crossed_embeddings: npt.NDArray[np.float16] | None = None
    across_p: npt.NDArray[np.floating[Any]] | None = None
    across_embeddings: npt.NDArray[np.float16] | None = None

    def labelled(self) -> EvaluationInputs:
        """Return the covers that have at least one genre of the vocabulary; rows of `membership` sum to one."""
        found = self.take(self.has_genre())
        return replace(found, membership=as_membership(found.membership))


@dataclass(frozen=True)
class Sides:
    """Rows of the covers on each side of the split.

    Parameters
    ----------
    train, valid : ndarray of int64
    held : ndarray of int64
        The measured side: test where there is one, else the same object as `valid`.
    """

    train: Rows
    valid: Rows
    held: Rows

    @property
    def crossed(self) -> bool:
        """Whether the fits have to be cross-fitted."""
        return self.held is self.valid

    @classmethod
    def find(cls, splits: npt.NDArray[np.str_]) -> Sides:
        """Read the sides off a split column."""
        train, valid, test = (
            np.flatnonzero(splits == side) for side in ("train", "valid", "test")
        )
        if not len(valid):
            valid = test
        return cls(train, valid, test if len(test) and valid is not test else valid)
