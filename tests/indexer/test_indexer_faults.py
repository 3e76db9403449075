"""Full disks, flipped bits, lost files, dead and living writers."""

import errno
import json
import os
import random
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

from indexer import (
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexReadError,
    IndexWriteError,
    VectorIndex,
)
from indexer.files import disk, store
from indexer.local.verification import verify_folder

N, D = 400, 16


def build(folder, seed=0, **options):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N, D))
    columns = {"genre": [["Rock", "Pop"][number % 2] for number in range(N)]}
    ids = [f"item-{number}" for number in range(N)]
    return VectorIndex.build(folder, ids, vectors, columns, **options)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An index with a structure, a second segment, tombstones and a history."""
    folder = tmp_path_factory.mktemp("original") / "index"
    index = build(folder, structure="IVF4,SQ8")
    rng = np.random.default_rng(1)
    index.remove([f"item-{number}" for number in range(30, 40)])
    index.update(
        [f"more-{number}" for number in range(1100)],
        rng.standard_normal((1100, D)),
        {"genre": ["Folk"] * 1100},
    )
    index.update([f"late-{n}" for n in range(3)], rng.standard_normal((3, D)))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "index")


def content(index):
    """Everything that an index holds, to compare two states."""
    return index.ids.tolist(), index.vectors.tolist(), index.columns.to_pylist()


def files_of(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def wanted_files(folder):
    """What should lie in the folder, read off the manifests as plain JSON."""
    current = json.loads((folder / "CURRENT").read_text())["generation"]
    wanted = {"CURRENT", "writer.lock", "writer.turn"}
    manifest = json.loads((folder / f"gen-{current:06d}/manifest.json").read_text())
    for number in [current, *(past["generation"] for past in manifest["history"])]:
        path = f"gen-{number:06d}/manifest.json"
        wanted.add(path)
        for segment in json.loads((folder / path).read_text())["segments"]:
            parts = [segment[part] for part in ("vectors", "items", "lookup", "dead")]
            parts.append((segment["structure"] or {}).get("file"))
            wanted.update(part["path"] for part in parts if part)
    return wanted


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


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_verify_names_the_file_of_every_flipped_bit(folder):
    rng = random.Random(3)
    files = sorted(files_of(folder) - {"writer.lock", "writer.turn"})
    kinds = {name.rpartition(".")[0].partition(".")[2] for name in files}
    assert {"vectors", "items", "lookup", "structure", "dead"} <= kinds
    weights = [(folder / name).stat().st_size for name in files]
    # Half by size, as damage falls; half by file, or small ones are never hit.
    chosen = rng.choices(files, weights, k=100) + rng.choices(files, k=100)
    assert verify_folder(folder).ok
    for name in chosen:
        path = folder / name
        bit = rng.randrange(8 * path.stat().st_size)
        flip(path, bit)
        report = verify_folder(folder, n_sampled=0)
        assert name in {problem.file for problem in report.problems}, (name, bit)
        assert not report.ok
        assert all(problem.repair for problem in report.problems)
        flip(path, bit)
    assert verify_folder(folder).ok


def path_of(folder, part, position=0):
    manifest = store.read_current(folder)
    entry = getattr(manifest.segments[position], part)
    return folder / (entry.file.path if part == "structure" else entry.path)


def test_a_damaged_structure_is_left_aside_and_built_again(folder):
    index = VectorIndex.open(folder)
    queries = np.random.default_rng(9).standard_normal((20, D))
    before = index.search(queries, 5, exact=True)
    flip(path_of(folder, "structure"), 4001)
    result = VectorIndex.open(folder).search(queries, 5)
    assert (
        "structure.faiss' is damaged, its segment was searched exactly"
        in result.notes[0]
    )
    assert result.ids.tolist() == before.ids.tolist()
    report = VectorIndex.repair(folder)
    assert report.ok
    mended = VectorIndex.open(folder)
    assert mended.search(queries, 5).notes == ()
    assert content(mended) == content(index)
    assert mended.info()["structure"] == "IVF4,SQ8+exact"
    assert files_of(folder) == wanted_files(folder)


def test_a_structure_is_read_in_full_only_when_it_may_have_changed(folder, tmp_path):
    def search(place):
        """Also says whether checksums were compared."""
        index, compared = VectorIndex.open(place), []
        for mapped in index._snapshot.segments[0].files.values():
            whole = mapped.is_whole()
            mapped.is_whole = lambda m=mapped, w=whole: compared.append(m) or w
        result = index.search(np.random.default_rng(9).standard_normal((20, D)), 5)
        return result, len(compared)

    expected, n_compared = search(folder)
    assert n_compared == 0
    copy = shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copy)
    result, n_compared = search(copy)
    assert n_compared == 1
    assert result.ids.tolist() == expected.ids.tolist()
    assert result.notes == expected.notes == ()


def test_bits_that_rot_unnoticed_cost_no_number_and_verify_names_them(folder):
    path = path_of(folder, "structure")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    queries = np.random.default_rng(9).standard_normal((5, D))
    rng = random.Random(5)
    for _ in range(40):
        bit = rng.randrange(8 * path.stat().st_size)
        flip(path, bit)
        os.utime(path, ns=times)
        index = VectorIndex.open(folder)
        result = index.search(queries, 5)
        true = index.reconstruct(result.ids.ravel().tolist()).reshape(5, 5, D)
        unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        expected = np.einsum("qkd,qd->qk", true, unit)
        np.testing.assert_allclose(result.similarities, expected, atol=1e-6)
        problems = verify_folder(folder, n_sampled=0).problems
        assert path.name in problems[0].file
        flip(path, bit)


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_damaged_lookup_is_made_again(folder, is_cut):
    index = VectorIndex.open(folder)
    path = path_of(folder, "lookup")
    if is_cut:
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(
            IndexDamagedError, match=r"lookup.bin' has .* bytes instead"
        ):
            VectorIndex.open(folder)
    else:
        flip(path, 77)
    assert VectorIndex.repair(folder).ok
    mended = VectorIndex.open(folder)
    assert content(mended) == content(index)
    assert mended.rows_of(["item-7"]).tolist() == [7]


@pytest.mark.parametrize("part", ["vectors", "items", "manifest", "missing"])
def test_lost_content_is_answered_with_the_generation_before(folder, part):
    VectorIndex.open(folder).compact()
    before = VectorIndex.open(folder)
    expected = content(before)
    before.update(["item-3"], np.ones((1, D)))
    if part == "manifest":
        path = folder / store.manifest_path(5)
        assert path.exists()
        flip(folder / store.manifest_path(store.current_generation(folder)), 900)
    else:
        path = path_of(folder, "items" if part == "items" else "vectors", -1)
        path.unlink() if part == "missing" else flip(path, 8 * path.stat().st_size - 9)
    report = verify_folder(folder)
    assert not report.ok
    assert "newest whole generation" in report.problems[0].repair
    assert VectorIndex.repair(folder).ok
    assert content(VectorIndex.open(folder)) == expected
    assert files_of(folder) == wanted_files(folder)


def test_an_index_without_a_whole_generation_says_so_and_can_be_built_again(tmp_path):
    folder = tmp_path / "index"
    build(folder)
    flip(path_of(folder, "vectors"), 9000)
    assert not verify_folder(folder).ok
    with pytest.raises(IndexDamagedError, match=r"no generation of index .* is whole"):
        VectorIndex.repair(folder)
    with pytest.raises(IndexDamagedError, match=r"vectors.npy' is damaged: its check"):
        VectorIndex.open(folder).rebuild("HNSW8")
    index = build(folder, seed=2)
    assert [problem.generation for problem in index.verify().problems] == [1]
    with pytest.raises(IndexDamagedError, match="generation 1 of index"):
        index.rollback()
    assert VectorIndex.repair(folder).ok


def test_a_damaged_older_generation_is_reported_and_given_up(folder):
    index = VectorIndex.open(folder)
    index.compact()
    flip(folder / store.manifest_path(index.info()["history"][0]), 500)
    report = index.verify()
    assert [problem.generation for problem in report.problems] == [4]
    assert "the current one is whole" in report.problems[0].repair
    assert VectorIndex.repair(folder).ok
    assert len(VectorIndex.open(folder)) == len(index)


def test_a_lost_pointer_is_told_and_mended(folder, caplog):
    expected = content(VectorIndex.open(folder))
    (folder / "CURRENT").unlink()
    assert content(VectorIndex.open(folder)) == expected
    assert "has lost CURRENT" in caplog.text
    assert verify_folder(folder).problems[0].file == "CURRENT"
    assert VectorIndex.repair(folder).ok
    assert (folder / "CURRENT").exists()
    (folder / "CURRENT").write_text('{"generation": 2}')
    with pytest.raises(IndexDamagedError, match=r"'CURRENT' of index .* is damaged"):
        VectorIndex.open(folder)
    assert VectorIndex.repair(folder).ok
    assert content(VectorIndex.open(folder)) == expected


def test_a_newer_format_is_refused_but_not_called_damaged(folder):
    import hashlib

    path = folder / store.manifest_path(store.current_generation(folder))
    newer = json.loads(path.read_text()) | {"format": 99, "sha256": "0" * 64}
    text = json.dumps(newer)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(text.replace("0" * 64, digest, 1))
    for look in (VectorIndex.open, verify_folder, lambda f: build(f)):
        with pytest.raises(IndexMismatchError, match="format 99, this release reads"):
            look(folder)


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
    start = time.monotonic()
    assert VectorIndex.open(folder).remove(["item-1"]).removed == 1
    assert time.monotonic() - start < 5
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
    with pytest.raises(ValueError, match="generation 99 is not kept: kept beside"):
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
