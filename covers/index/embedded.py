"""The embedded covers of a workspace: catalogue rows with their vectors.

Letters: N covers, G genres, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.workspace.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class EmbeddedCovers:
    """Covers with their vectors and what the catalogue says of them.

    Parameters
    ----------
    cover_ids : list of str
    embeddings : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    logits : ndarray of float32, shape (n_covers, n_genres)
        The network's, uncalibrated; minus infinity for genres it does not know.
    membership : ndarray of float64, shape (n_covers, n_genres)
        Share of each cover in each genre; rows of zeros are unlabelled.
    vocab : tuple of str
        Genres, the columns of `membership` and `logits`.
    groups : ndarray of int64, shape (n_covers,)
    splits : ndarray of str, shape (n_covers,)
    years : ndarray of float64, shape (n_covers,)
        NaN where unknown.
    sources : list of str
    grouped_by : str
        What the groups are, in words.
    made_from : dict of str to str
        Fingerprints for the stamp of what is made from these covers.
    """

    cover_ids: list[str]
    embeddings: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    membership: npt.NDArray[np.float64]
    vocab: tuple[str, ...]
    groups: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]
    years: npt.NDArray[np.float64]
    sources: list[str]
    grouped_by: str
    made_from: dict[str, str]

    def __len__(self) -> int:
        return len(self.cover_ids)

    @classmethod
    def read(cls, workspace: Workspace) -> EmbeddedCovers:
        """Read the covers of a workspace that have an embedding by its model.

        Raises
        ------
        ModelError, DataError
            If there is no model, no catalogue, or no embedding by this model.
        """
        from covers.model.card import read_card
        from covers.model.embed import read_embeddings

        catalogue = read_catalogue(workspace)
        model_vocab = read_card(workspace.model_folder).vocab
        table = read_embeddings(workspace)
        rows = catalogue.rows_of(table.cover_ids)
        years = np.array(
            [np.nan if y is None else float(y) for y in catalogue.column("year")],
            np.float64,
        )
        sources = [source or "" for source in catalogue.column("source")]
        return cls(
            cover_ids=list(table.cover_ids),
            embeddings=table.embeddings,
            logits=_in_order(table.logits, model_vocab, catalogue.vocab),
            membership=catalogue.membership()[rows],
            vocab=catalogue.vocab,
            groups=catalogue.groups[rows],
            splits=catalogue.splits[rows],
            years=years[rows],
            sources=[sources[row] for row in rows],
            grouped_by=catalogue.grouped_by,
            made_from={
                "catalogue": catalogue.label_fingerprint(),
                "model": table.fingerprint,
            },
        )

    def take(self, rows: npt.NDArray[Any]) -> EmbeddedCovers:
        """Return some covers, given as rows or as a mask."""
        rows = np.arange(len(self))[rows]
        return replace(
            self,
            cover_ids=[self.cover_ids[row] for row in rows],
            embeddings=self.embeddings[rows],
            logits=self.logits[rows],
            membership=self.membership[rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            years=self.years[rows],
            sources=[self.sources[row] for row in rows],
        )

    def held_out(self) -> npt.NDArray[np.bool_]:
        """Return which covers the network has never been fitted to, shape (n_covers,).

        The test side where there is one, else the valid side; all covers where
        there is neither.
        """
        for side in ("test", "valid"):
            mask = self.splits == side
            if mask.any():
                return np.asarray(mask)
        return np.ones(len(self), bool)


def fingerprints_at_hand(workspace: Workspace) -> dict[str, str]:
    """Return what the stamp of whatever is made from these covers says now.

    Raises
    ------
    ModelError, DataError
        If there is no model or no catalogue.
    """
    from covers.model.card import read_card

    return {
        "catalogue": read_catalogue(workspace).label_fingerprint(),
        "model": read_card(workspace.model_folder).fingerprint,
    }


def _in_order(
    logits: npt.NDArray[np.float32], have: Sequence[str], want: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Bring the columns of `logits` from one vocabulary into another."""
    ordered = np.full((len(logits), len(want)), -np.inf, np.float32)
    position = {genre: column for column, genre in enumerate(have)}
    for column, genre in enumerate(want):
        if genre in position:
            ordered[:, column] = logits[:, position[genre]]
    return ordered
