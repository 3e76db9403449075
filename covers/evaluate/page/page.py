"""An evaluation as one self-contained page: charts, tables and the covers behind them.

Nothing is loaded from elsewhere; all text from the catalogue is escaped.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any

from covers.classify.methods import TRAINED, Method
from covers.evaluate.measures import IN_WORDS, main_measure
from covers.evaluate.page import tables
from covers.evaluate.page.page_covers import CoverGallery
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
        "" if payload["several_genres"] else gallery.confusion(payload),
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
    n_held = payload["methods"][Method.COMBINED]["n"]
    made_with = (
        f"; {escape(str(model['arch']))}, model {escape(str(model['fingerprint']))[:8]}"
        if model
        else ""
    )
    n_after = model.get("n_fitted_after")
    after = (
        f" New pictures are answered by a head that was afterwards fitted on all {n_after:,} labelled covers; "
        "all figures here are those of the one that has not seen the held-out covers."
        if n_after
        else ""
    )
    return (
        "<h1>Can the genre be read off the cover?</h1>"
        f'<p class="note">{n_held:,} held-out covers ({escape(split["measured"])} side) of {len(payload["genres"])} genres; '
        f"{split['n_train']:,} covers to learn from; groups that never cross the split: {escape(split['grouped_by'])}{made_with}.{after}</p>"
        f'<p class="lead">{escape(payload["conclusions"][0])}</p>'
    )


def _methods(payload: dict[str, Any]) -> str:
    """Compare all methods."""
    methods, main = payload["methods"], main_measure(payload)
    explained = (
        "Average precision is the share of right covers among the first of a ranking, averaged over where the right ones stand; "
        "its mean weighs every genre alike, and guessing has the genre's share."
        if payload["several_genres"]
        else "Macro-F1 weighs every genre alike."
    )
    notes = (
        "First answer right: how often the likeliest genre is one of the cover's; with many genres a cover that is easy, so compare "
        "it with chance and frequency. Coverage error: how far down the ranking the last of a cover's genres stands. Ranking loss: how "
        "often a wrong genre stands before a right one. Ranking loss, coverage error, log-loss and calibration error: smaller is better."
        if payload["several_genres"]
        else "Calibration error: how far stated certainty is from the rate of being right, on average. "
        "Brier and log-loss: smaller is better."
    )
    return (
        "<h2>Every method on the same covers</h2>"
        f"<p>{explained} The dotted line is chance; lines are 95 % intervals over groups, "
        "so that ten covers of one artist count as one observation.</p>"
        f'<figure class="card">{method_dots(methods, main, IN_WORDS[main])}</figure>'
        f"<details><summary>All measures with their intervals</summary>{tables.methods_table(payload)}"
        f'<p class="note">{notes}</p></details>'
    )


def _differences(payload: dict[str, Any]) -> str:
    """Compare the best method with every other, and all pairs."""
    methods, main = payload["methods"], main_measure(payload)
    best = max(methods, key=lambda name: methods[name][main])
    chart = difference_dots(payload["differences"], best, main, IN_WORDS[main])
    return (
        "<h2>Is the difference real?</h2>"
        f"<p>{escape(best.capitalize())} against each other method, on the same resamples. Where the line crosses "
        "the dotted one, these covers cannot tell the two apart.</p>"
        f'<figure class="card">{chart}</figure>'
        f"<details><summary>All pairs</summary>{tables.differences_table(payload)}</details>"
    )


def _genres(payload: dict[str, Any]) -> str:
    """Show network and vote together genre by genre."""
    several = (
        " Every cover that carries a genre counts for it."
        if payload["several_genres"]
        else ""
    )
    found, sets = payload["methods"][Method.COMBINED]["per_genre"], payload["sets"]
    return (
        "<h2>Genre by genre</h2>"
        f"<p>Of {Method.COMBINED}. Precision: of the covers called so, how many are. Recall: of the covers that are, "
        f"how many were called so. In its set: how often the {per_cent(sets['level'])} prediction set holds the genre."
        f"{several}{note_on_parts(row['n'] for row in found.values())}</p>"
        f"{tables.genres_table(found, sets['per_genre'])}"
    )


def _calibration(payload: dict[str, Any]) -> str:
    """Draw reliability diagrams."""
    cards = []
    for name in TRAINED:
        found = payload["methods"][name]
        cards.append(
            f'<figure class="card"><h3>{escape(name)}</h3>{reliability(found["reliability"], height_px=200)}'
            f"<figcaption>ECE {found['ece']:.3f}; perfectly calibrated ones would show {found['ece_if_calibrated']:.3f} "
            f"on {found['n']} covers by chance</figcaption></figure>"
        )
    binned = (
        "The probabilities of all genres" if payload["several_genres"] else "Covers"
    )
    return (
        "<h2>Do the probabilities mean what they say?</h2>"
        f"<p>{binned} in bins of equal size by certainty. On the dotted line, what is said with 60 % certainty is right "
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
    held = (
        "the share of the covers' genres inside is"
        if payload["several_genres"]
        else "the share of covers whose genre is inside is"
    )
    return (
        "<h2>When may it stay silent?</h2>"
        "<p>Answering only where it is certain raises the rate of being right. A prediction set lists every genre that cannot be "
        "ruled out; a wide set is an honest “unsure”.</p>"
        '<div class="cards"><figure class="card"><h3>First answers right when only the most certain are answered</h3>'
        f"{coverage_accuracy(payload['coverage_accuracy'], 'first answer right')}</figure>"
        f'<figure class="card"><h3>Genres in the {level} prediction set</h3>'
        f"{bars}<figcaption>{held} "
        f"{per_cent(sets['coverage'])}; {sets['mean_size']:.1f} genres on average</figcaption></figure></div>"
    )


def _growth(payload: dict[str, Any]) -> str:
    """Draw the learning curve, and what a leak would have claimed."""
    leakage, main = payload.get("leakage"), main_measure(payload)
    curve = learning_curve(payload["learning_curve"], main, IN_WORDS[main])
    price = (
        f"<h2>The price of a leak</h2><p>The {IN_WORDS[main]} that a split at random would have claimed, beside one that keeps "
        f"artists and near-duplicates on one side.</p>{tables.leakage_table(leakage)}"
        if leakage
        else ""
    )
    return (
        "<h2>Would more covers help?</h2><p>The vote with fewer covers to learn from, whole groups left out.</p>"
        f'<figure class="card">{curve}</figure>{price}'
    )


def _how(payload: dict[str, Any]) -> str:
    """Say how it was measured."""
    fitted, split = payload["fitted"], payload["split"]
    vote = fitted["vote"]
    crossed = (
        f"cross-fitted over {fitted['n_folds']} folds of the held-out covers that keep groups together"
        if fitted["cross_fitted"]
        else "fitted on held-out covers, measured on the test part"
    )
    if across := fitted.get("n_across_folds", 0):
        crossed += f"; {across:,} train covers help to fit them, with answers by heads that have not seen them"
    counted = (
        "Genres are independent: each has a threshold of its own, and a cover counts for every genre it carries. "
        "Every F1 was counted anew from the names"
        if payload["several_genres"]
        else "A cover of several genres is right when one of them is named; a wrong answer is booked in equal parts from each "
        "of its genres. Every accuracy was recounted from its confusion matrix and from the predictions"
    )
    return (
        "<h2>How this was measured</h2>"
        f"<p>The network and the references of the vote know the train side only. The vote ({vote['k']} voters, temperature "
        f"{vote['temperature']:g}, class balance {vote['class_balance']:g}{', one per group' if vote['one_per_group'] else ''}), "
        f"its calibration, network and vote together, and the prediction sets are {crossed}. Intervals: group bootstrap over "
        f"{split['n_groups']:,} groups. {counted} before it was written, and the split was checked for groups on both sides.</p>"
    )


def _conclusions(payload: dict[str, Any]) -> str:
    """End with what it all says."""
    items = "".join(f"<li>{escape(said)}</li>" for said in payload["conclusions"])
    return f'<h2>Conclusions</h2><ul class="conclusions">{items}</ul>'
