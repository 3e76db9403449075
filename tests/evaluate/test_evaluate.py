from dataclasses import replace

import numpy as np
import pytest
from synthetic_library import VOCAB, simulate

from covers.classify.methods import IN_WORDS, Method
from covers.errors import DataError, StaleError
from covers.evaluate.checks.columns import align_columns, check_columns
from covers.evaluate.checks.figures import check_figures
from covers.evaluate.checks.sides import check_references, find_twins
from covers.evaluate.cross_fit import HeldOutFits
from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.inputs import Sides
from covers.evaluate.result import Evaluation
from covers.evaluate.words.conclusions import draw_conclusions
from covers.stats.bootstrap import Interval
from covers.stats.folds import group_folds
from covers.stats.metrics import measure_method
from covers.stats.neighbours import Neighbours

EVALUATE = EvaluationSettings(n_bootstraps=100)


@pytest.fixture(scope="module")
def inputs():
    return simulate(700, n_groups=200)


@pytest.fixture(scope="module")
def evaluation(inputs):
    return evaluate_arrays(inputs, EVALUATE)


def test_every_method_is_measured_on_the_same_covers(evaluation):
    methods = evaluation.result.to_json()["methods"]
    assert tuple(methods) == tuple(Method)
    n_held = (evaluation.inputs.splits == "valid").sum()
    assert {found["n"] for found in methods.values()} == {n_held}
    for found in methods.values():
        confusion = np.array(found["confusion"])
        assert found["accuracy"] == pytest.approx(np.trace(confusion) / n_held)
        assert set(found["ci95"]) >= {"accuracy", "macro_f1", "top3", "ece"}
        assert list(found["per_genre"]) == list(VOCAB)


def test_methods_rank_as_they_were_made(evaluation):
    f1 = {
        name: m["macro_f1"]
        for name, m in evaluation.result.to_json()["methods"].items()
    }
    assert f1["network"] > f1["frozen neighbours"] > f1["colours"]
    assert f1["vote"] > f1["frozen neighbours"]
    assert f1["colours"] == pytest.approx(f1["chance"], abs=0.12)


def test_the_document_has_the_promised_shape(evaluation):
    payload = evaluation.result.to_json()
    split = payload["split"]
    assert split["n_train"] + split["n_valid"] == len(evaluation.inputs)
    assert split["grouped_by"] == "artist"
    assert payload["genres"] == list(VOCAB)
    assert {"level", "coverage", "mean_size", "per_genre"} <= set(payload["sets"])
    for row in payload["differences"]:
        assert {"a", "b", "macro_f1", "ci95"} <= set(row)
        assert row["ci95"][0] <= row["macro_f1"] <= row["ci95"][1]
    pairs = {frozenset((row["a"], row["b"])) for row in payload["differences"]}
    assert len(pairs) == len(Method) * (len(Method) - 1) // 2
    sizes = [point["n_references"] for point in payload["learning_curve"]]
    assert sizes == sorted(sizes)
    assert sizes[-1] == split["n_train"]


def test_top_losses_are_wrong_covers_the_worst_first(evaluation):
    losses = [row["log_loss"] for row in evaluation.result.to_json()["top_losses"]]
    assert losses == sorted(losses, reverse=True)
    for row in evaluation.result.to_json()["top_losses"]:
        assert row["predicted"] not in row["genres"]


def test_the_same_seed_gives_the_same_numbers(inputs, evaluation):
    assert (
        evaluate_arrays(inputs, EVALUATE).result.to_json()
        == evaluation.result.to_json()
    )


