"""What a search or a classification found, as plain values for JSON and for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.errors import DataError
from indexer.arrow import as_take_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.classify.classify import Answer, Evidence
    from indexer.index import VectorIndex

MOST_NEIGHBOURS = 10
_COVER_ID = re.compile(r"[0-9a-f]{4,32}")
_SHOWN_COLUMNS = ("path", "genres", "artist", "album", "year")


def find_cover(index: VectorIndex, query: str) -> str:
    """Return the id of the one cover whose id begins with `query`.

    Raises
    ------
    DataError
        If there is none, there are several, or `query` is no id at all.
    """
    if not _COVER_ID.fullmatch(query):
        message = (
            f"{query!r} is neither a picture file nor a cover id (4 to 32 digits of 0-9a-f): "
            "check the path, or take an id from 'covers search --json'"
        )
        raise DataError(message)
    found = [str(item) for item in index.ids if str(item).startswith(query)]
    if not found:
        message = f"no cover in '{index.folder}' has an id that begins with {query!r}: run 'covers index update', or check the id"
        raise DataError(message)
    if len(found) > 1:
        message = f"{len(found)} covers have an id that begins with {query!r}, such as {found[0]} and {found[1]}: give more digits"
        raise DataError(message)
    return found[0]


def describe_neighbours(
    index: VectorIndex, pairs: Sequence[tuple[int, float]]
) -> list[dict[str, Any]]:
    """Return what is known of some rows of the index, with their similarities."""
    ids, columns = index.ids, index.columns
    # Rows as a plain list would make pyarrow import pandas, half a second.
    rows = columns.take(as_take_indices(np.array([row for row, _ in pairs], np.int64)))
    shown = {
        name: rows.column(name).to_pylist() if name in columns.column_names else None
        for name in _SHOWN_COLUMNS
    }
    return [
        {
            "cover_id": str(ids[row]),
            "similarity": similarity,
            **{
                name: None if values is None else values[number]
                for name, values in shown.items()
            },
        }
        for number, (row, similarity) in enumerate(pairs)
    ]


def keep_one_per_artist(neighbours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the nearest cover of each artist, and every cover without one."""
    seen: set[str] = set()
    kept = []
    for neighbour in neighbours:
        artist = neighbour["artist"]
        if artist is None or artist not in seen:
            kept.append(neighbour)
        if artist is not None:
            seen.add(artist)
    return kept


def describe_answer(
    query: str,
    answer: Answer,
    number: int,
    index: VectorIndex,
    vocab: Sequence[str],
    level: float,
) -> dict[str, Any]:
    """Return one item of ``covers classify --json``."""
    classified = answer.classified
    return {
        "query": query,
        **{
            name: {
                genre: float(p)
                for genre, p in zip(
                    vocab,
                    getattr(classified.distributions, name)[number],
                    strict=True,
                )
            }
            for name in ("cnn", "vote", "blend")
        },
        "set": [
            genre
            for genre, inside in zip(vocab, classified.inside[number], strict=True)
            if inside
        ],
        "level": level,
        "verdict": str(classified.verdicts[number]),
        **_describe_labels(answer, number, vocab),
        "neighbours": describe_voters(index, answer.evidence[number], MOST_NEIGHBOURS),
    }


def _describe_labels(
    answer: Answer, number: int, vocab: Sequence[str]
) -> dict[str, Any]:
    """Return the probability of each independent genre, and those that are named."""
    if answer.labels is None:
        return {}
    p, named = answer.labels.probabilities[number], answer.labels.named[number]
    return {
        "labels": dict(zip(vocab, p.tolist(), strict=True)),
        "named": [
            genre for genre, is_named in zip(vocab, named, strict=True) if is_named
        ],
    }


def describe_voters(
    index: VectorIndex, evidence: Evidence, most: int
) -> list[dict[str, Any]]:
    """Return the nearest voters with their weights."""
    pairs = list(
        zip(
            evidence.rows[:most].tolist(),
            evidence.similarities[:most].tolist(),
            strict=True,
        )
    )
    described = describe_neighbours(index, pairs)
    for neighbour, weight in zip(described, evidence.weights, strict=False):
        neighbour["weight"] = float(weight)
    return described


def describe_flip(
    evidence: Evidence, index: VectorIndex, vocab: Sequence[str]
) -> dict[str, Any]:
    """Say what would change the vote."""
    flip = evidence.flip
    if flip.genre_id < 0:
        return {
            "genre": None,
            "without": [],
            "said": "no genre would win the vote by leaving voters out",
        }
    genre = vocab[flip.genre_id]
    ids = [str(index.ids[evidence.rows[slot]]) for slot in flip.slots]
    n = len(ids)
    return {
        "genre": genre,
        "without": ids,
        "said": (
            f"the vote would go to {genre} without {n} of its {len(evidence.rows)} voters "
            f"({', '.join(cover_id[:8] for cover_id in ids[:6])}{', …' if n > 6 else ''})"
        ),
    }
