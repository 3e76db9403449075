"""Music libraries as they are: albums told apart, discs joined, nothing lost in silence."""

from __future__ import annotations

import os
import time

import audio_files
import pytest
from music_folders import PRIORITY, albums_of, jpeg, put, scan, song, taken

from covers.catalogue.table import read_catalogue
from covers.images.audio.audio_tags import Tags
from covers.intake.music.album_art import find_albums
from covers.intake.scan import scan_workspace
from covers.intake.sources import walk
from covers.workspace.paths import Workspace
from covers.workspace.source_files import FileEntry

# --- Discs ---

DISCS = [
    ("CD1", "CD2"),
    ("CD 1 of 2", "CD 2 of 2"),
    ("CD1 - Early", "CD2 - Late"),
    ("Disc One", "Disc Two"),
    ("Disk I", "Disk II"),
    ("disc_01", "disc_02"),
    ("[Disc 1]", "[Disc 2]"),
    ("LP 1", "LP 2"),
    ("Side A", "Side B"),
    ("12'' Vinyl 1", "12'' Vinyl 2"),
    ("Cassette 1", "Cassette 2"),
    ("Disque 1", "Disque 2"),
    ("1", "2"),
    ("01", "02"),
    ("Volume 1", "Volume 2"),
    ("Vol. I", "Vol. II"),
    ("Part One", "Part Two"),
    ("CD", "Bonus CD"),
    ("CD1", "Bonus"),
    ("Vinyl", "Bonus Tracks"),
    ("1 - The Early Years", "2 - The Late Years"),
    ("Al CD1", "Al CD2"),
    ("Al (Disc 1)", "Al (Disc 2)"),
]


@pytest.mark.parametrize("names", DISCS, ids=[" and ".join(d) for d in DISCS])
@pytest.mark.parametrize("is_numbered", [True, False])
def test_the_cover_above_its_discs_is_an_albums(tmp_path, names, is_numbered):
    for number, name in enumerate(names, start=1):
        title = f"Al (Disc {number})" if is_numbered else "Al"
        song(tmp_path / f"Band/Al/{name}/1.mp3", album=title, artist="A")
    put(tmp_path / "Band/Al/cover.jpg", jpeg(1))
    [album] = albums_of(tmp_path)
    assert album.candidates[0].file.path == "Band/Al/cover.jpg"
    assert album.candidates[0].labels.album == "Al"
    assert len(album.album.tracks) == 2


@pytest.mark.parametrize(
    "name",
    [
        "Volume 2",
        "LP1",
        "2",
        "Side A",
        "Part One",
        "Disc One",
        "Bonus",
        "Vinyl",
        "1 - Start",
    ],
)
@pytest.mark.parametrize("has_sidecar", [True, False])
def test_an_album_with_the_name_of_a_disc_stays_an_album(tmp_path, name, has_sidecar):
    for folder in (name, "Other"):
        art = None if has_sidecar else jpeg(len(folder))
        song(tmp_path / f"Band/{folder}/1.mp3", art, album=folder, artist="A")
        if has_sidecar:
            put(tmp_path / f"Band/{folder}/cover.jpg", jpeg(len(folder)))
    put(tmp_path / "Band/folder.jpg", jpeg(99))
    found = {album: path for path, _, album, _ in taken(tmp_path)}
    file = "cover.jpg" if has_sidecar else "1.mp3"
    assert found == {f: f"Band/{f}/{file}" for f in (name, "Other")}


def test_discs_of_a_box_with_titles_and_covers_of_their_own_keep_them(tmp_path):
    for number, title in ((1, "First"), (2, "Second")):
        song(tmp_path / f"Box/CD{number} - {title}/1.mp3", album=title, artist="A")
        put(tmp_path / f"Box/CD{number} - {title}/cover.jpg", jpeg(number))
    put(tmp_path / "Box/cover.jpg", jpeg(9))
    assert [path for path, *_ in taken(tmp_path)] == [
        "Box/CD1 - First/cover.jpg",
        "Box/CD2 - Second/cover.jpg",
    ]


def test_a_bare_number_without_a_cover_above_is_left_alone(tmp_path):
    song(tmp_path / "Band/2/1.mp3", album="Something", artist="A")
    song(tmp_path / "Band/3/1.mp3", album="Else", artist="A")
    put(tmp_path / "Band/folder.jpg", jpeg(1))
    assert [a.path for a in albums_of(tmp_path)] == ["Band/2", "Band/3"]


# --- Nothing vanishes ---


