"""What an evaluation says beside its measures: split, sets, curves, mistakes, fits, checks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covers.classify.classifier import Classifier, read_classifier
from covers.classify.methods import named_now
from covers.classify.voting import VoteSettings  # noqa: TC001 - read by Document
from covers.evaluate.measures import IN_WORDS, NO_INTERVAL, Interval
from covers.render.short_repr import ShortRepr
from covers.stats.conformal import Familiarity  # noqa: TC001 - read by Document
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.documents import left_out

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, repr=False)
class Split(ShortRepr):
    """Sides that were used: covers on each, which was measured, groups and what they are."""

    n_train: int
    n_valid: int
    n_test: int = 0
    measured: str
    n_groups: int
    grouped_by: str


@dataclass(frozen=True, kw_only=True, repr=False)
class SetScore(ShortRepr):
    """How often a genre's prediction sets hold it, and how large they are."""

    coverage: float = math.nan
    mean_size: float = math.nan
    n: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class Sets(ReadOnly, ShortRepr):
    """Prediction sets: the stated rate, the rate reached, their mean size.

    Parameters
    ----------
    level, coverage, mean_size : float
    sizes : tuple of float
        Share of covers with a set of 0, 1, 2 … genres.
    per_genre : dict of str to SetScore
    """

    level: float
    coverage: float = math.nan
    mean_size: float = math.nan
    sizes: tuple[float, ...] = ()
    per_genre: dict[str, SetScore] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Certain(ShortRepr):
    """Accuracy among the most certain share of the covers.

    Parameters
    ----------
    share : float
    n : int
    certainty : float
        The least of those answered.
    accuracy : float
    ci95 : tuple of float
    """

    share: float
    n: int
    certainty: float
    accuracy: float
    ci95: Interval = left_out(NO_INTERVAL)


@dataclass(frozen=True, kw_only=True, repr=False)
class Growth(ReadOnly, ShortRepr):
    """How well the vote does with so many covers to learn from.

    Parameters
    ----------
    n_references : int
    value : float
        In the measure that methods are compared by.
    ci95 : tuple of float
    gain : float
        Over the point before, which has half the groups; unknown at the first.
    gain_ci95 : tuple of float
    measures : dict of str to float
        What was measured, that measure among it.
    """

    n_references: int
    value: float
    ci95: Interval = left_out(NO_INTERVAL)
    gain: float = left_out(math.nan)
    gain_ci95: Interval = left_out(NO_INTERVAL)
    measures: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gather the measures, each of which lies in the document by its name."""
        measures = {name: one for name, one in value.items() if name in IN_WORDS}
        return {**value, "measures": measures}

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Spread the measures; the one that is compared by is one of them."""
        del written["value"]
        return {**written.pop("measures"), **written}


@dataclass(frozen=True, kw_only=True, repr=False)
class Loss(ShortRepr):
    """A held-out cover whose own genre was thought unlikely, and what was thought instead."""

    cover_id: str
    genres: tuple[str, ...]
    predicted: str
    p_predicted: float
    p_true: float
    log_loss: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Fitted(ShortRepr):
    """What was fitted on held-out covers.

    Parameters
    ----------
    vote : VoteSettings
    classifier : OneGenreClassifier or SeveralGenresClassifier or None
        Calibrators and all; None where version 0.1 wrote no more than their names.
    familiarity : Familiarity or None
    cross_fitted : bool
        Over folds, because the side that is measured is the one fitted on.
    n_folds : int
    n_across_folds : int
        Train covers that helped, with answers by heads that have not seen them.
    """

    vote: VoteSettings
    classifier: Classifier | None = None
    familiarity: Familiarity | None = None
    cross_fitted: bool
    n_folds: int
    n_across_folds: int = 0

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gather what belongs to the classifier."""
        calibrators = value.get("calibrators", {}).values()
        is_known = bool(calibrators) and all(
            not isinstance(c, str) for c in calibrators
        )
        return {**value, "classifier": read_classifier(value) if is_known else None}

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Spread the classifier, of which the vote is a part."""
        return {**(written.pop("classifier") or {}), **written}


@dataclass(frozen=True, kw_only=True, repr=False)
class Shuffled(ShortRepr):
    """What a method's own answers would be worth for covers in random order.

    Parameters
    ----------
    accuracy_if_shuffled : float
        Where one genre is sought.
    above_shuffled : bool or None
        Whether the interval of the accuracy lies above that.
    first_right_if_shuffled : float
        Where genres are independent.
    """

    accuracy_if_shuffled: float = left_out(math.nan)
    above_shuffled: bool | None = left_out(None)
    first_right_if_shuffled: float = left_out(math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class SelfCheck(ReadOnly, ShortRepr):
    """What was checked before anything was written.

    Parameters
    ----------
    passed : bool
    first_right_by_chance, mean_average_precision_by_chance : float
        Of independent genres: what a random answer, or a random order, would have.
    methods : dict of str to Shuffled
    twins : tuple of str
        Held-out covers with an all but identical one among the references.
    """

    passed: bool = True
    first_right_by_chance: float = left_out(math.nan)
    mean_average_precision_by_chance: float = left_out(math.nan)
    methods: dict[str, Shuffled] = field(default_factory=dict)
    twins: tuple[str, ...] = ()

    @staticmethod
    def prepare(value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the methods of version 0.1 the names they have now."""
        return {**value, "methods": named_now(value.get("methods", {}))}


@dataclass(frozen=True, kw_only=True, repr=False)
class MeasuredModel(ShortRepr):
    """Which model was measured, and on how many covers its head was fitted afterwards."""

    fingerprint: str
    arch: str
    n_fitted_after: int | None = None
