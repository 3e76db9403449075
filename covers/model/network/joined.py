"""Several networks as one: their statistics side by side, one head each, one answer.

Every part sees the same pictures, in the colours it was trained with, and has a
head of its own. Its unit vector is multiplied by the root of the part's weight
and put beside those of the others, so that the cosine of two joined vectors is
the weighted mean of the parts' cosines; the joined logits are the weighted mean
of the parts' logits, which as probabilities is the normalised weighted
geometric mean of what the parts say. So index, vote, overlap, clusters and
service need not know that there are several.
Letters: B pictures, m parts, G genres.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from covers.model.network.backbone import Backbone
from covers.model.network.head import Head

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Norm = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of the colours that a network takes."""


class JoinedBackbone(Backbone):
    """Several backbones whose statistics lie side by side.

    Pictures come in normalised as the first part takes them; the others turn
    the colours into theirs.

    Parameters
    ----------
    parts : sequence of Backbone
    norms : sequence of (mean, std)
        What each part's pictures in [0, 1] are normalised with.
    """

    def __init__(self, parts: Sequence[Backbone], norms: Sequence[Norm]) -> None:
        nn.Module.__init__(self)
        self.parts = nn.ModuleList(parts)
        self.norms = tuple(norms)
        self.arch = ",".join(part.arch for part in parts)
        # What is used as published brings pictures to its size itself.
        sizes = {
            part.fixed_size
            for part in parts
            if part.fixed_size is not None and not part.is_untouched
        }
        if len(sizes) > 1:
            shown = " and ".join(f"{size} px" for size in sorted(sizes))
            message = f"they take pictures of {shown} only, and share theirs"
            raise ValueError(message)
        self.fixed_size = sizes.pop() if sizes else None
        self.channels = tuple(parts[-1].channels)
        first_mean, first_std = (torch.tensor(values) for values in norms[0])
        for position, (mean, std) in enumerate(norms):
            ratio = first_std / torch.tensor(std)
            shift = (first_mean - torch.tensor(mean)) / torch.tensor(std)
            for name, values in (("ratio", ratio), ("shift", shift)):
                self.register_buffer(
                    f"{name}_{position}", values[:, None, None], persistent=False
                )

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (B, 3, S, S), normalised as the first part's, into statistics (B, n_features)."""
        found = []
        for position, part in enumerate(self.parts):
            own = images
            if self.norms[position] != self.norms[0]:
                own = torch.addcmul(
                    self.get_buffer(f"shift_{position}"),
                    images,
                    self.get_buffer(f"ratio_{position}"),
                )
            found.append(part(own))
        return torch.cat(found, dim=1)

    @property
    def is_untouched(self) -> bool:  # type: ignore[override]
        """Whether every part is used as it was published."""
        return all(part.is_untouched for part in self.parts)

    @property
    def baseline_columns(self) -> tuple[int, int]:
        """The columns of the output that a search without any training would use: the last part's."""
        before = sum(self.widths[:-1])
        first, last = self.parts[-1].baseline_columns
        return before + first, before + last

    @property
    def n_features(self) -> int:
        """Width of the output."""
        return sum(self.widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """How much of the output each part is."""
        return tuple(int(part.n_features) for part in self.parts)

    def cpu_batch(self, size_px: int) -> int:
        """Return how many pictures (S, S) to answer at once on a CPU."""
        return min(int(part.cpu_batch(size_px)) for part in self.parts)


class JoinedHead(Head):
    """One head for each part of a `JoinedBackbone`, and one answer of all.

    Parameters
    ----------
    parts : sequence of Head
    weights : sequence of float, optional
        How much each part counts, summing to one; by default all alike.
    """

    weights: Tensor

    def __init__(
        self, parts: Sequence[Head], weights: Sequence[float] | None = None
    ) -> None:
        nn.Module.__init__(self)
        self.parts = nn.ModuleList(parts)
        even = [1 / len(parts)] * len(parts)
        self.register_buffer("weights", torch.tensor(list(weights or even)))

    def train(self, mode: bool = True) -> JoinedHead:
        """Switch every part to training."""
        nn.Module.train(self, mode)
        return self

    def embed(self, statistics: Tensor) -> Tensor:
        """Turn statistics (B, n_features) into unit vectors (B, embedding_dim)."""
        widths = [part.project.in_features for part in self.parts]
        roots = self.weights.sqrt()
        found = [
            root * part.embed(own)
            for root, part, own in zip(
                roots, self.parts, statistics.split(widths, dim=1), strict=True
            )
        ]
        return torch.cat(found, dim=1)

    def genres(self, embeddings: Tensor) -> Tensor:
        """Turn embeddings (B, embedding_dim) into logits (B, G)."""
        widths = [part.classify.in_features for part in self.parts]
        total = torch.zeros((), device=embeddings.device)
        for weight, part, own in zip(
            self.weights, self.parts, embeddings.split(widths, dim=1), strict=True
        ):
            # Linear: the weight of the logits is that of the vector's root times its root.
            layer = part.classify
            total = total + weight.sqrt() * part.scale * (own @ layer.weight.T)
            total = total + weight * layer.bias
        return total


def make_heads(
    backbone: Backbone,
    embedding_dims: Sequence[int],
    n_genres: int,
    dropout: float = 0.5,
) -> Head:
    """Make a head for a backbone, or one for each of its parts.

    Parameters
    ----------
    backbone : Backbone
    embedding_dims : sequence of int
        Width of each part's embedding; of a single backbone, one number.
    n_genres : int
    dropout : float, default=0.5
    """
    parts = backbone.parts if isinstance(backbone, JoinedBackbone) else [backbone]
    heads = [
        Head(part.n_features, dim, n_genres, dropout)
        for part, dim in zip(parts, embedding_dims, strict=True)
    ]
    return JoinedHead(heads) if isinstance(backbone, JoinedBackbone) else heads[0]


def classifier_shapes(
    tensors: Mapping[str, Sequence[int]],
) -> list[tuple[int, int]]:
    """Return genres and width of every part's classifier from the shapes of a model's tensors.

    Parameters
    ----------
    tensors : mapping of str to sequence of int
        Shapes by name.

    Returns
    -------
    list of (int, int)
        Of one network one entry, of several one each, in their order.
    """
    single = tensors.get("1.classify.weight")
    if single is not None:
        return [_pair(single)]
    found: list[tuple[int, int]] = []
    while f"1.parts.{len(found)}.classify.weight" in tensors:
        found.append(_pair(tensors[f"1.parts.{len(found)}.classify.weight"]))
    return found


def _pair(shape: Sequence[int]) -> tuple[int, int]:
    return (shape[0], shape[1]) if len(shape) == 2 else (0, 0)
