"""The only cached functions: what the pages read, keyed by the state of the files.

Each loader looks at size, time and number of its files first. A rebuilt index or
a new analysis is another key, so it shows up on a reader's next action, and
readers of the old one keep what they have.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.artefact import fingerprint, read_json, read_table
from covers.errors import CoversError
from covers.workspace import Workspace
from dashboard import colouring as colourings
from dashboard import place
from dashboard.analysis import CoverMap, Votes
from dashboard.library import Library
from dashboard.typed import kept

if TYPE_CHECKING:
    from pathlib import Path

    from covers.analysis.classification import References
    from covers.analysis.decision import Decision
    from covers.model.card import ModelCard
    from covers.model.saved import SavedModel
    from covers.pipeline import Stage
    from dashboard.colouring import Colouring
    from indexer import VectorIndex

Version = tuple[tuple[int, int, int], ...]
_KEPT = 3


def version_of(*paths: Path) -> Version:
    """Return what changes whenever one of some files is published anew."""
    found = []
    for path in paths:
        try:
            status = path.stat()
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def library() -> Library:
    """Return the covers.

    Raises
    ------
    DataError
        If nothing has been scanned yet.
    """
    here = place.workspace()
    return _library(str(here.root), version_of(here.catalogue_path))


@kept(_KEPT)
def _library(root: str, version: Version) -> Library:
    return Library.of(_at(root).catalogue())


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


@kept(_KEPT)
def _votes(root: str, version: Version) -> Votes:
    table, stamp = read_table(
        _at(root).analysis_folder / "votes.parquet",
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


@kept(_KEPT)
def _covermap(root: str, version: Version) -> CoverMap:
    from covers.analysis.mapping import read_map

    return CoverMap.of(read_map(_at(root)), _library(root, version[:1]))


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


@kept(_KEPT)
def _cluster_labels(
    root: str, version: Version
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    from covers.analysis.clustering_workspace import read_cluster_table

    table = read_cluster_table(_at(root))
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


@kept(4 * _KEPT)
def _read_analysis(
    root: str, name: str, kind: str, command: str, version: Version
) -> dict[str, Any]:
    return read_json(_at(root).analysis_folder / name, kind, f"{command} -w {root}")


def palettes() -> dict[str, tuple[list[str], list[float]]]:
    """Return the leading colours of each cover with their shares; empty without measures."""
    here = place.workspace()
    return _palettes(str(here.root), version_of(here.pictures_path))


@kept(_KEPT)
def _palettes(root: str, version: Version) -> dict[str, tuple[list[str], list[float]]]:
    from covers.catalogue.measure import KIND

    try:
        table, _ = read_table(_at(root).pictures_path, KIND, "covers scan")
    except CoversError:
        return {}
    columns = (
        table[name].to_pylist() for name in ("cover_id", "palette", "palette_share")
    )
    return {c: (list(p), list(s)) for c, p, s in zip(*columns, strict=True)}


def index() -> VectorIndex:
    """Return the newest generation of the index.

    Raises
    ------
    IndexerError, CoversError
        If there is none, it is damaged, or it was made by another model.
    """
    here = place.workspace()
    current = version_of(
        here.index_folder / "CURRENT", here.model_folder / "weights.safetensors"
    )
    return _index(str(here.root), current)


@kept(2)
def _index(root: str, version: Version) -> VectorIndex:
    from covers.indexing import open_index

    return open_index(_at(root))


def raw_network_answers() -> tuple[dict[str, int], np.ndarray[Any, Any]]:
    """Return the network's raw distribution of each embedded cover.

    Returns
    -------
    rows : dict of str to int
        Row of each cover.
    probabilities : ndarray of float64, shape (n_covers, n_genres)
        In the order of the model's genres.
    """
    here = place.workspace()
    parts = here.model_folder / "weights.safetensors", here.index_folder / "CURRENT"
    return _raw_network_answers(str(here.root), version_of(*parts))


@kept(2)
def _raw_network_answers(
    root: str, version: Version
) -> tuple[dict[str, int], np.ndarray[Any, Any]]:
    from covers.analysis.evaluation_workspace import genre_shares
    from covers.model.card import read_card
    from covers.model.embed import embeddings_parts

    card = read_card(_at(root).model_folder)
    parts = embeddings_parts(_at(root), card.fingerprint)
    ids, (logits,) = parts.read(["logits"], f"covers embed -w {root}")
    shares = genre_shares(logits, multi_label=card.multi_label)
    return {cover_id: row for row, cover_id in enumerate(ids)}, shares


def model() -> SavedModel:
    """Return the network; the first call of a process takes seconds.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    here = place.workspace()
    version = version_of(here.model_folder / "weights.safetensors")
    return _model(str(here.root), version)


