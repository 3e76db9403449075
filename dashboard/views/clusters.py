"""What kinds of covers there are: clusters found without looking at genres."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from covers.render import charts, html
from covers.render.marks import FAINT
from covers.render.numbers import number, per_cent, span
from dashboard import loaders
from dashboard.components import pick
from dashboard.layout import frame, markup
from dashboard.layout.frame import fragment

if TYPE_CHECKING:
    from dashboard.data.library import Library

_SORTINGS = {
    "size": "Size",
    "stability": "Stability",
    "genre": "One genre",
    "mixed": "Many genres",
}
_CARDS_PER_PAGE = 24


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Clusters",
        "What kinds of covers are there? Groups found by looks alone, then compared with the genres.",
    )
    loaders.library()
    found = loaders.clusters()
    frame.warn_if_stale("clusters")
    _summary(found)
    if not found["clusters"]:
        st.info(
            "No cluster was found: the covers shade into each other.",
            icon=":material/info:",
        )
        return
    _explore()
    _noise()
    _compared(found)


def _summary(found: dict[str, Any]) -> None:
    ami = found["ami"]
    low, high = found["ami_null95"]
    numbers = [
        (f"{found['n_clusters']:,}", "clusters"),
        (per_cent(found["noise_fraction"]), "of the covers in none"),
        (
            f"{ami:.2f}" if ami is not None else "?",
            "agreement with genre (AMI; 0 is chance, 1 the same)",
        ),
        (
            f"{low:.2f} to {high:.2f}".replace("-", "−") if low is not None else "?",  # noqa: RUF001
            "where chance alone would lie (95 %)",
        ),
        (f"{found['n_covers']:,}", f"covers, grouped by {found['grouped_by']}"),
    ]
    pick.show(html.figures(numbers), key="cluster-numbers")
    if ami is not None and high is not None:
        said = (
            "Clusters and genres have more in common than chance would give."
            if ami > high
            else "Clusters have no more in common with genres than chance would give."
        )
        st.caption(
            f"{said} Measured on {found['ami_n']:,} {found['ami_covers']} covers, genres shuffled between artists."
        )


@fragment
def _explore() -> None:
    library, found = loaders.library(), loaders.clusters()
    sorting = st.segmented_control(
        "Sort by",
        list(_SORTINGS),
        default="size",
        required=True,
        format_func=_SORTINGS.__getitem__,
        key="sort",
        bind="query-params",
    )
    keys = {
        "size": lambda c: -c["n"],
        "stability": lambda c: -(c["stability"] or 0),
        "genre": lambda c: c["entropy"],
        "mixed": lambda c: -c["entropy"],
    }
    clusters = sorted(found["clusters"], key=keys[sorting])
    chosen = st.query_params.get("cluster", "")
    n_pages = -(-len(clusters) // _CARDS_PER_PAGE)
    page = min(st.session_state.get("cards-page", 1), n_pages) - 1
    shown = clusters[page * _CARDS_PER_PAGE : (page + 1) * _CARDS_PER_PAGE]
    cards = "".join(_card(library, cluster) for cluster in shown)
    pick.show(
        f'<div class="cards">{cards}</div>', key="cards", chosen=[chosen], then=_choose
    )
    if n_pages > 1:
        st.pagination(n_pages, key="cards-page")
    for cluster in clusters:
        if str(cluster["id"]) == chosen:
            _open(library, cluster)
            return
    st.caption("Choose a cluster to see its members and its boundary.")


def _choose(cluster: str) -> None:
    st.query_params["cluster"] = cluster
    st.session_state.pop("members-Members-page", None)


def _card(library: Library, cluster: dict[str, Any]) -> str:
    """Return one cluster at a glance."""
    pictures = "".join(
        markup.picture(library, row)
        for row in library.rows_of(cluster["exemplars"])[:5]
    )
    look = cluster.get("look") or {}
    colours = _palette(cluster)
    leading = cluster["genres"][:3]
    bars = html.share_bars(
        [(one["genre"], one["share"], per_cent(one["share"])) for one in leading],
        library.colours,
    )
    words = ", ".join(look.get("words") or [])
    stability = cluster["stability"]
    facts = [
        f"{cluster['n_groups']:,} artists or groups",
        f"stability {stability:.2f}" if stability is not None else "",
        f"entropy {cluster['entropy']:.2f}",
    ]
    lines = "".join(f"<span>{escape(fact)}</span>" for fact in facts if fact)
    name = f"Cluster {cluster['id']}{': ' if words else ''}{words}"
    mostly = cluster["genres"][0]["genre"] if cluster["genres"] else "no genre"
    label = f"Cluster {cluster['id']}, {cluster['n']:,} covers, mostly {mostly}"
    return (
        f'<button type="button" class="card" '
        f'data-pick="{cluster["id"]}" aria-label="{escape(label)}">'
        f'<span class="head"><b>{escape(name)}</b>'
        f'<span class="muted">{cluster["n"]:,} covers</span></span>'
        f'<span class="sheet">{pictures}</span>{colours}{bars}'
        f'<span class="facts">{lines}</span></button>'
    )


def _open(library: Library, cluster: dict[str, Any]) -> None:
    frame.section(f"Cluster {cluster['id']}: {cluster['n']:,} covers")
    left, right = st.columns(2, gap="large")
    with left:
        _lifts(library, cluster)
    with right:
        _look(cluster)
    _covers(library, cluster)


def _lifts(library: Library, cluster: dict[str, Any]) -> None:
    """Show how often each genre is in a cluster, against the library."""
    st.caption(
        "How many times as frequent each genre is here as in the library, 95 % intervals by group bootstrap; 1 is chance. "
        f"n = {cluster['n']:,} covers."
    )
    lifts = [
        (
            one["genre"],
            one["lift"],
            one["lift_ci95"],
            f"{one['genre']}: {number(one['lift'], '.2f')} times ({span(one['lift_ci95'], '.2f')})\n{per_cent(one['share'])} of the cluster",
        )
        for one in cluster["genres"][:12]
    ]
    pick.show(charts.lift_dots(lifts, library.colours), key="cluster-lift")


def _look(cluster: dict[str, Any]) -> None:
    """Show how the covers of a cluster look, and how firm it is."""
    look = cluster.get("look") or {}
    if look:
        st.caption(
            "How its covers look; the bar is the rank among all covers, a half is usual."
        )
        measures = ("brightness", "saturation", "contrast", "sharpness")
        ranks = html.share_bars(
            [
                (name, look[f"{name}_rank"], f"{look[name]:.2f}")
                for name in measures
                if look.get(f"{name}_rank") is not None
            ],
            dict.fromkeys(measures, FAINT),
        )
        pick.show(ranks + _palette(cluster), key="cluster-look")
    stability = cluster["stability"]
    if stability is not None:
        st.caption(
            f"Stability {stability:.2f}: mean overlap (Jaccard) with the nearest cluster when artists are drawn anew; "
            "above 0.75 is firm, below 0.5 hardly more than a name."
        )


def _palette(cluster: dict[str, Any]) -> str:
    look = cluster.get("look") or {}
    return html.swatches(look.get("palette") or [], look.get("palette_share") or [])


def _covers(library: Library, cluster: dict[str, Any]) -> None:
    """Show the covers of a cluster: all, the typical ones, or those at its edge."""
    labels, strengths = loaders.cluster_labels()
    members = np.flatnonzero(labels == cluster["id"])
    # Many are equally strong; ids are hashes, so among those the order says nothing.
    ids = np.asarray([library.cover_ids[row] for row in members])
    members = members[np.lexsort((ids, -strengths[members]))]
    groups = {
        "Members": members.tolist(),
        "Exemplars": library.rows_of(cluster["exemplars"]),
        "Boundary": library.rows_of(cluster["boundary"]),
    }
    said = {
        "Members": "The strongest members first.",
        "Exemplars": "In the densest part; one per artist.",
        "Boundary": "Nearest to another cluster; one per artist.",
    }
    which = st.segmented_control(
        "Show",
        list(groups),
        default="Members",
        required=True,
        key="part",
        bind="query-params",
    )
    st.caption(said[which])
    frame.gallery(
        library,
        groups[which],
        key=f"members-{which}",
        per_page=24,
    )


@fragment
def _noise() -> None:
    library, found = loaders.library(), loaders.clusters()
    with st.expander(f"Covers in no cluster ({per_cent(found['noise_fraction'])})"):
        shares = sorted(found["noise_by_genre"].items(), key=lambda i: -(i[1] or 0))
        bars = html.share_bars(
            [(g, share, per_cent(share)) for g, share in shares if share is not None],
            library.colours,
        )
        st.caption("Share of each genre's covers that belong to no cluster.")
        pick.show(bars, key="noise-shares")
        labels, _ = loaders.cluster_labels()
        rows = np.flatnonzero(labels == -1)
        frame.gallery(library, rows, key="noise", per_page=16)


def _compared(found: dict[str, Any]) -> None:
    others = found.get("compared_with")
    if not others:
        return
    with st.expander("Other ways to cluster"):
        st.caption(
            "The same covers, clustered otherwise; agreement with genre is measured alike."
        )
        rows = [
            (
                name,
                f"{one['n_clusters']:,}",
                per_cent(one.get("noise_fraction", math.nan)),
                f"{one['ami']:.3f}" if one["ami"] is not None else "?",
            )
            for name, one in [("UMAP and HDBSCAN (this page)", found), *others.items()]
        ]
        pick.show(
            html.table(["method", "clusters", "in none", "AMI with genre"], rows),
            key="other-ways",
        )
