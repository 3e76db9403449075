"""The tree knows the names of the wild, and which genre is part of which."""

from __future__ import annotations

import pytest

from covers.catalogue.genre_tree import GenreTree
from covers.catalogue.genres import GenreMapper, Level
from covers.errors import ConfigError
from covers.workspace.source_files import SourceKind

TREE = GenreTree.read()
MUSIC = SourceKind.MUSIC
OF_DISCOGS = (
    "Blues",
    "Brass & Military",
    "Children's",
    "Classical",
    "Electronic",
    "Folk, World, & Country",
    "Funk / Soul",
    "Hip Hop",
    "Jazz",
    "Latin",
    "Non-Music",
    "Pop",
    "Reggae",
    "Rock",
    "Stage & Screen",
)


@pytest.mark.parametrize("name", OF_DISCOGS)
def test_the_genres_of_discogs_are_at_the_top_in_every_spelling(name):
    bare = "".join(c for c in name.lower() if c.isalnum())
    spellings = (name, bare, name.upper(), name.replace("&", "and"))
    assert {TREE.canonical(spelling) for spelling in spellings} == {name}
    assert TREE.broad(bare) == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("RnB/Swing", "RnB/Swing"),
        ("rnbswing", "RnB/Swing"),
        ("heavymetal", "Heavy Metal"),
        ("heavy metal", "Heavy Metal"),
        ("Folk, World & Country", "Folk, World, & Country"),
        ("drumnbass", "Drum and Bass"),
        ("rockroll", "Rock and Roll"),
        ("rhythmblues", "R&B"),
        ("contemporaryrb", "R&B"),
        ("Cut-up/DJ", "Cut-up/DJ"),
        ("House Music", "House"),
        ("atmospheric black metal", "Atmospheric Black Metal"),
        ("nueva canción", "Nueva Cancion"),
        ("Quuxcore", None),
        ("Music", None),
    ],
)
def test_spellings_of_the_wild_are_found(spelling, name):
    assert TREE.canonical(spelling) == name


def test_names_of_discogs_with_a_separator_are_not_split():
    mapper = GenreMapper(TREE)
    raw = ["Electronic, Funk / Soul, Folk, World, & Country, RnB/Swing"]
    wanted = ("Electronic", "Folk, World, & Country", "Funk / Soul", "RnB/Swing")
    assert mapper.map(raw, MUSIC) == wanted


def test_a_genre_has_a_path_and_may_be_part_of_others_too():
    assert TREE.path("crust") == ("Rock", "Punk", "Crust")
    assert TREE.parents("crust") == ("Punk",)
    assert TREE.ancestors("blackmetal") == ("Metal", "Rock")
    assert TREE.broad("blackmetal") == "Metal"
    assert TREE.ancestors("neosoul") == ("R&B", "Soul", "Funk / Soul")
    assert TREE.path("Quuxcore") == ("Quuxcore",)
    assert TREE.parents("Quuxcore") == TREE.ancestors("rock") == ()


def test_containing_genres_are_found_among_given_names():
    names = ["rock", "Black Metal", "metal", "jazz", "Quuxcore", "funksoul", "soul"]
    assert TREE.wider_among(names) == {
        "rock": (),
        "Black Metal": ("metal", "rock"),
        "metal": ("rock",),
        "jazz": (),
        "Quuxcore": (),
        "funksoul": (),
        "soul": ("funksoul",),
    }


def test_every_genre_is_reached_from_the_top_by_its_own_path():
    for name in set(TREE.names.values()):
        way = TREE.path(name)
        assert way[-1] == name
        assert TREE.broad(name) == way[0]
        assert not TREE.above.get(way[0])
        assert set(way[:-1]) <= set(TREE.ancestors(name))
        assert name not in TREE.ancestors(name)


def test_no_name_means_two_genres_and_none_is_lost():
    assert len(set(TREE.names.values())) > 1300
    for name in set(TREE.names.values()):
        assert TREE.canonical(name) == name
        assert TREE.canonical(TREE.canonical(name)) == name


def test_the_packaged_table_knows_what_it_names():
    for child, parent in TREE.above.items():
        assert TREE.canonical(child) == child
        assert TREE.canonical(parent) == parent
    assert TREE.broad("Black Metal") == "Metal"
    assert TREE.broad("Oi!") == "Rock"
    assert TREE.canonical("drum'n'bass") == "Drum and Bass"


def test_a_table_of_ones_own_replaces_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[tree]\n"Loud" = ["Metal"]\n[aliases]\n"Metal" = ["Krach"]\n')
    table = GenreTree.read(path)
    assert GenreMapper(table, level=Level.BROAD).map(["krach"], MUSIC) == ("Loud",)
    assert table.fingerprint != TREE.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tree", "cannot read the genre table"),
        (
            "[trees]\n",
            "unknown trees; expected protected, aliases, tree, also and lists",
        ),
        (
            'lists = ["allmusic"]\n',
            "no list 'allmusic'; expected discogs or musicbrainz",
        ),
        ('protected = "x"\n', "protected must be a list of names"),
        ('[also]\nA = ["B"]\nB = ["A"]\n', "stands below itself"),
        ('[tree]\nRock = "Punk"\n', r"\[tree\] must hold lines such as"),
        ('[tree]\nA = ["B"]\nB = ["A"]\n', "stands below itself"),
        ('[tree]\nA = ["C"]\nB = ["c"]\n', "'c' stands below both 'A' and 'B'"),
        (
            '[aliases]\nA = ["x"]\nB = ["X"]\n',
            "'X' stands for both 'A' and 'B'",
        ),
    ],
)
def test_a_wrong_table_is_explained(text, message, tmp_path):
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        GenreTree.read(path)


def test_a_table_may_name_the_lists_and_its_own_word_counts_first(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('lists = ["discogs"]\n[tree]\n"Loud" = ["Techno", "Jazz"]\n')
    tree = GenreTree.read(path)
    assert tree.broad("techno") == "Loud"
    assert tree.path("acid jazz") == ("Loud", "Jazz", "Acid Jazz")
    assert tree.canonical("Djent") is None
