"""How well genres are read, honestly: every method, what is confused, what to distrust."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard import charts, frame, loaders, markup, pairs, pick
from dashboard.colouring import scale_colours
from dashboard.frame import fragment
from dashboard.markup import Cell, Item

if TYPE_CHECKING:
    from dashboard.analysis import Votes
    from dashboard.library import Library

_NAMES = {
    "chance": "chance",
    "majority": "most frequent genre",
    "colour_knn": "colours, neighbours",
    "frozen_knn": "untrained, neighbours",
    "linear_probe": "untrained, linear",
    "cnn": "network",
    "vote": "vote",
    "blend": "network and vote",
}
_FIGURES = {"macro_f1": "Macro-F1", "accuracy": "Accuracy", "top3": "Top 3"}
_METHODS = {"blend": "Both", "vote": "Vote", "cnn": "Network"}
_MOST_CELLS = 60


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Model",
        "How well can genres be read off covers that were never seen, and how far can the answers be trusted?",
    )
    loaders.library()
    found = loaders.evaluation()
    frame.warn_if_stale("evaluation")
    _conclusions(found)
    _methods()
    _confusion()
    _trust(found)
    if frame.attempt(loaders.votes) is not None:
        _mistakes()
    _growth(found)


def _conclusions(found: dict[str, Any]) -> None:
    split = found["split"]
    n_held = next(iter(found["methods"].values()))["n"]
    numbers = [
        (f"{n_held:,}", f"held-out covers ({split['measured']} side)"),
        (f"{split['n_train']:,}", "covers learned from"),
        (f"{split['n_groups']:,}", f"held-out groups ({split['grouped_by']})"),
        (found["model"]["arch"], f"network {found['model']['fingerprint'][:8]}"),
    ]
    pick.show(markup.figures(numbers), key="model-numbers")
    with st.container(border=True):
        st.markdown(
            "\n".join(f"- {frame.plain(said)}" for said in found["conclusions"])
        )


@fragment
def _methods() -> None:
    found = loaders.evaluation()
    frame.section(
        "Methods and baselines",
        "Blue: what was trained here; grey: baselines, the untrained ones on the backbone before training. "
        "Lines are 95 % intervals by bootstrap over groups.",
    )
    figure = st.segmented_control(
        "Figure",
        list(_FIGURES),
        default="macro_f1",
        required=True,
        format_func=_FIGURES.__getitem__,
        key="figure",
        bind="query-params",
        label_visibility="collapsed",
    )
    methods = found["methods"]
    left, right = st.columns([3, 2], gap="large")
    with left:
        frame.chart(
            charts.method_dots(methods, _NAMES, figure),
            key="methods",
            alt=f"{_FIGURES[figure]} of each method: "
            + ", ".join(
                f"{_NAMES.get(m, m)} {v[figure]:.2f}" for m, v in methods.items()
            ),
        )
    with right:
        rows = [
            {
                "method": _NAMES.get(name, name),
                "F1": one["macro_f1"],
                "accuracy": one["accuracy"],
                "top 3": one["top3"],
                "ECE": one.get("ece"),
            }
            for name, one in methods.items()
        ]
        config = {
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("F1", "accuracy", "top 3", "ECE")
        }
        st.dataframe(rows, hide_index=True, column_config=config, height="content")
    with st.expander("Is one method really better? Paired differences"):
        st.caption(
            "Macro-F1 of the first minus that of the second on the same resamples; certain where the interval leaves out 0."
        )
        st.dataframe(
            [
                {
                    "first": _NAMES.get(one["a"], one["a"]),
                    "second": _NAMES.get(one["b"], one["b"]),
                    "difference": one["macro_f1"],
                    "from": one["ci95"][0],
                    "to": one["ci95"][1],
                    "certain": _leaves_out_zero(one["ci95"]),
                }
                for one in found["differences"]
            ],
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%+.3f")
                for name in ("difference", "from", "to")
            },
        )
    with st.expander("Genre by genre"):
        best = methods.get("blend") or methods["cnn"]
        covered = found["sets"].get("per_genre", {})
        st.dataframe(
            [
                {
                    "genre": genre,
                    "n": one["n"],
                    "precision": one["precision"],
                    "recall": one["recall"],
                    "F1": one["f1"],
                    "in its set": _coverage(covered.get(genre)),
                }
                for genre, one in best["per_genre"].items()
            ],
            hide_index=True,
            column_config={
                **{
                    name: st.column_config.NumberColumn(format="%.2f")
                    for name in ("precision", "recall", "F1")
                },
                "in its set": st.column_config.NumberColumn(
                    format="percent",
                    help=f"How often the prediction set at {100 * found['sets']['level']:.0f} % holds the genre.",
                ),
            },
        )
    leakage = found.get("leakage")
    if leakage:
        with st.expander("The price of a leak"):
            st.caption(
                "Macro-F1 that a random split would have claimed, where artists and near-duplicates sit on both sides."
            )
            st.dataframe(
                [
                    {
                        "method": _NAMES.get(m, m),
                        "random split": one["random"],
                        "grouped split": one["grouped"],
                        "difference": one["difference"],
                        "from": one["ci95"][0],
                        "to": one["ci95"][1],
                    }
                    for m, one in leakage.items()
                    if isinstance(one, dict) and "random" in one
                ],
                hide_index=True,
            )


@fragment
def _confusion() -> None:
    library, found = loaders.library(), loaders.evaluation()
    votes = frame.attempt(loaders.votes)
    frame.section(
        "What is taken for what",
        "Rows are the covers' own genres, columns what was read; numbers are covers, the shade is the share of the row. Choose a cell to see its covers.",
    )
    known = [m for m in _METHODS if m in found["methods"]]
    method = st.segmented_control(
        "Read by",
        known,
        default=known[0],
        required=True,
        format_func=_METHODS.__getitem__,
        key="by",
        bind="query-params",
    )
    genres = list(found["genres"])[:_MOST_CELLS]
    matrix = np.asarray(found["methods"][method]["confusion"], float)[
        : len(genres), : len(genres)
    ]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-9)
    colours = scale_colours(share.ravel())
    chosen = pairs.split_cell(st.query_params.get("cell", ""), genres)
    cells = [
        [
            Cell(
                text=f"{matrix[i, j]:.0f}" if matrix[i, j] >= 0.5 else "",
                tip=f"{true} read as {said}\n{markup.tidy(matrix[i, j])} of {markup.tidy(matrix[i].sum())} covers, {100 * share[i, j]:.0f} %",
                colour=colours[i * len(genres) + j] if matrix[i, j] else None,
                pick=pairs.name_pair(true, said) if matrix[i, j] else "",
                chosen=chosen == (true, said),
            )
            for j, said in enumerate(genres)
        ]
        for i, true in enumerate(genres)
    ]
    picked = pick.show(
        markup.matrix(genres, cells, label="Confusion matrix")
        + markup.scale(
            scale_colours(np.linspace(0, 1, 9)), "no cover of the row", "all"
        ),
        key="confusion",
    )
    if picked and picked != st.query_params.get("cell"):
        st.query_params["cell"] = picked
        st.rerun(scope="fragment")
    if chosen and votes is not None:
        rows = votes.cell(method, *chosen)
        said = "read right" if chosen[0] == chosen[1] else f"read as {chosen[1]}"
        frame.section(
            f"{chosen[0]}, {said}: {markup.count(len(rows), 'cover')}",
            "The most certain first; one of several genres may stand in several rows.",
        )
        opened = frame.gallery(
            library,
            rows,
            item=lambda row: Item(row=row, badge=_certainty(votes, row, method)),
            key=f"cell-{method}-{chosen}",
            per_page=16,
            empty="These covers are no longer in the library.",
        )
        if opened:
            frame.open_cover(opened)


def _trust(found: dict[str, Any]) -> None:
    left, right = st.columns(2, gap="large")
    best = "blend" if "blend" in found["methods"] else "cnn"
    measured = found["methods"][best]
    with left:
        frame.section(
            "Reliability",
            f"Do stated probabilities come true? On the dotted line they do. Calibration error (ECE) {measured['ece']:.3f}; "
            f"perfect ones would seem off by {measured.get('ece_if_calibrated', 0):.3f} on n = {measured['n']:,} covers by chance.",
        )
        frame.chart(
            charts.reliability(measured["reliability"]),
            key="reliability",
            alt="Reliability diagram of network and vote together",
        )
    with right:
        curve = found["coverage_accuracy"]
        frame.section(
            "Answer only when certain",
            f"Accuracy if only the most certain share of the n = {measured['n']:,} covers is answered; band: 95 % interval.",
        )
        frame.chart(
            charts.banded_line(
                [p["share"] for p in curve],
                [p["accuracy"] for p in curve],
                [p.get("ci95") for p in curve],
                x_title="share of covers answered",
                y_title="accuracy",
                hover="%{x:.0%} answered: accuracy %{y:.2f}<extra></extra>",
            ),
            key="coverage",
            alt="Accuracy over the share of covers answered",
        )
    sets = found["sets"]
    st.caption(
        f"Prediction sets that promise {100 * sets['level']:.0f} % held the true genre in {100 * sets['coverage']:.1f} % of cases, "
        f"with {sets['mean_size']:.1f} of {len(found['genres'])} genres on average."
    )


@fragment
def _mistakes() -> None:
    library, votes = loaders.library(), loaders.votes()
    frame.section(
        "Most confident mistakes",
        "Held-out covers read as another genre with the most certainty: surprises, and often wrong labels worth a second look.",
    )
    wrong, predicted = votes.mistakes(), votes.predicted()
    certainty = votes.distributions["blend"].max(axis=1)

    def item(answer: int) -> Item:
        genre = votes.vocab[predicted[answer]]
        return Item(
            row=int(votes.rows[answer]),
            badge=f"{100 * certainty[answer]:.0f} %",
            mark=genre,
            mark_colour=library.colours.get(genre, "#bdbdbd"),
        )

    picked = frame.gallery(
        library,
        wrong,
        item=item,
        key="mistakes",
        per_page=16,
        empty="There is no mistake among the held-out covers.",
    )
    if len(wrong):
        st.download_button(
            f"Take {len(wrong):,} along as CSV",
            lambda: _as_csv(library, votes, wrong, predicted, certainty),
            "confident-mistakes.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    if picked:
        frame.open_cover(picked)


def _growth(found: dict[str, Any]) -> None:
    curve = found["learning_curve"]
    frame.section(
        "Would more covers help?",
        "Macro-F1 of the vote with fewer covers to learn from, whole artists left out; band: 95 % interval.",
    )
    frame.chart(
        charts.banded_line(
            [p["n_references"] for p in curve],
            [p["macro_f1"] for p in curve],
            [p.get("ci95") for p in curve],
            x_title="covers to learn from",
            y_title="macro-F1",
            hover="%{x:,} covers: macro-F1 %{y:.3f}<extra></extra>",
            log_x=True,
        ),
        key="growth",
        alt="Learning curve: macro-F1 over the number of covers",
    )


def _as_csv(
    library: Library, votes: Votes, wrong: Any, predicted: Any, certainty: Any
) -> str:
    """Return the mistakes as a table; cells that a spreadsheet would run are quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["cover_id", "path", "artist", "album", "genres", "read_as", "certainty"]
    )
    for answer in wrong:
        row = int(votes.rows[answer])
        texts = [
            library.paths[row],
            library.artists[row],
            library.albums[row],
            "; ".join(library.genres[row]),
        ]
        safe = [
            f"'{text}" if text[:1] in "=+-@\t\r" and text else text for text in texts
        ]
        writer.writerow(
            [
                library.cover_ids[row],
                *safe,
                votes.vocab[predicted[answer]],
                f"{certainty[answer]:.4f}",
            ]
        )
    return out.getvalue()


def _certainty(votes: Votes, row: int, method: str) -> str:
    return (
        f"{100 * float(votes.distributions[method][votes.answer_of[row]].max()):.0f} %"
    )


def _coverage(found: Any) -> float | None:
    value = found.get("coverage") if isinstance(found, dict) else found
    return None if value is None else float(value)


def _leaves_out_zero(ends: list[float | None]) -> bool:
    low, high = ends
    return low is not None and high is not None and (low > 0 or high < 0)
