"""Genre texts of strangers, cut to what can be a list of genres, and listed.

A tag or a cell may hold a megabyte where a genre is expected. Only the
beginning is kept; what is lost is a problem in the list of the scan.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from covers.catalogue.genre_names import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_NAMES,
    loses_names,
)
from covers.intake.candidates import SourceOffer, record_problem
from covers.intake.sources import ProblemKind

if TYPE_CHECKING:
    from covers.intake.sources import Candidate


def cut_genre_texts(
    offer: SourceOffer, source: str, separators: str, protected: frozenset[str]
) -> SourceOffer:
    """Cut the genre texts of all candidates, and list those that lose something.

    Parameters
    ----------
    offer : SourceOffer
        What a source offers.
    source : str
        Its name.
    separators : str
        What separates names.
    protected : frozenset of str
        Keys of names that are not split.
    """
    judged: dict[tuple[str, ...], str | None] = {}
    for candidates in offer.choices:
        for candidate in candidates:
            genres = candidate.labels.genres
            if genres not in judged:
                judged[genres] = _judge(genres, separators, protected)
    if not any(judged.values()):
        return offer
    choices = []
    problems = list(offer.problems)
    for candidates in offer.choices:
        kept: list[Candidate] = []
        for candidate in candidates:
            reason = judged[candidate.labels.genres]
            if reason is None:
                kept.append(candidate)
                continue
            genres = candidate.labels.genres[:MOST_NAMES]
            cut = tuple(genre[: LONGEST_TEXT + 1] for genre in genres)
            kept.append(
                replace(candidate, labels=replace(candidate.labels, genres=cut))
            )
            path = f"{candidate.file.path}#genres"
            problems.append(record_problem(source, path, ProblemKind.GENRES, reason))
        choices.append(tuple(kept))
    return replace(offer, choices=choices, problems=problems)


def _judge(
    genres: tuple[str, ...], separators: str, protected: frozenset[str]
) -> str | None:
    """Say what of some genre texts is lost; None where nothing is."""
    if len(genres) > MOST_NAMES:
        return f"{len(genres):,} genre texts: the first {MOST_NAMES} count"
    for genre in genres:
        if len(genre) > LONGEST_NAME and loses_names(genre, separators, protected):
            return (
                f"genre text of {len(genre):,} characters ({genre[:20]!r} …): of the first {LONGEST_TEXT:,}, "
                f"{MOST_NAMES} names of at most {LONGEST_NAME} count"
            )
    return None
