"""Sources are walked completely, told apart, and never trip the scan."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from covers.errors import DataError
from covers.intake.source_kinds import (
    check_kind,
    choose_path,
    detect_kind,
    join_sources,
    name_source,
)
from covers.intake.sources import walk
from covers.workspace.paths import Workspace
from covers.workspace.settings import Source
from covers.workspace.source_files import SourceKind, is_mounted


def touch(root, *names, content=b"x"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def paths_of(root, **options):
    return [entry.path for entry in walk(root, **options).files]


def test_litter_is_left_out_and_counted(tmp_path):
    touch(
        tmp_path,
        "Rock/a.jpg",
        "Rock/._a.jpg",
        "Rock/.hidden/b.jpg",
        "Rock/@eaDir/c.jpg",
        "Rock/Thumbs.db",
        "__MACOSX/d.jpg",
        "desktop.ini",
    )
    found = walk(tmp_path)
    assert [entry.path for entry in found.files] == ["Rock/a.jpg"]
    assert found.n_left_out == 6
    assert not found.problems


def test_links_are_followed_once_and_circles_end(tmp_path):
    touch(tmp_path, "real/a.jpg", "outside/b.jpg")
    root = tmp_path / "real"
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "dead").symlink_to(tmp_path / "nothing")
    (root / "self").symlink_to(root / "self")
    (root / "linked.jpg").symlink_to(tmp_path / "outside/b.jpg")
    found = walk(root)
    assert [e.path for e in found.files] == ["a.jpg", "away/b.jpg", "linked.jpg"]
    assert dict(found.problems) == {
        "dead": "a link that leads nowhere or in a circle",
        "loop": "a link to a folder that is read under another name, too",
        "self": "a link that leads nowhere or in a circle",
    }


def test_hostile_names_are_taken_or_listed(tmp_path):
    touch(tmp_path, "new\nline.jpg", "quote\"',;.jpg", "жäß 漢字.jpg", " blank .jpg")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).write_bytes(b"x")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff"))
    touch(folder, "inside.jpg")
    found = walk(tmp_path)
    assert len(found.files) == 4
    assert found.problems == [
        ("caf\\xe9.jpg", "its name is not valid UTF-8: rename it"),
        ("d\\xff/inside.jpg", "its name is not valid UTF-8: rename it"),
    ]


def test_folders_without_permission_are_listed(tmp_path, monkeypatch):
    touch(tmp_path, "open/a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(tmp_path)
    assert [e.path for e in found.files] == ["open/a.jpg"]
    assert found.problems == [("closed", "folder cannot be listed: Permission denied")]


def test_pipes_are_listed_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert walk(tmp_path).problems == [("pipe.jpg", "not a regular file")]


def test_a_workspace_inside_its_source_is_not_read(tmp_path):
    touch(tmp_path, "Rock/a.jpg", "ws/thumbnails/b.webp")
    assert paths_of(tmp_path, leave_out=[tmp_path / "ws"]) == ["Rock/a.jpg"]


@pytest.mark.parametrize("folder", ["ws", "Rock/deep/ws", "Pop"])
def test_any_workspace_inside_a_source_is_left_out_and_counted(tmp_path, folder):
    touch(tmp_path, "Rock/a.jpg", "Jazz/b.jpg")
    inside = [f"{folder}/{name}" for name in ("thumbnails/3f/3f9a.jpg", "c.jpg")]
    touch(tmp_path, *inside, f"{folder}/covers.toml", "Jazz/1/thumbnails/d.jpg")
    found = walk(tmp_path)
    assert [entry.path for entry in found.files] == [
        "Jazz/1/thumbnails/d.jpg",
        "Jazz/b.jpg",
        "Rock/a.jpg",
    ]
    assert found.workspaces == (folder,)


def test_of_a_source_that_is_a_workspace_too_only_its_own_folders_are_left_out(
    tmp_path,
):
    touch(tmp_path, "covers.toml", "thumbnails/3f/3f9a.jpg", "Rock/a.jpg")
    touch(tmp_path, "analysis/explanations/b.png", "Rock/thumbnails/c.jpg")
    found = walk(tmp_path)
    names = [entry.path for entry in found.files]
    assert names == ["Rock/a.jpg", "Rock/thumbnails/c.jpg", "covers.toml"]
    assert found.workspaces == (".",)


def test_kinds_are_told_apart(tmp_path):
    touch(tmp_path / "covers", "Rock/a.jpg", "Pop/b.jpg")
    touch(tmp_path / "music", "B/A/1.mp3", "B/A/cover.jpg", "B/artist.jpg")
    touch(tmp_path / "music", "B/A/Scans/1.jpg", "B/A/Scans/2.jpg")
    touch(tmp_path, "table.csv")
    assert detect_kind(tmp_path / "covers") is SourceKind.FOLDERS
    assert detect_kind(tmp_path / "music") is SourceKind.MUSIC
    assert detect_kind(tmp_path / "table.csv") is SourceKind.MANIFEST


def test_an_ambiguous_folder_asks_for_the_kind(tmp_path):
    touch(tmp_path, "B/1.mp3", *(f"Rock/{i}.jpg" for i in range(5)))
    with pytest.raises(DataError, match=r"1 music files.*5 pictures.*'--kind music'"):
        detect_kind(tmp_path)


def test_a_stray_song_among_many_covers_is_no_library(tmp_path):
    touch(tmp_path, "B/1.mp3", *(f"Rock/{i}.jpg" for i in range(120)))
    assert detect_kind(tmp_path) is SourceKind.FOLDERS


def test_what_is_no_source_is_explained(tmp_path):
    touch(tmp_path, "a.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no source '.*nothing': expected a folder"):
        detect_kind(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a file but no manifest: expected a folder"):
        detect_kind(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="empty' is empty: expected folders named"):
        detect_kind(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("none", SourceKind.MUSIC, "no source '"),
        (
            "a.csv",
            SourceKind.MUSIC,
            "is a file: as '--kind music' a folder is expected",
        ),
        ("covers", SourceKind.MANIFEST, "is a folder without a file 'manifest.csv'"),
        ("covers", SourceKind.MUSIC, "holds no music file"),
        ("empty", SourceKind.FOLDERS, "is empty"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(tmp_path, name, kind, message):
    touch(tmp_path, "a.csv", "covers/Rock/a.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        check_kind(tmp_path / name, kind)


def test_a_folder_with_a_manifest_is_that_manifest(tmp_path):
    touch(tmp_path, "manifest.csv", "images/a.jpg")
    assert choose_path(tmp_path) == tmp_path / "manifest.csv"
    assert choose_path(tmp_path / "images") == tmp_path / "images"


def test_sources_are_named_after_their_folder():
    assert name_source(Path("/a/Music"), []) == "Music"
    assert name_source(Path("/a/Music"), ["Music", "Music-2"]) == "Music-3"
    assert name_source(Path("/a/lab/manifest.csv"), []) == "lab"
    assert name_source(Path("/a/lab/discogs.tsv"), []) == "discogs"


def test_an_empty_mount_point_counts_as_not_mounted(tmp_path):
    (tmp_path / "disk").mkdir()
    source = Source(name="disk", path="disk", kind="folders")
    assert not is_mounted(tmp_path, source)
    touch(tmp_path / "disk", "Rock/a.jpg")
    assert is_mounted(tmp_path, source)


def test_a_workspace_that_is_a_link_finds_its_sources(tmp_path):
    touch(tmp_path, "home/music/Rock/a.jpg")
    (tmp_path / "disk/work").mkdir(parents=True)
    link = tmp_path / "home/work"
    link.symlink_to(tmp_path / "disk/work")
    for root in (link, tmp_path / "disk/work", tmp_path / "home/plain"):
        root.mkdir(exist_ok=True)
        spelled = Workspace(root).relative(tmp_path / "home/music")
        assert (root / spelled / "Rock/a.jpg").is_file(), root
    # Where nothing is a link both can be moved together.
    assert spelled == "../music"
    (tmp_path / "home/linked").symlink_to(tmp_path / "home/music")
    assert Workspace(root).relative(tmp_path / "home/linked") == "../linked"


def test_nothing_given_and_nothing_known_names_the_command(tmp_path):
    with pytest.raises(DataError, match="run 'covers scan SOURCE -w"):
        join_sources(Workspace(tmp_path), [], [])


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
@pytest.mark.parametrize("mode", ["0", "1"])
def test_names_are_read_in_any_locale_or_the_repair_is_named(tmp_path, locale, mode):
    (tmp_path / "Röck").mkdir()
    (tmp_path / "Röck/é.jpg").write_bytes(b"x")
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    code = (
        "import sys; from covers.intake.sources import walk; from pathlib import Path\n"
        "found = walk(Path(sys.argv[1]))\n"
        "print(ascii([f.path for f in found.files]), ascii(found.problems))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "LC_ALL": locale,
            "PYTHONUTF8": mode,
            "PYTHONCOERCECLOCALE": "0",
        },
    )
    is_whole = ascii(["Röck/é.jpg"]) in done.stdout
    assert is_whole != ("this locale (ascii): set PYTHONUTF8=1" in done.stdout)
    assert is_whole or (mode, locale != "C.UTF-8") == ("0", True)
    assert "is not valid UTF-8: rename it" in done.stdout


def test_a_source_whose_name_cannot_be_written_down_is_refused_in_one_line(tmp_path):
    folder = tmp_path / os.fsdecode(b"s\xf6")
    touch(folder, "Rock/a.jpg")
    for given, root in (([folder], None), ([tmp_path / "m.csv"], folder)):
        with pytest.raises(DataError, match=r"s\\xf6' cannot be taken in: its name"):
            join_sources(Workspace(tmp_path / "ws"), [], given, kind="auto", root=root)
