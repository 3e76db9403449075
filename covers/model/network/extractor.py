"""Pictures → statistics, by one backbone on one device, made faster where many are to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from covers.model.network.backbone import normalise
from covers.model.network.device import mixed_dtype, mixed_precision
from covers.model.network.faster.folding import fold_norms
from covers.model.network.faster.packing import PackedBackbone, gains_by_packing
from covers.model.network.joined import JoinedBackbone

if TYPE_CHECKING:
    from covers.model.network.backbone import Backbone

# Of the norm; rounded in other places, 16 bits stay below 1e-2, 32 below 1e-5.
_TOLERANCES = {torch.bfloat16: 2e-2, torch.float32: 1e-4}
_WORSE_THAN_PLAIN = 1.25
_WORTH_FOLDING = 512
_WORTH_PACKING = 1000


class Extractor:
    """A backbone with what is done to pictures before it.

    Parameters
    ----------
    backbone : Backbone
        Moved to `device` and into evaluation mode. The parts of a joined one are
        made ready each by itself.
    mean, std : tuple of 3 floats
        What pictures in [0, 1] are normalised with.
    size_px : int
        Side of the pictures.
    device : torch.device
        Where it runs.
    """

    def __init__(
        self,
        backbone: Backbone,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        size_px: int,
        device: torch.device,
    ) -> None:
        self.mean, self.std = mean, std
        self.size_px = size_px
        self.device = device
        self.backbone = backbone.eval().to(device)
        self._packed: PackedBackbone | None = None
        self._parts: list[Extractor] = []
        if isinstance(backbone, JoinedBackbone):
            self._parts = [
                Extractor(part, *norm, size_px, device)
                for part, norm in zip(backbone.parts, backbone.norms, strict=True)
            ]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Turn pictures, uint8 (B, 3, S, S), into statistics (B, n_features) in float32."""
        pictures = pictures.to(self.device, non_blocking=True)
        if self._parts:
            return torch.cat([part(pictures) for part in self._parts], dim=1)
        with torch.inference_mode():
            if self._packed is not None:
                return self._packed(pictures)
            images = normalise(pictures, self.mean, self.std)
            with mixed_precision(self.device):
                statistics: Tensor = self.backbone(images)
        return statistics.float()

    def prepare(self, n_covers: int, *, pack: bool = True) -> None:
        """Make the network faster for many covers, where that saves more than the 0.1 to 0.4 s it takes.

        For some hundred, batch normalisations are folded
        (`covers.model.network.faster.folding`); for a thousand, on a CPU, the whole is packed
        (`covers.model.network.faster.packing`) unless it would answer differently.

        Parameters
        ----------
        n_covers : int
            How many are to come.
        pack : bool, default=True
            Whether answers may be rounded in other places than without.
        """
        for part in self._parts:
            part.prepare(n_covers, pack=pack)
        few = n_covers < _WORTH_FOLDING
        if self._parts or few or self.backbone.is_untouched:
            return
        self.backbone = fold_norms(self.backbone).to(memory_format=torch.channels_last)
        if not pack or n_covers < _WORTH_PACKING or self.device.type != "cpu":
            return
        if not gains_by_packing():
            return
        dtype = mixed_dtype(self.device) or torch.float32
        noise = torch.randint(
            0,
            256,
            (2, self.size_px, self.size_px, 3),
            dtype=torch.uint8,
            generator=torch.Generator().manual_seed(0),
        ).permute(0, 3, 1, 2)
        before = self(noise)
        with torch.inference_mode():
            exact = self.backbone(normalise(noise, self.mean, self.std)).float()
        try:
            packed = PackedBackbone(
                self.backbone, self.mean, self.std, self.size_px, dtype
            )
            with torch.inference_mode():
                answer = packed(noise)
        except (ValueError, RuntimeError, AttributeError, TypeError):
            return  # another kind of network, or of torch
        # Some networks lose more in 16 bits, packed or not: then no more than not packed.
        allowed = max(
            _TOLERANCES[dtype] * exact.norm(),
            _WORSE_THAN_PLAIN * (before - exact).norm(),
        )
        if (answer - exact).norm() <= allowed:
            self._packed = packed

    @property
    def is_packed(self) -> bool:
        """Whether the network, or one of its parts, was packed."""
        return self._packed is not None or any(part.is_packed for part in self._parts)

    @property
    def batch_size(self) -> int | None:
        """Covers to answer at once; None where the device decides."""
        return (
            None
            if self.device.type == "cuda"
            else self.backbone.cpu_batch(self.size_px)
        )
