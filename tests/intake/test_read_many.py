"""Reading pictures in processes gives what reading them one after the other gives."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from drawn_pictures import picture, put
from PIL import Image

from covers.catalogue.table import read_catalogue
from covers.errors import BrokenImageError, DataError
from covers.images import guarded
from covers.intake.pictures import read_many as reading
from covers.intake.pictures import read_one, read_processes
from covers.intake.pictures.read_many import read_pictures
from covers.intake.pictures.read_one import PictureLoader
from covers.intake.pictures.read_processes import LoaderProcesses
from covers.intake.scan import ScanOptions, scan_workspace
from covers.intake.scan_record import Content
from covers.workspace.paths import Workspace


@pytest.fixture
def files(tmp_path):
    for i in range(40):
        put(tmp_path / f"library/Rock/{i:02d}.png", picture(i % 37))
    put(tmp_path / "library/Rock/07.png", b"no picture")
    (tmp_path / "library/Rock/09.png").unlink()
    return [(tmp_path / f"library/Rock/{i:02d}.png", "") for i in range(40)]


def read_all(root, files, **options):
    (root / "thumbnails").mkdir(parents=True)
    measured, pictured = set(), set()
    most = options.pop("max_megapixels", 10)
    loader = PictureLoader(Workspace(root), measured, pictured, most)
    found = read_pictures(files, loader, **{"n_workers": 3, **options})
    return list(found), measured, pictured


@pytest.fixture
def with_processes(monkeypatch):
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 1)


def assert_same(some, others):
    """Check contents one by one, and measures by cover: one in two places is measured once, wherever."""
    known, other_known = {}, {}
    for (one, measures), (other, other_measures) in zip(some, others, strict=True):
        assert one == other
        for of, found in ((known, measures), (other_known, other_measures)):
            if found is not None:
                of[one.cover_id] = found
    assert known.keys() == other_known.keys()
    for cover_id, one in known.items():
        other = other_known[cover_id]
        np.testing.assert_array_equal(one.colour_histogram, other.colour_histogram)
        same = {"colour_histogram": None}
        assert replace(one, **same) == replace(other, **same)


def thumbnails(root):
    return {p.name: p.read_bytes() for p in root.glob("thumbnails/*/*")}


def test_processes_read_what_one_thread_reads(tmp_path, files, with_processes):
    plain = read_all(tmp_path / "plain", files, n_workers=1)
    fast = read_all(tmp_path / "fast", files)
    assert_same(plain[0], fast[0])
    assert plain[1] == fast[1]
    assert plain[2] == fast[2]
    assert len(plain[1]) == 35
    assert thumbnails(tmp_path / "plain") == thumbnails(tmp_path / "fast")
    assert [content.reason for content, _ in fast[0]] == [
        content.reason for content, _ in plain[0]
    ]


def test_a_scan_in_processes_publishes_what_a_scan_in_threads_does(
    tmp_path, files, monkeypatch
):
    scan_workspace(
        tmp_path / "plain", [tmp_path / "library"], options=ScanOptions(n_workers=1)
    )
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 1)
    report = scan_workspace(
        tmp_path / "fast", [tmp_path / "library"], options=ScanOptions(n_workers=2)
    )
    assert report.n_read == 39
    plain, fast = Workspace(tmp_path / "plain"), Workspace(tmp_path / "fast")
    assert read_catalogue(plain).fingerprint() == read_catalogue(fast).fingerprint()
    assert plain.problems_path.read_text() == fast.problems_path.read_text()


def test_what_dead_processes_should_have_read_is_read_anyway(
    tmp_path, files, with_processes, monkeypatch
):
    start = subprocess.Popen.__init__
    started = []

    def dying(self, command, **options):
        die = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        start(self, [command[0], "-c", die], **options)
        started.append(self)

    plain = read_all(tmp_path / "plain", files, n_workers=1)
    monkeypatch.setattr(subprocess.Popen, "__init__", dying)
    fast = read_all(tmp_path / "fast", files)
    assert 3 <= len(started) <= 3 * 3  # some are tried again, none for ever
    assert all(process.returncode is not None for process in started)
    assert_same(plain[0], fast[0])


def png_of_many_chunks(n):
    """A small picture behind so many texts that Python is busy with them for seconds."""
    plain = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 90, 200)).save(plain, "PNG")
    content = plain.getvalue()
    text = b"tEXta\0b"
    chunk = struct.pack(">I", 3) + text + struct.pack(">I", zlib.crc32(text))
    return content[:33] + chunk * n + content[33:]


@pytest.mark.parametrize("worth", [1, 10_000])
def test_a_picture_that_takes_too_long_is_ended_and_listed(
    tmp_path, files, monkeypatch, worth
):
    monkeypatch.setattr(reading, "WORTH_PROCESSES", worth)
    monkeypatch.setattr(guarded, "MAX_SECONDS", 0.5)
    for name in (3, 5):
        costly = png_of_many_chunks(900_000 + name)
        put(tmp_path / f"library/Rock/{name:02d}.png", costly)
    found, _, _ = read_all(tmp_path / "ws", files)
    reasons = [content.reason for content, _ in found]
    assert reasons[3] == reasons[5] == "too costly: more than 0.5 s of a core"
    assert sum(content.cover_id is not None for content, _ in found) == 40 - 4


CRASHING = """
from covers.intake.pictures.read_one import PictureLoader
read = PictureLoader.read
def bad(self, path, member):
    import os, signal, time
    if path.name == "11.png":
        os.abort()
    if path.name == "13.png":
        time.sleep(1000)
    if path.name == "17.png":
        os.kill(os.getpid(), signal.SIGSTOP)
    return read(self, path, member)