@kept(1, spinner="Opening the network …")
def _model(root: str, version: Version) -> SavedModel:
    from covers.model.saved import SavedModel

    return SavedModel.open(_at(root).model_folder, "cpu")


@kept(1)
def warm_up() -> None:
    """Import the network's libraries in the background, so that the first upload is quick."""
    import threading

    def import_network() -> None:
        with contextlib.suppress(ImportError):
            importlib.import_module("covers.model.saved")

    threading.Timer(1.0, import_network).start()


def card() -> ModelCard:
    """Return the description of the model.

    Raises
    ------
    ModelError
        If there is none.
    """
    here = place.workspace()
    version = version_of(here.model_folder / "weights.safetensors")
    return _card(str(here.root), version)


@kept(2)
def _card(root: str, version: Version) -> ModelCard:
    from covers.model.card import read_card

    return read_card(_at(root).model_folder)


def decision() -> Decision:
    """Return what turns raw answers into calibrated ones.

    Raises
    ------
    CoversError
        If nothing was evaluated yet, or with another model.
    """
    here = place.workspace()
    paths = (
        here.analysis_folder / "decision.json",
        here.model_folder / "weights.safetensors",
    )
    return _decision(str(here.root), version_of(*paths))


@kept(2)
def _decision(root: str, version: Version) -> Decision:
    from covers.analysis.evaluation_workspace import read_decision
    from covers.model.card import read_card

    here = _at(root)
    return read_decision(here, read_card(here.model_folder).fingerprint)


def references() -> References:
    """Return the genres and groups of the covers in the index, in the decision's columns.

    Raises
    ------
    IndexerError, CoversError
        If there is no index, or nothing was evaluated yet.
    """
    here = place.workspace()
    paths = (
        here.index_folder / "CURRENT",
        here.analysis_folder / "decision.json",
        here.model_folder / "weights.safetensors",
    )
    return _references(str(here.root), version_of(*paths))


@kept(2)
def _references(root: str, version: Version) -> References:
    from covers.analysis.classification import References

    return References.of(index(), decision().vocab)


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

    return inspect_workspace(_at(root))


def _at(root: str) -> Workspace:
    from pathlib import Path

    return Workspace(Path(root))


def colouring(name: str) -> Colouring:
    """Return one way to colour the covers; `name` as in `dashboard.colouring.CHOICES`.

    Raises
    ------
    DataError
        If what it shows was never made.
    """
    here = place.workspace()
    folder = here.analysis_folder
    version = version_of(
        here.catalogue_path, folder / "votes.parquet", folder / "clusters.parquet"
    )
    return _colouring(str(here.root), name, version)


@kept(12)
def _colouring(root: str, name: str, version: Version) -> Colouring:
    covers = library()
    if name == "cluster":
        return colourings.by_cluster(cluster_labels()[0])
    if name == "certainty":
        return colourings.by_certainty(votes(), covers)
    if name == "error":
        return colourings.by_error(votes(), covers)
    return colourings.by_year(covers) if name == "year" else colourings.by_genre(covers)


def map_version() -> str:
    """Return a name for the state of everything the map shows."""
    here = place.workspace()
    folder = here.analysis_folder
    names = ("map.parquet", "votes.parquet", "clusters.parquet")
    version = version_of(here.catalogue_path, *(folder / name for name in names))
    return fingerprint([list(one) for one in version])[:16]


def map_part(version: str, part: str) -> bytes | None:
    """Return one array of the map as little-endian bytes.

    Parameters
    ----------
    version : str
        As `map_version` says; None is returned when it is no longer that.
    part : str
        ``"points"`` (float32 x, y), ``"ids"`` (16 bytes each), or the name of a
        colouring (uint16 codes).
    """
    if version != map_version():
        return None
    found = covermap()
    if part == "points":
        return np.ascontiguousarray(found.points, "<f4").tobytes()
    if part == "ids":
        ids = library().cover_ids
        return b"".join(bytes.fromhex(ids[row]) for row in found.rows)
    if part in colourings.CHOICES:
        return colouring(part).codes[found.rows].astype("<u2").tobytes()
    return None
