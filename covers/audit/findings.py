"""What an audit finds: kinds of findings, and one finding."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from covers.render.short_repr import ShortRepr
from covers.workspace.documents import UNWRITTEN


class FindingKind(StrEnum):
    """What may be wrong, in the order in which a person should look."""

    SEVERAL_GENRES = "several_genres"
    REISSUE = "reissue"
    NEAR_DUPLICATE = "near_duplicate"
    LABEL_ERROR = "label_error"
    OUTLIER = "outlier"
    ARTIST_PHOTO = "artist_photo"
    ART_DIFFERS = "art_differs"
    TRACK_ART_DIFFERS = "track_art_differs"
    BLANK = "blank"
    DARK = "dark"
    BLURRED = "blurred"
    TINY = "tiny"
    NON_SQUARE = "non_square"


EXPLANATIONS: dict[FindingKind, str] = {
    FindingKind.SEVERAL_GENRES: "The same design under different genres: it counts for all of them, or one is wrong.",
    FindingKind.REISSUE: "The same album's design again: reissues, editions, other scans.",
    FindingKind.NEAR_DUPLICATE: "The same design in several files: they stay on one side of a split and never vote for each other.",
    FindingKind.LABEL_ERROR: "A classifier that never saw the cover is surprised by its genre.",
    FindingKind.OUTLIER: "Unlike every other cover: perhaps no cover at all.",
    FindingKind.ARTIST_PHOTO: "Probably a picture of the artist, not the cover of an album.",
    FindingKind.ART_DIFFERS: "The picture inside the music files is not the one beside them.",
    FindingKind.TRACK_ART_DIFFERS: "Some tracks carry another picture than the rest of their album.",
    FindingKind.BLANK: "Hardly anything to be seen.",
    FindingKind.DARK: "Hardly anything bright: perhaps a failed scan.",
    FindingKind.BLURRED: "No sharp edge anywhere: perhaps enlarged from a thumbnail.",
    FindingKind.TINY: "Smaller than the network looks at pictures.",
    FindingKind.NON_SQUARE: "Far from square: perhaps a tray card, a spread or a photo.",
}
"""One sentence for people about each kind."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Finding(ShortRepr):
    """One doubt of the audit about some covers, with its reason; nothing was changed.

    Parameters
    ----------
    kind : FindingKind
    cover_ids : tuple of str
        The covers concerned.
    paths : tuple of str
        The files concerned, below the roots of their sources.
    confidence : float
        0 to 1. Where a share of right findings was measured it is that
        share (duplicates, label errors), else it says how far beyond the limit
        the cover is, from 0.5 at the limit; see ``docs/method/audit.md``.
    reason : str
        What was seen, with numbers.
    suggestion : tuple of str
        The genres that would settle it; empty where there is no suggestion.
    pictures : tuple of bytes
        Small WebP pictures of files that are no cover of the catalogue.
    """

    kind: FindingKind
    cover_ids: tuple[str, ...]
    paths: tuple[str, ...]
    confidence: float
    reason: str
    suggestion: tuple[str, ...] = ()
    pictures: tuple[bytes, ...] = field(default=(), repr=False, metadata=UNWRITTEN)

    @staticmethod
    def arrange(written: dict[str, Any]) -> dict[str, Any]:
        """Round the confidence, of which more digits say nothing."""
        return {**written, "confidence": round(written["confidence"], 3)}


def beyond(value: float, limit: float, extreme: float) -> float:
    """Return how far a measure is past its limit: 0.5 at `limit` to 1 at `extreme`."""
    share = (value - limit) / (extreme - limit)
    return 0.5 + 0.5 * min(1.0, max(0.0, share))
