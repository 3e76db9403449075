import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from covers.stats.labels.logistic import fit_logistic


def draw(n=300, n_dimensions=6, n_labels=5, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, n_dimensions))
    odds = points @ rng.normal(size=(n_dimensions, n_labels)) + np.linspace(-3, 1, 5)
    return points, rng.random((n, n_labels)) < 1 / (1 + np.exp(-odds))


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
def test_each_label_is_fitted_as_scikit_learn_fits_it_alone(penalty):
    points, has = draw()
    found = fit_logistic(points, has, penalty=penalty)
    for label in range(has.shape[1]):
        alone = LogisticRegression(C=penalty, tol=1e-8, max_iter=2000)
        alone.fit(points, has[:, label])
        expected = alone.decision_function(points)
        assert np.abs(found.log_odds(points)[:, label] - expected).max() < 0.01


def test_a_label_that_all_or_none_have_gets_its_prior():
    points, has = draw()
    has[:, 0], has[:, 1] = True, False
    found = fit_logistic(points, has)
    assert found.offsets[:2].tolist() == [10, -10]
    assert not found.coefficients[:2].any()
    nothing = fit_logistic(points, has[:, :2])
    assert nothing.log_odds(points)[0].tolist() == [10, -10]


def test_where_it_starts_does_not_matter():
    points, has = draw()
    first = fit_logistic(points, has, penalty=0.1)
    cold = fit_logistic(points, has, penalty=10)
    warm = fit_logistic(points, has, penalty=10, start=first)
    np.testing.assert_allclose(warm.log_odds(points), cold.log_odds(points), atol=0.02)
