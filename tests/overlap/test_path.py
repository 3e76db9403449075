import numpy as np
import pytest
from known_workspace import write_known_workspace

from covers.errors import DataError
from covers.overlap.path import find_walk, walk_workspace
from covers.stats.neighbours import find_neighbours


def arc(n=40, length=2.0):
    angles = np.linspace(0, length, n)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return vectors, find_neighbours(vectors, vectors, k=5)


def test_a_walk_along_an_arc_takes_many_small_steps():
    vectors, near = arc()
    walk = find_walk(near, [0], [39], k=5)
    assert walk.rows[0] == 0
    assert walk.rows[-1] == 39
    assert walk.rows == sorted(walk.rows)
    assert len(walk.rows) > 20
    for a, b, similarity in zip(
        walk.rows[:-1], walk.rows[1:], walk.similarities, strict=True
    ):
        assert similarity == pytest.approx(float(vectors[a] @ vectors[b]), abs=1e-5)


def test_the_nearest_of_several_ends_is_reached():
    _, near = arc()
    assert find_walk(near, [10], [39, 14], k=5).rows[-1] == 14


def test_a_walk_to_itself_is_one_cover():
    _, near = arc()
    walk = find_walk(near, [7], [7], k=5)
    assert walk.rows == [7]
    assert walk.similarities == []


def test_unconnected_covers_have_no_walk():
    vectors = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float32)
    near = find_neighbours(vectors, vectors, k=2)
    assert find_walk(near, [0], [2], k=2).rows == []


def test_a_walk_needs_a_start():
    _, near = arc()
    with pytest.raises(ValueError, match="needs a start and an end, got 0"):
        find_walk(near, [], [1])


def test_genres_and_cover_ids_can_be_walked_between(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    found = walk_workspace(workspace, "Folk", "Metal", k=40)
    assert found.steps[0].genres == ("Folk",)
    assert found.steps[-1].genres == ("Metal",)
    assert found.steps[0].similarity is None
    last = found.steps[-1].cover_id
    again = walk_workspace(workspace, "Folk", last, k=40)
    assert again.steps[-1].cover_id == last


def test_names_that_mean_nothing_are_explained(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    with pytest.raises(
        DataError, match="no genre or cover 'Polka': did you mean 'Folk'"
    ):
        walk_workspace(workspace, "Polka", "Jazz")
