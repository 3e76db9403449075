"""Figures of clusters and map: genre bars, contact sheets, labelled map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covers.catalogue.table import read_catalogue
from covers.cluster.measured import Measured
from covers.errors import CoversError
from covers.render.frame import (
    Frame,
    Spot,
    Thumbnails,
    add_thumbnail,
    height_of_colours,
    hide_spines,
    list_colours,
    new_frame,
    plate,
)
from covers.render.genre_legend import legend_of
from covers.render.numbers import number, per_cent, span
from covers.render.palette import (
    MOST_NAMED,
    NOISE_COLOUR,
    genre_colours,
    genre_families,
)
from covers.workspace.read_artefacts import read_document, read_rows, typed
from covers.workspace.registry import CLUSTER_DOCUMENT, CLUSTER_TABLE, MAP_TABLE
from indexer.files.arrow import as_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from covers.cluster.measured import Cluster
    from covers.workspace.paths import Workspace

_MOST_SHOWN = 20
_SHEET_COLUMNS = 5
_GRID = 9
_PICTURE_INCHES = 0.42
_WIDE_GAP = 0.15
"""Share of the map from which on an empty strip is narrowed on paper."""


def draw_cluster_figures(workspace: Workspace) -> list[Path]:
    """Draw genre bars and contact sheets of ``clusters.json`` into ``analysis/figures``.

    Returns
    -------
    list of Path
        The SVG files; a PNG lies beside each. Empty where there is no cluster.

    Raises
    ------
    DataError
        If there is no ``clusters.json``.
    """
    content = read_document(workspace, CLUSTER_DOCUMENT)
    found = typed(Measured, content, workspace, CLUSTER_DOCUMENT)
    if not found.clusters:
        return []
    genres = read_catalogue(workspace).vocab
    folder = workspace.analysis_folder / "figures"
    thumbnails = Thumbnails(workspace)
    return [
        draw_profiles(found, genres).save(folder / "cluster-profiles"),
        draw_sheets(found, thumbnails).save(folder / "cluster-sheets"),
    ]


def draw_profiles(found: Measured, genres: Sequence[str]) -> Frame:
    """Draw which genres each cluster holds, as bars of shares."""
    clusters = found.ranked()[:_MOST_SHOWN]
    left_out = len(found.clusters) - len(clusters)
    is_broad = len(genres) > MOST_NAMED
    families = genre_families(genres) if is_broad else {g: [g] for g in genres}
    frame = new_frame(
        width=10 if is_broad else 9,
        height=max(0.42 * len(clusters) + 2.4, height_of_colours(len(families)) + 1.0),
        title="What kinds of covers hold which genres",
        caption=(
            "Each bar is one cluster, its genres side by side"
            + (", in shades of their broad one. " if is_broad else ". ")
            + "A genre printed with "
            "x lift makes up that many times its share of the whole library, and its 95 % "
            f"interval excludes 1. AMI with genre {number(found.ami)}; by "
            f"chance {span(found.ami_null95)}. n = {found.n_covers:,} covers, "
            f"{per_cent(found.noise_fraction)} in no cluster"
            + (f"; {left_out} smaller clusters are not shown." if left_out else ".")
        ),
    )
    axes = frame.axes
    colours = genre_colours(genres)
    order = [genre for family in families.values() for genre in family]
    for row, cluster in enumerate(clusters):
        start = 0.0
        for entry in sorted(cluster.genres, key=lambda g: order.index(g.genre)):
            if not entry.share > 0:
                continue
            colour = colours[entry.genre]
            axes.barh(row, entry.share, left=start, color=colour, height=0.8)
            start += entry.share
        marked = [
            f"{g.genre} x{g.lift:.1f}" for g in cluster.genres if g.lift_ci95[0] > 1
        ]
        axes.text(1.015, row, ", ".join(marked[:3]), va="center", fontsize=8.5)
    axes.set_yticks(
        range(len(clusters)),
        [
            f"{c.id}  (n = {c.n:,}"
            + (")" if math.isnan(c.stability) else f", found again {c.stability:.2f})")
            for c in clusters
        ],
    )
    axes.set_ylim(len(clusters) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the cluster's covers")
    hide_spines(axes, "top", "right", "left")
    axes.tick_params(axis="y", length=0)
    list_colours(frame, {name: colours[own[0]] for name, own in families.items()})
    return frame


def draw_sheets(found: Measured, thumbnails: Thumbnails) -> Frame:
    """Draw the covers that show each cluster best, with its colours and look."""
    clusters = found.ranked()[:_MOST_SHOWN]
    row_inches, cover_inches = 1.15, 1.0
    width = 3.6 + _SHEET_COLUMNS * (cover_inches + 0.1)
    frame = new_frame(
        width=width,
        height=row_inches * len(clusters) + 1.5,
        title="Kinds of covers",
        caption=(
            "Each row is one cluster: at most one cover per artist, the densest first. "
            "Strip: its leading colours, as wide as their share. "
            f"Found again: 1 is always, below 0.5 rather an accident. "
            f"n = {found.n_covers:,} covers."
        ),
    )
    axes = frame.axes
    axes.set_xlim(0, width)
    axes.set_ylim(row_inches * len(clusters), 0)
    axes.axis("off")
    frame.tight = False
    axes.set_position(
        (
            0.01,
            0.75 / frame.height,
            0.98,
            row_inches * len(clusters) / frame.height,
        )
    )
    for row, cluster in enumerate(clusters):
        top = row * row_inches
        _describe(axes, cluster, top)
        for column, cover_id in enumerate(cluster.exemplars[:_SHEET_COLUMNS]):
            x = 3.5 + column * (cover_inches + 0.1)
            axes.imshow(
                thumbnails.picture(cover_id),
                extent=(x, x + cover_inches, top + 1.05, top + 0.05),
                aspect="auto",
                interpolation="antialiased",
            )
    axes.set_xlim(0, width)
    axes.set_ylim(row_inches * len(clusters), 0)
    return frame


def _describe(axes: Any, cluster: Cluster, top: float) -> None:
    """Write number, size, genres and look of a cluster, with a strip of its colours below."""
    stability = cluster.stability
    genres = ", ".join(f"{g.genre} {per_cent(g.share)}" for g in cluster.leading)
    lines = [
        f"n = {cluster.n:,}"
        + (f", found again {stability:.2f}" if math.isfinite(stability) else ""),
        genres,
        ", ".join(cluster.words),
    ]
    axes.text(0.1, top + 0.1, f"{cluster.id}", fontsize=13, va="top", weight="bold")
    axes.text(
        0.55,
        top + 0.1,
        "\n".join(line for line in lines if line),
        fontsize=8.5,
        va="top",
        linespacing=1.4,
    )
    start = 0.55
    look = cluster.look
    for colour, share in zip(look.palette, look.palette_share, strict=True):
        axes.barh(top + 0.93, 2.6 * share, left=start, height=0.14, color=colour)
        start += 2.6 * share


def draw_map_figures(workspace: Workspace) -> list[Path]:
    """Draw ``map.parquet`` with genres, clusters and thumbnails into ``analysis/figures``.

    Returns
    -------
    list of Path
        The one SVG file; a PNG lies beside it.

    Raises
    ------
    DataError
        If there is no ``map.parquet``.
    """
    table, _ = read_rows(workspace, MAP_TABLE)
    ids = table.column("cover_id").to_pylist()
    points = np.stack([as_numbers(table.column(axis)) for axis in ("x", "y")], axis=1)
    catalogue = read_catalogue(workspace)
    legend = legend_of(catalogue, ids)
    labels: npt.NDArray[np.int64] | None = None
    try:
        clusters, _ = read_rows(workspace, CLUSTER_TABLE)
        label_of = dict(
            zip(
                clusters.column("cover_id").to_pylist(),
                clusters.column("label").to_pylist(),
                strict=True,
            )
        )
        labels = np.array([label_of.get(cover_id, -1) for cover_id in ids], np.int64)
    except CoversError:
        labels = None
    thumbnails = Thumbnails(workspace)
    frame = draw_map(
        points,
        legend.main_names,
        legend.colour_of,
        lambda row: thumbnails.picture(ids[row], 64),
        labels,
    )
    return [frame.save(workspace.analysis_folder / "figures" / "map")]


def draw_map(
    points: npt.NDArray[np.float32],
    genres: Sequence[str],
    colours: Mapping[str, str],
    picture_of: Callable[[int], npt.NDArray[np.uint8]] | None = None,
    labels: npt.NDArray[np.int64] | None = None,
) -> Frame:
    """Draw covers as dots of their genre's colour, some as pictures, clusters by number.

    Parameters
    ----------
    points : ndarray of float32, shape (n_covers, 2)
    genres : sequence of str
        Genre of each cover, or broad genre where there are many; empty where unknown.
    colours : mapping of str to str
        Of each of these.
    picture_of : callable, optional
        Returns the small picture of a row; none are drawn without.
    labels : ndarray of int64, shape (n_covers,), optional
        Cluster of each cover, written at its middle.
    """
    points = narrow_gaps(points)
    frame = new_frame(
        width=10.5,
        height=8.6,
        title="Map of covers",
        caption=(
            f"n = {len(points):,} covers; covers that look alike to the network lie side by "
            "side (UMAP, cosine). Neighbourhoods mean something, axes and distances "
            "between far regions do not: empty strips are narrowed. Pictures: one cover per region, framed in its "
            f"genre's colour{'' if labels is None else '; numbers: clusters'}."
        ),
    )
    axes = frame.axes
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=float(np.clip(30_000 / max(len(points), 1), 0.5, 14)),
        c=[colours.get(genre, NOISE_COLOUR) for genre in genres],
        alpha=0.75,
        linewidths=0,
        rasterized=len(points) > 3000,
    )
    numbers = _cluster_positions(points, labels)
    if picture_of is not None:
        for row in _apart(points, _one_per_cell(points), list(numbers.values())):
            add_thumbnail(
                axes,
                picture_of(row),
                Spot(float(points[row, 0]), float(points[row, 1])),
                inches=_PICTURE_INCHES,
                border=colours.get(genres[row], NOISE_COLOUR),
            )
    for cluster, row in numbers.items():
        axes.text(
            *points[row],
            str(cluster),
            fontsize=12,
            weight="bold",
            ha="center",
            va="center",
            zorder=10,
            bbox=plate(),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    hide_spines(axes)
    axes.margins(0.04)
    list_colours(frame, colours)
    return frame


def narrow_gaps(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Narrow the wide empty strips of a map, so that a far island does not squeeze all else.

    Order along both axes stays. Far distances mean nothing.

    Parameters
    ----------
    points : ndarray of float32, shape (n_points, 2)

    Examples
    --------
    >>> island = np.array([[0, 0], [0.1, 0.1], [0.2, 0.2], [9, 0]], np.float32)
    >>> [round(float(x), 2) for x in narrow_gaps(island)[:, 0]]
    [0.0, 0.1, 0.2, 0.23]
    """
    found = np.array(points, np.float64)
    for axis in range(found.shape[1] if len(found) else 0):
        order = np.argsort(found[:, axis], kind="stable")
        gaps = np.diff(found[order, axis])
        wide = gaps > _WIDE_GAP * gaps.sum()
        filled = gaps[~wide].sum()
        if filled > 0:
            gaps[wide] = np.minimum(gaps[wide], _WIDE_GAP * filled)
        first = found[order[0], axis]
        found[order, axis] = first + np.concatenate([[0.0], np.cumsum(gaps)])
    return found.astype(np.float32)


