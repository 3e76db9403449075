"""Decisions of a person about covers, laid over what the sources say.

``decisions.json`` in the workspace holds them by content id: dropped covers,
corrected genres, findings that are fine as they are. Every scan lays them over
its covers again, so they survive scans, moved files and renamed folders; taking
one back brings the source's word back. The sources are never touched.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from covers.errors import DataError
from covers.workspace.artefacts import Stamp, fingerprint, write_json
from covers.workspace.read_artefacts import read_document
from covers.workspace.registry import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from covers.workspace.paths import Workspace

Value = TypeVar("Value")


class Action(StrEnum):
    """What a person decided."""

    DROP = "drop"  # leave the cover out
    RELABEL = "relabel"  # give it other genres
    KEEP = "keep"  # the finding is fine as it is: do not list it again


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision about one cover.

    Parameters
    ----------
    cover_id : str
    action : Action
    genres : tuple of str
        The cover's genres from now on, for ``relabel``.
    finding : str
        Kind of the finding that was looked at; ``keep`` holds for it alone.
    path : str
        Where the cover lay, for people who read the file.
    decided : str
        Date, ISO 8601.
    """

    cover_id: str
    action: Action
    genres: tuple[str, ...] = ()
    finding: str = ""
    path: str = ""
    decided: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def subject(self) -> tuple[str, str]:
        """Key that a decision shares with the older one it replaces: the cover, or one finding about it."""
        return self.cover_id, self.finding if self.action is Action.KEEP else ""


@dataclass(frozen=True)
class Overlay:
    """All decisions in force.

    Parameters
    ----------
    decisions : tuple of Decision
        At most one about each cover's fate, and one about each finding.
    """

    decisions: tuple[Decision, ...] = ()

    @classmethod
    def read(cls, workspace: Workspace) -> Overlay:
        """Read the decisions of a workspace; none where there is no file.

        Raises
        ------
        DataError
            If the file is damaged: decisions of a person are never ignored.
        """
        path = overlay_path(workspace)
        if not path.exists():
            return cls()
        payload = read_document(workspace, DECISIONS)
        try:
            return cls(
                tuple(
                    Decision(
                        **{
                            **item,
                            "action": Action(item["action"]),
                            "genres": tuple(item["genres"]),
                        }
                    )
                    for item in payload["decisions"]
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            message = (
                f"cannot read the decisions in '{path}' ({error}): put back a copy of the file, "
                f"or delete it to take all decisions back"
            )
            raise DataError(message) from error

    def write(self, workspace: Workspace) -> None:
        """Publish the decisions."""
        items = [asdict(decision) for decision in self.decisions]
        write_json(
            overlay_path(workspace), {"decisions": items}, Stamp(kind=DECISIONS.kind)
        )

    def with_decisions(self, decisions: Iterable[Decision]) -> Overlay:
        """Add decisions; each replaces an older one about the same subject."""
        kept = {decision.subject: decision for decision in self.decisions}
        kept.update((decision.subject, decision) for decision in decisions)
        return Overlay(tuple(kept[subject] for subject in sorted(kept)))

    def without(self, cover_ids: Collection[str]) -> Overlay:
        """Take back all decisions about some covers."""
        return Overlay(tuple(d for d in self.decisions if d.cover_id not in cover_ids))

    @cached_property
    def dropped(self) -> frozenset[str]:
        """Covers to leave out."""
        return frozenset(d.cover_id for d in self.decisions if d.action is Action.DROP)

    @cached_property
    def genres(self) -> dict[str, tuple[str, ...]]:
        """Corrected genres by cover id."""
        return {
            d.cover_id: d.genres for d in self.decisions if d.action is Action.RELABEL
        }

    @cached_property
    def confirmed(self) -> frozenset[tuple[str, str]]:
        """Pairs of cover id and kind of finding that a person found to be fine."""
        return frozenset(
            (d.cover_id, d.finding) for d in self.decisions if d.action is Action.KEEP
        )

    def leave_out(self, covers: Mapping[str, Value]) -> dict[str, Value]:
        """Return `covers`, keyed by cover id, without the dropped ones.

        Raises
        ------
        DataError
            If none is left.
        """
        left = {key: value for key, value in covers.items() if key not in self.dropped}
        if covers and not left:
            message = f"all {len(covers)} covers are dropped: take decisions back with 'covers audit --revert all'"
            raise DataError(message)
        return left

    def apply(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Lay the decisions over catalogue rows.

        Parameters
        ----------
        rows : iterable of dict
            With ``cover_id`` and ``genres``.

        Returns
        -------
        list of dict
            Dropped covers are missing, corrected ones have new ``genres``;
            the rows given are not changed.
        """
        return [
            {**row, "genres": sorted(self.genres[row["cover_id"]])}
            if row["cover_id"] in self.genres
            else row
            for row in rows
            if row["cover_id"] not in self.dropped
        ]

    def fingerprint(self) -> str:
        """Hash what a catalogue depends on: dropped covers and corrected genres."""
        return fingerprint(sorted(self.dropped), sorted(self.genres.items()))


def overlay_path(workspace: Workspace) -> Path:
    """Return where a workspace's decisions lie."""
    return workspace.path(DECISIONS)
