"""Several writers, readers and owners of one index; going back through its history."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_index import D, N, build, content, files_of, path_of, wanted_files

from indexer import (
    IndexBusyError,
    IndexReadError,
    IndexWriteError,
    VectorIndex,
)
from indexer.files import store
from indexer.local.verification import verify_folder

HOLD = """
import sys, time
from pathlib import Path
from indexer.files.lock import hold_writer_lock
with hold_writer_lock(Path(sys.argv[1]), timeout_s=5):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_writer(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_who_writes_and_readers_read_on(folder, other_writer):
    index = VectorIndex.open(folder, lock_timeout_s=0.1)
    message = rf"written by process {other_writer.pid} on .* for \d+ s"
    with pytest.raises(IndexBusyError, match=message):
        index.remove(["item-1"])
    assert index.search(np.ones(D), 3).ids[0, 0]
    assert VectorIndex.open(folder).verify().ok


def test_the_lock_of_a_dead_writer_is_taken_over(folder, other_writer, caplog):
    other_writer.send_signal(signal.SIGKILL)
    other_writer.wait()
    assert (folder / "writer.json").exists()
    index = VectorIndex.open(folder, lock_timeout_s=0.1)
    assert index.remove(["item-1"]).removed == 1
    assert f"taking over the lock of process {other_writer.pid}" in caplog.text
    assert files_of(folder) == wanted_files(folder)


BUSY = """
import sys
import numpy as np
from indexer import VectorIndex
index = VectorIndex.open(sys.argv[1])
print("begun", flush=True)
while True:
    index.update(["busy"], np.ones((1, index.dimension)))
"""


def test_a_writer_that_never_rests_lets_others_write(folder):
    command = [sys.executable, "-c", BUSY, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as busy:
        assert busy.stdout.readline() == "begun\n"
        index = VectorIndex.open(folder, lock_timeout_s=60)
        generations = []
        for number in range(10):
            index.update([f"mine-{number}"], np.ones((1, D)))
            generations.append(index.generation)
        busy.kill()
    # Turn by turn, but where this process was slow to ask again.
    assert np.median(np.diff(generations)) <= 3
    assert {f"mine-{number}" for number in range(10)} <= set(index.ids)


def test_a_writer_builds_on_what_another_published(folder):
    first, second = VectorIndex.open(folder), VectorIndex.open(folder)
    first.remove(["item-1"])
    second.remove(["item-2"])
    assert not {"item-1", "item-2"} & set(second.ids)
    assert "item-2" in first
    assert first.refresh()
    assert "item-2" not in first
    assert not first.refresh()
    with pytest.raises(ValueError, match="not in index"):
        first.remove(["item-2"])


def test_a_reader_outlives_the_files_it_reads(folder):
    reader = VectorIndex.open(folder)
    expected = content(VectorIndex.open(folder))
    writer = VectorIndex.open(folder)
    for number in range(4):
        writer.compact()
        writer.update([f"n-{number}"], np.ones((1, D)))
    assert reader.generation not in writer.info()["history"]
    assert content(reader) == expected
    assert reader.search(np.ones(D), 3).generation == reader.generation


def test_threads_share_one_index_while_it_changes(folder):
    index = VectorIndex.open(folder)
    queries = np.random.default_rng(8).standard_normal((5, D))
    expected = {index.generation: index.search(queries, 4, exact=True).ids.tolist()}
    answers, failures, is_over = [], [], threading.Event()

    def search():
        try:
            while not is_over.is_set():
                result = index.search(
                    queries, 4, where={"genre": ["Rock", "Pop", "Folk"]}
                )
                answers.append((result.generation, result.ids.tolist()))
        except Exception as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(4):
        index.remove([f"item-{number}", f"more-{number}"])
        filtered = index.search(
            queries, 4, where={"genre": ["Rock", "Pop", "Folk"]}, exact=True
        )
        expected[index.generation] = filtered.ids.tolist()
        time.sleep(0.1)
    is_over.set()
    for thread in threads:
        thread.join()
    assert not failures
    seen = {generation for generation, _ in answers}
    assert len(seen) > 1
    for generation, ids in answers:
        if generation > 4:
            assert ids == expected[generation]


@pytest.fixture
def owned(original):
    """An index, and a user whom rights bind: nobody, where the tests run as root."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(shutil.copytree(original, Path(parent) / "index"))
        is_root = os.geteuid() == 0
        if is_root:
            for path in [Path(parent), folder, *folder.rglob("*")]:
                os.chown(path, 65534, 65534)
            os.seteuid(65534)
        yield folder
        if is_root:
            os.seteuid(0)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o700)


def test_a_read_only_folder_is_read_but_not_written(owned):
    for path in [owned, *owned.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    index = VectorIndex.open(owned)
    assert index.search(np.ones(D), 2).ids[0, 0]
    with pytest.raises(IndexWriteError, match="cannot write to index"):
        index.remove(["item-1"])


@pytest.mark.parametrize("part", ["vectors", "structure", "manifest", "CURRENT"])
def test_a_file_that_may_not_be_read_is_named_and_nothing_is_given_up(owned, part):
    if part == "CURRENT":
        path = owned / "CURRENT"
    elif part == "manifest":
        path = owned / store.manifest_path(store.current_generation(owned))
    else:
        path = path_of(owned, part)
    expected = content(VectorIndex.open(owned))
    path.chmod(0)
    refused = rf"cannot read '.*{path.name}': Permission denied; nothing is lost"
    for look in (VectorIndex.open, VectorIndex.repair, build):
        with pytest.raises(IndexReadError, match=refused):
            look(owned)
    problems = verify_folder(owned).problems
    assert {problem.file for problem in problems} >= {str(path.relative_to(owned))}
    assert problems[0].repair == "let this user read the file; nothing is lost"
    path.chmod(0o600)
    assert content(VectorIndex.open(owned)) == expected
    assert verify_folder(owned).ok


def test_rolling_back_goes_through_the_history_and_forward_again(tmp_path):
    index = build(tmp_path / "index", keep_generations=3)
    for number in range(1, 4):
        index.remove([f"item-{number}"])
    assert [index.rollback().n_items for _ in range(3)] == [N - 2, N - 1, N]
    with pytest.raises(ValueError, match="nothing older to roll back to"):
        index.rollback()
    assert index.rollback(to=4).n_items == N - 3
    with pytest.raises(
        ValueError, match="generation 99 is not kept: 8 is current, kept beside it: "
    ):
        index.rollback(to=99)
    assert index.generation == 8
    assert index.verify().ok
    assert files_of(index.folder) == wanted_files(index.folder)


def test_rolling_back_undoes_the_last_change_also_after_a_rollback(tmp_path):
    index = build(tmp_path / "index")
    index.remove(["item-1"])
    index.rollback()
    index.remove(["item-2"])
    index.rollback()
    assert {"item-1", "item-2"} <= set(index.ids)
    with pytest.raises(ValueError, match="nothing older to roll back to"):
        index.rollback()


def test_no_generations_are_kept_when_none_are_wanted(tmp_path):
    index = build(tmp_path, keep_generations=0)
    index.remove(["item-0"])
    assert index.info()["history"] == []
    assert files_of(tmp_path) == wanted_files(tmp_path)
    with pytest.raises(ValueError, match="nothing older"):
        index.rollback()