PictureLoader.read = bad
"""


def test_a_decoder_that_crashes_or_hangs_costs_its_picture_alone(
    tmp_path, files, with_processes, monkeypatch
):
    start = read_processes._START.replace(
        "from covers", f"exec({CRASHING!r}); from covers"
    )
    monkeypatch.setattr(read_processes, "_START", start)
    monkeypatch.setattr(guarded, "PATIENCE_S", 2.0)
    found, _, _ = read_all(tmp_path / "ws", files)
    bad = {i: content.reason for i, (content, _) in enumerate(found) if content.reason}
    assert set(bad) == {7, 9, 11, 13, 17}
    assert all("crashed, or gave no answer" in bad[i] for i in (11, 13, 17))
    contents = [content for content, _ in found]
    assert [content.may_pass for content in contents].count(
        True
    ) == 3 + 1  # one is gone


def test_what_the_machine_did_not_give_is_read_again_the_next_time(
    tmp_path, files, monkeypatch
):
    taken_away = read_one.read_bytes

    def refuse(path):
        if path.name == "20.png":
            message = "cannot be read: Input/output error"
            raise BrokenImageError(message)
        return taken_away(path)

    with monkeypatch.context() as patch:
        patch.setattr(read_one, "read_bytes", refuse)
        report = scan_workspace(
            tmp_path / "ws", [tmp_path / "library"], options=ScanOptions(n_workers=1)
        )
        assert report.problems["broken"] == 2
    report = scan_workspace(tmp_path / "ws", options=ScanOptions(n_workers=1))
    assert (report.n_read, report.problems["broken"]) == (1, 1)


def test_a_source_that_goes_away_during_a_scan_changes_nothing(
    tmp_path, files, monkeypatch
):
    scan_workspace(
        tmp_path / "ws", [tmp_path / "library"], options=ScanOptions(n_workers=1)
    )
    before = read_catalogue(Workspace(tmp_path / "ws")).fingerprint()
    put(tmp_path / "library/Rock/new.png", picture(99))
    shown = []

    def vanish(done, total):
        if not shown:
            (tmp_path / "library").rename(tmp_path / "away")
        shown.append(done)

    with pytest.raises(DataError, match="went away while it was scanned"):
        scan_workspace(
            tmp_path / "ws", options=ScanOptions(n_workers=1), progress=vanish
        )
    assert read_catalogue(Workspace(tmp_path / "ws")).fingerprint() == before
    (tmp_path / "away").rename(tmp_path / "library")
    assert scan_workspace(tmp_path / "ws", options=ScanOptions(n_workers=1)).new == 1


def test_known_covers_are_not_decoded_again(tmp_path, files):
    ids = {content.cover_id for content, _ in read_all(tmp_path / "plain", files)[0]}
    known = {cover_id for cover_id in ids if cover_id is not None}
    loader = PictureLoader(Workspace(tmp_path / "ws"), known, known, 10)
    with LoaderProcesses(loader, 1) as processes:
        found = processes.read(files[:3])
    assert [measures for _, measures in found] == [None] * 3
    assert all(
        isinstance(content, Content) and content.cover_id for content, _ in found
    )


def test_a_full_disk_is_told_to_the_caller(tmp_path, files, with_processes):
    put(tmp_path / "full/thumbnails", b"a file where a folder is needed")
    loader = PictureLoader(Workspace(tmp_path / "full"), set(), set(), 10)
    with LoaderProcesses(loader, 1) as processes, pytest.raises(OSError):  # noqa: PT011
        processes.read(files[:2])


def test_a_script_without_a_guard_runs_once(tmp_path, files):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from covers.intake.pictures import read_many as reading\n"
        "from covers.intake.scan import ScanOptions, scan_workspace\n"
        "reading.WORTH_PROCESSES = 1\n"
        "print('once')\n"
        "print(scan_workspace(Path('ws'), [Path('library')], options=ScanOptions(n_workers=2)).n_read)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["once", "39"]
    assert done.stderr == ""
