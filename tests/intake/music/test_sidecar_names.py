"""Pictures beside the music, by the names that people and programs give them."""

from __future__ import annotations

import unicodedata

import pytest

from covers.images.audio.audio_tags import Tags
from covers.intake.music.album_art import find_albums
from covers.workspace.settings import IntakeSettings
from covers.workspace.source_files import FileEntry

PRIORITY = IntakeSettings().art_priority


def taken(*names, album="Blue", folder="Joni Mitchell/1971 Blue"):
    """Return which of some pictures is the cover of an album, None where none is."""
    paths = [f"{folder}/{name}" for name in ("1.mp3", *names)]
    files = [FileEntry(path, 50_000, 0) for path in sorted(paths)]
    tags = {paths[0]: Tags(album=album, artist=("Joni Mitchell",))}
    (found,) = find_albums(files, tags, PRIORITY)
    return (
        found.candidates[0].file.path.rpartition("/")[2] if found.candidates else None
    )


@pytest.mark.parametrize(
    "name",
    [
        "Artwork.jpg",
        "cover1.png",
        "COVER~1.JPG",
        "large_cover.jpg",
        "00-cover.jpg",
        "folder (2).jpg",
        "обложка.jpg",
        unicodedata.normalize("NFD", "Hülle vorn.jpg"),
        "封面.jpg",
        "ジャケット.jpg",
        "Pochette.jpg",
        "Portada.jpg",
        "okładka.jpg",
        "Blue.jpg",
        "1971 Blue.jpg",
        "Joni Mitchell - Blue.jpg",
        "joni_mitchell-blue.jpg",
    ],
)
def test_a_cover_is_known_by_its_name(name):
    assert taken(name, "scan2.jpg") == name


@pytest.mark.parametrize(
    "name",
    [
        "back cover.jpg",
        "Cover Back.jpg",
        "cover_inside.jpg",
        "booklet cover.jpg",
        "cover CD.jpg",
        "front inside.jpg",
        "Joni Mitchell.jpg",
        "scan.jpg",
    ],
)
def test_other_sides_and_other_pictures_are_none(name):
    assert taken(name) is None


def test_the_usual_names_go_before_the_others():
    names = ("Blue.jpg", "artwork.jpg", "cover2.jpg", "folder.jpg")
    assert taken(*names) == "folder.jpg"
    assert taken(*names[:3]) == "artwork.jpg"
    assert taken(*names[:1], "cover2.jpg") == "cover2.jpg"


def test_a_word_that_holds_another_side_is_a_cover():
    assert taken("cover of Obituary.jpg", album="x") == "cover of Obituary.jpg"
