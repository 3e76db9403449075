"""Names and sentences for clusters: the same on the command line, the dashboard and its site.

A name is made of the genres that are certainly more frequent in the cluster than
in the library and of how its covers look; numbers are for programs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from covers.render.colour_words import name_colours
from covers.render.numbers import count, per_cent, sentence
from covers.render.palette import seen_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from covers.cluster.measured import Cluster
    from covers.cluster.result import Clustering

LOOSE = 0.5
"""Below this stability a cluster is hardly more than a name."""
FIRM = 0.75
_MOST_GENRES = 2
_NEARLY_ALL = 0.995
_TELLING = 0.02
"""By so much more than the mean share a colour tells a cluster from others."""
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
    warmth, usual = _warmth(found.clusters), _usual_colours(found.clusters)
    names: dict[int, str] = {}
    taken: set[tuple[str, frozenset[str]]] = set()
    for cluster in found.ranked():
        words = _looks(cluster, warmth.get(cluster.id, 0.0), usual)
        # "Black and grey" and "grey and black" would not tell two clusters apart.
        tries = [(_compose(cluster), words[:n]) for n in range(2, len(words) + 1)]
        tries = tries or [(_compose(cluster), words)]
        tries.append((f"{_compose(cluster)} ({cluster.id})", words[:2]))
        head, chosen = next(t for t in tries if (t[0], frozenset(t[1])) not in taken)
        taken.add((head, frozenset(chosen)))
        names[cluster.id] = f"{head}, {_listed(chosen)}" if chosen else head
    return names


def say_clusters(found: Clustering) -> str:
    """Return in a sentence or two what kinds of covers there are, and how firm they are."""
    if not found.clusters:
        return "No group of covers stands out: they shade into each other."
    n, share = len(found.clusters), 1 - found.noise_fraction
    kinds = "kind" if n == 1 else "kinds"
    held = f"{per_cent(share)} of all; the others belong to none"
    if share > _NEARLY_ALL:
        held = "all covers" if share == 1 else "nearly all covers"
    verb = "stands out, and holds" if n == 1 else "stand out, and hold"
    text = f"{n:,} {kinds} of covers {verb} {held}."
    known = [c.stability for c in found.clusters if math.isfinite(c.stability)]
    if not known:
        return text
    n_firm, n_loose = (sum(s >= FIRM for s in known), sum(s < LOOSE for s in known))
    if n_loose:
        them, they = ("it", "it") if n_loose == 1 else ("them", "they")
        text += f" {_some_are(n_loose, len(known))} loosely held: drawn from other covers, {they} would come out differently"
        return (
            f"{text}, so take {them} as a way to look around."
            if n_loose == len(known)
            else f"{text}."
        )
    if n_firm:
        them = "it" if n_firm == 1 else "them"
        return f"{text} {_some_are(n_firm, len(known))} firm: other covers would give {them} again."
    return f"{text} {_some_are(len(known), len(known))} fairly firm: other covers would give much the same."


def _some_are(n: int, of: int) -> str:
    if n == of:
        return "It is" if n == 1 else "All are"
    return f"{n:,} of them {'is' if n == 1 else 'are'}"


def say_genres(found: Clustering) -> str:
    """Return what clusters have to do with genres; empty where it was not measured."""
    high = found.ami_null95[1]
    if not (math.isfinite(found.ami) and math.isfinite(high)):
        return ""
    they_have = "it has" if len(found.clusters) == 1 else "they have"
    if found.ami > high:
        return f"{sentence(they_have)} more in common with the genres than chance would give."
    # Their genres are counted over all covers, also those that the network learned from.
    if found.ami_covers == "held-out" and found.ami_n:
        judged = count(found.ami_n, "held-out cover")
        they_have = f"judged by {judged} alone, {they_have}"
    return f"{sentence(they_have)} no more in common with the genres than chance would give."


def say_firmness(stability: float) -> str:
    """Say in a word how surely a cluster would come out again; empty where it was not measured."""
    if not math.isfinite(stability):
        return ""
    if stability >= FIRM:
        return "firm"
    return "loosely held" if stability < LOOSE else "fairly firm"


def _compose(cluster: Cluster) -> str:
    """Join genres and subject."""
    leading = [
        one.genre
        for one in cluster.genres
        if one.lift > 1 and math.isfinite(one.lift_ci95[0]) and one.lift_ci95[0] > 1
    ][:_MOST_GENRES]
    genres = " and ".join(leading) or ("Mixed" if cluster.genres else "No genre")
    return f"{genres} {cluster.subjects[0]}s" if cluster.subjects else genres


def _listed(words: Sequence[str]) -> str:
    """Join words as in a sentence."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _looks(cluster: Cluster, warmth: float, usual: Mapping[str, float]) -> list[str]:
    """Return words for how covers look, the most telling first."""
    telling = ("dark", "bright", "grey", "colourful")
    words = [word for word in cluster.words if word in telling]
    if abs(warmth) > _WARM and "grey" not in words:
        words.append("warm" if warmth > 0 else "cool")
    # What there is more of than elsewhere comes first: black and grey are everywhere.
    shares = _colour_shares(cluster)
    common = {word for word in shares if shares[word] < usual[word] + _TELLING}
    ranked = sorted(shares, key=lambda word: (word in common, -shares[word]))
    words += [word for word in ranked if word not in words]
    return words + [word for word in cluster.words if word not in words]


def _colour_shares(cluster: Cluster) -> dict[str, float]:
    """Return how much of the leading colours of a cluster each word for a colour stands for."""
    colours, shares = _palette(cluster)
    found: dict[str, float] = {}
    for word, share in zip(name_colours(colours), shares, strict=True):
        found[word] = found.get(word, 0.0) + share
    return found


def _usual_colours(clusters: Sequence[Cluster]) -> dict[str, float]:
    """Return the mean share of each word for a colour over all clusters."""
    found: dict[str, float] = {}
    for cluster in clusters:
        for word, share in _colour_shares(cluster).items():
            found[word] = found.get(word, 0.0) + share / len(clusters)
    return found


def _palette(cluster: Cluster) -> tuple[list[str], list[float]]:
    colours, shares = list(cluster.look.palette), list(cluster.look.palette_share)
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
