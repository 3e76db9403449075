import numpy as np
import pytest
from known_workspace import write_known_workspace, write_model
from sklearn.manifold import trustworthiness

from covers.catalogue.table import read_catalogue
from covers.cluster.map.stage import (
    judge_map,
    make_map,
    map_workspace,
    place_covers,
    read_map,
)
from covers.errors import DataError


def positions(table):
    return {
        cover_id: (x, y)
        for cover_id, x, y in zip(
            *(table.column(name).to_pylist() for name in ("cover_id", "x", "y")),
            strict=True,
        )
    }


def test_a_cover_like_a_mapped_one_is_placed_on_it():
    rng = np.random.default_rng(0)
    mapped = rng.normal(size=(50, 6))
    mapped = (mapped / np.linalg.norm(mapped, axis=1, keepdims=True)).astype(np.float32)
    places = rng.normal(size=(50, 2)).astype(np.float32)
    placed = place_covers(mapped[:5], mapped, places, k=1)
    np.testing.assert_allclose(placed, places[:5], atol=1e-6)


def test_a_new_cover_lies_among_its_neighbours():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 3, 200)
    mapped = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    places = np.stack([angle, angle], axis=1).astype(np.float32)
    wanted = np.array([0.5, 1.5, 2.5])
    new = np.stack([np.cos(wanted), np.sin(wanted)], axis=1).astype(np.float32)
    placed = place_covers(new, mapped, places)
    np.testing.assert_allclose(placed[:, 0], wanted, atol=0.1)


def test_placing_needs_a_map():
    with pytest.raises(ValueError, match="no cover is on the map yet"):
        place_covers(
            np.ones((1, 2), np.float32),
            np.ones((0, 2), np.float32),
            np.ones((0, 2), np.float32),
        )


def test_trustworthiness_is_that_of_sklearn_and_tells_good_from_random():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(120, 2)).astype(np.float32)
    assert judge_map(points, points) == pytest.approx(1)
    shuffled = points[rng.permutation(120)]
    rows = np.random.default_rng(0).permutation(120)
    expected = trustworthiness(points[rows], shuffled[rows], n_neighbors=15)
    assert judge_map(points, shuffled) == pytest.approx(expected)
    assert expected < 0.7
    assert np.isnan(judge_map(points[:3], points[:3]))


@pytest.mark.slow
def test_old_covers_stay_and_new_ones_are_placed_among_them(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w", keep=np.arange(20, 180))
    first = map_workspace(workspace)
    assert first.refitted
    assert first.n_placed == 0
    assert first.trustworthiness > 0.8
    before = positions(read_map(workspace))

    workspace, _ = write_known_workspace(tmp_path / "w2")
    (workspace.analysis_folder).mkdir()
    old_map = tmp_path / "w" / "analysis" / "map.parquet"
    (workspace.analysis_folder / "map.parquet").write_bytes(old_map.read_bytes())
    second = map_workspace(workspace)
    after = positions(read_map(workspace))
    assert not second.refitted
    assert second.n_placed == 20
    assert all(after[cover_id] == before[cover_id] for cover_id in before)
    assert np.isfinite(list(after.values())).all()
    assert len(after) == 180

    again = map_workspace(workspace, refit=True)
    assert again.refitted
    seeded = map_workspace(workspace, seed=5)
    assert (seeded.refitted, seeded.seed) == (True, 5)
    assert again.n_placed == 0


@pytest.mark.slow
def test_another_model_lays_the_map_out_anew(tmp_path):
    workspace, data = write_known_workspace(tmp_path / "w")
    map_workspace(workspace)
    ids = read_catalogue(workspace).cover_ids
    labels = data.membership.argmax(axis=1)
    write_model(
        workspace, ids, data.vectors, ("Folk", "Jazz", "Metal"), labels, "e" * 32
    )
    assert map_workspace(workspace).refitted


@pytest.mark.slow
def test_the_same_seed_draws_the_same_map():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_array_equal(make_map(vectors), make_map(vectors))


def test_a_missing_map_names_the_command(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    with pytest.raises(DataError, match="make one with 'covers map"):
        read_map(workspace)
