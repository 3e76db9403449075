"""Curves of one quantity over another: certainty kept, covers known.

Letters: N covers, G genres, B resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.voting import VoteSettings, vote_with
from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.metrics import measure_method
from covers.stats.neighbours import find_neighbours

if TYPE_CHECKING:
    from covers.stats.neighbours import Neighbours

Array = npt.NDArray[np.float64]
_CANDIDATES_PER_VOTER = 5


def coverage_curve(
    certainty: Array,
    right: Array,
    *,
    draws: GroupBootstrap | None = None,
    n_points: int = 20,
) -> list[dict[str, Any]]:
    """Return the accuracy among the most certain covers, for growing shares of them.

    Parameters
    ----------
    certainty, right : ndarray of float64, shape (n_covers,)
        Probability of the predicted genre; whether that genre is one of the cover's.
    draws : GroupBootstrap, optional
        For the intervals.
    n_points : int, default=20
        Number of shares, up to all covers.

    Returns
    -------
    list of dict
        ``share, n, certainty`` (the least of those kept), ``accuracy, ci95``.
    """
    order = np.argsort(-certainty, kind="stable")
    curve = []
    for share in np.linspace(0, 1, n_points + 1)[1:]:
        kept = order[: max(1, round(share * len(order)))]
        point: dict[str, Any] = {
            "share": float(share),
            "n": len(kept),
            "certainty": float(certainty[kept[-1]]),
            "accuracy": float(right[kept].mean()),
        }
        if draws is not None:
            inside = np.zeros(len(order))
            inside[kept] = 1
            sums = draws.sums(np.column_stack([inside * right, inside]))
            with np.errstate(invalid="ignore"):
                ratio = sums[:, 0] / sums[:, 1]
            point["ci95"] = percentile_interval(ratio).as_list()
        curve.append(point)
    return curve


def learning_curve(
    queries: npt.NDArray[np.float32],
    references: npt.NDArray[np.float32],
    truth: npt.NDArray[np.floating[Any]],
    membership: npt.NDArray[np.floating[Any]],
    *,
    query_groups: npt.NDArray[np.int64],
    reference_groups: npt.NDArray[np.int64],
    settings: VoteSettings,
    draws: GroupBootstrap | None = None,
    fractions: tuple[float, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0),
    n_repeats: int = 3,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Measure how the vote grows with the number of reference covers.

    Whole groups of references are left out, so that what a larger library
    would bring (new artists, not more of the same) can be read off.

    Parameters
    ----------
    queries, references : ndarray of float32, shape (n, n_dimensions)
        L2-normalised embeddings of held-out and of reference covers.
    truth, membership : ndarray of float, shape (n, n_genres)
        Memberships of the two.
    query_groups, reference_groups : ndarray of int64, shape (n,)
    settings : VoteSettings
        As fitted on all references; k is lowered where there are fewer.
    draws : GroupBootstrap, optional
        Resamples of the queries, for the interval at each size.
    fractions : tuple of float
        Shares of the reference groups.
    n_repeats : int, default=3
        Random subsets per share, averaged; one for the whole.
    seed : int, default=0

    Returns
    -------
    list of dict
        ``n_references, accuracy, macro_f1, ci95`` (of macro-F1).
    """
    rng = np.random.default_rng(seed)
    groups = np.unique(reference_groups)
    curve = []
    for fraction in fractions:
        results = []
        sizes = []
        for _ in range(n_repeats if fraction < 1 else 1):
            n_kept = max(1, round(fraction * len(groups)))
            kept = np.isin(
                reference_groups, rng.choice(groups, size=n_kept, replace=False)
            )
            votes = vote_with(
                settings,
                nearest_candidates(
                    queries,
                    references[kept],
                    settings,
                    query_groups=query_groups,
                    reference_groups=reference_groups[kept],
                ),
                membership[kept],
                reference_groups[kept],
            )
            results.append(measure_method(votes, truth, draws=draws))
            sizes.append(int(kept.sum()))
        point: dict[str, Any] = {"n_references": round(float(np.mean(sizes)))}
        for name in ("accuracy", "macro_f1"):
            point[name] = float(np.mean([found.values[name] for found in results]))
        if draws is not None:
            samples = np.mean([found.samples["macro_f1"] for found in results], axis=0)
            point["ci95"] = percentile_interval(samples).as_list()
        curve.append(point)
    return curve


def nearest_candidates(
    queries: npt.NDArray[np.float32],
    references: npt.NDArray[np.float32],
    settings: VoteSettings,
    *,
    query_groups: npt.NDArray[np.int64],
    reference_groups: npt.NDArray[np.int64],
) -> Neighbours:
    """Find enough neighbours for `settings`: more than k where a group votes once."""
    k = settings.k * (_CANDIDATES_PER_VOTER if settings.one_per_group else 1)
    return find_neighbours(
        queries,
        references,
        k=min(k, max(1, len(references))),
        query_groups=query_groups,
        reference_groups=reference_groups,
    )
