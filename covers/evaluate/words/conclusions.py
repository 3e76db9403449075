"""What the figures of an evaluation say, in plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.classify.methods import IN_WORDS, TRAINED, Method
from covers.evaluate.measures import IN_WORDS as MEASURES
from covers.evaluate.words import conclusions_several
from covers.evaluate.words.across import describe_across
from covers.evaluate.words.sentences import (
    LOOKING_METHODS,
    NOT_READABLE,
    describe_calibration,
    describe_gain,
    describe_growth,
    describe_lead,
    is_certainly_best,
    listed,
    points,
)
from covers.render.numbers import per_cent, span_per_cent

if TYPE_CHECKING:
    from covers.evaluate.result import Evaluation

_CONFUSED = 0.75


def draw_conclusions(found: Evaluation) -> list[str]:
    """Derive sentences from the figures of an evaluation.

    Parameters
    ----------
    found : Evaluation

    Returns
    -------
    list of str
        One conclusion each: the best method and whether that is certain,
        against chance, against simple features, genres that cannot be told
        apart, what the probabilities are worth, what more covers would bring.
        Where every labelled cover was measured once, they go by these figures, and
        the first says so.
    """
    if found.several_genres:
        said = conclusions_several.describe_methods(found)
    else:
        leading = found.leading
        said = [
            *describe_across(found),
            *_best_method(leading),
            *_simple_features(leading),
            *_genres(leading),
            *describe_calibration(leading, 0.03),
            *_sets(leading),
            *describe_growth(found),
        ]
    said += [*_leakage(found), *_caution(found)]
    return [sentence[0].upper() + sentence[1:] for sentence in said]


def _best_method(found: Evaluation) -> list[str]:
    """Say which method is best and whether that is certain."""
    best = Method(found.best(LOOKING_METHODS))
    measured = found.methods[best]
    low, high = measured.accuracy.ci95
    chance = found.methods[Method.CHANCE].accuracy.value
    frequency = found.methods[Method.FREQUENCY].accuracy.value
    is_certain = low > max(chance, frequency)
    first = (
        f"genres are read best by {IN_WORDS[best]}:"
        if is_certain and is_certainly_best(found, best)
        else f"the highest macro-F1 is that of {IN_WORDS[best]}:"
    )
    # Any genre of several being right is easier: it has to be said.
    right = "given one of their genres" if found.share_with_several > 0 else "right"
    which = "covers" if found.across_folds else "held-out covers"
    said = [
        (
            f"{first} {per_cent(measured.accuracy.value)} of {which} {right} "
            f"(95 % interval {span_per_cent((low, high))}), macro-F1 {measured.macro_f1.value:.2f}, where chance "
            f"is {per_cent(chance)} and always the most frequent genre {per_cent(frequency)}."
        )
    ]
    if not is_certain:
        return [*said, NOT_READABLE]
    said += describe_lead(found, best)
    return said


def _simple_features(found: Evaluation) -> list[str]:
    """Say what training brought over untrained features and colours."""
    return describe_gain(found, Method(found.best(TRAINED)))


def _genres(found: Evaluation) -> list[str]:
    """Say which genres are recognised best and which cannot be told apart."""
    vocab = found.genres
    if len(vocab) < 2:
        return []
    best = Method(found.best(TRAINED))
    per_genre = found.methods[best].per_genre
    known = [genre for genre in vocab if per_genre[genre].n > 0]
    ranked = sorted(known, key=lambda genre: -per_genre[genre].f1)
    said = [
        (
            f"{ranked[0]} is read most easily (F1 {per_genre[ranked[0]].f1:.2f}), "
            f"{ranked[-1]} least (F1 {per_genre[ranked[-1]].f1:.2f})."
        )
    ]
    confusion = found.methods[best].confusion
    pairs = []
    for i, a in enumerate(vocab):
        for j in range(i + 1, len(vocab)):
            hits = confusion[i][i] + confusion[j][j]
            crossed = confusion[i][j] + confusion[j][i]
            if hits + crossed >= 10 and crossed >= _CONFUSED * hits:
                pairs.append((crossed / max(hits, 1e-9), f"{a} from {vocab[j]}"))
    if pairs:
        names = [name for _, name in sorted(pairs, reverse=True)[:5]]
        said.append(
            f"hard to tell apart by {IN_WORDS[best]} (confused nearly as often as recognised): {'; '.join(names)}."
        )
    missing = [genre for genre in vocab if per_genre[genre].n == 0]
    if missing:
        said.append(
            f"no held-out covers of {listed(missing)}: nothing can be said of them."
        )
    return said


def _sets(found: Evaluation) -> list[str]:
    """Say what the prediction sets hold."""
    sets = found.sets
    if sets is None:
        return []
    said = (
        f"sets of genres that promise to hold the truth in {per_cent(sets.level)} of cases did so in "
        f"{per_cent(sets.coverage)}, with {sets.mean_size:.1f} of {len(found.genres)} genres on average."
    )
    weak = [
        genre
        for genre, row in sets.per_genre.items()
        if row.n >= 10 and row.coverage < sets.level - 0.1
    ]
    return [said] + (
        [f"that promise holds on average, not for {listed(weak)}."] if weak else []
    )


def _leakage(found: Evaluation) -> list[str]:
    """Say what a careless split would have claimed."""
    said = []
    for name, row in found.leakage.items():
        low, high = row.ci95
        if low > 0:
            said.append(
                f"a split that ignores artists and duplicates would have claimed {MEASURES[row.figure]} {row.random:.2f} instead of "
                f"{row.grouped:.2f} for {IN_WORDS[Method(name)]} ({points(low, high)})."
            )
    return said


def _caution(found: Evaluation) -> list[str]:
    """Say why the figures may be off: few groups, or near-duplicates among the references."""
    said = []
    n_groups = found.split.n_groups
    if n_groups < 30:
        of_which = (
            " of the held-out covers alone" if found.leading.split.n_groups > 30 else ""
        )
        said.append(
            f"only {n_groups} independent groups are held out: take the intervals{of_which} as too narrow."
        )
    twins = found.self_check.twins
    if twins:
        said.append(
            f"{len(twins)} held-out covers have an all but identical cover among the references: the vote is somewhat "
            "too good; 'covers audit' lists near-duplicates."
        )
    return said
