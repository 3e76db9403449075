"""The most confident mistakes, to take along and to review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.audit.findings import FindingKind
from covers.audit.review import COLUMNS
from covers.workspace.disk.text_tables import csv_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dashboard.data.analysis import Votes
    from dashboard.data.library import Library


def mistakes_csv(
    library: Library, votes: Votes, answers: npt.NDArray[np.int64] | None = None
) -> str:
    """Return the confident mistakes as the table that ``covers audit --accept`` takes.

    Its column ``action`` is empty, for a person to fill in; the suggestion is what
    was read. Cells that a spreadsheet would run are quoted.

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
        row = int(votes.rows[answer])
        said = votes.vocab[predicted[answer]]
        line = {
            "finding": number,
            "kind": FindingKind.LABEL_ERROR.value,
            "cover_id": library.cover_ids[row],
            "path": library.paths[row],
            "genres": ";".join(library.genres[row]),
            "confidence": f"{certainty[answer]:.4f}",
            "reason": f"taken for {said} with {100 * certainty[answer]:.0f} %",
            "suggestion": said,
        }
        about = [library.artists[row], library.albums[row]]
        rows.append([*(line.get(name, "") for name in COLUMNS), *about])
    return csv_text([*COLUMNS, "artist", "album"], rows)
