"""Covers and what the analyses left, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import (
    AUDIT,
    CATALOGUE_TABLE,
    CHAIN,
    CLUSTER_TABLE,
    CLUSTERS,
    DECISIONS,
    EVALUATION,
    MAP_TABLE,
    MUSIC_TAGS,
    OVERLAP,
    PICTURES,
    SETTINGS,
    VOTES,
)
from dashboard import arguments
from dashboard.data.analysis import Votes
from dashboard.data.arrays import numbers
from dashboard.data.library import Library
from dashboard.data.looks import Looks
from dashboard.data.points import MapPoints
from dashboard.loaders.cached import cached
from dashboard.loaders.engine import front_door
from dashboard.loaders.state import N_CACHED, Version, at, version_of
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Collection

    from covers.audit.result import Audit
    from covers.catalogue.corrections import Overlay
    from covers.cluster.result import Clustering
    from covers.evaluate.result import Evaluation
    from covers.overlap.result import Overlap
    from covers.pipeline.status import Status
    from covers.workspace.registry import Artefact
    from dashboard.data.doubts import Doubt


def library() -> Library:
    """Return the covers.

    Raises
    ------
    DataError
        If nothing has been scanned yet.
    """
    here = arguments.workspace()
    return _library(str(here.root), version_of(CATALOGUE_TABLE))


@cached(N_CACHED)
def _library(root: str, version: Version) -> Library:
    return Library.of(read_catalogue(at(root)))


def votes() -> Votes:
    """Return the answers for single covers.

    Raises
    ------
    DataError
        If nothing has been evaluated yet.
    """
    here = arguments.workspace()
    return _votes(str(here.root), version_of(CATALOGUE_TABLE, VOTES))


@cached(N_CACHED)
def _votes(root: str, version: Version) -> Votes:
    from covers.evaluate.stage import read_votes

    table, stamp = read_votes(at(root))
    vocab = tuple(stamp.parameters.get("vocab", ()))
    return Votes.of(table, vocab, _library(root, version[:1]))


def votes_or_none() -> Votes | None:
    """Return the answers for single covers; None where nothing was evaluated."""
    try:
        return votes()
    except (CoversError, IndexerError):
        return None


def covermap() -> MapPoints:
    """Return where the covers lie on the map.

    Raises
    ------
    DataError
        If there is no map yet.
    """
    here = arguments.workspace()
    return _covermap(str(here.root), version_of(CATALOGUE_TABLE, MAP_TABLE))


@cached(N_CACHED)
def _covermap(root: str, version: Version) -> MapPoints:
    from covers.cluster.map.cover_map import read_cover_map

    return MapPoints.of(read_cover_map(at(root)), _library(root, version[:1]))


def clusters() -> Clustering:
    """Return the kinds of covers.

    Raises
    ------
    DataError
        If the covers were never clustered.
    """
    return cast("Clustering", _analysis(CLUSTERS))


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
    here = arguments.workspace()
    return _cluster_labels(str(here.root), version_of(CATALOGUE_TABLE, CLUSTER_TABLE))


@cached(N_CACHED)
def _cluster_labels(
    root: str, version: Version
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from covers.cluster.stage import read_cluster_table

    table = read_cluster_table(at(root))
    covers = _library(root, version[:1])
    labels = np.full(len(covers), -2, np.int64)
    strengths = np.zeros(len(covers))
    rows = covers.rows.of(table["cover_id"].to_pylist())
    known = rows >= 0
    labels[rows[known]] = numbers(table["label"])[known].astype(np.int64)
    strengths[rows[known]] = numbers(table["membership_strength"])[known]
    return labels, strengths


def members(wanted: Collection[int]) -> np.ndarray[Any, Any]:
    """Return the rows of the covers of some clusters, the strongest members first.

    Raises
    ------
    DataError
        If the covers were never clustered.
    """
    labels, strengths = cluster_labels()
    rows = np.flatnonzero(np.isin(labels, list(wanted)))
    # Many are equally strong; ids are hashes, so among those the order says nothing.
    covers = library()
    ids = np.asarray([covers.cover_ids[row] for row in rows], dtype=str)
    return rows[np.lexsort((ids, -strengths[rows]))]


def evaluation() -> Evaluation:
    """Return how well genres are read.

    Raises
    ------
    DataError
        If nothing has been evaluated yet.
    """
    return cast("Evaluation", _analysis(EVALUATION))


def overlap() -> Overlap:
    """Return which genres look alike.

    Raises
    ------
    DataError
        If the overlap was never measured.
    """
    return cast("Overlap", _analysis(OVERLAP))


def audit() -> Audit:
    """Return what the last audit found.

    Raises
    ------
    DataError
        If there was no audit yet.
    """
    return cast("Audit", _analysis(AUDIT))


def _analysis(artefact: Artefact) -> object:
    here = arguments.workspace()
    return _read_analysis(str(here.root), artefact.name, version_of(artefact.file))


@cached(4 * N_CACHED)
def _read_analysis(root: str, name: str, version: Version) -> object:
    return front_door().published(name)


def looks() -> Looks:
    """Return what was measured on the pictures, in rows of the library; NaN where nothing was."""
    here = arguments.workspace()
    return _looks(str(here.root), version_of(CATALOGUE_TABLE, PICTURES))


@cached(N_CACHED)
def _looks(root: str, version: Version) -> Looks:
    covers = _library(root, version[:1])
    try:
        table, _ = read_rows(at(root), PICTURES, columns=Looks.COLUMNS)
    except CoversError:
        return Looks.unknown(covers)
    return Looks.of(table, covers)


def names_of_clusters() -> dict[int, str]:
    """Return what each cluster is called, by its number.

    Raises
    ------
    DataError
        If the covers were never clustered.
    """
    here = arguments.workspace()
    return _names_of_clusters(str(here.root), version_of(CLUSTERS.file))


@cached(N_CACHED)
def _names_of_clusters(root: str, version: Version) -> dict[int, str]:
    from covers.cluster.naming import name_clusters

    return name_clusters(clusters())


def decisions() -> Overlay:
    """Return what a person decided about covers.

    Raises
    ------
    DataError
        If the file of the decisions is damaged.
    """
    here = arguments.workspace()
    return _decisions(str(here.root), version_of(DECISIONS))


@cached(N_CACHED)
def _decisions(root: str, version: Version) -> Overlay:
    from covers.catalogue.corrections import Overlay

    return Overlay.read(at(root))


def doubts() -> dict[str, list[Doubt]]:
    """Return what a person should decide, by group; see `dashboard.data.doubts`."""
    here = arguments.workspace()
    version = version_of(CATALOGUE_TABLE, VOTES, AUDIT.file)
    return _doubts(str(here.root), version)


@cached(N_CACHED)
def _doubts(root: str, version: Version) -> dict[str, list[Doubt]]:
    from dashboard.data.doubts import doubts_of

    try:
        findings = audit().findings
    except CoversError:
        findings = ()
    return doubts_of(findings, library(), votes_or_none())


def has_music() -> bool:
    """Say whether music files are known, so that a playlist can be made."""
    return arguments.workspace().path(MUSIC_TAGS).is_file()


def chain() -> Status:
    """Return the chain of artefacts and what is stale."""
    here = arguments.workspace()
    files = (artefact.file for artefact in (SETTINGS, *CHAIN))
    return _chain(str(here.root), version_of(*files))


@cached(2)
def _chain(root: str, version: Version) -> Status:
    from covers.pipeline.status import inspect_workspace

    return inspect_workspace(at(root))
