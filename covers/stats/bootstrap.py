"""Group bootstrap: whole groups are drawn again, never single covers.

A resample is a row of counts, how often each group was drawn, so a statistic
that is built from sums over covers is computed for all resamples with one
matrix product. Letters: B resamples, N covers, U groups, M statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 64


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Parameters
    ----------
    low, high : float
        Its ends, in units of the statistic; NaN where it cannot be told.
    """

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside; False where the interval is unknown."""
        return self.low > 0 or self.high < 0

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high


@dataclass(frozen=True)
class GroupBootstrap:
    """Resamples of the groups that a set of covers falls into.

    Parameters
    ----------
    counts : ndarray of int16, shape (n_bootstraps, n_groups)
        How often each group was drawn; every row sums to `n_groups`.
    members : ndarray of int64, shape (n_covers,)
        Column of `counts` that each cover belongs to.

    References
    ----------
    .. [1] Davison, A. C., Hinkley, D. V. (1997). "Bootstrap Methods and their
       Application". Cambridge University Press, sec. 3.8 (hierarchical data).
    """

    counts: npt.NDArray[np.int16]
    members: npt.NDArray[np.int64]

    @classmethod
    def draw(
        cls,
        groups: npt.NDArray[Any],
        *,
        n_bootstraps: int = 1000,
        seed: int = 0,
    ) -> GroupBootstrap:
        """Draw the resamples.

        Parameters
        ----------
        groups : ndarray, shape (n_covers,)
            Group of each cover, as numbers or strings.
        n_bootstraps : int, default=1000
            Number of resamples; 200 gives a rough interval, 1000 a steady one.
        seed : int, default=0
            Same seed, same resamples.

        Raises
        ------
        ValueError
            If there is no cover, or ``n_bootstraps < 1``.
        """
        if len(groups) == 0 or n_bootstraps < 1:
            message = (
                "a bootstrap needs at least one cover and one resample, got "
                f"{len(groups)} covers and n_bootstraps={n_bootstraps}"
            )
            raise ValueError(message)
        distinct, members = np.unique(groups, return_inverse=True)
        n_groups = len(distinct)
        rng = np.random.default_rng(seed)
        counts = np.empty((n_bootstraps, n_groups), np.int16)  # (B, U)
        for row in counts:
            row[:] = np.bincount(
                rng.integers(n_groups, size=n_groups), minlength=n_groups
            )
        return cls(counts, members.astype(np.int64))

    def __len__(self) -> int:
        return len(self.counts)

    def first(self, n_bootstraps: int) -> GroupBootstrap:
        """Return the first resamples, for a rough interval of something slow."""
        return GroupBootstrap(self.counts[:n_bootstraps], self.members)

    def left_out(self) -> GroupBootstrap:
        """Return all groups but one, each left out in turn, for a jackknife; shape (n_groups, n_groups)."""
        counts = ~np.eye(self.n_groups, dtype=bool)
        return GroupBootstrap(counts.astype(np.int16), self.members)

    @property
    def n_groups(self) -> int:
        """Number of groups that are drawn."""
        return int(self.counts.shape[1])

    def sums(self, values: Any) -> npt.NDArray[np.float64]:
        """Sum values over the covers of each resample.

        Parameters
        ----------
        values : ndarray or scipy.sparse array, shape (n_covers,) or (n_covers, n_values)
            One or more numbers per cover; sparse where most are zero, such as
            the cell of a confusion matrix each cover falls into.

        Returns
        -------
        ndarray of float64, shape (n_bootstraps,) or (n_bootstraps, n_values)
            Sum of `values` over every cover, as often as its group was drawn.
        """
        by_group = self.sum_by_group(values)  # (U,) or (U, M)
        result = np.empty((len(self), *by_group.shape[1:]))  # (B,) or (B, M)
        for start in range(0, len(self), _BLOCK):
            block = self.counts[start : start + _BLOCK].astype(np.float64)
            result[start : start + _BLOCK] = block @ by_group
        return result

    def means(self, values: Any) -> npt.NDArray[np.float64]:
        """Average values over the covers of each resample; see `sums`."""
        totals = self.sums(values)
        sizes = self.sums(np.ones(len(self.members)))
        return totals / (sizes[:, None] if totals.ndim == 2 else sizes)

    def weights(self) -> Iterator[npt.NDArray[np.float64]]:
        """Yield each resample as weights of the covers, shape (n_covers,).

        For statistics that are no function of sums.
        """
        for row in self.counts:
            yield row[self.members].astype(np.float64)

    def sum_by_group(self, values: Any) -> Any:
        """Sum `values` within each group, shape (n_groups,) or (n_groups, n_values); see `sums`."""
        from scipy import sparse

        n_covers = len(self.members)
        if values.shape[0] != n_covers:
            message = f"expected values of {n_covers} covers, got {values.shape[0]}"
            raise ValueError(message)
        gather = sparse.csr_array(
            (np.ones(n_covers), (self.members, np.arange(n_covers))),
            shape=(self.n_groups, n_covers),
        )
        return gather @ values


def percentile_interval(
    samples: npt.NDArray[np.float64], level: float = 0.95
) -> Interval:
    """Return the middle `level` of bootstrap samples.

    Parameters
    ----------
    samples : ndarray of float64, shape (n_bootstraps,)
        The statistic in each resample; NaN (a resample in which it is not
        defined) is left out.
    level : float, default=0.95
        Share of the samples inside, above 0 and below 1.

    Returns
    -------
    Interval
        NaN at both ends where no sample is defined.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), level=0.5)
    Interval(low=25.0, high=75.0)
    """
    if not 0 < level < 1:
        message = f"level must lie between 0 and 1, got {level!r}"
        raise ValueError(message)
    defined = samples[np.isfinite(samples)]
    if len(defined) == 0:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