@pytest.mark.parametrize(
    "name",
    [
        "...And Justice for All",
        "..Two Dots",
        ".5 The Gray Chapter",
        "lost+found",
        "...",
        "~Tilde",
        "#1",
    ],
)
def test_albums_with_odd_names_are_taken_in(tmp_path, name):
    song(tmp_path / f"m/Band/{name}/1.mp3", album=name, artist="A")
    put(tmp_path / f"m/Band/{name}/cover.jpg", jpeg(1))
    song(tmp_path / "m/Band/Plain/...And Then.mp3", jpeg(2), album="Plain", artist="A")
    report, problems = scan(tmp_path / "m", tmp_path)
    albums = read_catalogue(Workspace(tmp_path / "ws")).column("album")
    assert sorted(albums) == sorted([name, "Plain"])
    assert not problems
    assert not any("left out" in warning for warning in report.warnings)


def test_litter_is_counted_in_the_summary(tmp_path):
    song(tmp_path / "m/A/1.mp3", jpeg(2), album="A", artist="A")
    for name in (
        "A/._1 song title.mp3",
        ".Trash-1000/B/cover.jpg",
        "A/Thumbs.db",
        ".git/x",
    ):
        put(tmp_path / "m" / name, b"x")
    report, _ = scan(tmp_path / "m", tmp_path)
    assert any("4 hidden files and folders" in warning for warning in report.warnings)


def test_a_closed_lost_and_found_is_litter(tmp_path, monkeypatch):
    song(tmp_path / "A/1.mp3")
    (tmp_path / "lost+found").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(tmp_path)
    assert (found.n_left_out, found.problems) == (1, [])


UNREAD = ["shn", "caf", "mka", "ac3", "dts", "ra", "oma", "amr", "mid", "weba"]
READ = ["ape", "wv", "dsf", "mpc", "tta", "tak", "aac"]


@pytest.mark.parametrize("extension", READ)
def test_albums_in_rarer_formats_are_taken_in_with_tags_and_without(
    tmp_path, extension
):
    tags = {"album": "Al", "artist": "Ann", "genres": ["Rock"]}
    content = audio_files.dsf(tags) if extension == "dsf" else audio_files.ape(tags)
    put(tmp_path / f"m/Band/Al/CD1/1.{extension}", content)
    put(tmp_path / "m/Band/Al/cover.jpg", jpeg(1))
    put(tmp_path / f"m/Band/Plain/1.{extension}", b"sound")
    put(tmp_path / "m/Band/Plain/cover.jpg", jpeg(2))
    _, problems = scan(tmp_path / "m", tmp_path)
    catalogue = read_catalogue(Workspace(tmp_path / "ws"))
    found = dict(
        zip(catalogue.column("album"), catalogue.column("genres"), strict=True)
    )
    assert found == {"Al": ["Rock"], "Plain": []}
    assert not problems


@pytest.mark.parametrize("extension", UNREAD)
def test_albums_in_formats_that_are_not_read_are_taken_in_by_their_sidecars(
    tmp_path, extension
):
    put(tmp_path / f"m/Band/Al/CD1/1.{extension}", b"sound")
    put(tmp_path / "m/Band/Al/cover.jpg", jpeg(1))
    put(tmp_path / f"m/Band/Bare/1.{extension.upper()}", b"sound")
    report, problems = scan(tmp_path / "m", tmp_path)
    assert read_catalogue(Workspace(tmp_path / "ws")).column("album") == ["Al"]
    assert [(p["path"], p["kind"]) for p in problems] == [("Band/Bare", "no cover")]
    [note] = [w for w in report.warnings if "are not read" in w]
    assert f"2 music files (.{extension})" in note


def test_a_library_of_nothing_but_unread_formats_is_known_as_one(tmp_path):
    put(tmp_path / "m/Band/Al/1.shn", b"sound")
    put(tmp_path / "m/Band/Al/cover.jpg", jpeg(1))
    report = scan_workspace(tmp_path / "ws", [tmp_path / "m"])
    assert report.sources[0].kind == "music"


def test_pictures_without_music_are_counted(tmp_path):
    song(tmp_path / "m/A/1.mp3", jpeg(2), album="A", artist="A")
    put(tmp_path / "m/Sleeves/x.jpg", jpeg(3))
    report, _ = scan(tmp_path / "m", tmp_path)
    assert any("1 pictures lie in folders without music" in w for w in report.warnings)


# --- What is there and not taken ---


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cover.heic", "cover.heic is in a format that is not read"),
        ("Folder.JXL", "Folder.JXL is in a format that is not read"),
        ("Scans/Front.jpg", "in a folder of their own (Scans/Front.jpg)"),
        ("Artwork/hi/cover.heic", "in a folder of their own (Artwork/hi/cover.heic)"),
        ("booklet.jpg", "no picture there has a known name (booklet.jpg)"),
    ],
)
@pytest.mark.parametrize("disc", ["", "CD1/"])
def test_a_picture_that_is_not_taken_is_named(tmp_path, name, said, disc):
    song(tmp_path / f"B/Al/{disc}1.mp3", album="Al")
    put(tmp_path / f"B/Al/{name}", b"x")
    song(tmp_path / "B/Al2/1.mp3", album="Al2")
    put(tmp_path / "B/Al2/cover.jpg", jpeg(1))
    album = next(a for a in albums_of(tmp_path) if not a.candidates)
    assert said in album.reason


