import numpy as np
import pytest
from known_workspace import DESIGN, GENRES
from measured import FAST, measure, near_of

from covers.overlap.confusion import confuse
from covers.overlap.finite_sample import (
    Losses,
    measure_losses,
    pair_errors,
    split_groups,
)
from covers.overlap.mixing import adjust, balanced_shares, measure_mixing
from covers.overlap.overlap import (
    OverlapSettings,
    effective_number,
    measure_overlap,
)
from covers.overlap.pair_votes import Labels, count_votes, loss_table
from covers.overlap.simulation import Design, draw_known_overlap


def brute_force_votes(rows, membership, k):
    votes = np.zeros((len(rows), membership.shape[1]))
    for query, found in enumerate(rows):
        for row in [r for r in found if r >= 0][:k]:
            votes[query] += membership[row]
    return votes


@pytest.mark.parametrize("fractional", [False, True])
def test_votes_equal_counting_one_by_one(fractional):
    rng = np.random.default_rng(0)
    membership = np.eye(3, dtype=np.float32)[rng.integers(3, size=30)]
    if fractional:
        membership[:8] = (0.5, 0.5, 0)
        membership[8] = 0
    rows = rng.integers(-1, 30, size=(30, 9))
    labels = Labels(membership, np.arange(30))
    for k, votes in zip((3, 9), count_votes(rows, labels, (3, 9)), strict=True):
        # Empty slots are skipped only when some covers are left out on purpose.
        expected = np.zeros((30, 3))
        for query in range(30):
            for row in rows[query, :k]:
                expected[query] += membership[row] if row >= 0 else 0
        np.testing.assert_allclose(votes, expected, atol=1e-6)


def test_the_k_nearest_kept_covers_vote_when_some_are_left_out():
    rng = np.random.default_rng(1)
    membership = np.eye(4, dtype=np.float32)[rng.integers(4, size=40)]
    rows = np.stack([rng.permutation(40)[:20] for _ in range(40)])
    kept = rng.random(40) < 0.5
    found = count_votes(rows, Labels(membership, np.arange(40)), (4,), kept)[0]
    left = np.where(kept[rows], rows, -1)
    np.testing.assert_allclose(found, brute_force_votes(left, membership, 4))


def test_loss_table_gives_the_balanced_leave_one_out_error_of_a_simple_vote():
    data = draw_known_overlap(
        Design(family="gaussians", n_covers=(400, 400), n_dimensions=2, separation=2),
        seed=3,
    )
    labels = Labels(data.membership, data.groups)
    near = near_of(data.vectors, data.groups, k=15)
    errors = pair_errors(loss_table(near.rows, labels, [15])[0], labels)
    votes = brute_force_votes(near.rows, data.membership, 15)
    own = data.membership.argmax(axis=1)
    wrong = votes.argmax(axis=1) != own
    for genre in (0, 1):
        assert errors[genre, 1 - genre] == pytest.approx(
            wrong[own == genre].mean(), abs=0.03
        )


@pytest.mark.parametrize("separation", [0.0, 1.0, 3.0])
def test_overlap_of_two_normal_clouds_is_found(separation):
    design = Design(
        family="gaussians", n_covers=(700, 700), n_dimensions=3, separation=separation
    )
    data = draw_known_overlap(design, seed=5)
    found = measure(data)
    assert found.overlap[0, 1] == pytest.approx(data.overlap[0, 1], abs=0.08)
    low, high = found.overlap_ci95[:, 0, 1]
    assert low <= found.overlap[0, 1] <= high


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gaussians", "styles"])
def test_overlap_is_unbiased_and_its_intervals_hold_over_many_sets(family):
    errors, held = [], []
    for seed in range(24):
        grouped = seed % 2 == 1
        design = Design(
            family=family,
            n_covers=(150, 200, 300),
            n_dimensions=(2, 5, 10)[seed % 3],
            separation=2.0 if family == "gaussians" else 0.5,
            group_size=3 if grouped else 1,
            group_correlation=0.3 if grouped else 0.0,
        )
        data = draw_known_overlap(design, seed)
        found = measure(data)
        pairs = np.triu_indices(3, 1)
        errors.append(np.mean(found.overlap[pairs] - data.overlap[pairs]))
        low, high = (end[pairs] for end in found.overlap_ci95)
        held.append(
            np.mean((low <= data.overlap[pairs]) & (data.overlap[pairs] <= high))
        )
    assert abs(np.mean(errors)) < 0.03
    assert 0.88 <= np.mean(held) <= 1.0


