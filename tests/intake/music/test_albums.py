"""Music files and albums are read right, field by field."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import audio_files
import pytest
from PIL import Image

from covers.errors import BrokenImageError, DataError, MissingExtraError
from covers.images.audio.audio_tags import read_member, read_tags
from covers.intake.music.album_art import find_albums
from covers.intake.music.album_notes import read_music_file
from covers.intake.music.disc_folders import find_album_folders
from covers.intake.sources import is_audio_name, walk

if TYPE_CHECKING:
    from pathlib import Path

TAGS = {
    "title": "Über den Fluß",
    "artist": "Žofie; Ensemble",
    "album_artist": "Žofie",
    "album": "Řeka",
    "year": "1987-03-01",
    "genres": ["Black Metal", "Folk/World"],
    "disc": 2,
    "release_id": "11111111-1111-1111-1111-111111111111",
    "release_group_id": "22222222-2222-2222-2222-222222222222",
    "artist_id": "33333333-3333-3333-3333-333333333333",
    "album_artist_id": "44444444-4444-4444-4444-444444444444",
}
PRIORITY = (
    "cover",
    "folder",
    "front",
    "embedded",
    "album",
    "art",
    "albumart*",
    "*front*",
)


def jpeg(red: int, size: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (red, 90, 20)).save(buffer, "JPEG")
    return buffer.getvalue()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def albums_of(root: Path, priority=PRIORITY):
    files = walk(root).files
    tags = {
        entry.path: read_music_file(root / entry.path)
        for entry in files
        if is_audio_name(entry.path) or entry.path.endswith((".nfo", ".cue"))
    }
    return find_albums(files, tags, priority)


@pytest.mark.parametrize("extension", audio_files.WRITERS)
def test_every_format_gives_every_field(extension, tmp_path):
    pictures = ((3, jpeg(1)), (8, jpeg(2)))
    content = audio_files.WRITERS[extension](TAGS, pictures)
    tags = read_tags(put(tmp_path / f"track.{extension}", content))
    assert tags.problem is None
    assert tags.title == "Über den Fluß"
    assert tags.artist == ("Žofie; Ensemble",)
    assert tags.album_artist == ("Žofie",)
    assert tags.album == "Řeka"
    assert tags.year == 1987
    assert tags.genres == ("Black Metal", "Folk/World")
    assert tags.disc == 2
    assert tags.release_id == TAGS["release_id"]
    assert tags.release_group_id == TAGS["release_group_id"]
    assert tags.artist_id == TAGS["artist_id"]
    assert tags.album_artist_id == TAGS["album_artist_id"]


@pytest.mark.parametrize("extension", audio_files.WRITERS)
def test_every_format_gives_its_front_cover_byte_by_byte(extension, tmp_path):
    large = jpeg(1, 40) + bytes(70_000)  # longer than one Ogg page
    content = audio_files.WRITERS[extension](TAGS, ((8, jpeg(2)), (3, large)))
    path = put(tmp_path / f"track.{extension}", content)
    front = [p for p in read_tags(path).pictures if p.type == "front_cover"]
    assert len(front) == 1
    assert read_member(path, front[0].member) == large
    assert front[0].content_id == hashlib.sha256(large).hexdigest()[:32]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8"])
def test_text_encodings_of_id3_give_the_same_names(encoding, tmp_path):
    tags = {"artist": "Motörhead", "album": "Ça va", "genres": ["Heavy Metal", "Rock"]}
    content = audio_files.mp3(tags, encoding=encoding)
    read = read_tags(put(tmp_path / "a.mp3", content))
    assert (read.artist, read.album) == (("Motörhead",), "Ça va")
    assert read.genres == ("Heavy Metal", "Rock")


@pytest.mark.parametrize("version", [3, 4])
def test_unsynchronised_tags_give_the_same_bytes(version, tmp_path):
    art = jpeg(7, 90)
    assert b"\xff" in art
    tags = {"album": "Alt", "genres": ["Rock"]}
    content = audio_files.unsynchronised_mp3(tags, ((3, art),), version=version)
    path = put(tmp_path / "old.mp3", content)
    read = read_tags(path)
    assert (read.album, read.genres, read.problem) == ("Alt", ("Rock",), None)
    assert read_member(path, "front_cover/0") == art


def test_numeric_id3_genres_are_named(tmp_path):
    content = audio_files.mp3({"genres": ["17", "(8)Jazz"]})
    assert read_tags(put(tmp_path / "a.mp3", content)).genres == ("Rock", "Jazz")


def test_a_missing_picture_and_a_missing_file_are_explained(tmp_path):
    path = put(tmp_path / "a.mp3", audio_files.mp3(TAGS))
    with pytest.raises(BrokenImageError, match="no picture 'front_cover/0'"):
        read_member(path, "front_cover/0")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_member(tmp_path / "none.mp3", "front_cover/0")


def test_unreadable_music_files_say_why(tmp_path):
    assert read_tags(put(tmp_path / "0.mp3", b"")).problem == "empty file (0 bytes)"
    damaged = read_tags(put(tmp_path / "x.flac", b"fLaC\x04\0\0\x10abc"))
    assert damaged.problem == "tags cannot be read: file truncated or damaged"
    text = read_tags(put(tmp_path / "x.ogg", b"hello, I am no music at all......."))
    assert text.problem == "tags cannot be read: Invalid OGG header"


@pytest.mark.parametrize("extension", audio_files.WRITERS)
def test_a_music_file_cut_anywhere_never_raises(extension, tmp_path):
    content = audio_files.WRITERS[extension](TAGS, ((3, jpeg(1)), (0, jpeg(2))))
    for tenth in range(10):
        cut = content[: len(content) * tenth // 10]
        tags = read_tags(put(tmp_path / f"{tenth}.{extension}", cut))
        assert tags.problem is None or tags.problem


def test_tinytag_missing_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tinytag", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'album-covers\[tags\]'"):
        read_tags(put(tmp_path / "a.mp3", audio_files.mp3(TAGS)))


def test_disc_folders_belong_to_the_album_above():
    def album_folder(folder):
        return find_album_folders({folder: []}, (), ())[folder]

    assert album_folder("Band/Album/CD1") == "Band/Album"
    assert album_folder("Band/Album/Disc 02 - Live") == "Band/Album"
    assert album_folder("Band/Album/Digital Media 1") == "Band/Album"
    assert album_folder("Band/Discovery") == "Band/Discovery"
    assert album_folder("Band/CD Baby Sampler") == "Band/CD Baby Sampler"


def test_discs_are_one_album_with_the_genres_of_all_tracks(tmp_path):
    for disc, genre in ((1, "Rock"), (2, "Folk")):
        tags = {**TAGS, "album": f"Řeka (Disc {disc})", "genres": [genre]}
        put(tmp_path / f"B/A/CD {disc}/1.mp3", audio_files.mp3(tags))
    put(tmp_path / "B/A/cover.jpg", jpeg(5))
    [album] = albums_of(tmp_path)
    assert album.path == "B/A"
    [candidate] = album.candidates
    assert candidate.file.path == "B/A/cover.jpg"
    assert candidate.labels.genres == ("Rock", "Folk")
    assert candidate.labels.album == "Řeka"
    assert candidate.labels.artist == "Žofie"
    assert candidate.labels.artists == ("žofie",)
    assert candidate.labels.year == 1987
    assert candidate.labels.release_group == TAGS["release_group_id"]
    assert candidate.labels.extra == {
        "n_tracks": 2,
        "musicbrainz_release": TAGS["release_id"],
        "musicbrainz_artist": TAGS["album_artist_id"],
    }


def test_sidecars_and_embedded_art_come_in_the_order_of_the_priority(tmp_path):
    put(tmp_path / "A/1.mp3", audio_files.mp3(TAGS, ((3, jpeg(1)),)))
    for name in ("Art.jpg", "FOLDER.JPG", "booklet.jpg", "AlbumArt_Large.jpg"):
        put(tmp_path / "A" / name, jpeg(9))

    def order(priority):
        [album] = albums_of(tmp_path, priority)
        return [c.member or c.file.path.split("/")[1] for c in album.candidates]

    expected = ["FOLDER.JPG", "front_cover/0", "Art.jpg", "AlbumArt_Large.jpg"]
    assert order(PRIORITY) == expected
    assert order(("embedded", "art")) == ["front_cover/0", "Art.jpg"]
    assert order(("*",)) == sorted(
        ["Art.jpg", "FOLDER.JPG", "booklet.jpg", "AlbumArt_Large.jpg"]
    )


def test_a_front_cover_goes_before_other_and_an_artist_photo_is_none(tmp_path):
    pictures = ((8, jpeg(1)), (0, jpeg(2)), (4, jpeg(3)), (3, jpeg(4)))
    put(tmp_path / "A/1.flac", audio_files.flac(TAGS, pictures))
    [album] = albums_of(tmp_path)
    assert [c.member for c in album.candidates] == ["front_cover/0", "generic/0"]


def test_an_album_with_nothing_but_artist_photos_says_so(tmp_path):
    put(tmp_path / "A/1.flac", audio_files.flac(TAGS, ((8, jpeg(1)), (4, jpeg(2)))))
    put(tmp_path / "B/1.mp3", audio_files.mp3({"album": "B"}))
    put(tmp_path / "C/1.mp3", audio_files.mp3({"album": "C"}))
    put(tmp_path / "C/scan.jpg", jpeg(2))
    a, b, c = albums_of(tmp_path)
    assert not a.candidates
    assert "only pictures of type artist, back cover" in a.reason
    assert "no picture beside or inside" in b.reason
    assert "no picture there has a known name (scan.jpg)" in c.reason


def test_the_commonest_embedded_picture_is_the_albums(tmp_path):
    for number, red in ((1, 200), (2, 10), (3, 10)):
        put(tmp_path / f"A/{number}.mp3", audio_files.mp3(TAGS, ((3, jpeg(red)),)))
    [album] = albums_of(tmp_path)
    assert [c.file.path for c in album.candidates] == ["A/2.mp3", "A/1.mp3"]


def test_several_albums_in_one_folder_are_told_apart(tmp_path):
    for name, red in (("One", 1), ("Two", 99)):
        tags = {"album": name, "artist": f"Artist {name}", "genres": [f"G{name}"]}
        put(tmp_path / f"mix/{name}.mp3", audio_files.mp3(tags, ((3, jpeg(red)),)))
    put(tmp_path / "mix/cover.jpg", jpeg(50))
    one, two = albums_of(tmp_path)
    assert one.candidates[0].member == two.candidates[0].member == "front_cover/0"
    assert one.candidates[0].labels.genres == ("GOne",)
    assert two.candidates[0].labels.artist == "Artist Two"


def test_different_artists_without_an_album_artist_are_various(tmp_path):
    for i, artist in enumerate(("Ann", "Bob")):
        put(tmp_path / f"S/{i}.mp3", audio_files.mp3({"album": "S", "artist": artist}))
    put(tmp_path / "S/cover.jpg", jpeg(3))
    [album] = albums_of(tmp_path)
    assert album.candidates[0].labels.artist == "Various Artists"
    assert album.candidates[0].labels.artists == ()


def test_an_artist_with_guests_is_that_artist(tmp_path):
    put(tmp_path / "cover.jpg", jpeg(9))
    artists = ["Ann", "Ann feat. Bo", "Ann & Cy", "Ann, Di", "Ann with Ed", "Ann x Flo"]
    for number, artist in enumerate(artists):
        content = audio_files.mp3({"album": "A", "artist": artist})
        put(tmp_path / f"{number}.mp3", content)
    (album,) = albums_of(tmp_path)
    labels = album.candidates[0].labels
    assert (labels.artist, labels.artists) == ("Ann", ("ann",))


@pytest.mark.parametrize(
    "title", ["Неизвестный альбом", "Unbekanntes Album", "[unknown album]"]
)
def test_tracks_of_an_unknown_album_are_singles_in_any_language(tmp_path, title):
    for number in range(2):
        tags = {"album": title, "artist": f"Artist {number}", "title": f"Song {number}"}
        put(tmp_path / f"{number}.mp3", audio_files.mp3(tags, ((3, jpeg(9 * number)),)))
    albums = albums_of(tmp_path)
    assert [a.candidates[0].labels.album for a in albums] == ["Song 0", "Song 1"]


def test_an_nfo_fills_in_what_tags_lack_and_adds_genres(tmp_path):
    put(tmp_path / "A/1.mp3", audio_files.mp3({"genres": ["Rock"], "album": "Tagged"}))
    put(tmp_path / "A/cover.jpg", jpeg(3))
    put(
        tmp_path / "A/album.nfo",
        b"<?xml version='1.0'?><album><title>Other</title><artist>Nina</artist>"
        b"<genre>Soul</genre><style>Neo Soul</style><year>2001</year>"
        b"<musicbrainzreleasegroupid>rg</musicbrainzreleasegroupid></album>\nhttps://x",
    )
    [album] = albums_of(tmp_path)
    labels = album.candidates[0].labels
    assert labels.album == "Tagged"
    assert labels.artist == "Nina"
    assert labels.year == 2001
    assert labels.genres == ("Rock", "Soul", "Neo Soul")
    assert labels.release_group == "rg"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<album><title>", "no XML"),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><album/>", "declares entities"),
        ("<album/>".encode("utf-16"), "no UTF-8"),
    ],
)
def test_a_bad_nfo_is_explained(content, reason, tmp_path):
    assert reason in (
        read_music_file(put(tmp_path / "album.nfo", content)).problem or ""
    )