def test_pictures_of_other_albums_are_not_named(tmp_path):
    song(tmp_path / "B/loose.mp3", album="Loose")
    song(tmp_path / "B/Al/1.mp3", album="Al")
    put(tmp_path / "B/Al/cover.jpg", jpeg(1))
    put(tmp_path / "B/Al/Scans/front.jpg", jpeg(1))
    album = next(a for a in albums_of(tmp_path) if not a.candidates)
    assert "no picture beside or inside" in album.reason


# --- The better sidecar ---


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("AlbumArtSmall.jpg", "AlbumArt_{0A1B}_Large.jpg"),
        ("AlbumArt_{0A1B}_Small.jpg", "AlbumArt_{0A1B}_Large.jpg"),
        ("AlbumArtA.jpg", "AlbumArtB.jpg"),
        ("AlbumArtB.jpg", "AlbumArtA.jpg"),
        ("cover.jpg", "folder.jpg"),
        ("folder.jpg", "AlbumArt_{0A1B}_Large.jpg"),
        ("cover.gif", "cover.jpg"),
    ],
)
def test_the_better_sidecar_wins(tmp_path, worse, better):
    song(tmp_path / "A/1.mp3", album="A")
    put(tmp_path / "A" / worse, jpeg(1, 75))
    put(tmp_path / "A" / better, jpeg(1, 200))
    [album] = albums_of(tmp_path)
    assert [c.file.path for c in album.candidates] == [f"A/{better}", f"A/{worse}"]


def test_a_thumbnail_beside_the_music_comes_behind_the_picture_inside_it(tmp_path):
    song(tmp_path / "A/1.mp3", jpeg(1, 600), album="A")
    put(tmp_path / "A/cover.jpg", jpeg(1, 75))
    song(tmp_path / "B/1.mp3", jpeg(2, 75), album="B")
    put(tmp_path / "B/AlbumArt.jpg", jpeg(2, 600))
    song(tmp_path / "C/1.mp3", jpeg(3, 600), album="C")
    put(tmp_path / "C/cover.jpg", jpeg(4, 600))
    assert [path for path, *_ in taken(tmp_path)] == [
        "A/1.mp3",
        "B/AlbumArt.jpg",
        "C/cover.jpg",
    ]


def test_the_priority_decides_between_good_sidecars_and_a_small_one_is_better_than_none(
    tmp_path,
):
    song(tmp_path / "A/1.mp3", album="A")
    put(tmp_path / "A/cover.jpg", jpeg(1, 200))
    put(tmp_path / "A/folder.jpg", jpeg(2, 900))
    song(tmp_path / "B/1.mp3", album="B")
    put(tmp_path / "B/AlbumArtSmall.jpg", jpeg(3, 75))
    assert [path for path, *_ in taken(tmp_path)] == [
        "A/cover.jpg",
        "B/AlbumArtSmall.jpg",
    ]


@pytest.mark.parametrize(
    "name", ["Front Cover.jpg", "cover.jpg.jpg", "Cover (Front).png", "01-front.JPG"]
)
def test_usual_names_of_a_front_are_taken_where_there_is_no_better(tmp_path, name):
    song(tmp_path / "A/1.mp3", album="A")
    put(tmp_path / "A" / name, jpeg(1))
    put(tmp_path / "A/back.jpg", jpeg(2))
    assert [path for path, *_ in taken(tmp_path)] == [f"A/{name}"]


def test_a_large_library_is_grouped_in_little_time():
    files = []
    for i in range(1500):
        folder = f"Band{i % 100}/Album {i}"
        files += [FileEntry(f"{folder}/CD1/{n}.mp3", 1, 1) for n in range(10)]
        files.append(FileEntry(f"{folder}/Scans/x.jpg", 1, 1))
    tags = {
        e.path: Tags(album=e.path.split("/")[1])
        for e in files
        if e.path.endswith("mp3")
    }
    one_folder = [FileEntry(f"Mix/{n}.mp3", 1, 1) for n in range(10_000)]
    tags |= {e.path: Tags(album=f"A{i // 2}") for i, e in enumerate(one_folder)}
    began = time.process_time()
    assert len(find_albums(files + one_folder, tags, PRIORITY)) == 6500
    assert time.process_time() - began < 10
