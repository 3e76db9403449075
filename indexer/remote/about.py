"""What a store on a server says of itself, and how it is to be searched."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa

from indexer.errors import IndexMismatchError

__all__ = [
    "EXACT_UP_TO",
    "FORMAT",
    "About",
    "Options",
    "Structure",
    "as_fingerprints",
    "refuse_other_format",
]

FORMAT = 1
EXACT_UP_TO = 65_000
"""So many matches are searched exactly; above it a structure proposes."""


@dataclass(frozen=True)
class Structure:
    """How a store is searched.

    Attributes
    ----------
    kind : {"auto", "exact"}
        What was asked for: something that proposes where there are many items, or
        nothing. It is a graph (HNSW) on PostgreSQL, lists (IVF) on Milvus.
    exact_up_to : int
        Up to so many matches every one is compared.
    target_recall : float
        Share of the true ten nearest that searches must find among more.
    has_graph : bool
        Whether something proposes.
    effort : int
        ``hnsw.ef_search``, or the lists that are looked through, that reach the recall.
    recall_at_k, recall_low : float
        As it was measured when it was built; 1 where every item is compared.
    """

    kind: str = "auto"
    exact_up_to: int = EXACT_UP_TO
    target_recall: float = 0.99
    has_graph: bool = False
    effort: int = 80
    recall_at_k: float = 1.0
    recall_low: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a store is made.

    Attributes
    ----------
    structure : {"auto", "exact"}
    target_recall : float
    exact_up_to : int
        As `Structure` says.
    lock_timeout_s : float
        How long to wait for another writer.
    """

    structure: str = "auto"
    target_recall: float = 0.99
    exact_up_to: int = EXACT_UP_TO
    lock_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.structure not in ("auto", "exact"):
            message = f"structure must be 'auto' or 'exact' on a server, got {self.structure!r}"
            raise ValueError(message)
        if not 0 < self.target_recall <= 1:
            message = f"target_recall must lie in (0, 1], got {self.target_recall!r}"
            raise ValueError(message)

    def begin(self) -> Structure:
        """Return the structure of a store that holds nothing yet."""
        return Structure(
            kind=self.structure,
            exact_up_to=self.exact_up_to,
            target_recall=self.target_recall,
        )


@dataclass(frozen=True, kw_only=True)
class About:
    """What one generation of a store holds.

    Attributes
    ----------
    generation, dimension, n_items : int
    schema : pyarrow.Schema
        Of the columns.
    fingerprints : dict of str to str
    structure : Structure
    changed : str
        When, in ISO 8601.
    """

    generation: int
    dimension: int
    n_items: int
    schema: pa.Schema
    fingerprints: dict[str, str] = field(default_factory=dict)
    structure: Structure = Structure()
    changed: str = ""

    def with_changes(self, **changes: Any) -> Self:
        """Return the next generation with some values changed."""
        return replace(self, generation=self.generation + 1, **changes)


def as_fingerprints(given: Mapping[str, str] | None) -> dict[str, str]:
    """Return fingerprints as a server keeps them.

    Raises
    ------
    ValueError
        If a name or a value is no text that a server keeps.
    """
    texts = {str(name): str(value) for name, value in (given or {}).items()}
    for one in (*texts, *texts.values()):
        if "\0" in one or any("\ud800" <= letter <= "\udfff" for letter in one):
            message = (
                f"fingerprints must be valid Unicode without the character NUL: {one!r}"
            )
            raise ValueError(message)
    return texts


def refuse_other_format(address: object, found: int) -> None:
    """Refuse a store that a newer release wrote.

    Raises
    ------
    IndexMismatchError
    """
    if found != FORMAT:
        message = f"store {str(address)!r} has format {found}, this release reads {FORMAT}: use the release that wrote it"
        raise IndexMismatchError(message)
