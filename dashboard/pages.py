"""The pages and their addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageEntry:
    """One page.

    Parameters
    ----------
    path : str
        Its address; empty for the first page.
    title : str
        In the navigation.
    view : str
        Module below ``dashboard.views`` whose ``show`` draws it.
    """

    path: str
    title: str
    view: str


PAGES = (
    PageEntry("", "Library", "library"),
    PageEntry("map", "Map", "covermap"),
    PageEntry("overlap", "Overlap", "overlap"),
    PageEntry("search", "Search", "search"),
    PageEntry("clusters", "Clusters", "clusters"),
    PageEntry("model", "Model", "model"),
    PageEntry("compare", "Compare", "compare"),
    PageEntry("review", "Review", "review"),
)
