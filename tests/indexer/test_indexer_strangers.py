"""Indexes from strangers: links, pipes, names that lead outside, crafted numbers.

Whoever can change a manifest can also write its checksum, so every change here
is sealed again. ``precious`` is a folder beside the index that nothing may touch.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sealing import manifest_of, reseal, tree_of

from indexer import (
    IndexDamagedError,
    IndexerError,
    IndexHistoryError,
    IndexMismatchError,
    IndexReadError,
    IndexWriteError,
    VectorIndex,
)
from indexer.cli import main
from indexer.files.lock import hold_writer_lock
from indexer.local.verification import verify_folder

N, D = 300, 8


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """An index with a structure, tombstones and a history."""
    folder = tmp_path_factory.mktemp("original") / "index"
    vectors = np.random.default_rng(0).standard_normal((N, D))
    ids = [f"i{number}" for number in range(N)]
    genres = {"genre": ["Rock", "Pop", "Jazz"] * (N // 3)}
    index = VectorIndex.build(folder, ids, vectors, genres, structure="IVF4,SQ8")
    index.remove(["i3"])
    index.remove(["i4"])
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "index"))


@pytest.fixture
def precious(tmp_path):
    """A folder of files that look like those of an index, and of others."""
    place = tmp_path / "precious"
    (place / "gen-000001").mkdir(parents=True)
    (place / "deep" / "er").mkdir(parents=True)
    for name in ("notes.txt", "deep/er/thesis.tex", "manifest.json"):
        (place / name).write_text("years of work")
    for name in ("manifest.json", "000001.vectors.npy", "other.txt"):
        (place / "gen-000001" / name).write_text("years of work")
    before = tree_of(place)
    yield place
    assert tree_of(place) == before


WRITES = {
    "add": lambda folder: VectorIndex.open(folder).add(["x"], np.ones((1, D))),
    "update": lambda folder: VectorIndex.open(folder).update(["x"], np.ones((1, D))),
    "remove": lambda folder: VectorIndex.open(folder).remove(["i1"]),
    "compact": lambda folder: VectorIndex.open(folder).compact(),
    "rollback": lambda folder: VectorIndex.open(folder).rollback(),
    "build": lambda folder: VectorIndex.build(folder, ["x"], np.ones((1, D))),
    "repair": VectorIndex.repair,
}


def try_all(folder):
    """Do everything that writes; whether it is refused is not the question here."""
    for write in WRITES.values():
        with suppress(IndexerError):
            write(folder)


def lead(segment, path):
    for part in ("vectors", "items", "lookup", "dead"):
        segment[part]["path"] = path


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("depth", ["", "/deep", "/deep/er"])
def test_a_path_through_a_link_empties_nothing(folder, precious, write, depth):
    (folder / "a").symlink_to("../precious")

    def change(content):
        lead(content["segments"][0], f"a{depth}/thesis.tex")

    reseal(folder, change)
    with pytest.raises(IndexDamagedError, match=r"damaged: a field is missing or wr"):
        VectorIndex.open(folder)
    assert not verify_folder(folder).ok
    with suppress(IndexerError):  # `repair` goes back to what is whole
        WRITES[write](folder)
    assert (folder / "a").is_symlink()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../precious/notes.txt",
        "gen-000001/../../precious/notes.txt",
        "gen-000001/000001.vectors.npy/../x",
        "gen-000001//000001.vectors.npy",
        "gen-0000001/000001.vectors.npy",
        "gen-\u0660\u0660\u0660\u0660\u0660\u0661/000001.vectors.npy",
        "gen-000001/000001.vectors.npy\n",
        "gen-000001/000001.lookup.bin",
        "gen-000099/000001.vectors.npy",
        "gen-000001/manifest.json",
        "gen-000001\\000001.vectors.npy",
        "gen-000001/000001.vectors.npy\0",
        "CURRENT",
        "",
        7,
        None,
        ["gen-000001/000001.vectors.npy"],
    ],
)
def test_a_manifest_names_only_what_an_index_writes(folder, precious, path):
    def change(content):
        content["segments"][0]["vectors"]["path"] = path

    reseal(folder, change)
    with pytest.raises(IndexDamagedError, match=r"damaged: a field is missing or wr"):
        VectorIndex.open(folder)
    assert "is damaged: a field is" in verify_folder(folder).problems[0].what
    try_all(folder)


@pytest.mark.parametrize("write", WRITES)
def test_a_generation_moved_to_another_disk_loses_nothing(folder, tmp_path, write):
    other = tmp_path / "other-disk"
    other.mkdir()
    (other / "photos.txt").write_text("years of work")
    shutil.move(folder / "gen-000001", other / "gen-000001")
    (other / "gen-000001" / "photos.txt").write_text("years of work")
    (folder / "gen-000001").symlink_to(other / "gen-000001")
    before = tree_of(other)
    with pytest.raises(IndexerError, match=r"is a link, which|no part of an index"):
        WRITES[write](folder)
    assert tree_of(other) == before
    report = verify_folder(folder)
    linked = [p for p in report.problems if "link" in p.what]
    assert {p.file for p in linked} >= {"gen-000001", "gen-000001/000001.vectors.npy"}
    assert all("put what it leads to in its place" in p.repair for p in linked)
    (folder / "gen-000001").unlink()
    shutil.move(other / "gen-000001", folder / "gen-000001")
    (folder / "gen-000001" / "photos.txt").unlink()
    assert verify_folder(folder).ok
    assert VectorIndex.open(folder).remove(["i1"]).removed == 1


@pytest.mark.parametrize(
    "name", ["gen-000009", "gen-000009.tmp", "gen-000002", "gen-000004", "extra"]
)
def test_links_to_folders_are_not_swept(folder, precious, name):
    place = folder / name
    if place.exists():
        shutil.rmtree(place)
    place.symlink_to(precious)
    try_all(folder)
    assert place.is_symlink()
    problems = {p.file: p for p in verify_folder(folder).problems}
    assert "is a link, which is not followed" in problems[name].what


def test_a_generation_beside_a_link_of_the_next_number_is_written(folder, precious):
    (folder / "gen-000004.tmp").symlink_to(precious)
    (folder / "gen-000005").symlink_to(precious)
    index = VectorIndex.open(folder)
    index.remove(["i1"])
    assert index.generation == 6


def test_a_folder_called_after_the_last_number_is_named(folder):
    (folder / "gen-999999999999").mkdir()
    (folder / "gen-999999999999" / "mine.txt").touch()
    with pytest.raises(IndexWriteError, match="no generation can follow number 99999"):
        VectorIndex.open(folder).remove(["i1"])


@pytest.mark.parametrize("name", ["writer.json", "CURRENT.tmp"])
def test_a_link_is_replaced_not_written_through(folder, tmp_path, name):
    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    (folder / name).symlink_to(target)
    assert VectorIndex.open(folder).remove(["i1"]).removed == 1
    assert target.read_text() == "years of work"
    assert VectorIndex.open(folder).verify().ok


@pytest.mark.parametrize("name", ["writer.lock", "writer.turn"])
@pytest.mark.parametrize("make", ["symlink_to", "hardlink_to"])
def test_a_lock_that_leads_elsewhere_is_refused(folder, tmp_path, name, make):
    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    (folder / name).unlink(missing_ok=True)
    getattr(folder / name, make)(target)
    with pytest.raises(IndexWriteError, match=f"'{name}' in it is no lock file"):
        VectorIndex.open(folder).remove(["i1"])
    assert target.read_text() == "years of work"


@pytest.mark.parametrize("name", ["writer.lock", "writer.turn"])
def test_a_lock_that_is_a_broken_link_makes_no_file(folder, tmp_path, name):
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "made-by-index")
    with pytest.raises(IndexWriteError, match=f"'{name}' in it is no lock file"):
        VectorIndex.open(folder).remove(["i1"])
    assert not (tmp_path / "made-by-index").exists()


def test_an_index_in_which_a_folder_holds_the_place_of_a_file_says_so(folder):
    (folder / "writer.json").mkdir()
    with pytest.raises(IndexWriteError, match=r"cannot write to index .*writer\.json"):
        VectorIndex.open(folder).remove(["i1"])
    (folder / "writer.json").rmdir()
    (folder / "CURRENT").unlink()
    (folder / "CURRENT").mkdir()
    with pytest.raises(IndexDamagedError, match="it is no regular file"):
        VectorIndex.open(folder)
    assert verify_folder(folder).problems[0].file == "CURRENT"


SEARCH = """
import sys
import numpy as np
from indexer import VectorIndex, IndexerError
try:
    index = VectorIndex.open(sys.argv[1])
    index.neighbours_of(["i1"], 3)
    index.search(np.ones(8), 3, where={"genre": "Rock"})
    index.remove(["i2"])
