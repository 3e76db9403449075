"""The index of a workspace: made from catalogue, model and embeddings, read back, and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from covers.errors import CoversError
from covers.index.open import open_index, stored_otherwise
from covers.workspace.disk.read_only import ReadOnly
from covers.workspace.stages import State, Verdict
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from covers.catalogue.table import Catalogue
    from covers.model.card import ModelCard
    from covers.model.embed_on_ray import RayCluster
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace
    from indexer import VectorStore


@dataclass(frozen=True, kw_only=True)
class IndexReport(ReadOnly):
    """What a run of the index stage did: generation, changes, pictures that failed.

    Parameters
    ----------
    generation : int
        Of the index, afterwards.
    told : str
        What changed, in words.
    failed : dict of str to str
        Reason by path of the pictures that could not be embedded.
    """

    generation: int
    told: str
    failed: dict[str, str] = field(default_factory=dict)


def run(
    workspace: Workspace,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    cluster: RayCluster | None = None,
) -> IndexReport:
    """Bring the index up to the catalogue; build it anew where there is none by this model.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue and a model.
    device : str, default="auto"
        Where the network embeds what is new.
    progress : callable, optional
        Called with covers done and covers in all.
    cluster : RayCluster, optional
        Where what is new is embedded, instead of in threads of this process.

    Raises
    ------
    DataError, ModelError
        If there is no catalogue or no model.
    """
    if cluster is not None:
        from covers.model.embedders.embed_covers import embed_covers

        embed_covers(workspace, device=device, progress=progress, cluster=cluster)
    try:
        has_to_be_built = bool(stored_otherwise(workspace, open_index(workspace)))
    except (CoversError, IndexerError):
        has_to_be_built = True
    if has_to_be_built:
        from covers.index.build import build_index

        index, report = build_index(workspace, device=device, progress=progress)
        told = f"{len(index):,} covers, {index.dimension}-d"
        return IndexReport(generation=index.generation, told=told, failed=report.failed)
    from covers.index.update import update_index

    change = update_index(workspace, device=device, progress=progress)
    return IndexReport(
        generation=change.generation,
        told=f"{change.added} added, {change.changed} changed, {change.removed} removed",
        failed={one["path"]: one["reason"] for one in change.failed},
    )


def read(workspace: Workspace) -> VectorStore:
    """Open the index, and refuse one that another model made.

    Raises
    ------
    IndexerError, CoversError
        If there is none, it is damaged, or another model made it.
    """
    return open_index(workspace)


def judge(
    workspace: Workspace, card: ModelCard | None, catalogue: Catalogue | None
) -> Verdict:
    """Say whether the index holds this catalogue's covers by this model."""
    try:
        index = open_index(workspace, check_model=False)
    except (CoversError, IndexerError) as error:
        return Verdict(State.MISSING, str(error).split(": ")[0], "index build")
    fingerprints = index.fingerprints
    if card is not None and fingerprints.get("model") != card.fingerprint:
        return Verdict(State.STALE, "made by another model", "index rebuild")
    try:
        otherwise = stored_otherwise(workspace, index)
    except CoversError:
        otherwise = ""  # what is wrong with the settings is told where they are used
    if otherwise:
        return Verdict(State.STALE, otherwise, "index rebuild")
    if (
        catalogue is not None
        and fingerprints.get("catalogue") != catalogue.fingerprint()
    ):
        return Verdict(State.STALE, "the catalogue changed since")
    told = f"generation {index.generation}, {len(index):,} covers"
    return Verdict(State.FRESH, told)


def judge_others(
    workspace: Workspace, catalogue: Catalogue | None
) -> list[tuple[str, Verdict]]:
    """Say of each index of another embedder, by name, whether it holds this catalogue's covers."""
    try:
        names = list(workspace.settings.embedders)
    except CoversError:
        return []  # what is wrong with the settings is told where they are used
    if not names:
        return []
    from covers.index.by_embedder import judge_other_index

    return [
        (f"index {name}", judge_other_index(workspace, name, catalogue))
        for name in names
    ]
