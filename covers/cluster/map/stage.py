"""The map: all covers in two dimensions, stable while the library grows.

New covers are placed among the old ones, which stay where they are: at the mean
of the positions of their nearest mapped covers, weighted as UMAP weights its
edges. No fitted object is stored, only positions. Letters: N covers, K neighbours.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.cluster.layout_graph import layout_graph
from covers.cluster.projection import Graph, LayoutSettings, Points, project
from covers.cluster.sampled import MOST_FITTED, draw_sample, weigh
from covers.errors import DataError
from covers.index.embedded import EmbeddedCovers, fingerprints_at_hand
from covers.stats.neighbours import find_neighbours
from covers.stats.rows import RowsById
from covers.workspace.artefacts import write_table
from covers.workspace.disk.strangers import is_whole_number
from covers.workspace.documents import decode
from covers.workspace.read_artefacts import read_rows, readable
from covers.workspace.registry import EMBEDDINGS, MAP, MAP_TABLE
from covers.workspace.stages import Made, Maker, Manner
from indexer.files.arrow import as_numbers, make_table

if TYPE_CHECKING:
    from covers.workspace.artefacts import Stamp
    from covers.workspace.paths import Workspace
    from covers.workspace.publishing import Draft

N_NEIGHBORS, MIN_DIST = 15, 0.1
_JUDGED = 2_000
_PLACING_NEIGHBOURS = 15


@dataclass(frozen=True, kw_only=True)
class MapSummary:
    """What was done for a map, and how good it is.

    Parameters
    ----------
    n_covers, n_placed, n_fitted : int or None
        Covers on the map; those put onto it after it was made; and those it was made
        of: all, or a sample of 100,000. None where an older version did not write it.
    refitted : bool
        Whether all were laid out anew.
    trustworthiness : float
        See `judge_map`.
    seed : int or None
    """

    n_covers: int | None = None
    n_placed: int | None = None
    n_fitted: int | None = None
    refitted: bool = False
    trustworthiness: float = math.nan
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a map is made: anew or not, and with which seed."""

    seed: int
    refit: bool = False


def make_map(
    vectors: Points,
    *,
    n_neighbors: int = N_NEIGHBORS,
    min_dist: float = MIN_DIST,
    seed: int = 0,
    graph: Graph | None = None,
) -> Points:
    """Lay covers out in two dimensions.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions)
        L2-normalised.
    n_neighbors : int, default=15
        Small shows fine structure, large the whole.
    min_dist : float, default=0.1
        0 packs covers that look alike onto each other, 1 spreads them.
    seed : int, default=0
    graph : Graph, optional
        Neighbours, where they are known; see `project`.

    Returns
    -------
    ndarray of float32, shape (n_covers, 2)
        Distances far apart mean little; see docs/method/clusters.md.
    """
    return project(
        vectors,
        LayoutSettings(
            n_components=2, n_neighbors=n_neighbors, min_dist=min_dist, seed=seed
        ),
        graph,
    )


def place_covers(
    vectors: Points,
    mapped: Points,
    positions: Points,
    *,
    k: int = _PLACING_NEIGHBOURS,
) -> Points:
    """Place new covers on an existing map.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_new, n_dimensions)
        L2-normalised.
    mapped : ndarray of float32, shape (n_mapped, n_dimensions)
        Vectors of the covers on the map.
    positions : ndarray of float32, shape (n_mapped, 2)
        Where these are.
    k : int, default=15
        Neighbours whose positions are averaged: 1 puts a cover onto its nearest
        one, many draw it to the middle of the map.

    Returns
    -------
    ndarray of float32, shape (n_new, 2)

    Raises
    ------
    ValueError
        If there is no mapped cover.
    """
    if not len(mapped):
        message = "no cover is on the map yet: make it with make_map first"
        raise ValueError(message)
    near = find_neighbours(vectors, mapped, k=min(k, len(mapped)))
    distance = np.sqrt(np.maximum(2 - 2 * near.similarities.astype(np.float64), 0))
    weight = weigh(distance)
    placed: Points = (positions[near.rows] * weight[:, :, None]).sum(axis=1)
    return placed.astype(np.float32)


