"""What an audit says about the pictures of albums."""

import io

import audio_files
import numpy as np
import pytest
from PIL import Image

from covers.audit.music import AlbumRecord, Art, Library, find_album_art
from covers.audit.stage import AuditOptions
from covers.audit.stage import run as audit_workspace
from covers.intake.scan import ScanOptions, scan_workspace
from covers.workspace.paths import Workspace


def jpeg(seed, size=120, quality=90):
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((size, size), Image.Resampling.NEAREST).save(
        buffer, "JPEG", quality=quality
    )
    return buffer.getvalue()


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def tags(album, number, artist="Žofie"):
    return {
        "title": f"Song {number}",
        "artist": artist,
        "album_artist": artist,
        "album": album,
        "genres": ["Rock"],
    }


def put_album(root, name, pictures, sidecar=None, artist="Žofie", front=3):
    """Write an album with one track per picture; None is a track without one."""
    folder = root / artist / name
    for number, picture in enumerate(pictures):
        embedded = [] if picture is None else [(front, picture)]
        put(
            folder / f"{number:02}.mp3",
            audio_files.mp3(tags(name, number, artist), embedded),
        )
    if sidecar is not None:
        put(folder / "cover.jpg", sidecar)


@pytest.fixture
def audit(tmp_path):
    def look(**options):
        scan_workspace(
            tmp_path / "ws", [tmp_path / "music"], options=ScanOptions(kind="music")
        )
        return audit_workspace(Workspace.open(tmp_path / "ws"), AuditOptions(**options))

    return look


def music_findings(audit):
    kinds = {"art_differs", "track_art_differs", "artist_photo"}
    return [f for f in audit.findings if f.kind in kinds]


def test_a_sidecar_that_is_the_embedded_cover_in_another_size_is_no_finding(
    tmp_path, audit
):
    put_album(tmp_path / "music", "Řeka", [jpeg(1)] * 3, sidecar=jpeg(1, 300, 60))
    assert music_findings(audit()) == []


def test_a_sidecar_that_shows_something_else_is_found(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [jpeg(1)] * 3, sidecar=jpeg(2))
    (finding,) = music_findings(audit())
    assert finding.kind == "art_differs"
    assert finding.paths == ("Žofie/Řeka/cover.jpg", "Žofie/Řeka/00.mp3")
    assert (
        finding.reason
        == "Žofie - Řeka: 'cover.jpg' shows something else than the front cover inside '00.mp3'"
    )
    assert len(finding.cover_ids) == 1
    assert len(finding.pictures) == 1
    assert Image.open(io.BytesIO(finding.pictures[0])).format == "WEBP"


def test_tracks_with_another_picture_than_their_album_are_named(tmp_path, audit):
    put_album(
        tmp_path / "music", "Řeka", [jpeg(1), jpeg(1), jpeg(2), None, jpeg(1, 200)]
    )
    (finding,) = music_findings(audit())
    assert finding.kind == "track_art_differs"
    assert finding.paths[0] == "Žofie/Řeka/02.mp3"
    assert "1 of 4 tracks carry another picture" in finding.reason
    assert finding.confidence > 0.9


def test_an_album_of_many_pictures_is_less_sure(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [jpeg(i) for i in range(4)])
    (finding,) = music_findings(audit())
    assert "3 of 4 tracks" in finding.reason
    assert finding.confidence < 0.9


def test_a_cover_that_another_file_calls_a_picture_of_the_artist_is_found(
    tmp_path, audit
):
    put_album(tmp_path / "music", "Řeka", [jpeg(1)] * 2)
    put_album(tmp_path / "music", "Jiná", [jpeg(1, 200)], sidecar=jpeg(3), front=7)
    (finding,) = music_findings(audit())
    assert finding.kind == "artist_photo"
    assert (
        finding.reason
        == "Žofie - Řeka: its cover is the picture that '00.mp3' calls lead artist"
    )


def test_a_cover_that_lies_as_artist_jpg_beside_the_albums_is_found(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [None], sidecar=jpeg(1))
    put(tmp_path / "music/Žofie/artist.jpg", jpeg(1, 240))
    (finding,) = music_findings(audit())
    assert finding.kind == "artist_photo"
    assert "'artist.jpg' calls artist" in finding.reason


def test_one_picture_on_three_albums_of_an_artist_may_be_a_photo(tmp_path, audit):
    for name in ("Řeka", "Jiná", "Další"):
        put_album(tmp_path / "music", name, [jpeg(1)])
    put_album(tmp_path / "music", "Poslední", [jpeg(2)])
    (finding,) = music_findings(audit())
    assert finding.kind == "artist_photo"
    assert finding.reason == "the same picture is the cover of 3 albums of Žofie"


def test_one_picture_on_albums_of_three_artists_is_not_called_a_photo(tmp_path, audit):
    for artist in ("A", "B", "C"):
        put_album(tmp_path / "music", f"Hits of {artist}", [jpeg(1)], artist=artist)
    assert music_findings(audit()) == []


def test_damaged_pictures_are_passed_over(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [jpeg(1), jpeg(2)[:300]], sidecar=jpeg(1))
    put_album(tmp_path / "music", "Jiná", [jpeg(3)], sidecar=b"<html>404</html>")
    assert music_findings(audit()) == []


def test_music_is_left_alone_when_asked(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [jpeg(1)], sidecar=jpeg(2))
    result = audit(music=False)
    assert music_findings(result) == []
    assert result.not_checked["art_differs"] == "not asked for"


def test_a_library_that_is_not_mounted_is_said_to_be_unchecked(tmp_path, audit):
    put_album(tmp_path / "music", "Řeka", [jpeg(1)], sidecar=jpeg(2))
    assert len(music_findings(audit())) == 1
    (tmp_path / "music").rename(tmp_path / "elsewhere")
    result = audit_workspace(Workspace.open(tmp_path / "ws"))
    assert music_findings(result) == []
    assert "cannot list" in result.not_checked["art_differs"]


def test_records_without_files_are_enough():
    album = AlbumRecord(
        title="Řeka",
        artist="Žofie",
        cover_id="side",
        sidecar=Art(content="side", path="cover.jpg"),
        embedded=(Art(content="in", path="1.mp3", member="front_cover/0"),),
    )
    same = Library(albums=[album], designs={"side": 0, "in": 0})
    other = Library(albums=[album], designs={"side": 0, "in": 1})
    unknown = Library(albums=[album], designs={"in": 1})
    assert find_album_art(same) == find_album_art(unknown) == []
    (finding,) = find_album_art(other)
    assert finding.cover_ids == ("side",)
