"""The findings to review as a table for download, which ``covers audit --accept`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.audit.findings import FindingKind
from covers.audit.review import COLUMNS, GENRE_SEPARATOR
from covers.workspace.disk.text_tables import csv_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from covers.catalogue.corrections import Decision, Overlay
    from dashboard.data.analysis import Votes
    from dashboard.data.doubts import Doubt
    from dashboard.data.library import Library


def doubts_csv(library: Library, doubts: Iterable[Doubt], overlay: Overlay) -> str:
    """Return doubts as a table, a line for each cover.

    Its column ``action`` holds what was decided, and is empty elsewhere, for a person
    to fill in. Cells that a spreadsheet would run are quoted.
    """
    decided = {decision.subject: decision for decision in overlay.decisions}
    rows = []
    for number, doubt in enumerate(doubts, start=1):
        about = {
            "finding": number,
            "kind": doubt.kind,
            "confidence": f"{doubt.confidence:.4f}",
            "reason": doubt.reason,
            "suggestion": GENRE_SEPARATOR.join(doubt.suggestion),
        }
        for row in doubt.rows:
            cover_id = library.cover_ids[row]
            found = decided.get((cover_id, "")) or decided.get((cover_id, doubt.kind))
            rows.append(_line(library, row, about | _action(found)))
    return csv_text(_HEADER, rows)


def _action(decision: Decision | None) -> dict[str, str]:
    """Return the cells of a decision, as a person would fill them in."""
    if decision is None:
        return {}
    return {
        "action": decision.action.value,
        "new_genres": GENRE_SEPARATOR.join(decision.genres),
    }


def mistakes_csv(
    library: Library, votes: Votes, answers: npt.NDArray[np.int64] | None = None
) -> str:
    """Return the confident mistakes as a table; the suggestion is what was read.

    Parameters
    ----------
    library : Library
    votes : Votes
    answers : ndarray of int64, optional
        Some of the mistakes; by default all.
    """
    rows = []
    predicted, certainty = votes.predicted(), votes.certainty
    chosen = votes.mistakes() if answers is None else answers
    for number, answer in enumerate(chosen, start=1):
        said = votes.vocab[predicted[answer]]
        about = {
            "finding": number,
            "kind": FindingKind.LABEL_ERROR.value,
            "confidence": f"{certainty[answer]:.4f}",
            "reason": f"taken for {said} with {100 * certainty[answer]:.0f} %",
            "suggestion": said,
        }
        rows.append(_line(library, int(votes.rows[answer]), about))
    return csv_text(_HEADER, rows)


_HEADER = (*COLUMNS, "artist", "album")


def _line(library: Library, row: int, about: dict[str, object]) -> list[object]:
    cells = about | {
        "cover_id": library.cover_ids[row],
        "path": library.paths[row],
        "genres": GENRE_SEPARATOR.join(library.genres[row]),
        "artist": library.artists[row],
        "album": library.albums[row],
    }
    return [cells.get(name, "") for name in _HEADER]
