"""Counts of what a change to an index did."""

from dataclasses import dataclass

__all__ = ["Change"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Counts of one change to an index.

    Attributes
    ----------
    added, updated, removed : int
        Items that are new, that were replaced, that are gone.
    generation : int
        The generation that is current afterwards; of a dry run, the one that
        is current anyway.
    n_items : int
        Items in the index afterwards; of a dry run, what it would be.
    is_published : bool
        Whether a new generation was written; not where nothing was to do.
    is_dry_run : bool
        Whether writing was not asked for.
    """

    generation: int
    n_items: int
    added: int = 0
    updated: int = 0
    removed: int = 0
    is_published: bool = False
    is_dry_run: bool = False
