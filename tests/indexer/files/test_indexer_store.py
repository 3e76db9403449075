"""Vectors stored in half precision or bytes: less to read, and what that costs."""

import numpy as np
import pytest
from sealing import replace_part

from indexer import IndexDamagedError, VectorIndex
from indexer.local.verification import verify_folder

N, D, K = 3000, 32, 10


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(3)
    return rng.standard_normal((N, D)).astype(np.float32)


@pytest.fixture(params=["float16", "int8"])
def store(request):
    return request.param


@pytest.fixture
def index(tmp_path, vectors, store):
    ids = [f"i{number}" for number in range(N)]
    columns = {"part": [number % 10 for number in range(N)]}
    return VectorIndex.build(tmp_path / "less", ids, vectors, columns, store=store)


def true_rows(queries, stored):
    asked = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    similarities = asked.astype(np.float64) @ stored.astype(np.float64).T
    rows = np.argsort(-similarities, axis=1)[:, :K]
    return rows, np.take_along_axis(similarities, rows, axis=1)


@pytest.mark.parametrize("n_queries", [1, 50, 700])
def test_searches_are_exact_over_what_is_stored(index, n_queries):
    rng = np.random.default_rng(4)
    queries = rng.standard_normal((n_queries, D)).astype(np.float32)
    rows, similarities = true_rows(queries, index.vectors)
    result = index.search(queries, K)
    np.testing.assert_allclose(result.similarities, similarities, atol=1e-6)
    assert (result.rows == rows).mean() > 0.999
    alone = index.search(queries[0], K)
    assert (alone.similarities[0] == result.similarities[0]).all()


# Share of the bytes; how far a similarity of 32 dimensions may move; same neighbours.
COSTS = {"float16": (1 / 2, 5e-4, 0.99), "int8": (1 / 4, 8e-3, 0.95)}


def test_fewer_bytes_move_a_similarity_little(tmp_path, index, vectors, store):
    share, most, least_same = COSTS[store]
    ids = index.ids.tolist()
    full = VectorIndex.build(tmp_path / "full", ids, vectors)
    sizes = [
        sum(path.stat().st_size for path in one.folder.rglob("*.vectors.npy"))
        for one in (index, full)
    ]
    assert sizes[0] == pytest.approx(sizes[1] * share, rel=0.01)
    queries = np.random.default_rng(5).standard_normal((200, D))
    less, exact = index.search(queries, K), full.search(queries, K)
    assert np.abs(less.similarities - exact.similarities).max() < most
    same = [
        len(set(a) & set(b)) / K for a, b in zip(less.rows, exact.rows, strict=True)
    ]
    assert np.mean(same) > least_same
    itself = index.search(vectors[:100], 1)
    assert (itself.rows[:, 0] == np.arange(100)).all()
    assert (itself.similarities > 0.9999).all()


@pytest.mark.parametrize("structure", ["exact", "IVF16,SQ8", "IVF16,PQ16x4fs", "HNSW8"])
def test_changes_keep_what_is_stored_bit_by_bit(index, vectors, store, structure):
    before = index.vectors.copy()
    index.rebuild(structure)
    index.add(["new"], np.ones((1, D)), {"part": [3]})
    index.remove(["i7"])
    index.compact()
    assert index.info()["store"] == store
    assert index.verify().ok
    kept = [row for row in range(N) if row != 7]
    np.testing.assert_array_equal(index.vectors[:-1], before[kept])
    assert VectorIndex.repair(index.folder).ok
    found = index.search(vectors[:50], K, where={"part": 3})
    assert (found.rows >= 0).all()
    assert found.notes == ()


def test_an_export_is_float32_and_comes_back(tmp_path, index, store):
    index.export(tmp_path / "out")
    stored = np.load(tmp_path / "out" / "vectors.npy")
    assert stored.dtype == np.float32
    again = VectorIndex.from_files(
        tmp_path / "again",
        tmp_path / "out" / "vectors.npy",
        tmp_path / "out" / "items.parquet",
        store=store,
    )
    np.testing.assert_array_equal(again.vectors, index.vectors)


def test_numbers_of_another_kind_than_the_manifest_says_are_damage(index, store):
    (path,) = index.folder.rglob("*.vectors.npy")
    data = path.read_bytes()
    other = {"float16": (b"<f2", b"<f4"), "int8": (b"|i1", b"|u1")}[store]
    path.write_bytes(data.replace(*other, 1))
    with pytest.raises(IndexDamagedError, match=f"it does not hold {store}"):
        VectorIndex.open(index.folder)


def test_an_unknown_store_is_refused(tmp_path):
    with pytest.raises(ValueError, match="store must be one of"):
        VectorIndex.build(tmp_path, ["a"], np.eye(1, 4), store="int3")


def test_a_row_of_bytes_that_was_never_written_so_is_found(tmp_path, vectors):
    ids = [f"i{number}" for number in range(100)]
    index = VectorIndex.build(tmp_path / "x", ids, vectors[:100], store="int8")
    stored = np.array(index._snapshot.segments[0].vectors)
    assert (np.abs(stored).max(axis=1) == 127).all()

    def halve(data):
        return data[:-D] + (stored[-1] // 2).tobytes()

    path = replace_part(tmp_path / "x", "vectors", halve)
    (problem,) = verify_folder(tmp_path / "x", n_sampled=0).problems
    assert (problem.file, problem.id) == (path, "i99")