@pytest.mark.slow
def test_shuffled_genres_are_rarely_called_different():
    any_false = []
    for seed in range(40):
        design = Design(
            family="shuffled",
            n_covers=(80, 120, 160, 80),
            n_dimensions=4,
            separation=1,
            group_size=3,
            group_correlation=0.5,
        )
        data = draw_known_overlap(design, seed)
        near = near_of(data.vectors, data.groups, k=15)
        mixing = measure_mixing(
            near.rows,
            Labels(data.membership, data.groups),
            n_permutations=100,
            seed=seed,
        )
        any_false.append(bool((mixing.q_pairs <= 0.05).any()))
    # Five per cent are expected; six or more of forty happen once in fifty runs.
    assert sum(any_false) <= 6


def test_prolific_artists_of_one_genre_are_not_taken_for_a_difference():
    """Shuffling alone would: it gives single covers the weight of whole artists."""
    p = []
    for seed in range(40):
        design = Design(
            family="shuffled",
            n_covers=(60, 60, 60, 60),
            n_dimensions=3,
            separation=1,
            group_correlation=0.5,
            group_sizes=(1, 1, 10, 10),
        )
        data = draw_known_overlap(design, seed)
        near = near_of(data.vectors, data.groups, k=15)
        mixing = measure_mixing(
            near.rows,
            Labels(data.membership, data.groups),
            n_permutations=60,
            seed=seed,
        )
        p.append(mixing.p_pairs)
        np.testing.assert_allclose(mixing.observed.sum(axis=1), 1)
    # 240 pairs, correlated within a set: 12 are expected.
    assert np.sum(np.array(p) < 0.05) <= 26


def test_correction_takes_away_most_of_the_excess():
    design = Design(
        family="gaussians", n_covers=(150,) * 4, n_dimensions=50, separation=2
    )
    raw, corrected = [], []
    for seed in range(4):
        data = draw_known_overlap(design, seed)
        found = measure(data)
        pairs = np.triu_indices(4, 1)
        raw.append(np.mean(found.raw[pairs] - data.overlap[pairs]))
        corrected.append(np.mean(found.overlap[pairs] - data.overlap[pairs]))
    assert np.mean(raw) > 0.03
    assert abs(np.mean(corrected)) < np.mean(raw) / 2


def test_genres_alike_lose_little_to_the_cut_at_one():
    found = []
    for seed in range(6):
        design = Design(
            family="shuffled",
            n_covers=(150, 200, 250, 150),
            n_dimensions=5,
            separation=1,
            group_size=3,
            group_correlation=0.5,
        )
        found.append(measure(draw_known_overlap(design, seed)))
    pairs = np.triu_indices(4, 1)
    assert np.mean([f.overlap[pairs] for f in found]) > 0.94
    assert np.mean([f.overlap_ci95[1][pairs] for f in found]) > 0.99


def corrected(raw, halved, chance):
    """Correct one pair whose error before the correction and its chance are given."""
    labels = Labels(np.eye(2, dtype=np.float32)[np.arange(600) % 2], np.arange(600))
    losses = Losses(
        5, np.zeros((600, 2), np.float32), np.array([raw]), np.array([halved]), 1.0
    )
    drawn = np.random.default_rng(0).normal(raw, chance, (4000, 1))
    return losses.correct(drawn, labels)


def test_what_halving_adds_is_chance_where_all_genres_may_be_alike():
    assert corrected(0.98, 1.0, 0.02)[0][0] == pytest.approx(0.98)
    assert corrected(0.6, 0.65, 0.02)[0][0] == pytest.approx(0.54, abs=0.002)


