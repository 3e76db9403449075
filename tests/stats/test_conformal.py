import json

import numpy as np
import pytest

from covers.evaluate.describe import measure_sets
from covers.stats.conformal import (
    Familiarity,
    PredictionSets,
    Verdict,
    closeness,
    give_verdicts,
    set_scores,
    widest_sure_set,
)
from covers.stats.distributions import softmax


def draw(n, *, seed=0, n_genres=6):
    """Distributions and truth drawn from them."""
    rng = np.random.default_rng(seed)
    p = softmax(1.5 * rng.normal(size=(n, n_genres)))
    truth = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return p, np.eye(n_genres)[truth.clip(max=n_genres - 1)]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("spoiled", [False, True])
def test_coverage_is_the_level_over_many_splits_even_for_wrong_probabilities(
    level, spoiled
):
    coverages = []
    for seed in range(60):
        p, truth = draw(700, seed=seed)
        if spoiled:
            p = softmax(3 * np.log(p) + np.linspace(0, 2, 6))
        sets = PredictionSets.fit(p[:300], truth[:300])
        inside = sets.contains(p[300:], level)
        coverages.append((inside & (truth[300:] > 0)).any(axis=1).mean())
    # Theory: level <= coverage <= level + 1 / (n + 1), in the mean over splits.
    error = 4 * np.std(coverages) / np.sqrt(len(coverages))
    assert np.mean(coverages) == pytest.approx(level + 0.5 / 301, abs=error + 0.002)


def test_coverage_is_within_two_points_with_the_covers_of_a_real_library():
    p, truth = draw(6000, seed=3)
    sets = PredictionSets.fit(p[:2000], truth[:2000])
    report = measure_sets(
        sets.contains(p[2000:], 0.9), truth[2000:], level=0.9, vocab="abcdef"
    )
    assert report.coverage == pytest.approx(0.9, abs=0.02)
    assert sum(report.sizes) == pytest.approx(1)
    assert report.mean_size == pytest.approx(np.dot(report.sizes, range(7)))
    weighted = sum(g.coverage * g.n for g in report.per_genre.values())
    assert weighted / 4000 == pytest.approx(report.coverage)


def test_sets_adapt_small_where_it_is_clear_and_wide_where_it_is_not():
    p, truth = draw(3000, seed=4)
    inside = PredictionSets.fit(p, truth).contains(p, 0.9)
    clear, unclear = p.max(axis=1) > 0.9, p.max(axis=1) < 0.35
    assert inside[clear].sum(axis=1).mean() < 1.5
    assert inside[unclear].sum(axis=1).mean() > 3.5


def test_a_set_holds_the_likeliest_genres():
    p, truth = draw(500, seed=5)
    inside = PredictionSets.fit(p, truth).contains(p, 0.8)
    for row, chosen in zip(p, inside, strict=True):
        if 0 < chosen.sum() < 6:
            assert row[chosen].min() >= row[~chosen].max()


def test_higher_levels_give_wider_sets():
    p, truth = draw(500, seed=6)
    sets = PredictionSets.fit(p, truth)
    narrow, wide = sets.contains(p, 0.6), sets.contains(p, 0.95)
    assert (narrow <= wide).all()
    assert wide.sum() > narrow.sum()


def test_too_few_covers_for_a_level_give_all_genres():
    p, truth = draw(8, seed=7)
    assert PredictionSets.fit(p, truth).contains(p, 0.9).all()


def test_covers_of_several_genres_count_in_parts():
    p = np.array([[0.6, 0.3, 0.1]] * 2)
    truth = np.array([[0.5, 0.5, 0], [0, 0, 1.0]])
    sets = PredictionSets.fit(p, truth)
    np.testing.assert_allclose(sets.scores, [0.3, 0.75, 0.95])
    np.testing.assert_allclose(sets.weights, [0.5, 0.5, 1.0])
    assert sets.threshold(0.3) == pytest.approx(0.75)


def test_scores_rise_down_the_ranking():
    np.testing.assert_allclose(
        set_scores(np.array([[0.2, 0.5, 0.3]])), [[0.9, 0.25, 0.65]]
    )


@pytest.mark.parametrize("n", [50, 5000])
def test_sets_survive_json_with_their_thresholds(n):
    p, truth = draw(n, seed=8)
    sets = PredictionSets.fit(p, truth)
    again = PredictionSets.from_json(json.loads(json.dumps(sets.to_json())))
    assert len(again.scores) <= 2000
    for level in (0.5, 0.8, 0.9):
        assert again.threshold(level) == pytest.approx(sets.threshold(level), abs=2e-3)


