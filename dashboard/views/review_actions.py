"""Decisions by click or key: keep, relabel, drop, undo; written as the command line writes them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import streamlit as st

from covers.audit.decisions import note_decisions
from covers.audit.review import split_genres
from covers.catalogue.corrections import Action
from covers.errors import CoversError
from dashboard import arguments, loaders
from dashboard.layout import markup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from covers.catalogue.corrections import Decision
    from dashboard.data.doubts import Doubt
    from dashboard.data.library import Library

_DONE = "review-done"
_STAYS = "review-stays"
_PROBLEM = "review-problem"


def stays(library: Library, doubt: Doubt) -> int:
    """Return the cover of a group that stays when the others are dropped, or that stayed."""
    row = library.position.get(st.session_state.get(_STAYS, ""), -1)
    if row in doubt.rows:
        return row
    dropped = loaders.decisions().dropped
    left = (row for row in doubt.rows if library.cover_ids[row] not in dropped)
    return next(left, doubt.rows[0])


def let_stay(cover_id: str) -> None:
    """Choose the cover that stays."""
    st.session_state[_STAYS] = cover_id


def show(doubt: Doubt, *, is_decided: bool = False) -> None:
    """Show what can be decided; without ``--review`` it is shown but cannot be chosen.

    What was decided already, in this sitting or before, can be taken back.
    """
    library = loaders.library()
    off = not arguments.may_write()
    genres = list(
        dict.fromkeys(
            [*doubt.suggestion, *library.genres[doubt.rows[0]], *library.genre_counts]
        )
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.button(
            "Keep",
            icon=":material/check:",
            shortcut="k",
            disabled=off,
            on_click=_decide,
            args=(doubt, Action.KEEP),
            help="It is fine as it is; the audit does not list it again.",
        )
        st.button(
            "Relabel",
            icon=":material/sell:",
            shortcut="l",
            disabled=off or not _chosen_genres(doubt),
            on_click=_decide,
            args=(doubt, Action.RELABEL),
            type="primary",
        )
        if not off:
            st.multiselect(
                "as",
                genres,
                default=list(doubt.suggestion),
                key=_key_of_genres(doubt),
                width=260,
                label_visibility="collapsed",
                placeholder="Genres",
                accept_new_options=True,
            )
        st.button(
            "Drop the others" if doubt.is_group else "Drop",
            icon=":material/delete:",
            shortcut="d",
            disabled=off,
            on_click=_decide,
            args=(doubt, Action.DROP),
            help="Leave it out of the library; no file is deleted.",
        )
        if is_decided:
            undo: tuple[str, Callable[[], None]] = (
                "Take it back",
                functools.partial(_take_back, doubt),
            )
        else:
            undo = "Undo", _undo
        st.button(
            undo[0],
            icon=":material/undo:",
            shortcut="u",
            disabled=off or not (is_decided or st.session_state.get(_DONE)),
            on_click=undo[1],
        )
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(markup.plain(problem))


def _key_of_genres(doubt: Doubt) -> str:
    return f"as-{doubt.name}"


def _chosen_genres(doubt: Doubt) -> Sequence[str]:
    """Return what was chosen to relabel as; at first what is suggested."""
    chosen: Sequence[str] = st.session_state.get(
        _key_of_genres(doubt), doubt.suggestion
    )
    return chosen


def _decide(doubt: Doubt, action: Action) -> None:
    """Write a decision down, and go on to the next one."""
    library = loaders.library()
    # A person may write them as in the table, in one go.
    genres = [name for one in _chosen_genres(doubt) for name in split_genres(one)]
    if action is Action.RELABEL and not genres:
        st.session_state[_PROBLEM] = "choose the genres that it shall have"
        return
    decisions = doubt.decide(
        action, library, chosen=stays(library, doubt), genres=genres
    )
    before = {d.subject: d for d in loaders.decisions().decisions}
    subjects = _subjects(decisions)
    replaced = [before[subject] for subject in subjects if subject in before]
    if _write(decisions, subjects):
        done = st.session_state.setdefault(_DONE, [])
        done.append((doubt.name, decisions, replaced))
        st.query_params.pop("doubt", None)


def _subjects(decisions: list[Decision]) -> list[tuple[str, str]]:
    """Return what decisions replace: a cover has one fate, so keeping it takes a drop back."""
    covers = [(d.cover_id, "") for d in decisions]
    return list(dict.fromkeys([*covers, *(d.subject for d in decisions)]))


def _undo() -> None:
    """Take the last decision of this sitting back, unless another one has followed elsewhere."""
    name, decisions, replaced = st.session_state[_DONE][-1]
    subjects = _subjects(decisions)
    there = [d for d in loaders.decisions().decisions if d.subject in subjects]
    if {d.subject: d for d in there} != {d.subject: d for d in decisions}:
        st.session_state[_DONE].pop()
        st.session_state[_PROBLEM] = (
            "this was decided otherwise since, perhaps in another window: nothing was undone"
        )
    elif not _write(replaced, subjects):
        return
    else:
        st.session_state[_DONE].pop()
    st.query_params["doubt"] = name


def _take_back(doubt: Doubt) -> None:
    """Take back what was decided about the covers that are shown, whenever that was."""
    library = loaders.library()
    ids = [library.cover_ids[row] for row in doubt.rows]
    subjects = [(one, finding) for one in ids for finding in ("", doubt.kind)]
    if _write([], subjects):
        done = st.session_state.get(_DONE, [])
        st.session_state[_DONE] = [one for one in done if one[0] != doubt.name]
        st.query_params["doubt"] = doubt.name


def _write(decisions: list[Decision], instead_of: list[tuple[str, str]]) -> bool:
    if not arguments.may_write():
        return False
    try:
        note_decisions(arguments.workspace(), decisions, instead_of=instead_of)
    except (CoversError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
        return False
    return True
