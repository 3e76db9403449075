import numpy as np
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    completeness_score,
    homogeneity_score,
)

from covers.cluster import clustering
from covers.cluster.clustering import (
    Candidate,
    ClusterSettings,
    assign_noise,
    cluster_covers,
    cluster_layout,
    size_ladder,
)
from covers.cluster.measured import Look, Merge, cut_hierarchy
from covers.cluster.profile import (
    describe_looks,
    genre_profiles,
    relate_to_genres,
)
from covers.cluster.projection import (
    LayoutSettings,
    exact_neighbours,
    principal_components,
    project,
)
from covers.stats.bootstrap import GroupBootstrap


def blobs(sizes=(60, 50, 40), spread=0.3, d=3, seed=0):
    rng = np.random.default_rng(seed)
    centres = 6 * np.eye(d)[np.arange(len(sizes)) % d]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[truth] + rng.normal(0, spread, (len(truth), d))
    return points.astype(np.float32), truth


def test_separate_clouds_become_the_clusters_largest_first():
    points, truth = blobs()
    found = cluster_layout(points, ClusterSettings())
    assert found.n_clusters == 3
    assert adjusted_mutual_info_score(truth, found.labels) > 0.9
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert found.noise_fraction == np.mean(found.labels < 0)


def test_an_island_beside_nearly_everything_gives_way_to_clusters_that_tell(
    monkeypatch,
):
    cloud, _ = blobs(sizes=(300, 260), spread=1.0)
    island = np.random.default_rng(1).normal(500, 0.1, (20, 3))
    points = np.concatenate([cloud, island]).astype(np.float32)

    def candidate(size, largest_share, validity):
        return Candidate(
            min_cluster_size=size,
            n_clusters=2,
            noise_fraction=0.0,
            largest_share=largest_share,
            relative_validity=validity,
            stability=1.0,
        )

    alone, telling = candidate(12, 0.96, 0.9), candidate(96, 0.5, 0.001)
    for tried, chosen in (((alone, telling), 96), ((alone,), 12)):
        monkeypatch.setattr(
            clustering, "_try_sizes", lambda *_, tried=tried: list(tried)
        )
        found = cluster_layout(points, ClusterSettings())
        assert found.settings.min_cluster_size == chosen
    monkeypatch.undo()
    measured = {
        c.min_cluster_size: c
        for c in cluster_layout(points, ClusterSettings()).candidates
    }
    assert all(0 < c.largest_share <= 1 for c in measured.values())


def test_strengths_exemplars_and_soft_membership_belong_to_the_labels():
    points, _ = blobs()
    found = cluster_layout(points, ClusterSettings())
    assert (found.strengths[found.labels < 0] == 0).all()
    for cluster, rows in enumerate(found.exemplars):
        assert (found.labels[rows] == cluster).all()
        assert found.strengths[rows[0]] == pytest.approx(
            found.strengths[found.labels == cluster].max()
        )
    assert found.soft.shape == (len(points), 3)
    sure = found.strengths > 0.9
    assert (found.soft[sure].argmax(axis=1) == found.labels[sure]).mean() > 0.95


def test_the_rule_takes_the_size_with_the_best_validity_times_stability():
    points, _ = blobs((120, 100, 80))
    found = cluster_layout(points, ClusterSettings())
    best = max(found.candidates, key=lambda c: (c.score, c.min_cluster_size))
    assert found.settings.min_cluster_size == best.min_cluster_size
    assert best.score == max(best.relative_validity, 0) * best.stability
    assert [c.min_cluster_size for c in found.candidates] == size_ladder(300)


def test_a_given_size_is_used_as_it_is():
    points, _ = blobs()
    found = cluster_layout(points, ClusterSettings(min_cluster_size=12))
    assert found.settings.min_cluster_size == 12
    assert found.candidates == ()


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_too_few_covers_are_all_noise(n):
    points = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    found = cluster_layout(points, ClusterSettings())
    assert found.n_clusters == 0
    assert (found.labels == -1).all()


