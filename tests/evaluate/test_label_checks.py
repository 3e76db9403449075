"""What refuses figures of independent genres that are wrong, and lets honest ones pass."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nested_genres import VOCAB, nested
from scipy.special import expit
from sklearn.metrics import (
    average_precision_score,
)

from covers.errors import DataError
from covers.evaluate import one_genre, several_genres
from covers.evaluate.checks.columns import check_label_columns
from covers.evaluate.checks.figures import check_label_figures
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import EvaluationInputs
from covers.stats.labels.metrics import measure_labels


def random_inputs(seed, most_genres, shares, *, one_on_all, is_several):
    """Covers of any number of genres, none among them, as the inputs of an evaluation."""
    rng = np.random.default_rng(seed)
    n, n_genres = 120, int(rng.integers(2, 31))
    has = rng.random((n, n_genres)) < rng.random(n_genres) ** 2
    for row in has:
        chosen = np.flatnonzero(row)
        row[rng.permutation(chosen)[most_genres:]] = False
    has[rng.random(n) < 0.1] = False
    if one_on_all:
        has[:, 0] = True
    totals = np.maximum(has.sum(axis=1, keepdims=True), 1)
    membership = {
        "thirds": (has / totals).astype(np.float32),
        "loose": has / totals * (1 + 0.001 * rng.random((n, 1))),
        "exact": has / totals,
    }[shares]
    features = rng.normal(size=(n, 5)) + has[:, :1]
    unit = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype("f4")
    p = rng.random((n, n_genres)) + 0.3 * has
    inputs = EvaluationInputs(
        cover_ids=tuple(f"{row:032x}" for row in range(n)),
        vocab=tuple(f"g{j:02d}" for j in range(n_genres)),
        membership=membership,
        groups=np.arange(n) // 2,
        splits=np.where(np.arange(n) < 60, "train", "valid"),
        grouped_by="artist",
        embeddings=unit,
        p_network=p / (1.4 if is_several else p.sum(axis=1, keepdims=True)),
        model_vocab=tuple(f"g{j:02d}" for j in range(n_genres)),
        is_several=is_several,
        colours=unit,
    )
    return inputs, has


RANDOM_MEMBERSHIPS = given(
    st.integers(0, 10**6),
    st.integers(1, 30),
    st.sampled_from(["thirds", "loose", "exact"]),
    st.booleans(),
    st.booleans(),
)
UNHURRIED = settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow]
)


@UNHURRIED
@RANDOM_MEMBERSHIPS
def test_random_memberships_pass_every_check_of_their_own(
    seed, most_genres, shares, one_on_all, is_several
):
    inputs, has = random_inputs(
        seed, most_genres, shares, one_on_all=one_on_all, is_several=is_several
    )
    labelled = has.any(axis=1)
    assume(labelled[:60].any() and labelled[60:].any())
    found = evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=10))
    assert found.result.to_json()["self_check"]["passed"]
    held = has[60:][labelled[60:]]
    p = found.votes.probabilities.combined[found.votes.held_out]
    first_right = held[np.arange(len(held)), p.argmax(axis=1)].mean()
    for row in found.result.to_json()["methods"].values():
        assert row["n"] == len(held)
    both = found.result.to_json()["methods"]["network + vote"]
    for row, nearest in zip(found.votes.rows, found.votes.nearest, strict=True):
        voters = found.inputs.groups[nearest[nearest >= 0]]
        assert found.inputs.groups[row] not in voters
    if is_several:
        carriers = [row["n"] for row in both["per_genre"].values()]
        assert carriers == held.sum(axis=0).tolist()
        assert both["first_right"] == pytest.approx(first_right, abs=1e-12)
        known = held.any(axis=0)
        average = [
            average_precision_score(held[:, j], p[:, j]) for j in known.nonzero()[0]
        ]
        assert both["mean_average_precision"] == pytest.approx(np.mean(average))
    else:
        assert both["accuracy"] == pytest.approx(first_right, abs=1e-9)


@UNHURRIED
@RANDOM_MEMBERSHIPS
def test_random_memberships_do_not_pass_where_something_is_wrong(
    seed, most_genres, shares, one_on_all, is_several
):
    inputs, has = random_inputs(
        seed, most_genres, shares, one_on_all=one_on_all, is_several=is_several
    )
    labelled = has.any(axis=1)
    # Of the torn and the repeated cover both halves must count.
    assume(labelled[[59, 60, 61]].all())
    torn = inputs.groups.copy()
    torn[60] = torn[59]
    with pytest.raises(DataError, match="lie on both sides of the split"):
        evaluate_arrays(
            replace(inputs, groups=torn), EvaluationSettings(n_bootstraps=2)
        )
    twice = (*inputs.cover_ids[:61], inputs.cover_ids[60], *inputs.cover_ids[62:])
    with pytest.raises(DataError, match="appears 2 times"):
        evaluate_arrays(
            replace(inputs, cover_ids=twice), EvaluationSettings(n_bootstraps=2)
        )
    spoils, kind = (
        (SPOILED_LABELS, several_genres) if is_several else (SPOILED, one_genre)
    )
    for message, spoil in spoils.items():
        name = "measure_labels" if is_several else "measure_method"
        measure = getattr(kind, name)

        def wrong(*args, measure=measure, spoil=spoil, **options):
            return spoil(measure(*args, **options))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, name, wrong)
            with pytest.raises(DataError, match=message):
                evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=2))


def off_by_a_little(figure):
    """Return what makes one figure of a measurement wrong in the eighth place."""
    return lambda found: replace(
        found, values={**found.values, figure: found.values[figure] + 1e-8}
    )


def with_one_carrier_more(found):
    n = found.per_genre.n.copy()
    n[0] += 1
    return replace(found, per_genre=replace(found.per_genre, n=n))


SPOILED_LABELS = {
    "reports micro_f1": off_by_a_little("micro_f1"),
    "reports named_per_cover": off_by_a_little("named_per_cover"),
    "reports first_right": off_by_a_little("first_right"),
    "covers of genre 0": with_one_carrier_more,
}
SPOILED = {
    "reports accuracy": off_by_a_little("accuracy"),
    "reports accuracy|holds": lambda found: replace(
        found,
        confusion=found.confusion * (1 + 1e-5) + 1e-5 * np.eye(len(found.confusion)),
    ),
}


def test_figures_that_do_not_follow_from_the_names_are_caught():
    rng = np.random.default_rng(0)
    p = rng.random((50, 4))
    has, named = rng.random((50, 4)) < p, p > 0.5
    found = measure_labels(p, named, has)
    check_label_figures("vote", found, p, named, has)
    wrong = replace(found, values={**found.values, "micro_f1": 0.9})
    with pytest.raises(DataError, match=r"vote reports micro_f1 0\.9000, but its"):
        check_label_figures("vote", wrong, p, named, has)
    with pytest.raises(DataError, match="reports first_right"):
        check_label_figures("vote", found, 1 - p, named, has)
    with pytest.raises(DataError, match=r"reports micro_f1|covers of genre"):
        check_label_figures("vote", found, p, named, np.roll(has, 1, axis=0))


@pytest.mark.parametrize("n_genres", [2, 6, 75, 300])
def test_columns_in_another_order_are_caught_and_honest_ones_are_not(n_genres):
    rng = np.random.default_rng(n_genres)
    vocab = [f"g{j}" for j in range(n_genres)]
    groups = np.arange(800) // 2
    for skill in (0.0, 0.5, 2.0):
        shared = rng.normal(size=(800, 1))
        logits = rng.normal(size=(800, n_genres)) + 0.7 * shared - 1.5
        has = rng.random((800, n_genres)) < expit(2 * logits)
        p = expit(skill * logits + rng.normal(size=logits.shape))
        check_label_columns("the network", p, has, groups, vocab)
        if skill == 2.0:
            rolled = np.roll(p, 1, axis=1)
            with pytest.raises(DataError, match="in another order than the labels"):
                check_label_columns("the network", rolled, has, groups, vocab)


def test_a_single_exchanged_pair_is_named():
    inputs, _ = nested(1200)
    swapped = inputs.p_network[:, [1, 0, 2, 3, 4, 5]]
    with pytest.raises(DataError, match="'bluesrock' taken for 'bebop'"):
        evaluate_arrays(
            replace(inputs, p_network=swapped), EvaluationSettings(n_bootstraps=10)
        )


def test_nested_genres_are_not_taken_for_exchanged():
    for seed in range(10):
        inputs, _ = nested(400, seed)
        has = inputs.membership > 0
        check_label_columns("x", inputs.p_network, has, inputs.groups, VOCAB)


def test_twins_and_leaks_are_found_as_with_one_genre():
    inputs, _ = nested(400)
    embeddings = inputs.embeddings.copy()
    held = int(np.flatnonzero(inputs.splits == "valid")[0])
    embeddings[held] = embeddings[0]
    found = evaluate_arrays(
        replace(inputs, embeddings=embeddings), EvaluationSettings(n_bootstraps=10)
    )
    assert found.result.to_json()["self_check"]["twins"] == [inputs.cover_ids[held]]
    leak = evaluate_arrays(
        inputs, EvaluationSettings(n_bootstraps=10, leakage=True)
    ).result.to_json()["leakage"]
    assert set(leak) == {"colours", "frozen neighbours", "linear probe", "vote"}
    assert {row["figure"] for row in leak.values()} == {"mean_average_precision"}
