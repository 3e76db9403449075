import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from known_workspace import write_known_workspace, write_model

from covers.cluster import layout_graph as module
from covers.cluster.layout_graph import layout_graph
from covers.cluster.map.stage import map_workspace, read_map
from covers.cluster.projection import (
    LayoutSettings,
    exact_neighbours,
    principal_components,
    project,
)
from covers.cluster.stage import read_cluster_table, run
from covers.index.embedded import EmbeddedCovers
from covers.workspace.registry import LAYOUT_GRAPH


@pytest.fixture
def searches(monkeypatch):
    """Keep graphs of any size, and list how many neighbours were searched for."""
    found = []

    def search(points, k):
        found.append(k)
        return exact_neighbours(points, k)

    monkeypatch.setattr(module, "STORED_FROM", 0)
    monkeypatch.setattr(module, "exact_neighbours", search)
    return found


def test_clusters_and_map_share_one_search_and_come_out_as_without(tmp_path, searches):
    shared, _ = write_known_workspace(tmp_path / "shared")
    run(shared, n_resamples=0)
    map_workspace(shared)
    assert searches == [30]
    module.STORED_FROM = 20_000
    alone, _ = write_known_workspace(tmp_path / "alone")
    run(alone, n_resamples=0)
    map_workspace(alone)
    assert not alone.path(LAYOUT_GRAPH).exists()
    assert read_cluster_table(shared).equals(read_cluster_table(alone))
    assert read_map(shared).equals(read_map(alone))


def test_a_graph_is_read_again_only_for_the_same_covers_model_and_components(
    tmp_path, searches, monkeypatch
):
    workspace, _ = write_known_workspace(tmp_path)
    covers = EmbeddedCovers.read(workspace)
    graph = layout_graph(workspace, covers, 10)
    again = layout_graph(workspace, covers, 30)
    assert searches == [30]
    for first, second in zip(graph, again, strict=True):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    layout_graph(workspace, covers, 40)
    fewer = covers.take(np.arange(100))
    assert layout_graph(workspace, fewer, 30)[0].shape == (100, 30)
    labels = covers.membership.argmax(axis=1)
    write_model(
        workspace, covers.cover_ids, covers.embeddings, covers.vocab, labels, "e" * 32
    )
    layout_graph(workspace, EmbeddedCovers.read(workspace), 30)
    assert searches == [30, 40, 30, 30]
    monkeypatch.setattr(module, "MOST_COMPONENTS", 10)
    layout_graph(workspace, EmbeddedCovers.read(workspace), 30)
    assert searches == [30, 40, 30, 30, 30]


def test_a_layout_needs_only_the_nearest_of_a_given_graph():
    vectors = np.random.default_rng(0).normal(size=(80, 8)).astype(np.float32)
    graph = exact_neighbours(principal_components(vectors), 40)
    given = project(vectors, LayoutSettings(n_components=2, n_neighbors=15), graph)
    np.testing.assert_array_equal(
        given, project(vectors, LayoutSettings(n_components=2, n_neighbors=15))
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows, distances: (rows + 10**6, distances),
        lambda rows, distances: (rows - 1, distances),
        lambda rows, distances: (rows, np.full_like(distances, np.nan)),
        lambda rows, distances: (rows.astype(np.float64), distances),
        lambda rows, distances: (rows[:, :5], distances),
        lambda rows, distances: (rows[:50], distances[:50]),
    ],
)
def test_a_graph_that_leads_out_of_the_covers_is_made_again(tmp_path, searches, spoil):
    workspace, _ = write_known_workspace(tmp_path)
    covers = EmbeddedCovers.read(workspace)
    graph = layout_graph(workspace, covers, 10)
    path = workspace.path(LAYOUT_GRAPH)
    stamp = pq.read_schema(path).metadata
    columns = [pa.array(part.tolist()) for part in spoil(*graph)]
    columns = [
        pa.array(column, pa.list_(column.type.value_type, len(column[0])))
        for column in columns
    ]
    spoiled = pa.table(columns, ["rows", "distances"])
    kinds = {"rows": pa.int32(), "distances": pa.float32()}
    if spoil(*graph)[0].dtype == np.int32:
        spoiled = spoiled.cast(
            pa.schema({n: pa.list_(k, len(spoiled[n][0])) for n, k in kinds.items()})
        )
    pq.write_table(spoiled.replace_schema_metadata(stamp), path)
    again = layout_graph(workspace, covers, 10)
    assert searches == [30, 30]
    np.testing.assert_array_equal(again[0], graph[0])
