"""How often the 95 % intervals of independent genres hold the truth, where it is known.

    scripts/bench label_intervals [--runs 400] [--groups 38 --size 10]

Draws covers of 15 nested genres (3 broad ones of 4 kinds each), from 1 to 45 % of
the covers, whose probabilities are known; groups share part of what they are made
of. Measures the figures of two methods, one that knows the probabilities and one
that knows them badly, and prints JSON: per number of groups the share of intervals that
hold the truth, of each figure, of single genres by how many covers they have, and of the
differences of the two methods. ``--groups`` and ``--size`` measure one design alone. The truth is what the figure is on average on as many
covers; of precision, recall and F1 of single genres what it is on 200,000.
"""

import argparse
import json
import warnings

import numpy as np
from scipy.special import expit, logit

from covers.stats.bootstrap import GroupBootstrap
from covers.stats.intervals import gap_interval
from covers.stats.labels.metrics import measure_labels

DESIGNS = ((38, 10), (100, 3), (400, 1))
"""Groups, and covers of each."""
N_BROAD, N_KINDS = 3, 4
OVER_ALL = (
    "mean_average_precision",
    "macro_f1",
    "micro_f1",
    "micro_precision",
    "micro_recall",
    "jaccard",
    "coverage_error",
    "ranking_loss",
    "first_right",
    "named_per_cover",
    "log_loss",
)
OF_GENRES = ("average_precision", "precision", "recall", "f1")
COMPARED = ("mean_average_precision", "micro_f1")
BY_COVERS = ((1, 10), (10, 20), (20, 50), (50, 10**6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--groups", type=int, help="measure so many groups alone")
    parser.add_argument("--size", type=int, help="covers of each of them")
    given = parser.parse_args()
    if (given.groups is None) != (given.size is None):
        parser.error("--groups and --size go together")
    designs = DESIGNS if given.groups is None else [(given.groups, given.size)]
    found = {
        f"{groups} groups of {size}": simulate(groups, size, given.runs)
        for groups, size in designs
    }
    print(json.dumps({"runs": given.runs, "designs": found}, indent=1))


def draw_labels(n_groups, size, seed, shared=0.4):
    """Draw covers of nested genres with their true probabilities, genres and groups."""
    rng = np.random.default_rng(seed)
    n, n_fine = n_groups * size, N_BROAD * N_KINDS
    groups = np.repeat(np.arange(n_groups), size)

    def looks(n_genres):
        common = rng.normal(size=(n_groups, n_genres))[groups]
        return shared**0.5 * common + (1 - shared) ** 0.5 * rng.normal(
            size=(n, n_genres)
        )

    broad = expit(np.linspace(-2.5, -0.8, N_BROAD) + 1.2 * looks(N_BROAD))
    fine = expit(np.linspace(-4.2, -1.5, n_fine) + 1.2 * looks(n_fine))
    has_broad, has_fine = rng.random(broad.shape) < broad, rng.random(fine.shape) < fine
    parent = np.arange(n_fine) % N_BROAD
    for j in range(N_BROAD):
        own = parent == j
        has_broad[:, j] |= has_fine[:, own].any(axis=1)
        broad[:, j] = 1 - (1 - broad[:, j]) * np.prod(1 - fine[:, own], axis=1)
    return np.hstack([broad, fine]), np.hstack([has_broad, has_fine]), groups


def name_genres(p):
    """Name a genre from a probability of 0.3 on, and always the likeliest."""
    named = p > 0.3
    named[np.arange(len(p)), p.argmax(axis=1)] = True
    return named


def simulate(n_groups, size, n_runs):
    """Measure many draws and say how often intervals hold the truth."""
    p, has, _ = draw_labels(40_000, 5, seed=0)
    far = measure_labels(p, name_genres(p), has).per_genre
    runs = [measure(n_groups, size, seed) for seed in range(1, n_runs + 1)]
    found = {}
    for name in OVER_ALL:
        truth = np.mean([run["values"][name] for run in runs])
        found[name] = held([run["intervals"][name] for run in runs], truth)
    for name in COMPARED:
        truth = np.mean([run["gaps"][name][0] for run in runs])
        ends = [run["gaps"][name][1] for run in runs]
        found[f"difference of {name}"] = held(ends, truth)
    n = np.array([run["n"] for run in runs])  # (R, G)
    for name in OF_GENRES:
        values = np.array([run["genres"][name][0] for run in runs])
        ends = np.array([run["genres"][name][1] for run in runs])  # (R, G, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a genre nobody had
            average = np.nanmean(values, axis=0)
        truth = average if name == "average_precision" else getattr(far, name)
        inside = (ends[:, :, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, :, 1])
        for low, high in BY_COVERS:
            of = (n >= low) & (n < high)
            if of.sum() >= n_runs / 2:
                said = f"{low} to {high - 1}" if high < 10**6 else f"{low} and more"
                found[f"{name} of genres with {said} covers"] = round(
                    float(inside[of].mean()), 3
                )
    return found


def measure(n_groups, size, seed):
    """Draw once, and measure both methods with their intervals."""
    p, has, groups = draw_labels(n_groups, size, seed)
    rng = np.random.default_rng(seed)
    poor = expit(logit(p) + rng.normal(0, 0.7, p.shape))
    draws = GroupBootstrap.draw(groups, n_bootstraps=300, seed=seed)
    good, bad = (measure_labels(q, name_genres(q), has, draws=draws) for q in (p, poor))
    gaps = {}
    for name in COMPARED:
        gap = good.values[name] - bad.values[name]
        ends = gap_interval(gap, good.samples[name] - bad.samples[name], n_groups)
        gaps[name] = (gap, ends.ends)
    of = good.per_genre
    return {
        "values": good.values,
        "intervals": {name: good.intervals[name].ends for name in OVER_ALL},
        "gaps": gaps,
        "n": of.n,
        "genres": {
            name: (getattr(of, name), [ends.ends for ends in of.intervals[name]])
            for name in OF_GENRES
        },
    }


def held(intervals, truth) -> float:
    """Return the share of intervals that hold a value."""
    low, high = np.array(intervals).T
    return round(float(((low <= truth) & (truth <= high)).mean()), 3)


if __name__ == "__main__":
    main()