def test_identical_covers_are_one_cluster():
    found = cluster_layout(np.ones((40, 3), np.float32), ClusterSettings())
    assert found.n_clusters == 1
    assert (found.labels == 0).all()


def test_one_even_cloud_gives_a_defined_answer():
    points = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    found = cluster_layout(points, ClusterSettings())
    assert 0 <= found.noise_fraction <= 1
    assert found.labels.min() >= -1


def test_noise_is_given_to_the_cluster_of_its_neighbours_and_marked():
    labels = np.array([0, 0, 1, 1, -1, -1])
    angle = np.array([0.0, 0.1, 2.0, 2.1, 0.2, 1.9])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    given, assigned = assign_noise(labels, vectors, k=2)
    assert given.tolist() == [0, 0, 1, 1, 0, 1]
    assert assigned.tolist() == [False] * 4 + [True] * 2
    still, nobody = assign_noise(np.full(6, -1), vectors)
    assert (still == -1).all()
    assert not nobody.any()


def test_components_keep_distances_and_ignore_the_order_of_signs():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(50, 3)).astype(np.float32)
    turned = flat @ np.linalg.qr(rng.normal(size=(8, 8)))[0][:3].astype(np.float32)
    points = principal_components(turned)
    want = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    have = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(have, want, atol=1e-3)
    np.testing.assert_allclose(np.abs(points).max(axis=0), points.max(axis=0))