def test_covers_without_a_genre_are_left_out(inputs, evaluation):
    membership = np.vstack([inputs.membership, np.zeros((1, 4), np.float32)])
    more = replace(
        inputs,
        cover_ids=(*inputs.cover_ids, "f" * 32),
        membership=membership,
        groups=np.append(inputs.groups, 10**6),
        splits=np.append(inputs.splits, "valid"),
        embeddings=np.vstack([inputs.embeddings, inputs.embeddings[:1]]),
        p_network=np.vstack([inputs.p_network, inputs.p_network[:1]]),
        frozen=np.vstack([inputs.frozen, inputs.frozen[:1]]),
        colours=np.vstack([inputs.colours, inputs.colours[:1]]),
    )
    assert (
        evaluate_arrays(more, EVALUATE).result.to_json() == evaluation.result.to_json()
    )


def test_columns_are_found_by_name_whatever_the_models_order(inputs, evaluation):
    order = [2, 0, 3, 1]
    shuffled = replace(
        inputs,
        p_network=inputs.p_network[:, order],
        model_vocab=tuple(VOCAB[j] for j in order),
    )
    found = evaluate_arrays(shuffled, EVALUATE).result.to_json()
    assert (
        found["methods"]["network"] == evaluation.result.to_json()["methods"]["network"]
    )


def test_predictions_in_another_order_than_the_labels_are_caught(inputs):
    swapped = replace(inputs, p_network=inputs.p_network[:, [1, 0, 2, 3]])
    # The calibrator must not be able to hide it: the raw network is checked.
    with pytest.raises(
        DataError, match=r"the network seem to be in another order.*'Ambient'"
    ):
        evaluate_arrays(swapped, EVALUATE)


def test_a_group_on_both_sides_is_caught(inputs):
    splits = inputs.splits.copy()
    row = int(np.flatnonzero(splits == "valid")[0])
    splits[row] = "train"
    while not (splits[inputs.groups == inputs.groups[row]] == "valid").any():
        row = int(np.flatnonzero(splits == "valid")[-1])
        splits[row] = "train"
    with pytest.raises(DataError, match="leak: 1 groups lie on both sides"):
        evaluate_arrays(replace(inputs, splits=splits), EVALUATE)


def test_a_cover_that_appears_twice_is_caught(inputs):
    ids = (inputs.cover_ids[1], *inputs.cover_ids[1:])
    with pytest.raises(DataError, match="appears 2 times"):
        evaluate_arrays(replace(inputs, cover_ids=ids), EVALUATE)


def test_a_split_without_a_held_out_side_is_explained(inputs):
    splits = np.full(len(inputs), "train")
    with pytest.raises(
        DataError, match="found train only: run 'covers scan --split-anew'"
    ):
        evaluate_arrays(replace(inputs, splits=splits), EVALUATE)


def test_a_model_of_other_genres_is_refused():
    with pytest.raises(StaleError, match="not in the model: Polka; not in the"):
        align_columns(("Jazz", "Polka"), ("Jazz", "Pop"))


def test_neighbours_of_the_own_group_are_caught():
    found = Neighbours(np.array([[0, 1]]), np.ones((1, 2), np.float32))
    check_references(found, np.array([5]), np.array([6, 7]))
    with pytest.raises(DataError, match="1 held-out covers have neighbours of their"):
        check_references(found, np.array([7]), np.array([6, 7]))


def test_figures_that_do_not_follow_from_their_confusion_matrix_are_caught():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    truth = np.eye(2)[[0, 1, 1]]
    found = measure_method(p, truth)
    check_figures("network", found, truth, p)
    wrong = replace(found, values={**found.values, "accuracy": 0.9})
    with pytest.raises(DataError, match=r"reports accuracy 0\.9000, but its confusion"):
        check_figures("network", wrong, truth, p)
    with pytest.raises(DataError, match=r"its predictions give 0\.3333"):
        check_figures("network", found, truth, p[:, ::-1])


@pytest.mark.parametrize("n_genres", [2, 5, 12])
def test_permuted_columns_are_caught_and_honest_ones_are_not(n_genres):
    rng = np.random.default_rng(n_genres)
    vocab = [f"g{j}" for j in range(n_genres)]
    truth = rng.integers(n_genres, size=600)
    for skill in (0.0, 0.1, 0.35, 0.8):
        predicted = np.where(
            rng.random(600) < skill, truth, rng.integers(n_genres, size=600)
        )
        confusion = np.zeros((n_genres, n_genres))
        np.add.at(confusion, (truth, predicted), 1)
        check_columns("network", confusion, vocab)
        if skill >= 0.35:
            moved = np.roll(confusion, 1, axis=1)
            with pytest.raises(DataError, match="in another order than the labels"):
                check_columns("network", moved, vocab)


