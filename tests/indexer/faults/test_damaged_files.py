"""Damage on disk: flipped bits, lost files, lost pointers; what verify names and repair mends."""

import json
import os
import random
import shutil

import numpy as np
import pytest
from small_index import D, build, content, files_of, path_of, wanted_files

from indexer import (
    IndexDamagedError,
    IndexMismatchError,
    VectorIndex,
)
from indexer.files import store
from indexer.local.verification import verify_folder


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


@pytest.mark.parametrize("key", ["IVF4,SQ8", "IVF4,PQ4x4fs", "IVF4,RaBitQfs"])
def test_bits_that_rot_unnoticed_cost_no_number_and_verify_names_them(folder, key):
    VectorIndex.open(folder).rebuild(key)
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
