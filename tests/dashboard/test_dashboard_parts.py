import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covers.cli.dashboard import MOST_MEBIBYTES
from covers.cluster.map.cover_map import CoverMap
from covers.cluster.map.regions import lay_down
from covers.overlap.page import pairs
from covers.overlap.result import Overlap
from covers.render.palette import NOISE_COLOUR
from covers.stats.bootstrap import GroupBootstrap
from dashboard.data import breakdown, colouring, lookup
from dashboard.data.analysis import Votes
from dashboard.data.folder import file_of
from dashboard.data.library import Library
from dashboard.data.points import MapPoints
from dashboard.layout import markup
from dashboard.layout.markup import Item

VOCAB = ("Jazz", "Metal", "Pop")


def make_library(n=60, seed=0):
    rng = np.random.default_rng(seed)
    genres = [[VOCAB[i]] for i in rng.integers(3, size=n)]
    genres[0], genres[1] = ["Jazz", "Metal"], []
    membership = np.zeros((n, 3), np.float32)
    for row, own in enumerate(genres):
        for genre in own:
            membership[row, VOCAB.index(genre)] = 1 / len(own)
    return Library(
        cover_ids=[f"{row:032x}" for row in range(n)],
        genres=genres,
        vocab=VOCAB,
        membership=membership,
        artists=[f"Artist {row // 3}" if row % 7 else "" for row in range(n)],
        albums=[f"Album {row}" if row % 5 else "" for row in range(n)],
        years=np.where(np.arange(n) % 4, 1960.0 + np.arange(n), np.nan),
        sources=["one"] * n,
        paths=[f"folder/<Café> {row}.jpg" for row in range(n)],
        splits=np.where(np.arange(n) % 5, "train", "valid"),
        groups=np.arange(n) // 3,
    )


@pytest.fixture
def library():
    return make_library()


# The library.
def test_a_library_without_genres_does_not_speak_of_genres_held_out(library):
    from dashboard.views.library import say_what_there_is

    assert "; 12 held out" in say_what_there_is(library)
    bare = replace(library, genres=[[] for _ in library.genres])
    assert say_what_there_is(bare).endswith(
        "; none has a genre, so nothing can be learned from them."
    )
    assert " 0 genres" not in say_what_there_is(bare)


def test_one_year_is_no_span_of_years(library):
    from dashboard.views.library import say_what_there_is

    assert " from 1961 to 2019;" in say_what_there_is(library)
    years = np.where(np.arange(len(library)) % 4, 1990.0, np.nan)
    said = say_what_there_is(replace(library, years=years))
    assert " of 1990;" in said
    assert "from" not in said.replace("learns from", "")


def test_a_library_without_genres_is_shown_all_the_same(library):
    from dashboard.views.search import some_of_each_genre

    bare = replace(library, genres=[[] for _ in library.genres])
    known = {"genre": "Genre", "cluster": "Cluster"}
    assert some_of_each_genre(bare)
    assert colouring.offered(library, known) == known
    assert colouring.offered(bare, known) == {"cluster": "Cluster"}
    assert colouring.offered(bare, {"genre": "Genre"}) == {"genre": "Genre"}


def test_a_single_year_is_no_colouring(library):
    known = {"genre": "Genre", "year": "Year"}
    assert colouring.offered(library, known) == known
    once = replace(library, years=np.full(len(library), 1990.0))
    assert colouring.offered(once, known) == {"genre": "Genre"}


def test_titles_fall_back_to_the_name_of_the_file(library):
    assert library.title(1) == "Album 1"
    assert library.title(5) == "<Café> 5"
    assert library.full_title(1) == "Album 1 (Artist 0 · 1961)"
    assert library.full_title(28) == "Album 28"


def test_finding_needs_every_word_and_ignores_case(library):
    assert library.find("ALBUM artist 3") == [
        row
        for row in range(60)
        if library.albums[row]
        and library.artists[row]
        and "3" in library.artists[row] + library.albums[row] + library.paths[row]
    ]
    assert library.find("CAFÉ", limit=4) == [0, 1, 2, 3]
    assert library.find("nothing of the kind") == []
    assert library.find("   ") == []


def test_filters_keep_any_of_the_genres_and_known_years_only(library):
    rows = library.rows_with(["Jazz", "Pop"], (1970, 1980))
    expected = [
        row
        for row in range(len(library))
        if {"Jazz", "Pop"} & set(library.genres[row])
        and 1970 <= library.years[row] <= 1980
    ]
    assert rows.tolist() == expected
    assert len(library.rows_with()) == len(library)


