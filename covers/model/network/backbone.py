"""Backbones by name, without fastai: built, loaded with weights, read at several levels.

Training hands the same module to fastai's ``vision_learner``; everything that
only reads a trained model needs torch alone, which starts in a fifth of the time.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MAX_LEVELS = 3
STATISTICS = ("maximum", "mean", "standard deviation")
"""Of each channel of each level, in this order."""
N_MIXTURES = 24
"""Mixtures of a level's channels whose covariances are its texture."""
_NORMALISED_AT_ONCE = 4
_FIRST_AT_ONCE = 8
_FIRST_MAP_BYTES = 2**24  # larger tensors cost a ResNet a tenth in fresh memory
_CPU_BATCHES = (8, 32)  # at least and at most


class Backbone(nn.Module):  # type: ignore[misc]
    """A convolutional body whose output is statistics of several levels.

    A *level* is the last feature map of each spatial resolution, of which the
    deepest `MAX_LEVELS` are read: shallow levels know colour, grain and edges,
    deep ones shapes and things. Each contributes its texture (which channels
    answer in the same places: roots of the covariances of `N_MIXTURES` fixed
    random mixtures of channels [1]_), then the maximum, the mean and the standard
    deviation of every channel over the picture: whether something is there at
    all, how much of it, and how unevenly.

    Parameters
    ----------
    body : nn.Module
        Either an ``nn.Sequential`` of layers, or a timm model.
    arch : str
        Its name.

    References
    ----------
    .. [1] Gao, Y., Beijbom, O., Zhang, N., Darrell, T. (2016). "Compact Bilinear
       Pooling". CVPR.
    """

    is_untouched = False
    """Whether it is used as its makers published it, and never fine-tuned."""

    def __init__(self, body: nn.Module, arch: str) -> None:
        super().__init__()
        self.body = body
        self.arch = arch
        config = getattr(body, "default_cfg", None) or {}
        self.fixed_size: int | None = (
            config["input_size"][-1] if config.get("fixed_input_size") else None
        )
        was_training = body.training
        with torch.no_grad():
            levels = self.eval().levels(
                torch.zeros(1, 3, self.fixed_size or 128, self.fixed_size or 128)
            )
        self.train(was_training)
        self.channels = tuple(int(level.shape[1]) for level in levels)
        for position, width in enumerate(self.channels):
            self.register_buffer(
                f"mixtures_{position}", _make_mixtures(width), persistent=False
            )
            self.register_buffer(
                f"pairs_{position}", _pair_mixtures(width), persistent=False
            )

    @property
    def level_widths(self) -> tuple[int, ...]:
        """How much of the output each level is: its texture, and the statistics of its channels."""
        widths = []
        for width in self.channels:
            n = min(N_MIXTURES, width)
            widths.append(n * (n + 1) // 2 + len(STATISTICS) * width)
        return tuple(widths)

    @property
    def n_features(self) -> int:
        """Width of the output."""
        return sum(self.level_widths)

    @property
    def baseline_columns(self) -> tuple[int, int]:
        """The columns of the output that a search without any training would use: the deepest means."""
        return self.n_features - 2 * self.channels[-1], self.n_features - self.channels[
            -1
        ]

    def cpu_batch(self, size_px: int) -> int:
        """Return how many pictures (S, S) to answer at once on a CPU.

        Many save a small network the calls, few save a large one the memory:
        the first feature map, in 16 bits, stays below `_FIRST_MAP_BYTES`.
        """
        least, most = _CPU_BATCHES
        if not isinstance(self.body, nn.Sequential):
            return most
        parameter = next(self.parameters())
        with torch.inference_mode():
            first = self.body[0](parameter.new_zeros(1, 3, size_px, size_px))
        map_bytes: int = 2 * first.numel()
        return min(most, max(least, _FIRST_MAP_BYTES // map_bytes))

    def level_positions(self, size_px: int) -> list[int]:
        """Return which layers' maps of pictures (S, S) are levels."""
        parameter = next(self.parameters())
        with torch.inference_mode():
            return _deepest(self._maps(parameter.new_zeros(1, 3, size_px, size_px)))

    def levels(self, images: Tensor) -> list[Tensor]:
        """Return feature maps (B, C, h, w) from shallow to deep."""
        maps = self._maps(images)
        return [maps[position] for position in _deepest(maps)]

    def _maps(self, images: Tensor) -> list[Tensor]:
        if isinstance(self.body, nn.Sequential):
            first, *others = self.body
            maps = [_run_exactly(first, images)]
            for layer in others:
                maps.append(layer(maps[-1]))
        else:
            maps = _timm_maps(self.body, images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Turn normalised images (B, 3, S, S) into statistics (B, n_features) in float32."""
        return self.summarise(self.levels(images))

    def summarise(self, levels: Sequence[Tensor]) -> Tensor:
        """Turn levels (B, C, h, w) into statistics (B, n_features) in float32."""
        statistics = []
        for position, level in enumerate(levels):
            values = level.float()
            mixtures = self.get_buffer(f"mixtures_{position}")
            with torch.autocast(level.device.type, enabled=False):
                texture = _make_texture(
                    values, mixtures, self.get_buffer(f"pairs_{position}")
                )
            mean = values.mean(dim=(2, 3))  # (B, C)
            # Two plain sums: torch.std_mean takes twenty times as long on channels-last maps.
            variance = values.square().mean(dim=(2, 3)) - mean.square()
            most = _maximum(level).float()
            statistics += [texture, most, mean, variance.clamp_min(1e-6).sqrt()]
        return torch.cat(statistics, dim=1)

    def deepest_mean(self, statistics: Tensor) -> Tensor:
        """Cut the deepest level's channel means (B, C) out of the statistics."""
        width = self.channels[-1]
        return statistics[:, -2 * width : -width]


def _deepest(maps: Sequence[Tensor]) -> list[int]:
    """Return where the levels are among a backbone's maps."""
    sides = [one.shape[-1] for one in maps]
    kept = [i for i, (a, b) in enumerate(itertools.pairwise(sides)) if a > b]
    return [*kept, len(maps) - 1][-MAX_LEVELS:]


def _maximum(level: Tensor) -> Tensor:
    """Return the maximum of every channel (B, C) of a level (B, C, h, w)."""
    if torch.is_grad_enabled():
        return level.amax(dim=(2, 3))  # equal maxima share the gradient
    # A tenth of the time where there are few channels.
    return F.adaptive_max_pool2d(level, 1).flatten(1)


def _make_mixtures(n_channels: int) -> Tensor:
    """Return fixed random directions (C, K) of length 1.

    They come from NumPy's legacy stream, which never changes: a saved network
    does not carry them.
    """
    n = min(N_MIXTURES, n_channels)
    stream = np.random.RandomState(0)
    directions = stream.standard_normal((n_channels, n))
    return F.normalize(torch.from_numpy(directions), dim=0).float()


def _pair_mixtures(n_channels: int) -> Tensor:
    """Return where each pair of mixtures (K (K + 1) / 2,) stands in a flattened table of them (K, K).

    Kept as a buffer, because indices on the CPU make a GPU wait at every use.
    """
    n = min(N_MIXTURES, n_channels)
    rows, columns = torch.triu_indices(n, n)
    return rows * n + columns


def _make_texture(values: Tensor, mixtures: Tensor, pairs: Tensor) -> Tensor:
    """Return signed roots of covariances (B, K (K + 1) / 2) of mixtures (C, K) of channels (B, C, h, w).

    Roots have the unit of the other statistics, and fit into 16 bits.
    """
    mixed = values.permute(0, 2, 3, 1).flatten(1, 2) @ mixtures  # (B, h w, K)
    mixed = mixed - mixed.mean(dim=1, keepdim=True)
    products = mixed.transpose(1, 2) @ mixed / mixed.shape[1]  # (B, K, K)
    covariances = products.flatten(1).index_select(1, pairs)
    return covariances / (covariances.abs() + 1e-3).sqrt()


def _run_exactly(layer: nn.Module, images: Tensor) -> Tensor:
    """Run the first layer in float32 where the network only answers, whatever the rest is in.

    Pixels and first weights rounded to 16 bits are part of what makes an
    embedding differ: of 704 real covers, 98.8 instead of 98.4 % of the nearest
    ten are those of float32. What comes out is handed on as the rest takes it;
    on a CPU a few pictures at a time, whose float32 map fits into the cache.
    """
    kind = images.device.type
    if torch.is_grad_enabled() or not torch.is_autocast_enabled(kind):
        return layer(images)
    dtype = torch.get_autocast_dtype(kind)
    at_once = _FIRST_AT_ONCE if kind == "cpu" else max(1, len(images))
    with torch.autocast(kind, enabled=False):
        return torch.cat(
            [layer(some.float()).to(dtype) for some in images.split(at_once)]
        )


def _timm_maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    """Return a timm model's feature maps, as (B, C, h, w)."""
    if hasattr(model, "forward_intermediates"):
        return list(
            model.forward_intermediates(
                images, intermediates_only=True, output_fmt="NCHW"
            )
        )
    features = model.forward_features(images)  # type: ignore[operator]
    if features.ndim == 3:  # tokens (B, T, C)
        features = features.transpose(1, 2).unsqueeze(-1)
    return [features]


def normalise(
    images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Turn uint8 pictures (B, 3, S, S) into normalised float32 in channels-last layout."""
    n, _, height, width = images.shape
    # Row by row, because torch would go through the three channels of a pixel in a loop of three.
    rows = images.permute(0, 2, 3, 1).reshape(n, height, 3 * width)
    scale = torch.tensor([1 / (255 * s) for s in std] * width, device=images.device)
    shift = torch.tensor(
        [-m / s for m, s in zip(mean, std, strict=True)] * width, device=images.device
    )
    out = torch.empty(rows.shape, device=images.device)
    # A few at a time, so that they stay in a core's cache between the passes.
    at_once = _NORMALISED_AT_ONCE if images.device.type == "cpu" else max(1, n)
    for some, into in zip(rows.split(at_once), out.split(at_once), strict=True):
        torch.addcmul(shift, some.float(), scale, out=into)
    return out.view(n, height, width, 3).permute(0, 3, 1, 2)
