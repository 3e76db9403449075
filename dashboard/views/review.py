"""What a person should decide: doubtful labels, duplicates, bad pictures; and what is stale."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from covers.audit.decisions import put_in_force
from covers.errors import CoversError
from covers.render import cards
from covers.render.html import dot
from covers.render.numbers import count, sentence, unbroken
from covers.render.palette import NOISE_COLOUR
from covers.workspace.registry import quote
from dashboard import arguments, loaders
from dashboard.components import pick
from dashboard.data.doubts import TITLES, waiting
from dashboard.data.mistakes import doubts_csv
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import fragment
from dashboard.layout.markup import Item
from dashboard.views import review_actions, review_state
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from covers.catalogue.corrections import Overlay
    from dashboard.data.doubts import Doubt
    from dashboard.data.library import Library

_NEXT_SHOWN = 24


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Review",
        "Covers that a person should look at: doubtful labels, duplicates, bad pictures.",
        view="review",
    )
    loaders.library()
    if not arguments.may_write():
        _say_how()
    _review()
    _say_what_is_not_audited()
    review_state.show()


def _say_how() -> None:
    frame.caption(
        f"Nothing is written from here. `covers dashboard -w {quote(arguments.workspace().root)} --review` lets you decide."
    )


def _say_what_is_not_audited() -> None:
    """Name the command that finds more; below what there is to decide already."""
    if frame.attempt(loaders.audit) is None:
        st.info("The covers have not been audited yet.", icon=":material/info:")
        frame.show_command(f"covers audit -w {quote(arguments.workspace().root)}")


@fragment
def _review() -> None:
    library = loaders.library()
    doubts = loaders.doubts()
    if not doubts:
        # Where nobody has looked, nothing was found either.
        if frame.attempt(loaders.audit) is not None:
            st.success("Nothing to look at was found.", icon=":material/check:")
        return
    overlay = loaders.decisions()
    if (chosen := bar.selected()) is not None:
        inside = set(chosen.rows.tolist())
        doubts = {
            name: [one for one in some if inside & set(one.rows)]
            for name, some in doubts.items()
        }
    here = doubts[_choose_group(library, doubts, overlay)]
    left = [one for one in here if not one.is_decided(library, overlay)]
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", key="review-line"
    ):
        _progress(len(here) - len(left), len(here))
        _take_along(library, here, overlay)
    named = st.query_params.get("doubt", "")
    doubt = next((one for one in here if one.name == named), None)
    if doubt is None and left:
        doubt = left[0]
    if doubt is not None:
        _one(library, doubt, overlay)
    elif here:
        st.success("All of these are decided.", icon=":material/check:")
    elif chosen is not None:
        frame.caption("There is nothing of this kind in the selection.")
    _waiting(library, overlay)
    others = [one for one in here if one is not doubt]
    if others:
        _others(library, others, overlay)


def _choose_group(
    library: Library, doubts: dict[str, list[Doubt]], overlay: Overlay
) -> str:
    open_ones = {
        name: sum(not one.is_decided(library, overlay) for one in here)
        for name, here in doubts.items()
    }
    # The address holds what is written here, so no counts.
    chosen: str = st.segmented_control(
        "What to look at",
        list(doubts),
        default=next(iter(doubts)),
        required=True,
        format_func=TITLES.__getitem__,
        key="look",
        bind="query-params",
        label_visibility="collapsed",
    )
    left = ", ".join(f"{TITLES[name].lower()} {n:,}" for name, n in open_ones.items())
    is_audited = frame.attempt(loaders.audit) is not None
    more = "" if is_audited else " The covers have not been audited yet (see below)."
    frame.caption(f"Still open: {left}.{more}")
    return chosen


def _progress(n_done: int, n: int) -> None:
    share = 100 * n_done / max(n, 1)
    pick.show(
        f'<div class="progress" role="img" aria-label="{n_done} of {n} decided"><i style="width:{share:.1f}%"></i></div>'
        f'<div class="muted">{n_done:,} of {n:,} decided</div>',
        key="review-progress",
    )


def _take_along(library: Library, here: list[Doubt], overlay: Overlay) -> None:
    """Offer what is shown as a table, with what was decided, to go on with elsewhere."""
    if here:
        st.download_button(
            f"Take {len(here):,} along as CSV",
            lambda: doubts_csv(library, here, overlay),
            "to-review.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="take-doubts",
            help="Its column action holds what you decided; fill in the rest (keep, relabel, drop) and hand it to 'covers audit --accept'.",
        )


def _one(library: Library, doubt: Doubt, overlay: Overlay) -> None:
    """Show one finding of the audit, large, with its reason and the nearest cover."""
    row = doubt.rows[0]
    own = ", ".join(library.genres[row]) or "no genre"
    way = f"<span>{_dots(library, library.genres[row])}{escape(own)}</span>"
    if doubt.suggestion:
        said = ", ".join(doubt.suggestion)
        way += f'<span class="arrow" aria-label="looks like">&#8594;</span><span>{_dots(library, doubt.suggestion)}{escape(said)}</span>'
    sure = f"{100 * doubt.confidence:.0f} %"
    parts = [doubt.kind.replace("_", " "), library.paths[row]]
    # Said once is enough.
    small = " · ".join(parts if sure in doubt.reason else [sure, *parts])
    # Without tags the title is the file's name, which is said below.
    names = [library.albums[row], library.byline(row)]
    name = " · ".join(part for part in names if part)
    named = f'<div class="muted">{escape(name)}</div>' if name else ""
    about = (
        f'<div class="way">{way}</div>{named}<div>{escape(unbroken(sentence(doubt.reason)))}.</div>'
        f'<div class="muted">{escape(small)}</div>'
    )
    decided = doubt.decided_as(library, overlay)
    if decided:
        about = f'<div class="decided">Decided: {escape(decided)}.</div>{about}'
    picture = markup.picture(library, row, lazy=False)
    left, right = st.columns([2, 5], gap="medium")
    with left:
        pick.show(
            f'<div class="review"><div class="art">{picture}</div></div>',
            key="doubt-picture",
        )
    with right:
        # On a phone the picture stands here, small, so that the buttons are in sight.
        pick.show(
            f'<div class="review told" data-show="{escape(doubt.name)}"><div class="art small">{picture}</div><div>{about}</div></div>',
            key="doubt",
        )
        # Of a group one is chosen first; else the buttons stay where they are.
        if doubt.is_group:
            _beside(library, doubt)
        review_actions.show(doubt, is_decided=bool(decided))
        if not doubt.is_group:
            _beside(library, doubt)


def _beside(library: Library, doubt: Doubt) -> None:
    """Show the other covers of a group, or those most like the doubtful one."""
    if doubt.is_group:
        frame.caption("Choose the one that stays when the others are dropped.")
        pick.show(
            markup.gallery(library, [Item(row=r) for r in doubt.rows], size="row"),
            key="doubt-group",
            chosen=[library.cover_ids[review_actions.stays(library, doubt)]],
            then=review_actions.let_stay,
        )
        return
    nearest = _nearest(library, doubt.rows[0])
    if nearest:
        frame.caption("Most like it:")
        pick.show(
            markup.gallery(library, frame.folded(nearest), size="row"),
            key="doubt-nearest",
            then=frame.open_cover,
        )


def _dots(library: Library, genres: tuple[str, ...] | list[str]) -> str:
    return "".join(dot(library.colours.get(genre, NOISE_COLOUR)) for genre in genres)


def _nearest(library: Library, row: int) -> list[Item]:
    """Return the covers most like one; none without an index."""
    try:
        door = loaders.front_door()
        cover_id = library.cover_ids[row]
        if cover_id not in door.index:
            return []
        hits = door.search(cover_id, 6, among=library.all_ids)
    except (CoversError, IndexerError):
        return []
    return [
        Item(row=library.position[hit.cover_id], badge=f"{hit.similarity:.2f}")
        for hit in hits
    ]


def _waiting(library: Library, overlay: Overlay) -> None:
    """Offer to make the catalogue follow the decisions."""
    n = waiting(library, overlay)
    if not n or not arguments.may_write():
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(
            f"**{count(n, 'decision')}** not yet in force; the catalogue follows at the next scan, or now."
        )
        if st.button("Put in force now", icon=":material/check_circle:"):
            try:
                put_in_force(arguments.workspace())
            except (CoversError, OSError) as error:
                st.error(markup.plain(str(error)))
                return
            st.rerun()


def _others(library: Library, others: list[Doubt], overlay: Overlay) -> None:
    """Show the other ones as a grid; choosing one brings it up."""
    look = st.query_params.get("look")
    with frame.paged(len(others), _NEXT_SHOWN, key="doubts-page", of=look) as part:
        tiles = [_tile(library, doubt, overlay) for doubt in others[part]]
        pick.show(
            cards.gallery(tiles, size="row"),
            key="doubts",
            then=pick.keep_in_address("doubt"),
        )


def _tile(
    library: Library, doubt: Doubt, overlay: Overlay
) -> tuple[cards.Card, cards.Note]:
    """Return a doubt as a tile that gives its name when it is chosen."""
    card = replace(markup.card_of(library, doubt.rows[0]), pick=doubt.name)
    decided = doubt.decided_as(library, overlay)
    said = ", ".join(doubt.suggestion)
    note = cards.Note(
        badge="" if decided else f"{100 * doubt.confidence:.0f} %",
        mark=decided or said,
        mark_colour=NOISE_COLOUR
        if decided
        else library.colours.get(said, NOISE_COLOUR),
        tip=doubt.reason,
        n_same=len(doubt.rows),
    )
    return card, note
