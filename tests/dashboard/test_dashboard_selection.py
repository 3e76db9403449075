"""A selection of covers: its text in the address, designs, regions of the map, tags."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dashboard_parts import make_library, make_votes

from covers.cluster.map.cover_map import read_cover_map
from covers.cluster.map.regions import lay_down, name_regions, place_words
from covers.images.duplicates.designs import same_designs
from covers.library.tags import drop_tag, read_tags, tag_covers
from covers.workspace.artefacts import Stamp, fingerprint_file, write_json
from covers.workspace.registry import MAP_TABLE, NAMES_DOCUMENT
from dashboard.data.filters import Filters
from dashboard.data.looks import Looks
from dashboard.data.selection import (
    Selection,
    name_covers,
    named_covers,
    read_area,
    write_area,
)


@pytest.fixture
def library():
    return make_library()


# What an address can hold.
@given(st.lists(st.integers(0, 59), unique=True, max_size=60))
def test_covers_named_one_by_one_come_back_in_their_order(rows):
    library = make_library()
    # Ids of a hash differ in their first digits; these do not.
    object.__setattr__(library, "cover_ids", [f"{r:012x}{'0' * 20}" for r in range(60)])
    text = name_covers(library.cover_ids[row] for row in rows)
    assert named_covers(text.removeprefix("ids:"), library).tolist() == rows


def test_named_covers_that_make_no_sense_are_left_out(library):
    assert named_covers("%%%", library).tolist() == []
    assert named_covers("AAAA", library).tolist() == []


@given(
    st.lists(
        st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=3, max_size=9
    ),
    st.lists(st.text(max_size=9), unique=True, max_size=5),
)
def test_an_area_comes_back_from_its_text(corners, hidden):
    outline = [[x / 100, y / 100] for x, y in corners]
    kind, _, value = write_area(outline, "genre", hidden).partition(":")
    found, colour, off = read_area(value)
    assert kind == "area"
    assert found == outline
    assert off == sorted(hidden)
    assert colour == ("genre" if hidden else "")


@given(
    st.builds(
        Filters,
        genres=st.lists(st.text(max_size=8).filter(bool), max_size=3).map(tuple),
        sides=st.sampled_from([(), ("train",), ("valid", "test")]),
        bands=st.sampled_from([(), ("dark",)]),
        years=st.none() | st.tuples(st.integers(1900, 2000), st.integers(2000, 2030)),
        text=st.text(max_size=12).map(str.strip),
        sort=st.sampled_from(["filed", "year", "dark"]),
    )
)
def test_filters_come_back_from_their_text(filters):
    assert Filters.from_query(filters.to_query()) == filters


def test_filters_keep_what_has_all_that_is_asked_for(library):
    looks, votes = Looks.unknown(library), make_votes(library)
    wanted = Filters(genres=("Jazz",), sides=("valid",), text="artist", sort="newest")
    rows = wanted.rows(library, looks, votes)
    expected = [
        row
        for row in range(60)
        if "Jazz" in library.genres[row]
        and library.splits[row] == "valid"
        and "artist" in library.artists[row].casefold()
    ]
    assert sorted(rows.tolist()) == expected
    years = library.years[rows]
    known = years[np.isfinite(years)]
    assert (np.diff(known) <= 0).all()
    assert np.isfinite(years[: len(known)]).all()


def test_the_most_certain_come_first_when_asked_for(library):
    votes = make_votes(library)
    rows = Filters(sort="sure").rows(library, Looks.unknown(library), votes)
    certainty = [votes.certainty[votes.answer_of[r]] for r in rows if r < 59]
    assert certainty == sorted(certainty, reverse=True)


def test_a_selection_keeps_the_order_of_what_is_shown():
    chosen = Selection("ids:x", "some", np.array([5, 1, 9]))
    assert chosen.keep([1, 2, 9, 5]) == [1, 9, 5]
    assert np.flatnonzero(chosen.mask(12)).tolist() == [1, 5, 9]


# Covers of one design.
@given(st.integers(0, 10_000))
def test_designs_are_the_connected_covers_of_a_group(seed):
    rng = np.random.default_rng(seed)
    n = 24
    groups = rng.integers(0, 5, n)
    hashes = rng.integers(0, 2**63, 6).astype(np.uint64)[rng.integers(0, 6, n)]
    hashes ^= (1 << rng.integers(0, 20, n)).astype(np.uint64)
    hashed = rng.random(n) > 0.1
    found = same_designs(groups, hashes, hashed)
    expected = np.arange(n)
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                near = int(hashes[i] ^ hashes[j]).bit_count() <= 8
                if groups[i] == groups[j] and near and hashed[i] and hashed[j]:
                    expected[i] = expected[j] = min(expected[i], expected[j])
    assert found.tolist() == expected.tolist()


def test_one_design_is_one_picture_with_a_count():
    looks = Looks.unknown(make_library(6))
    object.__setattr__(looks, "designs", np.array([0, 1, 0, 3, 1, 0]))
    order, counts = looks.fold(np.array([4, 2, 1, 0, 3]))
    assert order.tolist() == [0, 1, 4]
    assert counts.tolist() == [2, 2, 1]


# Names of regions.
def test_a_region_is_named_by_the_genre_that_is_frequent_there(library):
    places = [library.legend.main, np.linspace(-0.1, 0.1, 60)]
    points = np.column_stack(places).astype(np.float32)
    regions = name_regions(points, library.membership, library.vocab, None, {})
    assert regions
    for one in regions:
        code = round(one.x)
        assert one.text.startswith(library.vocab[code])


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_words_lie_on_the_page_where_they_lie_on_the_map(seed):
    rng = np.random.default_rng(seed)
    positions = rng.normal(0, [4, 1], (80, 2)) + rng.normal(0, 5, 2)
    points = lay_down(positions).astype(np.float32)
    at = rng.integers(80, size=3)
    words = [(*positions[i], f"word {i}", int(n)) for n, i in enumerate(at)]
    placed = place_words(words, positions, points)
    assert [one.n for one in placed] == [2, 1, 0]
    for one, i in zip(placed, at[::-1], strict=True):
        assert one.text == f"word {i}"
        assert [one.x, one.y] == pytest.approx(points[i].tolist(), abs=2e-3)
    assert place_words([], positions, points) == []


def test_words_stand_on_the_map_they_were_found_for(other, monkeypatch):
    from dashboard import loaders

    monkeypatch.setattr(sys, "argv", ["dashboard", str(other.root)])
    found = read_cover_map(other)
    x, y = map(float, found.positions[7])
    region = {"x": x, "y": y, "n": 20, "words": [{"word": "a piano", "effect": 0.8, "low": 0.4}]}  # fmt: skip
    empty = {"x": x, "y": y, "n": 9, "words": []}
    about = {"embedder": "clip:tiny", "n_words": 9, "margin": 0.2, "n_covers": 99}
    document = {**about, "clusters": [], "genres": [], "regions": [empty, region]}
    own = fingerprint_file(other.path(MAP_TABLE))
    for made_from, expected in ((own, 1), ("another map", 0)):
        stamp = Stamp(kind="names", made_from={"map": made_from})
        write_json(other.path(NAMES_DOCUMENT), document, stamp)
        words = [one for one in loaders.regions() if one.text == "a piano"]
        assert len(words) == expected
    rows = loaders.covermap().rows.tolist()
    place = loaders.library().position[found.cover_ids[7]]
    point = loaders.covermap().points[rows.index(place)]
    (at,) = place_words([(x, y, "a piano", 20)], *_both(loaders.covermap()))
    assert [at.x, at.y] == pytest.approx(point.tolist(), abs=2e-3)


def _both(found):
    return found.positions, found.points


# Tags.
def test_tags_are_kept_in_the_workspace_and_can_be_taken_away(other):
    assert read_tags(other) == {}
    assert tag_covers(other, " to  frame ", ["a" * 32]) == 1
    assert tag_covers(other, "to frame", ["b" * 32, "a" * 32]) == 2
    assert read_tags(other) == {"to frame": ["a" * 32, "b" * 32]}
    drop_tag(other, "to frame")
    assert read_tags(other) == {}
