"""The head of the network: from statistics of the backbone to embedding and genres."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Head(nn.Module):  # type: ignore[misc]
    """Statistics → embedding → genres.

    The embedding is what the classifier sees: standardised statistics,
    projected to `embedding_dim` and L2-normalised, so that cosine neighbours
    and the classifier read the same thing.

    Parameters
    ----------
    n_features : int
        Width of the backbone's statistics.
    embedding_dim : int
        Width of the embedding.
    n_genres : int
        Number of genres.
    dropout : float
        Share of the statistics hidden while training.
    follows : bool, default=False
        Whether the standardisation follows the statistics while training, as it
        must when the backbone starts from nothing. By default it stays where it
        was started: a small batch's own mean and spread are noise.
    """

    def __init__(
        self,
        n_features: int,
        embedding_dim: int,
        n_genres: int,
        dropout: float = 0.5,
        *,
        follows: bool = False,
    ) -> None:
        super().__init__()
        self.follows = follows
        self.standardise = nn.BatchNorm1d(n_features, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(n_features, embedding_dim)
        self.classify = nn.Linear(embedding_dim, n_genres)
        self.scale = nn.Parameter(torch.tensor(8.0))

    def train(self, mode: bool = True) -> Head:
        """Switch to training, but for a standardisation that stays where it is."""
        super().train(mode)
        self.standardise.train(mode and self.follows)
        return self

    def embed(self, statistics: Tensor) -> Tensor:
        """Turn statistics (B, n_features) into unit vectors (B, embedding_dim)."""
        return F.normalize(
            self.project(self.dropout(self.standardise(statistics))), dim=1
        )

    def genres(self, embeddings: Tensor) -> Tensor:
        """Turn embeddings (B, embedding_dim) into logits (B, n_genres)."""
        logits: Tensor = self.classify(self.scale * embeddings)
        return logits

    def forward(self, statistics: Tensor) -> Tensor:
        """Turn statistics (B, n_features) into logits (B, n_genres)."""
        return self.genres(self.embed(statistics))
