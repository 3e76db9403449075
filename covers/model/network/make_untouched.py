"""Networks as their makers published them, by name."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from covers.errors import ModelError, needs_extra
from covers.model.network.architectures import unknown_architecture
from covers.model.network.embedder_names import CLIP, FILE, UNTOUCHED, shown_arch
from covers.model.network.untouched import UntouchedBackbone

if TYPE_CHECKING:
    from covers.model.network.backbone import Backbone

    Normalisation = tuple[float, ...]


class LookedUpVectors(UntouchedBackbone):
    """Vectors from a file instead of a network: it can look covers up but embed no picture.

    Parameters
    ----------
    arch : str
        ``file:NAME#WIDTH``.
    """

    def __init__(self, arch: str) -> None:
        nn.Module.__init__(self)
        self.body = nn.Identity()
        self.arch = arch
        self.fixed_size = None
        width = arch.rpartition("#")[2]
        self.channels = (int(width) if width.isdecimal() else 0,)
        self.register_buffer("nothing", torch.zeros(0))  # a file needs a tensor
        if not 0 < self.channels[0] <= 1 << 16:
            message = (
                f"{arch!r:.200} does not say how wide its vectors are: train it anew"
            )
            raise ModelError(message)

    def forward(self, images: Tensor) -> Tensor:
        """Refuse: only covers that the file names have a vector.

        Raises
        ------
        ModelError
            Always.
        """
        del images
        name = self.arch.removeprefix(FILE).rpartition("#")[0]
        message = (
            f"the vectors of this library come from the file '{name}', and a new picture has "
            "none: ask about a cover of the library, or train with '--embedder cnn'"
        )
        raise ModelError(message)


def make_untouched(
    arch: str, weights: str
) -> tuple[Backbone, Normalisation, Normalisation]:
    """Build a network that is used as it was published; see `covers.model.network.make_backbone`.

    Raises
    ------
    ModelError
        If the name is unknown, or the weights cannot be had or do not fit.
    """
    if arch.startswith(FILE):
        return LookedUpVectors(arch), (0.0,) * 3, (1.0,) * 3
    if arch.startswith(CLIP):
        from covers.model.network.openclip import make_clip

        return clip_backbone(arch, make_clip(arch, weights))
    return _make_timm(arch, weights)


def clip_backbone(
    arch: str, clip: Any
) -> tuple[Backbone, Normalisation, Normalisation]:
    """Return the part of an OpenCLIP model that sees pictures, and what these are normalised with."""
    from covers.model.network.openclip import PictureTower, picture_settings

    side, mean, std = picture_settings(arch, clip)
    return UntouchedBackbone(PictureTower(clip.visual), arch, side), mean, std


def _make_timm(
    arch: str, weights: str
) -> tuple[Backbone, Normalisation, Normalisation]:
    """Build a timm network with its own pooling and without its classifier."""
    from covers.model.network.vision import import_timm

    with needs_extra(f"architecture {shown_arch(arch)!r}"):
        timm = import_timm()
    from covers.model.network.weights.hub import (
        cached_timm,
        no_download,
        not_here,
        without_hub,
    )
    from covers.model.network.weights.pretrained import load_state, read_state

    name = arch.removeprefix(UNTOUCHED)
    if weights == "here" and cached_timm(name) is None:
        raise not_here(arch)
    if not timm.is_model(name):
        raise unknown_architecture(name, timm.list_models())
    pretrained = weights in ("imagenet", "pretrained", "here")
    with without_hub() if weights == "here" else nullcontext():
        try:
            model = timm.create_model(name, pretrained=pretrained, num_classes=0)
        except (OSError, RuntimeError, ValueError) as error:
            raise no_download(arch, error) from error
    if not pretrained and weights != "none":
        load_state(model, read_state(Path(weights)), f"'{weights}'", arch)
    config = model.default_cfg  # timm's description of the weights
    side = int(config["input_size"][-1])
    try:
        backbone = UntouchedBackbone(model, arch, side)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        message = f"architecture {shown_arch(arch)!r} gives no vector of a picture ({error}): try 'timm:vit_small_patch16_224'"
        raise ModelError(message) from error
    return backbone, tuple(config["mean"]), tuple(config["std"])
