"""From a network's distribution and a picture's neighbours to a calibrated answer.

Everything that ``covers classify`` needs is fitted on held-out covers and kept in
``analysis/decision.json``. Letters: Q queries, G genres.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.blend import Blend, fit_blend
from covers.classify.labels import LabelReader
from covers.classify.voting import VoteSettings
from covers.stats.calibration import Calibrator, Temperature, read_calibrator
from covers.stats.conformal import Familiarity, PredictionSets, Verdict
from covers.workspace.registry import DECISION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = npt.NDArray[np.float64]

KIND = DECISION.kind
DEFAULT_LEVEL = 0.9


@dataclass(frozen=True, kw_only=True)
class Distributions:
    """Calibrated distributions of the three methods, each of shape (n_queries, n_genres)."""

    cnn: Array
    vote: Array
    blend: Array

    def __len__(self) -> int:
        return len(self.blend)


@dataclass(frozen=True, kw_only=True)
class Readers:
    """How the votes are counted, and how raw distributions become calibrated ones.

    Parameters
    ----------
    settings : VoteSettings
        k, temperature and the rest, by held-out log-loss.
    cnn, vote, combined : Calibrator
        Of the network, of the vote, and of their blend.
    blend : Blend
        Exponents of the raw network and vote.
    """

    settings: VoteSettings
    cnn: Calibrator
    vote: Calibrator
    combined: Calibrator
    blend: Blend

    def apply(
        self,
        p_cnn: npt.NDArray[np.floating[Any]],
        p_vote: npt.NDArray[np.floating[Any]],
    ) -> Distributions:
        """Calibrate raw distributions, each of shape (n_queries, n_genres)."""
        return Distributions(
            cnn=self.cnn.apply(p_cnn),
            vote=self.vote.apply(p_vote),
            blend=self.combined.apply(self.blend.apply(p_cnn, p_vote)),
        )


def fit_readers(
    p_cnn: npt.NDArray[np.floating[Any]],
    cast_votes: Callable[[VoteSettings], Array],
    settings: VoteSettings,
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
) -> Readers:
    """Fit calibrators and blend on held-out covers.

    Parameters
    ----------
    p_cnn : ndarray of float, shape (n_covers, n_genres)
        The network's distribution.
    cast_votes : callable
        Returns the vote of the same covers under given settings.
    settings : VoteSettings
        How to vote.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    """
    p_vote = cast_votes(settings)
    # Raw distributions: two exponents cannot overfit, while calibrators fitted on
    # the same covers would make the blend trust them too much.
    blend = fit_blend(p_cnn, p_vote, membership, groups)

    return Readers(
        settings=settings,
        cnn=Temperature.fit(p_cnn, membership, groups),
        vote=Temperature.fit(p_vote, membership, groups),
        combined=Temperature.fit(blend.apply(p_cnn, p_vote), membership, groups),
        blend=blend,
    )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """All that is needed to classify a picture.

    Parameters
    ----------
    vocab : tuple of str
        Names of the genres, in the order of all columns.
    readers : Readers
    sets : PredictionSets
        Conformal scores of the blend.
    familiarity : Familiarity
    labels : LabelReader, optional
        Of a network with independent genres.
    """

    vocab: tuple[str, ...]
    readers: Readers
    sets: PredictionSets
    familiarity: Familiarity
    labels: LabelReader | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the payload of ``decision.json``."""
        readers = self.readers
        return {
            "genres": list(self.vocab),
            "vote": readers.settings.to_json(),
            "calibrators": {
                "cnn": readers.cnn.to_json(),
                "vote": readers.vote.to_json(),
                "blend": readers.combined.to_json(),
            },
            "blend": asdict(readers.blend),
            "sets": self.sets.to_json(),
            "familiarity": self.familiarity.to_json(),
            "labels": self.labels.to_json() if self.labels else None,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decision:
        """Read what `to_json` wrote."""
        calibrators = values["calibrators"]
        return cls(
            vocab=tuple(values["genres"]),
            readers=Readers(
                settings=VoteSettings.from_json(values["vote"]),
                cnn=read_calibrator(calibrators["cnn"]),
                vote=read_calibrator(calibrators["vote"]),
                combined=read_calibrator(calibrators["blend"]),
                blend=Blend(**values["blend"]),
            ),
            sets=PredictionSets.from_json(values["sets"]),
            familiarity=Familiarity.from_json(values["familiarity"]),
            labels=LabelReader.from_json(values["labels"])
            if values.get("labels")
            else None,
        )


@dataclass(frozen=True, kw_only=True)
class Classified:
    """The answer for each query.

    Parameters
    ----------
    distributions : Distributions
    inside : ndarray of bool, shape (n_queries, n_genres)
        Prediction sets at the level asked for.
    verdicts : list of Verdict
    """

    distributions: Distributions
    inside: npt.NDArray[np.bool_]
    verdicts: list[Verdict]


def decide(
    decision: Decision,
    p_cnn: npt.NDArray[np.floating[Any]],
    p_vote: npt.NDArray[np.floating[Any]],
    similarities: npt.NDArray[np.float32],
    *,
    level: float = DEFAULT_LEVEL,
) -> Classified:
    """Classify queries.

    Parameters
    ----------
    decision : Decision
    p_cnn, p_vote : ndarray of float, shape (n_queries, n_genres)
        Raw distributions of the network and of the vote under the decision's settings.
    similarities : ndarray of float32, shape (n_queries, k)
        Of the nearest covers, nearest first.
    level : float, default=0.9
        Rate at which the prediction set shall hold the truth.
    """
    from covers.stats.conformal import give_verdicts

    distributions = decision.readers.apply(p_cnn, p_vote)
    inside = decision.sets.contains(distributions.blend, level)
    unfamiliar = decision.familiarity.is_unfamiliar(similarities)
    return Classified(
        distributions=distributions,
        inside=inside,
        verdicts=give_verdicts(inside, unfamiliar),
    )
