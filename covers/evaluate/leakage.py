"""The price of a leak: what a split that ignores groups would have claimed.

Letters: N covers, G genres, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.evaluate import baselines
from covers.evaluate.inputs import Sides
from covers.stats.bootstrap import GroupBootstrap, Interval, percentile_interval
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.metrics import measure_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.evaluate.inputs import EvaluationInputs

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
N_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """Macro-F1 under both kinds of split.

    Parameters
    ----------
    random, grouped : float
        On the same covers, with a split at random and with one by groups.
    interval : Interval
        Of the difference, by group bootstrap.
    """

    random: float
    grouped: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        """Return the row of ``covers evaluate --leakage --json``."""
        return {
            "random": self.random,
            "grouped": self.grouped,
            "difference": self.random - self.grouped,
            "ci95": self.interval.as_list(),
        }


def compare_splits(
    random: list[Array],
    grouped: list[Array],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    *,
    n_bootstraps: int = 1000,
    seed: int = 0,
) -> Leakage:
    """Compare predictions for the same covers under the two kinds of split.

    Parameters
    ----------
    random, grouped : list of ndarray of float64, shape (n_covers, n_genres)
        Distributions, once per repeat; the figures are means over repeats.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
        Resampled whole.
    n_bootstraps, seed : int
    """
    draws = GroupBootstrap.draw(groups, n_bootstraps=n_bootstraps, seed=seed)
    values, samples = [], []
    for repeats in (random, grouped):
        found = [measure_method(p, membership, draws=draws) for p in repeats]
        values.append(float(np.mean([each.values["macro_f1"] for each in found])))
        samples.append(np.mean([each.samples["macro_f1"] for each in found], axis=0))
    return Leakage(
        random=values[0],
        grouped=values[1],
        interval=percentile_interval(samples[0] - samples[1]),
    )


def measure_leakage(
    predict: Callable[[Rows, Rows], Array],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    *,
    n_folds: int = 5,
    n_repeats: int = N_REPEATS,
    n_bootstraps: int = 1000,
    seed: int = 0,
) -> Leakage:
    """Cross-validate a method over random folds and over folds that keep groups together.

    Parameters
    ----------
    predict : callable
        Called with the rows of references and of queries; returns the queries'
        distributions. It must not know of the split: what it was trained on
        before may not include any of these covers.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    n_folds : int, default=5
        Every cover is a query once; 5 gives the default share of 80 to 20.
    n_repeats : int, default=3
        Repeats over other folds.
    n_bootstraps, seed : int
    """
    target = np.asarray(membership, np.float64)
    found: dict[bool, list[Array]] = {False: [], True: []}
    for repeat in range(n_repeats):
        for keep, by in ((False, np.arange(len(groups))), (True, groups)):
            folds = group_folds(by, target, n_folds=n_folds, seed=seed + repeat)
            p = np.empty(target.shape)
            for outside, inside in iterate_folds(folds):
                p[inside] = predict(outside, inside)
            found[keep].append(p)
    return compare_splits(
        found[False],
        found[True],
        target,
        groups,
        n_bootstraps=n_bootstraps,
        seed=seed,
    )


def measure_vote_leakage(
    embeddings: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    sides: Sides,
    *,
    n_bootstraps: int = 1000,
    seed: int = 0,
) -> Leakage:
    """Measure what leaks through the references of a trained network's vote.

    The network has seen the train side, so only held-out covers can be
    queries. Grouped: the train covers vote. Random: as many references, among
    them the other held-out covers but for the query's fold, as a random split
    would have dealt them; a query's own artist and near-duplicates may vote.

    Parameters
    ----------
    embeddings : ndarray of float32, shape (n_covers, n_dimensions)
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    sides : Sides
    n_bootstraps, seed : int
    """
    held = sides.held
    vote = partial(_vote_of_rows, embeddings, membership)
    target = np.asarray(membership[held], np.float64)

    random = []
    for repeat in range(N_REPEATS):
        rng = np.random.default_rng(seed + repeat)
        folds = group_folds(np.arange(len(held)), target, seed=seed + repeat)
        p = np.empty(target.shape)
        for outside, inside in iterate_folds(folds):
            n_kept = max(1, len(sides.train) - len(outside))
            kept = rng.choice(sides.train, size=n_kept, replace=False)
            p[inside] = vote(np.concatenate([kept, held[outside]]), held[inside])
        random.append(p)
    return compare_splits(
        random,
        [vote(sides.train, held)],
        target,
        groups[held],
        n_bootstraps=n_bootstraps,
        seed=seed,
    )


def measure_all_leakage(
    inputs: EvaluationInputs, *, n_bootstraps: int = 1000, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Measure the leakage of every method that needs no training of a network.

    Returns
    -------
    dict of str to dict
        ``colour_knn`` and ``frozen_knn`` (five nearest), ``linear_probe`` where
        there are such features, and ``vote`` on the trained network's embeddings.
    """
    inputs = inputs.labelled()
    membership, groups = inputs.membership, inputs.groups
    sides = Sides.find(inputs.splits)
    found: dict[str, Leakage] = {}
    for name, features in (
        ("colour_knn", inputs.colours),
        ("frozen_knn", inputs.frozen),
    ):
        if features is not None:
            found[name] = measure_leakage(
                partial(_vote_of_rows, features, membership),
                membership,
                groups,
                n_bootstraps=n_bootstraps,
                seed=seed,
            )
    if inputs.frozen is not None:
        frozen = inputs.frozen
        train = sides.train
        penalty = baselines.fit_linear_probe(
            frozen[train], membership[train], groups[train], seed=seed
        ).penalty
        found["linear_probe"] = measure_leakage(
            lambda references, queries: baselines.fit_linear_probe(
                frozen[references],
                membership[references],
                groups[references],
                penalty=penalty,
            ).predict(frozen[queries]),
            membership,
            groups,
            n_repeats=1,
            n_bootstraps=n_bootstraps,
            seed=seed,
        )
    found["vote"] = measure_vote_leakage(
        inputs.embeddings,
        membership,
        groups,
        sides,
        n_bootstraps=n_bootstraps,
        seed=seed,
    )
    return {name: leakage.to_json() for name, leakage in found.items()}


def _vote_of_rows(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    references: Rows,
    queries: Rows,
) -> Array:
    """Let the nearest of some rows vote on others, whatever their groups."""
    return baselines.vote_on_features(
        features[queries], features[references], membership[references]
    )
