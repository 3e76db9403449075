"""What the dots of the map can be coloured by. Letters: N covers, P points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.render.charts.scales import scale_colours
from covers.render.numbers import per_cent
from covers.render.palette import NOISE_COLOUR, cluster_colours

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dashboard.data.analysis import Votes
    from dashboard.data.library import Library

Codes = npt.NDArray[np.uint16]

CHOICES = {
    "genre": "Genre",
    "cluster": "Cluster",
    "year": "Year",
    "certainty": "Certainty",
    "error": "Right or wrong",
}
RIGHT, WRONG = "#0072b2", "#d55e00"
_STEPS = 48


def offered(library: Library, known: Mapping[str, str]) -> dict[str, str]:
    """Return the colourings to choose from: genre only where a cover has one, unless it is all there is.

    Years of which there is only one colour nothing.
    """
    span = library.year_range
    useless = set() if library.genre_counts else {"genre"}
    useless |= {"year"} if span and span[0] == span[1] else set()
    told = {name: said for name, said in known.items() if name not in useless}
    return told or dict(known)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A colour of a legend: its code, what it stands for, and how many covers have it."""

    code: int
    label: str
    colour: str
    n: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Colours from a low to a high end, and what stands at these."""

    low: str
    high: str
    colours: list[str]


@dataclass(frozen=True)
class Colouring:
    """Colours of covers.

    Parameters
    ----------
    codes : ndarray of uint16, shape (n_covers,)
        Position of each cover's colour; 0 is the grey of what is unknown.
    colours : list of str
        ``"#rrggbb"`` by code.
    legend : list of Entry
        Empty for a scale.
    scale : Scale or None
        Of a continuous colouring.
    note : str
        How to read it.
    """

    codes: Codes
    colours: list[str]
    legend: list[Entry]
    scale: Scale | None
    note: str

    def codes_of(self, labels: Collection[str]) -> list[int]:
        """Return the codes of what some colours of the legend stand for."""
        return [entry.code for entry in self.legend if entry.label in labels]

    def labels_of(self, codes: Collection[int]) -> list[str]:
        """Return what some colours of the legend stand for."""
        return [entry.label for entry in self.legend if entry.code in codes]


def by_genre(library: Library) -> Colouring:
    """Colour by genre; the legend counts a cover in each of its genres, as everywhere.

    Many genres are coloured by the broad genre that they belong to.
    """
    entries = library.legend
    note = "One colour per genre."
    if entries.is_broad:
        note = "One colour per broad genre; a cover of several has that of which it has most, of equals the rarer, and counts in each."
    elif (entries.has.sum(axis=1) > 1).any():
        note = "One colour per genre; a cover of several genres has the colour of the rarest, and counts in each."
    codes = entries.main + 1
    counts = [int((codes == 0).sum()), *map(int, entries.has.sum(axis=0))]
    return _categories(
        codes,
        [NOISE_COLOUR, *entries.colours],
        ["no genre", *entries.names],
        note,
        counts=counts,
    )


def by_cluster(labels: npt.NDArray[np.int64], names: Mapping[int, str]) -> Colouring:
    """Colour by cluster, noise grey."""
    n = int(labels.max(initial=-1)) + 1
    palette = cluster_colours(range(n))
    note = "Clusters found without looking at genres; grey covers belong to none."
    return _categories(
        np.maximum(labels, -1) + 1,
        [NOISE_COLOUR, *(palette[i] for i in range(n))],
        ["none", *(names.get(i, f"Cluster {i}") for i in range(n))],
        note,
    )


def by_year(library: Library) -> Colouring:
    """Colour by year, on a scale from the first to the last."""
    span = library.year_range
    if span is None:
        nowhere = np.zeros(len(library), np.int64)
        note = "No cover of this library has a year."
        return _categories(nowhere, [NOISE_COLOUR], ["no year"], note)
    note = "Dark is early, bright is late; grey covers have no year."
    ends = (f"{span[0]}", f"{span[1]}")
    return _scale(library.years, float(span[0]), float(span[1]), ends, note)


def by_certainty(votes: Votes, library: Library) -> Colouring:
    """Colour by how sure network and vote together are."""
    certainty = np.full(len(library), np.nan)
    certainty[votes.rows] = votes.certainty
    note = (
        "How probable the likeliest genre is, network and vote together; "
        "covers the network was trained on look surer than new ones would."
    )
    low = float(votes.certainty.min(initial=1))
    high = float(votes.certainty.max(initial=0))
    ends = (f"unsure, {per_cent(low)}", f"certain, {per_cent(high)}")
    return _scale(certainty, low, high, ends, note)


def by_error(votes: Votes, library: Library) -> Colouring:
    """Colour held-out covers by whether their genre was recognised."""
    codes = np.zeros(len(library), np.int64)
    right = votes.right()
    held = votes.held_out
    codes[votes.rows[held]] = np.where(right[held], 1, 2)
    note = (
        "Covers the network has never seen: was one of their genres read? "
        "Grey ones were trained on, so they prove nothing."
    )
    colours = [NOISE_COLOUR, RIGHT, WRONG]
    return _categories(codes, colours, ["not held out", "right", "wrong"], note)


def _categories(
    codes: npt.NDArray[np.int64],
    colours: list[str],
    labels: list[str],
    note: str,
    *,
    counts: list[int] | None = None,
) -> Colouring:
    if counts is None:
        counts = np.bincount(codes, minlength=len(colours)).tolist()
    legend = [
        Entry(code=code, label=labels[code], colour=colours[code], n=int(n))
        for code, n in enumerate(counts)
        if n
    ]
    legend.sort(key=lambda entry: (entry.code == 0, entry.code))
    return Colouring(codes.astype(np.uint16), colours, legend, None, note)


def _scale(
    values: npt.NDArray[np.float64],
    low: float,
    high: float,
    ends: tuple[str, str],
    note: str,
) -> Colouring:
    span = max(high - low, 1e-9)
    known = np.isfinite(values)
    share = np.clip((np.where(known, values, low) - low) / span, 0, 1)
    codes = np.where(known, 1 + np.round(share * (_STEPS - 1)), 0).astype(np.uint16)
    colours = scale_colours(np.linspace(0, 1, _STEPS))
    scale = Scale(low=ends[0], high=ends[1], colours=colours[::4])
    return Colouring(codes, [NOISE_COLOUR, *colours], [], scale, note)