except IndexerError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    "name",
    [
        "CURRENT",
        "gen-000003/manifest.json",
        "gen-000002/manifest.json",
        "gen-000001/000001.vectors.npy",
        "gen-000001/000001.items.arrow",
        "gen-000001/000001.lookup.bin",
        "gen-000001/000001.structure.faiss",
        "gen-000003/000003.dead.bin",
        "writer.json",
        "writer.lock",
        "writer.turn",
    ],
)
def test_a_pipe_keeps_nobody_waiting(folder, name):
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    command = [sys.executable, "-c", SEARCH, str(folder)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    if name not in {"writer.json", "gen-000002/manifest.json"}:
        assert "no regular file" in result.stdout or "no lock file" in result.stdout
        assert name.rpartition("/")[2] in result.stdout
        assert name in {problem.file for problem in verify_folder(folder).problems}


@pytest.mark.parametrize("name", ["CURRENT", "gen-000003/manifest.json"])
def test_a_file_that_is_a_link_is_not_read(folder, tmp_path, name):
    shutil.move(folder / name, tmp_path / "moved")
    (folder / name).symlink_to(tmp_path / "moved")
    with pytest.raises(IndexReadError, match=f"'{name}' of index .* is a link, which"):
        VectorIndex.open(folder)
    for write in (VectorIndex.repair, WRITES["build"]):
        with pytest.raises(IndexerError, match=r"is a link|no part of an index"):
            write(folder)
    problem = verify_folder(folder).problems[0]
    assert (problem.file, problem.repair[:12]) == (name, "put what it ")


def test_verify_names_links_and_strangers(folder, tmp_path):
    (folder / "notes.txt").write_text("x")
    (folder / "gen-000001" / "extra.npy").write_text("x")
    (folder / "gen-000001" / "link.npy").symlink_to(tmp_path)
    (folder / "gen-000001" / "000009.dead.bin").mkdir()
    (folder / "writer.json").symlink_to(tmp_path)
    (folder / "sub" / "deeper").mkdir(parents=True)
    report = verify_folder(folder)
    assert not report.ok
    assert {p.file: p.what for p in report.problems} == {
        "notes.txt": "is no part of the index",
        "gen-000001/extra.npy": "is no part of the index",
        "gen-000001/link.npy": "is a link, which is not followed",
        "gen-000001/000009.dead.bin": "is of another type than what the index writes "
        "there",
        "writer.json": "is a link, which is not followed",
        "sub": "is no part of the index",
    }
    generation = VectorIndex.open(folder).generation
    assert VectorIndex.repair(folder).problems == report.problems
    assert VectorIndex.open(folder).generation == generation
    result = CliRunner().invoke(main, ["verify", str(folder)])
    assert result.exit_code == 1
    assert "notes.txt: is no part of the index; move it out" in result.stderr
    VectorIndex.open(folder).compact()
    assert (folder / "notes.txt").exists()
    assert (folder / "gen-000001" / "extra.npy").exists()


def test_verify_lists_no_more_strangers_than_can_be_read(folder):
    for number in range(250):
        (folder / f"s{number}").touch()
    problems = verify_folder(folder).problems
    assert len(problems) == 101
    assert "150 more" in problems[-1].what


def test_an_index_behind_links_works_as_any_other(folder, tmp_path):
    (tmp_path / "disk").symlink_to(tmp_path)
    (tmp_path / "mine").symlink_to(tmp_path / "disk" / "index")
    index = VectorIndex.open(tmp_path / "mine")
    assert index.neighbours_of(["i1"], 3).ids.shape == (1, 3)
    assert index.remove(["i1"]).removed == 1
    assert verify_folder(tmp_path / "mine").ok
    assert VectorIndex.build(tmp_path / "mine", ["x"], np.ones((1, D))).verify().ok
    assert (tmp_path / "mine").is_symlink()


def put(*path_and_value):
    """Make a change that puts a value somewhere into the manifest."""
    *path, last, value = path_and_value

    def change(content):
        for step in path:
            content = content[step]
        content[last] = value

    return change


SEGMENT = ("segments", 0)
CRAFTED = {
    "generation as a text": put("generation", "3"),
    "generation of another": put("generation", 2),
    "generation without end": put("generation", 10**30),
    "generation below one": put("generation", 0),
    "content of the future": put("content", 4),
    "dimension without end": put("dimension", 10**18),
    "dimension as a text": put("dimension", "8"),
    "dimension of none": put("dimension", 0),
    "items without end": put("n_items", 10**12),
    "items as a fraction": put("n_items", 298.0),
    "rows without end": put(*SEGMENT, "n_rows", 10**12),
    "one row less": put(*SEGMENT, "n_rows", N - 1),
    "negative rows": put(*SEGMENT, "n_rows", -1),
    "true rows": put(*SEGMENT, "n_rows", True),
    "tombstones without end": put(*SEGMENT, "n_dead", 10**9),
    "a size of nothing": put(*SEGMENT, "vectors", "n_bytes", 0),
    "a size without end": put(*SEGMENT, "lookup", "n_bytes", 2**63),
    "a checksum as a list": put(*SEGMENT, "items", "sha256", []),
    "a time without end": put(*SEGMENT, "items", "mtime_ns", 10**300),
    "a segment as a text": put("segments", 0, "x"),
    "a segment that is called elsewhere": put(*SEGMENT, "name", "../x"),
    "segments as a text": put("segments", "x"),
    "history as a number": put("history", 3),
    "history of itself": put("history", 0, "generation", 3),
    "history twice": lambda c: c["history"].append(c["history"][0]),
    "a request without sense": put("request", "target_recall", 7),
    "a request of nothing": put("request", None),
    "a request of a wide answer": put("request", "k", 10**9),
    "an effort without end": put(*SEGMENT, "structure", "effort", {"nprobe": 10**12}),
    "an effort of another name": put(*SEGMENT, "structure", "effort", {"x": 1}),
    "a recall that is none": put(*SEGMENT, "structure", "recall_at_k", float("nan")),
    "fingerprints as numbers": put("fingerprints", {"model": 5}),
    "an unknown field": put("surprise", 1),
    "a missing field": lambda content: content.pop("schema"),
    "one file twice": lambda c: c["segments"].append(c["segments"][0]),
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_a_manifest_with_other_values_is_damaged(folder, precious, crafted):
    reseal(folder, CRAFTED[crafted])
    with pytest.raises(IndexDamagedError, match=r"is damaged.*--repair"):
        VectorIndex.open(folder)
    report = verify_folder(folder)
    assert not report.ok
    assert all(problem.repair for problem in report.problems)
    assert VectorIndex.repair(folder).ok
    assert len(VectorIndex.open(folder)) == N - 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"sha256": ' + "[" * 200_000,
        "[]",
        "7",
        '{"sha256": 7}',
        '{"sha256": "' + "é" * 64 + '"}',
        '{"format": ' + "9" * 5000 + "}",
        " " * (5 << 20),
    ],
)
def test_a_manifest_of_other_json_is_damaged(folder, text):
    manifest_of(folder).write_text(text)
    with pytest.raises(IndexDamagedError, match="is damaged"):
        VectorIndex.open(folder)
    assert VectorIndex.repair(folder).ok


