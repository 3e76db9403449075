import numpy as np
import pytest

from covers.overlap.changes import fit_trends, measure_changes
from covers.overlap.overlap import OverlapSettings, measure_overlap, n_neighbours
from covers.stats.neighbours import find_neighbours

NOT_NESTED = np.zeros((3, 3), bool)
SETTINGS = OverlapSettings(n_bootstraps=60, n_permutations=10, n_splits=2, k=15)


def one_decade(apart, seed, n=150):
    """Three genres, of which the first two lie `apart` in this decade."""
    rng = np.random.default_rng(seed)
    genre = np.arange(n) % 3
    points = rng.normal(size=(n, 4))
    points[:, 0] += np.where(genre == 1, apart, np.where(genre == 2, 1.0, 0.0))
    unit = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    groups = np.arange(n)
    near = find_neighbours(
        unit, unit, k=n_neighbours(n), query_groups=groups, reference_groups=groups
    )
    return measure_overlap(near, np.eye(3)[genre], groups, ("a", "b", "c"), SETTINGS)


def decades(apart, seed=0):
    return {
        f"{1960 + 10 * i}s": one_decade(x, 100 * seed + i) for i, x in enumerate(apart)
    }


def test_genres_that_drift_apart_are_found_and_no_other_pair():
    found = measure_changes(decades([0.0, 1.5, 3.0, 4.5]), NOT_NESTED)
    first = found[0]
    assert (first.a, first.b) == ("a", "b")
    assert (first.first, first.last, first.n_parts) == ("1960s", "1990s", 4)
    assert first.change < -0.4
    assert first.ci95[1] < 0
    assert first.q < 0.01
    pairs = {(row.a, row.b) for row in found}
    assert pairs == {("a", "b"), ("a", "c"), ("b", "c")}
    steady = next(row for row in found if (row.a, row.b) == ("a", "c"))
    assert steady.q > 0.05


def test_where_nothing_changes_hardly_any_pair_is_said_to():
    p = [
        row.p
        for seed in range(12)
        for row in measure_changes(decades([1.0, 1.0, 1.0], seed), NOT_NESTED)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.12


def test_of_a_handful_of_covers_no_change_is_told():
    few = {f"{1960 + 10 * i}s": one_decade(2.0 * i, i, n=24) for i in range(3)}
    assert measure_changes(few, NOT_NESTED) == []
    enough = {f"{1960 + 10 * i}s": one_decade(2.0 * i, i, n=30) for i in range(3)}
    found = measure_changes(enough, NOT_NESTED)
    assert len(found) == 3
    assert all(-1 <= end <= 1 for row in found for end in (row.change, *row.ci95))


def test_nested_pairs_and_pairs_known_once_are_left_out():
    nested = NOT_NESTED.copy()
    nested[0, 1] = True
    found = measure_changes(decades([0.0, 3.0]), nested)
    assert ("a", "b") not in {(row.a, row.b) for row in found}
    assert measure_changes(decades([0.0]), NOT_NESTED) == []
    assert measure_changes({}, NOT_NESTED) == []


def test_a_trend_is_the_weighted_line_of_numpy():
    rng = np.random.default_rng(0)
    at = np.array([196.0, 197.0, 199.0, 201.0])
    values, weights = rng.random((4, 3)), rng.random((4, 3)) + 0.5
    values[1, 2] = np.nan
    change, error = fit_trends(at, values, np.full((4, 3), 0.1), weights)
    for j in range(3):
        known = np.isfinite(values[:, j])
        w = weights[known, j] ** 0.5
        slope, _ = np.polyfit(at[known], values[known, j], 1, w=w)
        assert change[j] == pytest.approx(5 * slope)
    drawn = values + 0.1 * rng.standard_normal((4000, 4, 3))
    spread = np.std([fit_trends(at, v, v, weights)[0] for v in drawn], axis=0)
    assert error == pytest.approx(spread, rel=0.06)
