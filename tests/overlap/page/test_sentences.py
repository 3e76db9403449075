from dataclasses import replace

import pytest

from covers.overlap.page.pairs import note_on_empty, unmeasured
from covers.overlap.page.sentences import (
    note_on_order,
    say_mixing,
    say_overlap,
    say_pair,
)
from covers.overlap.result import Overlap


def make(*pairs, genres=("Country", "Pop", "Rock")):
    return Overlap.from_json(
        {
            "genres": list(genres),
            "effective_genres": 2.0,
            "effective_genres_ci95": [None, None],
            "k": 5,
            "grouped_by": "artist",
            "n_covers": 30,
            "n_groups": 20,
            "pairs": [
                {
                    "a": a,
                    "b": b,
                    "overlap": overlap,
                    "overlap_ci95": [None, None]
                    if overlap is None
                    else [overlap / 2, 1.0],
                    "lift_ab": lift,
                    "lift_ab_ci95": [lift - 0.1, lift + 0.1],
                    "lift_ba": lift,
                    "lift_ba_ci95": [lift - 0.1, lift + 0.1],
                    "p": 0.5,
                    "q": 0.5,
                    "n_a": 10,
                    "n_b": 10,
                    "contained": contained,
                }
                for a, b, overlap, lift, contained in pairs
            ],
        }
    )


def test_the_most_alike_pair_comes_first_and_the_outsider_last():
    found = make(
        ("Country", "Pop", 0.4, 0.7, ""),
        ("Country", "Rock", 0.5, 0.8, ""),
        ("Pop", "Rock", 0.87, 0.9, ""),
    )
    assert say_overlap(found) == (
        "Pop and Rock look most alike: overlap 0.87, 0.43 to 1.00; "
        "Country stands apart most (0.45 on average)."
    )


def test_where_all_genres_overlap_alike_none_stands_apart():
    pairs = ("Country", "Pop"), ("Country", "Rock"), ("Pop", "Rock")
    found = make(
        *((a, b, 0.131 - 0.001 * i, 0.9, "") for i, (a, b) in enumerate(pairs))
    )
    assert "hardly behind" in say_overlap(found)
    assert "stands apart" not in say_overlap(found)


def test_of_two_genres_none_is_called_the_most_alike():
    found = make(("Pop", "Rock", 0.27, 0.9, ""), genres=("Pop", "Rock"))
    assert say_overlap(found) == "The overlap of Pop and Rock is 0.27, 0.14 to 1.00."


def test_a_pair_hardly_behind_is_named():
    found = make(
        ("Country", "Pop", 0.84, 1.0, ""),
        ("Country", "Rock", 0.2, 0.8, ""),
        ("Pop", "Rock", 0.87, 0.9, ""),
    )
    assert "with Country and Pop (0.84) hardly behind" in say_overlap(found)


def test_a_pair_that_is_only_surest_is_not_called_the_most_alike():
    found = make(("Country", "Pop", 0.8, 1.0, ""), ("Pop", "Rock", 1.0, 0.9, ""))
    luck = replace(found.pairs[1], overlap_ci95=(0.1, 1.0))
    said = say_overlap(replace(found, pairs=(found.pairs[0], luck)))
    assert said.startswith("Country and Pop most surely look alike: overlap 0.80")


def test_nothing_is_said_of_what_was_not_measured():
    assert say_overlap(make(("Pop", "Rock", None, 1.0, ""))).startswith("No two genres")
    assert "Too few" in say_pair(make(("Pop", "Rock", None, 1.0, "")).pairs[0])
    assert "part of the other" in say_pair(
        make(("Pop", "Rock", 0.5, 1.0, "Pop")).pairs[0]
    )


