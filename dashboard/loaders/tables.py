"""Covers and what the analyses left, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError
from covers.workspace.artefacts import read_json, read_table
from dashboard import place
from dashboard.analysis import CoverMap, Votes
from dashboard.library import Library
from dashboard.loaders.state import KEPT, Version, at, version_of
from dashboard.typed import kept

if TYPE_CHECKING:
    from covers.pipeline import Stage


def library() -> Library:
    """Return the covers.

    Raises
    ------
    DataError
        If nothing has been scanned yet.
    """
    here = place.workspace()
    return _library(str(here.root), version_of(here.catalogue_path))


@kept(KEPT)
def _library(root: str, version: Version) -> Library:
    return Library.of(read_catalogue(at(root)))


def votes() -> Votes:
    """Return the answers for single covers.

    Raises
    ------
    DataError
        If nothing has been evaluated yet.
    """
    here = place.workspace()
    path = here.analysis_folder / "votes.parquet"
    return _votes(str(here.root), version_of(here.catalogue_path, path))


@kept(KEPT)
def _votes(root: str, version: Version) -> Votes:
    table, stamp = read_table(
        at(root).analysis_folder / "votes.parquet",
        "votes",
        f"covers evaluate -w {root}",
    )
    vocab = tuple(stamp.parameters.get("vocab", ()))
    return Votes.of(table, vocab, _library(root, version[:1]))


def covermap() -> CoverMap:
    """Return where the covers lie on the map.

    Raises
    ------
    DataError
        If there is no map yet.
    """
    here = place.workspace()
    path = here.analysis_folder / "map.parquet"
    return _covermap(str(here.root), version_of(here.catalogue_path, path))


@kept(KEPT)
def _covermap(root: str, version: Version) -> CoverMap:
    from covers.cluster.map import read_map

    return CoverMap.of(read_map(at(root)), _library(root, version[:1]))


def clusters() -> dict[str, Any]:
    """Return ``clusters.json``.

    Raises
    ------
    DataError
        If the covers were never clustered.
    """
    return _analysis("clusters.json", "clusters", "covers cluster")


def cluster_labels() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the cluster of each cover, and how strongly it belongs to it.

    Returns
    -------
    labels : ndarray of int64, shape (n_covers,)
        ``-1`` for noise, ``-2`` for covers that were not clustered.
    strengths : ndarray of float64, shape (n_covers,)

    Raises
    ------
    DataError
        If the covers were never clustered.
    """
    here = place.workspace()
    path = here.analysis_folder / "clusters.parquet"
    return _cluster_labels(str(here.root), version_of(here.catalogue_path, path))


@kept(KEPT)
def _cluster_labels(
    root: str, version: Version
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from covers.cluster.stage import read_cluster_table

    table = read_cluster_table(at(root))
    covers = _library(root, version[:1])
    labels = np.full(len(covers), -2, np.int64)
    strengths = np.zeros(len(covers))
    rows = [covers.position.get(c, -1) for c in table["cover_id"].to_pylist()]
    known = np.asarray(rows, np.int64)
    kept = known >= 0
    labels[known[kept]] = table["label"].to_numpy()[kept]
    strengths[known[kept]] = table["membership_strength"].to_numpy()[kept]
    return labels, strengths


def evaluation() -> dict[str, Any]:
    """Return ``evaluation.json``.

    Raises
    ------
    DataError
        If nothing has been evaluated yet.
    """
    return _analysis("evaluation.json", "evaluation", "covers evaluate")


def overlap() -> dict[str, Any]:
    """Return ``overlap.json``.

    Raises
    ------
    DataError
        If the overlap was never measured.
    """
    return _analysis("overlap.json", "overlap", "covers overlap")


def audit() -> dict[str, Any]:
    """Return ``audit.json``.

    Raises
    ------
    DataError
        If there was no audit yet.
    """
    return _analysis("audit.json", "audit", "covers audit")


def _analysis(name: str, kind: str, command: str) -> dict[str, Any]:
    here = place.workspace()
    version = version_of(here.analysis_folder / name)
    return _read_analysis(str(here.root), name, kind, command, version)


@kept(4 * KEPT)
def _read_analysis(
    root: str, name: str, kind: str, command: str, version: Version
) -> dict[str, Any]:
    return read_json(at(root).analysis_folder / name, kind, f"{command} -w {root}")


def palettes() -> dict[str, tuple[list[str], list[float]]]:
    """Return the leading colours of each cover with their shares; empty without measures."""
    here = place.workspace()
    return _palettes(str(here.root), version_of(here.pictures_path))


@kept(KEPT)
def _palettes(root: str, version: Version) -> dict[str, tuple[list[str], list[float]]]:
    from covers.images.measures import KIND

    try:
        table, _ = read_table(at(root).pictures_path, KIND, "covers scan")
    except CoversError:
        return {}
    columns = (
        table[name].to_pylist() for name in ("cover_id", "palette", "palette_share")
    )
    return {c: (list(p), list(s)) for c, p, s in zip(*columns, strict=True)}


def chain() -> list[Stage]:
    """Return the chain of artefacts and what is stale."""
    here = place.workspace()
    names = ("evaluation.json", "overlap.json", "clusters.json", "map.parquet")
    version = version_of(
        here.config_path,
        here.catalogue_path,
        here.model_folder / "weights.safetensors",
        here.embeddings_folder,
        here.index_folder / "CURRENT",
        *(here.analysis_folder / name for name in names),
    )
    return _chain(str(here.root), version)


@kept(2)
def _chain(root: str, version: Version) -> list[Stage]:
    from covers.pipeline import inspect_workspace

    return inspect_workspace(at(root))
