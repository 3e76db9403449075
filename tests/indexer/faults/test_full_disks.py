"""Full disks and interrupts: the old state stays whole."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from small_index import D, build, content, files_of, wanted_files

from indexer import (
    IndexNotFoundError,
    IndexWriteError,
    VectorIndex,
)
from indexer.files import disk

OPERATIONS = {
    "build": lambda folder: build(folder, seed=5),
    "add": lambda folder: VectorIndex.open(folder).add(["x"], np.ones((1, D))),
    "update": lambda folder: VectorIndex.open(folder).update(
        ["x", "item-3"], np.eye(2, D), {"genre": ["a", "b"]}
    ),
    "update_columns": lambda folder: VectorIndex.open(folder).update_columns(
        [f"more-{n}" for n in range(1100)], {"label": ["x"] * 1100}
    ),
    "remove": lambda folder: VectorIndex.open(folder).remove(["item-1", "late-1"]),
    "compact": lambda folder: VectorIndex.open(folder).compact(),
    "rebuild": lambda folder: VectorIndex.open(folder).rebuild("SQ8"),
    "rollback": lambda folder: VectorIndex.open(folder).rollback(),
}


class FailingDisk:
    """Counts what is asked of the disk and refuses the n-th request."""

    def __init__(self, monkeypatch):
        self.n_calls = 0
        self.refused = -1
        self.was_last_sync = False
        for name in ("write_bytes", "make_durable", "make_folder", "swap"):
            monkeypatch.setattr(disk, name, self._wrap(name, getattr(disk, name)))

    def _wrap(self, name, function):
        def wrapped(*arguments):
            self.n_calls += 1
            if self.n_calls - 1 == self.refused:
                self.refused = -1
                if name == "write_bytes":  # a full disk takes the first bytes
                    file, data = arguments
                    file.write(memoryview(data)[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments)

        return wrapped


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_full_disk_at_any_write_leaves_the_old_state_whole(
    folder, tmp_path, monkeypatch, operation
):
    failing = FailingDisk(monkeypatch)
    trial = tmp_path / "trial"
    shutil.copytree(folder, trial)
    OPERATIONS[operation](trial)
    n_calls = failing.n_calls
    assert n_calls >= 8
    before = content(VectorIndex.open(folder))
    for refused in range(n_calls - 1):
        shutil.rmtree(trial)
        shutil.copytree(folder, trial)
        failing.n_calls, failing.refused = 0, refused
        with pytest.raises(IndexWriteError, match=r"No space left on device.*is whole"):
            OPERATIONS[operation](trial)
        index = VectorIndex.open(trial)
        assert content(index) == before
        assert index.verify(n_sampled=8).ok
        index.update(["next"], np.ones((1, D)))
        assert files_of(trial) == wanted_files(trial)


DIE = """
import os, sys
import numpy as np
from indexer import VectorIndex
from indexer.files import store
store.point_to = lambda *_: os._exit(9)
VectorIndex.build(sys.argv[1], ["item-0", "item-1"], np.eye(2, 16))
"""


def test_a_first_build_that_dies_before_its_pointer_counts(tmp_path):
    command = [sys.executable, "-c", DIE, str(tmp_path / "index")]
    assert subprocess.run(command, check=False).returncode == 9
    index = VectorIndex.open(tmp_path / "index")
    assert index.ids.tolist() == ["item-0", "item-1"]
    assert index.verify().ok
    index.remove(["item-1"])
    assert files_of(index.folder) == wanted_files(index.folder)


def test_a_full_disk_at_the_first_build_leaves_no_index(tmp_path, monkeypatch):
    failing = FailingDisk(monkeypatch)
    build(tmp_path / "trial")
    n_calls, folder = failing.n_calls, tmp_path / "index"
    for refused in range(n_calls - 1):
        failing.n_calls, failing.refused = 0, refused
        with pytest.raises(IndexWriteError, match="No space left on device"):
            build(folder)
        with pytest.raises(IndexNotFoundError):
            VectorIndex.open(folder)
    assert build(folder).verify().ok
    assert files_of(folder) == wanted_files(folder)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own that holds 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place, n_free_pages):
    """Leave so much room on a file system, and no more."""
    found = os.statvfs(place)
    with (place / "filler").open("wb") as file:
        file.write(bytes((found.f_bavail - n_free_pages) * found.f_frsize))
    assert os.statvfs(place).f_bavail == n_free_pages


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_file_system_that_is_full_leaves_the_old_state_whole(
    folder, small_disk, operation
):
    before = content(VectorIndex.open(folder))
    trial, refusals, n_free = small_disk / "index", [], 0
    while not trial.exists():
        shutil.copytree(folder, trial)
        fill(small_disk, n_free)
        try:
            OPERATIONS[operation](trial)
        except IndexWriteError as error:
            refusals.append(str(error))
        else:
            break
        assert content(VectorIndex.open(trial)) == before
        assert VectorIndex.open(trial).verify(n_sampled=8).ok
        (small_disk / "filler").unlink()
        VectorIndex.open(trial).update(["next"], np.ones((1, D)))
        assert files_of(trial) == wanted_files(trial)
        shutil.rmtree(trial)
        n_free += 1 + n_free // 4
    assert VectorIndex.open(trial).verify(n_sampled=8).ok
    assert files_of(trial) == wanted_files(trial)
    assert len(refusals) >= 3
    assert all("No space left on device" in refusal for refusal in refusals)


def test_a_last_sync_that_fails_is_told_but_the_change_holds(
    folder, monkeypatch, caplog
):
    failing = FailingDisk(monkeypatch)
    VectorIndex.open(folder).remove(["item-0"])
    failing.refused, failing.n_calls = failing.n_calls - 1, 0
    assert VectorIndex.open(folder).remove(["item-1"]).removed == 1
    assert "may not outlive a power cut" in caplog.text
    assert "item-1" not in VectorIndex.open(folder)


def test_an_interrupt_leaves_the_old_state_whole(folder, monkeypatch):
    before = content(VectorIndex.open(folder))
    write_bytes, calls = disk.write_bytes, []

    def interrupted(file, data):
        calls.append(data)
        if len(calls) == 5:
            raise KeyboardInterrupt
        write_bytes(file, data)

    monkeypatch.setattr(disk, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        VectorIndex.open(folder).compact()
    assert content(VectorIndex.open(folder)) == before
    assert files_of(folder) == wanted_files(folder)