def test_near_one_the_doubt_is_as_large_as_chance():
    spread = [corrected(raw, raw, 0.03)[1].std() / 0.03 for raw in (0.5, 1.0)]
    assert spread == pytest.approx([1, 2**0.5], rel=0.05)


def test_a_pair_without_a_lost_cover_may_still_overlap_a_little():
    labels = Labels(np.eye(2, dtype=np.float32)[np.arange(60) % 2], np.arange(60))
    nothing = Losses(5, np.zeros((60, 2), np.float32), np.zeros(1), np.zeros(1), 1.0)
    _, samples = nothing.correct(np.zeros((2000, 1)), labels)
    # Half a lost group of thirty on each side.
    assert samples.std() == pytest.approx(0.5 * np.sqrt(2) / 30, rel=0.1)


def test_intervals_widen_when_covers_come_in_groups():
    alone = Design(
        family="gaussians", n_covers=(300, 300), n_dimensions=2, separation=1.5
    )
    together = Design(
        family="gaussians",
        n_covers=(300, 300),
        n_dimensions=2,
        separation=1.5,
        group_size=8,
        group_correlation=0.8,
    )
    widths = [
        float(np.diff(measure(draw_known_overlap(d, 2)).overlap_ci95[:, 0, 1])[0])
        for d in (alone, together)
    ]
    assert widths[1] > 1.3 * widths[0]


def test_same_seed_gives_the_same_numbers():
    data = draw_known_overlap(DESIGN, 1)
    first, second = measure(data), measure(data)
    np.testing.assert_array_equal(first.overlap_ci95, second.overlap_ci95)
    np.testing.assert_array_equal(first.p, second.p)


def test_order_of_covers_does_not_change_the_uncorrected_overlap_at_given_k():
    data = draw_known_overlap(DESIGN, 1)
    order = np.random.default_rng(0).permutation(len(data.groups))
    settings = OverlapSettings(k=9, n_bootstraps=50, n_permutations=20, n_splits=1)
    found = [
        measure_overlap(
            near_of(data.vectors[rows], data.groups[rows]),
            data.membership[rows],
            data.groups[rows],
            GENRES,
            settings,
        )
        for rows in (np.arange(len(order)), order)
    ]
    np.testing.assert_allclose(found[0].raw, found[1].raw, atol=1e-6)


def test_lift_of_genres_in_one_place_is_high_and_of_distant_ones_low():
    rng = np.random.default_rng(0)
    angle = np.repeat([0.0, 0.0, 2.0], 120) + rng.normal(0, 0.2, 360)
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    membership = np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2], 120)]
    groups = np.arange(360)
    found = measure_overlap(
        near_of(vectors, groups), membership, groups, ("a", "b", "c"), FAST
    )
    assert found.lift[0, 1] == pytest.approx(1.5, abs=0.15)
    assert found.lift[0, 2] < 0.1
    assert found.q[0, 1] < 0.01
    assert found.overlap[0, 1] > 0.85
    assert found.overlap[0, 2] < 0.1
    low, high = found.lift_ci95[:, 0, 1]
    assert low < found.lift[0, 1] < high


