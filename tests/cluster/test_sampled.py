"""More covers than are fitted: a sample is laid out and clustered, the others follow it."""

from __future__ import annotations

import numpy as np
import pytest

from covers.cluster.clustering import NOISE, ClusterSettings, cluster_layout
from covers.cluster.projection import LayoutSettings, project
from covers.cluster.sampled import draw_sample, spread_labels, spread_layout

CENTRES = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]], np.float32)


@pytest.fixture(scope="module")
def kinds():
    """Draw the kind of each of 900 points."""
    return np.random.default_rng(0).integers(0, 3, 900)


@pytest.fixture(scope="module")
def points(kinds):
    """Draw points about three centres."""
    noise = np.random.default_rng(1).normal(scale=0.4, size=(900, 3))
    return (CENTRES[kinds] + noise).astype(np.float32)


def test_a_sample_is_of_all_covers_where_they_are_few():
    assert draw_sample(5, 5, 0).tolist() == [0, 1, 2, 3, 4]
    drawn = draw_sample(1000, 100, 3)
    assert len(np.unique(drawn)) == 100
    assert (np.diff(drawn) > 0).all()
    assert (drawn == draw_sample(1000, 100, 3)).all()
    assert (drawn != draw_sample(1000, 100, 4)).any()


def test_the_others_are_placed_among_their_nearest(points, kinds):
    sample = draw_sample(len(points), 300, 0)
    flat = points[sample, :2] * 2
    placed = spread_layout(points, sample, flat)
    assert (placed[sample] == flat).all()
    assert (
        np.linalg.norm(placed - CENTRES[kinds, :2] * 2, axis=1).max() < 6
    )  # of 18 between kinds


def test_the_others_belong_where_most_of_their_nearest_do(points, kinds):
    sample = draw_sample(len(points), 300, 0)
    labels = np.where(kinds[sample] == 2, NOISE, kinds[sample])
    strengths = np.where(labels == NOISE, 0.0, 0.75)
    found, deep = spread_labels(points, sample, labels, strengths)
    assert (found == np.where(kinds == 2, NOISE, kinds)).all()
    assert deep == pytest.approx(np.where(kinds == 2, 0.0, 0.75))


def test_clusters_of_a_sample_are_those_of_all(points, kinds):
    found = cluster_layout(points, ClusterSettings(most_fitted=300))
    assert found.n_fitted == 300
    assert found.n_clusters == 3
    for cluster in range(3):
        (kind,) = np.unique(kinds[found.labels == cluster])
        assert (found.labels[kinds == kind] == cluster).mean() > 0.9
        assert set(kinds[found.exemplars[cluster]]) == {kind}
    assert cluster_layout(points, ClusterSettings()).n_fitted == 900


@pytest.mark.slow
def test_a_layout_of_a_sample_keeps_kinds_apart(points, kinds):
    settings = LayoutSettings(n_components=2, most_fitted=200)
    layout = project(points, settings)
    assert layout.shape == (900, 2)
    means = np.stack([layout[kinds == kind].mean(axis=0) for kind in range(3)])
    nearest = np.linalg.norm(layout[:, None] - means[None], axis=2).argmin(axis=1)
    assert (nearest == kinds).mean() > 0.95
