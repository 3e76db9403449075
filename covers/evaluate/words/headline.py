"""What an evaluation says, in one sentence: the same on the command line, the dashboard and its site."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from covers.classify.methods import Method
from covers.evaluate.words.across import held_in_words, own_group
from covers.render.numbers import span_per_cent
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
        Share of the covers whose likeliest genre is one of theirs.
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
        Covers that were asked about.
    which : str
        Which these are: never seen, or each read by a head fitted without its group.
    alone : (str, MethodResult) or None
        Held-out covers, in words, and what was read of them alone, where the headline is
        of every labelled cover.
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
    which: str = "never seen"
    alone: tuple[str, MethodResult] | None = None
    any_of_several: bool = False

    @property
    def said(self) -> str:
        """The headline as a sentence."""
        low, high = self.right.ci95
        ends = (
            f" (95 % interval {span_per_cent((low, high))})"
            if math.isfinite(low)
            else ""
        )
        text = (
            f"Of {self.n:,} covers{' that were' if self.alone is None else ','} {self.which}, "
            f"{100 * self.right.value:.0f} % are given one of their genres{ends}"
        )
        if math.isfinite(self.chance):
            text += f", where {self.guess} gets {100 * self.chance:.0f} %"
        if self.easiest is not None and self.hardest is not None:
            text += f"; {self.easiest[0]} is read most easily, {self.hardest[0]} least"
        if self.alone is None:
            return f"{text}."
        held, method = self.alone
        return (
            f"{text}. Of the {method.n:,} {held} alone it is "
            f"{100 * method.accuracy.value:.0f} %."
        )


def headline_of(found: Evaluation) -> Headline:
    """Return what an evaluation comes down to, by every labelled cover where each was measured once.

    Examples
    --------
    >>> headline_of(library.evaluate()).said.startswith("Of ")
    True
    """
    held_out, found = found, found.leading
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
    first = Headline(
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
    if held_out.across_folds is None:
        return first
    return replace(
        first,
        which=f"each read by a head fitted without {own_group(found.split)}",
        alone=(held_in_words(found.split), held_out.methods[name]),
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