def test_lift_does_not_depend_on_how_many_covers_a_genre_has():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], [1200, 150, 150])
    vectors = rng.standard_normal((1500, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = near_of(vectors.astype(np.float32), np.arange(1500), k=15)
    shares = balanced_shares(
        near.rows, Labels(np.eye(3, dtype=np.float32)[labels], np.arange(1500))
    )
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    mixing = measure_mixing(
        near.rows,
        Labels(np.eye(3, dtype=np.float32)[labels], np.arange(1500)),
        n_permutations=50,
    )
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose((mixing.observed / mixing.expected)[off], 1, atol=0.12)


def test_a_cover_of_two_genres_counts_half_in_each():
    data = draw_known_overlap(DESIGN, 2)
    membership = data.membership.copy()
    membership[:20] = 0
    membership[:20, :2] = 0.5
    near = near_of(data.vectors, data.groups)
    found = measure_overlap(near, membership, data.groups, GENRES, FAST)
    assert found.n_covers.tolist() == [50, 70, 60]
    assert np.isfinite(found.overlap).all()


def test_p_values_are_corrected_as_benjamini_and_hochberg_say():
    p = np.array([0.001, 0.02, 0.03, 0.5, np.nan])
    expected = [0.004, 0.04, 0.04, 0.5]
    np.testing.assert_allclose(adjust(p)[:4], expected)
    assert np.isnan(adjust(p)[4])


def test_halves_split_the_groups_of_each_genre():
    data = draw_known_overlap(DESIGN, 0)
    labels = Labels(data.membership, data.groups)
    side = split_groups(labels, np.random.default_rng(0))
    main = labels.group_mass.argmax(axis=1)
    for genre in range(3):
        share = side[main == genre].mean()
        assert share == pytest.approx(0.5, abs=0.5 / (main == genre).sum() + 1e-9)


def test_the_chosen_k_is_among_the_tried_ones():
    data = draw_known_overlap(DESIGN, 0)
    near = near_of(data.vectors, data.groups)
    losses = measure_losses(near.rows, Labels(data.membership, data.groups))
    assert losses.k in (5, 9, 15, 25, 41)
    assert losses.inflation >= 1


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [(np.eye(5), 5), (np.ones((5, 5)), 1), (np.kron(np.eye(2), np.ones((2, 2))), 2)],
)
def test_effective_number_counts_genres_that_differ(overlap, expected):
    assert effective_number(overlap) == pytest.approx(expected)


def test_overlap_of_styles_is_the_sum_of_the_smaller_shares():
    design = Design(
        family="styles", n_covers=(3000, 3000), n_dimensions=4, separation=0.5
    )
    data = draw_known_overlap(design, 7)
    # Styles lie far apart, so the nearest of the other genre tells the style.
    found = measure(data, settings=OverlapSettings(k=41, n_bootstraps=50))
    assert found.overlap[0, 1] == pytest.approx(data.overlap[0, 1], abs=0.06)


def test_the_designed_order_of_the_demo_library_is_found_by_a_perfect_reader():
    from covers.demo.genres import demo_mixture

    mixture = demo_mixture()
    rng = np.random.default_rng(0)
    n_each, n_styles = 250, len(mixture.styles)
    labels = np.repeat(np.arange(len(mixture.genres)), n_each)
    styles = np.array(
        [rng.choice(n_styles, p=mixture.probabilities[g]) for g in labels]
    )
    vectors = np.eye(n_styles)[styles] + rng.normal(0, 0.08, (len(labels), n_styles))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = np.arange(len(labels))
    membership = np.eye(len(mixture.genres), dtype=np.float32)[labels]
    near = near_of(vectors.astype(np.float32), groups, k=120)
    found = measure_overlap(near, membership, groups, mixture.genres, FAST)
    truth = mixture.overlap()
    pairs = np.triu_indices(len(mixture.genres), 1)
    apart = [  # pairs whose designed overlaps differ enough to be told apart
        (found.overlap[pairs][i], found.overlap[pairs][j])
        for i in range(len(pairs[0]))
        for j in range(len(pairs[0]))
        if truth[pairs][i] - truth[pairs][j] > 0.1
    ]
    assert len(apart) > 50
    assert all(more > less for more, less in apart)


def test_confusion_rates_are_shares_of_the_true_genre():
    membership = np.array([[1, 0], [1, 0], [0.5, 0.5], [0, 1]], np.float32)
    table = confuse(np.array([0, 1, 1, 1]), membership, np.arange(4))
    assert table[0][1].rate == pytest.approx(1.5 / 2.5)
    assert table[1][1].rate == pytest.approx(1)
    assert table[0][1].n == pytest.approx(2.5)
    low, high = table[0][1].ci95
    assert low <= 0.6 <= high
    assert 0 <= table[0][1].p <= table[0][1].q <= 1
    assert np.isnan(table[0][0].p)
