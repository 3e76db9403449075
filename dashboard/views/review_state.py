"""What is stale, and which files could not be taken in."""

from __future__ import annotations

import csv

import streamlit as st

from dashboard import loaders, place
from dashboard.components import pick
from dashboard.layout import markup


def show() -> None:
    """Draw this part of the page, folded away."""
    stages = loaders.chain()
    n_due = sum(stage.is_due for stage in stages)
    title = "State: everything is up to date"
    if n_due:
        title = f"State: {n_due} of {len(stages)} results are missing or out of date"
    with st.expander(title):
        st.caption(
            "Each artefact is made from those above it; what is stale names its command."
        )
        pick.show(markup.chain(stages), key="chain")
    _unreadable()


def _unreadable() -> None:
    path = place.workspace().problems_path
    try:
        with path.open(encoding="utf-8", newline="") as file:
            problems = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    if not problems:
        return
    with st.expander(f"Files that could not be taken in ({len(problems):,})"):
        st.dataframe(problems[:2000], hide_index=True, width="stretch", height="auto")
