"""Playlists, read as players read them: line by line, paths from where the playlist lies."""

import io
import os
from pathlib import Path

import pytest
from audio_files import mp3
from PIL import Image

import covers


def jpeg(colour):
    content = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(content, "JPEG")
    return content.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def library(tmp_path):
    """Albums with tracks beside the cover, in folders of discs, and with strange names."""
    for number in range(24):
        folder = tmp_path / "music" / f"Band {number % 8}" / f"Album {number}"
        tags = {
            "artist": f"Band {number % 8}",
            "album": f"Album {number}",
            "genre": ("Rock", "Jazz")[number % 2],
        }
        discs = [folder / "CD1", folder / "CD2"] if number == 0 else [folder]
        put(folder / "cover.jpg", jpeg((number * 10, 99, 200 - number * 5)))
        for disc in discs:
            for track in (1, 2):
                name = f"{track:02} #1; take.mp3" if number == 1 else f"{track:02}.mp3"
                put(disc / name, mp3({**tags, "track": str(track)}))
    put(tmp_path / "music/Band 1/Album 1/03 new\nline.mp3", mp3({"album": "Album 1"}))
    put(tmp_path / "music/Band 2/Album 2/http:/evil.mp3", mp3({"album": "Album 2"}))
    return covers.create(tmp_path / "workspace", [tmp_path / "music"], genre_minimum=2)


def entries(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    return [line for line in lines if not line.startswith("#")]


def test_tracks_are_found_from_where_the_playlist_lies(library, tmp_path):
    made = library.export("m3u", tmp_path / "lists" / "all.m3u8")
    found = entries(made.path)
    tracks = {os.path.normpath(made.path.parent / entry) for entry in found}
    assert all(Path(track).is_file() for track in tracks)
    assert len(tracks) == len(found) == 24 * 2 + 2
    assert {p for p in tracks if "Album 0/" in p} == {
        str(tmp_path / f"music/Band 0/Album 0/CD{disc}/0{track}.mp3")
        for disc in (1, 2)
        for track in (1, 2)
    }


def test_no_line_is_a_comment_or_an_address(library, tmp_path):
    made = library.export("m3u", tmp_path / "music/Band 1/Album 1/all.m3u8")
    found = entries(made.path)
    assert all(entry.startswith(("./", "../")) for entry in found)
    assert "./01 #1; take.mp3" in found
    assert not any("new" in entry for entry in found)


def test_the_order_is_that_of_the_covers(library, tmp_path):
    ids = library.catalogue.cover_ids[::-1][:5]
    made = library.export("m3u", tmp_path / "five.m3u8", covers=ids)
    lines = made.path.read_text(encoding="utf-8").splitlines()
    shown = dict.fromkeys(line for line in lines if line.startswith("#EXTINF"))
    frame = library.catalogue
    expected = [
        f"#EXTINF:-1,{frame.column('artist')[row]} - {frame.column('album')[row]}"
        for row in frame.rows_of(ids)
    ]
    assert list(shown) == expected


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a\nb/cover.jpg"])
def test_a_path_that_leads_out_of_its_source_is_left_out(library, tmp_path, path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = library.workspace.root / "catalogue.parquet"
    table = pq.read_table(file)
    places = table.column("locations").to_pylist()
    for place in places[0]:
        place["path"] = path
    column = table.column_names.index("locations")
    field = table.schema.field("locations")
    table = table.set_column(column, field, pa.array(places, field.type))
    pq.write_table(table, file)
    made = covers.open(library.workspace.root).export("m3u", tmp_path / "x.m3u8")
    text = made.path.read_text(encoding="utf-8")
    assert [note[:17] for note in made.notes] == ["1 cover left out,"]
    assert "passwd" not in text
    assert all(
        line.startswith(("#EXT", "#PLAYLIST", "./", "../"))
        for line in text.splitlines()
    )


def test_pictures_are_listed_where_there_is_no_music(drawn_once, tmp_path):
    made = covers.open(drawn_once / "workspace").export("m3u", tmp_path / "p.m3u8")
    found = entries(made.path)
    assert len(found) == 120
    assert not made.notes
    assert all((tmp_path / entry).is_file() for entry in found)


def test_an_absent_disk_is_one_line(library, tmp_path):
    (tmp_path / "music").rename(tmp_path / "elsewhere")
    with pytest.raises(covers.DataError, match="bring back the folder or disk"):
        library.export("m3u", tmp_path / "all.m3u8")
