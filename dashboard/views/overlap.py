"""Which genres look alike: matrix, graph, tree, and the covers behind each number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from covers.overlap.figures_trends import pair_lines
from covers.render import curves, html
from covers.render.graph import graph
from covers.render.matrix import key, matrix
from covers.render.numbers import count, note_on_parts
from covers.render.palette import colour_sequence
from covers.render.tree import dendrogram
from dashboard import loaders, place
from dashboard.components import pick
from dashboard.data import pairs
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from dashboard.data.library import Library


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Overlap",
        "Which genres look alike, how certain that is, and the covers behind each number.",
    )
    library, measured = loaders.library(), loaders.overlap()
    frame.warn_if_stale("overlap")
    if len(measured["genres"]) < 2:
        st.info("Overlap needs at least two genres.", icon=":material/info:")
        return
    _summary(measured)
    _explore()
    _tree(library, measured)
    _over_time(measured)
    _typical(library, measured)
    with st.expander("What to know before using these numbers"):
        for note in measured["notes"] or ["Nothing in particular."]:
            st.markdown(f"- {frame.plain(note)}")


def _summary(measured: dict[str, Any]) -> None:
    effective = measured["effective_genres"]
    low, high = measured["effective_genres_ci95"]
    interval = (
        f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
    )
    numbers = [
        (
            f"{effective:.1f}{interval}" if effective is not None else "?",
            f"visually distinct genres of {len(measured['genres'])}",
        ),
        (
            f"{measured['n_covers']:,}",
            f"{measured.get('covers', 'all')} covers measured",
        ),
        (f"{measured['n_groups']:,}", f"groups ({measured['grouped_by']})"),
        (f"{len(measured['edges']):,}", "pairs mix more than chance"),
    ]
    pick.show(html.figures(numbers), key="overlap-numbers")


@fragment
def _explore() -> None:
    library, measured = loaders.library(), loaders.overlap()
    measure, shown = _choose_measure(measured)
    chosen = pairs.split_pair(st.query_params.get("pair", ""), measured["genres"])
    drawn = bool(pairs.edges(shown))
    left, right = st.columns([1, 1], gap="large") if drawn else (st.container(), None)
    with left:
        _matrix(measure, shown, chosen)
    if right is None:
        st.caption(
            "No pair of genres certainly mixes more than chance (q ≤ 0.05), so there is no graph to draw."
        )
    else:
        with right:
            _graph(library, shown, chosen)
    _pair(library, shown, chosen)


def _choose_measure(measured: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Let a measure and its number of neighbours be chosen; return it and the overlap with these."""
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        known = [
            m for m in pairs.MEASURES if m in ("overlap", "lift") or _has(measured, m)
        ]
        measure = st.segmented_control(
            "Measure",
            known,
            default="overlap",
            required=True,
            format_func=pairs.MEASURES.__getitem__,
            key="measure",
            bind="query-params",
        )
    k = pairs.stored_k(measured, measure)
    choices = (
        pairs.other_ks(measured, measure) if measure in ("overlap", "lift") else []
    )
    if len(choices) > 1:
        with right:
            k = st.select_slider(
                "Neighbours looked at (k)",
                choices,
                k,
                key=f"k-{measure}",
                bind="query-params",
                help="Few follow fine structure but waver, many are steady but blur.",
            )
    shown = pairs.at_k(measured, measure, k)
    if k != pairs.stored_k(measured, measure):
        st.caption(
            f"Measured with {count(k, 'neighbour')} on n = {shown['n_covers']:,} covers, with fewer resamples."
        )
    return measure, shown


def _matrix(
    measure: str, shown: dict[str, Any], chosen: tuple[str, str] | None
) -> None:
    frame.section("Matrix", pairs.READING[measure])
    genres, cells = pairs.cells(shown, measure)
    hatched = {"overlap": "uncertain", "lift": "may be chance"}.get(measure, "")
    label = f"{pairs.MEASURES[measure]} of genre pairs"
    drawn = matrix(genres, cells, label=label)
    drawn += key(*pairs.key_of(measure, shown), hatched)
    pick.show(
        drawn,
        key="matrix",
        chosen=_both_ways(chosen),
        then=pick.keep_in_address("pair"),
    )
    if note := note_on_parts(shown["n_by_genre"].values()):
        st.caption(note)


def _graph(
    library: Library, shown: dict[str, Any], chosen: tuple[str, str] | None
) -> None:
    frame.section(
        "Graph",
        "Lines join genres that mix more than chance (q ≤ 0.05); the thicker, the more overlap. "
        f"n = {shown['n_covers']:,} covers.",
    )
    n = shown["n_by_genre"]
    top = max(n.values(), default=1) or 1
    sizes = {g: 7 + 13 * (n.get(g, 0) / top) ** 0.5 for g in pairs.shown_genres(shown)}
    pick.show(
        graph(pairs.place_genres(shown), sizes, library.colours, pairs.edges(shown)),
        key="graph",
        chosen=_both_ways(chosen),
        then=pick.keep_in_address("pair"),
    )


