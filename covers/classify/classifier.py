"""From what the network and a picture's neighbours say to a calibrated answer.

Everything that ``covers classify`` needs is fitted on held-out covers and kept in
``analysis/decision.json``. There are two classifiers: one genre per cover, whose
probabilities sum to one, and several independent genres, each with a probability
of its own. Letters: Q queries, G genres.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.blend import Blend, fit_blend
from covers.classify.labels import LabelCalibrator, LabelledCovers
from covers.classify.methods import Method, named_now
from covers.classify.voting import VoteSettings, label_shares, vote_with
from covers.stats.calibration import Calibrator, Temperature, read_calibrator
from covers.stats.conformal import Familiarity, PredictionSets, Verdict, give_verdicts
from covers.stats.labels.platt import log_odds

if TYPE_CHECKING:
    from collections.abc import Mapping


Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DEFAULT_LEVEL = 0.9


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """Calibrated probabilities of the three methods, each of shape (n_queries, n_genres)."""

    network: Array
    vote: Array
    combined: Array

    def __len__(self) -> int:
        return len(self.combined)

    def by_method(self) -> dict[str, Array]:
        """Return them under the names of the methods."""
        found = {
            Method.NETWORK: self.network,
            Method.VOTE: self.vote,
            Method.COMBINED: self.combined,
        }
        return {str(method): p for method, p in found.items()}

    @classmethod
    def of(cls, by_method: Mapping[str, Array]) -> Probabilities:
        """Read them off their names."""
        return cls(
            network=by_method[Method.NETWORK],
            vote=by_method[Method.VOTE],
            combined=by_method[Method.COMBINED],
        )


@dataclass(frozen=True, kw_only=True)
class HeldOutCovers:
    """Covers that neither the network nor the voters have seen: what a classifier is fitted on.

    Parameters
    ----------
    p_network, p_vote : ndarray of float, shape (n_covers, n_genres)
        Raw, see the classifiers.
    membership : ndarray of float64, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    references : ndarray of float64, shape (n_references, n_genres), optional
        Membership of the covers that network and voters have seen.
    """

    p_network: npt.NDArray[np.floating[Any]]
    p_vote: Array
    membership: Array
    groups: npt.NDArray[np.int64]
    references: Array | None = None

    def labelled(self) -> LabelledCovers:
        """Return the genres of these covers, and of those that were seen."""
        return LabelledCovers(
            has=self.membership > 0,
            groups=self.groups,
            known=None if self.references is None else self.references > 0,
        )


@dataclass(frozen=True, kw_only=True)
class OneGenreClassifier:
    """One genre is sought: probabilities of a cover sum to one.

    Parameters
    ----------
    settings : VoteSettings
        k, temperature and the rest, by held-out log-loss.
    network, vote, combined : Calibrator
        Of the network's softmax, of the vote, and of their blend.
    blend : Blend
        Exponents of the raw network and vote.
    """

    settings: VoteSettings
    network: Calibrator
    vote: Calibrator
    combined: Calibrator
    blend: Blend

    @classmethod
    def fit(cls, held: HeldOutCovers, settings: VoteSettings) -> OneGenreClassifier:
        """Fit calibrators and blend on held-out covers."""
        membership, groups = held.membership, held.groups
        # Raw distributions: two exponents cannot overfit, while calibrators fitted on
        # the same covers would make the blend trust them too much.
        blend = fit_blend(held.p_network, held.p_vote, membership, groups)
        combined = blend.apply(held.p_network, held.p_vote)
        return cls(
            settings=settings,
            network=Temperature.fit(held.p_network, membership, groups),
            vote=Temperature.fit(held.p_vote, membership, groups),
            combined=Temperature.fit(combined, membership, groups),
            blend=blend,
        )

    vote_with = staticmethod(vote_with)

    def apply(
        self, p_network: npt.NDArray[np.floating[Any]], p_vote: Array
    ) -> Probabilities:
        """Calibrate raw distributions, each of shape (n_queries, n_genres)."""
        return Probabilities(
            network=self.network.apply(p_network),
            vote=self.vote.apply(p_vote),
            combined=self.combined.apply(self.blend.apply(p_network, p_vote)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the classifier as JSON values."""
        return {
            "vote": self.settings.to_json(),
            "calibrators": {
                str(Method.NETWORK): self.network.to_json(),
                str(Method.VOTE): self.vote.to_json(),
                str(Method.COMBINED): self.combined.to_json(),
            },
            "blend": asdict(self.blend),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OneGenreClassifier:
        """Read what `to_json` wrote, in this version or in the one before."""
        calibrators = {
            name: read_calibrator(value)
            for name, value in named_now(values["calibrators"]).items()
        }
        return cls(
            settings=VoteSettings.from_json(values["vote"]),
            network=calibrators[Method.NETWORK],
            vote=calibrators[Method.VOTE],
            combined=calibrators[Method.COMBINED],
            blend=Blend(**named_now(values["blend"])),
        )


@dataclass(frozen=True, kw_only=True)
class SeveralGenresClassifier:
    """Genres are independent: each has a probability of its own, and covers have any number.

    Parameters
    ----------
    settings : VoteSettings
    calibrators : dict of str to LabelCalibrator
        Of network, vote, and both.
    implied : ndarray of bool, shape (n_genres, n_genres)
        Which genre brings which along, see `covers.classify.labels.follow_tree`.
    """

    settings: VoteSettings
    calibrators: dict[str, LabelCalibrator]
    implied: Flags

    @classmethod
    def fit(
        cls, held: HeldOutCovers, settings: VoteSettings, implied: Flags
    ) -> SeveralGenresClassifier:
        """Fit a calibrator per method on held-out covers; raw values are sigmoids and shares of voters."""
        labelled = held.labelled()
        return cls(
            settings=settings,
            calibrators={
                name: LabelCalibrator.fit(odds, labelled, implied)
                for name, odds in _sources(held.p_network, held.p_vote).items()
            },
            implied=implied,
        )

    vote_with = staticmethod(label_shares)

    def apply(
        self, p_network: npt.NDArray[np.floating[Any]], p_vote: Array
    ) -> Probabilities:
        """Calibrate sigmoids and shares, each of shape (n_queries, n_genres)."""
        return Probabilities.of(
            {
                name: self.calibrators[name].apply(odds, self.implied)
                for name, odds in _sources(p_network, p_vote).items()
            }
        )

    def name(self, probabilities: Probabilities) -> dict[str, Flags]:
        """Say for each method which genres are named, each of shape (n_queries, n_genres)."""
        return {
            name: self.calibrators[name].name(p, self.implied)
            for name, p in probabilities.by_method().items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return the classifier as JSON values."""
        return {
            "vote": self.settings.to_json(),
            "calibrators": {
                name: calibrator.to_json()
                for name, calibrator in self.calibrators.items()
            },
            "implied": np.argwhere(self.implied).tolist(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SeveralGenresClassifier:
        """Read what `to_json` wrote."""
        calibrators = {
            name: LabelCalibrator.from_json(value)
            for name, value in values["calibrators"].items()
        }
        n_genres = len(calibrators[Method.COMBINED].offsets)
        implied = np.zeros((n_genres, n_genres), bool)
        for finer, broader in values["implied"]:
            implied[finer, broader] = True
        return cls(
            settings=VoteSettings.from_json(values["vote"]),
            calibrators=calibrators,
            implied=implied,
        )


Classifier = OneGenreClassifier | SeveralGenresClassifier


def _sources(
    p_network: npt.NDArray[np.floating[Any]], p_vote: npt.NDArray[np.floating[Any]]
) -> dict[str, Array]:
    """Return the log-odds that each method goes by, shape (n_queries, n_genres, n_sources)."""
    odds = log_odds(p_network, p_vote)
    found = {
        Method.NETWORK: odds[:, :, :1],
        Method.VOTE: odds[:, :, 1:],
        Method.COMBINED: odds,
    }
    return {str(method): of for method, of in found.items()}


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
        kind = (
            SeveralGenresClassifier
            if values.get("several_genres")
            else OneGenreClassifier
        )
        labels = values.get("labels")
        return cls(
            vocab=tuple(values["genres"]),
            classifier=kind.from_json(values),
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
