"""An evaluation as one self-contained page: charts, tables and the covers behind them.

Nothing is loaded from elsewhere; all text from the catalogue is escaped.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any

from covers.evaluate import tables
from covers.evaluate.page_covers import CoverGallery
from covers.evaluate.tables import NAMES
from covers.render.charts import difference_dots, method_dots, share_bars
from covers.render.curves import coverage_accuracy, learning_curve, reliability
from covers.render.marks import chart_style
from covers.render.numbers import note_on_parts, per_cent

if TYPE_CHECKING:
    from covers.evaluate.evaluate import Evaluation
    from covers.workspace.paths import Workspace


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
    own = files("covers.evaluate").joinpath("page.css").read_text(encoding="utf-8")
    file.write(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Genres read off covers: evaluation</title>\n<style>{chart_style()}{own}</style></head>\n<body><main>\n"
    )
    file.writelines(f"{section}\n" for section in sections)
    file.write("</main></body></html>\n")


def _head(payload: dict[str, Any]) -> str:
    """Say in three lines what this is about."""
    split, model = payload["split"], payload.get("model", {})
    n_held = payload["methods"]["blend"]["n"]
    made_with = (
        f"; {escape(str(model['arch']))}, model {escape(str(model['fingerprint']))[:8]}"
        if model
        else ""
    )
    return (
        "<h1>Can the genre be read off the cover?</h1>"
        f'<p class="note">{n_held:,} held-out covers ({escape(split["measured"])} side) of {len(payload["genres"])} genres; '
        f"{split['n_train']:,} covers to learn from; groups that never cross the split: {escape(split['grouped_by'])}{made_with}</p>"
        f'<p class="lead">{escape(payload["conclusions"][0])}</p>'
    )


def _methods(payload: dict[str, Any]) -> str:
    """Compare all methods."""
    methods = payload["methods"]
    return (
        "<h2>Every method on the same covers</h2>"
        "<p>Macro-F1 weighs every genre alike. The dotted line is chance; lines are 95 % intervals over groups, "
        "so that ten covers of one artist count as one observation.</p>"
        f'<figure class="card">{method_dots(methods, NAMES, "macro_f1", "macro-F1")}</figure>'
        f"<details><summary>All measures with their intervals</summary>{tables.methods_table(methods)}"
        '<p class="note">ECE: how far stated certainty is from the rate of being right, on average. '
        "Brier and log-loss: smaller is better.</p></details>"
    )


def _differences(payload: dict[str, Any]) -> str:
    """Compare the best method with every other, and all pairs."""
    methods = payload["methods"]
    best = max(methods, key=lambda name: methods[name]["macro_f1"])
    chart = difference_dots(payload["differences"], NAMES, best)
    return (
        "<h2>Is the difference real?</h2>"
        f"<p>{escape(NAMES.get(best, best).capitalize())} against each other method, on the same resamples. Where the line crosses "
        "the dotted one, these covers cannot tell the two apart.</p>"
        f'<figure class="card">{chart}</figure>'
        f"<details><summary>All pairs</summary>{tables.differences_table(payload['differences'])}</details>"
    )


def _genres(payload: dict[str, Any]) -> str:
    """Show the blend genre by genre."""
    found, sets = payload["methods"]["blend"]["per_genre"], payload["sets"]
    return (
        "<h2>Genre by genre</h2>"
        f"<p>Of {escape(NAMES['blend'])}. Precision: of the covers called so, how many are. Recall: of the covers that are, "
        f"how many were called so. In its set: how often the {per_cent(sets['level'])} prediction set holds the genre."
        f"{note_on_parts(row['n'] for row in found.values())}</p>"
        f"{tables.genres_table(found, sets['per_genre'])}"
    )


def _labels(payload: dict[str, Any]) -> str:
    """Show what a network with independent genres names."""
    if "labels" not in payload:
        return ""
    return (
        "<h2>Several genres at once</h2>"
        "<p>Each genre has a probability and a threshold of its own. Found: the share of the covers' genres that are named.</p>"
        f"{tables.labels_tables(payload['labels'])}"
    )


def _calibration(payload: dict[str, Any]) -> str:
    """Draw reliability diagrams."""
    cards = []
    for name in ("cnn", "vote", "blend"):
        found = payload["methods"][name]
        cards.append(
            f'<figure class="card"><h3>{escape(NAMES[name])}</h3>{reliability(found["reliability"], height_px=200)}'
            f"<figcaption>ECE {found['ece']:.3f}; perfectly calibrated ones would show {found['ece_if_calibrated']:.3f} "
            f"on {found['n']} covers by chance</figcaption></figure>"
        )
    return (
        "<h2>Do the probabilities mean what they say?</h2>"
        "<p>Covers in bins of equal size by certainty. On the dotted line, covers called with 60 % certainty are right "
        "in 60 % of cases.</p>"
        f'<div class="cards">{"".join(cards)}</div>'
    )


def _certainty(payload: dict[str, Any]) -> str:
    """Draw the coverage-accuracy curve and the sizes of prediction sets."""
    sets = payload["sets"]
    sizes = {str(size): share for size, share in enumerate(sets["sizes"])}
    level = per_cent(sets["level"])
    bars = share_bars(
        sizes, title="share of covers", alt=f"Genres in the {level} prediction set"
    )
    return (
        "<h2>When may it stay silent?</h2>"
        "<p>Answering only where it is certain raises the accuracy. A prediction set lists every genre that cannot be "
        "ruled out; a wide set is an honest “unsure”.</p>"
        '<div class="cards"><figure class="card"><h3>Accuracy when only the most certain are answered</h3>'
        f"{coverage_accuracy(payload['coverage_accuracy'])}</figure>"
        f'<figure class="card"><h3>Genres in the {level} prediction set</h3>{bars}<figcaption>the truth is inside for '
        f"{per_cent(sets['coverage'])} of covers; {sets['mean_size']:.1f} genres on average</figcaption></figure></div>"
    )


def _growth(payload: dict[str, Any]) -> str:
    """Draw the learning curve, and what a leak would have claimed."""
    leakage = payload.get("leakage")
    price = (
        "<h2>The price of a leak</h2><p>Macro-F1 that a split at random would have claimed, beside one that keeps "
        f"artists and near-duplicates on one side.</p>{tables.leakage_table(leakage)}"
        if leakage
        else ""
    )
    return (
        "<h2>Would more covers help?</h2><p>The vote with fewer covers to learn from, whole groups left out.</p>"
        f'<figure class="card">{learning_curve(payload["learning_curve"])}</figure>{price}'
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