@pytest.mark.parametrize("generation", [0, -1, 1e400, True, "3", None, 10**15, [3]])
def test_a_pointer_to_another_value_is_damaged(folder, generation):
    check = hashlib.sha256(f"generation {generation}".encode()).hexdigest()[:16]
    pointer = json.dumps({"generation": generation, "check": check}) + "\n"
    (folder / "CURRENT").write_text(pointer)
    with pytest.raises(IndexDamagedError, match=r"'CURRENT' of index .* is damaged"):
        VectorIndex.open(folder)
    assert VectorIndex.repair(folder).ok


@pytest.mark.parametrize("text", ["[" * 100_000, "{" + " " * (5 << 20), "7"])
def test_a_pointer_of_other_json_is_damaged(folder, text):
    (folder / "CURRENT").write_text(text)
    with pytest.raises(IndexDamagedError, match=r"'CURRENT' of index .* is damaged"):
        VectorIndex.open(folder)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        json.dumps({"pid": "\033[31m", "host": "x", "started": 1}),
        '{"pid": 1, "host": "x", "started": ' + "9" * 400 + "}",
        "x" * 100_000,
        '{"pid": 1, "host": "\\u001b[31m", "started": 1}',
    ],
)
def test_an_owner_of_the_lock_may_say_anything(folder, caplog, text):
    (folder / "writer.json").write_text(text)
    with hold_writer_lock(folder, timeout_s=0):
        pass
    assert "taking over the lock of" in caplog.text
    assert "\033" not in caplog.text


