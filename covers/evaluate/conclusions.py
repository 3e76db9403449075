"""What the figures of an evaluation say, in plain language."""

from __future__ import annotations

from typing import Any

TRAINED = ("blend", "cnn", "vote", "linear_probe", "frozen_knn", "colour_knn")
NAMES = {
    "chance": "chance",
    "majority": "the most frequent genre",
    "colour_knn": "colour neighbours",
    "frozen_knn": "neighbours on the untrained backbone",
    "linear_probe": "a linear probe on the untrained backbone",
    "cnn": "the network",
    "vote": "the vote of neighbours",
    "blend": "the blend of network and vote",
}
_CONFUSED = 0.75


def draw_conclusions(payload: dict[str, Any]) -> list[str]:
    """Derive sentences from the document of an evaluation.

    Parameters
    ----------
    payload : dict
        As in ``evaluation.json``.

    Returns
    -------
    list of str
        One conclusion each: the best method and whether that is certain,
        against chance, against simple features, genres that cannot be told
        apart, what the probabilities are worth, what more covers would bring.
    """
    said = [
        *_best_method(payload),
        *_simple_features(payload),
        *_genres(payload),
        *_calibration(payload),
        *_sets(payload),
        *_labels(payload),
        *_growth(payload),
        *_leakage(payload),
        *_caution(payload),
    ]
    return [sentence[0].upper() + sentence[1:] for sentence in said]


def _labels(payload: dict[str, Any]) -> list[str]:
    """Say what naming several genres of a cover is worth."""
    if "labels" not in payload:
        return []
    blend = payload["labels"]["methods"]["blend"]
    prior = payload["labels"]["methods"]["prior"]
    return [
        (
            f"taken as independent, {_percent(blend['coverage'])} of the covers' genres are named, "
            f"with {blend['named_per_cover']:.1f} names per cover; mean average precision "
            f"{blend['mean_average_precision']:.2f}, where base rates alone have {prior['mean_average_precision']:.2f}"
        ).rstrip(".")
        + "."
    ]


def _percent(value: float) -> str:
    """Return a share as a rounded percentage."""
    return f"{100 * value:.0f} %"


def _points(low: float, high: float) -> str:
    """Return the ends of an interval of differences in hundredths."""
    return f"{100 * low:+.1f} to {100 * high:+.1f} points"


def _difference(payload: dict[str, Any], a: str, b: str) -> dict[str, Any] | None:
    """Return the difference of two methods, the right way round."""
    for row in payload["differences"]:
        if (row["a"], row["b"]) == (a, b):
            return dict(row)
        if (row["a"], row["b"]) == (b, a):
            low, high = row["ci95"]
            return {"macro_f1": -row["macro_f1"], "ci95": [-high, -low]}
    return None


def _best_method(payload: dict[str, Any]) -> list[str]:
    """Say which method is best and whether that is certain."""
    methods = payload["methods"]
    ranked = sorted(
        (name for name in TRAINED if name in methods),
        key=lambda name: -methods[name]["macro_f1"],
    )
    best = ranked[0]
    low, high = methods[best]["ci95"]["accuracy"]
    said = [
        (
            f"genres are read best by {NAMES[best]}: {_percent(methods[best]['accuracy'])} of held-out covers right "
            f"(95 % interval {_percent(low)} to {_percent(high)}), macro-F1 {methods[best]['macro_f1']:.2f}, where chance "
            f"is {_percent(methods['chance']['accuracy'])} and the most frequent genre {_percent(methods['majority']['accuracy'])}."
        )
    ]
    if low <= max(
        methods["chance"]["accuracy"],
        methods["majority"]["accuracy"],
    ):
        said.append(
            "that is not certainly better than guessing: on these covers, genre cannot be shown to be readable."
        )
    ties = []
    for other in ranked[1:]:
        gap = _difference(payload, best, other)
        if gap is not None and not gap["ci95"][0] > 0:
            ties.append(NAMES[other])
    if ties:
        said.append(
            f"its lead in macro-F1 over {_listed(ties)} is within chance: more held-out covers would be needed to tell them apart."
        )
    elif len(ranked) > 1:
        said.append("its lead in macro-F1 over every other method is certain (95 %).")
    return said


def _simple_features(payload: dict[str, Any]) -> list[str]:
    """Say what training brought over untrained features and colours."""
    said = []
    methods = payload["methods"]
    trained = max(("cnn", "vote", "blend"), key=lambda n: methods[n]["macro_f1"])
    for simple in ("frozen_knn", "linear_probe", "colour_knn"):
        gap = _difference(payload, trained, simple)
        if gap is None:
            continue
        low, high = gap["ci95"]
        verdict = (
            "better than"
            if low > 0
            else "worse than"
            if high < 0
            else "not certainly different from"
        )
        said.append(
            f"in macro-F1 {NAMES[trained]} is {verdict} {NAMES[simple]} "
            f"({100 * gap['macro_f1']:+.1f} points, 95 % interval {_points(low, high)})."
        )
    return said