def test_neighbours_are_of_one_kind_more_often_once_components_are_cut():
    """Kinds that 20 dimensions tell apart, beside 236 that tell nothing."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(8), 150)
    vectors = rng.normal(size=(len(kind), 256))
    vectors[:, :20] += rng.normal(scale=1.5, size=(8, 20))[kind]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")

    def share_alike(points):
        rows, _ = exact_neighbours(points, 16)
        return np.mean(kind[rows[:, 1:]] == kind[:, None])

    whole, cut = share_alike(vectors), share_alike(principal_components(vectors))
    assert whole < 0.9
    assert cut > whole + 0.05


def test_neighbours_of_the_layout_equal_brute_force():
    points = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    points[7] = points[3]
    rows, distances = exact_neighbours(points, 6)
    table = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :6], atol=2e-3)
    assert (rows[:, 0] == np.arange(80)).all()
    assert all(len(set(row)) == 6 for row in rows.tolist())


@pytest.mark.slow
def test_clusters_of_vectors_are_found_and_repeat_with_the_seed():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 60)
    vectors = np.eye(20)[truth] + rng.normal(0, 0.1, (240, 20))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors.astype(np.float32)
    found = cluster_covers(vectors)
    assert adjusted_mutual_info_score(truth, found.labels) > 0.9
    again = cluster_covers(vectors)
    np.testing.assert_array_equal(found.labels, again.labels)


def test_a_handful_of_covers_is_laid_out_without_umap():
    vectors = np.eye(4, dtype=np.float32)
    assert project(vectors, LayoutSettings(n_components=2)).shape == (4, 2)
    assert project(vectors[:1], LayoutSettings(n_components=2)).shape == (1, 2)
    same = np.ones((30, 4), np.float32) / 2
    assert (project(same, LayoutSettings(n_components=2)) == 0).all()


def test_ami_homogeneity_and_completeness_equal_sklearn_for_single_genres():
    rng = np.random.default_rng(0)
    genres = rng.integers(0, 4, 600)
    labels = np.where(rng.random(600) < 0.5, genres, rng.integers(0, 5, 600))
    labels[:50] = -1
    kept = labels >= 0
    relation = relate_to_genres(
        labels, np.eye(4, dtype=np.float32)[genres], np.arange(600)
    )
    expected = adjusted_mutual_info_score(genres[kept], labels[kept])
    assert relation.ami == pytest.approx(expected, abs=0.01)
    assert relation.homogeneity == pytest.approx(
        homogeneity_score(genres[kept], labels[kept])
    )
    assert relation.completeness == pytest.approx(
        completeness_score(genres[kept], labels[kept])
    )
    assert relation.n_covers == 550
    assert relation.ami > relation.ami_null95[1]


def test_clusters_of_artists_are_not_taken_for_clusters_of_genres():
    rng = np.random.default_rng(1)
    artist = np.repeat(np.arange(40), 15)
    genre_of_artist = rng.integers(0, 4, 40)
    cluster_of_artist = rng.integers(0, 4, 40)
    membership = np.eye(4, dtype=np.float32)[genre_of_artist[artist]]
    relation = relate_to_genres(cluster_of_artist[artist], membership, artist)
    single = relate_to_genres(
        cluster_of_artist[artist], membership, np.arange(len(artist))
    )
    low, high = relation.ami_null95
    assert low <= relation.ami <= high
    assert single.ami > single.ami_null95[1]


def test_one_cluster_or_one_genre_says_nothing_about_genres():
    labels = np.zeros(10, np.int64)
    two = np.eye(2, dtype=np.float32)[np.arange(10) % 2]
    assert np.isnan(relate_to_genres(labels, two, np.arange(10)).ami)
    one = np.ones((10, 1), np.float32)
    assert np.isnan(relate_to_genres(np.arange(10) % 2, one, np.arange(10)).ami)
    noise = relate_to_genres(np.full(10, -1), two, np.arange(10))
    assert noise.n_covers == 0


def test_profiles_give_shares_lifts_and_entropy():
    labels = np.array([0] * 40 + [1] * 40 + [-1] * 20)
    membership = np.zeros((100, 2), np.float32)
    membership[:40, 0] = 1
    membership[40:, 1] = 1
    membership[40:60] = 0.5
    bootstrap = GroupBootstrap.draw(np.arange(100), n_bootstraps=300)
    first, second = genre_profiles(labels, membership, bootstrap, ("a", "b"))
    assert first.genres[0].genre == "a"
    assert first.genres[0].share == 1
    assert first.genres[0].lift == pytest.approx(2)
    assert first.entropy == 0
    shares = {g.genre: g.share for g in second.genres}
    assert shares == pytest.approx({"a": 0.25, "b": 0.75})
    low, high = second.genres[0].lift_ci95
    assert low < second.genres[0].lift < high
    assert 0 < second.entropy < 1


def test_looks_say_what_sets_a_cluster_apart():
    n = 40
    labels = np.repeat([0, 1], n // 2)
    pictures = {
        "brightness": [0.1] * 20 + [0.9] * 20,
        "saturation": [0.5] * n,
        "contrast": [None] * n,
        "sharpness": list(np.linspace(0, 1, n)),
        "palette": [["#000000", "#ff0000"]] * 20 + [["#ffffff"]] * 19 + [None],
        "palette_share": [[0.75, 0.25]] * 20 + [[1.0]] * 19 + [None],
    }
    dark, bright = describe_looks(labels, pictures)
    assert "dark" in dark.words
    assert "bright" in bright.words
    assert "colourful" not in dark.words + bright.words
    assert "contrast" not in [name for name, _, _ in dark.measures()]
    assert dark.palette[0] == "#000000"
    assert dark.palette_share[0] == pytest.approx(0.75)
    assert bright.palette == ("#ffffff",)
    assert describe_looks(labels, None) == [Look(), Look()]


def test_the_hierarchy_is_cut_at_the_number_wanted():
    merges = [
        Merge(left=(0,), right=(3,), height=0.1),
        Merge(left=(1,), right=(2,), height=0.2),
        Merge(left=(0, 3), right=(1, 2), height=0.3),
    ]
    assert cut_hierarchy(merges, 9) == [[0], [1], [2], [3]]
    assert cut_hierarchy(merges, 3) == [[0, 3], [1], [2]]
    assert cut_hierarchy(merges, 1) == [[0, 1, 2, 3]]
    assert cut_hierarchy([], 3) == []
