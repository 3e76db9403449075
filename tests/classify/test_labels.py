import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import average_precision_score, f1_score

from covers.classify.labels import LabelReader, best_threshold, fit_labels
from covers.classify.voting import VoteSettings, label_shares
from covers.evaluate.evaluate import evaluate_arrays
from covers.evaluate.inputs import EvaluationInputs
from covers.evaluate.labels import measure_labels
from covers.stats.bootstrap import GroupBootstrap
from covers.stats.neighbours import Neighbours

VOCAB = ("folk", "jazz", "rock")


def known_odds(n, seed):
    """Covers whose genres are drawn from known, independent probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([-1.5, 0.0, -0.5], 1.5, (n, 3))
    truth = rng.random((n, 3)) < expit(logits)
    return logits, truth


def test_figures_are_those_of_scikit_learn():
    logits, truth = known_odds(400, 0)
    p = expit(logits)
    named = p > 0.4
    found = measure_labels(p, named, truth, vocab=VOCAB)
    assert found["macro_f1"] == pytest.approx(f1_score(truth, named, average="macro"))
    assert found["micro_f1"] == pytest.approx(f1_score(truth, named, average="micro"))
    assert found["mean_average_precision"] == pytest.approx(
        average_precision_score(truth, p, average="macro")
    )
    assert found["coverage"] == pytest.approx((named & truth).sum() / truth.sum())


def test_intervals_hold_the_figure_and_shrink_with_covers():
    widths = []
    for n in (100, 1600):
        logits, truth = known_odds(n, 1)
        p = expit(logits)
        draws = GroupBootstrap.draw(np.arange(n), n_bootstraps=200, seed=0)
        found = measure_labels(p, p > 0.4, truth, draws=draws, vocab=VOCAB)
        for figure in ("macro_f1", "mean_average_precision"):
            low, high = found["ci95"][figure]
            assert low < found[figure] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30
    ).filter(lambda rows: any(has for _, has in rows))
)
def test_no_other_threshold_has_a_better_f1(rows):
    p = np.array([(value + 1) / 10 for value, _ in rows])
    has = np.array([flag for _, flag in rows])
    chosen = f1_score(has, p >= best_threshold(p, has), zero_division=0.0)
    for other in np.linspace(-0.05, 1.05, 40):
        assert chosen >= f1_score(has, p >= other, zero_division=0.0) - 1e-12


def test_distorted_odds_are_brought_back():
    logits, truth = known_odds(4000, 2)
    crooked = expit(3 * logits - 1)
    nothing = np.full(truth.shape, 0.5)
    reader = fit_labels(crooked, nothing, truth, "cnn")
    fresh, _ = known_odds(1000, 3)
    fixed = reader.apply(expit(3 * fresh - 1), np.full(fresh.shape, 0.5))
    assert np.abs(fixed - expit(fresh)).mean() < 0.03
    assert np.abs(expit(3 * fresh - 1) - expit(fresh)).mean() > 0.1


def test_a_genre_that_nobody_or_everybody_has_gets_its_rate():
    logits, truth = known_odds(50, 4)
    truth[:, 0], truth[:, 1] = False, True
    reader = fit_labels(expit(logits), expit(logits), truth)
    p = reader.apply(expit(logits), expit(logits))
    assert p[:, 0].max() < 0.05
    assert p[:, 1].min() > 0.95
    assert reader.name(p)[:, 1].all()


def test_a_cover_always_gets_a_name():
    reader = LabelReader(
        weights=np.ones((3, 2)), offsets=np.zeros(3), thresholds=np.full(3, 0.9)
    )
    assert reader.name(np.array([[0.1, 0.3, 0.2]])).tolist() == [[False, True, False]]
    again = LabelReader.from_json(reader.to_json())
    assert np.array_equal(again.thresholds, reader.thresholds)


def test_a_voter_of_two_genres_counts_fully_for_each():
    membership = np.array([[0.5, 0.5], [1, 0]], np.float32)
    near = Neighbours(np.array([[0, 1]]), np.array([[0.9, 0.9]], np.float32))
    shares = label_shares(VoteSettings(k=2, temperature=1.0), near, membership)
    # two equal voters and one who votes by how many have each: 1 and 1/2
    assert shares == pytest.approx(np.array([[1.0, (2 * 0.5 + 0.5) / 3]]))


@pytest.fixture(scope="module")
def evaluation():
    rng = np.random.default_rng(5)
    n = 600
    logits, truth = known_odds(n, 6)
    truth[~truth.any(axis=1), 1] = True
    membership = (truth / truth.sum(axis=1, keepdims=True)).astype(np.float32)
    points = truth + rng.normal(0, 0.7, truth.shape)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    sigmoids = expit(2.0 * logits)
    shares = sigmoids / sigmoids.sum(axis=1, keepdims=True)
    inputs = EvaluationInputs(
        cover_ids=tuple(f"{row:032x}" for row in range(n)),
        vocab=VOCAB,
        membership=membership,
        groups=np.arange(n) // 2,
        splits=np.where(np.arange(n) < 400, "train", "valid"),
        grouped_by="artist",
        embeddings=points.astype(np.float32),
        p_cnn=shares,
        model_vocab=VOCAB,
        p_labels=sigmoids,
    )
    return evaluate_arrays(inputs, n_bootstraps=50)


def test_an_evaluation_of_independent_genres_measures_and_keeps_a_reader(evaluation):
    methods = evaluation.payload["labels"]["methods"]
    precision = {name: row["mean_average_precision"] for name, row in methods.items()}
    assert precision["prior"] < precision["cnn"] - 0.1
    assert precision["blend"] >= max(precision["cnn"], precision["vote"]) - 0.02
    assert methods["blend"]["ece"] < 0.06
    assert set(evaluation.payload["labels"]["thresholds"]) == set(VOCAB)
    assert evaluation.decision.labels is not None
    again = type(evaluation.decision).from_json(evaluation.decision.to_json())
    assert np.array_equal(again.labels.weights, evaluation.decision.labels.weights)
    assert any("independent" in said for said in evaluation.payload["conclusions"])


def test_the_report_and_the_table_show_independent_genres(evaluation, capsys):
    import io

    from covers.cli.evaluate import print_evaluation
    from covers.evaluate.page import write_report

    page = io.StringIO()
    write_report(page, evaluation.payload, evaluation, None)
    assert "Several genres at once" in page.getvalue()
    print_evaluation(evaluation.payload)
    printed = capsys.readouterr().out
    assert "mAP" in printed
    assert max(len(line) for line in printed.splitlines()) <= 80
