"""What the figures of independent genres say, in plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covers.classify.methods import IN_WORDS, TRAINED, Method
from covers.evaluate.words.sentences import (
    LOOKING_METHODS,
    describe_gain,
    describe_growth,
    describe_lead,
    listed,
    percent,
)
from covers.stats.labels.figures import average_precision_by_chance

if TYPE_CHECKING:
    from covers.evaluate.result import Evaluation

_FEW = 10


def describe_methods(found: Evaluation) -> list[str]:
    """Return one sentence for each thing worth saying of an evaluation."""
    return [
        *_kind(found),
        *_best(found),
        *_simple_features(found),
        *_first_answers(found),
        *_named(found),
        *_genres(found),
        *_calibration(found),
        *_sets(found),
        *describe_growth(found),
    ]


def _kind(found: Evaluation) -> list[str]:
    """Say that genres were taken as independent."""
    return [
        (
            f"{percent(found.share_with_several)} of the covers have several genres, so genres are taken as independent: "
            "each has a probability of its own, and a cover has any number of them."
        )
    ]


def _best(found: Evaluation) -> list[str]:
    """Say which method ranks best and whether that is certain."""
    best = Method(found.best(LOOKING_METHODS))
    measured = found.methods[best].mean_average_precision
    low, high = measured.ci95
    chance = found.self_check.mean_average_precision_by_chance
    said = [
        (
            f"covers are ranked best by {IN_WORDS[best]}: mean average precision {measured.value:.3f} "
            f"(95 % interval {low:.3f} to {high:.3f}), where a random order has {chance:.3f}."
        )
    ]
    if not low > chance:
        said.append(
            "that is not certainly better than guessing: on these covers, genres cannot be shown to be readable."
        )
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
            f"the likeliest genre is one of the cover's own for {percent(first.value)} of covers "
            f"({percent(low)} to {percent(high)}); always saying the most frequent genre has "
            f"{percent(same.value)}, a genre drawn at random "
            f"{percent(found.self_check.first_right_by_chance)}."
        )
    ]


def _named(found: Evaluation) -> list[str]:
    """Say what is named and how much of it is right."""
    combined = found.methods[Method.COMBINED]
    return [
        (
            f"network and vote together name {combined.named_per_cover.value:.1f} genres a cover: {percent(combined.micro_precision.value)} of the "
            f"names are right, and {percent(combined.micro_recall.value)} of the covers' genres are named (micro-F1 {combined.micro_f1.value:.2f}, "
            f"macro-F1 {combined.macro_f1.value:.2f})."
        )
    ]


def _genres(found: Evaluation) -> list[str]:
    """Say which genres can be told and which cannot, as far as covers allow."""
    combined = found.methods[Method.COMBINED]
    per_genre, n_held = combined.per_genre, combined.n
    lifts, hidden = [], []
    for genre, row in per_genre.items():
        if row.n < _FEW:
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
        said.append(
            f"{len(lifts)} of {len(lifts) + len(hidden)} genres with {_FEW} held-out covers or more are certainly told better "
            f"than by chance; most of all {listed(best)}."
        )
    elif hidden:
        said.append(
            f"none of the {len(hidden)} genres with {_FEW} held-out covers or more is certainly told better than by chance."
        )
    rare = [genre for genre, row in per_genre.items() if row.n < _FEW]
    if rare:
        shown = listed(rare) if len(rare) <= 6 else f"{len(rare)} genres"
        said.append(
            f"of {shown} there are fewer than {_FEW} held-out covers: little can be said of them."
        )
    return said


def _calibration(found: Evaluation) -> list[str]:
    """Say what the probabilities are worth."""
    combined = found.methods[Method.COMBINED]
    verdict = (
        "can be taken at their word"
        if combined.ece.value <= max(0.02, 1.5 * combined.ece_if_calibrated)
        else "should be read with care"
    )
    return [
        (
            f"the probabilities of network and vote together {verdict}: over all genres they are off by "
            f"{100 * combined.ece.value:.1f} points on average."
        )
    ]


def _sets(found: Evaluation) -> list[str]:
    """Say what the prediction sets hold."""
    sets = found.sets
    if sets is None:
        return []
    return [
        (
            f"sets of genres that promise to hold {percent(sets.level)} of a cover's genres held {percent(sets.coverage)}, "
            f"with {sets.mean_size:.1f} of {len(found.genres)} genres on average."
        )
    ]
