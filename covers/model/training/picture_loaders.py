"""fastai's loaders over cached pixels, and mild augmentation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

with warnings.catch_warnings():
    # At import fastai scripts two functions and sets an option that pandas retired.
    warnings.simplefilter("ignore")
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.model.pixels import Pixels


Batch = tuple[Tensor, Tensor]


class _ArrayLoader(DataLoader):  # type: ignore[misc]
    """Batches of positions, turned into tensors in one go."""

    def __init__(
        self, n: int, fetch: Callable[[Sequence[int]], Batch], **options: Any
    ) -> None:
        super().__init__(range(n), **options)
        self.fetch = fetch

    def create_batches(self, samps: Any) -> Any:
        yield from (self.fetch(list(chunk)) for chunk in self.chunkify(samps))

    def chunkify(self, b: Any) -> Any:
        positions = list(b)
        stops = range(0, len(positions), self.bs)
        chunks = [positions[i : i + self.bs] for i in stops]
        if (
            self.drop_last
            and len(chunks) > 1
            and len(chunks[-1]) < max(2, self.bs // 2)
        ):
            chunks.pop()  # batch statistics of a few covers are noise
        return chunks

    def __len__(self) -> int:
        return len(self.chunkify(range(self.n)))


@dataclass(frozen=True)
class PictureSide:
    """Pictures to train on, or to measure the training by.

    Parameters
    ----------
    rows : ndarray of int64
        Their positions.
    prepare : callable
        What is done to a batch of them on the device.
    """

    rows: npt.NDArray[np.int64]
    prepare: Callable[[Batch], Batch]


def make_picture_loaders(
    read: Callable[[Sequence[int]], Pixels],
    membership: Tensor,
    sides: tuple[PictureSide, PictureSide],
    *,
    batch_size: int,
    device: torch.device,
) -> DataLoaders:
    """Serve cached pictures.

    Parameters
    ----------
    read : callable
        From positions to pixels (B, S, S, 3).
    membership : Tensor, shape (n, n_genres)
        Shares of genres by position.
    sides : pair of PictureSide
        Trained on, and watched.
    batch_size : int
        Pictures per step.
    device : torch.device
        Where batches go.
    """

    def loader(side: PictureSide, *, shuffle: bool) -> _ArrayLoader:
        def fetch(positions: Sequence[int]) -> Batch:
            rows = side.rows[positions]
            pixels = torch.from_numpy(read(rows.tolist())).permute(
                0, 3, 1, 2
            )  # (B, 3, S, S)
            return pixels, membership[torch.from_numpy(rows)]

        return _ArrayLoader(
            len(side.rows),
            fetch,
            bs=batch_size if shuffle else 2 * batch_size,
            shuffle=shuffle,
            drop_last=shuffle,
            device=device,
            after_batch=side.prepare,
        )

    return DataLoaders(
        loader(sides[0], shuffle=True),
        loader(sides[1], shuffle=False),
        device=device,
    )


class Augment:
    """Mild augmentation of covers, never mirrored, because a cover carries text.

    Each picture is zoomed by up to 15 %, shifted within that, rotated by up to
    3 degrees, and changed in brightness, contrast and saturation by up to 15 %.

    Parameters
    ----------
    mean, std : tuple of float
        Normalisation that follows.
    mixup : float
        Parameter of the beta distribution that pictures and membership are
        blended with; 0 blends nothing.
    """

    def __init__(
        self, mean: tuple[float, ...], std: tuple[float, ...], mixup: float = 0.0
    ) -> None:
        self.mean, self.std, self.mixup = mean, std, mixup

    def __call__(self, batch: Batch) -> Batch:
        """Change and normalise uint8 pictures (B, 3, S, S)."""
        pixels, membership = batch
        n, device = len(pixels), pixels.device
        images = pixels.float()
        zoom = torch.empty(n, device=device).uniform_(0.85, 1.0)
        angle = torch.empty(n, device=device).uniform_(-math.pi / 60, math.pi / 60)
        shift = torch.empty(n, 2, device=device).uniform_(-1, 1) * (1 - zoom)[:, None]
        cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
        theta = torch.stack(
            [cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1
        ).view(n, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        images = F.grid_sample(
            images,
            grid,
            mode="bilinear",
            padding_mode="reflection",
            align_corners=False,
        )
        light, contrast, colour = (
            0.85 + 0.3 * torch.rand(3, n, 1, device=device)
        ).unbind(0)  # (B, 1)
        middle = images.mean(dim=(1, 2, 3)).view(n, 1)  # (B, 1)
        mix = (
            colour[:, :, None] * torch.eye(3, device=device)
            + (1 - colour[:, :, None]) / 3
        )  # (B, 3, 3)
        # Saturation, contrast, brightness and normalisation are one affine map of the three channels.
        scale = 1 / (255 * torch.tensor(self.std, device=device))  # (3,)
        shift = torch.tensor(self.mean, device=device) / torch.tensor(
            self.std, device=device
        )
        mix = mix * contrast[:, :, None] * scale[:, None]
        offset = middle * (light - contrast) * scale - shift  # (B, 3)
        images = torch.baddbmm(offset[:, :, None], mix, images.flatten(2)).view(
            n, 3, *images.shape[2:]
        )
        if self.mixup > 0:
            share = float(np.random.beta(self.mixup, self.mixup))  # noqa: NPY002 - seeded with the rest
            order = torch.randperm(n, device=device)
            images = share * images + (1 - share) * images[order]
            membership = share * membership + (1 - share) * membership[order]
        return images.contiguous(memory_format=torch.channels_last), membership
