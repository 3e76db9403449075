"""Where the network looked: Grad-CAM on the deepest feature map."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from covers.model.network.backbone import normalise
from covers.model.network.joined import JoinedBackbone, JoinedHead
from covers.model.pixels import to_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image

    from covers.model.network.backbone import Backbone
    from covers.model.weights import SavedModel


_HEAT_COLOURS = (
    (40, 20, 80),
    (120, 30, 110),
    (220, 80, 50),
    (250, 160, 30),
    (252, 240, 110),
)


def grad_cam(
    model: SavedModel, image: Image.Image, genre: str | None = None
) -> npt.NDArray[np.float32]:
    """Return how much each part of a picture speaks for a genre.

    Parameters
    ----------
    model : SavedModel
        The network.
    image : PIL.Image.Image
        RGB, of any size.
    genre : str, optional
        By default the genre the network finds most likely.

    Returns
    -------
    ndarray of float32, shape (image_size, image_size)
        In [0, 1], 1 where the most evidence lies; all zeros when nothing speaks for the genre.
        Of several networks in one model the mean, each counting as in the answer.

    Raises
    ------
    ValueError
        If the model does not know the genre.
    ModelError
        If no part of the model shows where it looked.

    References
    ----------
    .. [1] Selvaraju, R. R. et al. (2017). "Grad-CAM: Visual Explanations from Deep
       Networks via Gradient-based Localization". ICCV.
    """
    if genre is not None and genre not in model.vocab:
        message = f"unknown genre {genre!r}: the model knows {', '.join(model.vocab)}"
        raise ValueError(message)
    pixels = torch.from_numpy(to_pixels(image, model.image_size).copy()).permute(
        2, 0, 1
    )[None]
    images = normalise(
        pixels.to(model.device), model.card.mean, model.card.std
    ).requires_grad_()
    parts = _parts(model)
    if all(part.is_untouched for part, _ in parts):
        parts[0][0].levels(images)  # refuses, and says why
    with _recorded_maps([part for part, _ in parts]) as kept:
        try:
            with torch.enable_grad():
                logits = model.network(images)
                column = (
                    int(logits.argmax()) if genre is None else model.vocab.index(genre)
                )
                logits[0, column].backward()
        finally:
            model.network.zero_grad(set_to_none=True)
    heat = torch.zeros(model.image_size, model.image_size)
    for deepest, (_, weight) in zip(kept, parts, strict=True):
        heat += weight * _heat(deepest, model.image_size).cpu()
    peak = float(heat.max())
    result: npt.NDArray[np.float32] = (
        (heat / peak if peak > 0 else heat).numpy().astype(np.float32)
    )
    return result


def _parts(model: SavedModel) -> list[tuple[Backbone, float]]:
    """Return the networks of a model, and how much each counts."""
    if not isinstance(model.backbone, JoinedBackbone):
        return [(model.backbone, 1.0)]
    assert isinstance(model.head, JoinedHead)
    parts = list(zip(model.backbone.parts, model.head.weights.tolist(), strict=True))
    # Those used as published do not show where they looked; alone they say so.
    return [pair for pair in parts if not pair[0].is_untouched] or parts


@contextmanager
def _recorded_maps(parts: Sequence[Backbone]) -> Iterator[list[torch.Tensor]]:
    """Keep the deepest feature map (1, C, h, w) of each network, with its gradient, while they run."""
    kept: list[torch.Tensor] = []

    def keep(levels: Callable[[torch.Tensor], list[torch.Tensor]]) -> Any:
        def recorded_levels(images: torch.Tensor) -> list[torch.Tensor]:
            maps = levels(images)
            maps[-1].retain_grad()
            kept.append(maps[-1])
            return maps

        return recorded_levels

    for part in parts:
        part.levels = keep(part.levels)  # type: ignore[method-assign]
    try:
        yield kept
    finally:
        for part in parts:
            del part.levels


def _heat(deepest: torch.Tensor, size_px: int) -> torch.Tensor:
    """Return what speaks for the genre (S, S) by one network's deepest map, its peak at 1."""
    activation, gradient = deepest.detach(), deepest.grad
    assert gradient is not None
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, C, 1, 1)
    heat = torch.relu((weights * activation).sum(dim=1, keepdim=True))  # (1, 1, h, w)
    heat = torch.nn.functional.interpolate(
        heat, size=(size_px, size_px), mode="bilinear", align_corners=False
    )[0, 0]
    peak = float(heat.max())
    return heat / peak if peak > 0 else heat


def overlay(
    image: Image.Image, heat: npt.NDArray[np.float32], strength: float = 0.75
) -> Image.Image:
    """Lay a heat map over its picture: from violet through orange to yellow where the network looked.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB, of any size; the result has this size.
    heat : ndarray of float32, shape (S, S)
        In [0, 1], from `grad_cam`.
    strength : float, default=0.75
        0 shows the picture in grey alone, 1 hides it where the network looked most.
    """
    from PIL import Image as PillowImage

    levels = np.linspace(0, 1, len(_HEAT_COLOURS))
    mask = PillowImage.fromarray((255 * heat).astype(np.uint8))
    smooth = mask.resize(image.size, PillowImage.Resampling.BICUBIC)
    warmth = np.sqrt(np.asarray(smooth, np.float32) / 255)  # (h, w)
    colour = np.stack(
        [np.interp(warmth, levels, channel) for channel in np.transpose(_HEAT_COLOURS)],
        axis=-1,
    )
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    share = strength * warmth[..., None]
    mixed = (1 - share) * grey + share * colour
    return PillowImage.fromarray(mixed.clip(0, 255).astype(np.uint8))
