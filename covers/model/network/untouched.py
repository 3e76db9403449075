"""Networks as their makers published them: a picture's own vector, no training here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from covers.errors import ModelError
from covers.model.network.backbone import Backbone
from covers.model.network.embedder_names import shown_arch

if TYPE_CHECKING:
    from collections.abc import Sequence


class UntouchedBackbone(Backbone):
    """A network whose output is the vector that its makers compare pictures by.

    It stands where a convolutional body stands, so that head, embeddings, index
    and all that follows are made in the same way. It is never fine-tuned.

    Parameters
    ----------
    body : nn.Module
        Turns normalised pictures (B, 3, S, S) into vectors (B, n_features).
    arch : str
        Its name, such as ``"clip:ViT-B-32"``.
    size_px : int
        Side of the pictures it was made for; others are brought to it.
    """

    is_untouched = True

    def __init__(self, body: nn.Module, arch: str, size_px: int) -> None:
        nn.Module.__init__(self)
        self.body = body
        self.arch = arch
        self.fixed_size: int | None = size_px
        self.eval()
        with torch.inference_mode():
            vectors = self.forward(torch.zeros(1, 3, size_px, size_px))
        self.channels = (int(vectors.shape[1]),)

    @property
    def level_widths(self) -> tuple[int, ...]:
        """How wide the output is, as of a single level."""
        return self.channels

    @property
    def baseline_columns(self) -> tuple[int, int]:
        """The columns of the output that a search without any training would use: all."""
        return 0, self.n_features

    def train(self, mode: bool = True) -> UntouchedBackbone:
        """Stay as it is: nothing in it is trained."""
        del mode
        super().train(False)
        return self

    def cpu_batch(self, size_px: int) -> int:
        """Return how many pictures to answer at once on a CPU."""
        del size_px
        return 16

    def forward(self, images: Tensor) -> Tensor:
        """Turn normalised images (B, 3, S, S) into vectors (B, n_features) in float32.

        Each has the length of the square root of its width, so that its numbers
        are about one whatever the network: 16 bits hold them.
        """
        side = self.fixed_size
        assert side is not None
        if images.shape[-1] != side:
            images = F.interpolate(
                images, size=(side, side), mode="bilinear", antialias=True
            )
        vectors: Tensor = self.body(images).float().flatten(1)
        return F.normalize(vectors, dim=1) * vectors.shape[1] ** 0.5

    def levels(self, images: Tensor) -> list[Tensor]:
        """Refuse: there is no feature map that its vector is the mean of."""
        del images
        message = (
            f"{shown_arch(self.arch)!r} is used as it was published, and where it looked is not "
            "known: only the network of 'covers train --embedder cnn' shows that"
        )
        raise ModelError(message)

    def summarise(self, levels: Sequence[Tensor]) -> Tensor:
        """Refuse, as `levels` does."""
        return self.levels(levels[0])[0]

    def deepest_mean(self, statistics: Tensor) -> Tensor:
        """Return the whole vector."""
        return statistics
