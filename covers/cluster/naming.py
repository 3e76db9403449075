"""Names and sentences for clusters: the same on the command line, the dashboard and its site.

A name is made of the genres that are certainly more frequent in the cluster than
in the library and of how its covers look; numbers are for programs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from covers.render.colour_words import name_colours
from covers.render.palette import seen_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.cluster.measured import Cluster
    from covers.cluster.result import Clustering

LOOSE = 0.5
"""Below this stability a cluster is hardly more than a name."""
FIRM = 0.75
_MOST_GENRES = 2
_WARM = 0.018
"""Difference in OKLab's b from the mean cluster that can be seen."""


def name_clusters(found: Clustering) -> dict[int, str]:
    """Return a name for each cluster, by its id; no two are the same.

    Examples
    --------
    >>> names = name_clusters(library.clusters())
    >>> len(set(names.values())) == len(names)
    True
    """
    warmth = _warmth(found.clusters)
    names: dict[int, str] = {}
    for cluster in found.ranked():
        words = _looks(cluster, warmth.get(cluster.id, 0.0))
        taken = set(names.values())
        tries = [_compose(cluster, words[:n]) for n in range(2, len(words) + 1)]
        numbered = f"{_compose(cluster, words[:2])} ({cluster.id})"  # no other has it
        tries = [*(tries or [_compose(cluster, words)]), numbered]
        names[cluster.id] = next(name for name in tries if name not in taken)
    return names


def say_clusters(found: Clustering) -> str:
    """Return in a sentence or two what kinds of covers there are, and how firm they are."""
    if not found.clusters:
        return "No group of covers stands out: they shade into each other."
    n, share = len(found.clusters), 1 - found.noise_fraction
    kinds = "kind" if n == 1 else "kinds"
    text = f"{n:,} {kinds} of covers stand out, and hold {100 * share:.0f} % of all; the others belong to none."
    known = [c.stability for c in found.clusters if math.isfinite(c.stability)]
    if not known:
        return text
    if max(known) < LOOSE:
        return f"{text} All are loosely held: drawn from other covers, they would come out differently, so take them as a way to look around."
    n_firm, n_loose = (sum(s >= FIRM for s in known), sum(s < LOOSE for s in known))
    if not n_loose:
        return f"{text} {'All are' if n_firm == len(known) else f'{n_firm:,} of them are'} firm: other covers would give them again."
    return f"{text} {n_loose:,} of them are loosely held: drawn from other covers, they would come out differently."


def say_genres(found: Clustering) -> str:
    """Return what clusters have to do with genres; empty where it was not measured."""
    high = found.ami_null95[1]
    if not (math.isfinite(found.ami) and math.isfinite(high)):
        return ""
    if found.ami > high:
        return "They have more in common with the genres than chance would give."
    return "They have no more in common with the genres than chance would give."


def say_firmness(stability: float) -> str:
    """Say in a word how surely a cluster would come out again; empty where it was not measured."""
    if not math.isfinite(stability):
        return ""
    if stability >= FIRM:
        return "firm"
    return "loosely held" if stability < LOOSE else "fairly firm"


def _compose(cluster: Cluster, words: Sequence[str]) -> str:
    """Join genres, subject and looks."""
    leading = [
        one.genre
        for one in cluster.genres
        if one.lift > 1 and math.isfinite(one.lift_ci95[0]) and one.lift_ci95[0] > 1
    ][:_MOST_GENRES]
    genres = " and ".join(leading) or ("Mixed" if cluster.genres else "No genre")
    head = f"{genres} {cluster.subjects[0]}s" if cluster.subjects else genres
    return f"{head}, {' and '.join(words)}" if words else head


def _looks(cluster: Cluster, warmth: float) -> list[str]:
    """Return words for how covers look, the most telling first."""
    telling = ("dark", "bright", "grey", "colourful")
    words = [word for word in cluster.words if word in telling]
    if abs(warmth) > _WARM and "grey" not in words:
        words.append("warm" if warmth > 0 else "cool")
    words += [
        word
        for word in dict.fromkeys(name_colours(_palette(cluster)[0]))
        if word not in words
    ]
    return words + [word for word in cluster.words if word not in words]


def _palette(cluster: Cluster) -> tuple[list[str], list[float]]:
    colours = list(cluster.look.get("palette") or ())
    shares = list(cluster.look.get("palette_share") or ())
    return colours, shares if len(shares) == len(colours) else [1.0] * len(colours)


def _warmth(clusters: Sequence[Cluster]) -> dict[int, float]:
    """Return how much warmer (yellow, red) each cluster is than the mean of them."""
    found = {}
    for cluster in clusters:
        colours, shares = _palette(cluster)
        if colours:
            b = seen_by(colours, "normal")[:, 2]
            found[cluster.id] = float(np.average(b, weights=np.maximum(shares, 1e-9)))
    mean = sum(found.values()) / max(len(found), 1)
    return {number: value - mean for number, value in found.items()}
