"""More genres than a matrix can show: the broad ones, or those of one family."""

import itertools
import math

import numpy as np
import pytest

from covers.overlap.page import pairs
from covers.overlap.result import Overlap

BROAD = {"rock": 12, "electronic": 9, "jazz": 4, "folk": 1, "blues": 1}


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)
    genres, broad = [], {}
    for family, n in BROAD.items():
        for i in range(n):
            name = family if i == 0 else f"{family} {i}"
            genres.append(name)
            broad[name] = family

    def pair(a, b):
        overlap = float(rng.random())
        ends = [max(overlap - 0.1, 0), min(overlap + 0.1, 1)]
        return {"a": a, "b": b, "overlap": overlap, "overlap_ci95": ends, "lift_ab": 1.5, "lift_ab_ci95": ends,
                "lift_ba": 1.2, "lift_ba_ci95": ends, "p": 0.01, "q": 0.02, "n_a": 9, "n_b": 9,
                "bridges": [], "closest": []}  # fmt: skip

    everything = [pair(a, b) for a, b in itertools.combinations(genres, 2)]
    branches = [
        {"genres": ["rock 1", "rock 2"], "height": 0.2, "support": 0.9},
        {"genres": ["rock", "electronic"], "height": 0.3, "support": 0.8},
        {"genres": ["rock", "electronic", "rock 1", "rock 2"], "height": 0.4, "support": 0.7},
        {"genres": genres, "height": 0.6, "support": 1.0},
    ]  # fmt: skip
    edges = [
        {"a": "rock", "b": "electronic", "lift": 2.0, "overlap": 0.6, "q": 0.01},
        {"a": "rock 1", "b": "rock 2", "lift": 2.0, "overlap": 0.6, "q": 0.01},
        {"a": "rock 1", "b": "jazz 1", "lift": 2.0, "overlap": 0.6, "q": 0.01},
    ]
    return Overlap.from_json({
        "genres": sorted(genres), "broad": broad, "pairs": everything, "effective_genres": 2.0,
        "effective_genres_ci95": [1, 3], "k": 5, "grouped_by": "artist", "n_covers": 99, "n_groups": 9,
        "tree": {"order": genres, "branches": branches}, "edges": edges,
        "n_by_genre": dict.fromkeys(genres, 9.0),
    })  # fmt: skip


def test_families_are_the_largest_first_and_none_of_one(measured):
    found = pairs.families(measured)
    assert {name: len(genres) for name, genres in found.items()} == {
        "rock": 12,
        "electronic": 9,
        "jazz": 4,
    }
    assert list(found) == ["rock", "electronic", "jazz"]
    assert all(genres[0] == name for name, genres in found.items())


def test_at_first_the_broad_genres_are_shown(measured):
    broad = pairs.of_family(measured)
    genres, cells = pairs.cells(broad, "overlap")
    assert sorted(genres) == sorted(BROAD)
    picks = {cell.pick for row in cells for cell in row if cell.pick}
    assert picks == {f"{a}~{b}" for a, b in itertools.permutations(BROAD, 2)}
    assert {(edge.a, edge.b) for edge in pairs.edges(broad)} == {("rock", "electronic")}


def test_a_family_is_opened_with_its_pairs_lines_and_branches(measured):
    rock = pairs.of_family(measured, "rock")
    genres, cells = pairs.cells(rock, "overlap")
    assert len(genres) == BROAD["rock"]
    whole = {frozenset((p.a, p.b)): p.overlap for p in measured.pairs}
    for i, j in itertools.permutations(range(len(genres)), 2):
        said = float(cells[i][j].text.replace("1", "1"))
        assert said == pytest.approx(
            whole[frozenset((genres[i], genres[j]))], abs=0.006
        )
    assert {(edge.a, edge.b) for edge in pairs.edges(rock)} == {("rock 1", "rock 2")}
    first, second, last = rock.tree.branches
    assert first.genres == ("rock 1", "rock 2")
    assert first.support == 0.9
    # Resamples told of the whole branch, not of what is left of it.
    assert math.isnan(second.support)
    assert math.isnan(last.support)
    assert len(last.genres) == BROAD["rock"]


def test_what_is_no_family_shows_the_broad_genres(measured):
    assert pairs.of_family(measured, "polka") == pairs.of_family(measured)


def test_few_genres_stay_together(measured):
    few = pairs.of_family(measured, "rock")
    assert pairs.families(few) == {}
    assert pairs.of_family(few, "rock") is few
