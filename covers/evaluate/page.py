"""An evaluation as one self-contained page: charts, tables and the covers behind them.

Nothing is loaded from elsewhere; all text from the catalogue is escaped.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any

from covers.evaluate.page_covers import CoverGallery
from covers.render.charts import (
    Axis,
    IntervalRow,
    Line,
    bar,
    interval_chart,
    line_chart,
    share_axis,
)
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from covers.evaluate.evaluate import Evaluation
    from covers.workspace.paths import Workspace

NAMES = {
    "chance": "chance",
    "majority": "most frequent genre",
    "colour_knn": "colours, 5 neighbours",
    "frozen_knn": "untrained, 5 neighbours",
    "linear_probe": "untrained, linear probe",
    "cnn": "network",
    "vote": "vote of neighbours",
    "blend": "network + vote",
}
_EXPLAINED = {
    "chance": "a genre drawn at random",
    "majority": "always the most frequent genre",
    "colour_knn": "five nearest by colour histogram",
    "frozen_knn": "five nearest by the backbone before training",
    "linear_probe": "logistic regression on the backbone before training",
    "cnn": "the trained network alone",
    "vote": "neighbours by the trained network's embedding",
    "blend": "weighted product of the two, calibrated",
}


def write_report(
    file: IO[str],
    payload: dict[str, Any],
    evaluation: Evaluation,
    workspace: Workspace | None,
) -> None:
    """Write the page.

    Parameters
    ----------
    file : text file
        Open for writing.
    payload : dict
        As in ``evaluation.json``.
    evaluation : Evaluation
        For the covers behind the figures.
    workspace : Workspace, optional
        Where thumbnails and titles are; without it the page has no pictures.
    """
    gallery = CoverGallery(evaluation, workspace)
    sections = [
        _head(payload),
        _methods(payload),
        _differences(payload),
        _genres(payload),
        gallery.confusion(payload),
        _labels(payload),
        _calibration(payload),
        _certainty(payload),
        _growth(payload),
        gallery.top_losses(payload),
        _how(payload),
        _conclusions(payload),
    ]
    style = files("covers.evaluate").joinpath("page.css").read_text(encoding="utf-8")
    file.write(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Genres read off covers: evaluation</title>\n<style>{style}</style></head>\n<body>\n"
    )
    for section in sections:
        file.write(section)
        file.write("\n")
    file.write("</body></html>\n")


def _head(payload: dict[str, Any]) -> str:
    """Say in three lines what this is about."""
    split = payload["split"]
    n_held = payload["methods"]["blend"]["n"]
    model = payload.get("model", {})
    return (
        "<h1>Can the genre be read off the cover?</h1>"
        f'<p class="note">{n_held:,} held-out covers ({escape(split["measured"])} side) of {len(payload["genres"])} genres; '
        f"{split['n_train']:,} covers to learn from; groups that never cross the split: {escape(split['grouped_by'])}"
        + (
            f"; {escape(str(model['arch']))}, model {escape(str(model['fingerprint']))[:8]}"
            if model
            else ""
        )
        + "</p>"
        f'<p class="lead">{escape(payload["conclusions"][0])}</p>'
    )


def _methods(payload: dict[str, Any]) -> str:
    """Compare all methods."""
    methods = payload["methods"]
    best = max(methods, key=lambda name: methods[name]["macro_f1"])
    rows = [
        IntervalRow(
            label=NAMES.get(name, name),
            value=found["macro_f1"],
            low=found["ci95"]["macro_f1"][0],
            high=found["ci95"]["macro_f1"][1],
            strong=name == best,
        )
        for name, found in methods.items()
    ]
    top = max(0.2, *(row.high for row in rows))
    axis = Axis(
        low=0.0,
        high=min(1.0, top * 1.08),
        ticks=[(t / 10, f"{t / 10:.1f}") for t in range(11) if t / 10 <= top * 1.08],
        title="macro-F1, 95 % interval",
    )
    chart = interval_chart(
        rows,
        axis,
        description="macro-F1 of every method with its 95 % interval",
        reference=methods["chance"]["macro_f1"],
    )
    header = "".join(
        f"<th>{name}</th>"
        for name in (
            "method",
            "accuracy",
            "macro-F1",
            "top-3",
            "ECE",
            "Brier",
            "log-loss",
        )
    )
    body = []
    for name, found in methods.items():
        cells = "".join(
            f"<td>{found[figure]:.3f} {_ends(found['ci95'].get(figure))}</td>"
            for figure in ("accuracy", "macro_f1", "top3", "ece", "brier", "log_loss")
        )
        mark = ' class="best"' if name == best else ""
        body.append(
            f'<tr{mark}><td title="{escape(_EXPLAINED.get(name, ""))}">{escape(NAMES.get(name, name))}</td>{cells}</tr>'
        )
    return (
        "<h2>Every method on the same covers</h2>"
        "<p>Macro-F1 weighs every genre alike. The dashed line is chance; bars are 95 % intervals over groups, "
        "so that ten covers of one artist count as one observation.</p>"
        f'<figure class="card">{chart}</figure>'
        f'<div class="scroll"><table><tr>{header}</tr>{"".join(body)}</table></div>'
        '<p class="note">ECE: how far stated certainty is from the rate of being right, on average. '
        "Brier and log-loss: smaller is better.</p>"
    )


def _differences(payload: dict[str, Any]) -> str:
    """Compare the best method with every other, and all pairs."""
    methods = payload["methods"]
    best = max(methods, key=lambda name: methods[name]["macro_f1"])
    rows = []
    everything = []
    for row in payload["differences"]:
        a, b, value, (low, high) = row["a"], row["b"], row["macro_f1"], row["ci95"]
        certain = "certain" if low > 0 or high < 0 else "within chance"
        everything.append(
            f"<tr><td>{escape(NAMES.get(a, a))} &minus; {escape(NAMES.get(b, b))}</td><td>{value:+.3f}</td>"
            f"<td>{low:+.3f} to {high:+.3f}</td><td>{certain}</td></tr>"
        )
        if best in (a, b):
            if b == best:
                b, value, low, high = a, -value, -high, -low
            rows.append(
                IntervalRow(
                    label=NAMES.get(b, b),
                    value=value,
                    low=low,
                    high=high,
                    strong=low > 0,
                )
            )
    low = min([0.0, *(row.low for row in rows)])
    high = max([0.05, *(row.high for row in rows)])
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / s <= 8)
    first, last = int(low // step), int(-(-high // step))
    axis = Axis(
        low=first * step,
        high=last * step,
        ticks=[(n * step, f"{n * step:+.2f}") for n in range(first, last + 1)],
        title=f"macro-F1 of {NAMES[best]} minus this",
    )
    chart = interval_chart(
        rows,
        axis,
        description="difference of the best method to each other method",
        reference=0.0,
    )
    return (
        "<h2>Is the difference real?</h2>"
        f"<p>{escape(NAMES[best].capitalize())} against each other method, on the same resamples. Where the bar crosses the "
        "dashed line, these covers cannot tell the two apart.</p>"
        f'<figure class="card">{chart}</figure>'
        "<details><summary>All pairs</summary><table><tr><th>pair</th><th>macro-F1</th><th>95 %</th><th></th></tr>"
        f"{''.join(everything)}</table></details>"
    )


def _genres(payload: dict[str, Any]) -> str:
    """Show the blend genre by genre."""
    colours = genre_colours(payload["genres"])
    found = payload["methods"]["blend"]["per_genre"]
    sets = payload["sets"]["per_genre"]
    rows = []
    for genre in sorted(found, key=lambda name: -found[name]["f1"]):
        row, inside = found[genre], sets[genre]
        rows.append(
            f'<tr><td><span class="swatch" style="background:{colours[genre]}"></span>{escape(genre)}</td>'
            f"<td>{row['n']:.0f}</td><td>{row['precision']:.2f}</td><td>{row['recall']:.2f}</td>"
            f"<td>{row['f1']:.2f}{bar(row['f1'], colours[genre])}</td>"
            f"<td>{_percent(inside['coverage'])}</td><td>{_number(inside['mean_size'])}</td></tr>"
        )
    return (
        "<h2>Genre by genre</h2>"
        f"<p>Of {escape(NAMES['blend'])}. Precision: of the covers called so, how many are. Recall: of the covers that are, "
        f"how many were called so. In the set: how often the {_percent(payload['sets']['level'])} prediction set holds the genre.</p>"
        '<div class="scroll"><table><tr><th>genre</th><th>covers</th><th>precision</th><th>recall</th><th>F1</th>'
        f"<th>in the set</th><th>set size</th></tr>{''.join(rows)}</table></div>"
    )


def _labels(payload: dict[str, Any]) -> str:
    """Show what a network with independent genres names."""
    if "labels" not in payload:
        return ""
    methods = payload["labels"]["methods"]
    thresholds = payload["labels"]["thresholds"]
    lines = "".join(
        f"<tr><td>{escape('base rates' if name == 'prior' else NAMES[name])}</td>"
        f"<td>{row['mean_average_precision']:.3f}</td>"
        f"<td>{' to '.join(f'{end:.2f}' for end in row['ci95']['mean_average_precision'])}</td>"
        f"<td>{row['macro_f1']:.3f}</td><td>{' to '.join(f'{end:.2f}' for end in row['ci95']['macro_f1'])}</td>"
        f"<td>{_percent(row['coverage'])}</td><td>{row['named_per_cover']:.1f}</td></tr>"
        for name, row in methods.items()
    )
    genres = "".join(
        f"<tr><td>{escape(genre)}</td><td>{row['n']}</td><td>{row['average_precision']:.2f}</td>"
        f"<td>{row['f1']:.2f}</td><td>{thresholds[genre]:.2f}</td></tr>"
        for genre, row in methods["blend"]["per_genre"].items()
    )
    return (
        "<h2>Several genres at once</h2>"
        "<p>Each genre has a probability and a threshold of its own. Found: the share of the covers' genres that are named.</p>"
        '<div class="scroll"><table><tr><th>method</th><th>mAP</th><th>95 %</th><th>macro-F1</th><th>95 %</th>'
        f"<th>found</th><th>named per cover</th></tr>{lines}</table></div>"
        '<div class="scroll"><table><tr><th>genre</th><th>covers</th><th>average precision</th><th>F1</th>'
        f"<th>threshold</th></tr>{genres}</table></div>"
    )


def _calibration(payload: dict[str, Any]) -> str:
    """Draw reliability diagrams."""
    cards = []
    for name in ("cnn", "vote", "blend"):
        found = payload["methods"][name]
        points = [(row["certainty"], row["rate"]) for row in found["reliability"]]
        chart = line_chart(
            [
                Line(points=[(0, 0), (1, 1)], dashed=True),
                Line(points=points),
            ],
            share_axis("stated certainty"),
            share_axis("rate of being right"),
            description=f"reliability of {NAMES[name]}",
            width=300,
            height=240,
        )
        cards.append(
            f'<figure class="card"><h3>{escape(NAMES[name])}</h3>{chart}<figcaption>ECE {found["ece"]:.3f}; perfectly '
            f"calibrated ones would show {found['ece_if_calibrated']:.3f} on {found['n']} covers by chance</figcaption></figure>"
        )
    return (
        "<h2>Do the probabilities mean what they say?</h2>"
        "<p>Covers in bins of equal size by certainty. On the dashed line, covers called with 60 % certainty are right "
        "in 60 % of cases.</p>"
        f'<div class="row">{"".join(cards)}</div>'
    )


def _certainty(payload: dict[str, Any]) -> str:
    """Draw the coverage-accuracy curve and the sizes of prediction sets."""
    curve = payload["coverage_accuracy"]
    chart = line_chart(
        [
            Line(
                points=[(p["share"], p["accuracy"]) for p in curve],
                band=[(p["share"], *p["ci95"]) for p in curve if "ci95" in p],
                dots=False,
            )
        ],
        share_axis("share of covers answered, most certain first"),
        share_axis("accuracy among them"),
        description="accuracy among the most certain covers",
    )
    sets = payload["sets"]
    rows = "".join(
        f"<tr><td>{size}</td><td>{_percent(share)}{bar(share, 'var(--accent)')}</td></tr>"
        for size, share in enumerate(sets["sizes"])
    )
    return (
        "<h2>When may it stay silent?</h2>"
        "<p>Answering only where it is certain raises the accuracy. A prediction set lists every genre that cannot be "
        "ruled out; a wide set is an honest “unsure”.</p>"
        f'<div class="row"><figure class="card"><h3>Accuracy when only the most certain are answered</h3>{chart}</figure>'
        f'<figure class="card"><h3>Genres in the {_percent(sets["level"])} prediction set</h3>'
        f"<table><tr><th>genres</th><th>covers</th></tr>{rows}</table><figcaption>the truth is inside for "
        f"{_percent(sets['coverage'])} of covers; {sets['mean_size']:.1f} genres on average</figcaption></figure></div>"
    )


def _growth(payload: dict[str, Any]) -> str:
    """Draw the learning curve, and what a leak would have claimed."""
    from math import log2

    curve = payload["learning_curve"]
    axis = Axis(
        low=log2(curve[0]["n_references"]),
        high=log2(max(2, curve[-1]["n_references"])),
        ticks=[(log2(p["n_references"]), f"{p['n_references']:,}") for p in curve],
        title="reference covers (log scale)",
    )
    chart = line_chart(
        [
            Line(
                points=[(log2(p["n_references"]), p["macro_f1"]) for p in curve],
                band=[
                    (log2(p["n_references"]), *p["ci95"]) for p in curve if "ci95" in p
                ],
            )
        ],
        axis,
        share_axis("macro-F1 of the vote"),
        description="macro-F1 of the vote for growing numbers of reference covers",
    )
    leakage = "".join(
        f"<tr><td>{escape(NAMES.get(name, name))}</td><td>{row['random']:.3f}</td><td>{row['grouped']:.3f}</td>"
        f"<td>{row['difference']:+.3f} {_ends(row['ci95'])}</td></tr>"
        for name, row in payload.get("leakage", {}).items()
    )
    return (
        "<h2>Would more covers help?</h2><p>The vote with fewer reference covers, whole groups left out.</p>"
        f'<figure class="card" style="max-width:34rem">{chart}</figure>'
        + (
            "<h2>The price of a leak</h2><p>Macro-F1 that a split at random would have claimed, beside one that keeps "
            "artists and near-duplicates on one side.</p><table><tr><th>method</th><th>random split</th>"
            f"<th>grouped split</th><th>difference</th></tr>{leakage}</table>"
            if leakage
            else ""
        )
    )


def _how(payload: dict[str, Any]) -> str:
    """Say how it was measured."""
    fitted, split = payload["fitted"], payload["split"]
    vote = fitted["vote"]
    crossed = (
        f"cross-fitted over {fitted['n_folds']} folds of the held-out covers that keep groups together"
        if fitted["cross_fitted"]
        else "fitted on the valid side, measured on the test side"
    )
    return (
        "<h2>How this was measured</h2>"
        f"<p>The network and the references of the vote know the train side only. The vote ({vote['k']} voters, temperature "
        f"{vote['temperature']:g}, class balance {vote['class_balance']:g}{', one per group' if vote['one_per_group'] else ''}), "
        f"its calibration, the blend and the prediction sets are {crossed}. Intervals: group bootstrap over "
        f"{split['n_groups']:,} groups. A cover of several genres is read right when one of them is named; a wrong answer is "
        "booked in equal parts from each of its genres. Every accuracy was recounted from its confusion matrix and from "
        "the predictions before it was written, and the split was checked for groups on both sides.</p>"
    )


def _conclusions(payload: dict[str, Any]) -> str:
    """End with what it all says."""
    items = "".join(f"<li>{escape(said)}</li>" for said in payload["conclusions"])
    return f'<h2>Conclusions</h2><ul class="conclusions">{items}</ul>'


def _ends(interval: list[float] | None) -> str:
    """Return an interval as small text."""
    if interval is None:
        return ""
    return f'<span class="ends">{_number(interval[0], 2)}&ndash;{_number(interval[1], 2)}</span>'


def _percent(value: float | None) -> str:
    """Return a share as a rounded percentage, a dash where it is unknown."""
    return "&ndash;" if value is None or value != value else f"{100 * value:.0f} %"


def _number(value: float | None, digits: int = 1) -> str:
    """Return a number, a dash where it is unknown."""
    return "&ndash;" if value is None or value != value else f"{value:.{digits}f}"
