"""Structures: chosen by size, tuned to a recall that is measured, same numbers."""

import logging
import mmap
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from indexer import VectorIndex
from indexer.backends.faiss import FaissStructure
from indexer.files.manifest import StructureRequest, TriedStructure
from indexer.local import search
from indexer.structures import (
    candidate_keys,
    explain_choice,
    keys,
    measure_recall,
    tournament,
    tuning,
)
from indexer.structures.recall import Sample

N, D, K = 4000, 32, 10


@pytest.fixture(scope="module")
def vectors():
    """Vectors like real embeddings: clusters, then noise of few dimensions."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((40, D))
    noise = rng.standard_normal((N, 8)) @ rng.standard_normal((8, D))
    return (centres[rng.integers(40, size=N)] + 0.4 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def ids():
    return [f"i{number}" for number in range(N)]


@pytest.fixture(scope="module")
def truth(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarities = unit[:200].astype(np.float64) @ unit.T.astype(np.float64)
    rows = np.argsort(-similarities, axis=1)[:, :K]
    return rows, similarities


KEYS = [
    "IVF32,Flat",
    "IVF32,SQ8",
    "HNSW16",
    "IVF16,PQ16x4",
    "PCA16,IVF16,SQ8",
    "IVF32,PQ16x4fs",
    "IVF32,RaBitQ",
    "IVF32,RaBitQfs",
    "SQ8",
    "PQ16x4",
]


@pytest.mark.parametrize("key", KEYS)
def test_every_structure_has_the_recall_it_states_and_exact_numbers(
    tmp_path, ids, vectors, truth, key
):
    rows, similarities = truth
    index = VectorIndex.build(
        tmp_path, ids, vectors, {"even": [1, 0] * (N // 2)}, structure=key
    )
    result = index.search(vectors[:200], K)
    exact = index.search(vectors[:200], K, exact=True)
    np.testing.assert_array_equal(np.sort(exact.rows), np.sort(rows))
    found = [len(set(a) & set(b)) / K for a, b in zip(result.rows, rows, strict=True)]
    stated = index.info()
    assert stated["structure"] == key
    assert stated["segments"][0]["is_target_met"]
    assert stated["recall_at_k"] >= 0.99
    assert np.mean(found) >= 0.98
    np.testing.assert_allclose(
        result.similarities,
        np.take_along_axis(similarities, result.rows, axis=1),
        atol=1e-6,
    )
    same = result.rows == exact.rows
    assert (result.similarities[same] == exact.similarities[same]).all()
    measured = index.measure_recall(K, n_sampled=300, seed=9)
    assert measured.recall_at_k >= 0.98
    assert index.verify().ok
    reopened = VectorIndex.open(tmp_path).search(vectors[:200], K)
    np.testing.assert_array_equal(reopened.rows, result.rows)


@pytest.mark.parametrize(
    "key",
    ["IVF32,SQ8", "HNSW16", "IVF32,PQ16x4fs", "IVF32,RaBitQ", "IVF32,RaBitQfs"],
)
def test_filters_and_tombstones_leave_k_answers_whenever_k_exist(
    tmp_path, ids, vectors, monkeypatch, key
):
    columns = {"part": [number % 50 for number in range(N)]}
    index = VectorIndex.build(tmp_path, ids, vectors, columns, structure=key)
    index.remove(ids[1::2][:900])
    alive = np.ones(N, bool)
    alive[np.arange(N)[1::2][:900]] = False
    # As on an index so large that even a filtered part is not searched exactly.
    monkeypatch.setattr(search, "_is_quick_exactly", lambda *_: False)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for where, kept in [
        ({"part": 2}, np.arange(N) % 50 == 2),
        ({"part": (0, 24)}, np.arange(N) % 50 < 25),
        ({}, np.ones(N, bool)),
    ]:
        allowed = np.flatnonzero(kept & alive)
        true = np.sort(unit[:40] @ unit[allowed].T, axis=1)[:, ::-1][:, :K]
        result = index.search(vectors[:40], K, where=where)
        assert (result.rows >= 0).all()
        assert result.notes == ()
        names = {ids[row] for row in allowed}
        assert set(result.ids.ravel()) <= names
        found = (result.similarities >= true[:, -1:] - 1e-6).mean()
        assert found >= 0.95
    n = int((alive & (np.arange(N) % 50 == 2)).sum())
    result = index.search(vectors[:3], n + 5, where={"part": 2})
    assert ((result.rows >= 0).sum(axis=1) == n).all()
    assert f"{n} match" in result.notes[0]


BITS = ("RaBitQ", "RaBitQfs")
FINE = ("PQ128x4fs", "PQ256x4fs", *BITS, "SQ8")


def lists(n_lists, *codes):
    return tuple(f"IVF{n_lists},{code}" for code in codes)


@pytest.mark.parametrize(
    ("n", "dimension", "memory_mib", "expected"),
    [
        (1000, 512, None, ("exact",)),
        (131_072, 512, None, ("exact",)),
        (131_073, 512, None, lists(1024, *FINE)),
        (1_000_000, 512, None, lists(2048, *FINE)),
        (1_000_000, 512, 400, lists(2048, *FINE[:4])),
        (1_000_000, 512, 100, lists(2048, FINE[0], *BITS)),
        (1_000_000, 512, 40, lists(2048, "PQ32x4fs")),
        (800_000, 128, None, ("HNSW32",)),
        (800_000, 128, 300, lists(2048, "PQ32x4fs", "PQ64x4fs", *BITS, "SQ8")),
        (2_000_000, 35, 100, lists(2048, *BITS, "SQ8")),
    ],
)
def test_candidates_follow_size_dimension_and_memory(
    n, dimension, memory_mib, expected
):
    request = StructureRequest(memory_mib=memory_mib)
    assert candidate_keys(n, dimension, request) == expected
    given = StructureRequest(key="SQ8")
    assert candidate_keys(n, dimension, given) == ("SQ8",)


def test_graphs_take_part_where_a_long_build_is_accepted():
    fast = candidate_keys(1_000_000, 512, StructureRequest())
    quick = candidate_keys(1_000_000, 512, StructureRequest(prefer="quick-search"))
    assert quick == ("HNSW32_SQ8", *fast)
    with pytest.raises(ValueError, match="prefer must be one of"):
        StructureRequest(prefer="good")


def test_the_tournament_takes_the_quickest_or_the_smallest_that_finds_enough(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    tried = lists(64, "PQ8x4fs", "SQ8", "PQ2x4fs")

    def hold(prefer):
        request = StructureRequest(prefer=prefer)
        return tournament.hold_tournament(tried, unit, request)

    small, measured = hold("small")
    assert [one.key for one in measured] == list(tried)
    able = [one for one in measured if one.recall_at_k >= 0.99]
    assert small == min(able, key=lambda one: one.n_bytes).key
    assert all(one.n_rows == N and one.query_ms > 0 for one in measured)
    fast, measured = hold("fast")
    quickest = min(one.query_ms for one in measured if one.recall_at_k >= 0.99)
    chosen = next(one for one in measured if one.key == fast)
    assert quickest >= 0.8 * chosen.query_ms
    # Clocks that say the same leave the choice to what is counted.
    alike = [replace(one, query_ms=1.0) for one in measured]
    least = min(
        (one for one in alike if one.recall_at_k >= 0.99),
        key=lambda one: one.read_bytes,
    )
    assert tournament.choose(alike, StructureRequest()) == least.key
    quick = [replace(one, query_ms=0.1 if one.key == fast else 1.0) for one in alike]
    assert tournament.choose(quick, StructureRequest()) == fast


def test_a_choice_is_explained_by_what_decided(tmp_path, ids, vectors):
    def tried(key, read_bytes, query_ms, recall=0.995):
        return TriedStructure(
            key=key,
            n_bytes=read_bytes / N,
            query_ms=query_ms,
            recall_at_k=recall,
            refine=4,
            n_rows=N,
            seconds=0.1,
            read_bytes=read_bytes,
        )

    index = VectorIndex.build(tmp_path, ids, vectors, structure="IVF32,SQ8")
    request = StructureRequest()

    def why(*some, prefer="fast"):
        (segment,) = index._snapshot.manifest.segments
        entry = replace(segment.structure, tried=some)
        segment = replace(segment, structure=entry)
        return explain_choice(segment, D, replace(request, prefer=prefer))

    least, quick = tried("IVF32,SQ8", 2**20, 0.2), tried("IVF32,RaBitQ", 2**19, 1.0)
    assert "0.20 of the time that RaBitQ takes" in why(quick, least)
    other = tried("IVF32,PQ8x4fs", 2**21, 0.2)
    assert "the least of 2 that find 0.99" in why(other, least)
    assert why(quick, least, prefer="small").startswith("the smallest of 2")
    assert "none of 2 found 0.99" in why(quick, replace(least, recall_at_k=0.9))
    (facts,) = index.info()["segments"]
    assert facts["why"] == "it was asked for"
    index.rebuild("exact")
    assert "as was asked for" in index.info()["segments"][0]["why"]
    index.rebuild("auto")
    assert "for up to 256 MiB" in index.info()["segments"][0]["why"]


def test_an_index_above_the_exact_size_gets_a_structure_by_itself(
    tmp_path, ids, vectors, monkeypatch
):
    monkeypatch.setattr(keys, "EXACT_BYTES", 4 * D * 3000)
    monkeypatch.setattr(keys, "_GRAPH_DIMENSIONS", 16)
    index = VectorIndex.build(tmp_path, ids[:2900], vectors[:2900])
    assert index.info()["structure"] == "exact"
    index.add(ids[2900:3500], vectors[2900:3500])
    assert index.info()["structure"] == "exact"  # a small change costs little
    assert len(index.info()["segments"]) == 1 + 1
    index.compact()
    chosen = index.info()["structure"]
    assert chosen.startswith("IVF128,")
    (segment,) = index.info()["segments"]
    assert [one["key"] for one in segment["tried"]] == list(
        lists(128, "PQ8x4fs", "PQ16x4fs", *BITS, "SQ8")
    )
    assert chosen in {one["key"] for one in segment["tried"]}
    index.add(ids[3500:], vectors[3500:])
    assert [s["structure"] for s in index.info()["segments"]] == [chosen, "exact"]
    assert index.measure_recall().recall_at_k >= 0.98
    assert index.verify().ok


@pytest.mark.parametrize("key", ["IVF32,SQ8", "IVF32,PQ16x4fs", "IVF32,RaBitQfs"])
def test_rows_that_go_on_in_their_order_are_not_put_in_again(
    tmp_path, ids, vectors, monkeypatch, key
):
    from indexer.backends import faiss as backend

    added, add = [], backend._add

    def counted(index, rows):
        added.append(len(rows))
        add(index, rows)

    index = VectorIndex.build(tmp_path, ids[:3000], vectors[:3000], structure=key)
    monkeypatch.setattr(backend, "_add", counted)
    index.add(ids[3000:], vectors[3000:])
    added.clear()
    index.compact()
    assert added == [1000]
    assert index.measure_recall(K, n_sampled=N).recall_at_k >= 0.98
    assert index.verify(n_sampled=N).ok  # each finds itself
    index.remove(ids[:2])
    index.compact()  # all rows have moved
    assert added == [1000, N - 2]
    assert index.verify(n_sampled=N).ok


def count_trainings(monkeypatch):
    from indexer.backends.faiss import FaissStructure

    trained, train = [], FaissStructure.train

    def counted(key, vectors, **options):
        trained.append(key)
        return train(key, vectors, **options)

    monkeypatch.setattr(FaissStructure, "train", counted)
    return trained


def test_a_filter_is_searched_exactly_where_that_reads_less(tmp_path, ids, vectors):
    """As on a million vectors of 512 dimensions, where lists hold 64 bytes a vector."""

    class Large:
        vectors, alive = np.broadcast_to(np.float32(0), (10**6, 512)), None
        entry = SimpleNamespace(n_live=10**6)

        def __len__(self):
            return len(self.vectors)

    columns = {"part": [number % 100 for number in range(N)]}
    index = VectorIndex.build(tmp_path, ids, vectors, columns, structure="IVF32,SQ8")
    (segment,) = index._snapshot.segments
    entry = replace(
        segment.entry.structure,
        key="IVF2048,PQ128x4fs",
        effort={"nprobe": 90, "refine": 8},
        file=replace(segment.entry.structure.file, n_bytes=76 * 10**6),
    )

    def is_exact(share, n_queries=1, entry=entry):
        part = search.Part(Large(), 0, np.ones(1, bool), int(share * 10**6))
        return search._is_quick_exactly(part, entry, n_queries)

    assert [is_exact(s) for s in (0.001, 0.01, 0.1, 0.5)] == [True, True, False, False]
    assert is_exact(0.1, n_queries=1000)
    assert not is_exact(0.5, n_queries=1000)

    def n_probed(share):
        part = search.Part(Large(), 0, np.ones(1, bool), int(share * 10**6))
        return search._effort_for(part, entry)

    assert n_probed(0.5) == {"nprobe": 90 * 2 * 4, "refine": 8}
    assert n_probed(0.995) == entry.effort  # a few items left out cost nothing
    graph = replace(entry, key="HNSW32", effort={"efSearch": 64, "refine": 2})
    assert is_exact(0.1, entry=graph)
    assert not is_exact(0.5, entry=graph)


@pytest.mark.parametrize("key", ["IVF32,SQ8", "IVF32,PQ16x4fs", "IVF32,RaBitQfs"])
def test_merging_uses_trained_cells_again_until_the_vectors_drift(
    tmp_path, ids, vectors, truth, monkeypatch, key
):
    index = VectorIndex.build(tmp_path, ids[:3000], vectors[:3000], structure=key)
    trained = count_trainings(monkeypatch)
    index.add(ids[3000:], vectors[3000:])
    index.compact()
    assert trained == []
    (segment,) = index.info()["segments"]
    assert (segment["structure"], segment["n"]) == (key, N)
    assert segment["n_trained"] == 3000
    found = index.search(vectors[:200], K).rows
    shares = [len(set(a) & set(b)) / K for a, b in zip(found, truth[0], strict=True)]
    assert np.mean(shares) >= 0.98
    report = index.verify()
    assert report.ok
    assert report.checks["cell_fit"] == pytest.approx(segment["cell_fit"])
    index.rebuild()
    assert trained == [key]  # asked for, so made anew
    # Others than those that the cells were made from.
    rng = np.random.default_rng(1)
    index.add([f"n{i}" for i in range(N)], rng.standard_normal((N, D)))
    index.compact()
    assert trained == [key, key]
    assert index.info()["segments"][0]["n_trained"] == 2 * N
    assert index.verify().ok


def test_rebuild_shares_the_vectors_of_a_compact_index(tmp_path, ids, vectors):
    index = VectorIndex.build(tmp_path, ids, vectors)
    index.rebuild("IVF16,SQ8")
    assert index.info()["structure"] == "IVF16,SQ8"
    written = sorted(path.name for path in (tmp_path / "gen-000002").iterdir())
    assert written == ["000002.structure.faiss", "manifest.json"]
    index.rebuild("exact")
    assert index.info()["structure"] == "exact"
    index.rollback()
    assert index.info()["structure"] == "IVF16,SQ8"
    with pytest.raises(ValueError, match="FAISS cannot build structure 'IVF9x'"):
        index.rebuild("IVF9x")
    with pytest.raises(ValueError, match=r"'IVF8000,Flat' over 4000 vectors"):
        index.rebuild("IVF8000,Flat")
    assert index.generation == 4


def test_a_key_that_rows_became_too_few_for_gives_way(tmp_path, ids, vectors, caplog):
    index = VectorIndex.build(tmp_path, ids, vectors, structure="IVF1024,Flat")
    index.remove(ids[500:])
    assert "is chosen by size instead" in caplog.text
    assert (len(index), index.info()["structure"]) == (500, "exact")
    assert index.verify().ok
    index.add(ids[500:], vectors[500:])
    index.compact()
    assert index.info()["structure"] == "IVF1024,Flat"


def test_a_target_out_of_reach_is_said(tmp_path, ids, caplog):
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((N, D))
    with caplog.at_level(logging.WARNING):
        index = VectorIndex.build(
            tmp_path, ids, noise, structure="PQ2x4", target_recall=1.0
        )
    segment = index.info()["segments"][0]
    assert not segment["is_target_met"]
    assert segment["recall_at_k"] < 1
    assert segment["effort"]["refine"] == 64
    assert "not 1.0" in caplog.text.replace("1.0000", "1.0")
    assert index.verify().ok  # nothing was promised, so nothing is broken


def test_more_recall_costs_more_effort(tmp_path, ids, vectors):
    def effort(target):
        folder = tmp_path / str(target)
        index = VectorIndex.build(
            folder, ids, vectors, structure="IVF64,Flat", target_recall=target
        )
        return index.info()["segments"][0]["effort"]["nprobe"]

    assert effort(0.6) < effort(0.999)


@pytest.mark.parametrize("target", [0, 1.5, -1])
def test_targets_that_are_no_share_are_refused(tmp_path, ids, vectors, target):
    with pytest.raises(ValueError, match="target_recall must lie in"):
        VectorIndex.build(tmp_path, ids, vectors, target_recall=target)


def test_recall_counts_ties_and_leaves_empty_slots_out():
    true = np.array([[0.9, 0.8, 0.8], [0.7, -np.inf, -np.inf]], dtype=np.float32)
    perfect = measure_recall(true, true)
    assert (perfect.recall_at_k, perfect.low, perfect.n_queries) == (1.0, 1.0, 2)
    found = np.array([[0.9, 0.8, 0.1], [0.5, -np.inf, -np.inf]], dtype=np.float32)
    measure = measure_recall(found, true)
    assert measure.recall_at_k == pytest.approx((2 / 3 + 0) / 2)
    assert measure.low < measure.recall_at_k


@pytest.mark.parametrize("key", ["IVF32,SQ8", "exact"])
def test_searches_are_the_same_alone_and_in_a_batch(tmp_path, ids, vectors, key):
    index = VectorIndex.build(tmp_path, ids, vectors, structure=key)
    batch = index.search(vectors[:50], K)
    for number in range(50):
        alone = index.search(vectors[number], K)
        assert alone.rows[0].tolist() == batch.rows[number].tolist()
        assert (alone.similarities[0] == batch.similarities[number]).all()


def test_a_search_by_structure_says_that_it_reads_little(tmp_path, ids, vectors):
    """Otherwise the system reads 32 pages for each vector that is scored."""
    index = VectorIndex.build(tmp_path, ids, vectors, structure="IVF32,SQ8")
    (segment,) = VectorIndex.open(tmp_path)._snapshot.segments
    mapped = segment.files[segment.entry.vectors.path]
    given = []
    mapped.data = SimpleNamespace(madvise=given.append)
    for is_scattered in (True, False, True, True, False):
        segment.expect(is_scattered=is_scattered)
    assert given == [mmap.MADV_NORMAL, mmap.MADV_RANDOM, mmap.MADV_NORMAL]
    told = []
    segment = index._snapshot.segments[0]
    segment.expect = lambda *, is_scattered: told.append(is_scattered)
    index.search(vectors[:2], K)
    index.search(vectors[:2], K, exact=True)
    list(index.batches())
    assert told == [True, False, False]


def test_a_setting_that_only_seemed_enough_gets_more_candidates_too(vectors):
    """No breadth helps where the candidates are too few."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    structure = FaissStructure.train("IVF32,PQ8x4fs", unit, n_training=N)
    sample = Sample.draw(unit, K, seed=1, n_queries=64)
    effort = {"nprobe": 32, "refine": 2}
    lucky = tuning._Tuned(effort, sample.measure(structure, effort))
    more = {"nprobe": 32, "refine": 8}
    target = sample.measure(structure, more).recall_at_k
    assert lucky.measure.recall_at_k < target - 0.02
    best = tuning._confirm(structure, sample, lucky, target - 0.02)
    assert best.effort["refine"] > 2
    assert best.measure.recall_at_k > lucky.measure.recall_at_k
