"""Findings of the audit as a person reviews them, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.audit.findings import FindingKind
from covers.catalogue.corrections import Action, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.audit.findings import Finding
    from covers.catalogue.corrections import Overlay
    from dashboard.data.analysis import Votes
    from dashboard.data.library import Library

TITLES = {
    "labels": "Doubtful labels",
    "duplicates": "Duplicates",
    "pictures": "Bad pictures",
    "mistakes": "Confident mistakes",
}
_LABELS = {FindingKind.LABEL_ERROR}
_DUPLICATES = {
    FindingKind.SEVERAL_GENRES,
    FindingKind.REISSUE,
    FindingKind.NEAR_DUPLICATE,
}
_MOST_MISTAKES = 200


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One thing to decide.

    Parameters
    ----------
    name : str
        For addresses; the same as long as the finding is.
    kind : str
        Of the finding, as decisions name it.
    rows : tuple of int
        The covers concerned, rows of the library.
    confidence : float
        0 to 1.
    reason : str
    suggestion : tuple of str
        Genres that would settle it.
    """

    name: str
    kind: str
    rows: tuple[int, ...]
    confidence: float
    reason: str
    suggestion: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether several covers are to be told apart."""
        return len(self.rows) > 1

    def decide(
        self,
        action: Action,
        library: Library,
        *,
        chosen: int | None = None,
        genres: Sequence[str] = (),
    ) -> list[Decision]:
        """Return the decisions that an action means.

        Parameters
        ----------
        action : Action
            Of a group, ``drop`` leaves the chosen cover and drops the others.
        library : Library
        chosen : int, optional
            Row of the cover of a group that stays; by default its first.
        genres : sequence of str
            For ``relabel``.
        """
        rows = list(self.rows)
        if action is Action.DROP and self.is_group:
            stays = rows[0] if chosen not in rows else chosen
            rows = [row for row in rows if row != stays]
        return [
            Decision(
                cover_id=library.cover_ids[row],
                action=action,
                genres=tuple(sorted(genres)) if action is Action.RELABEL else (),
                finding=self.kind,
                path=library.paths[row],
            )
            for row in rows
        ]

    def is_decided(self, library: Library, overlay: Overlay) -> bool:
        """Say whether a decision about its covers was written down."""
        ids = [library.cover_ids[row] for row in self.rows]
        open_ones = [
            one
            for one in ids
            if one not in overlay.dropped
            and one not in overlay.genres
            and (one, self.kind) not in overlay.confirmed
        ]
        # Of a group of duplicates one stays, and nothing needs to be said of it.
        return len(open_ones) <= (self.is_group and len(open_ones) < len(ids))

    def decided_as(self, library: Library, overlay: Overlay) -> str:
        """Say in a few words what was decided about its covers; empty where nothing was."""
        if not self.is_decided(library, overlay):
            return ""
        ids = [library.cover_ids[row] for row in self.rows]
        if n_dropped := sum(one in overlay.dropped for one in ids):
            return f"{n_dropped} of {len(ids)} dropped" if self.is_group else "dropped"
        genres = {genre for one in ids for genre in overlay.genres.get(one, ())}
        return f"filed as {', '.join(sorted(genres))}" if genres else "kept"


def doubts_of(
    findings: Sequence[Finding], library: Library, votes: Votes | None
) -> dict[str, list[Doubt]]:
    """Return what is to be decided, by group of `TITLES`, the most certain first."""
    found: dict[str, list[Doubt]] = {name: [] for name in TITLES}
    for finding in findings:
        rows = tuple(library.rows_of(finding.cover_ids))
        if not rows:
            continue
        group = (
            "labels"
            if finding.kind in _LABELS
            else "duplicates"
            if finding.kind in _DUPLICATES
            else "pictures"
        )
        found[group].append(
            Doubt(
                name=f"{finding.kind.value}-{library.cover_ids[rows[0]][:12]}",
                kind=finding.kind.value,
                rows=rows,
                confidence=finding.confidence,
                reason=finding.reason,
                suggestion=finding.suggestion,
            )
        )
    if votes is not None:
        known = {row for doubt in found["labels"] for row in doubt.rows}
        found["mistakes"] = _mistakes(library, votes, known)
    for doubts in found.values():
        doubts.sort(key=lambda one: -one.confidence)
    return {name: doubts for name, doubts in found.items() if doubts}


def _mistakes(library: Library, votes: Votes, known: set[int]) -> list[Doubt]:
    """Return held-out covers taken for another genre, which the audit did not list."""
    predicted, found = votes.predicted(), []
    for answer in votes.mistakes()[:_MOST_MISTAKES]:
        row = int(votes.rows[answer])
        if row in known:
            continue
        said, p = votes.vocab[predicted[answer]], float(votes.certainty[answer])
        found.append(
            Doubt(
                name=f"mistake-{library.cover_ids[row][:12]}",
                kind=FindingKind.LABEL_ERROR.value,
                rows=(row,),
                confidence=p,
                reason=f"network and vote read it as {said} with {100 * p:.0f} %",
                suggestion=(said,),
            )
        )
    return found


def waiting(library: Library, overlay: Overlay) -> int:
    """Return how many decisions the catalogue does not follow yet."""
    dropped = sum(cover_id in library.position for cover_id in overlay.dropped)
    changed = sum(
        sorted(library.genres[library.position[cover_id]]) != sorted(genres)
        for cover_id, genres in overlay.genres.items()
        if cover_id in library.position
    )
    return dropped + changed
