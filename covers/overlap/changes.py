"""What changed from decade to decade: the trend of each pair's overlap, tested for all pairs together.

Letters: T decades, P pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from covers.errors import DataError
from covers.overlap.measured import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covers.index.embedded import EmbeddedCovers
    from covers.overlap.overlap import OverlapMatrices

Array = npt.NDArray[np.float64]

_YEARS_PER_PART = 10
_LEAST_ERROR = 1e-3
_REACH = 1.96
_FEWEST_GROUPS = 10
"""Of each genre in a decade: resamples of fewer understate what they do not know."""


def split_covers(
    covers: EmbeddedCovers, by: Literal["year", "source"] | None
) -> dict[str, npt.NDArray[np.int64]]:
    """Return the rows of each decade or source, in order of its name.

    Raises
    ------
    DataError
        If no cover has a known year or source.
    """
    if by is None:
        return {}
    if by == "source":
        names = np.asarray(covers.sources, dtype=str)
    else:
        decade = covers.years // _YEARS_PER_PART * _YEARS_PER_PART
        names = np.asarray(
            [f"{int(d)}s" if np.isfinite(d) else "" for d in decade], dtype=str
        )
    found = {
        str(name): np.flatnonzero(names == name) for name in np.unique(names) if name
    }
    if not found:
        message = f"no cover has a known {by}: measure without '--by {by}'"
        raise DataError(message)
    return found


def measure_changes(
    parts: Mapping[str, OverlapMatrices], nested: npt.NDArray[np.bool_]
) -> list[Change]:
    """Say of each pair how its overlap moved over the decades, the most certain first.

    A straight line is laid through the overlaps of the decades, each weighted by the
    groups that it was measured on; its error follows from theirs.

    Parameters
    ----------
    parts : mapping of str to OverlapMatrices
        By decade, such as ``"1970s"``.
    nested : ndarray of bool, shape (n_genres, n_genres)
        Pairs to leave out: row i, column j where genre i is part of genre j.

    Returns
    -------
    list of Change
        For each pair of which both genres have covers of ten groups in two decades
        or more; q is corrected for all pairs (Benjamini-Hochberg).
    """
    from scipy.special import ndtr
    from scipy.stats import false_discovery_control

    if not parts:
        return []
    names = list(parts)
    years = np.array([float(name.rstrip("s")) for name in names])
    genres = next(iter(parts.values())).genres
    a, b = np.triu_indices(len(genres), 1)
    values, errors, weights = _by_decade(list(parts.values()), a, b)  # (T, P)
    change, error = fit_trends(years / _YEARS_PER_PART, values, errors, weights)
    known = np.flatnonzero(np.isfinite(change) & ~nested[a, b] & ~nested[b, a])
    if not len(known):
        return []
    p = 2 * ndtr(-np.abs(change[known]) / error[known])
    q = false_discovery_control(p)
    rows = []
    for place, pair in enumerate(known):
        there = np.flatnonzero(np.isfinite(values[:, pair]))
        reach = _REACH * float(error[pair])
        # Corrected overlaps may lie a little outside of what an overlap can be.
        value = float(np.clip(change[pair], -1, 1))
        rows.append(
            Change(
                a=genres[a[pair]],
                b=genres[b[pair]],
                first=names[there[0]],
                last=names[there[-1]],
                n_parts=len(there),
                change=value,
                ci95=(max(value - reach, -1.0), min(value + reach, 1.0)),
                p=float(p[place]),
                q=float(q[place]),
            )
        )
    return sorted(rows, key=lambda row: row.p)


def fit_trends(
    at: Array, values: Array, errors: Array, weights: Array
) -> tuple[Array, Array]:
    """Return the change of each pair along a straight line from first to last, and its standard error.

    Parameters
    ----------
    at : ndarray of float64, shape (n_decades,)
        Rising.
    values, errors, weights : ndarray of float64, shape (n_decades, n_pairs)
        NaN where a pair was not measured.

    Returns
    -------
    change, error : ndarray of float64, shape (n_pairs,)
        NaN for pairs measured once or never.

    Examples
    --------
    >>> values = np.array([[0.2], [0.3], [0.4]])
    >>> change, error = fit_trends(
    ...     np.arange(3.0), values, np.full((3, 1), 0.1), np.ones((3, 1))
    ... )
    >>> change.round(2), error.round(2)
    (array([0.2]), array([0.14]))
    """
    known = np.isfinite(values)
    w = np.where(known, weights, 0.0)
    x = np.broadcast_to(at[:, None], values.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = x - (w * x).sum(axis=0) / w.sum(axis=0)
        pull = w * centred / (w * centred**2).sum(axis=0)  # of each decade on the slope
    span = np.where(known, x, -np.inf).max(axis=0) - np.where(known, x, np.inf).min(
        axis=0
    )
    enough = known.sum(axis=0) > 1
    slope = np.where(known, pull * values, 0).sum(axis=0)
    error = np.where(known, pull * errors, 0)
    with np.errstate(invalid="ignore"):
        change = np.where(enough, slope * span, np.nan)
        total = np.where(enough, np.sqrt((error**2).sum(axis=0)) * span, np.nan)
    return change, total


def _by_decade(
    parts: list[OverlapMatrices], a: npt.NDArray[np.intp], b: npt.NDArray[np.intp]
) -> tuple[Array, Array, Array]:
    """Return each pair's overlap (not clipped), its standard error and its groups, shape (T, P)."""
    shape = (len(parts), len(a))
    values, errors, weights = (np.full(shape, np.nan) for _ in range(3))
    for row, part in enumerate(parts):
        enough = part.n_groups >= _FEWEST_GROUPS
        known = np.isfinite(part.overlap[a, b]) & enough[a] & enough[b]
        samples = part.samples[:, known].astype(np.float64)
        samples[~np.isfinite(samples)] = np.nan
        values[row, known] = np.nanmean(samples, axis=0)
        errors[row, known] = np.maximum(np.nanstd(samples, axis=0), _LEAST_ERROR)
        n_a, n_b = part.n_groups[a[known]], part.n_groups[b[known]]
        weights[row, known] = n_a * n_b / (n_a + n_b)
    return values, errors, weights
