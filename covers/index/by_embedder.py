"""Indexes of other embedders beside the workspace's own, such as one that knows words.

Each lies in a folder of its own below ``indexes``, with a description of the
embedder that made it. What it was embedded from is kept with the features of
untouched networks (`covers.model.embed.embed_frozen`), and not made twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError, DataError, StaleError
from covers.index.build import index_columns
from covers.index.embedder_card import (
    KIND,
    PUBLISHED,
    EmbedderCard,
    build_command,
    card_file,
    index_pointer,
    read_embedder_card,
    weights_of,
)
from covers.index.open import stored_otherwise
from covers.model.embed import embed_frozen
from covers.model.embedding_table import frozen_parts
from covers.model.network.embedder_names import (
    FILE,
    arch_of_embedder,
    knows_words,
    typed_name,
)
from covers.stats.rows import RowsById
from covers.stats.unit_vectors import unit_rows
from covers.workspace.artefacts import Stamp, write_json
from covers.workspace.stages import State, Verdict
from indexer import VectorIndex
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.catalogue.table import Catalogue
    from covers.model.embedders.embedder import PublishedEmbedder
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace


def open_other_index(workspace: Workspace, name: str) -> VectorIndex:
    """Open the index of an embedder, refusing one that another embedder made.

    Raises
    ------
    DataError
        If there is none, or it is damaged.
    StaleError
        If it was made by another embedder, or by other weights of it.
    """
    card = read_embedder_card(workspace, name)
    repair = build_command(workspace, name)
    folder = workspace.path(index_pointer(name)).parent
    try:
        index = VectorIndex.open(folder)
    except IndexerError as error:
        message = f"no index of embedder {name!r} that can be read ({error}): build it with '{repair}'"
        raise DataError(message) from error
    made_by = index.fingerprints.get("embedder", "unknown")
    if made_by != name or index.fingerprints.get("model") != card.fingerprint:
        other = f"by {made_by!r:.100}" if made_by != name else "with other weights"
        message = f"the index in '{folder}' was made {other}, not by {name!r} as described: run '{repair}'"
        raise StaleError(message)
    return index


def open_embedder(
    workspace: Workspace, name: str, device: str = "cpu"
) -> PublishedEmbedder:
    """Open an embedder whose index was built, without ever fetching its weights.

    Raises
    ------
    DataError, ModelError
        If there is no index, or the weights are not on this machine.
    StaleError
        If they are other weights than those of the index.
    """
    from covers.model.embedders.embedder import PublishedEmbedder

    card = read_embedder_card(workspace, name)
    weights = weights_of(workspace, name)
    found = PublishedEmbedder(
        arch_of_embedder(name, ""), "here" if weights == PUBLISHED else weights, device
    )
    if (found.fingerprint, found.text_fingerprint) != (
        card.fingerprint,
        card.text_fingerprint,
    ):
        message = (
            f"the weights of embedder {name!r} at hand are not those that its index was made with: "
            f"run '{build_command(workspace, name)}'"
        )
        raise StaleError(message)
    return found


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """How the index of an embedder is built.

    Parameters
    ----------
    weights : str, optional
        ``"pretrained"``, or a file; by default as remembered, else ``"pretrained"``.
    device : str, default="auto"
    offline : bool, default=False
        Never fetch weights.
    progress : callable, optional
        Called with covers done and covers in all.
    say : callable, optional
        Called with a message when weights are fetched.
    """

    weights: str | None = None
    device: str = "auto"
    offline: bool = False
    progress: Progress | None = None
    say: Callable[[str], None] | None = None


def build_other_index(
    workspace: Workspace, name: str, options: BuildOptions | None = None
) -> tuple[VectorIndex, dict[str, str]]:
    """Build or update the index of an embedder; covers it has seen are not embedded again.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue. It remembers the embedder, and ``covers run`` keeps the index up to date.
    name : str
        Such as ``"clip:ViT-B-32"`` or ``"timm:vit_small_patch14_dinov2"``.
    options : BuildOptions, optional

    Returns
    -------
    index : VectorIndex
    failed : dict of str to str
        Reason by path of covers that could not be read.

    Raises
    ------
    ConfigError, ModelError, DataError
        If the name is unknown, the weights cannot be had, or nothing was scanned.
    """
    from covers.workspace.settings import write_settings

    options = options or BuildOptions()
    catalogue = read_catalogue(workspace)
    name = _own_name(name)
    chosen = options.weights or weights_of(workspace, name)
    failed: dict[str, str] = {}
    card = None if options.weights else _card_that_suffices(workspace, name, catalogue)
    if card is None:
        embedder = _open_for_building(name, chosen, options)
        made, failed = embed_frozen(
            workspace,
            embedder.network,
            device=options.device,
            progress=options.progress,
        )
        card = EmbedderCard(
            name=name,
            dim=embedder.dim,
            fingerprint=made,
            text_fingerprint=embedder.text_fingerprint,
        )
    index = _publish(workspace, card, catalogue)
    kept = PUBLISHED if chosen == PUBLISHED else workspace.relative(Path(chosen))
    write_settings(workspace.root, {"embedders": {name: kept}})
    return index, failed


def update_other_indexes(
    workspace: Workspace,
    options: BuildOptions | None = None,
) -> None:
    """Bring the indexes of all other embedders of a workspace up to its catalogue.

    Raises
    ------
    CoversError
        As `build_other_index` does.
    """
    options = options or BuildOptions()
    catalogue = read_catalogue(workspace)
    for name in workspace.settings.embedders:
        verdict = judge_other_index(workspace, name, catalogue)
        if verdict.state is State.FRESH:
            continue
        if options.say:
            options.say(f"index of {name}: {verdict.why}")
        build_other_index(workspace, name, options)


def judge_other_index(
    workspace: Workspace, name: str, catalogue: Catalogue | None
) -> Verdict:
    """Say whether an embedder's index holds the covers of a catalogue."""
    command = build_command(workspace, name)
    try:
        index = open_other_index(workspace, name)
    except CoversError as error:
        return Verdict(State.MISSING, str(error).split(": ")[0], command)
    if (
        catalogue is not None
        and index.fingerprints.get("catalogue") != catalogue.fingerprint()
    ):
        return Verdict(State.STALE, "the catalogue changed since", command)
    if otherwise := stored_otherwise(workspace, index):
        return Verdict(State.STALE, otherwise, command)
    words = ", knows words" if knows_words(name) else ""
    told = f"generation {index.generation}, {len(index):,} covers{words}"
    return Verdict(State.FRESH, told, command)