# The map.
def make_map(library, points):
    return MapPoints.of(as_map(library.cover_ids, points), library)


def as_map(cover_ids, points):
    return CoverMap(
        cover_ids=tuple(cover_ids),
        positions=np.asarray(points, np.float32),
        placed=np.zeros(len(points), bool),
        trustworthiness=1.0,
        _workspace=None,
    )


def winding_number(point, corners):
    """Return how often a polygon turns around a point: another way to say inside."""
    angles = np.arctan2(*(np.asarray(corners) - point).T[::-1])
    turns = np.diff(np.append(angles, angles[0]))
    return round(np.sum((turns + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.floats(0.05, 1.0), min_size=3, max_size=9),
)
def test_an_outline_holds_the_points_that_it_turns_around(seed, radii):
    library = make_library()
    found = make_map(library, np.random.default_rng(seed).normal(size=(60, 2)))
    turns = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + 0.1
    corners = [
        [r * math.cos(t), r * math.sin(t)] for r, t in zip(radii, turns, strict=True)
    ]
    inside = set(found.inside(corners).tolist())
    for point, row in zip(found.points, found.rows, strict=True):
        assert (int(row) in inside) == (winding_number(point, corners) != 0)


def test_the_map_lies_down_in_its_frame_and_leaves_out_covers_that_are_gone(library):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 2)) * (1, 8)  # upright
    points[3] = np.nan
    found = MapPoints.of(as_map([*library.cover_ids[:-1], "f" * 32], points), library)
    assert sorted(found.rows.tolist()) == [r for r in range(59) if r != 3]
    across, up = np.ptp(found.points, axis=0)
    assert 2 <= across < 2.3
    assert up < across / 1.5
    order = np.argsort(points[found.rows, 1])
    x = found.points[order, 0]
    assert abs(np.corrcoef(x, np.arange(len(x)))[0, 1]) > 0.9


def test_a_map_is_turned_and_stretched_but_no_more():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(400, 2)) * (5, 2)
    turned = lay_down(points @ np.array([[0.6, -0.8], [0.8, 0.6]]))
    plain = lay_down(points)
    assert np.abs(np.abs(turned) - np.abs(plain)).max() < 0.05
    ratio = np.ptp(plain, axis=0)[1] / np.ptp(plain, axis=0)[0]
    own = np.ptp(points, axis=0)[1] / np.ptp(points, axis=0)[0]
    assert 1 / 1.5 < ratio / own < 1.5


def test_fewer_than_three_corners_hold_nothing(library):
    found = make_map(library, np.zeros((60, 2)))
    assert found.inside([]).tolist() == []
    assert found.inside([[0, 0], [1, 1]]).tolist() == []


# Votes.
def make_votes(library, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size=60).astype(np.float32)
    table = pa.table(
        {
            "cover_id": [*library.cover_ids[:59], "f" * 32],
            "held_out": [bool(i % 2) for i in range(60)],
            **{f"p_{m}": list(p) for m in ("network", "vote", "combined")},
            "prediction_set": [["Jazz"]] * 60,
            "verdict": ["sure"] * 60,
        }
    )
    return Votes.of(table, VOCAB, library)


def test_cells_hold_each_held_out_cover_where_the_confusion_matrix_books_it(library):
    votes = make_votes(library)
    assert len(votes.rows) == 59
    counted = {}
    for true in VOCAB:
        for said in VOCAB:
            counted[true, said] = votes.cell("network + vote", true, said)
    labelled = [r for r in range(59) if r % 2 and library.genres[r]]
    assert sorted({row for rows in counted.values() for row in rows}) == labelled
    for row in labelled:
        said = VOCAB[int(votes.distributions["network + vote"][row].argmax())]
        own = library.genres[row]
        homes = [said] if said in own else own
        assert [cell for cell, rows in counted.items() if row in rows] == [
            (home, said) for home in VOCAB if home in homes
        ]
    p = votes.distributions["network + vote"]
    most_certain = [float(p[r, 0]) for r in counted["Jazz", "Jazz"]]
    assert most_certain == sorted(most_certain, reverse=True)
    assert votes.cell("network + vote", "Jazz", "Polka") == []


# Colours.
def test_every_colouring_has_a_colour_for_every_code(library):
    votes = make_votes(library)
    labels = np.arange(60) % 4 - 1
    for found in (
        colouring.by_genre(library),
        colouring.by_cluster(labels, {}),
        colouring.by_year(library),
        colouring.by_certainty(votes, library),
        colouring.by_error(votes, library),
    ):
        assert len(found.codes) == 60
        assert found.codes.max() < len(found.colours)
        assert found.colours[0] == NOISE_COLOUR
        if found.legend:
            # By genre, the one cover of two genres counts in both.
            n = 61 if "colour of the rarest" in found.note else 60
            assert sum(entry.n for entry in found.legend) == n
        assert bool(found.legend) != bool(found.scale)
    assert colouring.by_genre(library).colours[1:] == [
        library.colours[g] for g in VOCAB
    ]


