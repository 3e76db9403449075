"""What is said of independent genres: true of the figures, and no more than they tell."""

from dataclasses import replace

import pytest
from nested_genres import nested

from covers.evaluate.evaluate import EvaluationSettings, evaluate_arrays
from covers.evaluate.result import Evaluation
from covers.evaluate.words.conclusions import draw_conclusions
from covers.evaluate.words.sentences import LOOKING_METHODS
from covers.render.numbers import span


def conclude(payload):
    return draw_conclusions(Evaluation.from_json(payload))


@pytest.fixture(scope="module")
def payload():
    inputs, _ = nested(900)
    return evaluate_arrays(inputs, EvaluationSettings(n_bootstraps=30)).result.to_json()


def test_no_method_is_said_to_rank_best_that_ranks_no_better_than_a_random_order(
    payload,
):
    methods = {
        name: {**found, "ci95": found["ci95"] | {"mean_average_precision": [0.1, 0.9]}}
        for name, found in payload["methods"].items()
    }
    said = conclude({**payload, "methods": methods})
    assert said[1].startswith("The highest mean average precision is that of ")
    assert "not certainly better than guessing" in said[2]
    assert not any("ranked best" in sentence or "lead" in sentence for sentence in said)


@pytest.mark.parametrize(("low", "is_best"), [(0.01, True), (-0.01, False)])
def test_a_method_ranks_best_only_where_it_is_certainly_better_than_all(
    payload, low, is_best
):
    found = Evaluation.from_json(payload)
    best = found.best(LOOKING_METHODS)
    rows = [
        {**row, "ci95": [0.01, 0.2] if row["a"] == best else [-0.2, -0.01]}
        for row in payload["differences"]
    ]
    for row in rows:
        if {row["a"], row["b"]} == {best, "linear probe"}:
            row["ci95"] = [low, 0.2] if row["a"] == best else [-0.2, -low]
    said = conclude({**payload, "differences": rows})[1]
    assert best != "linear probe"
    assert said.startswith("Covers are ranked best by ") == is_best
    assert said.startswith("The highest mean average precision is that of ") != is_best


def test_names_are_told_beside_the_same_names_for_every_cover(payload):
    same = payload["methods"]["frequency"]["micro_f1"]
    (said,) = [one for one in payload["conclusions"] if "genres a cover:" in one]
    assert f"the same names for every cover have {same:.2f} and" in said


def test_the_reason_for_independent_genres_is_the_true_one(payload):
    forced = conclude({**payload, "share_with_several": 0.0})
    assert "so genres are taken as independent" in payload["conclusions"][0]
    assert forced[0].startswith("Genres are taken as independent because the network")


def test_of_a_genre_that_all_covers_have_nothing_is_told(payload):
    both = payload["methods"]["network + vote"]
    rows = {
        genre: row | {"n": 360 if genre == "rock" else 12 if genre == "jazz" else 3}
        for genre, row in both["per_genre"].items()
    }
    rows["jazz"]["ci95"] = rows["jazz"]["ci95"] | {"average_precision": [0.0, 0.1]}
    methods = payload["methods"] | {"network + vote": {**both, "per_genre": rows}}
    said = conclude({**payload, "methods": methods})
    assert "All held-out covers have rock: there is nothing to tell." in said
    (one,) = [sentence for sentence in said if "the one genre" in sentence]
    assert one.startswith("Jazz, the one genre with 10 held-out covers or more, is not")


def test_of_many_genres_it_is_said_how_many_are_told_by_luck(payload):
    both = payload["methods"]["network + vote"]
    row = both["per_genre"]["rock"] | {"n": 100}
    row["ci95"] = row["ci95"] | {"average_precision": [0.8, 0.9]}
    rows = {f"g{j}": row for j in range(40)}
    methods = payload["methods"] | {"network + vote": {**both, "per_genre": rows}}
    said = " ".join(conclude({**payload, "methods": methods}))
    assert "Of 40 genres with 10 held-out covers or more 40 are certainly" in said
    assert "(1 would seem to be by luck)" in said
    assert "luck" not in " ".join(payload["conclusions"])


def test_one_genre_is_not_said_to_be_read_best_where_guessing_is_as_good():
    inputs, _ = nested(300)
    p = inputs.p_network / inputs.p_network.sum(axis=1, keepdims=True)
    inputs = replace(inputs, is_several=False, p_network=p)
    payload = evaluate_arrays(
        inputs, EvaluationSettings(n_bootstraps=20)
    ).result.to_json()

    def said(low):
        for found in payload["methods"].values():
            found["ci95"] = found["ci95"] | {"accuracy": [low, 1.0]}
        best = Evaluation.from_json(payload).best(LOOKING_METHODS)
        for row in payload["differences"]:
            row["ci95"] = [0.01, 0.2] if row["a"] == best else [-0.2, -0.01]
        return conclude(payload)

    assert "read best by" in said(0.95)[0]
    assert "given one of their genres" in said(0.95)[0]
    blind = said(0.01)
    assert blind[0].startswith("The highest macro-F1 is that of ")
    assert "not certainly better than guessing" in blind[1]
    assert not any("best by" in sentence or "lead" in sentence for sentence in blind)


@pytest.mark.parametrize(
    ("gain", "ci95", "told"),
    [
        (0.02, [0.01, 0.03], "More covers to vote still help: from "),
        (0.02, [-0.01, 0.05], "Whether more covers to vote would help is not certain"),
        (0.002, [-0.004, 0.008], "Twice the covers to vote bring less than a point"),
        (0.02, [None, None], ""),
    ],
)
def test_what_more_covers_bring_is_said_with_its_interval(payload, gain, ci95, told):
    *curve, last = payload["learning_curve"]
    curve.append({**last, "gain": gain, "gain_ci95": ci95})
    of_growth = [
        one
        for one in conclude({**payload, "learning_curve": curve})
        if "to vote" in one
    ]
    assert len(of_growth) == bool(told)
    for one in of_growth:
        assert one.startswith(told)
        low, high = ci95
        assert one.endswith(
            f"changed by {100 * gain:+.1f} points "
            f"(95 % interval {span((100 * low, 100 * high), '+.1f')} points)."
        )
