"""Raw genre names are split, unified and taken up the tree as the table says."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.catalogue.genres import (
    GenreMapper,
    GenreTable,
    Level,
    Resolve,
    genre_key,
    split_genres,
)
from covers.errors import ConfigError
from covers.workspace.source_files import SourceKind

TABLE = GenreTable.read()
FOLDERS, MANIFEST, MUSIC = SourceKind.FOLDERS, SourceKind.MANIFEST, SourceKind.MUSIC


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Rock", ("Rock",)),
        ("Rock; Pop/Soul,Funk", ("Rock", "Pop", "Soul", "Funk")),
        ("Rock\0Pop", ("Rock", "Pop")),
        ("Techno (Peak Time / Driving)", ("Techno (Peak Time / Driving)",)),
        ("R&B/Soul", ("R&B/Soul",)),
        ("Jazz, Hip-Hop/Rap; Rock", ("Jazz", "Hip-Hop/Rap", "Rock")),
        ("Folk, World, & Country", ("Folk, World, & Country",)),
        ("Rock, Folk, World, & Country", ("Rock", "Folk, World, & Country")),
        ("Soundtrack", ("Soundtrack",)),
        (" ; ,/ ", ()),
        ("Rock;Rock", ("Rock",)),
        ("Odd (bracket; Pop", ("Odd (bracket", "Pop")),
    ],
)
def test_raw_strings_are_split_at_separators_but_not_within_names(raw, names):
    assert split_genres(raw, protected=TABLE.protected) == names


def test_separators_can_be_chosen():
    assert split_genres("Rock/Pop; Soul", ";") == ("Rock/Pop", "Soul")
    assert split_genres("Rock/Pop; Soul", "") == ("Rock/Pop; Soul",)


@given(st.text(max_size=40))
def test_any_text_can_be_split_and_loses_nothing_but_separators(raw):
    names = split_genres(raw, protected=TABLE.protected)
    kept = "".join(names)
    assert all(name == name.strip() and name for name in names)
    assert set(kept) <= set(raw) | {" "}


def test_spellings_share_a_key():
    keys = {genre_key(s) for s in ("Hip-Hop", "HIP HOP", "hiphop", "Hip  Hop")}
    assert keys == {"hiphop"}
    assert genre_key("!!!") == "!!!"
    assert genre_key("R&B") != genre_key("RB")


def test_tags_go_through_aliases_and_up_the_tree():
    fine = GenreMapper(TABLE)
    assert fine.map(["Rap/Hip Hop; black metal"], MUSIC) == ("Black Metal", "Hip Hop")
    broad = GenreMapper(TABLE, level=Level.BROAD)
    assert broad.map(["Rap; Black Metal; Crust"], MUSIC) == ("Hip Hop", "Metal", "Rock")
    assert broad.map(["Zydeco Core"], MUSIC) == ("Zydeco Core",)


def test_names_of_folders_stay_as_they_are():
    chosen = Counter({"HipHop": 5, "Rap": 4, "Rock/Pop": 3})
    mapper = GenreMapper(TABLE, chosen=chosen)
    for name in chosen:
        assert mapper.map([name], FOLDERS) == (name,)


def test_spellings_of_one_chosen_name_become_the_commonest():
    mapper = GenreMapper(TABLE, chosen=Counter({"Hip-Hop": 2, "hip hop": 9}))
    assert mapper.map(["Hip-Hop"], MANIFEST) == ("hip hop",)


def test_tags_take_over_the_chosen_spelling():
    mapper = GenreMapper(TABLE, chosen=Counter({"HipHop": 5, "Metal": 1}))
    assert mapper.map(["Rap"], MUSIC) == ("HipHop",)
    only_rap = GenreMapper(TABLE, chosen=Counter({"Rap": 5}))
    assert only_rap.map(["Hip-Hop"], MUSIC) == ("Rap",)


def test_spellings_in_tags_that_no_table_knows_become_the_commonest():
    mapper = GenreMapper(TABLE, tagged=Counter({"Quux Core": 2, "quux-core": 5}))
    assert mapper.map(["Quux Core"], MUSIC) == ("quux-core",)


def test_all_names_go_through_aliases_where_that_is_asked_for():
    chosen = Counter({"HipHop": 5, "Rap": 4})
    mapper = GenreMapper(TABLE, mapping=Resolve.ALL, chosen=chosen)
    assert mapper.map(["HipHop"], FOLDERS) == mapper.map(["Rap"], FOLDERS)
    assert mapper.map(["Rap"], FOLDERS) == ("Hip Hop",)
    none = GenreMapper(TABLE, mapping=Resolve.NONE)
    assert none.map(["Rap"], MUSIC) == ("Rap",)


def test_the_broad_level_applies_to_folders_too():
    mapper = GenreMapper(
        TABLE, level=Level.BROAD, chosen=Counter({"Black Metal": 3, "METAL": 9})
    )
    assert mapper.map(["Black Metal"], FOLDERS) == ("METAL",)


def test_the_packaged_table_knows_what_it_names():
    for child, parent in TABLE.parents.items():
        assert TABLE.canonical(child) == child
        assert TABLE.canonical(parent) == parent
    assert TABLE.broad("Black Metal") == "Metal"
    assert TABLE.broad("Oi!") == "Rock"
    assert TABLE.canonical("drum'n'bass") == "Drum and Bass"


def test_a_table_of_ones_own_replaces_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[tree]\n"Loud" = ["Metal"]\n[aliases]\n"Metal" = ["Krach"]\n')
    table = GenreTable.read(path)
    assert GenreMapper(table, level=Level.BROAD).map(["krach"], MUSIC) == ("Loud",)
    assert table.fingerprint != TABLE.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tree", "cannot read the genre table"),
        ("[trees]\n", "unknown trees; expected protected, aliases and tree"),
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
        GenreTable.read(path)
