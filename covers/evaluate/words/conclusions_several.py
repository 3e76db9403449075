"""What the figures of independent genres say, in plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.classify.methods import IN_WORDS, TRAINED, Method
from covers.evaluate.words.sentences import (
    LOOKING_METHODS,
    NOT_READABLE,
    describe_calibration,
    describe_gain,
    describe_growth,
    describe_lead,
    is_certainly_best,
    listed,
)
from covers.render.numbers import per_cent, span_per_cent
from covers.stats.labels.figures import average_precision_by_chance
from covers.stats.membership import SEVERAL_GENRES_SHARE

if TYPE_CHECKING:
    from covers.evaluate.result import Evaluation

_FEW = 10
_ONE_SIDED = 0.025
"""Share of the 95 % intervals that lie above what is true."""


def describe_methods(found: Evaluation) -> list[str]:
    """Return one sentence for each thing worth saying of an evaluation."""
    return [
        *_kind(found),
        *_best(found),
        *_simple_features(found),
        *_first_answers(found),
        *_named(found),
        *_genres(found),
        *describe_calibration(found, 0.02, "over all genres "),
        *_sets(found),
        *describe_growth(found),
    ]


def _kind(found: Evaluation) -> list[str]:
    """Say that genres were taken as independent, and why."""
    share = found.share_with_several
    several = f"{per_cent(share)} of the covers have several genres"
    why = (
        f"{several}, so genres are taken as independent"
        if share >= SEVERAL_GENRES_SHARE
        else f"genres are taken as independent because the network was trained so, though only {several}"
    )
    return [
        f"{why}: each has a probability of its own, and a cover has any number of them."
    ]


def _best(found: Evaluation) -> list[str]:
    """Say which method ranks best and whether that is certain."""
    best = Method(found.best(LOOKING_METHODS))
    measured = found.methods[best].mean_average_precision
    low, high = measured.ci95
    chance = found.self_check.mean_average_precision_by_chance
    is_certain = low > chance
    first = (
        f"covers are ranked best by {IN_WORDS[best]}: mean average precision"
        if is_certain and is_certainly_best(found, best)
        else f"the highest mean average precision is that of {IN_WORDS[best]}:"
    )
    said = [
        (
            f"{first} {measured.value:.3f} "
            f"(95 % interval {low:.3f} to {high:.3f}), where a random order has {chance:.3f}."
        )
    ]
    if not is_certain:
        return [*said, NOT_READABLE]
    said += describe_lead(found, best)
    return said


def _simple_features(found: Evaluation) -> list[str]:
    """Say what training brought over untrained features and colours."""
    return describe_gain(found, Method(found.best(TRAINED)))


def _first_answers(found: Evaluation) -> list[str]:
    """Say how often the first answer is one of the cover's genres, and what that is by chance."""
    first = found.methods[Method.COMBINED].first_right
    same = found.methods[Method.FREQUENCY].first_right
    low, high = first.ci95
    return [
        (
            f"the likeliest genre is one of the cover's own for {per_cent(first.value)} of covers "
            f"({span_per_cent((low, high))}); always saying the most frequent genre has "
            f"{per_cent(same.value)}, a genre drawn at random "
            f"{per_cent(found.self_check.first_right_by_chance)}."
        )
    ]


def _named(found: Evaluation) -> list[str]:
    """Say what is named and how much of it is right."""
    combined = found.methods[Method.COMBINED]
    same = found.methods[Method.FREQUENCY]
    return [
        (
            f"network and vote together name {combined.named_per_cover.value:.1f} genres a cover: {per_cent(combined.micro_precision.value)} of the "
            f"names are right, and {per_cent(combined.micro_recall.value)} of the covers' genres are named (micro-F1 {combined.micro_f1.value:.2f}, "
            f"macro-F1 {combined.macro_f1.value:.2f}); the same names for every cover have {same.micro_f1.value:.2f} and {same.macro_f1.value:.2f}."
        )
    ]


def _genres(found: Evaluation) -> list[str]:
    """Say which genres can be told and which cannot, as far as covers allow."""
    combined = found.methods[Method.COMBINED]
    per_genre, n_held = combined.per_genre, combined.n
    lifts, hidden = [], []
    for genre, row in per_genre.items():
        if not _FEW <= row.n < n_held:
            continue
        by_chance = average_precision_by_chance(round(row.n), n_held)
        if row.ci95["average_precision"][0] > by_chance:
            lifts.append((row.average_precision / by_chance, genre, row, by_chance))
        else:
            hidden.append(genre)
    said = []
    if lifts:
        best = [
            f"{genre} ({row.average_precision:.2f} where a random order has {by_chance:.2f}, n {row.n:.0f})"
            for _, genre, row, by_chance in sorted(lifts, key=lambda item: -item[0])[:3]
        ]
        n_tested = len(lifts) + len(hidden)
        are = "is" if len(lifts) == 1 else "are"
        by_luck = round(_ONE_SIDED * n_tested)
        luck = f" ({by_luck} would seem to be by luck)" if by_luck else ""
        said.append(
            f"of {n_tested} genres with {_FEW} held-out covers or more {len(lifts)} {are} certainly told better "
            f"than by chance{luck}; most of all {listed(best)}."
        )
    elif hidden:
        many = f"{_FEW} held-out covers or more"
        said.append(
            f"none of the {len(hidden)} genres with {many} is certainly told better than by chance."
            if len(hidden) > 1
            else f"{hidden[0]}, the one genre with {many}, is not certainly told better than by chance."
        )
    everywhere = [genre for genre, row in per_genre.items() if row.n == n_held]
    if everywhere:
        said.append(
            f"all held-out covers have {listed(everywhere)}: there is nothing to tell."
        )
    rare = [genre for genre, row in per_genre.items() if row.n < min(_FEW, n_held)]
    if rare:
        shown = listed(rare) if len(rare) <= 6 else f"{len(rare)} genres"
        said.append(
            f"of {shown} there are fewer than {_FEW} held-out covers: little can be said of them."
        )
    return said


def _sets(found: Evaluation) -> list[str]:
    """Say what the prediction sets hold."""
    sets = found.sets
    if sets is None:
        return []
    return [
        (
            f"sets of genres that promise to hold {per_cent(sets.level)} of a cover's genres held {per_cent(sets.coverage)}, "
            f"with {sets.mean_size:.1f} of {len(found.genres)} genres on average."
        )
    ]
