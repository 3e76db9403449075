"""What every store checks of a search: k, and the ids to leave out."""

from collections.abc import Collection, Sequence

import numpy as np

from indexer.ids import as_ids

__all__ = ["check_k", "check_n_sampled", "split_excluded"]


_MOST_K = 1 << 24


def check_k(k: int) -> int:
    """Refuse a number of neighbours that is none, or that no memory holds."""
    if _check_whole("k", k, 1) > _MOST_K:
        message = f"k must be at most {_MOST_K:,}, got {k}"
        raise ValueError(message)
    return int(k)


def check_n_sampled(n_sampled: int) -> int:
    """Refuse a number of items to sample below zero, or that is no whole number."""
    return _check_whole("n_sampled", n_sampled, 0)


def _check_whole(name: str, value: int, least: int) -> int:
    """Refuse what is no whole number, or less than `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        message = f"{name} must be a whole number, got {value!r}"
        raise TypeError(message)
    if value < least:
        message = f"{name} must be at least {least}, got {value}"
        raise ValueError(message)
    return int(value)


def split_excluded(
    exclude_ids: Collection[str] | Sequence[Collection[str]] | None, n_queries: int
) -> tuple[list[str], list[list[str]]]:
    """Tell ids to leave out for all queries from those for each.

    Returns
    -------
    hidden : list of str
        For all queries.
    excluded : list of list of str
        One list per query; or none at all.

    Raises
    ------
    TypeError
        If one bare string is given, or an id is no string.
    ValueError
        If there is not one sequence per query.
    """
    if exclude_ids is None:
        return [], []
    if isinstance(exclude_ids, str):
        message = f"exclude_ids must be a collection of ids, got {exclude_ids!r}"
        raise TypeError(message)
    given = list(exclude_ids)
    if not given:
        return [], []
    if isinstance(given[0], str):
        return as_ids(given, what="exclude_ids"), []
    if len(given) != n_queries:
        message = (
            f"exclude_ids holds {len(given)} sequences for {n_queries} queries: "
            f"give one sequence of ids for all, or one per query"
        )
        raise ValueError(message)
    return [], [as_ids(some, what="exclude_ids") for some in given]