def test_certainty_is_coloured_from_the_least_to_the_greatest_there_is(library):
    votes = make_votes(library)
    found = colouring.by_certainty(votes, library)
    low, high = votes.certainty.min(), votes.certainty.max()
    assert found.scale.low == f"unsure, {100 * low:.0f} %"
    assert found.scale.high == f"certain, {100 * high:.0f} %"
    codes = found.codes[votes.rows]
    assert codes[votes.certainty.argmin()] == 1
    assert codes[votes.certainty.argmax()] == len(found.colours) - 1


def test_years_rise_along_the_scale_and_unknown_ones_are_grey(library):
    codes = colouring.by_year(library).codes
    known = np.isfinite(library.years)
    assert (np.diff(codes[known].astype(int)) >= 0).all()
    assert (codes[~known] == 0).all()
    assert codes[known].min() == 1


def test_a_library_without_years_says_so_instead_of_a_scale(library):
    ageless = replace(library, years=np.full(len(library), np.nan))
    found = colouring.by_year(ageless)
    assert found.scale is None
    assert [entry.label for entry in found.legend] == ["no year"]
    assert (found.codes == 0).all()


# Selections.
def test_shares_of_a_selection_agree_with_counting(library):
    rows = np.arange(0, 45)
    found = {one.genre: one for one in breakdown.genre_shares(library, rows)}
    inside = library.membership[rows]
    labelled = inside[inside.any(axis=1)]
    everywhere = library.membership.sum(axis=0) / library.membership.sum()
    for j, genre in enumerate(VOCAB):
        assert found[genre].share == pytest.approx(labelled[:, j].mean())
        assert found[genre].lift == pytest.approx(labelled[:, j].mean() / everywhere[j])
        low, high = found[genre].lift_ci95
        assert low <= found[genre].lift <= high
    assert sum(one.share for one in found.values()) == pytest.approx(1)
    assert breakdown.genre_shares(library, np.array([1])) == []


def test_sides_that_are_compared_have_the_same_genres_in_one_order():
    def share(genre, value):
        return breakdown.GenreShare(genre, 1.0, value, value, (value, value))

    left = [share("Jazz", 0.5), share("Folk", 0.3), share("Pop", 0.2)]
    right = [share("Pop", 0.9), share("Jazz", 0.1)]
    one, other = breakdown.side_by_side([left, right], n_shown=2)
    assert one == left[:2]
    assert [(s.genre, s.lift) for s in other] == [("Jazz", 0.1), ("Folk", 0.0)]
    assert breakdown.side_by_side([[], right])[1] == right
    assert breakdown.side_by_side([[], []]) == [[], []]


def test_the_interval_of_a_share_is_that_of_the_group_bootstrap(library):
    rows = np.arange(2, 60)
    draws = GroupBootstrap.draw(library.groups[rows], n_bootstraps=400, seed=0)
    share = draws.means(library.membership[rows].astype(float))[:, 0]
    base = library.membership.sum(axis=0)[0] / library.membership.sum()
    found = next(o for o in breakdown.genre_shares(library, rows) if o.genre == "Jazz")
    assert found.lift_ci95 == pytest.approx(
        np.quantile(share / base, [0.025, 0.975]), rel=0.02
    )


# HTML.
def test_nothing_from_a_file_becomes_html(library):
    nasty = '"><script>alert(1)</script>'
    library.albums[1] = library.artists[1] = nasty
    library.genres[1] = [nasty]
    texts = [
        markup.gallery(
            library, [Item(row=1, badge=nasty, mark=nasty, line=nasty, tip=nasty)]
        ),
        markup.gallery(library, [], empty=nasty),
        markup.pairs(library, [(1, 2, 0.5)]),
        markup.full_cover(library, 1),
    ]
    for text in texts:
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_every_cover_of_a_gallery_is_a_named_button_with_an_alternative_text(library):
    text = markup.gallery(library, [Item(row=2), Item(row=4)])
    assert text.count("<button") == text.count("aria-label=") == text.count("alt=") == 2
    assert f'data-pick="{library.cover_ids[2]}"' in text


