"""What kinds of covers there are: clusters found without looking at genres."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from covers.cluster.measured import leaf_order
from covers.cluster.naming import (
    FIRM,
    LOOSE,
    say_clusters,
    say_firmness,
    say_genres,
)
from covers.render import html
from covers.render.cards import Kind, kinds
from covers.render.charts import bars
from covers.render.charts.marks import FAINT
from covers.render.charts.tree import dendrogram
from covers.render.numbers import count, number, per_cent, span
from dashboard import loaders
from dashboard.components import pick
from dashboard.layout import bar, frame, markup
from dashboard.layout.frame import GalleryLooks, fragment

if TYPE_CHECKING:
    from covers.cluster.measured import Cluster, OtherMethod
    from covers.cluster.result import Clustering
    from dashboard.data.library import Library

_SORTINGS = {
    "size": "Size",
    "stability": "Stability",
    "genre": "One genre",
    "mixed": "Many genres",
}
_CARDS_PER_PAGE = 24
_OPENED = "cluster"


def show() -> None:
    """Draw the page."""
    frame.heading(
        "Clusters",
        "What kinds of covers are there? Groups found by looks alone, then compared with the genres.",
        view="clusters",
    )
    loaders.library()
    found = loaders.clusters()
    frame.warn_if_stale("clusters")
    frame.answer(" ".join(filter(None, (say_clusters(found), say_genres(found)))))
    if not found.clusters:
        return
    _explore()
    _more()


@fragment
def _explore() -> None:
    """Show all clusters, or the one that was opened."""
    library, found = loaders.library(), loaders.clusters()
    names = loaders.names_of_clusters()
    opened = st.query_params.get(_OPENED, "")
    cluster = next((one for one in found.clusters if str(one.id) == opened), None)
    if cluster is not None:
        _strip(library, found, cluster)
        _open(library, cluster, names[cluster.id])
        return
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        sorting = st.segmented_control(
            "Sort by",
            list(_SORTINGS),
            default="size",
            required=True,
            format_func=_SORTINGS.__getitem__,
            key="sort",
            bind="query-params",
        )
    n_kinds = len(found.clusters)
    if found.hierarchy and n_kinds > 2:
        with right:
            n_kinds = st.slider(
                "Kinds to tell apart",
                2,
                len(found.clusters),
                len(found.clusters),
                key="kinds",
                bind="query-params",
                help="Fewer join those that look most alike; the tree below shows in which order.",
            )
    if n_kinds < len(found.clusters):
        _joined(library, found, n_kinds)
        return
    _cards(library, found, sorting)


def _cards(library: Library, found: Clustering, sorting: str) -> None:
    keys = {
        "size": lambda c: -c.n,
        "stability": lambda c: -c.stability if math.isfinite(c.stability) else 0.0,
        "genre": lambda c: c.entropy,
        "mixed": lambda c: -c.entropy,
    }
    clusters = sorted(found.clusters, key=keys[sorting])
    with frame.paged(
        len(clusters), _CARDS_PER_PAGE, key="cards-page", of=sorting
    ) as part:
        pick.show(_kinds(library, clusters[part]), key="cards", then=_choose)


def _choose(cluster: str) -> None:
    """Open a cluster; an empty text shows them all."""
    if cluster:
        st.query_params[_OPENED] = cluster
    else:
        st.query_params.pop(_OPENED, None)


def _kinds(library: Library, shown: list[Cluster]) -> str:
    """Return clusters as cards."""
    names, chosen = loaders.names_of_clusters(), bar.selected()
    own = loaders.cluster_labels()[0][chosen.rows] if chosen else None
    cards = []
    for cluster in shown:
        n = "" if own is None else f"{(own == cluster.id).sum():,} of the selection"
        cards.append(_card(library, cluster, names[cluster.id], n))
    return kinds(cards, library.colours)


def _card(library: Library, cluster: Cluster, name: str, n_chosen: str) -> Kind:
    """Return one cluster at a glance, and how much of the selection is in it."""
    return Kind(
        pick=str(cluster.id),
        name=name,
        size=count(cluster.n, "cover"),
        exemplars=[
            markup.card_of(library, row)
            for row in library.rows_of(cluster.exemplars)[:5]
        ],
        leading=[(g.genre, g.share, per_cent(g.share)) for g in cluster.leading],
        palette=(cluster.look.palette, cluster.look.palette_share),
        facts=[say_firmness(cluster.stability), n_chosen],
    )


def _joined(library: Library, found: Clustering, n_kinds: int) -> None:
    """Show clusters joined until so many kinds are left."""
    names = loaders.names_of_clusters()
    by_id = {one.id: one for one in found.clusters}
    parts = found.joined(n_kinds).cut
    for part in sorted(parts, key=lambda part: -sum(by_id[i].n for i in part)):
        n = sum(by_id[i].n for i in part)
        first = max(part, key=lambda i: by_id[i].n)
        title = names[first] + (f" and {len(part) - 1} more" if len(part) > 1 else "")
        with st.container(border=True):
            frame.section(f"{title}: {count(n, 'cover')}")
            inside = sorted(part, key=lambda i: -by_id[i].n)
            cards = _kinds(library, [by_id[i] for i in inside])
            pick.show(cards, key=f"joined-{first}", then=_choose)
            text = f"cluster:{'.'.join(map(str, part))}"
            bar.choose(text, n, key=f"select-joined-{first}")


def _strip(library: Library, found: Clustering, opened: Cluster) -> None:
    """Show all clusters in one line, so that the opened one is where the eye is."""
    names = loaders.names_of_clusters()
    buttons = ['<button type="button" data-pick="">&#8592; All kinds</button>']
    for cluster in found.ranked():
        rows = library.rows_of(cluster.exemplars)[:1]
        image = markup.picture(library, rows[0]) if rows else ""
        buttons.append(
            f'<button type="button" data-pick="{cluster.id}">{image}{escape(names[cluster.id])}</button>'
        )
    pick.show(
        f'<div class="strip" data-show="{opened.id}" tabindex="0" role="group" aria-label="All kinds">{"".join(buttons)}</div>',
        key="strip",
        chosen=[str(opened.id)],
        then=_choose,
    )


def _open(library: Library, cluster: Cluster, name: str) -> None:
    frame.section(f"{name}: {count(cluster.n, 'cover')}")
    text = f"cluster:{cluster.id}"
    with st.container(horizontal=True, gap="small"):
        bar.choose(text, cluster.n, key="select-cluster")
        st.button(
            "On the map",
            icon=":material/scatter_plot:",
            on_click=frame.open_page,
            args=("covermap", {bar.PARAMETER: text}),
        )
    left, right = st.columns([3, 2], gap="large")
    with left:
        _covers(library, cluster)
    with right:
        _lifts(library, cluster)
        _look(cluster)


def _lifts(library: Library, cluster: Cluster) -> None:
    """Show how often each genre is in a cluster, against the library."""
    frame.caption(
        "How many times as frequent each genre is here as in the library, 95 % intervals by group bootstrap; 1 is chance. "
        f"n = {cluster.n:,} covers of {cluster.n_groups:,} artists or groups."
    )
    lifts = [
        (
            one.genre,
            one.lift,
            one.lift_ci95,
            f"{one.genre}: {number(one.lift, '.2f')} times ({span(one.lift_ci95, '.2f')})\n{per_cent(one.share)} of the cluster",
        )
        for one in cluster.genres[:8]
    ]
    pick.show(bars.lift_dots(lifts, library.colours), key="cluster-lift")


def _look(cluster: Cluster) -> None:
    """Show how the covers of a cluster look, and how firm it is."""
    measures = cluster.look.measures()
    if measures:
        frame.caption(
            "How its covers look; the bar is the rank among all covers, a half is usual."
        )
        ranks = html.share_bars(
            [(name, rank, f"{middle:.2f}") for name, middle, rank in measures],
            dict.fromkeys((name for name, _, _ in measures), FAINT),
        )
        pick.show(ranks + _palette(cluster), key="cluster-look")
    with frame.fold("How firm and how mixed it is", key="firm-open") as is_open:
        if is_open:
            _firmness(cluster)


def _firmness(cluster: Cluster) -> None:
    """Show stability and entropy of a cluster, and how to read them."""
    numbers = [
        (number(cluster.stability, ".2f"), "stability"),
        (number(cluster.entropy, ".2f"), "mixture of genres (entropy)"),
    ]
    pick.show(html.figures(numbers), key="cluster-firmness")
    frame.caption(
        "Stability: mean overlap (Jaccard) with the nearest cluster when artists are drawn anew; "
        f"above {FIRM} is firm, below {LOOSE} hardly more than a name. Entropy: 0 is one genre, 1 all alike."
    )


def _palette(cluster: Cluster) -> str:
    return html.swatches(cluster.look.palette, cluster.look.palette_share)


def _covers(library: Library, cluster: Cluster) -> None:
    """Show the covers of a cluster: all, the typical ones, or those at its edge."""
    groups = {
        "Members": loaders.members([cluster.id]).tolist(),
        "Exemplars": library.rows_of(cluster.exemplars),
        "Boundary": library.rows_of(cluster.boundary),
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
    frame.caption(said[which])
    rows = groups[which]
    if (chosen := bar.selected()) is not None:
        rows = chosen.keep(rows) or rows
    frame.gallery(
        library, rows, key=f"members-{which}", looks=GalleryLooks(per_page=20)
    )


@fragment
def _more() -> None:
    """Fold away what answers further questions."""
    library, found = loaders.library(), loaders.clusters()
    if len(found.hierarchy) > 1:
        said = "How the kinds hang together: the tree"
        with frame.fold(said, key="tree-open") as is_open:
            if is_open:
                _tree(found)
    if found.noise_fraction > 0:
        said = f"Covers in no cluster ({per_cent(found.noise_fraction)})"
        with frame.fold(said, key="noise-open") as is_open:
            if is_open:
                _noise(library, found)
    said = "What clusters have to do with genres, and other ways to cluster"
    with frame.fold(said, key="relation-open") as is_open:
        if is_open:
            _relation(found)


def _noise(library: Library, found: Clustering) -> None:
    shares = sorted(found.noise_by_genre.items(), key=lambda one: -one[1])
    drawn = html.share_bars(
        [(g, share, per_cent(share)) for g, share in shares if share == share],
        library.colours,
    )
    frame.caption("Share of each genre's covers that belong to no cluster.")
    pick.show(drawn, key="noise-shares")
    labels, _ = loaders.cluster_labels()
    rows = np.flatnonzero(labels == -1)
    bar.choose("cluster:-1", len(rows), key="select-noise")
    frame.gallery(library, rows, key="noise", looks=GalleryLooks(per_page=16))


def _tree(found: Clustering) -> None:
    names = loaders.names_of_clusters()
    frame.caption(
        "Kinds joined by the similarity of their mean covers, the most alike first. "
        "Choose *Kinds to tell apart* above to cut it."
    )
    branches = [
        ([names[i] for i in (*merge.left, *merge.right)], merge.height, math.nan)
        for merge in found.hierarchy
    ]
    leaves = [names[i] for i in leaf_order(found.hierarchy)]
    drawn = dendrogram(
        leaves,
        branches,
        {},
        title="1 − similarity",  # noqa: RUF001
        alt="Tree of the kinds of covers",
    )
    pick.show(drawn, key="cluster-tree")


def _relation(found: Clustering) -> None:
    numbers = [
        (
            number(found.ami, ".2f"),
            "agreement with genre (AMI; 0 is chance, 1 the same)",
        ),
        (
            span(found.ami_null95, ".2f"),
            "where chance alone would lie (95 %)",
        ),
        (f"{found.n_covers:,}", f"covers, grouped by {found.grouped_by}"),
    ]
    pick.show(html.figures(numbers), key="cluster-numbers")
    frame.caption(
        f"Agreement is measured on {found.ami_n:,} {found.ami_covers} covers, genres shuffled between groups ({found.grouped_by})."
    )
    if not found.compared_with:
        return
    frame.caption("The same covers, clustered otherwise; agreement is measured alike.")
    ways: dict[str, Clustering | OtherMethod] = {"UMAP and HDBSCAN (this page)": found}
    rows = [
        (
            name,
            f"{one.n_clusters:,}",
            per_cent(one.noise_fraction),
            number(one.ami, ".3f"),
        )
        for name, one in (ways | found.compared_with).items()
    ]
    pick.show(
        html.table(["method", "clusters", "in none", "AMI with genre"], rows),
        key="other-ways",
    )