def _cluster_positions(
    points: npt.NDArray[np.float32], labels: npt.NDArray[np.int64] | None
) -> dict[int, int]:
    """Return the row of each cluster's most central cover, where its number goes."""
    positions = {}
    for cluster in np.unique(labels[labels >= 0]) if labels is not None else ():
        members = np.flatnonzero(labels == cluster)
        positions[int(cluster)] = _middle(points, members)
    return positions


def _middle(points: npt.NDArray[np.float32], members: npt.NDArray[np.int64]) -> int:
    """Return the member nearest to the median of all."""
    offset = points[members] - np.median(points[members], axis=0)
    return int(members[np.linalg.norm(offset, axis=1).argmin()])


def _one_per_cell(points: npt.NDArray[np.float32]) -> list[int]:
    """Choose the most central point of each crowded cell of a grid, fullest cells first."""
    if not len(points):
        return []
    low, span = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-9)
    cell = np.minimum((points - low) / span * _GRID, _GRID - 1e-6).astype(int)
    key = cell[:, 0] * _GRID + cell[:, 1]
    values, sizes = np.unique(key, return_counts=True)
    crowded = values[sizes >= max(3, len(points) // 500)]
    sizes = sizes[sizes >= max(3, len(points) // 500)]
    return [
        _middle(points, np.flatnonzero(key == value))
        for value in crowded[np.argsort(-sizes, kind="stable")]
    ]


def _apart(
    points: npt.NDArray[np.float32], rows: list[int], taken: list[int]
) -> list[int]:
    """Keep the pictures that would cover neither an earlier one nor a number."""
    span = np.maximum(np.ptp(points, axis=0), 1e-9)
    # The plot is about this many inches wide and high.
    inches = points / span * np.array([8.6, 7.2])
    kept: list[int] = []
    for row in rows:
        gap_pictures = np.abs(inches[kept] - inches[row]).max(axis=1, initial=0)
        gap_numbers = np.abs(inches[taken] - inches[row]).max(axis=1, initial=0)
        if (gap_pictures > _PICTURE_INCHES + 0.08).all() and (
            gap_numbers > _PICTURE_INCHES / 2 + 0.12
        ).all():
            kept.append(row)
    return kept
