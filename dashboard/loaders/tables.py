"""Covers and what the analyses left, as tables."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError
from covers.workspace.reading import read_rows
from covers.workspace.registry import (
    AUDIT,
    CATALOGUE_TABLE,
    CHAIN,
    CLUSTER_TABLE,
    CLUSTERS,
    EVALUATION,
    MAP_TABLE,
    OVERLAP,
    PICTURES,
    SETTINGS,
    VOTES,
)
from dashboard import place
from dashboard.data.analysis import CoverMap, Votes
from dashboard.data.library import Library
from dashboard.loaders.kept import kept
from dashboard.loaders.state import KEPT, Version, at, version_of

if TYPE_CHECKING:
    from covers.pipeline import Stage
    from covers.workspace.registry import Artefact


def library() -> Library:
    """Return the covers.

    Raises
    ------
    DataError
        If nothing has been scanned yet.
    """
    here = place.workspace()
    return _library(str(here.root), version_of(CATALOGUE_TABLE))


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
    return _votes(str(here.root), version_of(CATALOGUE_TABLE, VOTES))


@kept(KEPT)
def _votes(root: str, version: Version) -> Votes:
    from covers.evaluate.stage import read_votes

    table, stamp = read_votes(at(root))
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
    return _covermap(str(here.root), version_of(CATALOGUE_TABLE, MAP_TABLE))


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
    return _analysis(CLUSTERS)


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
    return _cluster_labels(str(here.root), version_of(CATALOGUE_TABLE, CLUSTER_TABLE))


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
    return _analysis(EVALUATION)


def overlap() -> dict[str, Any]:
    """Return ``overlap.json``.

    Raises
    ------
    DataError
        If the overlap was never measured.
    """
    return _analysis(OVERLAP)


def audit() -> dict[str, Any]:
    """Return ``audit.json``.

    Raises
    ------
    DataError
        If there was no audit yet.
    """
    return _analysis(AUDIT)


def _analysis(artefact: Artefact) -> dict[str, Any]:
    here = place.workspace()
    return _read_analysis(str(here.root), artefact.name, version_of(artefact.file))


@kept(4 * KEPT)
def _read_analysis(root: str, name: str, version: Version) -> dict[str, Any]:
    room = {EVALUATION.name: "evaluate", CLUSTERS.name: "cluster"}.get(name, name)
    document = import_module(f"covers.{room}.stage").read(at(root))
    content: dict[str, Any] = document.to_json()
    return content


def palettes() -> dict[str, tuple[list[str], list[float]]]:
    """Return the leading colours of each cover with their shares; empty without measures."""
    here = place.workspace()
    return _palettes(str(here.root), version_of(PICTURES))


@kept(KEPT)
def _palettes(root: str, version: Version) -> dict[str, tuple[list[str], list[float]]]:
    try:
        table, _ = read_rows(at(root), PICTURES)
    except CoversError:
        return {}
    columns = (
        table[name].to_pylist() for name in ("cover_id", "palette", "palette_share")
    )
    return {c: (list(p), list(s)) for c, p, s in zip(*columns, strict=True)}


def chain() -> list[Stage]:
    """Return the chain of artefacts and what is stale."""
    here = place.workspace()
    files = (artefact.file for artefact in (SETTINGS, *CHAIN))
    return _chain(str(here.root), version_of(*files))


@kept(2)
def _chain(root: str, version: Version) -> list[Stage]:
    from covers.pipeline import inspect_workspace

    return inspect_workspace(at(root))
