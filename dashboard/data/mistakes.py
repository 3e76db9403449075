"""The most confident mistakes, to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.workspace.text_tables import csv_text

if TYPE_CHECKING:
    from dashboard.data.analysis import Votes
    from dashboard.data.library import Library


def mistakes_csv(library: Library, votes: Votes) -> str:
    """Return the confident mistakes as CSV; cells that a spreadsheet would run are quoted."""
    header = ["cover_id", "path", "artist", "album", "genres", "read_as", "certainty"]
    rows = []
    predicted, certainty = (
        votes.predicted(),
        votes.distributions["network + vote"].max(axis=1),
    )
    for answer in votes.mistakes():
        row = int(votes.rows[answer])
        rows.append(
            [
                library.cover_ids[row],
                library.paths[row],
                library.artists[row],
                library.albums[row],
                "; ".join(library.genres[row]),
                votes.vocab[predicted[answer]],
                f"{certainty[answer]:.4f}",
            ]
        )
    return csv_text(header, rows)