def test_a_method_that_always_says_the_same_is_not_taken_for_mixed_up():
    confusion = np.zeros((4, 4))
    confusion[:, 1] = [71.5, 22, 36.5, 26]
    check_columns("frequency", confusion, VOCAB)


@pytest.mark.parametrize("n_genres", [10, 28, 75])
def test_many_genres_and_few_covers_are_not_taken_for_exchanged(n_genres):
    vocab = [f"g{j}" for j in range(n_genres)]
    for seed in range(30):
        pairs = np.random.default_rng(seed).integers(0, n_genres, (54, 2))
        confusion = np.zeros((n_genres, n_genres))
        np.add.at(confusion, (pairs[:, 0], pairs[:, 1]), 1)
        check_columns("vote", confusion, vocab)
    exchanged = 8.0 * np.roll(np.eye(n_genres), 1, axis=0)
    with pytest.raises(DataError, match="in another order than the labels"):
        check_columns("vote", exchanged, vocab)


def test_twins_across_the_split_are_named(inputs):
    held = np.flatnonzero(inputs.splits == "valid")[0]
    train = np.flatnonzero(inputs.splits == "train")[0]
    embeddings = inputs.embeddings.copy()
    embeddings[held] = embeddings[train]
    found = evaluate_arrays(replace(inputs, embeddings=embeddings), EVALUATE)
    assert found.result.to_json()["self_check"]["twins"] == [inputs.cover_ids[held]]
    assert any(
        "all but identical" in said for said in found.result.to_json()["conclusions"]
    )
    none = Neighbours(np.zeros((2, 0), int), np.zeros((2, 0), np.float32))
    assert len(find_twins(none)) == 0


def test_a_test_side_is_measured_and_never_fitted_on():
    inputs = simulate(900, n_groups=260, test=0.2)
    first = evaluate_arrays(inputs, EVALUATE)
    split = first.result.to_json()["split"]
    assert split["measured"] == "test"
    assert split["n_test"] == (inputs.splits == "test").sum()
    assert not first.result.to_json()["fitted"]["cross_fitted"]
    # Other labels on the test side change its figures, but nothing that is fitted.
    membership = inputs.membership.copy()
    test = inputs.splits == "test"
    membership[test] = np.roll(membership[test], 1, axis=0)
    second = evaluate_arrays(replace(inputs, membership=membership), EVALUATE)
    assert second.decision.to_json() == first.decision.to_json()
    assert (
        second.result.to_json()["methods"]["network + vote"]["accuracy"]
        < first.result.to_json()["methods"]["network + vote"]["accuracy"]
    )


def test_a_cover_is_never_measured_with_a_fit_on_its_own_label(inputs, evaluation):
    held = np.flatnonzero(inputs.splits == "valid")
    group = inputs.groups[held[0]]
    own = np.flatnonzero(inputs.groups == group)
    membership = inputs.membership.copy()
    membership[own] = np.roll(membership[own], 1, axis=1)
    other = evaluate_arrays(replace(inputs, membership=membership), EVALUATE)
    rows = np.isin(evaluation.votes.rows, own)
    # Folds are balanced by genre, so one group's labels may move others between
    # folds; the network's own predictions for it may not follow its labels.
    before = evaluation.votes.probabilities.network[rows]
    after = other.votes.probabilities.network[rows]
    assert np.abs(before - after).max() < 0.15


