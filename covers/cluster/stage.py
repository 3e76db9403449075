"""The clusters of a workspace: made from its embeddings, written, and read back.

Letters: N covers, C clusters, G genres.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.clustering import (
    NOISE,
    ClusterLabels,
    ClusterSettings,
    assign_noise,
    cluster_covers,
)
from covers.cluster.describe import compare_methods, describe_clusters
from covers.cluster.layout_graph import layout_graph
from covers.cluster.result import Clustering
from covers.cluster.stability import cluster_stability, keep_ids
from covers.cluster.words.names import add_subjects
from covers.errors import CoversError
from covers.index.embedded import EmbeddedCovers, fingerprints_at_hand
from covers.stats.rows import RowsById
from covers.workspace.artefacts import write_json, write_table
from covers.workspace.read_artefacts import read_document, read_rows, typed
from covers.workspace.registry import (
    CLUSTER_DOCUMENT,
    CLUSTER_TABLE,
    CLUSTERS,
    PICTURES,
)
from covers.workspace.stages import Made, Maker, Manner
from indexer.files.arrow import as_numbers, make_array, make_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft

_PICTURE_COLUMNS = (
    "brightness",
    "saturation",
    "contrast",
    "sharpness",
    "palette",
    "palette_share",
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The settings of a clustering; see `covers.workspace.settings.ClusterOptions`."""

    min_cluster_size: int | None
    n_neighbors: int
    assign: bool
    n_bootstraps: int
    n_resamples: int
    seed: int


def run(
    workspace: Workspace, manner: Manner | None = None, **changes: Any
) -> Clustering:
    """Cluster the covers of a workspace; write ``clusters.json``, ``clusters.parquet`` and figures.

    Parameters
    ----------
    workspace : Workspace
        With catalogue, model and embeddings.
    manner : Manner, optional
        Whether to make them again, to replace, to draw; callbacks.
    **changes
        Settings that differ from the workspace's own
        (`covers.workspace.settings.ClusterOptions`), and ``seed``:
        ``min_cluster_size`` (chosen where it is None, see
        `covers.cluster.clustering`), ``n_neighbors`` of the UMAP layout,
        ``assign`` (also give noise to the cluster of its neighbours, in a column
        of its own), ``n_bootstraps`` of the groups behind the intervals of the
        lifts, ``n_resamples`` behind the stability (0 leaves it out).

    Returns
    -------
    Clustering
        The workspace's own, or one with other settings.

    Raises
    ------
    ModelError, DataError, MissingExtraError
        If something it needs is missing.
    """
    return MAKER.run(workspace, manner or Manner(), **changes)


