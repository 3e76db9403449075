"""Measures of a recipe over seeds and folds, with intervals."""

import json

import numpy as np

from covers.stats.bootstrap import GroupBootstrap, percentile_interval
from covers.stats.labels.metrics import average_precisions
from covers.stats.metrics import book_covers, macro_f1_from, measure_method
from covers.stats.reliability import expected_error, reliability_table

N_MAP_DRAWS = 100


def measure(
    runs: list[list[dict]],
    key: str,
    position: dict[str, int],
    membership: np.ndarray,
    draws: GroupBootstrap,
) -> tuple[dict, np.ndarray]:
    """Measure one method over seeds and folds; also its macro-F1 in each resample."""
    n_genres = membership.shape[1]
    per_seed, sampled, values = [], [], []
    certainty, right, groups, inside, covered = [], [], [], [], []
    for folds in runs:
        p = np.concatenate([run[key] for run in folds])
        p = p / p.sum(axis=1, keepdims=True)
        ids = np.concatenate([run["cover_ids"] for run in folds])
        rows = np.array([position[str(cover_id)] for cover_id in ids])
        truth = membership[rows]
        found = measure_method(p, truth).values
        values.append(found)
        per_seed.append(found["macro_f1"])
        chosen = p.argmax(axis=1)
        certainty.append(p.max(axis=1))
        right.append(truth[np.arange(len(p)), chosen])
        groups.append(draws.members[rows])
        margins = book_covers(truth, np.eye(n_genres)[chosen]).margins
        spread = np.zeros((len(membership), 3 * n_genres))
        spread[rows] = margins.toarray()
        sampled.append(macro_f1_from(draws.sums(spread)))
        if key == "p_combined":
            sets = np.concatenate([run["inside"] for run in folds])
            inside.append(((truth * sets).sum() / truth.sum(), sets.sum(axis=1).mean()))
            covered.append((truth * sets).sum(axis=0) / truth.sum(axis=0))
    samples = np.mean(sampled, axis=0)
    result = {
        "n_seeds": len(runs),
        "macro_f1": float(np.mean(per_seed)),
        "ci95": percentile_interval(samples).ends,
        "per_seed": [round(float(f), 4) for f in per_seed],
        "accuracy": float(np.mean([v["accuracy"] for v in values])),
        "log_loss": float(np.mean([v["log_loss"] for v in values])),
        **calibration(*map(np.concatenate, (certainty, right, groups))),
        "seconds": float(np.median([run["seconds"] for one in runs for run in one])),
    }
    if "tuning" in runs[0][0]:
        tuned = [json.loads(str(run["tuning"]))[0] for one in runs for run in one]
        result["tuning_loss"] = float(np.mean([best["tuning_loss"] for best in tuned]))
    if inside:
        result["coverage"], result["set_size"] = map(float, np.mean(inside, axis=0))
        result["coverage_lowest"] = float(np.mean(covered, axis=0).min())
    return result, samples


def measure_several(
    runs: list[list[dict]],
    key: str,
    position: dict[str, int],
    membership: np.ndarray,
    draws: GroupBootstrap,
) -> tuple[dict, np.ndarray]:
    """Measure one method's mean average precision over seeds and folds; also in each resample."""
    has = membership > 0
    values, sampled = [], []
    for folds in runs:
        p = np.zeros(has.shape)
        known = np.zeros(len(has), bool)
        for run in folds:
            rows = np.array([position[str(cover_id)] for cover_id in run["cover_ids"]])
            p[rows], known[rows] = run[key], True
        drawn = draws.counts[:N_MAP_DRAWS, draws.members] * known
        all_once = known[None].astype(np.float64)
        weights = np.concatenate([all_once, drawn.astype(np.float64)])
        means = np.nanmean(average_precisions(p, has, weights), axis=1)
        values.append(float(means[0]))
        sampled.append(means[1:])
    samples = np.mean(sampled, axis=0)
    samples = (
        samples + np.mean(values) - samples.mean()
    )  # repeats in a resample flatter
    result = {
        "n_seeds": len(runs),
        "map": float(np.mean(values)),
        "macro_f1": float(np.mean(values)),
        "ci95": percentile_interval(samples).ends,
        "per_seed": [round(value, 4) for value in values],
        "seconds": float(np.median([run["seconds"] for one in runs for run in one])),
    }
    return result, samples


def calibration(certainty: np.ndarray, right: np.ndarray, groups: np.ndarray) -> dict:
    """Return the calibration error, and what perfect probabilities would show by chance.

    Each seed measures the same covers again: with their groups they say no more than once.
    """
    table = reliability_table(certainty, right)
    return {
        "ece_pooled": table.error,
        "ece_if_calibrated": expected_error(certainty, right, table, groups),
    }
