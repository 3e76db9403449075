import math
from dataclasses import replace

from covers.evaluate.document import Split
from covers.evaluate.measures import Estimate, GenreScore, MethodResult
from covers.evaluate.result import Evaluation
from covers.evaluate.words.headline import headline_of


def make(f1, *, several=False, chance=0.2):
    right = Estimate(value=0.42, ci95=(0.38, 0.47))
    method = MethodResult(
        n=564,
        accuracy=right,
        first_right=Estimate(value=0.6),
        per_genre={g: GenreScore(n=10, f1=value) for g, value in f1.items()},
    )
    guess = MethodResult(n=564, accuracy=Estimate(value=chance))
    return Evaluation(
        genres=tuple(f1),
        methods={"chance": guess, "network + vote": method},
        split=Split(
            n_train=9, n_valid=9, measured="valid", n_groups=3, grouped_by="artist"
        ),
        several_genres=several,
    )


def test_the_share_right_comes_with_interval_chance_and_extremes():
    said = headline_of(make({"Pop": 0.2, "Rock": 0.4, "Country": 0.6})).said
    assert said == (
        "Of 564 covers that were never seen, 42 % are given one of their genres "
        "(95 % interval 38 to 47 %), where guessing gets 20 %; "
        "Country is read most easily, Pop least."
    )


def test_what_is_not_known_is_left_out():
    found = headline_of(make({"Pop": math.nan}, several=True))
    assert found.easiest is None
    assert found.any_of_several
    assert math.isnan(found.chance)
    assert found.said == (
        "Of 564 covers that were never seen, 60 % are given one of their genres."
    )


def test_of_several_genres_a_cover_the_most_frequent_one_is_what_has_to_be_beaten():
    found = make({"Pop": 0.2, "Rock": 0.4}, several=True)
    same = MethodResult(n=564, first_right=Estimate(value=0.55))
    said = headline_of(
        replace(found, methods={**found.methods, "frequency": same})
    ).said
    assert "60 % are given one of their genres" in said
    assert "where always saying the most frequent genre gets 55 %" in said
    assert "guessing" not in said


def test_of_several_genres_the_easiest_is_not_the_most_frequent():
    found = make({}, several=True)
    per_genre = {
        "Rock": GenreScore(n=564, f1=1.0, average_precision=1.0),
        "Pop": GenreScore(n=400, f1=0.8, average_precision=0.71),
        "Jazz": GenreScore(n=60, f1=0.3, average_precision=0.4),
        "Swing": GenreScore(n=1, f1=0.0, average_precision=1.0),
    }
    both = replace(found.methods["network + vote"], per_genre=per_genre)
    first = headline_of(replace(found, methods={"network + vote": both}))
    assert first.said.endswith("Jazz is read most easily, Pop least.")
    assert first.measure == "average precision above chance"
    assert first.easiest[1] > 0.2 > 0.01 > abs(first.hardest[1])
