"""What an evaluation is made from, in rows of covers.

Letters: N covers, G genres, D dimensions, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from covers.stats.membership import as_membership

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class EvaluationInputs:
    """Everything an evaluation is made from, in rows of covers.

    Parameters
    ----------
    cover_ids : tuple of str
    vocab : tuple of str
        Genres, alphabetical; the columns of `membership`.
    membership : ndarray of float64, shape (n_covers, n_genres)
        Covers with a row of zeros are left out.
    groups : ndarray of int64, shape (n_covers,)
    splits : ndarray of str, shape (n_covers,)
        ``"train"``, ``"valid"`` or ``"test"``.
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
    """

    cover_ids: tuple[str, ...]
    vocab: tuple[str, ...]
    membership: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]
    grouped_by: str
    embeddings: npt.NDArray[np.float32]
    p_network: npt.NDArray[np.floating[Any]]
    model_vocab: tuple[str, ...]
    is_several: bool = False
    implied: npt.NDArray[np.bool_] | None = None
    frozen: npt.NDArray[np.float32] | None = None
    colours: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.cover_ids)

    def labelled(self) -> EvaluationInputs:
        """Return the covers that have at least one genre of the vocabulary; rows of `membership` sum to one."""
        found = self.take(np.flatnonzero(self.membership.sum(axis=1) > 0))
        return replace(found, membership=as_membership(found.membership))

    def take(self, rows: Rows) -> EvaluationInputs:
        """Return some covers, in the order of `rows`."""
        return replace(
            self,
            cover_ids=tuple(self.cover_ids[row] for row in rows),
            membership=self.membership[rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            embeddings=self.embeddings[rows],
            p_network=self.p_network[rows],
            frozen=None if self.frozen is None else self.frozen[rows],
            colours=None if self.colours is None else self.colours[rows],
        )


@dataclass(frozen=True)
class Sides:
    """Rows of the sides.

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
