"""Whether fine-tuning is likely to be worth its time: the published learning curve. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from covers.render.numbers import span

PAYS_FROM = 2000
"""From how many train covers on fine-tuning pays, by the curve."""

TUNED_EPOCHS = 8
"""Epochs that were measured, and that a library of this size gets on a GPU."""


@dataclass(frozen=True)
class CurvePoint:
    """How much fine-tuning improved predictions for covers of groups that no training has seen.

    Parameters
    ----------
    n_covers : int
        Train covers.
    frozen, tuned : float
        Macro-F1 of network + vote.
    low, high : float
        95 % interval of their difference, over groups.
    """

    n_covers: int
    frozen: float
    tuned: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """How much better the fine-tuned network reads genres."""
        return self.tuned - self.frozen


CURVE = (
    CurvePoint(250, 0.349, 0.368, 0.001, 0.038),
    CurvePoint(500, 0.379, 0.387, -0.012, 0.029),
    CurvePoint(1000, 0.402, 0.404, -0.023, 0.027),
    CurvePoint(2112, 0.419, 0.443, -0.004, 0.052),
    CurvePoint(3631, 0.414, 0.452, 0.006, 0.069),
)
"""EfficientNet-Lite2 at 224 pixels, five genres, 704 held-out covers, mean of 3 seeds;
the last point has covers of a second collection too: docs/method/training.md."""


def default_epochs(n_covers: int, *, on_gpu: bool, is_pretrained: bool) -> int:
    """Return the number of epochs of a training where nobody chose one.

    Fine-tuning is left out below `PAYS_FROM` covers, and where there is no GPU:
    it takes minutes to hours there. A backbone from nothing always needs it.
    """
    if not is_pretrained:
        return TUNED_EPOCHS
    return TUNED_EPOCHS if on_gpu and n_covers >= PAYS_FROM else 0


def describe_prospect(n_covers: int, epochs: int) -> str:
    """Say before a training how much fine-tuning is likely to improve it, and on what evidence.

    Examples
    --------
    >>> print(describe_prospect(900, 0))
    fine-tuning is left out: with 500 covers it read genres 0.8 points of macro-F1 better (95 % interval \N{MINUS SIGN}1.2 to +2.9) in our measurements, not on yours; it pays from some 2,000 on
    """
    point = max(
        (one for one in CURVE if one.n_covers <= n_covers),
        key=lambda one: one.n_covers,
        default=CURVE[0],
    )
    change = "better" if point.gain >= 0 else "worse"
    known = (
        f"with {point.n_covers:,} covers it read genres {abs(100 * point.gain):.1f} points of macro-F1 {change} "
        f"(95 % interval {span((100 * point.low, 100 * point.high), '+.1f')}) in our measurements, not on yours"
    )
    enough = n_covers >= PAYS_FROM
    if epochs:
        advice = (
            ""
            if enough
            else "; it pays from some 2,000 on, '--epochs 0' saves the time"
        )
        return f"fine-tuning, {epochs} epochs over {n_covers:,} covers: {known}{advice}"
    advice = (
        f"'--epochs {TUNED_EPOCHS}' does it, best on a GPU"
        if enough
        else "it pays from some 2,000 on"
    )
    return f"fine-tuning is left out: {known}; {advice}"
