"""Simulated data whose overlap is known exactly, to test the measurement.

Three families, each with any sizes, imbalance, dimension and group structure:

gaussians
    One normal cloud per genre, all of one covariance. Two clouds whose means lie
    ``d`` standard deviations apart overlap by ``2 Φ(-d/2)``.
styles
    Each genre is a mixture of discrete styles, far apart; a cover shows its style
    and nothing else of its genre, as in the drawn demo library. Two genres
    overlap by ``Σ min(P(style|a), P(style|b))``.
shuffled
    All genres drawn from one cloud: every pair overlaps by 1, no edge is true.

Covers of one group (artist) share a part of their position, `group_correlation`,
and in the styles family their style, without changing a genre's distribution.
Points are lifted onto the unit sphere by a one-to-one map, which leaves overlaps
unchanged. Letters: N covers, G genres, D dimensions, S styles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Family = Literal["gaussians", "styles", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How to draw one data set.

    Parameters
    ----------
    family : {"gaussians", "styles", "shuffled"}
        See the module's text.
    n_covers : tuple of int
        Covers of each genre; its length is the number of genres.
    n_dimensions : int
        Dimension of the space that carries information.
    separation : float
        ``gaussians``: typical distance of means in standard deviations.
        ``styles``: concentration of a genre on few styles, near 0 one style alone.
    group_size : int
        Covers of an artist on average; 1 means that every cover stands alone.
    group_correlation : float
        Share of the variance that covers of one artist have in common, in [0, 1).
    group_sizes : tuple of int
        `group_size` of each genre, where genres differ in it.
    """

    family: Family
    n_covers: tuple[int, ...]
    n_dimensions: int
    separation: float
    group_size: int = 1
    group_correlation: float = 0.0
    group_sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class KnownOverlap:
    """A drawn data set and its true overlaps.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_covers, n_dimensions + 1)
        On the unit sphere.
    membership : ndarray of float64, shape (n_covers, n_genres)
        One genre each.
    groups : ndarray of int64, shape (n_covers,)
        Artist of each cover.
    overlap : ndarray of float64, shape (n_genres, n_genres)
        The truth.
    """

    vectors: npt.NDArray[np.float32]
    membership: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    overlap: npt.NDArray[np.float64]


def draw_known_overlap(design: Design, seed: int) -> KnownOverlap:
    """Draw one data set of known overlap.

    Raises
    ------
    ValueError
        If the family is unknown.
    """
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    n_genres, d = len(design.n_covers), design.n_dimensions
    labels = np.repeat(np.arange(n_genres), design.n_covers)  # (N,)
    groups = _draw_groups(design, rng)  # (N,)
    n_groups = int(groups.max()) + 1
    shared = rng.standard_normal((n_groups, d))
    own = rng.standard_normal((len(labels), d))
    rho = design.group_correlation
    noise = np.sqrt(rho) * shared[groups] + np.sqrt(1 - rho) * own  # (N, D)
    if design.family == "gaussians":
        means = rng.standard_normal((n_genres, d))
        means *= design.separation / np.sqrt(2 * d)
        points = means[labels] + noise
        distances = np.linalg.norm(means[:, None] - means[None], axis=2)
        overlap = 2 * norm.cdf(-distances / 2)
    elif design.family == "styles":
        n_styles = 3 * n_genres
        shares = rng.dirichlet(np.full(n_styles, design.separation), n_genres)
        centres = rng.standard_normal((n_styles, d))
        centres *= 12 / _closest(centres)
        genre_of_group = np.zeros(n_groups, np.int64)
        genre_of_group[groups] = labels
        cumulative = shares.cumsum(axis=1)
        style_of_group = (
            rng.random(n_groups)[:, None] > cumulative[genre_of_group, :-1]
        ).sum(axis=1)
        points = centres[style_of_group[groups]] + noise
        overlap = np.minimum(shares[:, None], shares[None]).sum(axis=2)
    elif design.family == "shuffled":
        points, overlap = noise, np.ones((n_genres, n_genres))
    else:
        message = f"family must be gaussians, styles or shuffled, got {design.family!r}"
        raise ValueError(message)
    np.fill_diagonal(overlap, 1.0)
    membership = np.eye(n_genres)[labels]
    return KnownOverlap(_lift(points), membership, groups, overlap)


def _draw_groups(design: Design, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw artists of one genre and 1 to 2 x group_size - 1 covers each."""
    groups: list[npt.NDArray[np.int64]] = []
    first = 0
    each = design.group_sizes or (design.group_size,) * len(design.n_covers)
    for n, group_size in zip(design.n_covers, each, strict=True):
        sizes = rng.integers(1, 2 * group_size, size=n)
        numbers = np.repeat(np.arange(n), sizes)[:n] + first
        first = int(numbers[-1]) + 1
        groups.append(numbers)
    return np.concatenate(groups)


def _closest(centres: npt.NDArray[np.float64]) -> float:
    """Return the smallest distance between two rows."""
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min())


def _lift(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Map the plane one-to-one, nearly keeping distances, onto the unit sphere."""
    radius = 4 * np.linalg.norm(points, axis=1).max()
    lifted = np.hstack([points, np.full((len(points), 1), radius)])
    lifted /= np.linalg.norm(lifted, axis=1, keepdims=True)
    return lifted.astype(np.float32)