def judge_map(
    vectors: Points, positions: Points, *, k: int = 15, seed: int = 0
) -> float:
    """Return the trustworthiness of a map, 0 to 1, on at most 2,000 covers.

    1 where covers near each other on the map are near each other in truth, about
    0.5 for a random map; see `sklearn.manifold.trustworthiness`. NaN for fewer
    than 4 covers.
    """
    rows = np.random.default_rng(seed).permutation(len(vectors))[:_JUDGED]
    k = min(k, (len(rows) - 1) // 2)
    if k < 1 or len(rows) < 4:
        return float("nan")
    from sklearn.manifold import trustworthiness

    return float(trustworthiness(vectors[rows], positions[rows], n_neighbors=k))


def map_workspace(
    workspace: Workspace,
    manner: Manner | None = None,
    *,
    refit: bool = False,
    seed: int | None = None,
) -> MapSummary:
    """Make or extend the map of a workspace; write ``analysis/map.parquet`` and its figure.

    Old covers keep their place as long as the model is the same; new ones are
    placed among them. With another model, a `seed`, or `refit`, all are laid out anew.

    Returns
    -------
    MapSummary

    Raises
    ------
    ModelError, DataError, MissingExtraError
        If something it needs is missing.
    """
    refit = refit or seed is not None
    manner = replace(manner or Manner(), again=refit or (manner or Manner()).again)
    return MAKER.run(workspace, manner, refit=refit, seed=seed)


def _make(workspace: Workspace, wanted: Wanted, manner: Manner) -> Made[MapSummary]:
    """Lay out the covers, or place new ones among those that are on the map."""
    seed = wanted.seed
    covers = EmbeddedCovers.read(workspace)
    if not len(covers):
        embed = EMBEDDINGS.repair(workspace.root)
        message = f"no embedded cover in '{workspace.root}': run '{embed}'"
        raise DataError(message)
    steps = manner.progress or (lambda done, total: None)
    steps(0, 2)
    old = None if wanted.refit else _old_map(workspace, covers)
    if old is None:
        positions = make_map(
            covers.embeddings,
            seed=seed,
            graph=layout_graph(workspace, covers, N_NEIGHBORS),
        )
        placed = np.ones(len(covers), bool)
        placed[draw_sample(len(covers), MOST_FITTED, seed)] = False
    else:
        known, positions, placed, seed = old
        new = np.flatnonzero(~known)
        if len(new):
            positions[new] = place_covers(
                covers.embeddings[new], covers.embeddings[known], positions[known]
            )
            placed[new] = True
    steps(1, 2)
    result = MapSummary(
        n_covers=len(covers),
        n_placed=int(placed.sum()),
        n_fitted=int((~placed).sum()),
        refitted=old is None,
        trustworthiness=judge_map(covers.embeddings, positions, seed=seed),
        seed=seed,
    )
    table = make_table(
        {
            "cover_id": covers.cover_ids,
            "x": positions[:, 0].astype(np.float32),
            "y": positions[:, 1].astype(np.float32),
            "placed": placed,
        }
    )
    steps(2, 2)

    def write(draft: Draft, stamp: Stamp) -> None:
        write_table(draft.new_path(MAP_TABLE), table, replace(stamp, seed=seed))

    layout = {"n_neighbors": N_NEIGHBORS, "min_dist": MIN_DIST, "metric": "cosine"}
    parameters = {**asdict(result), **layout}
    return Made(result=result, write=write, parameters=parameters)


def read_map(workspace: Workspace) -> Any:
    """Read ``analysis/map.parquet`` as a ``pyarrow.Table``.

    Columns: ``cover_id``, ``x``, ``y`` (float32), ``placed`` (put onto the map
    after it was made).

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    return read_rows(workspace, MAP_TABLE)[0]


def read_summary(workspace: Workspace) -> MapSummary:
    """Return what `map_workspace` says of a map that is there already.

    Raises
    ------
    DataError
        If it is missing or unreadable.
    """
    _, stamp = read_rows(workspace, MAP_TABLE)
    with readable(workspace, MAP_TABLE):
        return decode(MapSummary, {**stamp.parameters, "refitted": False}, "map")


def _old_map(
    workspace: Workspace, covers: EmbeddedCovers
) -> tuple[npt.NDArray[np.bool_], Points, npt.NDArray[np.bool_], int] | None:
    """Return which covers are on the map and where; None where all must be laid out anew."""
    try:
        table, stamp = read_rows(workspace, MAP_TABLE)
        with readable(workspace, MAP_TABLE):
            on_map = RowsById(table.column("cover_id").to_pylist())
            xy = np.stack([as_numbers(table.column(axis)) for axis in ("x", "y")], 1)
            placed = as_numbers(table.column("placed")).astype(bool)
            has_places = bool(np.isfinite(xy).all())
    except DataError:
        return None
    is_seed = is_whole_number(stamp.seed or 0, 0, 2**32 - 1)
    if stamp.made_from.get("model") != covers.made_from["model"] or not is_seed:
        return None
    rows = on_map.of(covers.cover_ids)
    known = rows >= 0
    if not known.any() or not has_places:
        return None
    return (
        known,
        np.where(known[:, None], xy[rows], 0).astype(np.float32),
        np.where(known, placed[rows], False),
        stamp.seed or 0,
    )


def _draw(draft: Draft) -> None:
    """Draw the figure of a map that lies in a draft."""
    from covers.cluster.figures import draw_map_figures

    draw_map_figures(draft)


MAKER = Maker(
    artefact=MAP,
    made_from=fingerprints_at_hand,
    wanted=Wanted,
    make=_make,
    read=read_summary,
    draw=_draw,
)
