"""The fine-tuned backbone's statistics of the covers it was tuned on, and of those set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from covers.model.network.backbone import normalise
from covers.model.network.device import mixed_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.model.pixels import Pixels

_AT_ONCE = 64


def tuned_statistics(
    body: nn.Module,
    read: Callable[[Sequence[int]], Pixels],
    n_covers: int,
    normalisation: tuple[tuple[float, ...], tuple[float, ...]],
    device: torch.device,
) -> Tensor:
    """Run a backbone over cached pictures as it is now, without any change to them.

    Parameters
    ----------
    body : nn.Module
        From normalised pictures (B, 3, S, S) to statistics (B, n_features); left
        answering, on `device`.
    read : callable
        From positions to pixels (B, S, S, 3).
    n_covers : int
        How many positions there are.
    normalisation : pair of tuples of 3 floats
        Mean and spread of the channels.
    device : torch.device

    Returns
    -------
    Tensor of float32, shape (n_covers, n_features)
        In main memory.
    """
    body.to(device).eval()
    found = []
    with torch.no_grad(), mixed_precision(device):
        for first in range(0, n_covers, _AT_ONCE):
            positions = range(first, min(first + _AT_ONCE, n_covers))
            pixels = torch.from_numpy(read(positions)).permute(0, 3, 1, 2)
            found.append(body(normalise(pixels.to(device), *normalisation)).cpu())
    return torch.cat(found).float()
