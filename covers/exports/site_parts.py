"""What the static pages say of overlap, clusters and model, as HTML for each part of the pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

from covers.errors import CoversError
from covers.render import html
from covers.render.cards import Kind, alike, kinds
from covers.render.charts.matrix import (
    confusion_matrix,
    key,
    matrix,
    say_confusion,
)
from covers.render.numbers import count, note_on_parts, per_cent, span, unbroken
from covers.render.palette import NOISE_COLOUR, genre_colours
from covers.stats.rows import RowsById

if TYPE_CHECKING:
    from collections.abc import Callable

    from covers.cluster.result import Clustering
    from covers.evaluate.result import Evaluation
    from covers.exports.table.cover_table import CoverTable
    from covers.overlap.measured import Pair
    from covers.overlap.result import Overlap
    from covers.render.cards import Card
    from covers.workspace.paths import Workspace

_MOST_ALIKE = 3


class PairPart(TypedDict):
    """What is shown of two genres; covers by their numbers."""

    title: str
    said: str
    facts: str
    bridges: list[int]
    closest: list[tuple[int, int, str]]


class OverlapPart(TypedDict):
    """The page that shows which genres look alike."""

    answer: str
    alike: str
    matrices: dict[str, str]
    how_to_read: str
    pairs: dict[str, PairPart]
    first: str
    notes: list[str]


class ClustersPart(TypedDict):
    """The page of the kinds of covers."""

    answer: str
    cards: str
    names: dict[str, str]


class ModelPart(TypedDict):
    """The page that says how well genres are read."""

    answer: str
    confusion: str
    how_to_read: str
    conclusions: list[str]


class Parts(TypedDict):
    """All pages; None for what was never measured."""

    n: int
    overlap: OverlapPart | None
    clusters: ClustersPart | None
    model: ModelPart | None


def gather(covers: CoverTable, cards: list[Card]) -> Parts:
    """Return the parts of the pages; those that were never measured are None."""
    from covers.cluster.stage import read as read_clusters
    from covers.evaluate.stage import read as read_evaluation
    from covers.overlap.stage import read as read_overlap

    here = RowsById(covers.cover_ids).position
    overlap = attempt(covers.workspace, read_overlap)
    found = attempt(covers.workspace, read_clusters)
    measured = attempt(covers.workspace, read_evaluation)
    return {
        "n": len(covers),
        "overlap": _overlap(overlap, cards, here) if overlap else None,
        "clusters": _clusters(found, covers, cards) if found else None,
        "model": _model(measured) if measured else None,
    }


def attempt(workspace: Workspace, read: Callable[[Workspace], Any]) -> Any:
    """Return what was measured, None where it was not."""
    try:
        return read(workspace)
    except CoversError:
        return None


def _overlap(
    found: Overlap, cards: list[Card], here: dict[str, int]
) -> OverlapPart | None:
    """Return the answer, the most alike pairs, the matrix, and what is behind each cell."""
    from covers.overlap.page import pairs
    from covers.overlap.page.sentences import note_on_order, say_overlap

    if len(found.genres) < 2:
        return None
    colours = genre_colours(found.genres)
    ranked = [pair for pair in found.ranked() if math.isfinite(pair.overlap)]
    shown = []
    for pair in ranked[:_MOST_ALIKE]:
        sides = [
            (cards[here[cover_id]], colours.get(genre, NOISE_COLOUR))
            for one in pair.closest[:2]
            for cover_id, genre in ((one.a, pair.a), (one.b, pair.b))
            if cover_id in here
        ]
        low, _ = pair.overlap_ci95
        ends = f"95 % interval {span(pair.overlap_ci95, '.2f')}"
        shown.append(
            alike(
                pairs.name_pair(pair.a, pair.b),
                (pair.a, pair.b),
                f"{pair.overlap:.2f}",
                ends if math.isfinite(low) else "no interval",
                sides,
            )
        )
    matrices = {}
    for family in ("", *pairs.families(found)):
        genres, cells = pairs.cells(pairs.of_family(found, family), "overlap")
        drawn = matrix(genres, cells, label="Overlap coefficient of genre pairs")
        matrices[family] = drawn + key(*pairs.key_of("overlap", found), "uncertain")
    behind = {
        pairs.name_pair(pair.a, pair.b): _pair(pair, here) for pair in found.pairs
    }
    first = pairs.name_pair(ranked[0].a, ranked[0].b) if ranked else ""
    return {
        "answer": unbroken(say_overlap(found)),
        "alike": f'<div class="answers">{"".join(shown)}</div>',
        "matrices": matrices,
        "how_to_read": " ".join(
            filter(
                None,
                (
                    note_on_order(ranked[:_MOST_ALIKE]),
                    pairs.HOW_TO_READ["overlap"],
                    note_on_parts(found.n_by_genre.values()).strip(),
                    pairs.note_on_empty(found),
                ),
            )
        ),
        "pairs": behind,
        "first": first,
        "notes": list(found.notes),
    }


def _pair(pair: Pair, here: dict[str, int]) -> PairPart:
    """Return what was measured of two genres, and the numbers of the covers behind it."""
    from covers.overlap.page import pairs
    from covers.overlap.page.sentences import say_pair

    facts = pairs.facts(pair, pair.a, pair.b)
    closest = [
        (here[one.a], here[one.b], f"{one.similarity:.2f}")
        for one in pair.closest[:4]
        if one.a in here and one.b in here
    ]
    shown = html.table(["what was measured", ""], [(said, v) for v, said in facts])
    return {
        "title": f"{pair.a} and {pair.b}",
        "said": unbroken(say_pair(pair)),
        "facts": shown if facts else "",
        "bridges": [here[c] for c in pair.bridges if c in here],
        "closest": closest,
    }


def _clusters(found: Clustering, covers: CoverTable, cards: list[Card]) -> ClustersPart:
    """Return the kinds of covers as cards."""
    from covers.cluster.naming import (
        name_clusters,
        say_clusters,
        say_firmness,
        say_genres,
    )

    names = name_clusters(found)
    colours = genre_colours(covers.vocab)
    here = RowsById(covers.cover_ids).position
    shown = [
        Kind(
            pick=str(one.id),
            name=names[one.id],
            size=count(one.n, "cover"),
            exemplars=[cards[here[c]] for c in one.exemplars[:5] if c in here],
            leading=[(g.genre, g.share, per_cent(g.share)) for g in one.leading],
            palette=(one.look.palette, one.look.palette_share),
            facts=[say_firmness(one.stability)],
        )
        for one in found.ranked()
    ]
    said = " ".join(filter(None, (say_clusters(found), say_genres(found))))
    return {
        "answer": unbroken(said),
        "cards": kinds(shown, colours),
        "names": {str(number): name for number, name in names.items()},
    }


def _model(found: Evaluation) -> ModelPart:
    """Return how well genres are read, and what is taken for what."""
    from covers.evaluate.words.headline import headline_of

    first = headline_of(found)
    confusion = found.methods[first.method].confusion
    drawn = ""
    if confusion and not found.several_genres and len(found.genres) <= 60:
        drawn = confusion_matrix(confusion, found.genres, lambda own, said: "")
    return {
        "answer": unbroken(first.said),
        "confusion": drawn,
        "how_to_read": (
            f"{say_confusion(found.methods[first.method].n)}.{note_on_parts(n for row in confusion for n in row)}"
            if drawn
            else ""
        ),
        "conclusions": list(found.conclusions),
    }
