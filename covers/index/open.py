"""Opening the index of a workspace, and refusing one that another model made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.errors import StaleError
from covers.model.card import read_card
from covers.model.network.embedder_names import typed_name
from covers.workspace.registry import INDEX
from indexer import VectorIndex
from indexer.errors import IndexMismatchError, IndexNotFoundError

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace


def open_index(workspace: Workspace, *, check_model: bool = True) -> VectorIndex:
    """Open the index of a workspace.

    Parameters
    ----------
    workspace : Workspace
        Where it lies.
    check_model : bool, default=True
        Refuse an index whose vectors are of another model than the one at hand.

    Raises
    ------
    IndexNotFoundError, IndexDamagedError
        If there is none, or it is damaged.
    StaleError
        If it was made by another model; the message names the command that repairs it.
    """
    folder = workspace.index_folder
    try:
        index = VectorIndex.open(folder)
    except IndexNotFoundError as error:
        build = INDEX.repair(workspace.root, "index build")
        message = f"no index in '{folder}': build one with '{build}'"
        raise IndexNotFoundError(message) from error
    if not check_model:
        return index
    card = read_card(workspace.model_folder)
    try:
        index.refuse_mismatch({"model": card.fingerprint})
    except IndexMismatchError as error:
        made_by = index.fingerprints.get("model", "unknown")
        name = index.fingerprints.get("embedder", "")
        by = f"{name!r:.100}, model" if name else "model"
        own = f"{typed_name(card.arch)!r:.100}, model" if name else "model"
        rebuild = INDEX.repair(workspace.root, "index rebuild")
        message = (
            f"index '{folder}' was built with {by} {made_by[:8]}… ({index.dimension}-d), what is "
            f"at hand is {own} {card.fingerprint[:8]}… ({card.embedding_dim}-d): run '{rebuild}'"
        )
        raise StaleError(message) from error
    return index
