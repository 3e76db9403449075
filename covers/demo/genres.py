"""The genres of the drawn library as known mixtures of visual styles.

A cover is drawn in two steps: its genre picks a *style* with the probabilities
below, then the style alone (never the genre) decides everything that can be
seen: palette, layout, lettering, year, print look. Given its style a cover is
therefore independent of its genre, so the best possible classifier, which recognises
every style, has posteriors, error and overlaps that are known exactly.

Letters in shapes: G genres, S styles.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

__all__ = ["GENRES", "GENRE_STYLES", "STYLES", "Mixture", "demo_mixture"]

#: Probability of each style given the genre; rows sum to one.
#: Pairs that share styles overlap by design: Ambient-Electronic 0.65,
#: Metal-Punk 0.42, Hip Hop-Jazz 0.28, Classical-Folk 0.15, three pairs 0.05.
GENRE_STYLES: MappingProxyType[str, dict[str, float]] = MappingProxyType(
    {
        "Ambient": {"glow": 0.40, "contours": 0.35, "fog": 0.25},
        "Classical": {
            "cartouche": 0.40,
            "pastoral": 0.35,
            "rosette": 0.20,
            "cutouts": 0.05,
        },
        "Electronic": {"glow": 0.30, "contours": 0.45, "grid": 0.15, "swiss": 0.10},
        "Folk": {"woodcut": 0.40, "porch": 0.40, "pastoral": 0.15, "fog": 0.05},
        "Hip Hop": {"chrome": 0.37, "city": 0.25, "portrait": 0.18, "wall": 0.20},
        "Jazz": {"portrait": 0.50, "cutouts": 0.40, "city": 0.10},
        "Metal": {"emblem": 0.43, "inferno": 0.35, "xerox": 0.22},
        "Punk": {"xerox": 0.45, "ransom": 0.30, "emblem": 0.20, "wall": 0.05},
    }
)

GENRES: tuple[str, ...] = tuple(GENRE_STYLES)
STYLES: tuple[str, ...] = tuple(
    sorted({style for shares in GENRE_STYLES.values() for style in shares})
)


@dataclass(frozen=True)
class Mixture:
    """Genres as distributions over styles, with what follows from them.

    Parameters
    ----------
    genres : tuple of str
        The G genre names.
    styles : tuple of str
        The S style names.
    probabilities : ndarray of float64, shape (G, S)
        ``P(style | genre)``; rows sum to one.
    """

    genres: tuple[str, ...]
    styles: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]

    def posterior(self, style: str) -> dict[str, float]:
        """Return ``P(genre | style)`` with all genres equally likely beforehand."""
        column = self.probabilities[:, self.styles.index(style)]
        return {
            genre: float(share)
            for genre, share in zip(self.genres, column / column.sum(), strict=True)
        }

    def overlap(self) -> npt.NDArray[np.float64]:
        """Return the overlap coefficient of every pair of genres.

        The sum over styles of the smaller of the two probabilities, which is
        twice the balanced two-class Bayes error.

        Returns
        -------
        ndarray of float64, shape (G, G)
            Symmetric, with ones on the diagonal.
        """
        p = self.probabilities
        shared: npt.NDArray[np.float64] = np.minimum(p[:, None, :], p[None, :, :])
        return np.asarray(shared.sum(axis=2))

    def bayes_accuracy(self) -> float:
        """Return the accuracy of the best possible classifier, all genres equally likely."""
        return float(self.probabilities.max(axis=0).sum() / len(self.genres))

    def bayes_macro_f1(self) -> float:
        """Return the macro-F1 of the classifier with that accuracy: it names each style's likeliest genre."""
        named = self.probabilities.argmax(axis=0)  # (S,)
        confusion = np.zeros((len(self.genres), len(self.genres)))
        np.add.at(confusion.T, named, self.probabilities.T)
        right = np.diag(confusion)
        return float((2 * right / (1 + confusion.sum(axis=0))).mean())


def demo_mixture() -> Mixture:
    """Return the mixture that the demo library is drawn from.

    Returns
    -------
    Mixture
        Eight genres over the styles of `STYLES`.

    Examples
    --------
    >>> mixture = demo_mixture()
    >>> round(mixture.bayes_accuracy(), 3)
    0.794
    """
    table = [
        [shares.get(style, 0.0) for style in STYLES] for shares in GENRE_STYLES.values()
    ]
    return Mixture(GENRES, STYLES, np.array(table, np.float64))
