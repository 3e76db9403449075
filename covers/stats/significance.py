"""Group-wise significance: whether one set of losses is certainly lower than another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_DOUBT = 0.05


def is_certainly_lower(
    losses: npt.NDArray[np.floating],
    others: npt.NDArray[np.floating],
    groups: npt.NDArray[np.int64],
    *,
    n_tried: int,
) -> bool:
    """Say whether a mean loss is lower than another by more than luck.

    A one-sided paired t-test over groups at 5 %, shared among all that were
    tried (Bonferroni): the best of hundreds looks good on a few artists.

    Parameters
    ----------
    losses, others : ndarray of float64, shape (n_covers,)
        Of the same covers.
    groups : ndarray of int64, shape (n_covers,)
    n_tried : int
        How many were tried to find `losses`.
    """
    from scipy.stats import t

    _, members = np.unique(groups, return_inverse=True)
    gains = np.bincount(members, others - losses)  # (U,)
    if len(gains) < 2:
        return False
    needed = t.ppf(1 - _DOUBT / n_tried, len(gains) - 1)
    return bool(gains.mean() > needed * gains.std(ddof=1) / len(gains) ** 0.5)
