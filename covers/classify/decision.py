"""Answers about pictures: probabilities, prediction sets, verdicts.

Everything that ``covers classify`` needs is fitted on held-out covers and kept in
``analysis/decision.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.classifier import (
    Array,
    Classifier,
    Flags,
    Probabilities,
    SeveralGenresClassifier,
    read_classifier,
)
from covers.classify.labels import LabelCalibrator
from covers.classify.methods import Method
from covers.stats.conformal import Familiarity, PredictionSets, Verdict, give_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LEVEL = 0.9


@dataclass(frozen=True, kw_only=True)
class Classified:
    """The answer for each query.

    Parameters
    ----------
    probabilities : Probabilities
    inside : ndarray of bool, shape (n_queries, n_genres)
        Prediction sets at the level asked for.
    verdicts : list of Verdict
    named : ndarray of bool, shape (n_queries, n_genres), or None
        Of independent genres: those that network and vote together say a cover has.
    """

    probabilities: Probabilities
    inside: Flags
    verdicts: list[Verdict]
    named: Flags | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """All that is needed to classify a picture.

    Parameters
    ----------
    vocab : tuple of str
        Names of the genres, in the order of all columns.
    classifier : OneGenreClassifier or SeveralGenresClassifier
    sets : PredictionSets
        Conformal scores of network and vote together.
    familiarity : Familiarity
    labels_before : LabelCalibrator, optional
        What version 0.1 fitted for a network with independent genres, beside
        a classifier of one genre.
    """

    vocab: tuple[str, ...]
    classifier: Classifier
    sets: PredictionSets
    familiarity: Familiarity
    labels_before: LabelCalibrator | None = None

    @property
    def is_several(self) -> bool:
        """Whether genres are taken as independent."""
        return isinstance(self.classifier, SeveralGenresClassifier)

    def decide(
        self,
        p_network: npt.NDArray[np.floating[Any]],
        p_vote: Array,
        similarities: npt.NDArray[np.float32],
        *,
        level: float = DEFAULT_LEVEL,
    ) -> Classified:
        """Classify queries.

        Parameters
        ----------
        p_network, p_vote : ndarray of float, shape (n_queries, n_genres)
            Raw: what the network says, and the vote under the classifier's settings.
        similarities : ndarray of float32, shape (n_queries, k)
            Of the nearest covers, nearest first.
        level : float, default=0.9
            Rate at which the prediction set shall hold the truth.
        """
        found = self.classifier.apply(p_network, p_vote)
        inside = self.sets.contains(found.combined, level)
        unfamiliar = self.familiarity.is_unfamiliar(similarities)
        if not isinstance(self.classifier, SeveralGenresClassifier):
            return Classified(
                probabilities=found,
                inside=inside,
                verdicts=give_verdicts(inside, unfamiliar),
            )
        return Classified(
            probabilities=found,
            inside=inside,
            verdicts=judge_levels(
                found.combined, unfamiliar, self.classifier.implied, level
            ),
            named=self.classifier.name(found)[Method.COMBINED],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the payload of ``decision.json``."""
        return {
            "genres": list(self.vocab),
            "several_genres": self.is_several,
            **self.classifier.to_json(),
            "sets": self.sets.to_json(),
            "familiarity": self.familiarity.to_json(),
            **({"labels": self.labels_before.to_json()} if self.labels_before else {}),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decision:
        """Read what `to_json` wrote, in this version or in the one before."""
        labels = values.get("labels")
        return cls(
            vocab=tuple(values["genres"]),
            classifier=read_classifier(values),
            sets=PredictionSets.from_json(values["sets"]),
            familiarity=Familiarity.from_json(values["familiarity"]),
            labels_before=LabelCalibrator.from_json(labels) if labels else None,
        )


def judge_levels(
    p: Array, unfamiliar: Flags, implied: Flags, level: float
) -> list[Verdict]:
    """Say of each query how far its genres are certain.

    Parameters
    ----------
    p : ndarray of float64, shape (n_queries, n_genres)
        Calibrated probability of each genre by itself.
    unfamiliar : ndarray of bool, shape (n_queries,)
        Comes first.
    implied : ndarray of bool, shape (n_genres, n_genres)
        Genres that others imply are broad.
    level : float
        A genre is certain from this probability on.

    Returns
    -------
    list of Verdict
        ``sure`` where some genre is certain that no other implies, the broad
        verdict where only broad ones are, else ``unsure``.
    """
    certain = p >= level
    is_broad = implied.any(axis=0)
    fine = certain[:, ~is_broad].any(axis=1)
    broad = certain[:, is_broad].any(axis=1)
    found = np.where(fine, Verdict.SURE, np.where(broad, Verdict.BROAD, Verdict.UNSURE))
    return [
        Verdict.UNFAMILIAR if strange else Verdict(verdict)
        for strange, verdict in zip(unfamiliar, found, strict=True)
    ]
