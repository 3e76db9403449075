"""What training minimises, and how a network is judged on the tuning covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from covers.model.training.history import TuningScores


def balance_genres(membership: Tensor, strength: float, *, multi_label: bool) -> Tensor:
    """Return the weight of each genre, shape (n_genres,): the rarer, the heavier.

    Parameters
    ----------
    membership : Tensor, shape (n_covers, n_genres)
        1/m for each of a cover's m genres.
    strength : float
        0 weighs covers equally, 1 weighs genres equally.
    multi_label : bool
        Weigh "has the genre" against "has it not" instead.
    """
    counts = membership.sum(dim=0).clamp_min(1.0)  # (G,)
    if multi_label:
        positive = (membership > 0).sum(dim=0).clamp_min(1)
        return ((len(membership) - positive) / positive).clamp_min(1.0) ** (
            0.5 * strength
        )
    weights = (counts.sum() / (len(counts) * counts)) ** strength
    return weights * counts.sum() / (weights * counts).sum()


class GenreLoss(nn.Module):  # type: ignore[misc]
    """Cross-entropy against membership of genres, genres weighted as they are rare.

    Parameters
    ----------
    genre_weights : Tensor, shape (n_genres,)
        Weight of each genre's share; mean 1 over covers.
    label_smoothing : float
        Share of each label spread over all genres.
    multi_label : bool
        Independent genres: binary cross-entropy on "has this genre".
    """

    def __init__(
        self, genre_weights: Tensor, *, label_smoothing: float, multi_label: bool
    ) -> None:
        super().__init__()
        self.register_buffer("genre_weights", genre_weights)
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label

    def forward(self, logits: Tensor, membership: Tensor) -> Tensor:
        """Return the mean loss of logits (B, G) against membership (B, G)."""
        losses, weights = self.each(logits, membership)
        loss: Tensor = (weights * losses).sum() / weights.sum()
        return loss

    def each(self, logits: Tensor, membership: Tensor) -> tuple[Tensor, Tensor]:
        """Return each cover's loss (B,) and weight (B,)."""
        weights = self.genre_weights.to(logits.device)
        if self.multi_label:
            membership = membership * (
                1 - self.label_smoothing
            ) + self.label_smoothing / 2 * (membership > -1)
            losses = F.binary_cross_entropy_with_logits(
                logits, membership, pos_weight=weights, reduction="none"
            )
            return losses.mean(dim=1), torch.ones_like(losses[:, 0])
        smooth = (
            membership * (1 - self.label_smoothing)
            + self.label_smoothing / membership.shape[1]
        )
        return -(smooth * F.log_softmax(logits, dim=1)).sum(dim=1), membership @ weights


def tempered_losses(
    loss: GenreLoss, logits: Tensor, membership: Tensor
) -> tuple[Tensor, float]:
    """Return each cover's weighted loss (n,), and their mean, at the temperature that suits logits (n, G) best.

    Probabilities are calibrated later, on covers of their own; an epoch is not
    to be preferred for being less confident.
    """
    slopes = torch.logspace(-2, 1.5, 15, base=2).tolist()
    mean, slope = min(
        (float(loss(slope * logits, membership)), slope) for slope in slopes
    )
    losses, weights = loss.each(slope * logits, membership)
    return weights * losses, mean


def score_tuning(logits: Tensor, membership: Tensor) -> TuningScores:
    """Return accuracy and macro-F1 of logits (n, G) against membership of genres (n, G)."""
    from sklearn.metrics import f1_score

    predicted = logits.argmax(dim=1)
    hits = membership.gather(1, predicted[:, None]).squeeze(1) > 0
    true = torch.where(hits, predicted, membership.argmax(dim=1))
    macro = f1_score(
        true.numpy(), predicted.numpy(), average="macro", zero_division=0.0
    )
    return {"accuracy": float(hits.float().mean()), "macro_f1": float(macro)}
