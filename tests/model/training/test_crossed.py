"""Heads answer for train covers that they have not seen."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from covers.catalogue.table import read_catalogue
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.stage import read_inputs
from covers.model.card import read_card
from covers.model.embed import embed_workspace
from covers.model.training.heads.crossed import (
    HeadFit,
    LabelledRows,
    deal_folds,
    join_crossed,
    predict_across_folds,
    read_crossed,
)
from covers.model.training.heads.fit import genre_weights, principal_axes
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace

FIT = HeadFit(class_balance=1.0, penalty=1.0, seed=0, n_axes=6)


def draw(n_covers=240, n_groups=60, seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.integers(n_groups, size=n_covers)
    genre = rng.integers(3, size=n_groups)[groups]
    shares = np.eye(3, dtype=np.float32)[genre]
    centres = rng.normal(size=(3, 20))
    statistics = centres[genre] + rng.normal(size=(n_covers, 20))
    return statistics.astype(np.float32), shares, groups


def test_a_fold_is_answered_by_a_head_that_has_not_seen_its_labels():
    statistics, shares, groups = draw()
    folds = deal_folds(shares, groups, 0)
    found = predict_across_folds(statistics, shares, folds, FIT)
    assert sorted(set(found.folds.tolist())) == [0, 1, 2, 3]
    assert all(len(set(found.folds[groups == g])) == 1 for g in np.unique(groups))
    accuracy = (found.logits.argmax(axis=1) == shares.argmax(axis=1)).mean()
    assert 0.5 < accuracy < 1
    # With the labels and pictures of a fold exchanged its own head is the same.
    own = found.folds == 2
    other, others = shares.copy(), statistics.copy()
    other[own] = np.roll(other[own], 1, axis=1)
    again = predict_across_folds(statistics, other, folds, FIT)
    np.testing.assert_array_equal(again.logits[own], found.logits[own])
    np.testing.assert_array_equal(again.embeddings[:, 2], found.embeddings[:, 2])
    assert np.abs(again.logits[~own] - found.logits[~own]).max() > 0.05
    row = int(np.flatnonzero(own)[0])
    others[own & (np.arange(len(own)) != row)] *= 5
    again = predict_across_folds(others, shares, folds, FIT)
    np.testing.assert_allclose(again.logits[row], found.logits[row], atol=1e-5)


def test_a_cover_of_no_fold_is_learned_from_by_every_head():
    statistics, shares, groups = draw()
    folds = deal_folds(shares, groups, 0)
    folds[folds == 3] = -1
    found = predict_across_folds(statistics, shares, folds, FIT)
    assert found.embeddings.shape[:2] == (len(folds), 3)
    assert not found.logits[folds == -1].any()
    other = shares.copy()
    other[folds == -1] = np.roll(other[folds == -1], 1, axis=1)
    again = predict_across_folds(statistics, other, folds, FIT)
    for fold in range(3):
        own = folds == fold
        assert np.abs(again.logits[own] - found.logits[own]).max() > 0.05


def test_the_answers_are_those_of_scikit_learn_fold_by_fold():
    import torch

    statistics, shares, groups = draw(seed=1)
    found = predict_across_folds(statistics, shares, deal_folds(shares, groups, 0), FIT)
    outside = found.folds != 1
    axes, mean, variance = principal_axes(torch.from_numpy(statistics[outside]), 6, 0)
    points = ((statistics - mean.numpy()) / np.sqrt(variance.numpy() + 1e-5)) @ (
        axes.T.numpy()
    )
    genre, weights = shares.argmax(axis=1), genre_weights(shares[outside], 1.0)

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def fit(rows, labels):
        model = LogisticRegression(C=1.0, max_iter=500)
        return model.fit(rows, labels, sample_weight=weights[labels])

    first = fit(unit(points[outside]), genre[outside]).coef_
    _, spread, directions = np.linalg.svd(
        first - first.mean(axis=0), full_matrices=False
    )
    metric = np.eye(6) + directions.T @ np.diag(spread / spread[0]) @ directions
    vectors = unit(points @ metric)
    expected = fit(vectors[outside], genre[outside]).decision_function(vectors)
    np.testing.assert_allclose(found.embeddings[:, 1], vectors, atol=2e-3)
    np.testing.assert_allclose(
        found.logits[~outside], expected[~outside], rtol=1e-2, atol=1e-2
    )


def test_joined_answers_are_means_and_their_cosine_that_of_the_parts():
    statistics, shares, groups = draw(seed=2)
    parts = [
        predict_across_folds(values, shares, deal_folds(shares, groups, 0), FIT)
        for values in (statistics, statistics[:, :12])
    ]
    joined = join_crossed(parts)
    np.testing.assert_allclose(
        joined.logits, (parts[0].logits + parts[1].logits) / 2, atol=1e-6
    )
    vectors = [one.embeddings[:, 0].astype(float) for one in (*parts, joined)]
    cosines = [v @ v.T for v in vectors]
    np.testing.assert_allclose(cosines[2], (cosines[0] + cosines[1]) / 2, atol=5e-3)


@pytest.fixture
def trained(painted_workspace):
    recipe = Recipe(
        arch="timm:test_resnet",
        weights="none",
        image_size=64,
        embedding_dim=8,
        epochs=0,
    )
    train_workspace(painted_workspace, recipe, device="cpu")
    embed_workspace(painted_workspace)
    return painted_workspace


def test_an_evaluation_is_fitted_on_the_train_side_too(trained):
    inputs, card = read_inputs(trained)
    catalogue = read_catalogue(trained)
    train = (catalogue.splits == "train") & (catalogue.membership().sum(axis=1) > 0)
    assert inputs.crossed_folds is not None
    np.testing.assert_array_equal(inputs.crossed_folds >= 0, train)
    np.testing.assert_allclose(inputs.crossed_p[train].sum(axis=1), 1)
    evaluation = evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=20))
    assert evaluation.result.to_json()["fitted"]["n_across_folds"] == train.sum()
    n_held = (catalogue.splits == "valid").sum()
    assert evaluation.votes.held_out.sum() <= n_held
    measured = evaluation.result.to_json()["methods"]["network + vote"]["n"]
    assert measured == evaluation.votes.held_out.sum()
    assert len(card.summary["head_fits"]) == 1
    across = evaluation.result.across_folds
    assert across.n == (catalogue.membership().sum(axis=1) > 0).sum()
    assert across.n_folds == 5


def test_a_model_that_does_not_say_how_its_head_was_fitted_is_evaluated_as_before(
    trained,
):
    card = read_card(trained.model_folder)
    covers = read_inputs(trained)[0].labelled()
    about = [rows_of(covers.take(covers.splits == side)) for side in ("train", "valid")]
    assert read_crossed(trained, card, *about) is not None
    before = replace(card, summary={**card.summary, "head_fits": []})
    assert read_crossed(trained, before, *about) is None
    several = replace(card, multi_label=True)
    assert read_crossed(trained, several, *about) is None
    gone = [{**card.summary["head_fits"][0], "fingerprint": "0" * 32}]
    lost = replace(card, summary={**card.summary, "head_fits": gone})
    assert read_crossed(trained, lost, *about) is None
    unknown = replace(about[0], cover_ids=["f" * 32] * len(about[0].cover_ids))
    assert read_crossed(trained, card, unknown, about[1]) is None


def rows_of(covers):
    """Return what heads may learn from some covers."""
    return LabelledRows(
        cover_ids=covers.cover_ids, membership=covers.membership, groups=covers.groups
    )
