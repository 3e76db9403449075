"""What a workspace knows of its other embedders: their names, files and descriptions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.errors import CoversError, DataError
from covers.model.network.embedder_names import knows_words
from covers.workspace.artefacts import fingerprint, read_json
from covers.workspace.disk.strangers import is_whole_number
from covers.workspace.registry import INDEX, OTHER_INDEXES, File

if TYPE_CHECKING:
    from covers.workspace.paths import Workspace

KIND = "embedder"
PUBLISHED = "pretrained"
USUAL_WORD_EMBEDDER = "clip:ViT-B-32"
_UNPLAIN = re.compile(r"[^0-9A-Za-z_]+")
_MOST_WIDTH = 1 << 16


@dataclass(frozen=True, kw_only=True)
class EmbedderCard:
    """What is known of an embedder without opening it.

    Parameters
    ----------
    name : str
        As it is typed after ``--embedder``.
    dim : int
        Width of its vectors.
    fingerprint, text_fingerprint : str
        Of the weights that see pictures, and of those that read texts, if any.
    """

    name: str
    dim: int
    fingerprint: str
    text_fingerprint: str = ""


def embedder_folder(name: str) -> str:
    """Return the folder of an embedder's index, below the workspace.

    Examples
    --------
    >>> embedder_folder("clip:ViT-B-32").startswith("indexes/clip-ViT-B-32-")
    True
    """
    plain = _UNPLAIN.sub("-", name).strip("-")[:80]
    return f"{OTHER_INDEXES.path}/{plain}-{fingerprint(name)[:8]}"


def index_pointer(name: str) -> File:
    """Return the file that changes whenever an embedder's index is published."""
    return File(f"{embedder_folder(name)}/index/CURRENT")


def card_file(name: str) -> File:
    """Return the file that describes an embedder."""
    return File(f"{embedder_folder(name)}/embedder.json", KIND)


def build_command(workspace: Workspace, name: str) -> str:
    """Return the command that makes an embedder's index."""
    return INDEX.repair(workspace.root, f"index build --embedder {name}")


def word_embedder(workspace: Workspace) -> str | None:
    """Return the name of the first embedder of a workspace that knows words, if any."""
    named = list(workspace.settings.embedders)
    return next((name for name in named if knows_words(name)), None)


def need_word_embedder(workspace: Workspace, text: str = "") -> str:
    """Return the name of the first embedder of a workspace that knows words.

    Parameters
    ----------
    workspace : Workspace
    text : str, optional
        What was taken for words.

    Raises
    ------
    DataError
        If there is none; it says how a library learns words: which extra, and which command.
    """
    name = word_embedder(workspace)
    if name is not None:
        return name
    command = build_command(workspace, USUAL_WORD_EMBEDDER)
    asked = f"{text!r:.100} is taken as words, and " if text else ""
    message = (
        f"{asked}no index of this library knows words: pip install 'album-covers[clip]', then run "
        f"'{command}'"
    )
    raise DataError(message)


def read_embedder_card(workspace: Workspace, name: str) -> EmbedderCard:
    """Read the description of an embedder whose index was built.

    Raises
    ------
    DataError
        If there is none, or it is damaged; the message names the command.
    """
    path = workspace.path(card_file(name))
    repair = build_command(workspace, name)
    found = read_json(path, KIND, repair)
    found.pop("stamp")
    try:
        card = EmbedderCard(**found)
    except TypeError as error:
        message = f"cannot read '{path}' ({error}): make it anew with '{repair}'"
        raise DataError(message) from error
    texts = (card.name, card.fingerprint, card.text_fingerprint)
    if (
        card.name != name
        or not all(isinstance(text, str) for text in texts)
        or not is_whole_number(card.dim, 1, _MOST_WIDTH)
    ):
        message = f"'{path}' does not describe embedder {name!r}: make it anew with '{repair}'"
        raise DataError(message)
    return card


def embedder_fingerprints(workspace: Workspace) -> list[str]:
    """Return the fingerprints of the embedders whose vectors an index was built from."""
    found = []
    for name in workspace.settings.embedders:
        try:
            found.append(read_embedder_card(workspace, name).fingerprint)
        except CoversError:
            continue
    return found


def weights_of(workspace: Workspace, name: str) -> str:
    """Return the weights of an embedder that a workspace remembers, a file as a path from here."""
    kept = workspace.settings.embedders.get(name, PUBLISHED)
    return kept if kept == PUBLISHED else str(workspace.root / kept)
