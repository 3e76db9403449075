"""Which genres look alike: the answer, then matrix and graph, and the covers behind each number."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from covers.overlap.figures.trends import pair_lines
from covers.overlap.page import pairs
from covers.overlap.page.sentences import (
    note_on_order,
    say_changes,
    say_mixing,
    say_overlap,
    say_pair,
)
from covers.render import cards, html
from covers.render.charts import curves
from covers.render.charts.graph import graph
from covers.render.charts.matrix import key, matrix
from covers.render.charts.tree import dendrogram
from covers.render.numbers import count, note_on_parts, number, sentence, span, unbroken
from covers.render.palette import NOISE_COLOUR, colour_sequence
from covers.workspace.registry import quote
from dashboard import arguments, loaders
from dashboard.components import pick
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item

if TYPE_CHECKING:
    from covers.overlap.measured import Pair
    from covers.overlap.result import Overlap
    from dashboard.data.library import Library

_MOST_ALIKE = 3


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Overlap",
        "Which genres look alike, how certain that is, and the covers behind each number.",
        view="overlap",
    )
    loaders.library()
    measured = loaders.overlap()
    frame.warn_if_stale("overlap")
    if len(measured.genres) < 2:
        st.info("Overlap needs at least two genres.", icon=":material/info:")
        return
    frame.answer(say_overlap(measured))
    _explore()
    _more()


@fragment
def _explore() -> None:
    library, measured = loaders.library(), loaders.overlap()
    chosen = pairs.split_pair(st.query_params.get("pair", ""), measured.genres)
    family = st.query_params.get("family", "")
    ranked = _ranked(measured)
    of_family = _ranked(pairs.of_family(measured, family)) if family else ranked
    if chosen is None and of_family:
        chosen = of_family[0].a, of_family[0].b
    alike = "".join(_card(library, pair) for pair in ranked[:_MOST_ALIKE])
    pick.show(
        f'<div class="answers">{alike}</div>',
        key="most-alike",
        chosen=_both_ways(chosen),
        then=pick.keep_in_address("pair"),
    )
    if note := note_on_order(ranked[:_MOST_ALIKE]):
        frame.caption(note)
    left, right = st.columns(2, gap="large")
    with left:
        at_k, shown = _numbers(measured, chosen)
    with right:
        _pair(library, at_k, chosen)
    if edges := pairs.edges(shown):
        of = ", of those in the matrix" if pairs.families(measured) else ""
        said = f"Graph: {say_mixing(len(edges))}{of}"
        with frame.fold(said, key="graph-open") as is_open:
            if is_open:
                _graph(library, shown, chosen)


def _ranked(measured: Overlap) -> list[Pair]:
    """Return the pairs that could be measured, most alike first."""
    return [pair for pair in measured.ranked() if math.isfinite(pair.overlap)]


def _card(library: Library, pair: Pair) -> str:
    """Return two genres that look alike, as pictures of both."""
    rows = [
        (row, genre)
        for one in pair.closest[:2]
        for cover_id, genre in ((one.a, pair.a), (one.b, pair.b))
        for row in library.rows_of([cover_id])
    ]
    low, _ = pair.overlap_ci95
    known = math.isfinite(low)
    return cards.alike(
        pairs.name_pair(pair.a, pair.b),
        (pair.a, pair.b),
        f"{pair.overlap:.2f}",
        f"95 % interval {span(pair.overlap_ci95, '.2f')}" if known else "no interval",
        [
            (markup.card_of(library, row), library.colours.get(genre, NOISE_COLOUR))
            for row, genre in rows
        ],
    )


def _numbers(
    measured: Overlap, chosen: tuple[str, str] | None
) -> tuple[Overlap, Overlap]:
    """Show the matrix of a measure; return the overlap with the neighbours chosen, and what is shown of it."""
    known = [m for m in pairs.MEASURES if m in ("overlap", "lift") or _has(measured, m)]
    measure = st.segmented_control(
        "Measure",
        known,
        default="overlap",
        required=True,
        format_func=pairs.MEASURES.__getitem__,
        key="measure",
        bind="query-params",
    )
    family = _family(measured)
    k = pairs.stored_k(measured, measure)
    choices = (
        pairs.other_ks(measured, measure) if measure in ("overlap", "lift") else []
    )
    place_of_k = st.container()
    if len(choices) > 1:
        name = f"k-{measure}"
        with frame.popover(
            "Neighbours looked at", key="k-of", holds=(name,)
        ) as is_made:
            if is_made:
                k = st.select_slider(
                    "Neighbours looked at (k)",
                    choices,
                    k,
                    key=name,
                    bind="query-params",
                    help="Few follow fine structure but waver, many are steady but blur.",
                )
    at_k = pairs.at_k(measured, measure, k)
    shown = pairs.of_family(at_k, family)
    with place_of_k:
        if at_k is not measured:
            frame.caption(
                f"Measured with {count(k, 'neighbour')} on n = {shown.n_covers:,} covers, with fewer resamples."
            )
        _matrix(measure, shown, chosen)
    return at_k, shown


def _family(measured: Overlap) -> str:
    """Let a family of genres be opened where there are too many for one matrix."""
    families = pairs.families(measured)
    if not families:
        return ""
    chosen = st.pills(
        "Broad genres, or those of one family",
        list(families),
        key="family",
        bind="query-params",
    )
    return str(chosen or "")


def _matrix(measure: str, shown: Overlap, chosen: tuple[str, str] | None) -> None:
    frame.caption(
        f"{pairs.HOW_TO_READ[measure]} Choose a cell to see the covers behind it."
    )
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
    notes = note_on_parts(shown.n_by_genre.values())
    if measure in ("overlap", "lift"):
        notes += f" {pairs.note_on_empty(shown)}"
    if notes.strip():
        frame.caption(notes)


def _graph(library: Library, shown: Overlap, chosen: tuple[str, str] | None) -> None:
    frame.caption(
        "Lines join genres that mix more than chance (q ≤ 0.05); the thicker, the more overlap. "
        f"n = {shown.n_covers:,} covers."
    )
    n = shown.n_by_genre
    top = max(n.values(), default=1) or 1
    sizes = {g: 7 + 13 * (n.get(g, 0) / top) ** 0.5 for g in pairs.shown_genres(shown)}
    pick.show(
        graph(pairs.lay_out_genres(shown), sizes, library.colours, pairs.edges(shown)),
        key="graph",
        chosen=_both_ways(chosen),
        then=pick.keep_in_address("pair"),
    )


def _both_ways(chosen: tuple[str, str] | None) -> list[str]:
    return [pairs.name_pair(*way) for way in (chosen, chosen[::-1])] if chosen else []


def _pair(library: Library, measured: Overlap, chosen: tuple[str, str] | None) -> None:
    """Show what was measured of two genres, and the covers behind it."""
    pair = measured.pair(*chosen) if chosen else None
    if pair is None:
        frame.caption("Choose a pair to see the covers behind it.")
        return
    a, b = pair.a, pair.b
    # Where it lies below the matrix, as on a phone, it is brought into sight.
    name = escape(st.query_params.get("pair", "the most alike"))
    pick.show(f'<i data-show="{name}" data-below></i>', key="pair-mark")
    frame.section(f"{a} and {b}", say_pair(pair))
    chosen_rows = bar.selected()
    bridges = library.rows_of(pair.bridges)
    closest = [
        (library.position[one.a], library.position[one.b], one.similarity)
        for one in pair.closest
        if one.a in library.position and one.b in library.position
    ]
    if chosen_rows is not None:
        bridges = chosen_rows.keep(bridges)
        inside = set(chosen_rows.rows.tolist())
        closest = [one for one in closest if inside & set(one[:2])]
    frame.caption(
        "Bridges: covers with about as many neighbours of the one genre as of the other; one per artist."
        if bridges
        else f"No {'selected ' if chosen_rows else ''}cover stands between the two."
    )
    if bridges:
        items = [Item(row=row, ring=_side(library, row, a, b)) for row in bridges]
        pick.show(
            markup.gallery(library, frame.folded(items), size="row", captions=False),
            key="bridges",
            then=frame.open_cover,
        )
    if closest:
        frame.caption(
            f"Closest: a cover of {a} beside the cover of {b} that is most like it."
        )
        pick.show(markup.pairs(library, closest), key="closest", then=frame.open_cover)
    if facts := pairs.facts(pair, a, b):
        rows = [(said, value) for value, said in facts]
        pick.show(html.table(["what was measured", ""], rows), key="pair-numbers")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Compare {a} with {b}",
            icon=":material/compare:",
            on_click=frame.open_page,
            args=("compare", {"left": f"genre:{a}", "right": f"genre:{b}"}),
        )
        n = len({*bridges, *(row for one in closest for row in one[:2])})
        bar.choose(f"pair:{pairs.name_pair(a, b)}", n, key="select-pair")


def _side(library: Library, row: int, a: str, b: str) -> str:
    """Return the colour of the genre, out of two, that a cover has."""
    own = library.genres[row]
    return library.colours.get(a if a in own else b, NOISE_COLOUR)


@fragment
def _more() -> None:
    """Show further figures of the overlap, folded away: tree, years, typical covers."""
    library, measured = loaders.library(), loaders.overlap()
    if len(measured.tree.order) > 1:
        said = "Family tree: which genres are nearest relatives?"
        with frame.fold(said, key="tree-open") as is_open:
            if is_open:
                _tree(library, measured)
    with frame.fold("Over time: do genres grow alike?", key="time-open") as is_open:
        if is_open:
            _over_time(measured)
    with frame.fold("Typical covers, and loners", key="typical-open") as is_open:
        if is_open:
            _typical(library, measured)
    said = "What was measured, and what to know before using the numbers"
    with frame.fold(said, key="measured-open") as is_open:
        if is_open:
            _measured(measured)


def _tree(library: Library, measured: Overlap) -> None:
    frame.caption(
        "Genres joined by their overlap; the number is how often resampling the covers gives the same branch. "
        f"n = {measured.n_covers:,} covers."
    )
    tree = pairs.of_family(measured, st.query_params.get("family", "")).tree
    branches = [(b.genres, b.height, b.support) for b in tree.branches]
    drawn = dendrogram(tree.order, branches, library.colours)
    pick.show(drawn, key="tree")


def _measured(measured: Overlap) -> None:
    effective = number(measured.effective_genres, ".1f")
    low, _ = measured.effective_genres_ci95
    ends = (
        f" ({span(measured.effective_genres_ci95, '.1f')})"
        if math.isfinite(low)
        else ""
    )
    numbers = [
        (f"{effective}{ends}", f"visually distinct genres of {len(measured.genres)}"),
        (f"{measured.n_covers:,}", f"{measured.covers} covers measured"),
        (f"{measured.n_groups:,}", f"groups ({measured.grouped_by})"),
        (f"{len(measured.edges):,}", say_mixing(len(measured.edges)).split(" ", 1)[1]),
    ]
    pick.show(html.figures(numbers), key="overlap-numbers")
    for note in measured.notes or ["Nothing in particular."]:
        st.markdown(f"- {markup.plain(unbroken(sentence(note)))}")
    if not measured.edges:
        frame.caption(
            "No pair of genres certainly mixes more than chance (q ≤ 0.05), so there is no graph to draw."
        )


def _over_time(measured: Overlap) -> None:
    if not measured.parts:
        frame.caption("Overlap was not measured by decade yet. This measures it:")
        frame.show_command(
            f"covers overlap -w {quote(arguments.workspace().root)} --by decade"
        )
        return
    word = "decade" if measured.by == "year" else str(measured.by)
    whole = {(p.a, p.b): -p.overlap for p in measured.ranked()}
    lines = pair_lines(measured.parts)
    known = sorted(lines, key=lambda pair: (whole.get(pair, 0), pair))
    n = sum(part.n_covers for part in measured.parts.values())
    frame.caption(
        f"The overlap of a pair in each {word}, with 95 % intervals; parts with too few artists are left out. n = {n:,} covers."
    )
    if said := say_changes(measured):
        st.markdown(markup.plain(unbroken(said)))
    if not known:
        frame.caption(
            f"No pair has enough artists in two of the {word}s ({', '.join(measured.parts)})."
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
        labels = [
            p for p in measured.parts if any(p in line for line in lines.values())
        ]
        points = {
            name: [line.get(part) for part in labels] for name, line in shown.items()
        }
        colours = dict(zip(shown, colour_sequence(len(shown)), strict=True))
        pick.show(
            curves.decade_lines(labels, points, colours, "overlap"), key="over-time"
        )


def _typical(library: Library, measured: Overlap) -> None:
    genre = st.selectbox("Genre", measured.genres, key="typical", bind="query-params")
    frame.caption("Typical: in the midst of their own genre; one per artist.")
    rows = library.rows_of(measured.prototypes.get(genre, ()))
    pick.show(
        markup.gallery(library, frame.folded([Item(row=row) for row in rows])),
        key="prototypes",
        then=frame.open_cover,
    )
    if alone := library.rows_of(measured.isolated):
        frame.caption("Loners among all genres: farthest from all other covers.")
        pick.show(
            markup.gallery(library, frame.folded([Item(row=row) for row in alone])),
            key="isolated",
            then=frame.open_cover,
        )


def _has(measured: Overlap, method: str) -> bool:
    return any(method in pair.confusion_ab for pair in measured.pairs[:1])
