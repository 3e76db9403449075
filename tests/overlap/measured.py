"""Overlap of drawn data, measured quickly."""

from covers.overlap.overlap import (
    OverlapSettings,
    measure_overlap,
    n_neighbours,
)
from covers.stats.neighbours import (
    find_neighbours,
)

FAST = OverlapSettings(n_bootstraps=200, n_permutations=60, n_splits=3)


def near_of(vectors, groups, k=None):
    return find_neighbours(
        vectors,
        vectors,
        k=k or n_neighbours(len(vectors)),
        query_groups=groups,
        reference_groups=groups,
    )


def measure(data, genres=None, settings=FAST):
    names = genres or [f"g{i}" for i in range(data.membership.shape[1])]
    near = near_of(data.vectors, data.groups)
    return measure_overlap(near, data.membership, data.groups, names, settings)
