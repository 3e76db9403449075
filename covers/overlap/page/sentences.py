"""What an overlap says, in sentences: the same on the command line, the dashboard and its site."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from covers.render.numbers import count, span, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.overlap.measured import Pair
    from covers.overlap.result import Overlap

_CLOSE = 0.05
"""Overlaps that differ by less are named together."""
_CERTAIN = 0.05
_HIGH = 0.5
"""From here on two genres are harder to tell apart than not."""


def say_overlap(found: Overlap) -> str:
    """Return in one sentence which genres look most alike, or most surely do, and which stands apart.

    Examples
    --------
    >>> say_overlap(library.overlap()).split(" look ")[0].count(" and ")
    1
    """
    measured = [pair for pair in found.ranked() if math.isfinite(pair.overlap)]
    if not measured:
        return "No two genres have enough covers to say how alike they look."
    first, *others = measured
    # By the low end of the interval: a few covers may well show more overlap.
    surely = any(pair.overlap > first.overlap for pair in others)
    most = "most surely look alike" if surely else "look most alike"
    if not others and len(found.genres) == 2:
        return f"The overlap of {_name_both(first)} is {_value(first)}."
    text = f"{_name_both(first)} {most}: overlap {_value(first)}"
    if others and abs(first.overlap - others[0].overlap) < _CLOSE:
        text += (
            f", with {_name_both(others[0])} ({others[0].overlap:.2f}) hardly behind"
        )
    apart = _most_apart(found, measured)
    if apart is not None:
        genre, mean = apart
        text += f"; {genre} stands apart most ({mean:.2f} on average)"
    return f"{text}."


def note_on_order(pairs: Sequence[Pair]) -> str:
    """Return why pairs do not stand in the order of their overlaps; empty where they do."""
    overlaps = [pair.overlap for pair in pairs]
    if overlaps == sorted(overlaps, reverse=True):
        return ""
    return "What is surely alike comes first: the low end of the interval decides."


def say_mixing(n: int) -> str:
    """Return how many pairs mix more than chance.

    Examples
    --------
    >>> say_mixing(1), say_mixing(3)
    ('1 pair mixes more than chance', '3 pairs mix more than chance')
    """
    return f"{count(n, 'pair')} {'mixes' if n == 1 else 'mix'} more than chance"


def say_pair(pair: Pair) -> str:
    """Return what overlap and mixing of two genres mean together, in plain words.

    The two can seem to disagree: overlap asks whether a cover can be told from the
    other genre's at all, mixing how often the other genre is among the neighbours.
    """
    if pair.contained:
        return f"{pair.contained} is part of the other by the covers' own genres, so they share covers and nothing can be said of their looks."
    if not math.isfinite(pair.overlap):
        return "Too few covers to say how alike the two look."
    lifts = [x for x in (pair.lift_ab, pair.lift_ba) if math.isfinite(x)]
    seen = _tell_apart(pair)
    if not lifts:
        return seen
    low, high = min(lifts), max(lifts)
    often = f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} and {high:.2f}"
    if pair.overlap >= _HIGH and high < 1:
        return (
            f"{seen} That they are neighbours only {often} times as often as by chance is no contradiction: "
            "a cover has slightly more neighbours of its own genre, so slightly fewer of any other, "
            "and that slight preference is all that separates the two."
        )
    said = f"{seen} They are neighbours {often} times as often as by chance"
    spans = pair.lift_ab_ci95, pair.lift_ba_ci95
    if all(least > 1 for least, _ in spans):
        return f"{said}: they lie closer to each other than to the other genres."
    if all(most < 1 for _, most in spans):
        return f"{said}: they keep away from each other."
    return f"{said}{_by_direction(pair)}."


def say_changes(found: Overlap) -> str:
    """Return which genres certainly grew alike, or apart, over the decades; empty where it was not measured."""
    if not found.changes:
        return ""
    certain = [one for one in found.changes if one.q <= _CERTAIN]
    if not certain:
        return "No pair certainly changed over the decades (q ≤ 0.05)."
    first = certain[0]
    way = "grew more alike" if first.change > 0 else "grew apart"
    text = (
        f"{first.a} and {first.b} {way} from the {first.first} to the {first.last}: "
        f"overlap {write(first.change, '+.2f')} ({span(first.ci95, '+.2f')})"
    )
    more = len(certain) - 1
    return (
        f"{text}; {more:,} other pairs certainly changed too."
        if more
        else f"{text}; no other pair certainly changed."
    )


def _by_direction(pair: Pair) -> str:
    """Say which of the two genres certainly is, or is not, among the neighbours of the other."""
    certain = []
    for one, other, (least, most) in (
        (pair.a, pair.b, pair.lift_ab_ci95),
        (pair.b, pair.a, pair.lift_ba_ci95),
    ):
        if least > 1 or most < 1:
            way = "more" if least > 1 else "less"
            certain.append(f"{one} has {other} beside it {way} often")
    if not certain:
        return ", which may be chance"
    rest = "; the other way round it may be chance" if len(certain) == 1 else ""
    return f": {' and '.join(certain)} than by chance{rest}"


def _tell_apart(pair: Pair) -> str:
    """Say what an overlap means for somebody who guesses between the two genres."""
    right = 1 - pair.overlap / 2  # the overlap is twice the balanced Bayes error
    return (
        f"Whoever must say of a cover whether it is {pair.a} or {pair.b} can be right "
        f"{100 * right:.0f} % of the time at best, where a coin gets 50 %."
    )


def _most_apart(found: Overlap, measured: list[Pair]) -> tuple[str, float] | None:
    """Return the genre that overlaps least with the others, and its mean; None where none does."""
    means = {}
    for genre in found.genres:
        own = [p.overlap for p in measured if genre in (p.a, p.b)]
        if own:
            means[genre] = sum(own) / len(own)
    if len(means) < 3:
        return None
    genre = min(means, key=lambda name: (means[name], name))
    # Where all read the same to two places, none stands apart.
    if f"{means[genre]:.2f}" == f"{max(means.values()):.2f}":
        return None
    return genre, means[genre]


def _name_both(pair: Pair) -> str:
    return f"{pair.a} and {pair.b}"


def _value(pair: Pair) -> str:
    low, _ = pair.overlap_ci95
    ends = f", {span(pair.overlap_ci95, '.2f')}" if math.isfinite(low) else ""
    return f"{pair.overlap:.2f}{ends}"
