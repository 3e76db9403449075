"""Genres of which one contains the other share covers, and are not said to look alike."""

import numpy as np

from covers.overlap.figures.order import genre_groups, genre_order
from covers.overlap.measured import Measured
from covers.overlap.overlap import OverlapSettings, measure_overlap, n_neighbours
from covers.overlap.tree import find_edges
from covers.stats.neighbours import find_neighbours

NOTHING = {
    "pairs": [],
    "effective_genres": 1.0,
    "effective_genres_ci95": [1.0, 1.0],
    "k": 5,
    "grouped_by": "artist",
    "n_covers": 9,
    "n_groups": 9,
}


def nested_overlap():
    """Blues rock is rock, jazz is apart."""
    rng = np.random.default_rng(0)
    n = 180
    groups = np.arange(n) // 2
    is_jazz = np.arange(n) < 60
    is_blues = (np.arange(n) >= 60) & (np.arange(n) < 120)
    has = np.stack([is_blues, is_jazz, ~is_jazz], axis=1)
    points = rng.normal(size=(n, 6)) + 1.2 * is_jazz[:, None]
    unit = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    near = find_neighbours(
        unit, unit, k=n_neighbours(n), query_groups=groups, reference_groups=groups
    )
    settings = OverlapSettings(n_bootstraps=20, n_permutations=60, n_splits=2)
    membership = has / has.sum(axis=1, keepdims=True)
    vocab = ("bluesrock", "jazz", "rock")
    return measure_overlap(near, membership, groups, vocab, settings)


def test_nested_genres_get_no_edge():
    found = nested_overlap()
    nested = np.zeros((3, 3), bool)
    nested[0, 2] = True
    pairs = {(edge.a, edge.b) for edge in find_edges(found, q_most=1.0)}
    assert ("bluesrock", "rock") in pairs
    without = {
        (edge.a, edge.b) for edge in find_edges(found, q_most=1.0, nested=nested)
    }
    assert without == pairs - {("bluesrock", "rock")}


def test_the_matrix_puts_each_broad_genre_before_its_own():
    found = {
        **NOTHING,
        "genres": ["bebop", "bluesrock", "jazz", "progrock", "rock"],
        "tree": {"order": ["bebop", "bluesrock", "jazz", "rock", "progrock"]},
        "broad": {
            "bebop": "jazz",
            "bluesrock": "rock",
            "jazz": "jazz",
            "progrock": "rock",
            "rock": "rock",
        },
    }
    measured = Measured.from_json(found)
    assert genre_order(measured) == ["jazz", "bebop", "rock", "bluesrock", "progrock"]
    assert genre_groups(measured) == [
        ("jazz", ["jazz", "bebop"]),
        ("rock", ["rock", "bluesrock", "progrock"]),
    ]
    alone = Measured.from_json({**found, "broad": {}})
    assert genre_order(alone) == found["tree"]["order"]
