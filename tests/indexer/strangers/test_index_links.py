"""Indexes from strangers: links, pipes, names that lead outside.

Whoever can change a manifest can also write its checksum, so every change here
is sealed again. ``precious`` is a folder beside the index that nothing may touch.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from click.testing import CliRunner
from sealing import reseal, tree_of
from written import WRITES, D, lead, try_all

from indexer import (
    IndexDamagedError,
    IndexerError,
    IndexReadError,
    IndexWriteError,
    VectorIndex,
)
from indexer.cli import main
from indexer.local.verification import verify_folder


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
