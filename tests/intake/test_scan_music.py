"""Scanning music libraries, and files that were made to do harm."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path

import audio_files
import pytest
from drawn_pictures import picture, put
from PIL import Image
from scanned import problems_of, rows_of

from covers.images.locations import read_cover
from covers.intake.scan import ScanOptions, scan_workspace
from covers.workspace.paths import Workspace


@pytest.fixture
def ws(tmp_path):
    return tmp_path / "ws"


def test_a_music_library_gives_one_cover_per_album(tmp_path, ws):
    root = tmp_path / "Music"
    for a in range(6):
        tags = {
            "album": f"Album {a}",
            "album_artist": f"Artist {a // 2}",
            "genres": ["Rap/Hip Hop"] if a % 2 else ["Black Metal", "Folk"],
            "year": str(1990 + a),
        }
        art = ((8, picture(60)), (3, picture(a)))
        for track in (1, 2):
            content = audio_files.flac({**tags, "title": str(track)}, art)
            put(root / f"Artist {a // 2}/Album {a}/{track}.flac", content)
    put(root / "Artist 0/Album 0/cover.png", picture(40))
    put(root / "Artist 0/Album 1/cover.png", b"broken")
    put(root / "Artist 0/artist.jpg", picture(90))
    put(root / "Artist 9/None/1.mp3", audio_files.mp3({"album": "None"}))
    put(root / "Artist 9/Bad/1.flac", b"fLa")
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    report = scan_workspace(ws, [root])
    assert report.sources[0].kind == "music"
    assert report.n_covers == 6
    rows = rows_of(ws)
    assert rows["Artist 0/Album 0/cover.png"]["genres"] == ["Black Metal", "Folk"]
    third = rows["Artist 1/Album 3/1.flac"]
    assert third["genres"] == ["Hip Hop"]
    assert third["raw_genres"] == ["Rap/Hip Hop"]
    assert (third["artist"], third["album"], third["year"]) == (
        "Artist 1",
        "Album 3",
        1993,
    )
    assert third["locations"][0]["member"] == "front_cover/0"
    assert third["group"] == rows["Artist 1/Album 2/1.flac"]["group"]
    workspace = Workspace(ws)
    data = read_cover(workspace, third["cover_id"], third["locations"])
    assert data == picture(3)
    problems = problems_of(ws)
    assert {path: row["kind"] for path, row in problems.items()} == {
        "Artist 0/Album 1/cover.png": "broken",
        "Artist 9/None": "no cover",
        "Artist 9/Bad": "no cover",
        "Artist 9/Bad/1.flac": "tags",
    }
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
    again = scan_workspace(ws)
    assert (again.n_read, again.unchanged) == (0, 6)
    assert again.problems == report.problems


def test_music_files_are_not_opened_again(tmp_path, ws, monkeypatch):
    root = tmp_path / "Music"
    put(root / "A/1.mp3", audio_files.mp3({"album": "A"}, ((3, picture(1)),)))
    scan_workspace(ws, [root], options=ScanOptions(kind="music"))
    import tinytag

    def refuse(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr(tinytag.TinyTag, "get", refuse)
    assert scan_workspace(ws).n_covers == 1


def test_hostile_files_are_listed_one_by_one(tmp_path, ws):
    root = tmp_path / "library"
    formats = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
    for i in range(12):
        put(root / f"Rock/{i}.png", picture(i))
    n_bad = 0
    good = Image.open(io.BytesIO(picture(1, 200)))
    for name in formats:
        buffer = io.BytesIO()
        good.save(buffer, name)
        content = buffer.getvalue()
        for tenth in range(10):
            put(
                root / f"Pop/{tenth}.{name.lower()}",
                content[: len(content) * tenth // 10],
            )
            n_bad += 1
    bomb = bytearray(picture(2))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    put(root / "Pop/bomb.png", bytes(bomb))
    (root / "Pop/loop").symlink_to(root)
    put(root / "Pop/new\nline.jpg", b"\xff\xd8\xff")
    (Path(os.fsdecode(os.fsencode(root) + b"/Pop/\xff.png"))).write_bytes(picture(3))
    report = scan_workspace(ws, [root])
    problems = problems_of(ws)
    taken = {path for path in rows_of(ws) if path.startswith("Pop/")}
    listed = {path for path in problems if path.startswith("Pop/")}
    every = {p.relative_to(root).as_posix() for p in (root / "Pop").iterdir()}
    every = {
        p.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        for p in every
    }
    assert taken | listed == every
    assert not taken & listed
    assert len(listed) >= n_bad - 4  # a BMP or TIFF may still be whole at nine tenths
    assert sum(report.problems.values()) == len(problems)
    assert "megapixels, the limit is" in problems["Pop/bomb.png"]["reason"]
    assert "not valid UTF-8" in problems["Pop/\\xff.png"]["reason"]


def test_music_files_cut_anywhere_are_taken_or_listed_one_by_one(tmp_path, ws):
    root = tmp_path / "Music"
    put(root / "good/1.flac", audio_files.flac({"album": "Good"}, ((3, picture(1)),)))
    folders = {"good"}
    for extension, writer in audio_files.WRITERS.items():
        content = writer({"album": extension}, ((3, picture(2)),))
        for tenth in range(10):
            folder = f"{extension}{tenth}"
            folders.add(folder)
            cut = content[: len(content) * tenth // 10]
            put(root / folder / f"1.{extension}", cut)
    scan_workspace(ws, [root], options=ScanOptions(kind="music"))
    taken = {
        place["path"].split("/")[0]
        for row in rows_of(ws).values()
        for place in row["locations"]
    }
    listed = {path.split("/")[0] for path in problems_of(ws)}
    assert taken | listed == folders
    assert "good" in taken
    empty = problems_of(ws)["mp30/1.mp3"]
    assert (empty["kind"], empty["reason"]) == ("tags", "empty file (0 bytes)")
