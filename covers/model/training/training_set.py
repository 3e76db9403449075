"""What a training is given: the covers, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor

    from covers.model.pixels import PixelCache
    from covers.model.training.watcher import TrainingWatcher
    from covers.workspace.paths import Workspace


@dataclass(frozen=True)
class TrainingSet:
    """Covers of a training with their genres and groups, in rows of the catalogue.

    Parameters
    ----------
    cover_ids : list of str
        Covers that can be read, train side and tuning slice together.
    groups : ndarray of int64, shape (n_covers,)
        Covers of one group stay together.
    membership : Tensor of float32, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    train, tuning : ndarray of int64
        Positions in `cover_ids`.
    vocab : tuple of str
        Genre of each column.
    """

    cover_ids: list[str]
    groups: npt.NDArray[np.int64]
    membership: Tensor
    train: npt.NDArray[np.int64]
    tuning: npt.NDArray[np.int64]
    vocab: tuple[str, ...]


@dataclass(frozen=True)
class TrainingSetup:
    """Workspace, picture cache, device, seed and watcher of a training.

    Parameters
    ----------
    workspace : Workspace
    cache : PixelCache
        The pictures, decoded.
    device : torch.device
    seed : int
    watcher : TrainingWatcher
    vectors_from : str
        Fingerprint of the vectors from a file that stand in the place of the
        backbone's statistics; empty where there is a network.
    """

    workspace: Workspace
    cache: PixelCache
    device: torch.device
    seed: int
    watcher: TrainingWatcher
    vectors_from: str = ""
