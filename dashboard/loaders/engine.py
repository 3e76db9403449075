"""What answers a query: index, network and calibration."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from dashboard import place
from dashboard.loaders.state import Version, at, version_of
from dashboard.typed import kept

if TYPE_CHECKING:
    import numpy as np

    from covers.classify.classifier import Decision
    from covers.classify.classify import References
    from covers.model.card import ModelCard
    from covers.model.weights import SavedModel
    from indexer import VectorIndex


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
    from covers.index.build import open_index

    return open_index(at(root))


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
    from covers.classify.labels import genre_shares
    from covers.model.card import read_card
    from covers.model.embed import embeddings_parts

    card = read_card(at(root).model_folder)
    parts = embeddings_parts(at(root), card.fingerprint)
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
    from covers.model.weights import SavedModel

    return SavedModel.open(at(root).model_folder, "cpu")


@kept(1)
def warm_up() -> None:
    """Import the network's libraries in the background, so that the first upload is quick."""
    import threading

    def import_network() -> None:
        with contextlib.suppress(ImportError):
            importlib.import_module("covers.model.weights")

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

    return read_card(at(root).model_folder)


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
    from covers.evaluate.stage import read_decision
    from covers.model.card import read_card

    here = at(root)
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
    from covers.classify.classify import References

    return References.of(index(), decision().vocab)
