import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dashboard
from covers.render.palette import (
    GROUNDS,
    MOST_COLOURS,
    NOISE_COLOUR,
    cluster_colours,
    colour_sequence,
    contrast,
    genre_colours,
    genre_families,
    seen_by,
    shades,
    text_colour,
)

EYES = ["normal", "protanopia", "deuteranopia"]


def smallest_distance(colours, vision):
    lab = seen_by(colours, vision)
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(lab, 2))


def test_order_and_repetition_of_genres_do_not_change_a_colour():
    assert genre_colours(["b", "a", "b", "c"]) == genre_colours(["c", "b", "a"])


def test_three_hundred_genres_get_three_hundred_colours():
    colours = genre_colours([f"genre {i}" for i in range(MOST_COLOURS)])
    assert len(set(colours.values())) == MOST_COLOURS
    assert NOISE_COLOUR not in colours.values()


def test_more_genres_than_colours_repeat_from_the_start():
    colours = colour_sequence(MOST_COLOURS + 2)
    assert colours[MOST_COLOURS:] == colours[:2]


@pytest.mark.parametrize("vision", EYES)
@pytest.mark.parametrize(("n", "least"), [(8, 0.06), (20, 0.045), (60, 0.02)])
def test_colours_stay_apart_for_all_common_eyes(n, least, vision):
    assert smallest_distance(colour_sequence(n), vision) > least


@pytest.mark.parametrize("vision", EYES)
def test_no_colour_is_near_the_grey_of_noise(vision):
    grey = seen_by([NOISE_COLOUR], vision)[0]
    others = seen_by(colour_sequence(20), vision)
    assert np.linalg.norm(others - grey, axis=1).min() > 0.04


def test_noise_is_grey_and_a_cluster_keeps_the_colour_of_its_id():
    few, many = cluster_colours([-1, 3]), cluster_colours(range(-1, 30))
    assert few[-1] == many[-1] == NOISE_COLOUR
    assert few[3] == many[3]


def test_text_is_readable_on_every_colour():
    for colour in [*colour_sequence(MOST_COLOURS), NOISE_COLOUR]:
        black, white = (
            (seen_by([text], "normal")[0, 0] - seen_by([colour], "normal")[0, 0])
            for text in ("#000000", "#ffffff")
        )
        chosen = black if text_colour(colour) == "#000000" else white
        assert abs(chosen) > 0.3


def test_a_negative_number_of_colours_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        colour_sequence(-1)


def test_no_genre_needs_no_colour():
    assert genre_colours([]) == {}
    assert cluster_colours([]) == {}


MANY = [
    "rock",
    "indierock",
    "hardrock",
    "poprock",
    "metal",
    "blackmetal",
    "heavymetal",
    "electronic",
    "house",
    "techno",
    "trance",
    "ambient",
    "jazz",
    "hiphop",
    "gangsta",
    "conscious",
    "pop",
    "europop",
    "reggae",
    "dub",
    "blues",
    "classical",
    "latin",
    "xyzzy",
]


def test_of_many_genres_a_colour_stands_for_the_broad_genre():
    colours = genre_colours(MANY)
    assert len(set(colours.values())) == len(MANY)
    families = genre_families(MANY)
    # Called as the library calls it, wherever it has the broad genre itself.
    assert families["rock"][0] == "rock"
    assert not set(families) & {"Rock", "Jazz", "Blues"}
    assert families["xyzzy"] == ["xyzzy"]

    def hue(genre):
        _, a, b = seen_by([colours[genre]], "normal")[0]
        return np.arctan2(b, a)

    for family in families.values():
        for genre in family:
            away = np.angle(np.exp(1j * (hue(genre) - hue(family[0]))))
            assert abs(away) < 0.15
    assert abs(hue("rock") - hue("electronic")) > 0.5


def test_few_genres_keep_colours_of_their_own():
    few = ["house", "techno", "trance"]
    assert list(genre_colours(few).values()) == colour_sequence(3)


@pytest.mark.parametrize("n", [0, 1, 2, 25])
def test_shades_begin_with_the_colour_and_are_all_different(n):
    for colour in colour_sequence(20):
        found = shades(colour, n)
        assert len(set(found)) == n
        assert found[:1] == [colour][:n]


def test_rare_genres_change_no_colour_and_have_that_of_their_broad_one():
    many = [*(f"genre {i}" for i in range(20)), "house", "techno"]
    colours = genre_colours(many)
    rare = ["ambient", "bebop", "swing", "odd"]
    found = genre_colours(many, rare)
    assert found.items() >= colours.items()
    assert set(found) == {*many, *rare}
    assert found["ambient"] == found["house"]
    assert found["bebop"] == found["swing"] != found["house"]
    few = genre_colours(["Jazz", "Rock"], ["Folk"])
    assert few.items() >= genre_colours(["Jazz", "Rock"]).items()
    assert len(set(few.values())) == 3


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_colour_stands_out_from_the_light_and_the_dark_page(ground):
    colours = colour_sequence(MOST_COLOURS)
    many = genre_colours(MANY).values()
    wide = [one for colour in colours[:30] for one in shades(colour, 25)]
    for colour in [*colours, *many, *wide]:
        assert contrast(colour, ground) >= 3, colour


def test_shades_of_one_colour_differ():
    assert len(set(shades("#0078c8", 25))) == 25


def test_the_grounds_are_those_of_the_pages():
    root = Path(dashboard.__file__).parent
    themes = tomllib.loads((root / ".streamlit/config.toml").read_text())["theme"]
    pages = tuple(themes[name]["backgroundColor"] for name in ("light", "dark"))
    assert pages == GROUNDS
