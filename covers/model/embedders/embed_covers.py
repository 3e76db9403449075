"""Embedding all covers of a workspace, whatever its model gets its vectors from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.model.card import read_card
from covers.model.embed import embed_workspace
from covers.model.network.embedder_names import FILE

if TYPE_CHECKING:
    from covers.model.embed import EmbedReport
    from covers.model.embed_on_ray import RayCluster
    from covers.model.pixels import Progress
    from covers.workspace.paths import Workspace


def embed_covers(
    workspace: Workspace,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    cluster: RayCluster | None = None,
) -> EmbedReport:
    """Embed the covers that have no embedding by the current model yet.

    Parameters
    ----------
    workspace : Workspace
        With a catalogue and a model.
    device : str, default="auto"
        Where the network runs.
    progress : callable, optional
        Called with covers done and covers in all.
    cluster : RayCluster, optional
        Embed there instead of in threads of this process. Vectors that come from a
        file are taken from it either way.

    Raises
    ------
    ModelError, DataError
        If there is no model or no catalogue, or vectors come from a file that cannot be used.
    """
    if not read_card(workspace.model_folder).arch.startswith(FILE):
        if cluster is not None:
            from covers.model.embed_on_ray import embed_on_ray

            return embed_on_ray(workspace, cluster, device=device, progress=progress)
        return embed_workspace(workspace, device=device, progress=progress)
    from covers.model.embedders.stored_vectors import embed_stored
    from covers.model.weights import SavedModel

    return embed_stored(workspace, SavedModel.open(workspace.model_folder, device))
