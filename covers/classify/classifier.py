"""Calibrated probabilities of genres, from what the network and the neighbours say.

There are two classifiers: one genre per cover, whose probabilities sum to one, and
several independent genres, each with a probability of its own.
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
from covers.render.short_repr import ShortRepr
from covers.stats.calibration.temperature import (
    Calibrator,
    Temperature,
    read_calibrator,
)
from covers.stats.labels.platt import log_odds
from covers.workspace.documents import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping


Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Probabilities:
    """Calibrated probabilities of the three methods, each of shape (n_queries, n_genres)."""

    network: Array
    vote: Array
    combined: Array

    def __len__(self) -> int:
        return len(self.combined)

    def by_method(self) -> dict[str, Array]:
        """Return the probabilities of each method by its name."""
        found = {
            Method.NETWORK: self.network,
            Method.VOTE: self.vote,
            Method.COMBINED: self.combined,
        }
        return {str(method): p for method, p in found.items()}

    @classmethod
    def of(cls, by_method: Mapping[str, Array]) -> Probabilities:
        """Take the probabilities of the three methods from a dict by their names."""
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
        """Return the same covers with yes or no for each genre, as independent genres are calibrated on."""
        return LabelledCovers(
            has=self.membership > 0,
            groups=self.groups,
            known=None if self.references is None else self.references > 0,
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class OneGenreClassifier(ShortRepr):
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
            "vote": encode(self.settings),
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
            settings=decode(VoteSettings, values["vote"], "vote"),
            network=calibrators[Method.NETWORK],
            vote=calibrators[Method.VOTE],
            combined=calibrators[Method.COMBINED],
            blend=Blend(**named_now(values["blend"])),
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class SeveralGenresClassifier(ShortRepr):
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
            "vote": encode(self.settings),
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
            settings=decode(VoteSettings, values["vote"], "vote"),
            calibrators=calibrators,
            implied=implied,
        )


Classifier = OneGenreClassifier | SeveralGenresClassifier


def read_classifier(values: Mapping[str, Any]) -> Classifier:
    """Read what the ``to_json`` of either classifier wrote."""
    if "implied" in values:
        return SeveralGenresClassifier.from_json(values)
    return OneGenreClassifier.from_json(values)


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