def with_crossed(inputs, slope=1.0):
    """Return inputs with answers across folds, such as heads without a fold would give."""
    train = np.flatnonzero(inputs.splits == "train")
    folds = np.full(len(inputs), -1)
    folds[train] = group_folds(inputs.groups[train], inputs.membership[train])
    p = inputs.p_network[:, align_columns(inputs.vocab, inputs.model_vocab)] ** slope
    vectors = np.repeat(inputs.embeddings[:, None], folds.max() + 1, axis=1)
    return replace(
        inputs,
        crossed_folds=folds,
        crossed_p=p / p.sum(axis=1, keepdims=True),
        crossed_embeddings=vectors.astype(np.float16),
        across_p=p / p.sum(axis=1, keepdims=True),
        across_embeddings=vectors.astype(np.float16),
    )


def test_answers_across_folds_are_fitted_on_and_never_measured(inputs, evaluation):
    found = evaluate_arrays(with_crossed(inputs), EVALUATE)
    fitted, split = found.result.to_json()["fitted"], found.result.to_json()["split"]
    assert fitted["n_across_folds"] == split["n_train"]
    assert evaluation.result.to_json()["fitted"]["n_across_folds"] == 0
    for name, one in found.result.to_json()["methods"].items():
        assert one["n"] == split["n_valid"]
        before = evaluation.result.to_json()["methods"][name]
        assert one["macro_f1"] == pytest.approx(before["macro_f1"], abs=0.02)
    assert found.result.to_json()["sets"]["coverage"] == pytest.approx(0.9, abs=0.06)
    # They count: heads that are too certain there make the network's answers soft.
    sharp = evaluate_arrays(with_crossed(inputs, slope=4.0), EVALUATE)
    slopes = [
        one.result.to_json()["fitted"]["calibrators"]["network"]["slope"]
        for one in (sharp, found)
    ]
    assert slopes[0] < slopes[1] / 2


def test_across_folds_nobody_votes_for_the_own_group_or_the_own_fold(inputs):
    crossed = with_crossed(inputs).labelled()
    sides = Sides.find(crossed.splits)
    fits = HeldOutFits(crossed, np.asarray(crossed.p_network, float), level=0.9)
    for raw in (fits.raw, fits.across_folds()[0]):
        assert sorted(raw.rows) == sorted([*sides.valid, *sides.train])
        for part in raw.parts[1:]:
            voting = np.where(part.near.rows < 0, -1, part.references[part.near.rows])
            for values in (crossed.crossed_folds, crossed.groups):
                own = values[part.rows][:, None]
                assert ((values[voting] != own) | (voting < 0)).all()
            assert (voting[:, :40] >= 0).all()
    # Heads that learned from the held-out covers let them vote, the others do not.
    asked = [np.isin(sides.valid, part.references) for part in raw.parts[1:]]
    assert np.all(asked)
    assert not np.isin(sides.valid, fits.raw.parts[1].references).any()


def test_without_features_their_baselines_are_missing_and_all_else_is_there(inputs):
    bare = replace(inputs, frozen=None, colours=None)
    methods = evaluate_arrays(bare, EVALUATE).result.to_json()["methods"]
    assert set(methods) == {"chance", "frequency", "network", "vote", "network + vote"}


def test_labels_without_any_signal_are_said_to_be_unreadable():
    inputs = simulate(500, n_groups=500)
    rng = np.random.default_rng(1)
    order = rng.permutation(len(inputs))
    nonsense = replace(inputs, membership=inputs.membership[order])
    payload = evaluate_arrays(nonsense, EVALUATE).result.to_json()
    assert payload["methods"]["network + vote"]["accuracy"] < 0.4
    assert any("cannot be shown" in said for said in payload["conclusions"])


def test_votes_hold_an_answer_for_every_cover_the_held_out_first(evaluation):
    votes, inputs = evaluation.votes, evaluation.inputs
    assert sorted(votes.rows) == list(range(len(inputs)))
    assert (inputs.splits[votes.rows[votes.held_out]] == "valid").all()
    np.testing.assert_allclose(votes.probabilities.combined.sum(axis=1), 1)
    own = inputs.groups[votes.rows][:, None]
    assert (inputs.groups[votes.nearest] != own)[votes.nearest >= 0].all()
    assert (inputs.splits[votes.nearest[votes.nearest >= 0]] == "train").all()