@pytest.mark.parametrize(
    ("overlap", "lift", "said"),
    [
        (0.87, 0.91, "no contradiction"),
        (0.87, 1.2, "closer to each other"),
        (0.2, 0.5, "keep away"),
        (0.87, 1.0, "may be chance"),
        (0.87, 1.05, "may be chance"),
        (0.2, 0.95, "may be chance"),
    ],
)
def test_overlap_and_mixing_are_brought_together_in_words(overlap, lift, said):
    text = say_pair(make(("Pop", "Rock", overlap, lift, "")).pairs[0])
    assert said in text
    right = 100 * (1 - overlap / 2)
    assert f"{right:.0f} % of the time" in text


@pytest.mark.parametrize(
    ("ab", "ba", "said"),
    [
        ((0.36, 0.58), (0.90, 1.24), "Pop has Rock beside it less often than by chance; the other way round it may be"),
        ((0.90, 1.24), (1.10, 1.60), "Rock has Pop beside it more often than by chance; the other way round it may be"),
        ((0.36, 0.58), (1.10, 1.60), "Pop has Rock beside it less often and Rock has Pop beside it more often than by chance."),
    ],
)  # fmt: skip
def test_what_is_certain_in_one_direction_is_not_called_chance(ab, ba, said):
    pair = make(("Pop", "Rock", 0.3, 1.0, "")).pairs[0]
    text = say_pair(replace(pair, lift_ab_ci95=ab, lift_ba_ci95=ba))
    assert said in text
    assert ", which may be chance" not in text


def test_a_pair_of_a_handful_of_covers_does_not_come_before_one_that_is_sure():
    found = make(
        ("Country", "Pop", 0.8, 1.0, ""),
        ("Country", "Rock", 0.2, 0.8, ""),
        ("Pop", "Rock", 1.0, 0.9, ""),
    )
    luck = replace(found.pairs[2], overlap_ci95=(0.1, 1.0))
    unknown = replace(found.pairs[1], overlap=float("nan"))
    pairs = replace(found, pairs=(unknown, luck, found.pairs[0])).ranked()
    assert [(pair.a, pair.b) for pair in pairs] == [
        ("Country", "Pop"),
        ("Pop", "Rock"),
        ("Country", "Rock"),
    ]
    few = replace(luck, overlap_ci95=(0.99, 1.0), n_b=4.0)
    pairs = replace(found, pairs=(unknown, few, found.pairs[0])).ranked()
    assert [pair.overlap for pair in pairs[:2]] == [0.8, 1.0]
    # Nine and a half covers are as good as ten, not last.
    apart = replace(found.pairs[0], overlap=0.05, overlap_ci95=(0.0, 0.1))
    nearly = replace(luck, overlap=0.6, overlap_ci95=(0.4, 0.8), n_b=9.5)
    pairs = replace(found, pairs=(apart, nearly)).ranked()
    assert [pair.overlap for pair in pairs] == [0.6, 0.05]


def test_pairs_out_of_the_order_of_their_overlaps_are_explained():
    found = make(("Country", "Pop", 0.8, 1.0, ""), ("Pop", "Rock", 1.0, 0.9, ""))
    assert "low end of the interval" in note_on_order(found.pairs)
    assert note_on_order(found.pairs[::-1]) == ""


def test_one_pair_mixes_and_several_mix():
    assert [say_mixing(n).split(" more")[0] for n in (1, 2)] == [
        "1 pair mixes",
        "2 pairs mix",
    ]


def test_a_genre_without_any_overlap_is_named():
    found = make(("Country", "Pop", 0.4, 0.7, ""), ("Pop", "Rock", None, 0.9, ""))
    assert unmeasured(found) == ["Rock"]
    assert unmeasured(make(("Pop", "Rock", None, 0.9, "Pop"))) == ["Country"]


def test_empty_cells_are_explained():
    few = ("Pop", "Rock", None, 0.9, "")
    part = ("Country", "Pop", None, 0.7, "Pop")
    assert "(Rock)" in note_on_empty(make(part, few))
    assert "is part of the other" in note_on_empty(make(part, few))
    assert (
        note_on_empty(make(("Pop", "Rock", 0.4, 0.9, ""), genres=("Pop", "Rock"))) == ""
    )
