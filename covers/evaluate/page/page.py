"""An evaluation as one self-contained page: charts, tables and the covers behind them.

Nothing is loaded from elsewhere; all text from the catalogue is escaped.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import IO, TYPE_CHECKING

from covers.classify.methods import TRAINED, Method
from covers.evaluate.measures import IN_WORDS
from covers.evaluate.page import charts, tables
from covers.evaluate.page.page_covers import CoverGallery
from covers.evaluate.words.across import counted_groups, held_in_words, own_group
from covers.model.network.embedder_names import shown_arch
from covers.render.charts.bars import share_bars
from covers.render.charts.marks import chart_style
from covers.render.numbers import note_on_parts, per_cent

if TYPE_CHECKING:
    from covers.evaluate.evaluate import Evaluated
    from covers.evaluate.result import Evaluation
    from covers.workspace.paths import Workspace


def write_report(
    file: IO[str], evaluated: Evaluated, workspace: Workspace | None
) -> None:
    """Write the page.

    Parameters
    ----------
    file : text file
        Open for writing.
    evaluated : Evaluated
        The figures, and the covers behind them.
    workspace : Workspace, optional
        Where thumbnails and titles are; without it the page has no pictures.
    """
    found = evaluated.result
    gallery = CoverGallery(evaluated, workspace)
    sections = [
        _head(found),
        _across(found),
        _methods(found),
        _differences(found),
        _genres(found),
        "" if found.several_genres else gallery.confusion(),
        _calibration(found),
        _certainty(found),
        _growth(found),
        gallery.top_losses(),
        _how(found),
        _conclusions(found),
    ]
    own = files("covers.evaluate").joinpath("page.css").read_text(encoding="utf-8")
    file.write(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Genres read off covers: evaluation</title>\n<style>{chart_style()}{own}</style></head>\n<body><main>\n"
    )
    file.writelines(f"{section}\n" for section in sections)
    file.write("</main></body></html>\n")


def _head(found: Evaluation) -> str:
    """Say in three lines what this is about."""
    split, model = found.split, found.model
    n_held = found.methods[Method.COMBINED].n
    made_with = (
        f"; {escape(shown_arch(model.arch))}, model {escape(model.fingerprint)[:8]}"
        if model
        else ""
    )
    n_after = model and model.n_fitted_after
    after = (
        f" New pictures are answered by a head that was afterwards fitted on all {n_after:,} labelled covers; "
        "all figures here are those of the one that has not seen the held-out covers."
        if n_after
        else ""
    )
    return (
        "<h1>Can the genre be read off the cover?</h1>"
        f'<p class="note">{n_held:,} held-out covers ({escape(split.measured)} side) of {len(found.genres)} genres; '
        f"{split.n_train:,} covers to learn from; groups that never cross the split: {escape(split.grouped_by)}{made_with}.{after}</p>"
        f'<p class="lead">{escape(found.conclusions[0])}</p>'
    )


def _across(found: Evaluation) -> str:
    """Show every labelled cover, each read without its fold, where that was measured."""
    across, split = found.across_folds, found.split
    if across is None or across.sets is None:
        return ""
    group, leading = own_group(split), found.leading
    method = across.methods[Method.COMBINED]
    return (
        "<h2>Every labelled cover once</h2>"
        f"<p>{across.n:,} covers of {escape(counted_groups(across.n_groups, split))} in {across.n_folds} folds, {escape(held_in_words(split))} "
        f"among them: each is read by a head fitted on the other folds (some {across.n_learned_from:,} covers), its neighbours are sought there, "
        f"and blend, temperatures and prediction sets are fitted without {escape(group)}. Which covers happened to be held out plays no "
        "part in these figures. What was chosen with a cover&#8217;s own label: one of four penalties of the head and one of eight of the linear probe; "
        "and the other heads, on whose answers blend and temperatures are fitted, have learned from it. "
        "Everything further down is of the held-out covers alone.</p>"
        f'<figure class="card">{charts.method_dots(leading, found.measure)}</figure>'
        f"<details><summary>All measures with their intervals</summary>{tables.methods_table(leading)}"
        f'<p class="note">The probabilities of {Method.COMBINED} are off by {method.ece.value:.3f} (ECE), where perfect ones would show '
        f"{method.ece_if_calibrated:.3f}; their {per_cent(across.sets.level)} sets hold {per_cent(across.sets.coverage)}.</p></details>"
        f"<details><summary>Genre by genre</summary>{tables.genres_table(leading)}</details>"
        f"<details><summary>Methods in pairs</summary>{tables.differences_table(leading)}</details>"
    )


def _methods(found: Evaluation) -> str:
    """Compare all methods."""
    explained = (
        "Average precision is the share of right covers among the first of a ranking, averaged over where the right ones stand; "
        "its mean weighs every genre alike, and guessing has the genre's share."
        if found.several_genres
        else "Macro-F1 weighs every genre alike."
    )
    notes = (
        "First answer right: how often the likeliest genre is one of the cover's; with many genres a cover that is easy, so compare "
        "it with chance and frequency. Coverage error: how far down the ranking the last of a cover's genres stands. Ranking loss: how "
        "often a wrong genre stands before a right one. Ranking loss, coverage error, log-loss and calibration error: smaller is better."
        if found.several_genres
        else "Calibration error: how far stated certainty is from the rate of being right, on average. "
        "Brier and log-loss: smaller is better."
    )
    return (
        "<h2>Every method on the same covers</h2>"
        f"<p>{explained} The dotted line is chance; lines are 95 % intervals over groups, "
        "so that ten covers of one artist count as one observation.</p>"
        f'<figure class="card">{charts.method_dots(found, found.measure)}</figure>'
        f"<details><summary>All measures with their intervals</summary>{tables.methods_table(found)}"
        f'<p class="note">{notes}</p></details>'
    )


def _differences(found: Evaluation) -> str:
    """Compare the best method with every other, and all pairs."""
    return (
        "<h2>Is the difference real?</h2>"
        f"<p>{escape(found.best().capitalize())} against each other method, on the same resamples. Where the line crosses "
        "the dotted one, these covers cannot tell the two apart.</p>"
        f'<figure class="card">{charts.difference_dots(found)}</figure>'
        f"<details><summary>All pairs</summary>{tables.differences_table(found)}</details>"
    )


def _genres(found: Evaluation) -> str:
    """Show network and vote together genre by genre."""
    several = (
        " Every cover that carries a genre counts for it."
        if found.several_genres
        else ""
    )
    counts = [one.n for one in found.methods[Method.COMBINED].per_genre.values()]
    level = per_cent(found.sets.level if found.sets else None)
    return (
        "<h2>Genre by genre</h2>"
        f"<p>Of {Method.COMBINED}. Precision: of the covers called so, how many are. Recall: of the covers that are, "
        f"how many were called so. In its set: how often the {level} prediction set holds the genre."
        f"{several}{note_on_parts(counts)}</p>"
        f"{tables.genres_table(found)}"
    )


def _calibration(found: Evaluation) -> str:
    """Draw reliability diagrams."""
    cards = []
    for name in TRAINED:
        method = found.methods[name]
        cards.append(
            f'<figure class="card"><h3>{escape(name)}</h3>{charts.reliability(method.reliability, height_px=200)}'
            f"<figcaption>ECE {method.ece.value:.3f}; perfectly calibrated ones would show {method.ece_if_calibrated:.3f} "
            f"on {method.n} covers by chance</figcaption></figure>"
        )
    binned = "The probabilities of all genres" if found.several_genres else "Covers"
    return (
        "<h2>Do the probabilities mean what they say?</h2>"
        f"<p>{binned} in bins of equal size by certainty. On the dotted line, what is said with 60 % certainty is right "
        "in 60 % of cases.</p>"
        f'<div class="cards">{"".join(cards)}</div>'
    )


def _certainty(found: Evaluation) -> str:
    """Draw the coverage-accuracy curve and the sizes of prediction sets."""
    sets = found.sets
    if sets is None:
        return ""
    sizes = {str(size): share for size, share in enumerate(sets.sizes)}
    level = per_cent(sets.level)
    bars = share_bars(
        sizes, title="share of covers", alt=f"Genres in the {level} prediction set"
    )
    held = (
        "the share of the covers' genres inside is"
        if found.several_genres
        else "the share of covers whose genre is inside is"
    )
    return (
        "<h2>When may it stay silent?</h2>"
        "<p>Answering only where it is certain raises the rate of being right. A prediction set lists every genre that cannot be "
        "ruled out; a wide set is an honest “unsure”.</p>"
        '<div class="cards"><figure class="card"><h3>First answers right when only the most certain are answered</h3>'
        f"{charts.coverage_accuracy(found)}</figure>"
        f'<figure class="card"><h3>Genres in the {level} prediction set</h3>'
        f"{bars}<figcaption>{held} "
        f"{per_cent(sets.coverage)}; {sets.mean_size:.1f} genres on average</figcaption></figure></div>"
    )


def _growth(found: Evaluation) -> str:
    """Draw the learning curve, and what a leak would have claimed."""
    price = (
        f"<h2>The price of a leak</h2><p>The {IN_WORDS[found.measure]} that a split at random would have claimed, beside one that keeps "
        f"artists and near-duplicates on one side.</p>{tables.leakage_table(found)}"
        if found.leakage
        else ""
    )
    return (
        "<h2>Would more covers help?</h2><p>The vote with fewer covers to learn from, whole groups left out.</p>"
        f'<figure class="card">{charts.learning_curve(found)}</figure>{price}'
    )


def _how(found: Evaluation) -> str:
    """Say how it was measured."""
    fitted = found.fitted
    if fitted is None:
        return ""
    vote = fitted.vote
    crossed = (
        f"cross-fitted over {fitted.n_folds} folds of the held-out covers that keep groups together"
        if fitted.cross_fitted
        else "fitted on held-out covers, measured on the test part"
    )
    if across := fitted.n_across_folds:
        crossed += f"; {across:,} train covers help to fit them, with answers by heads that have not seen them"
    counted = (
        "Genres are independent: each has a threshold of its own, and a cover counts for every genre it carries. "
        "Every F1 was counted anew from the names"
        if found.several_genres
        else "A cover of several genres is right when one of them is named; a wrong answer is booked in equal parts from each "
        "of its genres. Every accuracy was recounted from its confusion matrix and from the predictions"
    )
    return (
        "<h2>How this was measured</h2>"
        f"<p>The network and the references of the vote know the train side only. The vote ({vote.k} voters, temperature "
        f"{vote.temperature:g}, class balance {vote.class_balance:g}{', one per group' if vote.one_per_group else ''}), "
        f"its calibration, network and vote together, and the prediction sets are {crossed}. Intervals: group bootstrap over "
        f"{found.split.n_groups:,} groups. {counted} before it was written, and the split was checked for groups on both sides.</p>"
    )


def _conclusions(found: Evaluation) -> str:
    """End with the conclusions."""
    items = "".join(f"<li>{escape(said)}</li>" for said in found.conclusions)
    return f'<h2>Conclusions</h2><ul class="conclusions">{items}</ul>'
