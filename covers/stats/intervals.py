"""Intervals for few groups: Student's t around the value, and Wilson's for shares.

Quantiles of resamples are too narrow where groups are few, stand on one side of a
figure that resampling moves (an average precision rises, a macro-F1 falls), and
shrink to a point where a rare genre was never named. What is here was compared
with known truth by ``scripts/bench label_intervals``. Letters: U groups, M
statistics, B resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.stats.bootstrap import Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Array = npt.NDArray[np.float64]

_LEVEL = 0.95
_OWN_COVERS = 20.0


def spread_interval(
    value: float,
    samples: Array,
    n_groups: int,
    *,
    is_share: bool = True,
    unseen: float = 0.0,
) -> Interval:
    """Return a 95 % interval: the value and what its resamples spread, by Student's t.

    Shares are taken as log-odds, so that the ends stay between 0 and 1; what has no
    upper end is taken as it is.

    Parameters
    ----------
    value : float
        What was measured.
    samples : ndarray of float64, shape (n_resamples,)
        The same in resamples of groups; NaN, where it is not defined, is left out.
    n_groups : int
        Groups that carry the figure; of fewer than two nothing can be told, and
        the interval of a share is everything.
    is_share : bool, default=True
        Whether it lies between 0 and 1.
    unseen : float, default=0.0
        Standard error of what resamples cannot show.

    Examples
    --------
    >>> spread_interval(0.5, np.array([0.4, 0.5, 0.6]), n_groups=30)
    Interval(low=0.33..., high=0.66...)
    """
    known = samples[np.isfinite(samples)]
    if not np.isfinite(value):
        return Interval(float("nan"), float("nan"))
    if n_groups < 2 or not len(known):
        return Interval(0.0, 1.0) if is_share else Interval(float("nan"), float("nan"))
    error = float(np.hypot(resampled_error(known, n_groups), unseen))
    reach = t_quantile(n_groups) * error
    if not is_share:
        return Interval(float(value - reach), float(value + reach))
    if not 0 < value < 1:
        low, high = wilson_interval(np.array([value]), np.array([n_groups]), n_groups)
        return Interval(float(low[0]), float(high[0]))
    return Interval(*_around_odds(value, reach))


def gap_interval(value: float, samples: Array, n_groups: int) -> Interval:
    """Return a 95 % interval of a difference of two methods on the same resamples."""
    return spread_interval(value, samples, n_groups, is_share=False)


def resampled_error(samples: Array, n_groups: int) -> float:
    """Return the standard error that resamples of `n_groups` groups show; they fall short of it by a little."""
    short = (n_groups / max(n_groups - 1, 1)) ** 0.5
    return float(samples.std() * short)


def as_resamples(left_out: Array) -> Array:
    """Return what a figure is without each group, spread out as far as resamples of groups are.

    Their `resampled_error` is the jackknife's standard error [1]_. A mean average
    precision of few groups needs it: a cover that stands in a resample twice stands
    beside itself in every ranking, so that resamples differ less than libraries do.

    Parameters
    ----------
    left_out : ndarray of float64, shape (n_groups,)
        Weighted by `covers.stats.bootstrap.GroupBootstrap.left_out`; NaN stays.

    References
    ----------
    .. [1] Efron, B., Tibshirani, R. J. (1993). "An Introduction to the Bootstrap".
       Chapman & Hall, ch. 11.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0, 5.0])
    >>> without = (x.sum() - x) / 3
    >>> round(resampled_error(as_resamples(without), 4), 3), round(float(x.std(ddof=1)) / 2, 3)
    (0.913, 0.913)
    """
    known = left_out[np.isfinite(left_out)]
    if not len(known):
        return left_out
    wider = (len(left_out) - 1) / len(left_out) ** 0.5
    return np.asarray(known.mean() + wider * (left_out - known.mean()))


def t_quantile(n_groups: float) -> float:
    """Return how many standard errors a 95 % interval reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(max(n_groups - 1, 1), (1 + _LEVEL) / 2))


def wilson_interval(
    share: ArrayLike, n: ArrayLike, n_groups: float
) -> tuple[Array, Array]:
    """Return Wilson's 95 % interval of shares [1]_; everything where nothing was counted.

    Parameters
    ----------
    share, n : array_like, shape (n_statistics,)
        Shares of `n` effective cases, see `share_intervals`.
    n_groups : float
        Of few groups Student's t takes the place of the normal quantile; infinity
        for that quantile itself.

    Returns
    -------
    low, high : ndarray of float64, shape (n_statistics,)

    References
    ----------
    .. [1] Wilson, E. B. (1927). "Probable inference, the law of succession, and
       statistical inference". JASA 22(158).

    Examples
    --------
    >>> low, high = wilson_interval([0.0, 0.5], [10, 10], n_groups=1000)
    >>> low.round(2), high.round(2)
    (array([0.  , 0.24]), array([0.28, 0.76]))
    """
    r, cases = np.asarray(share, np.float64), np.asarray(n, np.float64)
    z2 = t_quantile(n_groups) ** 2
    safe = np.maximum(cases, 1e-9)
    centre = (r + z2 / (2 * safe)) / (1 + z2 / safe)
    reach = np.sqrt(z2 * r * (1 - r) / safe + (z2 / (2 * safe)) ** 2) / (1 + z2 / safe)
    low = np.where(cases > 0, np.clip(centre - reach, 0, 1), 0.0)
    high = np.where(cases > 0, np.clip(centre + reach, 0, 1), 1.0)
    return low, high


def share_intervals(hits: Array, cases: Array) -> tuple[Array, Array]:
    """Return Wilson's 95 % intervals of the shares of many labels, groups counted as what they are worth.

    Covers of one group resemble each other, so that n covers are worth fewer: n over
    a design effect [1]_, which is taken from all labels together as far as a label's
    own cases are few.

    Parameters
    ----------
    hits, cases : ndarray of float64, shape (n_groups, n_labels)
        Counted within each group.

    Returns
    -------
    low, high : ndarray of float64, shape (n_labels,)

    References
    ----------
    .. [1] Kish, L. (1965). "Survey Sampling". Wiley, sec. 8.2.
    """
    n_groups, n = len(cases), cases.sum(axis=0)
    share = np.divide(hits.sum(axis=0), n, out=np.zeros_like(n), where=n > 0)
    gaps = ((hits - share * cases) ** 2).sum(axis=0) * n_groups / max(n_groups - 1, 1)
    expected = share * (1 - share) * n
    common = gaps.sum() / max(float(expected.sum()), 1e-12)
    trust = 4 * expected  # as many cases as would tell as much at a share of a half
    effect = (_OWN_COVERS * common + 4 * gaps) / (_OWN_COVERS + trust)
    return wilson_interval(share, n / np.maximum(effect, 1), n_groups)


def _around_odds(value: float, reach: float) -> tuple[float, float]:
    """Return the ends of `value` plus and minus `reach`, taken along the log-odds."""
    from scipy.special import expit, logit

    ends = expit(logit(value) + np.array([-1, 1]) * reach / (value * (1 - value)))
    return float(ends[0]), float(ends[1])