# Pairs of genres.
def make_overlap():
    def pair(a, b, overlap, lift):
        return {
            "a": a, "b": b, "overlap": overlap, "overlap_ci95": [None, None] if overlap is None else [overlap - 0.1, overlap + 0.1],
            "lift_ab": lift, "lift_ab_ci95": [lift, lift], "lift_ba": lift + 1, "lift_ba_ci95": [lift, lift + 2],
            "p": 0.01, "q": 0.02, "n_a": 10, "n_b": 20, "bridges": [], "closest": [],
            "confusion_network_ab": {"rate": 0.25, "ci95": [0.1, 0.4], "n": 10.0},
        }  # fmt: skip

    return Overlap.from_json({
        "genres": list(VOCAB), "effective_genres": 2.0, "effective_genres_ci95": [1, 3], "k": 5,
        "grouped_by": "artist", "n_covers": 35, "n_groups": 9,
        "pairs": [pair("Jazz", "Metal", 0.6, 2.0), pair("Jazz", "Pop", None, 0.5), pair("Metal", "Pop", 0.1, 1.0)],
        "tree": {"order": ["Metal", "Jazz"], "branches": []},
        "edges": [{"a": "Jazz", "b": "Metal", "lift": 2.5, "overlap": 0.6, "q": 0.02}],
        "n_by_genre": {"Jazz": 10, "Metal": 20, "Pop": 5},
    })  # fmt: skip


def test_a_value_is_read_in_its_direction():
    pair = make_overlap().pairs[0]
    assert pairs.read_value(pair, "lift", "Jazz")[0] == 2.0
    assert pairs.read_value(pair, "lift", "Metal")[0] == 3.0
    assert pairs.read_value(pair, "overlap", "Jazz") == (0.6, (0.5, 0.7), 30)
    assert pairs.read_value(pair, "network", "Jazz") == (0.25, (0.1, 0.4), 10)
    assert math.isnan(pairs.read_value(pair, "network", "Metal")[0])


def test_the_matrix_follows_the_dendrogram_and_marks_what_is_unknown():
    genres, cells = pairs.cells(make_overlap(), "overlap")
    assert genres == ["Metal", "Jazz", "Pop"]
    assert cells[0][1].text == cells[1][0].text == "0.60"
    assert "0.50 to 0.70" in cells[0][1].tip
    assert cells[0][1].pick == "Metal~Jazz"
    assert cells[1][2].colour is None
    assert "too few" in cells[1][2].tip
    assert not cells[0][0].pick


def test_cells_say_numbers_as_the_rest_of_the_page_unless_they_are_too_narrow():
    few = make_overlap()
    names = tuple(f"Genre {i}" for i in range(9))
    many = replace(few, genres=(*few.genres, *names))
    for overlap, said in (
        (few, ("0.60", "3.00", "25 %")),
        (many, (".60", "3.0", ".25")),
    ):
        for measure, text in zip(("overlap", "lift", "network"), said, strict=True):
            genres, cells = pairs.cells(overlap, measure)
            row, column = genres.index("Metal"), genres.index("Jazz")
            if measure == "network":
                row, column = column, row
            assert cells[row][column].text == text


def test_genres_alike_stand_closer_in_the_graph():
    places = pairs.lay_out_genres(make_overlap())
    assert set(places) == set(VOCAB)
    assert all(0 <= v <= 1 for place in places.values() for v in place)
    near = math.dist(places["Jazz"], places["Metal"])
    assert near < math.dist(places["Metal"], places["Pop"])


@pytest.mark.parametrize("genres", [("Drum ~ Bass", "Drum"), ("a~b", "a")])
def test_pairs_survive_the_address(genres):
    a, b = genres
    assert pairs.split_pair(pairs.name_pair(a, b), genres) == (a, b)
    assert pairs.split_pair(pairs.name_pair(b, a), genres) == (b, a)
    assert pairs.split_pair(a, genres) is None
    assert pairs.split_pair(pairs.name_pair(a, "?"), genres) is None


# From a cover to what is like it.
def test_pictures_that_are_too_large_are_refused_before_they_are_decoded():
    from covers.errors import BrokenImageError

    content = bytes((MOST_MEBIBYTES + 1) * 2**20)
    with pytest.raises(
        BrokenImageError, match="too large: 26 MiB, the limit is 25 MiB"
    ):
        lookup.take_picture(None, content)


def test_a_cover_without_known_locations_has_no_folder_to_open():
    unknown = pa.table({"locations": pa.array([None], pa.list_(pa.string()))})
    catalogue = SimpleNamespace(rows_of=lambda _ids: [0], table=unknown)
    assert file_of(SimpleNamespace(catalogue=catalogue), "a" * 32) is None
