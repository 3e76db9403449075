"""The untouched backbone's statistics of train covers, as they are and mirrored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from covers.model.embed import FrozenNetwork, Preprocessing, embed_frozen
from covers.model.embedding_table import frozen_parts, frozen_weights_path
from covers.stats.rows import RowsById
from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from covers.model.network.backbone import Backbone
    from covers.model.network.joined import Norm
    from covers.model.pixels import CoverFile
    from covers.model.training.recipe import Recipe
    from covers.model.training.training_set import TrainingSetup
    from covers.workspace.paths import Workspace

MOST_MIRRORED = 1_000
"""Labelled covers above which heads learn enough from the covers as they are: mirror
images pay on 582 covers and bring nothing on 2,816, see docs/method/training.md."""


@dataclass(frozen=True, kw_only=True)
class FrozenStatistics:
    """Statistics of covers by an untouched backbone, in batch files.

    Parameters
    ----------
    workspace : Workspace
    fingerprint : str
        Of the backbone and what its pictures go through.
    mirrored : str
        The same for mirror images; empty where there are none.
    """

    workspace: Workspace
    fingerprint: str
    mirrored: str = ""

    def of(self, cover_ids: Sequence[str]) -> Tensor | None:
        """Return statistics of float32 (n_views * n_covers, F), those of the mirror images last.

        None where one of them is missing.
        """
        views = []
        for name in (self.fingerprint, self.mirrored):
            if not name:
                continue
            parts = frozen_parts(self.workspace, name)
            ids, (statistics,) = parts.read(["statistics"], "covers train")
            rows = RowsById(ids).of(cover_ids)
            if (rows < 0).any():
                return None
            views.append(torch.from_numpy(statistics[rows]))
        return torch.cat(views)


def make_statistics(
    setup: TrainingSetup,
    recipe: Recipe,
    network: tuple[Backbone, Norm],
    files: Sequence[CoverFile],
    labelled: Collection[str],
) -> FrozenStatistics:
    """Run an untouched backbone over the covers it has not seen yet, and store it for the baselines.

    A pretrained one sees labelled covers once more in mirror images, for the head to
    learn from, unless they are more than `MOST_MIRRORED`.

    Parameters
    ----------
    setup : TrainingSetup
    recipe : Recipe
        Of this backbone.
    network : (Backbone, (mean, std))
    files : sequence of CoverFile
        Covers to know; those in the cache are read.
    labelled : collection of str
        Covers with a genre.
    """
    if setup.vectors_from:
        return FrozenStatistics(
            workspace=setup.workspace, fingerprint=setup.vectors_from
        )
    backbone, (mean, std) = network
    plain = Preprocessing(recipe.image_size, tuple(mean), tuple(std))
    cached = [file for file in files if file.cover_id in setup.cache]

    def make(how: Preprocessing, some: list[CoverFile], stage: str) -> str:
        return embed_frozen(
            setup.workspace,
            FrozenNetwork(backbone, how),
            device=setup.device.type,
            files=some,
            progress=lambda done, total: setup.watcher.stage(stage, done, total),
        )[0]

    found = FrozenStatistics(
        workspace=setup.workspace, fingerprint=make(plain, cached, "features")
    )
    if backbone.is_untouched:  # what the model holds is it as it was published
        return found
    _keep_backbone(setup.workspace, backbone.state_dict())
    if recipe.weights == "none" or len(labelled) > MOST_MIRRORED:
        return found
    known = set(labelled)
    some = [file for file in cached if file.cover_id in known]
    how = replace(plain, mirrored=True)
    return replace(found, mirrored=make(how, some, "features of mirror images"))


def _keep_backbone(workspace: Workspace, state: dict[str, Tensor]) -> None:
    """Keep the untouched backbone, so that the baselines can be measured on later covers too."""
    from safetensors.torch import save

    with publish(frozen_weights_path(workspace), "wb") as file:
        file.write(
            save(
                {key: value.detach().cpu().contiguous() for key, value in state.items()}
            )
        )
