"""Classifying pictures with a workspace's model, index and fitted decision.

Letters: Q pictures, N covers of the index, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import CoverSet
from covers.classify.decision import DEFAULT_LEVEL, Classified, Decision
from covers.classify.flip import Flip, find_flip
from covers.classify.voting import (
    VoteSettings,
    label_shares,
    vote_weights,
    voters,
)
from covers.errors import DataError
from covers.stats.labels.platt import log_odds
from covers.stats.membership import make_membership
from covers.stats.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from indexer import VectorStore

TWIN_SIMILARITY = 0.9995
_CANDIDATES_PER_VOTER = 3
_READ = ("genres", "group", "split")
_AT_ONCE = 200_000


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence for the vote on one picture: its voters, and what would turn it.

    Parameters
    ----------
    cover_ids : tuple of str
        The voters, nearest first.
    similarities, weights : ndarray of float, shape (n_voters,)
        Cosine similarity to the picture; share of the vote.
    flip : Flip
        The fewest voters without whom another genre would win.
    """

    cover_ids: tuple[str, ...]
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
class SeenPictures:
    """Pictures with their embeddings and logits.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_pictures, n_dimensions)
    p_network : ndarray of float, shape (n_pictures, n_genres)
        The network's raw distributions, in the order of ``Decision.vocab``.
    cover_ids : sequence of str, length n_pictures
        Content id of each picture, whether or not it is in the index.
    p_labels : ndarray of float, shape (n_pictures, n_genres), optional
        The sigmoids of a network with independent genres, in the same order.
    """

    embeddings: npt.NDArray[np.float32]
    p_network: npt.NDArray[np.floating[Any]]
    cover_ids: Sequence[str]
    p_labels: npt.NDArray[np.floating[Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Classified pictures and the evidence for each.

    Parameters
    ----------
    vocab : tuple of str
        Genres, in the order of all columns.
    level : float
        Of the prediction sets.
    classified : Classified
    evidence : list of Evidence
        One per picture.
    labels : Labels, optional
        Of a network with independent genres.
    """

    vocab: tuple[str, ...]
    level: float
    classified: Classified
    evidence: list[Evidence]
    labels: Labels | None = None


def index_membership(
    columns: pa.Table, vocab: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Return how much each item of an index belongs to each genre.

    Parameters
    ----------
    columns : pyarrow.Table
        With a list column ``genres``.
    vocab : sequence of str

    Returns
    -------
    ndarray of float64, shape (n_items, n_genres)
        As `covers.stats.membership.make_membership` defines it.
    """
    return make_membership(columns.column("genres").to_pylist(), vocab)


class References(CoverSet):
    """The covers of an index, which vote; read once, they serve many classifications.

    What is read of each is its genres, group and side, never its vector.
    """

    @classmethod
    def of(cls, index: VectorStore, vocab: Sequence[str]) -> References:
        """Read genres, groups and sides of the covers in an index."""
        import pyarrow as pa

        wanted = {
            name: index.schema.field(name)
            for name in _READ
            if name in index.schema.names
        }
        ids: list[str] = []
        tables = [pa.Table.from_batches([], schema=pa.schema(wanted.values()))]
        for batch in index.batches(_AT_ONCE, with_vectors=False, columns=wanted):
            ids += batch.ids.tolist()
            tables.append(batch.columns.select(list(wanted)))
        columns = pa.concat_tables(tables)
        splits = [""] * len(ids)
        if "split" in wanted:
            splits = columns.column("split").to_pylist()
        return cls(
            cover_ids=ids,
            vocab=tuple(vocab),
            membership=index_membership(columns, vocab),
            groups=_group_numbers(columns, len(ids)),
            splits=np.asarray(splits, np.str_),
        )

    def whole_groups(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the rows of everything in the groups of some rows."""
        known = rows[rows >= 0]
        return np.flatnonzero(np.isin(self.groups, self.groups[known]))


def classify_embeddings(
    pictures: SeenPictures,
    index: VectorStore,
    decision: Decision,
    *,
    level: float = DEFAULT_LEVEL,
    references: References | None = None,
) -> Answer:
    """Classify pictures by the network and by a vote of all covers in the index.

    Who may vote is said by `find_voters`.

    Parameters
    ----------
    pictures : SeenPictures
    index : VectorStore
    decision : Decision
    level : float, default=0.9
        Of the prediction sets.
    references : References, optional
        Of the same index and vocabulary, where they are at hand.
    """
    if references is None:
        references = References.of(index, decision.vocab)
    classified, near = classify_with_neighbours(
        pictures, index, decision, references, level=level
    )
    p_labels = pictures.p_labels
    settings = decision.classifier.settings
    membership, groups = references.membership, references.groups
    chosen = voters(settings, near, groups)
    labels = None
    if classified.named is not None:
        labels = Labels(classified.probabilities.combined, classified.named)
    elif decision.labels_before is not None and p_labels is not None:
        shares = label_shares(settings, near, membership, groups)
        p = decision.labels_before.apply(log_odds(p_labels, shares))
        labels = Labels(p, decision.labels_before.name(p))
    return Answer(
        vocab=decision.vocab,
        level=level,
        classified=classified,
        labels=labels,
        evidence=[
            _evidence(
                Neighbours(chosen.rows[q : q + 1], chosen.similarities[q : q + 1]),
                references,
                decision,
            )
            for q in range(len(pictures.embeddings))
        ],
    )


def classify_with_neighbours(
    pictures: SeenPictures,
    index: VectorStore,
    decision: Decision,
    references: References,
    *,
    level: float = DEFAULT_LEVEL,
) -> tuple[Classified, Neighbours]:
    """Classify pictures without gathering the evidence for each; see `classify_embeddings`.

    Returns
    -------
    classified : Classified
    near : Neighbours
        The candidates for voting, as rows of `references`.
    """
    settings = decision.classifier.settings
    near = find_voters(
        pictures.embeddings,
        pictures.cover_ids,
        index,
        references,
        n_wanted=_n_candidates(settings),
    )
    votes = decision.classifier.vote_with(
        settings, near, references.membership, references.groups
    )
    raw = pictures.p_network
    if decision.is_several and pictures.p_labels is not None:
        raw = pictures.p_labels
    return decision.decide(raw, votes, near.similarities, level=level), near


def find_voters(
    embeddings: npt.NDArray[np.float32],
    cover_ids: Sequence[str],
    index: VectorStore,
    references: References,
    *,
    n_wanted: int,
) -> Neighbours:
    """Find the covers that may vote on pictures, nearest first.

    The one rule for who may vote: a picture that is in the index does not vote
    on itself, nor does anything in its group: its near-duplicates, its artist,
    its release. So a known cover is judged like a new one, as in evaluation. A
    picture from outside that is nearly one of the index (`TWIN_SIMILARITY`) is
    taken for that one.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_pictures, n_dimensions)
    cover_ids : sequence of str, length n_pictures
    index : VectorStore
    references : References
        Of that index.
    n_wanted : int
        How many neighbours of each.

    Returns
    -------
    Neighbours
        Rows of `references`, shape (n_pictures, n_wanted).

    Raises
    ------
    DataError
        If the index is damaged so that it answers with covers that it was to leave out.
    """
    own = references.rows.of(cover_ids)
    silent = [references.whole_groups(row) for row in own[:, np.newaxis]]
    rows, similarities = _search_without(
        embeddings, index, references, silent, n_wanted=n_wanted
    )
    while True:
        is_twin = (rows >= 0) & (similarities >= TWIN_SIMILARITY)
        (known,) = np.nonzero(is_twin.any(axis=1))
        if not len(known):
            return Neighbours(rows, similarities)
        for q in known:
            more = references.whole_groups(rows[q][is_twin[q]])
            if np.isin(more, silent[q]).all():
                message = f"the index in '{index.address}' answers with covers that were to be left out: run 'covers index verify --repair'"
                raise DataError(message)
            silent[q] = np.union1d(silent[q], more)
        rows[known], similarities[known] = _search_without(
            embeddings[known],
            index,
            references,
            [silent[q] for q in known],
            n_wanted=n_wanted,
        )


def _search_without(
    embeddings: npt.NDArray[np.float32],
    index: VectorStore,
    references: References,
    silent: Sequence[npt.NDArray[np.int64]],
    *,
    n_wanted: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Find the neighbours of each picture, some rows left out; NaN where there are no more."""
    ids = references.cover_ids
    hidden = [[ids[row] for row in rows.tolist()] for rows in silent]
    found = index.search(embeddings, n_wanted, exclude_ids=hidden)
    rows = references.rows.of(found.ids.ravel()).reshape(found.ids.shape)
    similarities = np.where(rows >= 0, found.similarities, np.nan)
    return rows, similarities.astype(np.float32)


def _n_candidates(settings: VoteSettings) -> int:
    """Return how many neighbours are looked at so that enough of them may vote."""
    return settings.k * (_CANDIDATES_PER_VOTER if settings.one_per_group else 1)


def _evidence(near: Neighbours, references: References, decision: Decision) -> Evidence:
    """Gather the evidence of one picture."""
    membership, settings = references.membership, decision.classifier.settings
    filled = near.rows[0] >= 0
    weights = vote_weights(near, membership, temperature=settings.temperature)[0]
    return Evidence(
        cover_ids=tuple(references.cover_ids[row] for row in near.rows[0][filled]),
        similarities=near.similarities[0][filled],
        weights=weights[filled],
        flip=find_flip(near, membership, settings, is_several=decision.is_several)
        if filled.any()
        else Flip((), -1),
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
