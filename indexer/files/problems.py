"""What `verify` finds, and what helps."""

from dataclasses import dataclass
from typing import Any

__all__ = [
    "REPAIR_BACK",
    "REPAIR_CURRENT",
    "REPAIR_LINK",
    "REPAIR_LOOKUP",
    "REPAIR_PAST",
    "REPAIR_RIGHTS",
    "REPAIR_STRANGER",
    "REPAIR_STRUCTURE",
    "Problem",
    "VerifyReport",
]

_REPAIR = "run 'python -m indexer verify FOLDER --repair'"
REPAIR_STRUCTURE = (
    f"{_REPAIR}: the structure is built again from the stored vectors; until then "
    "searches are exact and slower"
)
REPAIR_LOOKUP = f"{_REPAIR}: it is made again from the ids"
REPAIR_CURRENT = f"{_REPAIR}: it is pointed to the newest whole generation"
REPAIR_BACK = f"{_REPAIR}: the newest whole generation becomes current again"
REPAIR_RIGHTS = "let this user read the file; nothing is lost"
REPAIR_PAST = f"{_REPAIR}: the older generation is given up, the current one is whole"
REPAIR_LINK = "put what it leads to in its place, or remove the link; nothing is lost"
REPAIR_STRANGER = "move it out of the folder; the index neither reads nor removes it"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    what : str
    repair : str
        What helps.
    file : str or None
        Path relative to the index; the manifest for what is wrong as a whole.
    id : str or None
        The item, where the problem is one item's. One of both is there.
    generation : int or None
        Set when the problem is only of an older generation.
    is_stranger : bool
        Whether it is only something beside the index that its owner has to
        look at: nothing of the index is damaged.
    """

    what: str
    repair: str
    file: str | None = None
    id: str | None = None
    generation: int | None = None
    is_stranger: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give plain values; `file` and `id` only where they say something."""
        content = {"file": self.file, "id": self.id, "generation": self.generation}
        named = {key: value for key, value in content.items() if value is not None}
        return {**named, "what": self.what, "repair": self.repair}


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What `verify` found.

    Attributes
    ----------
    ok : bool
        Whether nothing is wrong.
    problems : tuple of Problem
    info : dict
        As of `VectorIndex.info`; empty when the index cannot be opened.
    checks : dict of str to int or float
        How much was looked at: files, bytes, items, sampled queries, …
    """

    ok: bool
    problems: tuple[Problem, ...]
    info: dict[str, Any]
    checks: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Give the report as it is printed by ``verify --json``."""
        empty: dict[str, Any] = {
            "generation": None,
            "n": None,
            "dimension": None,
            "structure": None,
            "recall_at_k": None,
            "k": None,
            "segments": [],
            "tombstones": None,
            "fingerprints": {},
        }
        return {
            **empty,
            **self.info,
            "ok": self.ok,
            "problems": [problem.to_dict() for problem in self.problems],
            "checks": self.checks,
        }
