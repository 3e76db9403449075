"""Which covers a model was trained on, so that it is never measured on one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from covers.errors import CoversError, StaleError
from covers.workspace.artefacts import Stamp, write_table
from covers.workspace.read_artefacts import read_rows, repair_command
from covers.workspace.registry import TRAINED_COVERS, WEIGHTS
from indexer.files.arrow import make_array

if TYPE_CHECKING:
    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.workspace.paths import Workspace


def write_trained_on(
    workspace: Workspace, catalogue: Catalogue, fingerprint: str
) -> None:
    """Publish the ids of the train side that a model was trained on."""
    sides = zip(catalogue.cover_ids, catalogue.splits, strict=True)
    ids = sorted(cover_id for cover_id, side in sides if side == "train")
    stamp = Stamp(kind=TRAINED_COVERS.kind, made_from={"model": fingerprint})
    table = pa.table({"cover_id": make_array(ids, pa.string())})
    write_table(workspace.path(TRAINED_COVERS), table, stamp)


def refuse_leak(workspace: Workspace, catalogue: Catalogue, card: ModelCard) -> None:
    """Refuse to measure a model on covers that it was trained on.

    Covers that came or went since the training do no harm; one that it was
    trained on and that is held out by now would be a leak.

    Raises
    ------
    StaleError
        If there is such a cover, the genres changed, or it is not known what
        the model was trained on; the message names the command that trains anew.
    """
    if card.stamp.made_from.get("labels") == catalogue.label_fingerprint():
        return
    repair = repair_command(workspace, WEIGHTS)
    if card.vocab != catalogue.vocab:
        changed = ", ".join(sorted(set(card.vocab) ^ set(catalogue.vocab)))
        message = f"the genres changed since the training ({changed}): run '{repair}'"
        raise StaleError(message)
    trained = _read_trained_on(workspace, card.fingerprint)
    if trained is None:
        message = f"the covers changed since the training, and it is not known which it saw: run '{repair}'"
        raise StaleError(message)
    sides = zip(catalogue.cover_ids, catalogue.splits, strict=True)
    n = sum(side != "train" and cover_id in trained for cover_id, side in sides)
    if n:
        message = f"the model was trained on {n:,} covers that are held out by now: run '{repair}'"
        raise StaleError(message)


def _read_trained_on(workspace: Workspace, fingerprint: str) -> set[str] | None:
    """Return the ids that a model was trained on, None where they are not known."""
    try:
        table, stamp = read_rows(workspace, TRAINED_COVERS)
    except CoversError:
        return None
    if stamp.made_from.get("model") != fingerprint:
        return None
    return set(table.column("cover_id").to_pylist())
