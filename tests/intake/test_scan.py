"""Scanning: what is found, what is kept, and what survives trouble."""

from __future__ import annotations

import io
import os
import shutil

import pytest
from drawn_pictures import picture, put
from PIL import Image
from scanned import problems_of, rows_of

from covers.catalogue.table import read_catalogue
from covers.intake.pictures import read_one as reading
from covers.intake.scan import ScanOptions, scan_workspace
from covers.workspace.artefacts import read_stamp
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings


def movement(report):
    names = ("new", "changed", "moved", "gone", "unchanged")
    return tuple(getattr(report, name) for name in names)


def test_the_same_bytes_in_two_folders_are_one_cover_of_two_genres(library, ws):
    report = scan_workspace(ws, [library])
    assert (report.n_covers, report.n_locations, report.n_multi_genre) == (24, 25, 1)
    rows = rows_of(ws)
    both = rows["Pop/both.png"]
    assert both["genres"] == ["Pop", "Rock"]
    assert [place["path"] for place in both["locations"]] == [
        "Pop/both.png",
        "Rock/r0.png",
    ]
    assert [place["genres"] for place in both["locations"]] == [["Pop"], ["Rock"]]
    assert (both["width"], both["height"], both["format"]) == (48, 48, "PNG")
    assert rows["Pop/deep/p3.png"]["genres"] == ["Pop"]


def test_everything_a_workspace_needs_is_published(library, ws):
    report = scan_workspace(ws, [library])
    workspace = Workspace(ws)
    ids = read_catalogue(workspace).cover_ids
    assert all(workspace.thumbnail_path(cover_id).is_file() for cover_id in ids)
    stamp = read_stamp(workspace.pictures_path)
    assert stamp is not None
    assert stamp.kind == "picture measures"
    assert not workspace.journal_path.exists()
    [source] = read_settings(ws).sources
    assert (source.name, source.path, source.kind) == (
        "library",
        "../library",
        "folders",
    )
    assert report.split.n["valid"] in {4, 5}
    assert sum(report.split.n.values()) == 24


def test_bad_files_are_listed_with_their_reason_and_end_nothing(library, ws):
    put(library / "Rock/empty.jpg", b"")
    put(library / "Rock/text.jpg", b"hello, I am no picture")
    put(library / "Rock/notes.txt", b"a list of covers")
    put(library / "Rock/half.png", picture(7)[:300])
    put(library / "Rock/._r1.png", b"litter")
    put(library / "Thumbs.db", b"litter")
    put(library / "Rock/no-ending", picture(55))
    report = scan_workspace(ws, [library])
    problems = problems_of(ws)
    assert set(problems) == {
        f"Rock/{n}" for n in ("empty.jpg", "text.jpg", "notes.txt", "half.png")
    }
    assert problems["Rock/empty.jpg"]["reason"] == "empty file (0 bytes)"
    assert "not a picture" in problems["Rock/text.jpg"]["reason"]
    assert "not a picture" in problems["Rock/notes.txt"]["reason"]
    assert {row["kind"] for row in problems.values()} == {"broken"}
    assert report.problems == {"broken": 4}
    assert "Rock/no-ending" in rows_of(ws)


def test_scanning_again_tells_new_changed_moved_gone_and_unchanged(library, ws):
    scan_workspace(ws, [library])
    put(library / "Rock/new.png", picture(500))
    put(library / "Rock/r1.png", picture(501))
    (library / "Rock/r2.png").rename(library / "Pop/moved.png")
    (library / "Rock/r3.png").unlink()
    report = scan_workspace(ws)
    assert movement(report) == (1, 1, 1, 1, 22)
    assert report.n_read == 3
    assert rows_of(ws)["Pop/moved.png"]["genres"] == ["Pop"]
    assert movement(scan_workspace(ws)) == (0, 0, 0, 0, 25)


