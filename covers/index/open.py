"""Where the index of a workspace lies, opening it, and refusing one that another model made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.errors import ConfigError, StaleError
from covers.model.card import read_card
from covers.model.network.embedder_names import typed_name
from covers.workspace.registry import INDEX
from indexer import open_store
from indexer.errors import IndexMismatchError, IndexNotFoundError

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace
    from indexer import VectorStore


def index_address(workspace: Workspace) -> str:
    """Return where the index of a workspace lies: its folder, or a server.

    A workspace may come from somebody else. So a server on another machine that only
    ``covers.toml`` names is not talked to: the person at the keyboard names it too.

    Raises
    ------
    ConfigError
        If the address is wrong, or names a server that nobody here has named.
    """
    uri = workspace.index_uri
    if uri is None:
        return str(workspace.index_folder)
    from indexer.remote.address import is_remote, read_address

    try:
        address = read_address(uri) if is_remote(uri) else None
    except ValueError as error:
        message = (
            f"'uri' below '[index]' in '{workspace.config_path}' is wrong: {error}"
        )
        raise ConfigError(message) from error
    if address is None:
        message = (
            f"'uri' below '[index]' in '{workspace.config_path}' is no server such as "
            "'postgresql://host/database?table=covers' or 'milvus://host:19530/covers': leave it out for an index within the workspace"
        )
        raise ConfigError(message)
    if (
        not address.is_local
        and address.host.lower() not in workspace.settings.index.hosts_named()
    ):
        message = (
            f"'{workspace.config_path}' keeps the index on the server {address.host!r}, which you have "
            f"not named: if you trust it, set COVERS_INDEX_HOSTS={address.host} and run this again"
        )
        raise ConfigError(message)
    return str(address)


def stored_otherwise(workspace: Workspace, index: VectorStore) -> str:
    """Say how an index stores numbers where the settings ask for another way; a server has its own."""
    wanted = workspace.settings.index.store
    stored = index.info().get("store", wanted)
    return "" if stored == wanted else f"stored as {stored}, not {wanted}"


def open_index(workspace: Workspace, *, check_model: bool = True) -> VectorStore:
    """Open the index of a workspace.

    Parameters
    ----------
    workspace : Workspace
        Where it lies.
    check_model : bool, default=True
        Refuse an index whose vectors are of another model than the one at hand.

    Raises
    ------
    IndexNotFoundError, IndexDamagedError, IndexReadError
        If there is none, it is damaged, or its server does not answer.
    ConfigError
        As `index_address` does.
    StaleError
        If it was made by another model; the message names the command that repairs it.
    """
    address = index_address(workspace)
    try:
        index = open_store(address)
    except IndexNotFoundError as error:
        build = INDEX.repair(workspace.root, "index build")
        message = f"no index in '{address}': build one with '{build}'"
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
            f"index '{address}' was built with {by} {made_by[:8]}… ({index.dimension}-d), what is "
            f"at hand is {own} {card.fingerprint[:8]}… ({card.embedding_dim}-d): run '{rebuild}'"
        )
        raise StaleError(message) from error
    return index