def draw_with_a_misread_genre(n, seed):
    """Distributions that underrate the last genre, which then ranks low on its own covers."""
    p, truth = draw(n, seed=seed)
    tilt = np.array([0, 0, 0, 0, 0, -2.5])
    return softmax(np.log(p) + tilt), truth


def test_no_genre_is_missed_much_more_often_than_promised():
    p, truth = draw_with_a_misread_genre(8000, seed=9)
    sets = PredictionSets.fit(p[:4000], truth[:4000])
    plain = PredictionSets(sets.scores, sets.weights)

    def measure(of):
        inside = of.contains(p[4000:], 0.9)
        return measure_sets(inside, truth[4000:], level=0.9, vocab="abcdef")

    before, after = measure(plain), measure(sets)
    assert before.per_genre["f"].coverage < 0.75
    assert min(one.coverage for one in after.per_genre.values()) > 0.82
    # The others pay for it: coverage over all is what was promised.
    assert after.coverage == pytest.approx(0.9, abs=0.015)
    assert sets.threshold(0.9) < plain.threshold(0.9)


def test_a_genre_whose_few_covers_are_all_ranked_last_is_always_inside():
    p, truth = draw(600, seed=11)
    p = np.column_stack([0.97 * p, np.full(len(p), 0.03)])
    truth = np.column_stack([truth, np.zeros(len(p))])
    truth[:12] = np.eye(7)[6]
    p[:12] = np.append(np.full(6, 0.99 / 6), 0.01)
    inside = PredictionSets.fit(p, truth).contains(p, 0.9)
    assert inside[:, 6].mean() > 0.95
    others = measure_sets(inside[12:], truth[12:], level=0.9, vocab="abcdefg")
    assert others.coverage == pytest.approx(0.9, abs=0.03)
    # One cover of its own is no reason to.
    one = PredictionSets.fit(p[11:], truth[11:]).contains(p, 0.9)
    assert one[12:, 6].mean() < 0.5


def test_floors_survive_json_and_decisions_of_before_have_none():
    p, truth = draw_with_a_misread_genre(5000, seed=10)
    sets = PredictionSets.fit(p, truth)
    values = json.loads(json.dumps(sets.to_json()))
    again = PredictionSets.from_json(values)
    assert (again.contains(p, 0.9) != sets.contains(p, 0.9)).mean() < 0.03
    del values["genres"]
    before = PredictionSets.from_json(values)
    assert before.genres is None
    scores = set_scores(p)
    np.testing.assert_array_equal(
        before.contains(p, 0.9), scores <= before.threshold(0.9) + 1e-12
    )


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_a_level_that_is_no_share_is_refused(level):
    p, truth = draw(10)
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        PredictionSets.fit(p, truth).threshold(level)


def test_the_stated_share_of_the_librarys_own_covers_is_unfamiliar():
    rng = np.random.default_rng(0)
    similarities = np.sort(rng.uniform(0.3, 0.9, size=(2000, 10)))[:, ::-1]
    familiarity = Familiarity.fit(similarities.astype(np.float32), 0.05)
    strange = familiarity.is_unfamiliar(similarities.astype(np.float32))
    assert strange.mean() == pytest.approx(0.05, abs=0.002)
    far = np.full((1, 10), 0.1, np.float32)
    assert familiarity.is_unfamiliar(far).all()
    nothing = np.full((1, 10), np.nan, np.float32)
    assert familiarity.is_unfamiliar(nothing).all()
    assert Familiarity.from_json(familiarity.to_json()) == familiarity


def test_closeness_averages_the_filled_slots():
    near = closeness(np.array([[0.8, 0.6, np.nan], [np.nan] * 3], np.float32), 5)
    assert near[0] == pytest.approx(0.7)
    assert np.isnan(near[1])


def test_verdicts_follow_set_size_and_familiarity():
    inside = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0] * 4, [1, 0, 0, 0]])
    verdicts = give_verdicts(inside > 0, np.array([False] * 4 + [True]))
    assert verdicts == [
        Verdict.SURE,
        Verdict.SURE,
        Verdict.UNSURE,
        Verdict.UNSURE,
        Verdict.UNFAMILIAR,
    ]


def test_a_sure_set_is_never_all_genres():
    assert [widest_sure_set(n) for n in (2, 3, 4, 6, 30)] == [1, 1, 2, 3, 3]
