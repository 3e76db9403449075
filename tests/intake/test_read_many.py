"""Reading pictures in processes gives what reading them one after the other gives."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from drawn_pictures import picture, put

from covers.catalogue.table import read_catalogue
from covers.intake.reading import read_many as reading
from covers.intake.reading.read_many import read_pictures
from covers.intake.reading.read_one import Reader
from covers.intake.reading.read_processes import ReadingProcesses
from covers.intake.scan import scan_workspace
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
    options = {"n_workers": 3, "max_megapixels": 10, **options}
    found = read_pictures(
        files, Workspace(root), measured=measured, pictured=pictured, **options
    )
    return list(found), measured, pictured


@pytest.fixture
def with_processes(monkeypatch):
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 1)


def assert_same(some, others):
    first = {}
    for (one, measures), (other, other_measures) in zip(some, others, strict=True):
        assert one == other
        first.setdefault(one.cover_id, (measures, other_measures))
    for cover_id, (one, other) in first.items():
        if cover_id is not None:  # a cover that lies in two places is measured once
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
    scan_workspace(tmp_path / "plain", [tmp_path / "library"], n_workers=1)
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 1)
    report = scan_workspace(tmp_path / "fast", [tmp_path / "library"], n_workers=2)
    assert report.n_read == 39
    plain, fast = Workspace(tmp_path / "plain"), Workspace(tmp_path / "fast")
    assert read_catalogue(plain).fingerprint() == read_catalogue(fast).fingerprint()
    assert plain.problems_path.read_text() == fast.problems_path.read_text()


def test_what_dead_processes_should_have_read_is_read_anyway(
    tmp_path, files, with_processes, monkeypatch
):
    start = subprocess.Popen.__init__
    started = []

    def dying(self, *arguments, **options):
        start(self, *arguments, **options)
        started.append(self)
        self.kill()

    plain = read_all(tmp_path / "plain", files, n_workers=1)
    monkeypatch.setattr(subprocess.Popen, "__init__", dying)
    fast = read_all(tmp_path / "fast", files)
    assert len(started) == 3 * 2  # each is tried again
    assert all(process.returncode is not None for process in started)
    assert_same(plain[0], fast[0])


def test_known_covers_are_not_decoded_again(tmp_path, files):
    ids = {content.cover_id for content, _ in read_all(tmp_path / "plain", files)[0]}
    known = {cover_id for cover_id in ids if cover_id is not None}
    reader = Reader(Workspace(tmp_path / "ws"), known, known, 10)
    with ReadingProcesses(reader, 1) as processes:
        found = processes.read(files[:3])
    assert [measures for _, measures in found] == [None] * 3
    assert all(
        isinstance(content, Content) and content.cover_id for content, _ in found
    )


def test_a_full_disk_is_told_to_the_caller(tmp_path, files, with_processes):
    put(tmp_path / "full/thumbnails", b"a file where a folder is needed")
    reader = Reader(Workspace(tmp_path / "full"), set(), set(), 10)
    with ReadingProcesses(reader, 1) as processes, pytest.raises(OSError):  # noqa: PT011
        processes.read(files[:2])


def test_a_script_without_a_guard_runs_once(tmp_path, files):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from covers.intake.reading import read_many as reading\n"
        "from covers.intake.scan import scan_workspace\n"
        "reading.WORTH_PROCESSES = 1\n"
        "print('once')\n"
        "print(scan_workspace(Path('ws'), [Path('library')], n_workers=2).n_read)\n"
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
