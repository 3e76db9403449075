import math
from dataclasses import replace

import pytest

from covers.cluster.measured import Cluster, GenreShare, Look
from covers.cluster.naming import name_clusters, say_clusters, say_genres
from covers.cluster.result import Clustering
from covers.render.colour_words import COLOUR_WORDS, name_colours


def make(number, genres, *, stability=0.9, words=(), palette=(), subjects=()):
    return Cluster(
        id=number,
        n=100 - number,
        genres=tuple(
            GenreShare(genre=g, share=0.5, lift=lift, lift_ci95=(low, lift + 1))
            for g, lift, low in genres
        ),
        entropy=0.5,
        stability=stability,
        look=Look(
            words=tuple(words),
            palette=tuple(palette),
            palette_share=(1 / max(len(palette), 1),) * len(palette),
        ),
        subjects=tuple(subjects),
    )


def clustering(*clusters, ami=0.2, noise=0.25):
    return Clustering(
        n_clusters=len(clusters),
        clusters=clusters,
        noise_fraction=noise,
        ami=ami,
        ami_null95=(-0.01, 0.02),
        n_covers=200,
    )


def test_genres_that_are_certainly_frequent_and_the_look_make_the_name():
    found = clustering(
        make(0, [("Country", 2.5, 2.0), ("Pop", 1.2, 0.9)], palette=["#c07030"]),
        make(1, [("Pop", 1.1, 0.8)], words=["dark"], palette=["#203050"]),
        make(2, [("Jazz", 2.0, 1.5)], subjects=["portrait"], words=["bright"]),
    )
    names = name_clusters(found)
    assert names[0].startswith("Country, warm")
    assert names[1].startswith("Mixed, dark")
    assert names[2] == "Jazz portraits, bright"


def test_no_two_clusters_have_one_name():
    twins = [make(i, [("Pop", 2.0, 1.5)], words=["dark"]) for i in range(5)]
    names = name_clusters(clustering(*twins))
    assert len(set(names.values())) == 5


def test_the_order_of_words_alone_tells_no_two_clusters_apart():
    black, grey, white = "#000000", "#808080", "#ffffff"
    found = clustering(
        make(0, [("Rock", 2.0, 1.5)], palette=[black, grey, white]),
        make(1, [("Rock", 2.0, 1.5)], palette=[grey, black, white]),
    )
    words = [
        set(name.removeprefix("Rock, ").replace(" and ", ", ").split(", "))
        for name in name_clusters(found).values()
    ]
    assert words[0] != words[1]


def test_a_cluster_is_named_by_the_colours_that_others_have_less_of():
    black, grey, red, blue = "#000000", "#808080", "#c01818", "#1838c0"
    found = clustering(
        make(0, [("Rock", 2.0, 1.5)], palette=[black, grey, red]),
        make(1, [("Jazz", 2.0, 1.5)], palette=[black, grey, blue]),
    )
    names = name_clusters(found)
    assert name_colours([red])[0] in names[0]
    assert name_colours([blue])[0] in names[1]


def test_loosely_held_clusters_are_called_so():
    loose = [make(i, [("Pop", 2, 1)], stability=0.2) for i in range(3)]
    assert "All are loosely held" in say_clusters(clustering(*loose))
    firm = make(3, [("Pop", 2, 1)], stability=0.9)
    assert "3 of them are loosely held" in say_clusters(clustering(*loose, firm))
    assert "It is firm: other covers would give it" in say_clusters(clustering(firm))
    assert "All are firm" in say_clusters(clustering(firm, firm))
    unknown = make(0, [("Pop", 2, 1)], stability=math.nan)
    assert "held" not in say_clusters(clustering(unknown))
    assert "shade into each other" in say_clusters(clustering())


@pytest.mark.parametrize(
    ("stabilities", "said"),
    [
        ((0.2,), "It is loosely held: drawn from other covers, it would"),
        ((0.2, 0.9, 0.6), "1 of them is loosely held: drawn from other covers, it would"),
        ((0.9, 0.6), "1 of them is firm: other covers would give it again"),
        ((0.6, 0.6), "All are fairly firm: other covers would give much the same"),
    ],
)  # fmt: skip
def test_one_kind_of_covers_is_spoken_of_as_one(stabilities, said):
    found = clustering(
        *(make(i, [("Pop", 2, 1)], stability=s) for i, s in enumerate(stabilities))
    )
    assert said in say_clusters(found)
    they = "It has" if len(stabilities) == 1 else "They have"
    assert say_genres(found).startswith(they)


def test_a_genre_of_which_a_cluster_has_next_to_nothing_does_not_lead():
    shares = [("Rock", 0.6), ("Pop", 0.397), ("Jazz", 0.003)]
    genres = tuple(
        GenreShare(genre=g, share=s, lift=1.0, lift_ci95=(0.5, 2.0)) for g, s in shares
    )
    cluster = replace(make(0, []), genres=genres)
    assert [one.genre for one in cluster.leading] == ["Rock", "Pop"]


def test_covers_in_no_cluster_are_spoken_of_only_where_there_are_any():
    one, other = (make(i, [("Pop", 2, 1)]) for i in range(2))
    for noise, said in [
        (0.25, "75 % of all; the others belong to none"),
        (0.001, "nearly all covers."),
        (0.0, "hold all covers."),
    ]:
        assert said in say_clusters(clustering(one, other, noise=noise))
    assert say_clusters(clustering(one)).startswith("1 kind of covers stands out, and")


def test_agreement_with_genres_is_said_against_chance():
    one = make(0, [("Pop", 2, 1)])
    assert "more in common" in say_genres(clustering(one))
    assert "no more in common" in say_genres(clustering(one, ami=0.01))
    assert say_genres(clustering(one, ami=math.nan)) == ""


@pytest.mark.parametrize("word", sorted(COLOUR_WORDS))
def test_every_colour_has_the_name_of_its_example(word):
    assert name_colours([COLOUR_WORDS[word]]) == [word]


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        ("#c2a878", "tan"),  # sand
        ("#b09070", "tan"),  # sepia
        ("#e0ac69", "tan"),  # skin
        ("#b8a98f", "tan"),  # old paper
        ("#f5deb3", "cream"),
        ("#d4af37", "yellow"),  # gold
        ("#f7f0a0", "yellow"),
        ("#cc7722", "orange"),
        ("#6f4e37", "brown"),
        ("#96605a", "brown"),  # leather
        ("#49332d", "brown"),
        ("#45313f", "purple"),
        ("#3c3d43", "grey"),
        ("#4b413e", "grey"),
        ("#915f6d", "pink"),  # mauve
        ("#808000", "green"),  # olive
        ("#800000", "red"),  # maroon
        ("#fa8072", "pink"),  # salmon
        ("#f4d0d8", "pink"),
        ("#ff0000", "red"),
    ],
)
def test_colours_are_called_what_most_people_call_them(colour, word):
    assert name_colours([colour]) == [word]


def test_genres_that_are_denied_held_out_covers_are_said_to_be_judged_by_these():
    chance = replace(
        clustering(make(0, []), make(1, []), ami=0.01), ami_covers="held-out", ami_n=23
    )
    assert say_genres(chance) == (
        "Judged by 23 held-out covers alone, they have no more in common "
        "with the genres than chance would give."
    )
    assert say_genres(replace(chance, ami=0.2)).startswith("They have more in common")
