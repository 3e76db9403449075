"""What the figures of independent genres say, in plain language."""

from __future__ import annotations

from typing import Any

from covers.classify.methods import IN_WORDS, TRAINED, Method
from covers.evaluate.words.sentences import (
    LOOKING_METHODS,
    describe_gain,
    describe_lead,
    listed,
    percent,
)
from covers.stats.labels.figures import average_precision_by_chance

FIGURE = "mean_average_precision"
_FEW = 10


def describe_methods(payload: dict[str, Any]) -> list[str]:
    """Return one sentence for each thing worth saying, from the document of an evaluation."""
    return [
        *_kind(payload),
        *_best(payload),
        *_simple_features(payload),
        *_first_answers(payload),
        *_named(payload),
        *_genres(payload),
        *_calibration(payload),
        *_sets(payload),
        *_growth(payload),
    ]


def _best_name(payload: dict[str, Any], names: tuple[Method, ...]) -> Method:
    methods = payload["methods"]
    known = [name for name in names if name in methods]
    return max(known, key=lambda name: methods[name][FIGURE])


def _kind(payload: dict[str, Any]) -> list[str]:
    """Say that genres were taken as independent."""
    return [
        (
            f"{percent(payload['share_with_several'])} of the covers have several genres, so genres are taken as independent: "
            "each has a probability of its own, and a cover has any number of them."
        )
    ]


def _best(payload: dict[str, Any]) -> list[str]:
    """Say which method ranks best and whether that is certain."""
    methods = payload["methods"]
    best = _best_name(payload, LOOKING_METHODS)
    low, high = methods[best]["ci95"][FIGURE]
    chance = payload["self_check"]["mean_average_precision_by_chance"]
    said = [
        (
            f"covers are ranked best by {IN_WORDS[best]}: mean average precision {methods[best][FIGURE]:.3f} "
            f"(95 % interval {low:.3f} to {high:.3f}), where a random order has {chance:.3f}."
        )
    ]
    if not low > chance:
        said.append(
            "that is not certainly better than guessing: on these covers, genres cannot be shown to be readable."
        )
    said += describe_lead(
        payload["differences"], best, FIGURE, "mean average precision"
    )
    return said


def _simple_features(payload: dict[str, Any]) -> list[str]:
    """Say what training brought over untrained features and colours."""
    trained = _best_name(payload, TRAINED)
    return describe_gain(
        payload["differences"], trained, FIGURE, "mean average precision"
    )


def _first_answers(payload: dict[str, Any]) -> list[str]:
    """Say how often the first answer is one of the cover's genres, and what that is by chance."""
    methods = payload["methods"]
    combined = methods[Method.COMBINED]
    low, high = combined["ci95"]["first_right"]
    return [
        (
            f"the likeliest genre is one of the cover's own for {percent(combined['first_right'])} of covers "
            f"({percent(low)} to {percent(high)}); always saying the most frequent genre has "
            f"{percent(methods[Method.FREQUENCY]['first_right'])}, a genre drawn at random "
            f"{percent(payload['self_check']['first_right_by_chance'])}."
        )
    ]


def _named(payload: dict[str, Any]) -> list[str]:
    """Say what is named and how much of it is right."""
    combined = payload["methods"][Method.COMBINED]
    return [
        (
            f"network and vote together name {combined['named_per_cover']:.1f} genres a cover: {percent(combined['micro_precision'])} of the "
            f"names are right, and {percent(combined['micro_recall'])} of the covers' genres are named (micro-F1 {combined['micro_f1']:.2f}, "
            f"macro-F1 {combined['macro_f1']:.2f})."
        )
    ]


def _genres(payload: dict[str, Any]) -> list[str]:
    """Say which genres can be told and which cannot, as far as covers allow."""
    per_genre = payload["methods"][Method.COMBINED]["per_genre"]
    n_held = payload["methods"][Method.COMBINED]["n"]
    lifts, hidden = [], []
    for genre, row in per_genre.items():
        if row["n"] < _FEW:
            continue
        by_chance = average_precision_by_chance(row["n"], n_held)
        if row["ci95"]["average_precision"][0] > by_chance:
            lifts.append((row["average_precision"] / by_chance, genre, row))
        else:
            hidden.append(genre)
    said = []
    if lifts:
        best = [
            f"{genre} ({row['average_precision']:.2f} where a random order has {average_precision_by_chance(row['n'], n_held):.2f}, n {row['n']})"
            for _, genre, row in sorted(lifts, key=lambda item: -item[0])[:3]
        ]
        said.append(
            f"{len(lifts)} of {len(lifts) + len(hidden)} genres with {_FEW} held-out covers or more are certainly told better "
            f"than by chance; most of all {listed(best)}."
        )
    elif hidden:
        said.append(
            f"none of the {len(hidden)} genres with {_FEW} held-out covers or more is certainly told better than by chance."
        )
    rare = [genre for genre, row in per_genre.items() if row["n"] < _FEW]
    if rare:
        shown = listed(rare) if len(rare) <= 6 else f"{len(rare)} genres"
        said.append(
            f"of {shown} there are fewer than {_FEW} held-out covers: little can be said of them."
        )
    return said


def _calibration(payload: dict[str, Any]) -> list[str]:
    """Say what the probabilities are worth."""
    combined = payload["methods"][Method.COMBINED]
    verdict = (
        "can be taken at their word"
        if combined["ece"] <= max(0.02, 1.5 * combined["ece_if_calibrated"])
        else "should be read with care"
    )
    return [
        (
            f"the probabilities of network and vote together {verdict}: over all genres they are off by "
            f"{100 * combined['ece']:.1f} points on average."
        )
    ]


def _sets(payload: dict[str, Any]) -> list[str]:
    """Say what the prediction sets hold."""
    sets = payload["sets"]
    return [
        (
            f"sets of genres that promise to hold {percent(sets['level'])} of a cover's genres held {percent(sets['coverage'])}, "
            f"with {sets['mean_size']:.1f} of {len(payload['genres'])} genres on average."
        )
    ]


def _growth(payload: dict[str, Any]) -> list[str]:
    """Say what more reference covers would bring."""
    curve = payload["learning_curve"]
    if len(curve) < 2:
        return []
    last, before = curve[-1], curve[-2]
    gain = last[FIGURE] - before[FIGURE]
    told = (
        "the vote still gains from more covers"
        if gain > 0.01
        else "more covers of the same kind would hardly help the vote"
    )
    return [
        (
            f"{told} ({100 * gain:+.1f} points of mean average precision from {before['n_references']} to {last['n_references']})."
        )
    ]