def test_a_manifest_grows_no_larger_than_it_is_read(tmp_path):
    fingerprints = {"note": "x" * (5 << 20)}
    with pytest.raises(IndexWriteError, match="more than 4 MiB: give fewer columns"):
        VectorIndex.build(tmp_path, ["a"], np.ones((1, D)), fingerprints=fingerprints)


def test_going_back_from_the_only_generation_is_one_line(tmp_path):
    folder = tmp_path / "index"
    index = VectorIndex.build(folder, ["a"], np.ones((1, D)))
    with pytest.raises(IndexHistoryError, match="nothing older to roll back to"):
        index.rollback()
    result = CliRunner().invoke(main, ["rollback", str(folder)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: there is nothing older to roll back to")
    assert result.stderr.count("\n") == 1


def test_an_index_of_the_format_of_old_is_read(folder):
    """Without the fields that later releases added."""

    def change(content):
        for name in ("parent", "versions", "fingerprints", "history"):
            content.pop(name) if name != "history" else None
        for segment in content["segments"]:
            for part in ("vectors", "items", "lookup", "dead"):
                segment[part].pop("mtime_ns")

    reseal(folder, change)
    assert VectorIndex.open(folder).neighbours_of(["i1"], 3).ids.shape == (1, 3)
    assert verify_folder(folder).ok


def test_a_newer_format_with_other_fields_is_no_damage(folder):
    reseal(folder, lambda content: content.update(format=3, surprise=[1]))
    with pytest.raises(IndexMismatchError, match="has format 3, this release reads"):
        VectorIndex.open(folder)


@pytest.mark.parametrize("name", ["vectors.npy.tmp", "items.parquet.tmp"])
def test_an_export_writes_through_no_link(folder, tmp_path, name):
    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / name).symlink_to(target)
    VectorIndex.open(folder).export(tmp_path / "exported")
    assert target.read_text() == "years of work"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no",
        b"\x93NUMPY\x01\x00v\x00" + b"(" * 118,
        b"\x93NUMPY\x01\x00v\x00" + b"{'''".ljust(118),
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 100,
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 8), }".ljust(118),
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 8), }".ljust(
            118
        ),
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 8), }".ljust(118),
        b"PK\x03\x04" + b"x" * 100,
        None,
    ],
)
def test_matrices_of_anybody_are_refused_in_one_line(folder, tmp_path, data):
    path = tmp_path / "queries.npy"
    if data is None:
        os.mkfifo(path)
    else:
        path.write_bytes(data)
    for command in (
        ["search", str(folder), "--vectors", str(path)],
        ["import", str(tmp_path / "new"), str(path), str(path)],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code in {1, 2}
        assert isinstance(result.exception, SystemExit)
        assert result.stderr.splitlines()[-1].startswith("Error: ")
        assert "queries.npy" in result.stderr
