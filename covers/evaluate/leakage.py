"""Leakage: how much better a split that ignores artists and near-duplicates makes a method look.

Letters: N covers, G genres, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.classify.methods import Method
from covers.evaluate import baselines
from covers.evaluate.inputs import Sides
from covers.evaluate.measures import Leak
from covers.stats.bootstrap import GroupBootstrap
from covers.stats.folds import group_folds, iterate_folds
from covers.stats.intervals import gap_interval
from covers.stats.labels.metrics import measure_labels
from covers.stats.metrics import measure_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.evaluate.inputs import EvaluationInputs

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
N_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class LeakageSettings:
    """How leakage is measured.

    Parameters
    ----------
    is_several : bool, default=False
        Genres are independent: mean average precision instead of macro-F1.
    n_repeats : int, default=3
        Repeats over other folds; in each, every cover is a query once.
    n_bootstraps : int, default=1000
        Resamples of groups behind the interval.
    seed : int, default=0
    """

    is_several: bool = False
    n_repeats: int = N_REPEATS
    n_bootstraps: int = 1000
    seed: int = 0


def compare_splits(
    random: list[Array],
    grouped: list[Array],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    settings: LeakageSettings | None = None,
) -> Leak:
    """Compare predictions for the same covers under the two kinds of split.

    Parameters
    ----------
    random, grouped : list of ndarray of float64, shape (n_covers, n_genres)
        Distributions, once per repeat; the figures are means over repeats.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
        Resampled whole.
    settings : LeakageSettings, optional
    """
    how = settings or LeakageSettings()
    draws = GroupBootstrap.draw(groups, n_bootstraps=how.n_bootstraps, seed=how.seed)
    figure = "mean_average_precision" if how.is_several else "macro_f1"
    values, samples = [], []
    for repeats in (random, grouped):
        found: list[Any] = [
            measure_labels(p, p >= 1, membership > 0, draws=draws)
            if how.is_several
            else measure_method(p, membership, draws=draws)
            for p in repeats
        ]
        values.append(float(np.mean([each.values[figure] for each in found])))
        samples.append(np.mean([each.samples[figure] for each in found], axis=0))
    difference = values[0] - values[1]
    gap = gap_interval(difference, samples[0] - samples[1], draws.n_groups)
    return Leak(
        random=values[0],
        grouped=values[1],
        difference=difference,
        ci95=gap.ends,
        figure=figure,
    )


def measure_leakage(
    predict: Callable[[Rows, Rows], Array],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    settings: LeakageSettings | None = None,
) -> Leak:
    """Cross-validate a method over random folds and over folds that keep groups together.

    Parameters
    ----------
    predict : callable
        Called with the rows of references and of queries; returns the queries'
        distributions. It must not know of the split: what it was trained on
        before may not include any of these covers.
    membership : ndarray of float, shape (n_covers, n_genres)
    groups : ndarray of int64, shape (n_covers,)
    settings : LeakageSettings, optional
    """
    how = settings or LeakageSettings()
    m = np.asarray(membership, np.float64)
    found: dict[bool, list[Array]] = {False: [], True: []}
    for repeat in range(how.n_repeats):
        for keep, by in ((False, np.arange(len(groups))), (True, groups)):
            folds = group_folds(by, m, seed=how.seed + repeat)
            p = np.empty(m.shape)
            for outside, inside in iterate_folds(folds):
                p[inside] = predict(outside, inside)
            found[keep].append(p)
    return compare_splits(found[False], found[True], m, groups, how)


def measure_vote_leakage(
    embeddings: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.int64],
    sides: Sides,
    settings: LeakageSettings | None = None,
) -> Leak:
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
    settings : LeakageSettings, optional
    """
    how = settings or LeakageSettings()
    held = sides.held
    vote = partial(_vote_of_rows, embeddings, membership, how.is_several)
    held_membership = np.asarray(membership[held], np.float64)

    random = []
    for repeat in range(how.n_repeats):
        rng = np.random.default_rng(how.seed + repeat)
        folds = group_folds(
            np.arange(len(held)), held_membership, seed=how.seed + repeat
        )
        p = np.empty(held_membership.shape)
        for outside, inside in iterate_folds(folds):
            n_kept = max(1, len(sides.train) - len(outside))
            kept = rng.choice(sides.train, size=n_kept, replace=False)
            p[inside] = vote(np.concatenate([kept, held[outside]]), held[inside])
        random.append(p)
    return compare_splits(
        random,
        [vote(sides.train, held)],
        held_membership,
        groups[held],
        how,
    )


def measure_all_leakage(
    inputs: EvaluationInputs, *, n_bootstraps: int = 1000, seed: int = 0
) -> dict[str, Leak]:
    """Measure the leakage of every method that needs no training of a network.

    Returns
    -------
    dict of str to Leak
        Colours and frozen neighbours (five nearest), a linear probe where there
        are such features, and the vote on the trained network's embeddings.
    """
    inputs = inputs.labelled()
    membership, groups = inputs.membership, inputs.groups
    is_several = inputs.is_several
    sides = Sides.find(inputs.splits)
    how = LeakageSettings(is_several=is_several, n_bootstraps=n_bootstraps, seed=seed)
    found: dict[str, Leak] = {}
    for method, features in (
        (Method.COLOURS, inputs.colours),
        (Method.FROZEN, inputs.frozen),
    ):
        if features is not None:
            vote = partial(_vote_of_rows, features, membership, is_several)
            found[method] = measure_leakage(vote, membership, groups, how)
    if inputs.frozen is not None:
        found[Method.PROBE] = measure_leakage(
            _probe_of_rows(inputs.frozen, inputs, sides.train, seed),
            membership,
            groups,
            replace(how, n_repeats=1),
        )
    found[Method.VOTE] = measure_vote_leakage(
        inputs.embeddings,
        membership,
        groups,
        sides,
        how,
    )
    return {str(name): leak for name, leak in found.items()}


def _probe_of_rows(
    frozen: npt.NDArray[np.float32], inputs: EvaluationInputs, train: Rows, seed: int
) -> Callable[[Rows, Rows], Array]:
    """Return a linear probe as a function of references and queries, its penalty chosen once."""
    membership, groups = inputs.membership, inputs.groups
    fit: Any = baselines.fit_linear_probe
    known: Any = membership
    if inputs.is_several:
        fit, known = baselines.fit_label_probe, membership > 0
    penalty = fit(frozen[train], known[train], groups[train], seed=seed).penalty

    def predict(references: Rows, queries: Rows) -> Array:
        some = frozen[references], known[references], groups[references]
        found: Array = fit(*some, penalty=penalty).predict(frozen[queries])
        return found

    return predict


def _vote_of_rows(
    features: npt.NDArray[np.float32],
    membership: npt.NDArray[np.floating[Any]],
    is_several: bool,
    references: Rows,
    queries: Rows,
) -> Array:
    """Let the nearest of some rows vote on others, whatever their groups."""
    near = baselines.find_by_features(features, queries, references, None)
    vote = baselines.share_plainly if is_several else baselines.vote_plainly
    return vote(near, membership[references])