def test_calibration_and_coverage_hold_over_many_drawn_libraries():
    errors, noise, coverages, n = [], [], [], []
    for seed in range(4):
        drawn = simulate(1200, seed=seed, n_groups=1200, shared=0.0, spread=1.6)
        payload = evaluate_arrays(
            drawn, EvaluationSettings(n_bootstraps=10, seed=seed)
        ).result.to_json()
        errors.append(payload["methods"]["network + vote"]["ece"])
        noise.append(payload["methods"]["network + vote"]["ece_if_calibrated"])
        coverages.append(payload["sets"]["coverage"])
        n.append(payload["methods"]["network + vote"]["n"])
    assert np.mean(errors) < np.mean(noise) + 0.02
    assert np.average(coverages, weights=n) == pytest.approx(0.9, abs=0.02)


def conclusions_with(payload, a, b, low, high):
    methods = {name: dict(found) for name, found in payload["methods"].items()}
    for name in methods:
        methods[name]["macro_f1"] = 0.1
    methods[a]["macro_f1"], methods[b]["macro_f1"] = 0.5, 0.4
    differences = [
        {**row, "macro_f1": 0.4, "ci95": [0.3, 0.5]}
        if row["a"] == a
        else {**row, "macro_f1": -0.4, "ci95": [-0.5, -0.3]}
        for row in payload["differences"]
    ]
    for row in differences:
        if {row["a"], row["b"]} == {a, b}:
            sign = 1 if row["a"] == a else -1
            row["ci95"] = sorted([sign * low, sign * high])
    changed = {**payload, "methods": methods, "differences": differences}
    return draw_conclusions(Evaluation.from_json(changed))


def test_conclusions_tell_a_certain_lead_from_an_uncertain_one(evaluation):
    certain = conclusions_with(
        evaluation.result.to_json(), "vote", "network", 0.02, 0.18
    )
    assert "read best by the vote of neighbours" in certain[0]
    assert any(
        "over the network and network and vote together is certain" in said
        for said in certain
    )
    tied = conclusions_with(evaluation.result.to_json(), "vote", "network", -0.02, 0.22)
    assert any("over the network is within chance" in said for said in tied)
    assert tied[0].startswith("The highest macro-F1 is that of the vote of neighbours")


def test_conclusions_say_each_comparison_once(evaluation):
    said = conclusions_with(evaluation.result.to_json(), "vote", "network", -0.02, 0.22)
    simple = (Method.FROZEN, Method.PROBE, Method.COLOURS)
    for name in (IN_WORDS[method] for method in simple):
        assert sum(name in sentence for sentence in said) == 1, said
    ((gain),) = [sentence for sentence in said if "is better than" in sentence]
    assert gain.startswith("In macro-F1 the vote of neighbours is better than")
    assert gain.count("95 % interval +30.0 to +50.0 points") == 3


@pytest.mark.parametrize(
    ("error", "noise", "said"),
    [
        (0.02, 0.03, "can be taken at their word"),
        (0.09, 0.03, "read them with care"),
        (0.29, 0.20, "nothing can be said of the probabilities"),
        (0.60, 0.20, "read them with care"),
    ],
)
def test_probabilities_are_not_called_good_where_nothing_can_be_seen(
    evaluation, error, noise, said
):
    payload = evaluation.result.to_json()
    name = "network + vote"
    changed = {"ece": error, "ece_if_calibrated": noise}
    methods = {**payload["methods"], name: {**payload["methods"][name], **changed}}
    told = draw_conclusions(Evaluation.from_json({**payload, "methods": methods}))
    assert sum(said in sentence for sentence in told) == 1, told


def test_intervals_are_written_as_pairs():
    assert Interval(0.1, 0.2).ends == (0.1, 0.2)
