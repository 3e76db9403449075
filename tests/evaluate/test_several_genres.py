"""Evaluations where covers have several genres: nested, rare, missing, or all the same."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from nested_genres import IMPLIED, VOCAB, nested
from sklearn.metrics import (
    average_precision_score,
    coverage_error,
    label_ranking_loss,
    log_loss,
)

from covers.classify.methods import Method
from covers.classify.vote_settings import VoteLosses
from covers.evaluate import cross_fit, several_genres
from covers.evaluate.cross_fit import HeldOutFits
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import Sides
from covers.stats.labels.figures import average_precision_by_chance
from covers.stats.metrics import SMALLEST_PROBABILITY


@pytest.fixture(scope="module")
def evaluation():
    inputs, _ = nested(900)
    return evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=100))


def test_methods_rank_as_they_were_made_and_each_is_measured(evaluation):
    methods = evaluation.result.to_json()["methods"]
    assert tuple(methods) == tuple(Method)
    precision = {name: row["mean_average_precision"] for name, row in methods.items()}
    assert precision["network"] > precision["vote"] > precision["frequency"] + 0.05
    assert precision["network + vote"] >= precision["network"] - 0.02
    assert abs(precision["chance"] - precision["frequency"]) < 0.08
    for name in ("frozen neighbours", "linear probe"):
        assert precision[name] > precision["frequency"] + 0.05
        assert methods[name]["macro_f1"] > methods["frequency"]["macro_f1"] + 0.05
    for row in methods.values():
        assert row["n"] == 360
        assert list(row["per_genre"]) == list(VOCAB)
        low, high = row["ci95"]["mean_average_precision"]
        assert low <= row["mean_average_precision"] <= high


def test_every_cover_that_carries_a_genre_counts_for_it(evaluation):
    inputs = evaluation.inputs
    has = inputs.membership[inputs.splits == "valid"] > 0
    per_genre = evaluation.result.to_json()["methods"]["network + vote"]["per_genre"]
    assert [row["n"] for row in per_genre.values()] == has.sum(axis=0).tolist()
    said = " ".join(evaluation.result.to_json()["conclusions"])
    assert "No held-out covers" not in said
    assert "genres are taken as independent" in said
    assert "drawn at random" in said


def test_every_figure_over_all_is_scikit_learns_on_the_answers_of_the_evaluation(
    evaluation,
):
    votes, inputs = evaluation.votes, evaluation.inputs
    has = inputs.membership[votes.rows[votes.held_out]] > 0
    for name, p in votes.probabilities.by_method().items():
        p, found = p[votes.held_out], evaluation.result.to_json()["methods"][name]
        sure = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        losses = [log_loss(has[:, j], sure[:, j]) for j in range(len(VOCAB))]
        assert found["log_loss"] == pytest.approx(np.mean(losses))
        assert found["mean_average_precision"] == pytest.approx(
            average_precision_score(has, p)
        )
        assert found["ranking_loss"] == pytest.approx(label_ranking_loss(has, p))
        assert found["coverage_error"] == pytest.approx(coverage_error(has, p))


def test_chance_is_that_of_the_measured_covers(evaluation):
    votes, inputs = evaluation.votes, evaluation.inputs
    has = inputs.membership[votes.rows[votes.held_out]] > 0
    found = evaluation.result.to_json()["self_check"]
    assert found["first_right_by_chance"] == pytest.approx(has.mean())
    in_random_order = [
        average_precision_by_chance(int(n), len(has)) for n in has.sum(axis=0)
    ]
    assert found["mean_average_precision_by_chance"] == pytest.approx(
        np.mean(in_random_order)
    )
    for name, p in votes.probabilities.by_method().items():
        first = p[votes.held_out].argmax(axis=1)
        by_luck = found["methods"][name]["first_right_if_shuffled"]
        assert by_luck == pytest.approx(has.mean(axis=0)[first].mean())


def test_intervals_are_of_groups_and_not_of_covers(evaluation):
    inputs = evaluation.inputs
    found = evaluation.result.to_json()
    held = inputs.splits == "valid"
    n_groups = len(np.unique(inputs.groups[held]))
    assert n_groups < held.sum()
    assert found["split"]["n_groups"] == n_groups
    # Every cover three times more in its group tells nothing new.
    rows = np.flatnonzero(held)
    more = np.concatenate([np.arange(len(inputs)), *[rows] * 3])
    often = inputs.take(more)
    ids = tuple(f"{row:032x}" for row in range(len(more)))
    often = evaluate_arrays(
        replace(often, cover_ids=ids), EvaluationSettings(n_bootstraps=100)
    )
    for figure in ("micro_f1", "first_right"):
        wide = np.ptp(found["methods"]["network"]["ci95"][figure])
        same = np.ptp(often.result.to_json()["methods"]["network"]["ci95"][figure])
        assert same > 0.7 * wide  # of four times the covers it would be half


def test_predictions_follow_the_tree(evaluation):
    p = evaluation.votes.probabilities.combined
    for i, j in np.argwhere(IMPLIED):
        assert (p[:, j] >= p[:, i]).all()
    assert evaluation.decision.is_several
    again = type(evaluation.decision).from_json(evaluation.decision.to_json())
    assert np.array_equal(again.classifier.implied, IMPLIED)


@pytest.mark.parametrize("is_several", [True, False])
def test_answers_of_a_fold_do_not_know_the_genres_of_its_covers(
    monkeypatch, is_several
):
    asked, best = [], VoteLosses.best
    monkeypatch.setattr(
        VoteLosses, "best", lambda one, rows: asked.append(rows) or best(one, rows)
    )
    monkeypatch.setattr(cross_fit, "group_folds", lambda groups, *_, **__: groups % 5)
    inputs, _ = nested(300)
    inputs = replace(inputs, is_several=is_several)
    sides = Sides.find(inputs.splits)
    others = inputs.membership.copy()
    rows = sides.valid[inputs.groups[sides.valid] % 5 == 0]
    others[rows] = np.roll(others[rows], 3, axis=0)
    first, second = (
        HeldOutFits(one, one.p_network, level=0.9)
        for one in (inputs, replace(inputs, membership=others))
    )
    for fold, rows in enumerate(asked[1:6]):
        assert (np.sort(rows) == np.flatnonzero(first.folds != fold)).all()
    own = first.folds == 0
    by_method = second.crossed.probabilities.by_method()
    for name, p in first.crossed.probabilities.by_method().items():
        assert np.array_equal(p[own], by_method[name][own])
        assert not np.array_equal(p, by_method[name])
        if is_several:
            named = first.crossed.named[name], second.crossed.named[name]
            assert np.array_equal(named[0][own], named[1][own])
    if is_several:
        one, two = (
            several_genres.calibrate_baseline(inputs.p_network, fits)
            for fits in (first, second)
        )
        assert np.array_equal(one[0][own], two[0][own])
        assert np.array_equal(one[1][own], two[1][own])


def test_answers_of_a_fold_are_put_back_cover_by_cover(monkeypatch):
    monkeypatch.setattr(cross_fit, "group_folds", lambda groups, *_, **__: groups % 5)
    inputs, _ = nested(600)
    inputs = replace(inputs, implied=None)
    sides = Sides.find(inputs.splits)
    fits = HeldOutFits(inputs, inputs.p_network, level=0.9)
    raw = inputs.p_network[sides.valid]
    network = fits.crossed.probabilities.by_method()["network"]
    by_network = fits.crossed.named["network"]
    for p, named in (
        (network, by_network),
        several_genres.calibrate_baseline(inputs.p_network, fits),
    ):
        for fold in range(5):
            own = fits.folds == fold
            for genre in range(len(VOCAB)):
                order = np.argsort(raw[own, genre])
                assert (np.diff(p[own, genre][order]) >= 0).all()
        assert named[p > 0.6].all()
        assert named[p < 0.1].mean() < 0.02
        assert named[np.arange(len(p)), p.argmax(axis=1)].mean() > 0.9


def test_what_is_said_of_a_genre_does_not_depend_on_its_column():
    inputs, _ = nested(400)
    order = np.array([3, 0, 5, 1, 4, 2])
    # The network keeps the order that it had: its columns are found by name.
    moved = replace(
        inputs,
        vocab=tuple(VOCAB[j] for j in order),
        membership=inputs.membership[:, order],
        implied=IMPLIED[np.ix_(order, order)],
    )
    first, second = (
        evaluate_arrays(one, EvaluationSettings(n_bootstraps=2)).result.to_json()
        for one in (inputs, moved)
    )
    for method, row in first["methods"].items():
        if method == Method.CHANCE:
            continue
        again = second["methods"][method]["per_genre"]
        for genre, found in row["per_genre"].items():
            assert again[genre]["n"] == found["n"]
            for figure in ("average_precision", "recall"):
                assert again[genre][figure] == pytest.approx(found[figure], abs=0.03)


def test_the_document_has_types_in_which_the_unknown_is_unknown():
    from covers.evaluate.result import Evaluation

    inputs, _ = nested(300)
    membership = inputs.membership.copy()
    membership[inputs.splits == "valid", VOCAB.index("swing")] = 0
    unseen = replace(inputs, membership=membership)
    payload = evaluate_arrays(
        unseen, EvaluationSettings(n_bootstraps=20)
    ).result.to_json()
    found = Evaluation.from_json(payload)
    both = found.methods["network + vote"]
    low, high = both.mean_average_precision.ci95
    assert low <= both.mean_average_precision.value <= high
    assert both.per_genre["swing"].n == 0
    assert np.isnan(both.per_genre["swing"].average_precision)
    assert len(both.per_genre["rock"].ci95["recall"]) == 2
    assert np.isnan(both.accuracy.value)
    assert "network + vote" in repr(found)
    assert "mAP" in repr(found)
    assert "…" not in repr(found)
    assert max(len(line) for line in repr(found).splitlines()) <= 80
    assert any(
        "swing" in said and "little can be" in said for said in payload["conclusions"]
    )


def test_differences_and_curve_are_in_mean_average_precision(evaluation):
    for row in evaluation.result.to_json()["differences"]:
        low, high = row["ci95"]
        assert low <= row["mean_average_precision"] <= high
        assert (low + high) / 2 == pytest.approx(
            row["mean_average_precision"], abs=0.3 * (high - low)
        )
    curve = evaluation.result.to_json()["learning_curve"]
    assert curve[-1]["mean_average_precision"] > curve[0]["mean_average_precision"]
    for before, after in pairwise(curve):
        low, high = after["gain_ci95"]
        gain = after["mean_average_precision"] - before["mean_average_precision"]
        assert after["gain"] == pytest.approx(gain)
        assert low < gain < high
        # On the same resamples, so narrower than if the two had nothing in common.
        apart = np.hypot(np.ptp(before["ci95"]), np.ptp(after["ci95"]))
        assert high - low < 1.5 * apart


def test_a_test_side_is_measured_and_never_fitted_on():
    inputs, _ = nested(900)
    splits = inputs.splits.copy()
    splits[inputs.groups >= 375] = "test"
    first = evaluate_arrays(
        replace(inputs, splits=splits), EvaluationSettings(n_bootstraps=20)
    )
    membership = inputs.membership.copy()
    membership[splits == "test"] = np.roll(membership[splits == "test"], 2, axis=0)
    other = replace(inputs, splits=splits, membership=membership)
    second = evaluate_arrays(other, EvaluationSettings(n_bootstraps=20))
    assert first.result.to_json()["split"]["measured"] == "test"
    assert second.decision.to_json() == first.decision.to_json()
    # What any method or baseline names is the same, whatever the test side has.
    n_named = [
        {
            name: row["named_per_cover"]
            for name, row in one.result.to_json()["methods"].items()
        }
        for one in (first, second)
    ]
    assert n_named[0] == n_named[1]
    assert (
        second.result.to_json()["methods"]["network"]["mean_average_precision"]
        < first.result.to_json()["methods"]["network"]["mean_average_precision"]
    )
