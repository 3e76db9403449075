"""Streamlit's cache as a decorator that keeps the types of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def cached(
    max_entries: int, *, spinner: bool | str = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache the last results of a function, shared by all sessions and never copied.

    Parameters
    ----------
    max_entries : int
        How many; the oldest go first.
    spinner : bool or str, default=False
        What the reader sees while it works.
    """

    def decorate(loader: Callable[P, R]) -> Callable[P, R]:
        decorator = st.cache_resource(max_entries=max_entries, show_spinner=spinner)
        return cast("Callable[P, R]", decorator(loader))

    return decorate
