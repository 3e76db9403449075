import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import f1_score

from covers.stats.labels.platt import (
    FLOORS,
    Platt,
    best_thresholds,
    choose_floor,
    choose_thresholds,
    log_odds,
)

BASE = np.array([-3.5, -2.0, -0.5, 0.5])


def known_odds(n, seed):
    """Genres whose log-odds are known, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(BASE, 1.5, (n, len(BASE)))
    return logits, rng.random(logits.shape) < expit(logits)


def test_distorted_odds_are_brought_back():
    logits, has = known_odds(4000, 2)
    fitted = Platt.fit((3 * logits - 1)[:, :, None], has)
    fresh, _ = known_odds(1000, 3)
    crooked = 3 * fresh - 1
    fixed = fitted.apply(crooked[:, :, None])
    assert np.abs(fixed - expit(fresh)).mean() < 0.02
    assert np.abs(expit(crooked) - expit(fresh)).mean() > 0.1


def test_a_rare_label_borrows_from_the_others():
    errors = {"shrunk": [], "alone": []}
    for seed in range(20):
        logits, has = known_odds(150, seed)
        fresh, _ = known_odds(500, 100 + seed)
        together = Platt.fit(logits[:, :, None], has).apply(fresh[:, :, None])
        own = (1 + 1e-9) * np.ones(1)
        errors["shrunk"].append(np.abs(together - expit(fresh))[:, 0].mean())
        rate = (has[:, 0].sum() + 0.5) / 151
        errors["alone"].append(np.abs(rate * own - expit(fresh[:, 0])).mean())
    assert np.mean(errors["shrunk"]) < 0.6 * np.mean(errors["alone"])


def test_slopes_of_a_label_with_few_covers_stay_with_what_all_have_in_common():
    logits, has = known_odds(200, 6)
    has[:, 0] = logits[:, 0] < np.sort(logits[:, 0])[3]  # three covers say the reverse
    weights = Platt.fit(logits[:, :, None], has).weights[:, 0]
    assert np.ptp(weights) < 0.1
    assert weights[0] > 0.5


def test_a_useless_second_source_is_hardly_believed():
    logits, has = known_odds(2000, 4)
    noise = np.random.default_rng(0).normal(size=logits.shape)
    fitted = Platt.fit(np.stack([logits, noise], axis=2), has)
    assert fitted.weights[:, 0] == pytest.approx(1, abs=0.25)
    assert fitted.weights[:, 1] == pytest.approx(0, abs=0.15)


def test_a_label_that_all_or_none_have_gets_its_rate_and_no_source_is_the_base_rate():
    logits, has = known_odds(50, 5)
    has[:, 0], has[:, 1] = False, True
    odds = log_odds(expit(logits), expit(logits))
    p = Platt.fit(odds, has).apply(odds)
    assert p[:, 0].max() < 0.1
    assert p[:, 1].min() > 0.9
    without = odds[:, :, :0]
    rates = Platt.fit(without, has).apply(without)
    assert rates[0] == pytest.approx(has.mean(axis=0), abs=0.02)
    assert (rates == rates[0]).all()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30
    ).filter(lambda rows: any(has for _, has in rows))
)
def test_no_other_threshold_has_a_better_f1_on_the_covers_alone(rows):
    p = np.array([(value + 1) / 10 for value, _ in rows])[:, None]
    has = np.array([flag for _, flag in rows])[:, None]
    chosen = best_thresholds(p, has, trust=0)
    best = f1_score(has[:, 0], (p >= chosen)[:, 0], zero_division=0.0)
    for other in np.linspace(-0.05, 1.05, 40):
        assert best >= f1_score(has[:, 0], p[:, 0] >= other, zero_division=0.0) - 1e-12


def test_thresholds_keep_what_they_promise_for_rare_labels_too():
    lost = {20: [], 0: []}
    fresh, truth = known_odds(20_000, 999)
    p_fresh = expit(fresh)
    ideal = [
        max(
            f1_score(truth[:, j], p_fresh[:, j] >= t)
            for t in np.linspace(0.05, 0.6, 23)
        )
        for j in range(2)
    ]
    for seed in range(15):
        logits, has = known_odds(120, seed)
        for trust, into in lost.items():
            chosen = best_thresholds(expit(logits), has, trust=trust)
            got = [f1_score(truth[:, j], p_fresh[:, j] >= chosen[j]) for j in range(2)]
            into.append(np.mean(ideal) - np.mean(got))
    assert np.mean(lost[20]) < 0.02
    assert np.mean(lost[20]) < np.mean(lost[0])


def test_a_rare_label_that_cannot_be_told_is_not_named_everywhere():
    rng = np.random.default_rng(0)
    has = rng.random((400, 3)) < [0.5, 0.3, 0.02]
    p = np.stack(
        [
            np.where(has[:, 0], 0.7, 0.3),
            np.where(has[:, 1], 0.6, 0.1),
            np.full(400, 0.02),
        ],
        axis=1,
    )
    assert (p[:, 2] >= best_thresholds(p, has)[2]).all()
    groups = np.arange(400) // 2
    chosen = choose_thresholds(p, has, groups)
    assert not (p[:, 2] >= chosen[2]).any()
    shared = best_thresholds(p.reshape(-1, 1), has.reshape(-1, 1))[0]
    assert chosen.min() >= choose_floor(p, has, groups) * shared - 1e-12
    assert choose_floor(p, has, groups) in FLOORS[1:]


def test_the_floor_costs_next_to_nothing_against_the_best_of_all_floors():
    """Chosen on the fitting covers alone, it names fresh ones as well as the best floor would."""
    lost = []
    fresh, truth = wide_odds(3000, 999)
    p_fresh = expit(fresh)

    def micro(thresholds):
        named = p_fresh >= thresholds
        return 2 * (named & truth).sum() / (named.sum() + truth.sum())

    for seed in range(10):
        odds, has = wide_odds(200, seed)
        p = expit(odds)
        own = best_thresholds(p, has)
        shared = best_thresholds(p.reshape(-1, 1), has.reshape(-1, 1))[0]
        scores = {floor: micro(np.maximum(own, floor * shared)) for floor in FLOORS}
        chosen = choose_floor(p, has, np.arange(200) // 2)
        lost.append(max(scores.values()) - scores[chosen])
    assert np.mean(lost) < 0.01


def wide_odds(n, seed, n_labels=30):
    """Many rare labels and a few frequent ones, known log-odds."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(np.linspace(-5, 0, n_labels), 1.0, (n, n_labels))
    return odds, rng.random(odds.shape) < expit(odds)


def test_rates_of_rare_labels_come_from_further_covers_too():
    """Left-out covers of a rare label are not ranked last because they were left out."""
    rng = np.random.default_rng(0)
    logits, has = known_odds(60, 6)
    has[:, 0] = np.arange(60) < 3  # all three in one fold
    known = rng.random((2000, 4)) < has.mean(axis=0)
    folds = np.arange(60) // 12
    gaps = {}
    for name, others in (("alone", None), ("with others", known)):
        p = np.empty(60)
        for fold in range(5):
            inside = folds == fold
            odds = 0 * logits[:, :, None]
            fitted = Platt.fit(odds[~inside], has[~inside], others)
            p[inside] = fitted.apply(odds[inside])[:, 0]
        gaps[name] = p[~has[:, 0]].mean() - p[has[:, 0]].mean()
    assert gaps["alone"] > 0.03
    assert abs(gaps["with others"]) < gaps["alone"] / 3
