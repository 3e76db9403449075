"""Where the network looked: a heat map beside the query."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from covers.classify.methods import Method
from covers.errors import CoversError
from dashboard import loaders
from dashboard.data import lookup
from dashboard.layout import markup

if TYPE_CHECKING:
    from covers.classify.answers import Classification
    from covers.classify.query import Query

_HEAT = "search-heat"


def heat_beside(query: Query, answer: Classification) -> str:
    """Return the heat map as HTML; empty where it is switched off or cannot be drawn."""
    # The switch stands below; what it says is known before it is drawn.
    if not st.session_state.get("heat", st.query_params.get("heat") == "true"):
        return ""
    # The likeliest first: that answer is what one asks about.
    p = answer.probabilities
    genres = sorted(answer.by_method[Method.NETWORK], key=lambda genre: -p[genre])
    genre = st.segmented_control(
        "What speaks for",
        genres[:6],
        default=genres[0],
        required=True,
        key=f"heat-genre-{query.cover_id}",
        help="Yellow parts speak most for it, violet ones less, grey ones hardly (Grad-CAM on the deepest feature map). Coarse, and no proof of why.",
    )
    try:
        uri = _uri(query, genre)
    except (CoversError, OSError) as error:
        st.caption(f"Not to be had: {markup.plain(str(error))}.")
        return ""
    return f'<img src="{uri}" alt="Heat map of what speaks for {escape(genre)}">'


def _uri(query: Query, genre: str) -> str:
    """Return the picture as a data URI; the last one is kept."""
    door = loaders.front_door()
    what = f"{query.cover_id} {query.name} {genre} {door.card.fingerprint}"
    name = hashlib.sha256(what.encode()).hexdigest()
    if st.session_state.get(_HEAT, ("", ""))[0] != name:
        heat = door.explain(query, genre=genre).picture
        st.session_state[_HEAT] = (name, lookup.data_uri(heat))
    uri: str = st.session_state[_HEAT][1]
    return uri