def _make(workspace: Workspace, wanted: Wanted, manner: Manner) -> Made[Clustering]:
    """Cluster the covers with some settings."""
    covers = EmbeddedCovers.read(workspace)
    n_neighbors, seed = wanted.n_neighbors, wanted.seed
    n_resamples = wanted.n_resamples
    steps = _Steps(manner.progress, 4 + n_resamples)
    found = cluster_covers(
        covers.embeddings,
        ClusterSettings(
            min_cluster_size=wanted.min_cluster_size,
            n_neighbors=n_neighbors,
            seed=seed,
        ),
        graph=layout_graph(workspace, covers, n_neighbors),
    )
    steps.next()

    def recluster(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        size = found.settings.min_cluster_size or 5
        smaller = max(2, round(size * len(rows) / max(len(covers), 1)))
        scaled = ClusterSettings(
            min_cluster_size=smaller, n_neighbors=n_neighbors, seed=seed + 1
        )
        again = cluster_covers(covers.embeddings[rows], scaled).labels
        steps.next()
        return again

    stability = cluster_stability(
        found.labels, covers.groups, recluster, n_resamples=n_resamples, seed=seed
    )
    described = describe_clusters(
        covers,
        found,
        stability,
        _read_pictures(workspace, covers),
        n_bootstraps=wanted.n_bootstraps,
    )
    steps.next()
    compared = compare_methods(covers, found, seed=seed)
    steps.next()
    ids = _stable_ids(workspace, covers, found.labels)
    new_id = {
        int(cluster): int(ids[np.flatnonzero(found.labels == cluster)[0]])
        for cluster in range(found.n_clusters)
    }
    result = replace(_renamed(described, new_id), compared_with=compared)
    table = _table(covers, found, ids, new_id, assign=wanted.assign)
    steps.next()

    def write(draft: Draft, stamp: Stamp) -> None:
        write_table(
            draft.new_path(CLUSTER_TABLE),
            table,
            replace(stamp, kind=CLUSTER_TABLE.kind),
        )
        write_json(draft.new_path(CLUSTER_DOCUMENT), result.to_json(), stamp)

    soft_ids = [new_id[i] for i in range(found.n_clusters)]
    parameters = {**asdict(found.settings), "soft_ids": soft_ids}
    return Made(result=result, write=write, parameters=parameters)


def _renamed(found: Clustering, new_id: dict[int, int]) -> Clustering:
    """Give clusters the ids of the run before."""
    return replace(
        found,
        clusters=tuple(replace(one, id=new_id[one.id]) for one in found.clusters),
        hierarchy=tuple(
            replace(
                merge,
                left=tuple(new_id[i] for i in merge.left),
                right=tuple(new_id[i] for i in merge.right),
            )
            for merge in found.hierarchy
        ),
    )


def read(workspace: Workspace) -> Clustering:
    """Read ``analysis/clusters.json``, fresh or not, with the words found for its clusters.

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    content = read_document(workspace, CLUSTER_DOCUMENT)
    found = typed(Clustering, content, workspace, CLUSTER_DOCUMENT)
    return add_subjects(workspace, found)


def read_cluster_table(workspace: Workspace) -> Any:
    """Read ``analysis/clusters.parquet`` as a ``pyarrow.Table``; columns in docs/method/clusters.md.

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    return read_rows(workspace, CLUSTER_TABLE)[0]


def _stable_ids(
    workspace: Workspace, covers: EmbeddedCovers, labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Keep the ids of the clusters of the run before, where there was one."""
    try:
        old = read_cluster_table(workspace)
    except CoversError:
        return labels
    return keep_ids(
        labels,
        covers.cover_ids,
        as_numbers(old.column("label")),
        old.column("cover_id").to_pylist(),
    )


def _table(
    covers: EmbeddedCovers,
    found: ClusterLabels,
    ids: npt.NDArray[np.int64],
    new_id: dict[int, int],
    *,
    assign: bool,
) -> Any:
    """Lay the clusters out as a table, one row per cover."""
    import pyarrow as pa

    given, assigned = (
        assign_noise(found.labels, covers.embeddings)
        if assign
        else (found.labels, np.zeros(len(covers), bool))
    )
    rename = np.array([*(new_id[i] for i in range(found.n_clusters)), NOISE], np.int64)
    soft = (
        pa.nulls(len(covers), pa.list_(pa.float32()))
        if found.soft is None
        else make_array(
            list(np.asarray(found.soft, np.float32)), pa.list_(pa.float32())
        )
    )
    return make_table(
        {
            "cover_id": covers.cover_ids,
            "label": ids,
            "membership_strength": found.strengths.astype(np.float32),
            "assigned_label": rename[given],
            "assigned": assigned,
            # One number per cluster, in the order of the stamp's "soft_ids".
            "soft_membership": soft,
        }
    )


def _read_pictures(
    workspace: Workspace, covers: EmbeddedCovers
) -> dict[str, list[Any]] | None:
    """Read what was measured on the pictures, in the order of `covers`."""
    try:
        table, _ = read_rows(workspace, PICTURES)
    except CoversError:
        return None
    rows = RowsById(table.column("cover_id").to_pylist()).of(covers.cover_ids)
    columns = {name: table.column(name).to_pylist() for name in _PICTURE_COLUMNS}
    return {
        name: [None if row < 0 else values[row] for row in rows]
        for name, values in columns.items()
    }


class _Steps:
    """Counts steps for a progress bar."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def next(self) -> None:
        """Say that one more step is done."""
        self.done = min(self.done + 1, self.total)
        if self.progress:
            self.progress(self.done, self.total)


def _draw(draft: Draft) -> None:
    """Draw the figures of clusters that lie in a draft."""
    from covers.cluster.figures import draw_cluster_figures

    draw_cluster_figures(draft)


MAKER = Maker(
    artefact=CLUSTERS,
    made_from=fingerprints_at_hand,
    wanted=Wanted,
    make=_make,
    read=read,
    draw=_draw,
)
