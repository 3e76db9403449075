"""How many independent observations dependent ones are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def effective_count(
    scores: npt.NDArray[np.floating[Any]], groups: npt.NDArray[np.int64]
) -> float:
    """Return how many independent observations some grouped ones are worth for a fit.

    Where the observations of a group say different things of what is fitted, as
    if they were strangers, each counts; where they say the same, the group counts
    once. Which it is shows in their scores: the variance of the sums over groups
    beside what it were without groups (the design effect, as in the composite
    likelihoods of [1]_).

    Parameters
    ----------
    scores : ndarray of float, shape (n, n_parameters)
        Derivative of each observation's loss at the fit, nearly zero on average.
    groups : ndarray of int64, shape (n,)

    Returns
    -------
    float
        Between the number of groups and n.

    References
    ----------
    .. [1] Varin, C., Reid, N., Firth, D. (2011). "An Overview of Composite
       Likelihood Methods". Statistica Sinica 21.

    Examples
    --------
    >>> groups = np.array([0, 0, 1, 1])
    >>> effective_count(np.array([[1.0], [1.0], [-1.0], [-1.0]]), groups)
    2.0
    >>> effective_count(np.array([[1.0], [-1.0], [1.0], [-1.0]]), groups)
    4.0
    """
    values = np.asarray(scores, np.float64)
    values = values - values.mean(axis=0)
    _, place = np.unique(groups, return_inverse=True)
    n, n_groups = len(values), int(place.max(initial=-1)) + 1
    sums = np.zeros((n_groups, values.shape[1]))
    np.add.at(sums, place, values)
    together, apart = float((sums**2).sum()), float((values**2).sum())
    worth = n * apart / together if together > 0 else float(n)
    return float(np.clip(worth, n_groups, n))
