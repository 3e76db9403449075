"""Raw genre names are split, unified and taken up the tree as the table says."""

from __future__ import annotations

from collections import Counter

import pytest

from covers.catalogue.genre_tree import GenreTree
from covers.catalogue.genres import GenreMapper, Level, Resolve
from covers.workspace.source_files import SourceKind

TREE = GenreTree.read()
FOLDERS, MANIFEST, MUSIC = SourceKind.FOLDERS, SourceKind.MANIFEST, SourceKind.MUSIC


def test_tags_go_through_aliases_and_up_the_tree():
    fine = GenreMapper(TREE)
    assert fine.map(["Rap/Hip Hop; black metal"], MUSIC) == ("Black Metal", "Hip Hop")
    broad = GenreMapper(TREE, level=Level.BROAD)
    assert broad.map(["Rap; Black Metal; Crust"], MUSIC) == ("Hip Hop", "Metal", "Rock")
    assert broad.map(["Zydeco Core"], MUSIC) == ("Zydeco Core",)


def test_names_of_folders_stay_as_they_are():
    chosen = Counter({"HipHop": 5, "Rap": 4, "Rock/Pop": 3})
    mapper = GenreMapper(TREE, chosen=chosen)
    for name in chosen:
        assert mapper.map([name], FOLDERS) == (name,)


def test_spellings_of_one_chosen_name_become_the_commonest():
    mapper = GenreMapper(TREE, chosen=Counter({"Hip-Hop": 2, "hip hop": 9}))
    assert mapper.map(["Hip-Hop"], MANIFEST) == ("hip hop",)


def test_tags_take_over_the_chosen_spelling():
    mapper = GenreMapper(TREE, chosen=Counter({"HipHop": 5, "Metal": 1}))
    assert mapper.map(["Rap"], MUSIC) == ("HipHop",)
    only_rap = GenreMapper(TREE, chosen=Counter({"Rap": 5}))
    assert only_rap.map(["Hip-Hop"], MUSIC) == ("Rap",)


def test_spellings_in_tags_that_no_table_knows_become_the_commonest():
    mapper = GenreMapper(TREE, tagged=Counter({"Quux Core": 2, "quux-core": 5}))
    assert mapper.map(["Quux Core"], MUSIC) == ("quux-core",)


def test_all_names_go_through_aliases_where_that_is_asked_for():
    chosen = Counter({"HipHop": 5, "Rap": 4})
    mapper = GenreMapper(TREE, mapping=Resolve.ALL, chosen=chosen)
    assert mapper.map(["HipHop"], FOLDERS) == mapper.map(["Rap"], FOLDERS)
    assert mapper.map(["Rap"], FOLDERS) == ("Hip Hop",)
    none = GenreMapper(TREE, mapping=Resolve.NONE)
    assert none.map(["Rap"], MUSIC) == ("Rap",)


def test_the_broad_level_applies_to_folders_too():
    mapper = GenreMapper(
        TREE, level=Level.BROAD, chosen=Counter({"Black Metal": 3, "METAL": 9})
    )
    assert mapper.map(["Black Metal"], FOLDERS) == ("METAL",)


@pytest.mark.parametrize("kind", [MANIFEST, MUSIC, FOLDERS])
@pytest.mark.parametrize("raw", ["Unknown", "<unknown>", "None", "?", "N/A", "n/a"])
def test_what_says_that_a_genre_is_not_known_is_no_genre(raw, kind):
    assert GenreMapper(TREE).map([raw, "Rock"], kind) == ("Rock",)


def test_names_can_be_ignored_whatever_their_spelling():
    mapper = GenreMapper(TREE, ignored=("Other", "misc"))
    assert mapper.map(["OTHER; Misc.; Jazz"], MANIFEST) == ("Jazz",)
    assert GenreMapper(TREE).map(["Other"], FOLDERS) == ("Other",)


def test_folders_that_differ_in_vowel_signs_or_voicing_marks_stay_apart():
    chosen = Counter(["गीत", "गत", "バラード", "パラード", "C", "C++", "й", "и"])
    mapper = GenreMapper(TREE, chosen=chosen)
    assert {mapper.map_name(name, FOLDERS) for name in chosen} == set(chosen)
