"""What is stale, and which files could not be taken in."""

from __future__ import annotations

import csv

import streamlit as st

from dashboard import arguments, loaders
from dashboard.components import pick
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment


@fragment
def show() -> None:
    """Draw this part of the page, folded away."""
    stages = loaders.chain()
    n_due = sum(stage.is_due for stage in stages)
    title = "State: everything is up to date"
    if n_due:
        title = f"State: {n_due} of {len(stages)} results are missing or out of date"
    with frame.fold(title, key="state-open") as is_open:
        if is_open:
            frame.caption(
                "Each artefact is made from those above it; what is stale names its command."
            )
            pick.show(markup.chain(stages), key="chain")
    _unreadable()


def _unreadable() -> None:
    path = arguments.workspace().problems_path
    try:
        with path.open(encoding="utf-8", newline="") as file:
            problems = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    if not problems:
        return
    said = f"Files that could not be taken in ({len(problems):,})"
    with frame.fold(said, key="files-open") as is_open:
        if is_open:
            shown = problems[:2000]
            st.dataframe(shown, hide_index=True, width="stretch", height="auto")
