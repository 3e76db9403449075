"""Overlap of genre pairs → matrix cells, graph and lines of a page, for dashboard and site alike.

Letters: G genres.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from covers.overlap.figures.order import genre_groups, genre_order
from covers.overlap.overlap import OverlapSettings
from covers.render.charts.graph import Edge, spread
from covers.render.charts.matrix import Cell
from covers.render.charts.scales import UNCERTAIN_WIDTH, is_uncertain, scale_colours
from covers.render.numbers import UNKNOWN, number, per_cent, span, span_per_cent, tidy
from covers.render.palette import DIVERGING_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.overlap.measured import Pair
    from covers.overlap.result import Overlap

MEASURES = {
    "overlap": "Overlap coefficient",
    "lift": "Neighbour mixing",
    "network": "Confusion, network",
    "vote": "Confusion, vote",
}
HOW_TO_READ = {
    "overlap": "How much two genres look alike: 0 is separable, 1 indistinguishable. Hatched where the interval "
    f"is wider than {UNCERTAIN_WIDTH}.",
    "lift": "Covers of the row's genre have this many times more neighbours of the column's genre than if genres "
    "were shuffled: 1 is chance. Hatched where chance is not ruled out.",
    "network": "Share of the row's covers that the network takes for the column's genre.",
    "vote": "Share of the row's covers that the vote takes for the column's genre.",
}
SEPARATOR = "~"
_MOST_GENRES = 24
"""With more genres than this, a matrix shows the broad ones, or those of one family."""
_MOST_AT_ALL = 60
_MOST_WRITTEN_OUT = 8
"""With more genres than this, cells are too narrow for a zero before the point."""


def name_pair(a: str, b: str) -> str:
    """Return a pair of genres as one text for addresses."""
    return f"{a}{SEPARATOR}{b}"


def split_cell(text: str, genres: Sequence[str]) -> tuple[str, str] | None:
    """Read what `name_pair` wrote; None where it names no two of `genres`."""
    for a in genres:
        if text.startswith(f"{a}{SEPARATOR}"):
            b = text[len(a) + len(SEPARATOR) :]
            if b in genres:
                return a, b
    return None


def split_pair(text: str, genres: Sequence[str]) -> tuple[str, str] | None:
    """Read what `name_pair` wrote; None where it names no two different `genres`."""
    found = split_cell(text, genres)
    return found if found and found[0] != found[1] else None


def stored_k(overlap: Overlap, measure: str) -> int:
    """Return how many neighbours a measure was taken with."""
    return OverlapSettings.mixing_k if measure == "lift" else overlap.k


def other_ks(overlap: Overlap, measure: str) -> list[int]:
    """Return the numbers of neighbours to choose from, that of the measure among them."""
    return sorted({rung.k for rung in overlap.by_k} | {stored_k(overlap, measure)})


def at_k(overlap: Overlap, measure: str, k: int) -> Overlap:
    """Return the overlap with `k` neighbours; order of genres and covers behind it stay.

    The whole as it is where `k` is what the measure was taken with, or not on the ladder.
    """
    for rung in overlap.by_k:
        if rung.k == k != stored_k(overlap, measure):
            numbers = {(p.a, p.b): p for p in rung.pairs}
            return replace(
                overlap,
                n_covers=rung.n_covers,
                edges=rung.edges,
                pairs=tuple(_measured_as(p, numbers) for p in overlap.pairs),
            )
    return overlap


def _measured_as(pair: Pair, numbers: dict[tuple[str, str], Pair]) -> Pair:
    """Return a pair with the numbers of another measurement, and its own covers."""
    other = numbers.get((pair.a, pair.b))
    if other is None:
        return pair
    return replace(
        other,
        bridges=pair.bridges,
        closest=pair.closest,
        contained=pair.contained,
        confusion_ab=pair.confusion_ab,
        confusion_ba=pair.confusion_ba,
    )


def shown_genres(overlap: Overlap) -> list[str]:
    """Return the genres in the order of the dendrogram, then those it could not place."""
    return genre_order(overlap)


def families(overlap: Overlap) -> dict[str, list[str]]:
    """Return broad genres with the genres below them, itself first, the largest first.

    Nothing where all genres fit into one matrix, and no family of one.
    """
    if len(overlap.genres) <= _MOST_GENRES:
        return {}
    groups = [one for one in genre_groups(overlap) if len(one[1]) > 1]
    return dict(sorted(groups, key=lambda one: -len(one[1])))


def of_family(overlap: Overlap, family: str = "") -> Overlap:
    """Return the overlap among broad genres, or among those of one family.

    Parameters
    ----------
    overlap : Overlap
    family : str, default=""
        A key of `families`; the broad genres where it is none.

    Returns
    -------
    Overlap
        With these genres only, at most the 60 largest: their pairs, lines and
        branches. The whole where all genres fit into one matrix.
    """
    if len(overlap.genres) <= _MOST_GENRES:
        return overlap
    broad = [genres[0] for _, genres in genre_groups(overlap)]
    n = overlap.n_by_genre
    largest = sorted(
        families(overlap).get(family, broad), key=lambda genre: -n.get(genre, 0)
    )
    shown = set(largest[:_MOST_AT_ALL])
    tree = overlap.tree
    branches = []
    for branch in tree.branches:
        kept = tuple(genre for genre in branch.genres if genre in shown)
        if len(kept) > 1:
            whole = len(kept) == len(branch.genres)
            support = branch.support if whole else math.nan
            branches.append(replace(branch, genres=kept, support=support))
    return replace(
        overlap,
        genres=tuple(genre for genre in overlap.genres if genre in shown),
        pairs=tuple(p for p in overlap.pairs if p.a in shown and p.b in shown),
        edges=tuple(e for e in overlap.edges if e.a in shown and e.b in shown),
        tree=replace(
            tree,
            order=tuple(genre for genre in tree.order if genre in shown),
            branches=tuple(branches),
        ),
    )


def read_value(
    pair: Pair, measure: str, a: str
) -> tuple[float, tuple[float, float], float]:
    """Return a pair's value from genre `a` to the other one, its 95 % interval and n.

    NaN where it could not be measured, and where one genre contains the other, so
    that they share covers.
    """
    forward = pair.a == a
    n = pair.n_a if forward else pair.n_b
    if measure in ("network", "vote"):
        found = (pair.confusion_ab if forward else pair.confusion_ba).get(measure)
        if found is None:
            return math.nan, (math.nan, math.nan), math.nan
        return found.rate, found.ci95, found.n
    if pair.contained:
        return math.nan, (math.nan, math.nan), n
    if measure == "lift":
        if forward:
            return pair.lift_ab, pair.lift_ab_ci95, n
        return pair.lift_ba, pair.lift_ba_ci95, n
    return pair.overlap, pair.overlap_ci95, pair.n_a + pair.n_b


def cells(overlap: Overlap, measure: str) -> tuple[list[str], list[list[Cell]]]:
    """Return the genres and the cells of the matrix."""
    genres = shown_genres(overlap)
    by_pair = {frozenset((p.a, p.b)): p for p in overlap.pairs}
    top = _largest(overlap, measure)
    write_value = _write if len(genres) <= _MOST_WRITTEN_OUT else _write_short
    rows = []
    for a in genres:
        row = []
        for b in genres:
            pair = by_pair.get(frozenset((a, b)))
            if a == b or pair is None:
                row.append(Cell(text="", tip=a, colour=None))
                continue
            value, ends, n = read_value(pair, measure, a)
            row.append(
                Cell(
                    text=write_value(value, measure),
                    tip=_tell(measure, (a, b), (value, ends, n), pair.q),
                    colour=_colour(measure, value, top),
                    pick=name_pair(a, b),
                    uncertain=_is_uncertain(measure, ends, pair),
                )
            )
        rows.append(row)
    return genres, rows


def unmeasured(overlap: Overlap) -> list[str]:
    """Return the genres of which no overlap with another could be measured."""
    known = {
        genre
        for pair in overlap.pairs
        if pair.contained or math.isfinite(pair.overlap)
        for genre in (pair.a, pair.b)
    }
    return [genre for genre in shown_genres(overlap) if genre not in known]


def note_on_empty(overlap: Overlap) -> str:
    """Return which cells of a matrix of overlap are empty, and why; nothing where none is."""
    whys = []
    if few := unmeasured(overlap):
        whys.append(f"too few covers or artists to measure ({', '.join(few)})")
    if any(pair.contained for pair in overlap.pairs):
        whys.append("one genre is part of the other by the covers' own genres")
    return f"Empty: {'; or '.join(whys)}." if whys else ""


def key_of(measure: str, overlap: Overlap) -> tuple[list[str], str, str]:
    """Return colours and ends of the scale of the matrix."""
    places = np.linspace(0, 1, 9)
    if measure == "lift":
        colours = scale_colours(1 - places, DIVERGING_SCALE)
        return colours, "¼ of chance", "4 times chance"
    if measure == "overlap":
        return scale_colours(places), "0 separable", "1 alike"
    return scale_colours(places), "never", per_cent(_largest(overlap, measure))


def facts(pair: Pair, a: str, b: str) -> list[tuple[str, str]]:
    """Return what was measured of two genres: each value, and what it is with its interval."""
    found = []
    for measure, one, said in (
        ("overlap", a, "overlap"),
        ("lift", a, f"{a} → {b}, times chance"),
        ("lift", b, f"{b} → {a}, times chance"),
        ("vote", a, f"{a} taken for {b}"),
        ("vote", b, f"{b} taken for {a}"),
    ):
        value, reach, _ = read_value(pair, measure, one)
        if math.isnan(value):
            continue
        is_share = measure == "vote"
        ends = span_per_cent(reach) if is_share else span(reach, ".2f")
        shown = per_cent(value) if is_share else number(value, ".2f")
        found.append((shown, said if ends == UNKNOWN else f"{said} ({ends})"))
    return found


def lay_out_genres(overlap: Overlap) -> dict[str, tuple[float, float]]:
    """Lay genres out in the unit square, alike ones close; unknown overlaps count as none."""
    genres = shown_genres(overlap)
    place = {genre: i for i, genre in enumerate(genres)}
    apart = 1 - np.eye(len(genres))
    for pair in overlap.pairs:
        known = not pair.contained and math.isfinite(pair.overlap)
        if pair.a in place and pair.b in place and known:
            i, j = place[pair.a], place[pair.b]
            apart[i, j] = apart[j, i] = 1 - pair.overlap
    xy = spread(apart)
    low, high = xy.min(axis=0), xy.max(axis=0)
    xy = (xy - low) / np.maximum(high - low, 1e-9)
    return {g: (float(x), float(y)) for g, (x, y) in zip(genres, xy, strict=True)}


def edges(overlap: Overlap) -> list[Edge]:
    """Return the lines of the graph: pairs that mix more than chance (q at most 0.05)."""
    lines = []
    for edge in overlap.edges:
        known = math.isfinite(edge.overlap)
        lines.append(
            Edge(
                a=edge.a,
                b=edge.b,
                width=1.5 + 10 * edge.overlap if known else 2.0,
                tip=f"{edge.a} and {edge.b}: {edge.lift:.2f} times chance, overlap {number(edge.overlap, '.2f')}, q = {edge.q:.3f}",
                pick=name_pair(edge.a, edge.b),
            )
        )
    return lines


def _largest(overlap: Overlap, measure: str) -> float:
    """Return the largest value of a measure, 0 without any."""
    values = [
        read_value(pair, measure, side)[0]
        for pair in overlap.pairs
        for side in (pair.a, pair.b)
    ]
    return max((value for value in values if math.isfinite(value)), default=0.0)


@lru_cache(maxsize=4096)
def _colour(measure: str, value: float, top: float) -> str | None:
    if not math.isfinite(value):
        return None
    if measure == "lift":
        share = 0.5 + 0.25 * math.log2(max(value, 1e-3))
        # PuOr runs from orange to purple; more than chance shall be the strong orange end.
        return scale_colours(np.array([1 - share]), DIVERGING_SCALE)[0]
    share = value if measure == "overlap" else value / max(top, 1e-9)
    return scale_colours(np.array([share]))[0]


def _is_uncertain(measure: str, ends: tuple[float, float], pair: Pair) -> bool:
    if measure == "lift":
        return not (math.isfinite(pair.q) and pair.q <= 0.05)
    return measure == "overlap" and is_uncertain(*ends)


def _tell(
    measure: str,
    way: tuple[str, str],
    read: tuple[float, tuple[float, float], float],
    q: float,
) -> str:
    """Return what a cell says on hover, of the way from one genre to another."""
    (a, b), (value, ends, n) = way, read
    if not math.isfinite(value):
        return f"{a} and {b}: too few artists or groups to measure"
    interval = (
        f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}"
        if math.isfinite(ends[0])
        else "no interval"
    )
    said = {
        "overlap": f"{a} and {b}: overlap {value:.2f}",
        "lift": f"{a} → {b}: {value:.2f} times chance",
    }.get(measure, f"{a} taken for {b}: {100 * value:.0f} %")
    tail = f", q = {q:.3f}" if measure == "lift" and math.isfinite(q) else ""
    return f"{said}\n{interval}{tail}\nn = {tidy(n)} covers"


def _write(value: float, measure: str) -> str:
    """Return a value as it is written everywhere else."""
    if not math.isfinite(value):
        return ""
    if measure in ("network", "vote"):
        return per_cent(value)
    return number(value, ".2f")


def _write_short(value: float, measure: str) -> str:
    """Return a value in two digits, without the zero: for narrow cells."""
    if not math.isfinite(value):
        return ""
    if value >= 1:
        return f"{value:.1f}" if measure == "lift" else "1"
    return f"{value:.2f}".replace("0.", ".", 1)