def test_an_unchanged_library_is_not_read_again(library, ws, monkeypatch):
    put(library / "Rock/broken.jpg", b"broken")
    scan_workspace(ws, [library])
    before = {p: p.stat().st_mtime_ns for p in ws.glob("*.parquet")}

    def refuse(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr(reading, "read_bytes", refuse)
    report = scan_workspace(ws)
    assert report.n_read == 0
    assert report.problems == {"broken": 1}
    assert before == {p: p.stat().st_mtime_ns for p in ws.glob("*.parquet")}


def test_a_touched_file_with_the_same_bytes_is_unchanged(library, ws):
    scan_workspace(ws, [library])
    os.utime(library / "Rock/r5.png", (1, 1))
    report = scan_workspace(ws)
    assert report.n_read == 1
    assert movement(report) == (0, 0, 0, 0, 25)


def test_missing_thumbnails_and_measures_are_made_again(library, ws):
    scan_workspace(ws, [library])
    workspace = Workspace(ws)
    shutil.rmtree(workspace.thumbnails_folder)
    scan_workspace(ws)
    ids = read_catalogue(workspace).cover_ids
    assert all(workspace.thumbnail_path(cover_id).is_file() for cover_id in ids)
    workspace.pictures_path.unlink()
    assert scan_workspace(ws).n_read == 25
    assert workspace.pictures_path.is_file()


def test_covers_keep_their_side_when_others_are_added(library, ws):
    scan_workspace(ws, [library])
    before = {row["cover_id"]: row["split"] for row in rows_of(ws).values()}
    for i in range(20):
        put(library / f"Jazz/j{i}.png", picture(900 + i))
    report = scan_workspace(ws)
    after = {row["cover_id"]: row["split"] for row in rows_of(ws).values()}
    assert {cover_id: after[cover_id] for cover_id in before} == before
    assert report.split.held_out_share["Jazz"] == pytest.approx(0.2)


def test_splitting_anew_follows_the_seed(library, ws):
    scan_workspace(ws, [library], options=ScanOptions(seed=1))
    first = {row["cover_id"]: row["split"] for row in rows_of(ws).values()}
    scan_workspace(ws, options=ScanOptions(seed=2))
    assert {r["cover_id"]: r["split"] for r in rows_of(ws).values()} == first
    scan_workspace(ws, options=ScanOptions(seed=2, split_anew=True))
    second = {row["cover_id"]: row["split"] for row in rows_of(ws).values()}
    assert second != first
    assert list(second.values()).count("valid") in {4, 5, 6}


def test_split_folders_are_respected_and_a_contradiction_goes_to_train(tmp_path, ws):
    root = tmp_path / "library"
    for side, first in (("train", 0), ("valid", 50), ("test", 80)):
        for i in range(6):
            put(root / f"{side}/G{i % 2}/{i}.png", picture(first + i))
    put(root / "test/G0/copy.png", picture(0))
    report = scan_workspace(ws, [root])
    rows = rows_of(ws).values()
    assert all(
        row["split"] == row["path"].split("/")[0]
        for row in rows
        if len(row["locations"]) == 1
    )
    [torn] = [row for row in rows if len(row["locations"]) == 2]
    assert torn["split"] == "train"
    assert any("1 covers lie in several splits" in w for w in report.warnings)
    assert report.split.n == {"train": 6, "valid": 6, "test": 6}


def write_manifest(path, lines, header="path,genre,artist,release_group,mood"):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_artists_and_release_groups_make_the_groups(library, ws):
    names = [f"Rock/r{i}.png" for i in range(1, 9)]
    artists = ["Ann", "ann", "Bob", "Various Artists", "Various Artists", "", "X", "Y"]
    lines = [
        f"{name},Rock,{artist},{'rg' if artist in ('X', 'Y') else ''},calm"
        for name, artist in zip(names, artists, strict=True)
    ]
    scan_workspace(ws, [write_manifest(library / "covers.csv", lines)])
    rows = rows_of(ws)
    groups = [rows[name]["group"] for name in names]
    assert groups[0] == groups[1]
    assert groups[6] == groups[7]
    assert len(set(groups)) == 6
    assert rows[names[3]]["artist"] == "Various Artists"
    assert rows[names[3]]["artists"] == []
    assert rows[names[0]]["mood"] == "calm"


def test_near_duplicates_are_of_one_group(library, ws):
    shrunk = Image.open(io.BytesIO(picture(3, 300))).resize((120, 120))
    buffer = io.BytesIO()
    shrunk.save(buffer, "JPEG", quality=80)
    put(library / "Rock/r3.png", picture(3, 300))
    put(library / "Pop/again.jpg", buffer.getvalue())
    scan_workspace(ws, [library])
    rows = rows_of(ws)
    assert rows["Pop/again.jpg"]["group"] == rows["Rock/r3.png"]["group"]
    assert rows["Pop/again.jpg"]["cover_id"] != rows["Rock/r3.png"]["cover_id"]


def test_sources_live_together_and_one_not_mounted_keeps_its_covers(
    library, tmp_path, ws
):
    other = tmp_path / "other"
    for i in range(11):
        put(other / f"Jazz/{i}.png", picture(300 + i))
    put(other / "Jazz/rock.png", picture(5))
    scan_workspace(ws, [library])
    report = scan_workspace(ws, [other])
    assert [source.state for source in report.sources] == ["not scanned", "scanned"]
    assert report.n_covers == 35
    assert rows_of(ws)["Rock/r5.png"]["genres"] == ["Jazz", "Rock"]
    other.rename(tmp_path / "away")
    (library / "Rock/r7.png").unlink()
    report = scan_workspace(ws)
    assert report.n_covers == 34
    assert [source.state for source in report.sources] == ["scanned", "not mounted"]
    assert any("'other' is not there today" in w for w in report.warnings)
    (tmp_path / "away").rename(other)
    report = scan_workspace(ws)
    assert report.n_read == 0
    assert movement(report) == (0, 0, 0, 0, 36)


def test_an_interrupted_scan_leaves_the_old_state_and_goes_on(library, ws, monkeypatch):
    scan_workspace(ws, [library])
    old = {p.name: p.read_bytes() for p in ws.iterdir() if p.is_file()}
    for i in range(12):
        put(library / f"Rock/later{i}.png", picture(700 + i))
    measure = reading.measure_picture
    calls = []

    def stop(image):
        calls.append(1)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return measure(image)

    monkeypatch.setattr(reading, "measure_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        scan_workspace(ws, options=ScanOptions(n_workers=1))
    new = {p.name: p.read_bytes() for p in ws.iterdir() if p.is_file()}
    assert {name: new[name] for name in old if name != ".scan.lock"} == {
        name: content for name, content in old.items() if name != ".scan.lock"
    }
    monkeypatch.setattr(reading, "measure_picture", measure)
    report = scan_workspace(ws)
    assert report.n_read == 6
    assert report.new == 12
    assert not Workspace(ws).journal_path.exists()


def test_thumbnails_are_flushed_before_the_scan_is_published_and_mended_after_a_cut(
    library, ws, monkeypatch
):
    steps = []
    monkeypatch.setattr(
        os, "sync", lambda: steps.append(len(list(ws.glob("thumbnails/*/*.jpg"))))
    )
    scan_workspace(ws, [library])
    assert steps == [24]
    scan_workspace(ws)
    assert steps == [24]

    def cut(_):
        raise KeyboardInterrupt

    put(library / "Pop/new.png", picture(200))
    with monkeypatch.context() as patch:
        patch.setattr(os, "sync", lambda: cut(None))
        with pytest.raises(KeyboardInterrupt):
            scan_workspace(ws)
    emptied = next(iter(ws.glob("thumbnails/*/*.jpg")))
    emptied.write_bytes(b"")
    scan_workspace(ws)
    assert emptied.stat().st_size > 0


def test_an_interrupted_scan_goes_on_past_what_gave_no_cover(library, ws, monkeypatch):
    (library / "Pop/broken.png").write_bytes(b"no picture")

    def cut():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "sync", cut)
        with pytest.raises(KeyboardInterrupt):
            scan_workspace(ws, [library])
    assert Workspace(ws).journal_path.is_file()
    report = scan_workspace(ws, [library])
    assert sum(report.problems.values()) == 1
    assert "broken.png" in (ws / "problems.csv").read_text(encoding="utf-8")


def test_a_damaged_journal_and_damaged_caches_cost_nothing_but_time(library, ws):
    scan_workspace(ws, [library])
    workspace = Workspace(ws)
    before = read_catalogue(workspace).fingerprint()
    workspace.scan_records_path.write_bytes(b"damaged")
    workspace.pictures_path.write_bytes(b"damaged")
    workspace.journal_path.write_text('{"key": ["library", "Ro')
    report = scan_workspace(ws)
    assert report.n_read == 25
    assert read_catalogue(workspace).fingerprint() == before
