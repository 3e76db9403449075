"""Classifying pictures with a workspace's model, index and fitted decision.

Letters: Q pictures, N covers of the index, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import DEFAULT_LEVEL, Classified, Decision, decide
from covers.classify.voting import (
    Flip,
    VoteSettings,
    find_flip,
    label_shares,
    vote_weights,
    vote_with,
    voters,
)
from covers.stats.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from indexer.index import VectorIndex

TWIN_SIMILARITY = 0.9995
_CANDIDATES_PER_VOTER = 3
_SPARE = 20


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stands behind the vote on one picture.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_voters,)
        Rows of the voters in the index, nearest first.
    similarities, weights : ndarray of float, shape (n_voters,)
        Cosine similarity to the picture; share of the vote.
    flip : Flip
        The fewest voters without whom another genre would win.
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float64]
    flip: Flip


@dataclass(frozen=True)
class Labels:
    """Independent genres of some pictures.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n_pictures, n_genres)
        Calibrated, each on its own.
    named : ndarray of bool, shape (n_pictures, n_genres)
        Which lie above their genre's threshold.
    """

    probabilities: npt.NDArray[np.float64]
    named: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Classified pictures and the evidence for each; `labels` of a network with independent genres."""

    classified: Classified
    evidence: list[Evidence]
    labels: Labels | None = None


def index_membership(
    columns: pa.Table, vocab: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Return how much each item of an index belongs to each genre.

    Parameters
    ----------
    columns : pyarrow.Table
        With a list column ``genres``.
    vocab : sequence of str

    Returns
    -------
    ndarray of float32, shape (n_items, n_genres)
        1/m in each of m known genres; zeros where an item has none.
    """
    position = {genre: j for j, genre in enumerate(vocab)}
    membership = np.zeros((columns.num_rows, len(vocab)), np.float32)  # (N, G)
    for row, genres in enumerate(columns.column("genres").to_pylist()):
        known = [position[genre] for genre in genres or () if genre in position]
        if known:
            membership[row, known] = 1 / len(known)
    return membership


@dataclass(frozen=True)
class References:
    """What the covers of an index vote with; read once, it serves many classifications.

    Parameters
    ----------
    membership : ndarray of float32, shape (n_items, n_genres)
        As `index_membership` returns it.
    groups : ndarray of int64, shape (n_items,)
        Group of each item.
    """

    membership: npt.NDArray[np.float32]
    groups: npt.NDArray[np.int64]

    @classmethod
    def of(cls, index: VectorIndex, vocab: Sequence[str]) -> References:
        """Read the genres and groups of an index."""
        columns = index.columns
        return cls(
            index_membership(columns, vocab), _group_numbers(columns, len(index))
        )


def classify_embeddings(
    embeddings: npt.NDArray[np.float32],
    p_cnn: npt.NDArray[np.floating[Any]],
    index: VectorIndex,
    decision: Decision,
    *,
    p_labels: npt.NDArray[np.floating[Any]] | None = None,
    exclude_ids: Sequence[str] = (),
    level: float = DEFAULT_LEVEL,
    references: References | None = None,
) -> Answer:
    """Classify pictures by the network and by a vote of all covers in the index.

    The pictures themselves and their near-duplicates (and whatever else is in
    the duplicate's group) do not vote: a known cover is judged like a new one.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_pictures, n_dimensions)
    p_cnn : ndarray of float, shape (n_pictures, n_genres)
        The network's raw distributions, in the order of ``decision.vocab``.
    index : VectorIndex
    decision : Decision
    p_labels : ndarray of float, shape (n_pictures, n_genres), optional
        The sigmoids of a network with independent genres, in the same order.
    exclude_ids : sequence of str
        Covers that may not vote, such as the pictures' own content ids.
    level : float, default=0.9
        Of the prediction sets.
    references : References, optional
        Of the same index and vocabulary, where they are at hand.
    """
    settings = decision.readers.settings
    if references is None:
        references = References.of(index, decision.vocab)
    membership, groups = references.membership, references.groups
    spread = _CANDIDATES_PER_VOTER if settings.one_per_group else 1
    found = index.search(
        embeddings,
        settings.k * spread + _SPARE,
        exclude_ids=list(exclude_ids) or None,
    )
    near = without_twins(
        Neighbours(found.rows, found.similarities.astype(np.float32)), groups
    )
    votes = vote_with(settings, near, membership, groups)
    classified = decide(decision, p_cnn, votes, near.similarities, level=level)
    chosen = voters(settings, near, groups)
    labels = None
    if decision.labels is not None and p_labels is not None:
        shares = label_shares(settings, near, membership, groups)
        p = decision.labels.apply(p_labels, shares)
        labels = Labels(p, decision.labels.name(p))
    return Answer(
        classified=classified,
        labels=labels,
        evidence=[
            _evidence(
                Neighbours(chosen.rows[q : q + 1], chosen.similarities[q : q + 1]),
                membership,
                settings,
            )
            for q in range(len(embeddings))
        ],
    )


def without_twins(neighbours: Neighbours, groups: npt.NDArray[np.int64]) -> Neighbours:
    """Take out near-identical covers and everything in their groups.

    Parameters
    ----------
    neighbours : Neighbours
        Nearest first.
    groups : ndarray of int64, shape (n_items,)
        Group of each item of the index.

    Returns
    -------
    Neighbours
        Of the same shape; freed slots at the end, empty.
    """
    rows, similarities = neighbours.rows.copy(), neighbours.similarities.copy()
    for q in range(len(rows)):
        twins = rows[q][np.nan_to_num(similarities[q], nan=-1.0) >= TWIN_SIMILARITY]
        if not len(twins):
            continue
        gone = (rows[q] < 0) | np.isin(groups[np.maximum(rows[q], 0)], groups[twins])
        order = np.argsort(gone, kind="stable")
        rows[q] = np.where(gone[order], -1, rows[q][order])
        similarities[q] = np.where(gone[order], np.nan, similarities[q][order])
    return Neighbours(rows, similarities)


def _evidence(
    near: Neighbours, membership: npt.NDArray[np.float32], settings: VoteSettings
) -> Evidence:
    """Gather the evidence of one picture."""
    filled = near.rows[0] >= 0
    weights = vote_weights(near, membership, temperature=settings.temperature)[0]
    return Evidence(
        rows=near.rows[0][filled],
        similarities=near.similarities[0][filled],
        weights=weights[filled],
        flip=find_flip(near, membership, settings) if filled.any() else Flip((), -1),
    )


def _group_numbers(columns: pa.Table, n_items: int) -> npt.NDArray[np.int64]:
    """Return the group of each item; its own where the index has no groups."""
    if "group" not in columns.column_names:
        return np.arange(n_items)
    names = [
        str(group) if group is not None else f"\x00{row}"
        for row, group in enumerate(columns.column("group").to_pylist())
    ]
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