def _genres(payload: dict[str, Any]) -> list[str]:
    """Say which genres are read best and which cannot be told apart."""
    vocab = payload["genres"]
    if len(vocab) < 2:
        return []
    methods = payload["methods"]
    best = max(("cnn", "vote", "blend"), key=lambda n: methods[n]["macro_f1"])
    per_genre = methods[best]["per_genre"]
    known = [genre for genre in vocab if per_genre[genre]["n"] > 0]
    ranked = sorted(known, key=lambda genre: -per_genre[genre]["f1"])
    said = [
        (
            f"{ranked[0]} is read most easily (F1 {per_genre[ranked[0]]['f1']:.2f}), "
            f"{ranked[-1]} least (F1 {per_genre[ranked[-1]]['f1']:.2f})."
        )
    ]
    confusion = methods[best]["confusion"]
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
            f"hard to tell apart by {NAMES[best]} (confused nearly as often as recognised): {'; '.join(names)}."
        )
    missing = [genre for genre in vocab if per_genre[genre]["n"] == 0]
    if missing:
        said.append(
            f"no held-out covers of {_listed(missing)}: nothing can be said of them."
        )
    return said


def _calibration(payload: dict[str, Any]) -> list[str]:
    """Say what the probabilities are worth."""
    found = payload["methods"]["blend"]
    error, noise = found["ece"], found["ece_if_calibrated"]
    if error <= max(0.03, 1.5 * noise):
        return [
            (
                f"the blend's probabilities can be taken at their word: they are off by {100 * error:.1f} points on average, "
                f"where perfect ones would seem off by {100 * noise:.1f} on so few covers."
            )
        ]
    return [
        (
            f"the blend's probabilities are off by {100 * error:.1f} points on average (perfect ones would seem off by "
            f"{100 * noise:.1f}): read them with care."
        )
    ]


def _sets(payload: dict[str, Any]) -> list[str]:
    """Say what the prediction sets hold."""
    sets = payload["sets"]
    n = len(payload["genres"])
    said = (
        f"sets of genres that promise to hold the truth in {_percent(sets['level'])} of cases did so in "
        f"{_percent(sets['coverage'])}, with {sets['mean_size']:.1f} of {n} genres on average."
    )
    weak = [
        genre
        for genre, row in sets["per_genre"].items()
        if row["n"] >= 10 and row["coverage"] < sets["level"] - 0.1
    ]
    return [said] + (
        [f"that promise holds on average, not for {_listed(weak)}."] if weak else []
    )


def _growth(payload: dict[str, Any]) -> list[str]:
    """Say what more reference covers would bring."""
    curve = payload["learning_curve"]
    if len(curve) < 2:
        return []
    last, before = curve[-1], curve[-2]
    gain = last["macro_f1"] - before["macro_f1"]
    if gain > 0.01:
        return [
            (
                f"the vote still gains from more covers ({100 * gain:+.1f} points of macro-F1 from {before['n_references']} "
                f"to {last['n_references']})."
            )
        ]
    return [
        (
            f"more covers of the same kind would hardly help the vote ({100 * gain:+.1f} points of macro-F1 from "
            f"{before['n_references']} to {last['n_references']})."
        )
    ]


def _leakage(payload: dict[str, Any]) -> list[str]:
    """Say what a careless split would have claimed."""
    said = []
    for name, row in payload.get("leakage", {}).items():
        low, high = row["ci95"]
        if low > 0:
            said.append(
                f"a split that ignores artists and duplicates would have claimed macro-F1 {row['random']:.2f} instead of "
                f"{row['grouped']:.2f} for {NAMES.get(name, name)} ({_points(low, high)})."
            )
    return said


def _caution(payload: dict[str, Any]) -> list[str]:
    """Say what weakens the figures."""
    said = []
    n_groups = payload["split"]["n_groups"]
    if n_groups < 30:
        said.append(
            f"only {n_groups} independent groups are held out: take the intervals as too narrow."
        )
    twins = payload["self_check"]["twins"]
    if twins:
        said.append(
            f"{len(twins)} held-out covers have an all but identical cover among the references: the vote is somewhat "
            "too good; 'covers audit' lists near-duplicates."
        )
    return said


def _listed(names: list[str]) -> str:
    """Join names as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
