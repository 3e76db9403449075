"""Many covers of a library classified at once, each as if it were new.

The same rule as for a single one (`covers.classify.classify.find_voters`): a
cover, its near-duplicates, its artist and its release do not vote on it.
Letters: N covers, G genres.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.classify.classify import References, SeenPictures, classify_with_neighbours
from covers.classify.labels import genre_shares, label_odds
from covers.classify.voting import voters
from covers.evaluate.checks.columns import align_columns
from covers.evaluate.stage import read_decision
from covers.index.hits import known_hits
from covers.index.open import open_index
from covers.model.card import read_card
from covers.model.embedding_table import read_embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.classify.decision import Classified
    from covers.index.hits import Hit
    from covers.model.card import ModelCard
    from covers.stats.neighbours import Neighbours
    from covers.workspace.paths import Workspace
    from indexer import VectorStore

_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifiedCovers:
    """What network and vote together say of many covers.

    Parameters
    ----------
    cover_ids : list of str
    vocab : tuple of str
        Genres of the columns.
    probabilities : ndarray of float32, shape (n_covers, n_genres)
        Calibrated; of independent genres each by itself.
    verdicts : list of str
    inside : ndarray of bool, shape (n_covers, n_genres)
        Prediction sets.
    named : ndarray of bool, shape (n_covers, n_genres)
        The genres that a cover is said to have; the likeliest where genres are not
        independent.
    voters : list of list of Hit
        The nearest covers that voted, as many as were asked for.
    """

    cover_ids: list[str]
    vocab: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    verdicts: list[str]
    inside: npt.NDArray[np.bool_]
    named: npt.NDArray[np.bool_]
    voters: list[list[Hit]] = field(default_factory=list, repr=False)

    @property
    def likeliest(self) -> list[str]:
        """The genre with the highest probability of each cover."""
        return [self.vocab[column] for column in self.probabilities.argmax(axis=1)]

    def listed(self, chosen: npt.NDArray[np.bool_]) -> list[list[str]]:
        """Return the chosen genres of each cover, likeliest first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")
        return [
            [self.vocab[column] for column in columns if own[column]]
            for columns, own in zip(order.tolist(), chosen, strict=True)
        ]

    @property
    def certainties(self) -> npt.NDArray[np.float32]:
        """The highest probability of each cover, shape (n_covers,)."""
        highest: npt.NDArray[np.float32] = self.probabilities.max(axis=1)
        return highest


def classify_covers(
    workspace: Workspace,
    cover_ids: Sequence[str] | None = None,
    *,
    n_voters: int = 0,
) -> ClassifiedCovers:
    """Classify some covers of a workspace, by default all; those without an embedding are left out.

    Parameters
    ----------
    workspace : Workspace
        With a model, embeddings, an index and an evaluation.
    cover_ids : sequence of str, optional
    n_voters : int, default=0
        How many voters of each to return as its evidence.

    Raises
    ------
    CoversError, IndexerError
        If one of these is missing or belongs to another model; the message names
        the command that makes it.
    """
    card = read_card(workspace.model_folder)
    decision = read_decision(workspace, card.fingerprint)
    index = open_index(workspace)
    table = read_embeddings(workspace, cover_ids, final=True)
    references = References.of(index, decision.vocab)
    found: list[Classified] = []
    shown: list[list[Hit]] = []
    for start in range(0, len(table.cover_ids), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        p_network, p_labels = network_answers(table.logits[part], card, decision.vocab)
        pictures = SeenPictures(
            embeddings=table.embeddings[part],
            p_network=p_network,
            cover_ids=table.cover_ids[part],
            p_labels=p_labels,
        )
        classified, near = classify_with_neighbours(
            pictures, index, decision, references
        )
        found.append(classified)
        if n_voters:
            chosen = voters(decision.classifier.settings, near, references.groups)
            shown += _read_voters(
                index, references, chosen.nearest(n_voters), workspace
            )
    n_genres = len(decision.vocab)
    combined = [one.probabilities.combined for one in found]
    none = np.zeros((0, n_genres), bool)
    return ClassifiedCovers(
        cover_ids=list(table.cover_ids),
        vocab=decision.vocab,
        probabilities=np.concatenate([np.zeros((0, n_genres)), *combined]).astype(
            np.float32
        ),
        verdicts=[str(verdict) for one in found for verdict in one.verdicts],
        inside=np.concatenate([none, *(one.inside for one in found)]),
        named=np.concatenate([none, *(_named(one) for one in found)]),
        voters=shown,
    )


def _named(one: Classified) -> npt.NDArray[np.bool_]:
    """Return which genres are named; the likeliest where genres are not independent."""
    if one.named is not None:
        return one.named
    p = one.probabilities.combined
    found: npt.NDArray[np.bool_] = np.arange(p.shape[1]) == p.argmax(axis=1)[:, None]
    return found


def _read_voters(
    index: VectorStore,
    references: References,
    near: Neighbours,
    workspace: Workspace,
) -> list[list[Hit]]:
    """Return what the index knows of the voters of each cover."""
    used = np.unique(near.rows[near.rows >= 0]).tolist()
    ids = [references.cover_ids[row] for row in used]
    hits = known_hits(index, ids, [0.0] * len(ids), workspace)
    by_row = dict(zip(used, hits, strict=True))
    return [
        [
            replace(by_row[row], similarity=float(value))
            for row, value in zip(rows.tolist(), values, strict=True)
            if row >= 0
        ]
        for rows, values in zip(near.rows, near.similarities, strict=True)
    ]


def network_answers(
    logits: npt.NDArray[np.float32], card: ModelCard, vocab: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Turn the network's raw answers into distributions and label odds.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_covers, n_model_genres)
        In the order of the model's genres.
    card : ModelCard
    vocab : sequence of str
        Genres of the columns wanted.

    Returns
    -------
    p_network : ndarray of float64, shape (n_covers, n_genres)
    p_labels : ndarray of float64, shape (n_covers, n_genres), or None
        None where the network was trained on one genre per cover.

    Raises
    ------
    StaleError
        If the model knows other genres.
    """
    columns = align_columns(vocab, card.vocab)
    p_network = genre_shares(logits, multi_label=card.multi_label)[:, columns]
    if not card.multi_label:
        return p_network, None
    return p_network, label_odds(logits)[:, columns]