def _both_ways(chosen: tuple[str, str] | None) -> list[str]:
    return [pairs.name_pair(*way) for way in (chosen, chosen[::-1])] if chosen else []


def _pair(
    library: Library, measured: dict[str, Any], chosen: tuple[str, str] | None
) -> None:
    if chosen is None:
        st.caption("Choose a pair to see the covers behind it.")
        return
    a, b = chosen
    pair = pairs.find_pair(measured, a, b)
    if pair is None:
        return
    frame.section(f"{a} and {b}")
    if facts := pairs.facts(pair, a, b):
        pick.show(html.figures(facts), key="pair-numbers")
    bridges = library.rows_of(pair["bridges"])
    frame.section(
        "Bridges",
        "Covers with about as many neighbours of the one genre as of the other; one per artist.",
    )
    pick.show(
        markup.gallery(
            library,
            [Item(row=row) for row in bridges],
            empty="No cover stands between the two.",
        ),
        key="bridges",
        then=frame.open_cover,
    )
    closest = [
        (library.position[one["a"]], library.position[one["b"]], one["similarity"])
        for one in pair["closest"]
        if one["a"] in library.position and one["b"] in library.position
    ]
    if closest:
        frame.section(
            "Closest pairs",
            f"A cover of {a} or {b} beside the cover of the other genre most like it.",
        )
        pick.show(markup.pairs(library, closest), key="closest", then=frame.open_cover)
    st.button(
        f"Compare {a} with {b}",
        icon=":material/compare:",
        on_click=frame.open_page,
        args=("compare", {"left": f"genre:{a}", "right": f"genre:{b}"}),
    )


def _tree(library: Library, measured: dict[str, Any]) -> None:
    tree = measured["tree"]
    if len(tree["order"]) < 2:
        return
    frame.section(
        "Family tree",
        "Genres joined by their overlap; the number is how often resampling the covers gives the same branch. "
        f"n = {measured['n_covers']:,} covers.",
    )
    pick.show(dendrogram(tree["order"], tree["branches"], library.colours), key="tree")


def _over_time(measured: dict[str, Any]) -> None:
    parts = measured.get("parts")
    if not parts:
        frame.section("Over time")
        st.caption("Overlap was not measured by decade yet. This measures it:")
        st.code(
            f"covers overlap -w {place.workspace().root} --by year", language="bash"
        )
        return
    word = "decade" if measured.get("by") == "year" else str(measured.get("by"))
    whole = {(p["a"], p["b"]): p["overlap"] or 0 for p in measured["pairs"]}
    lines = pair_lines(parts)
    known = sorted(lines, key=lambda pair: -whole.get(pair, 0))
    frame.section(
        "Over time" if word == "decade" else f"By {word}",
        f"The overlap of a pair in each {word}, with 95 % intervals; parts with too few artists are left out. "
        f"n = {sum(part['n_covers'] for part in parts.values()):,} covers.",
    )
    if not known:
        st.caption(
            f"No pair has enough artists in two of the {word}s ({', '.join(parts)})."
        )
        return
    names = {pairs.name_pair(a, b): (a, b) for a, b in known}
    chosen = st.multiselect(
        "Pairs",
        list(names),
        default=list(names)[:3],
        format_func=lambda n: " and ".join(names[n]),
        key="over",
        bind="query-params",
        max_selections=8,
    )
    if chosen:
        shown = {" and ".join(names[name]): lines[names[name]] for name in chosen}
        labels = [p for p in parts if any(p in line for line in lines.values())]
        points = {
            name: [line.get(part) for part in labels] for name, line in shown.items()
        }
        colours = dict(zip(shown, colour_sequence(len(shown)), strict=True))
        pick.show(
            curves.decade_lines(labels, points, colours, "overlap"), key="over-time"
        )


def _typical(library: Library, measured: dict[str, Any]) -> None:
    frame.section("Typical covers", "In the midst of their own genre; one per artist.")
    genre = st.selectbox(
        "Genre", measured["genres"], key="typical", bind="query-params"
    )
    rows = library.rows_of(measured["prototypes"].get(genre, ()))
    pick.show(
        markup.gallery(library, [Item(row=row) for row in rows]),
        key="prototypes",
        then=frame.open_cover,
    )
    alone = library.rows_of(measured["isolated"])
    if alone:
        frame.section("Loners", "Covers farthest from all others.")
        pick.show(
            markup.gallery(library, [Item(row=row) for row in alone]),
            key="isolated",
            then=frame.open_cover,
        )


def _has(measured: dict[str, Any], reader: str) -> bool:
    return any(f"confusion_{reader}_ab" in pair for pair in measured["pairs"][:1])
