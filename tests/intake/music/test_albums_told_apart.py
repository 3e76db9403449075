"""Which tracks are one album, and which albums share a folder."""

from __future__ import annotations

import unicodedata

import pytest
from music_folders import albums_of, jpeg, put, song, taken

# --- Albums told apart ---


def test_one_title_by_two_album_artists_is_two_albums(tmp_path):
    for i, band in enumerate(("Ann", "Bob", "Ann", "Bob")):
        song(
            tmp_path / f"mix/{i}.mp3",
            jpeg(ord(band[0])),
            album="Greatest Hits",
            artist=f"{band} feat. X",
            album_artist=band,
            genres=[f"of {band}"],
        )
    assert [(artist, genres) for _, artist, _, genres in taken(tmp_path)] == [
        ("Ann", ("of Ann",)),
        ("Bob", ("of Bob",)),
    ]
    assert [a.path for a in albums_of(tmp_path)] == [
        "mix (greatest hits, Ann)",
        "mix (greatest hits, Bob)",
    ]


def test_one_title_with_two_release_ids_is_two_albums(tmp_path):
    for i, release in enumerate(("id-1", "id-2")):
        song(
            tmp_path / f"mix/{i}.mp3",
            jpeg(i),
            album="Live",
            artist="A",
            release_id=release,
        )
    assert len(taken(tmp_path)) == 2


def test_one_release_id_is_one_album_whatever_its_discs_are_called(tmp_path):
    for i, title in enumerate(("Box: Early Days", "Box: Late Days")):
        song(
            tmp_path / f"box/{i}.mp3", jpeg(1), album=title, artist="A", release_id="id"
        )
    [album] = albums_of(tmp_path)
    assert len(album.album.tracks) == 2


def test_tracks_that_lack_an_album_artist_or_an_id_stay_with_their_album(tmp_path):
    song(tmp_path / "a/1.mp3", jpeg(1), album="X", artist="Ann", album_artist="Ann")
    song(tmp_path / "a/2.mp3", jpeg(1), album="X", artist="Ann")
    song(tmp_path / "a/3.mp3", album="X", artist="Guest")
    song(tmp_path / "b/1.mp3", jpeg(2), album="Y", artist="Bob", release_id="id")
    song(tmp_path / "b/2.mp3", jpeg(2), album="Y", artist="Bob")
    assert [len(a.album.tracks) for a in albums_of(tmp_path)] == [3, 2]


def test_a_compilation_whose_tracks_name_their_own_artists_is_one_album(tmp_path):
    for i in range(5):
        song(
            tmp_path / f"c/{i}.mp3",
            jpeg(1),
            album="Hits",
            artist=f"A{i}",
            album_artist=f"A{i}",
        )
    [album] = albums_of(tmp_path)
    assert len(album.album.tracks) == 5


def test_one_title_by_two_artists_with_pictures_of_their_own_is_two_albums(tmp_path):
    for i in range(6):
        band = ("Ann", "Bob")[i % 2]
        tags = {"album": "Greatest Hits", "artist": band, "genres": [f"of {band}"]}
        song(tmp_path / f"mix/{i}.mp3", jpeg(i % 2), **tags)
        song(tmp_path / f"shared/{i}.mp3", jpeg(7), **tags)
        song(tmp_path / f"each/{i}.mp3", jpeg(10 + i), **tags | {"artist": f"A{i}"})
    assert [row[1:] for row in taken(tmp_path)] == [
        ("Various Artists", "Greatest Hits", ("of Ann", "of Bob")),
        ("Ann", "Greatest Hits", ("of Ann",)),
        ("Bob", "Greatest Hits", ("of Bob",)),
        ("Various Artists", "Greatest Hits", ("of Ann", "of Bob")),
    ]


def test_a_title_is_one_in_either_unicode_form(tmp_path):
    for i, form in enumerate(("NFC", "NFD")):
        title = unicodedata.normalize(form, "Café")
        song(tmp_path / f"a/{i}.mp3", jpeg(1), album=title, artist="Ann")
    song(tmp_path / "a/3.mp3", jpeg(2), album="Cafe", artist="Ann")
    assert [len(a.album.tracks) for a in albums_of(tmp_path)] == [1, 2]


def test_loose_singles_with_pictures_of_their_own_are_covers_of_their_own(tmp_path):
    for i, name in enumerate(("Ann", "Bob", "Cid")):
        song(
            tmp_path / f"loose/{name}.mp3",
            jpeg(i),
            title=f"{name}'s song",
            artist=name,
            genres=[f"G{i}"],
        )
    song(tmp_path / "loose/plain.mp3", artist="Dot", title="no picture")
    assert taken(tmp_path) == [
        (f"loose/{name}.mp3", name, f"{name}'s song", (f"G{i}",))
        for i, name in enumerate(("Ann", "Bob", "Cid"))
    ]
    [other] = [a for a in albums_of(tmp_path) if not a.candidates]
    assert "without a cover" in other.reason


@pytest.mark.parametrize(
    "album", ["Unknown Album", "<unknown>", "[non-album tracks]", "N/A"]
)
def test_a_placeholder_is_no_album(tmp_path, album):
    for i, name in enumerate(("Ann", "Bob")):
        song(
            tmp_path / f"loose/{name}.mp3",
            jpeg(i),
            title=name,
            artist=name,
            album=album,
        )
    assert [(artist, title) for _, artist, title, _ in taken(tmp_path)] == [
        ("Ann", "Ann"),
        ("Bob", "Bob"),
    ]


def test_one_title_with_two_ids_of_album_artists_is_two_albums(tmp_path):
    for i in range(2):
        song(
            tmp_path / f"mix/{i}.mp3",
            jpeg(i),
            album="Live",
            artist="X",
            album_artist_id=f"id-{i}",
        )
    assert len(taken(tmp_path)) == 2


def test_an_nfo_in_a_disc_folder_speaks_of_the_album(tmp_path):
    song(tmp_path / "Band/Al/Volume 2/1.mp3", album="Al")
    put(tmp_path / "Band/Al/cover.jpg", jpeg(1))
    put(tmp_path / "Band/Al/Volume 2/album.nfo", b"<album><genre>Soul</genre></album>")
    assert taken(tmp_path) == [("Band/Al/cover.jpg", None, "Al", ("Soul",))]


def test_a_single_beside_an_album_is_not_drawn_into_it(tmp_path):
    for i in range(3):
        song(tmp_path / f"a/{i}.mp3", jpeg(1), album="X", artist="Ann", genres=["Rock"])
    song(tmp_path / "a/9.mp3", jpeg(2), artist="Bob", title="One", genres=["Jazz"])
    song(tmp_path / "a/bare.mp3", artist="Ann")
    assert [(album, genres) for _, _, album, genres in taken(tmp_path)] == [
        ("X", ("Rock",)),
        ("One", ("Jazz",)),
    ]
    assert [len(a.album.tracks) for a in albums_of(tmp_path)] == [4, 1]


def test_an_album_whose_tags_do_not_name_it_is_one(tmp_path):
    for i in range(3):
        song(tmp_path / f"Band/Album/{i}.mp3", jpeg(1), artist="Ann")
        song(tmp_path / f"Band/Other/{i}.mp3", jpeg(i + 5), artist="Ann")
    put(tmp_path / "Band/Other/cover.jpg", jpeg(9))
    assert [(path, album) for path, _, album, _ in taken(tmp_path)] == [
        ("Band/Album/0.mp3", "Album"),
        ("Band/Other/cover.jpg", "Other"),
    ]
