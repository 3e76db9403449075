"""What an evaluation says, in one sentence: the same on the command line, the dashboard and its site."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.classify.methods import Method
from covers.stats.labels.figures import average_precision_by_chance

if TYPE_CHECKING:
    from covers.evaluate.measures import Estimate, GenreScore, MethodResult
    from covers.evaluate.result import Evaluation

_FEW = 10
"""Covers of a genre below which its average precision says little."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The few numbers that an evaluation comes down to.

    Parameters
    ----------
    method : str
        Which answers are meant: those of network and vote together.
    right : Estimate
        Share of held-out covers whose likeliest genre is one of theirs.
    chance : float
        The same without looking at them; NaN where it was not measured.
    guess : str
        What that is: guessing, or of several genres a cover, where many guesses are
        right, always the same answer.
    easiest, hardest : (str, float) or None
        Genre and its `measure`; None where fewer than two genres were measured.
    measure : str
        F1, or of several genres a cover, where frequent genres have a high F1 whatever is
        said, the average precision above that of a random order.
    n : int
        Held-out covers.
    any_of_several : bool
        Whether genres are independent, so that any of a cover's counts as right.
    """

    method: str
    right: Estimate
    chance: float
    guess: str = "guessing"
    easiest: tuple[str, float] | None
    hardest: tuple[str, float] | None
    measure: str = "F1"
    n: int
    any_of_several: bool = False

    @property
    def said(self) -> str:
        """The headline as a sentence."""
        low, high = self.right.ci95
        ends = (
            f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
            if math.isfinite(low)
            else ""
        )
        text = (
            f"Of {self.n:,} covers that were never seen, {100 * self.right.value:.0f} % "
            f"are given one of their genres{ends}"
        )
        if math.isfinite(self.chance):
            text += f", where {self.guess} gets {100 * self.chance:.0f} %"
        if self.easiest is None or self.hardest is None:
            return f"{text}."
        return (
            f"{text}; {self.easiest[0]} is read most easily, {self.hardest[0]} least."
        )


def headline_of(found: Evaluation) -> Headline:
    """Return what an evaluation comes down to.

    Examples
    --------
    >>> headline_of(library.evaluate()).said.startswith("Of ")
    True
    """
    name = str(Method.COMBINED) if Method.COMBINED in found.methods else found.best()
    best = found.methods[name]
    read = {
        genre: _above_chance(one, best.n) if found.several_genres else one.f1
        for genre, one in best.per_genre.items()
    }
    scores = {genre: score for genre, score in read.items() if math.isfinite(score)}
    ranked = sorted(scores, key=lambda genre: (-scores[genre], genre))
    several = len(ranked) > 1
    chance, guess = _without_looking(found)
    return Headline(
        method=name,
        right=_right(best, several=found.several_genres),
        chance=chance,
        guess=guess,
        easiest=(ranked[0], scores[ranked[0]]) if several else None,
        hardest=(ranked[-1], scores[ranked[-1]]) if several else None,
        measure="average precision above chance" if found.several_genres else "F1",
        n=best.n,
        any_of_several=found.several_genres,
    )


def _above_chance(one: GenreScore, n_covers: int) -> float:
    """Return the average precision above a random order's; NaN where covers are few, or all have the genre."""
    if not _FEW <= one.n < n_covers:
        return math.nan
    return one.average_precision - average_precision_by_chance(int(one.n), n_covers)


def _right(method: MethodResult, *, several: bool) -> Estimate:
    return method.first_right if several else method.accuracy


def _without_looking(found: Evaluation) -> tuple[float, str]:
    """Return how often the best answer without looking at covers is right (NaN where not measured), and its name."""
    several = found.several_genres
    if several and Method.FREQUENCY in found.methods:
        same = found.methods[Method.FREQUENCY]
        return same.first_right.value, "always saying the most frequent genre"
    if Method.CHANCE not in found.methods:
        return math.nan, "guessing"
    return _right(found.methods[Method.CHANCE], several=several).value, "guessing"
