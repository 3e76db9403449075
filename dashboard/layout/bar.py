"""The selection: a bar with its count on every page, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from covers.errors import CoversError
from covers.exports import take_along
from covers.library import tags
from covers.render.numbers import count
from dashboard import arguments, loaders
from dashboard.layout.markup import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboard.data.selection import Selection

PARAMETER = "selection"
_PROBLEM = "tag-problem"


def selected() -> Selection | None:
    """Return the covers that the address selects; None where it selects none."""
    return loaders.selection(st.query_params.get(PARAMETER, ""))


def link_parameters() -> dict[str, str]:
    """Return the part of the address that links to other pages take along: the selection."""
    text = st.query_params.get(PARAMETER, "")
    return {PARAMETER: text} if text else {}


def select(text: str) -> None:
    """Select covers; an empty text selects none."""
    if text:
        st.query_params[PARAMETER] = text
    else:
        st.query_params.pop(PARAMETER, None)


def tag_of(text: str) -> str:
    """Return the tag whose covers a text selects; empty where it selects others."""
    return text.removeprefix("tag:") if text.startswith("tag:") else ""


def choose(text: str, n: int, *, key: str) -> None:
    """Offer to select some covers, which are on the page.

    Parameters
    ----------
    text : str
        As `dashboard.loaders.selection` reads it.
    n : int
        How many they are.
    key : str
        Of the button.
    """
    if st.query_params.get(PARAMETER, "") == text or not n:
        return
    if st.button(
        f"Select these {n:,}" if n > 1 else "Select this one",
        icon=":material/check_box:",
        key=key,
    ):
        select(text)
        st.rerun()


def show(view: str) -> None:
    """Show the bar of the selection, if there is one.

    Its place is always there, so that what stands below it is not made anew when a
    selection comes or goes: the map would forget which tool is in hand.

    Parameters
    ----------
    view : str
        The page that is shown.
    """
    with st.container(key="selection-place"):
        if st.query_params.get(PARAMETER):
            _show(view)


def _show(view: str) -> None:
    found = selected()
    with st.container(
        horizontal=True,
        key="selection-bar",
        border=True,
        vertical_alignment="center",
        gap="small",
    ):
        if found is None:
            st.markdown(
                "The selection of this address means nothing here, or no longer."
            )
            _offer_to_clear()
            return
        st.markdown(f"**{count(len(found), 'cover')} selected:** {plain(found.title)}")
        for other, label, icon, more in _WAYS:
            if other != view:
                st.page_link(
                    st.session_state["pages"][other],
                    label=label,
                    icon=icon,
                    query_params={PARAMETER: found.text, **more},
                )
        with st.popover("Take along", icon=":material/download:", key="take-along"):
            _take_along(found)
        if arguments.may_write():
            with st.popover("Tag", icon=":material/sell:", key="tag"):
                _tag(found)
        _offer_to_clear()


def _offer_to_clear() -> None:
    st.button(
        "Clear",
        icon=":material/close:",
        key="selection-clear",
        on_click=select,
        args=("",),
    )


_WAYS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("library", "See them", ":material/grid_view:", {}),
    ("covermap", "On the map", ":material/scatter_plot:", {}),
    (
        "compare",
        "Compare with the rest",
        ":material/compare:",
        {"left": "selection:", "right": "rest:"},
    ),
)


def _take_along(found: Selection) -> None:
    library = loaders.library()
    ids = [library.cover_ids[row] for row in found.rows]
    here, catalogue = arguments.workspace(), loaders.front_door().catalogue
    tag = tag_of(found.text)
    st.download_button(
        "Table (CSV) with ids and paths",
        lambda: take_along.table_of(catalogue, ids, tag),
        "covers.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="take-table",
    )
    st.download_button(
        "Pictures (zip)",
        lambda: take_along.pictures_of(here, catalogue, ids),
        "covers.zip",
        "application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        key="take-pictures",
    )
    if loaders.has_music():
        st.download_button(
            "Playlist (M3U)",
            lambda: take_along.playlist_of(here, catalogue, ids),
            "covers.m3u8",
            "audio/x-mpegurl",
            icon=":material/queue_music:",
            on_click="ignore",
            key="take-playlist",
        )
    st.caption("The address of this page holds the selection too: share it as it is.")


def _tag(found: Selection) -> None:
    library = loaders.library()
    word = st.text_input("Tag", key="tag-word", max_chars=60)
    if st.button("Give this tag", key="tag-give", disabled=not word.strip()):
        ids = [library.cover_ids[row] for row in found.rows]
        try:
            n = tags.tag_covers(arguments.workspace(), word, ids)
        except (CoversError, OSError) as error:
            st.error(plain(str(error)))
            return
        st.caption(
            f"{count(n, 'cover')} have the tag “{plain(word)}” now; More filters of the Library finds them again."
        )
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(plain(problem))
    if tag := tag_of(found.text):
        st.button(
            f"Take “{plain(tag)}” away from all {len(found):,}",
            icon=":material/label_off:",
            key="tag-drop",
            on_click=_drop,
            args=(tag,),
        )


def _drop(tag: str) -> None:
    """Take a tag away from all covers, which are no selection any more."""
    try:
        tags.drop_tag(arguments.workspace(), tag)
    except (CoversError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
    else:
        select("")
