"""A scan that is not done because nothing changed says what doing it would have said."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from unittest import mock

import pytest
from drawn_pictures import picture, put

from covers.catalogue.corrections import Action, Decision, Overlay
from covers.catalogue.table import read_catalogue
from covers.intake import scan_steps
from covers.intake.scan import reassemble_workspace, scan_workspace
from covers.workspace.paths import Workspace


@pytest.fixture
def library(library):
    """The library of all tests of scans, with a picture that is none."""
    put(library / "Pop/broken.png", b"no picture")
    return library


@pytest.fixture
def ws(tmp_path, library):
    scan_workspace(tmp_path / "ws", [library])
    scan_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def plainly(ws, *arguments, **options):
    """Scan without looking whether anything changed."""
    with mock.patch.object(scan_steps, "recall_report", return_value=None):
        return replace(scan_workspace(ws, *arguments, **options), seconds=0)


def looked(ws):
    """Scan, and say whether the files' contents were looked at."""
    find = mock.patch.object(
        scan_steps.ScanSteps,
        "find",
        autospec=True,
        side_effect=scan_steps.ScanSteps.find,
    )
    with find as found:
        report = scan_workspace(ws)
    return replace(report, seconds=0), found.called


def test_nothing_new_gives_the_report_of_a_plain_scan(ws, library):
    quick, was_looked = looked(ws)
    assert not was_looked
    assert quick == plainly(ws)
    assert quick.unchanged == 25
    assert quick.problems == {"broken": 1}
    assert replace(scan_workspace(ws, [library]), seconds=0) == quick


def remove_thumbnail(ws, library):
    next((ws / "thumbnails").glob("*/*.jpg")).unlink()


def drop_a_cover(ws, library):
    cover_id = read_catalogue(Workspace(ws)).cover_ids[3]
    Overlay((Decision(cover_id=cover_id, action=Action.DROP),)).write(Workspace(ws))


def drop_a_cover_at_once(ws, library):
    drop_a_cover(ws, library)
    reassemble_workspace(ws)


CHANGES = {
    "a new file": lambda ws, library: put(library / "Pop/new.png", picture(200)),
    "a removed file": lambda ws, library: (library / "Rock/r3.png").unlink(),
    "a renamed file": lambda ws, library: (library / "Rock/r3.png").rename(
        library / "Pop/r3.png"
    ),
    "other bytes": lambda ws, library: put(library / "Rock/r3.png", picture(300)),
    "another time": lambda ws, library: os.utime(library / "Rock/r3.png", ns=(1, 1)),
    "a mended file": lambda ws, library: put(library / "Pop/broken.png", picture(9)),
    "another genre": lambda ws, library: (library / "Rock").rename(library / "Jazz"),
    "no catalogue": lambda ws, library: Workspace(ws).catalogue_path.unlink(),
    "no measures": lambda ws, library: Workspace(ws).pictures_path.unlink(),
    "no scan records": lambda ws, library: Workspace(ws).scan_records_path.unlink(),
    "no list of problems": lambda ws, library: Workspace(ws).problems_path.unlink(),
    "no thumbnail": remove_thumbnail,
    "a setting": lambda ws, library: (ws / "covers.toml").write_text(
        (ws / "covers.toml").read_text() + "\n[intake]\ngenre_minimum = 3\n"
    ),
    "a decision": drop_a_cover,
    "a decision that is followed": drop_a_cover_at_once,
    "no source": lambda ws, library: shutil.move(library, library.with_name("away")),
    "a damaged memory": lambda ws, library: (ws / "scan.json").write_text("{}"),
}


def write_manifest(path, names, genre="Rock"):
    lines = [f"{name},{genre}" for name in names]
    put(path, "\n".join(["path,genre", *lines]).encode())


@pytest.fixture
def manifest(tmp_path):
    for i in range(6):
        put(tmp_path / f"listed/{i}.png", picture(i))
    path = tmp_path / "listed/manifest.csv"
    write_manifest(path, [f"{i}.png" for i in range(6)] + ["gone.png"])
    return path


def test_an_unchanged_manifest_gives_the_report_of_a_plain_scan(tmp_path, manifest):
    scan_workspace(tmp_path / "ws", [manifest])
    quick, was_looked = looked(tmp_path / "ws")
    assert not was_looked
    assert quick == plainly(tmp_path / "ws")
    assert (quick.unchanged, quick.problems) == (6, {"missing": 1})


@pytest.mark.parametrize(
    "change",
    [
        lambda path: put(path.with_name("3.png"), picture(300)),
        lambda path: path.with_name("3.png").unlink(),
        lambda path: put(path.with_name("gone.png"), picture(9)),
        lambda path: write_manifest(path, ["0.png", "1.png", "gone.png"]),
        lambda path: write_manifest(path, [f"{i}.png" for i in range(6)], "Jazz"),
    ],
    ids=["other bytes", "a removed file", "a file that came", "fewer", "another genre"],
)
def test_a_manifest_or_what_it_names_is_looked_at_when_it_changes(
    tmp_path, manifest, change
):
    ws, twin = tmp_path / "ws", tmp_path / "twin"
    scan_workspace(ws, [manifest])
    change(manifest)
    shutil.copytree(ws, twin)
    quick, was_looked = looked(ws)
    assert was_looked
    assert replace(plainly(twin), problems_path=quick.problems_path) == quick
    assert not looked(ws)[1]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_is_looked_at(ws, library, tmp_path, change):
    change(ws, library)
    twin = tmp_path / "twin"
    shutil.copytree(ws, twin)
    quick, was_looked = looked(ws)
    assert was_looked
    plain = plainly(twin)
    moved = {"problems_path": ws / "problems.csv", "warnings": quick.warnings}
    assert replace(plain, **moved) == quick
    assert (
        read_catalogue(Workspace(twin)).fingerprint()
        == read_catalogue(Workspace(ws)).fingerprint()
    )
    again, was_looked = looked(ws)
    assert not was_looked
    assert again == plainly(ws)