def _own_name(name: str) -> str:
    """Return the name of an embedder that can have an index of its own."""
    arch = arch_of_embedder(name, "cnn")
    if "," in arch or arch == "cnn" or arch.startswith(FILE):
        message = (
            f"embedder {name!r:.200} cannot have an index beside the workspace's own: "
            "name one network, such as 'clip:ViT-B-32', or train with it: 'covers train --embedder ...'"
        )
        raise DataError(message)
    return typed_name(arch)


def _open_for_building(
    name: str,
    weights: str,
    options: BuildOptions,
) -> PublishedEmbedder:
    """Open an embedder, fetching its weights if they may be."""
    from covers.errors import ModelError
    from covers.model.embedders.embedder import PublishedEmbedder
    from covers.model.network.architectures import refuse_unknown_architecture

    arch = arch_of_embedder(name, "")
    refuse_unknown_architecture(arch)
    if weights == "none":
        message = f"an index of {name!r} by random numbers compares nothing: give a file with '--weights FILE'"
        raise ModelError(message)
    if weights != PUBLISHED:
        return PublishedEmbedder(arch, weights, options.device)
    try:
        found = PublishedEmbedder(arch, "here", options.device)
        if found.knows_words:
            found.embed_texts([name])  # is the tokenizer here too?
    except ModelError:
        if options.offline:
            raise
    else:
        return found
    if options.say:
        options.say(
            f"fetching the weights of {name}, once; '--weights FILE' or '--offline' avoid that"
        )
    found = PublishedEmbedder(arch, PUBLISHED, options.device)
    if found.knows_words:
        found.embed_texts([name])
    return found


def _card_that_suffices(
    workspace: Workspace, name: str, catalogue: Catalogue
) -> EmbedderCard | None:
    """Return an embedder's description where it has seen all covers: then it need not be opened."""
    try:
        card = read_embedder_card(workspace, name)
    except CoversError:
        return None
    known = set(frozen_parts(workspace, card.fingerprint).ids().to_pylist())
    return card if known.issuperset(catalogue.cover_ids) else None


def _publish(
    workspace: Workspace, card: EmbedderCard, catalogue: Catalogue
) -> VectorIndex:
    """Write the index of what an embedder has seen, and then its description."""
    repair = build_command(workspace, card.name)
    parts = frozen_parts(workspace, card.fingerprint)
    ids, (vectors,) = parts.read(["statistics"], repair)
    rows = RowsById(ids).of(catalogue.cover_ids)
    rows = rows[rows >= 0]
    kept = [ids[row] for row in rows]
    made_from: dict[str, str] = {
        "embedder": card.name,
        "model": card.fingerprint,
        "catalogue": catalogue.fingerprint(),
    }
    index = VectorIndex.build(
        workspace.path(index_pointer(card.name)).parent,
        kept,
        np.ascontiguousarray(unit_rows(vectors[rows])),
        index_columns(catalogue, catalogue.rows_of(kept).tolist()),
        fingerprints=made_from,
        store=workspace.settings.index.store,
    )
    write_json(
        workspace.path(card_file(card.name)),
        asdict(card),
        Stamp(kind=KIND, made_from={"model": card.fingerprint}),
    )
    return index
