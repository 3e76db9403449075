"""The family tree of genres: where its branches lie, for page and slide, and its drawing for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.render.charts.marks import FAINT, MAIN, Plot, line, spot, word
from covers.render.charts.scales import Axis, number_axis
from covers.render.numbers import per_cent
from covers.render.palette import NOISE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Branch = tuple["Sequence[str]", float, float]
"""Genres that are joined, the height at which, and the share of resamples with the same branch."""


@dataclass(frozen=True, kw_only=True)
class Joint:
    """Where branches of the tree meet.

    Parameters
    ----------
    genres : tuple of str
        All that hang on it, in alphabetical order.
    height : float
        One minus the overlap at which they join.
    row : float
        Where it stands among the leaves, which have rows 0, 1, 2 ….
    parts : list of (float, float)
        Height and row of each branch that ends here.
    support : float
        Share of the resamples with the same branch; NaN where it is not known.
    """

    genres: tuple[str, ...]
    height: float
    row: float
    parts: list[tuple[float, float]]
    support: float


def joints(order: Sequence[str], branches: Sequence[Branch]) -> list[Joint]:
    """Return the joints of a tree, the lowest first.

    Parameters
    ----------
    order : sequence of str
        Leaves, genres alike side by side.
    branches : sequence of (genres, height, support)
        The lowest first; support is NaN where it is not known.
    """
    place = {frozenset([name]): (0.0, float(i)) for i, name in enumerate(order)}
    inside = {name: frozenset([name]) for name in order}
    found = []
    for genres, height, support in branches:
        members = frozenset(genres)
        parts = [place[p] for p in {inside[g] for g in members if g in inside}]
        if len(parts) < 2:
            continue
        row = sum(at for _, at in parts) / len(parts)
        place[members] = height, row
        inside |= dict.fromkeys(members, members)
        found.append(
            Joint(
                genres=tuple(sorted(members)),
                height=height,
                row=row,
                parts=sorted(parts, key=lambda part: part[1]),
                support=support,
            )
        )
    return found


def dendrogram(
    order: Sequence[str],
    branches: Sequence[Branch],
    colours: Mapping[str, str],
    *,
    title: str = "1 − overlap",  # noqa: RUF001
    alt: str = "Family tree of genres",
) -> str:
    """Return the family tree of genres, or of other things, for a page.

    Genres join where their overlap ends: the further to the right, the less they look
    alike. The number at a joint is the share of the resamples that have the same branch.

    Parameters
    ----------
    order : sequence of str
        Leaves, alike ones side by side.
    branches : sequence of (genres, height, support)
        As `joints` takes them.
    colours : mapping of str to str
        Of the leaves; grey where one has none.
    title, alt : str
        Of the axis, and what is shown for those who do not see it.
    """
    found = joints(order, branches)
    highest = max((joint.height for joint in found), default=1)
    x = number_axis(0, highest, title=title)
    n = len(order)
    y = Axis(low=n - 0.5, high=-0.5, ticks=[(i, g) for i, g in enumerate(order)])
    lines, marks, told = [], [], []
    for joint in found:
        top, at = x.at(joint.height), y.at(joint.row)
        rows = [row for _, row in joint.parts]
        lines += [
            line((x.at(height), y.at(row)), (top, y.at(row)), FAINT, 1.8)
            for height, row in joint.parts
        ]
        lines.append(line((top, y.at(rows[0])), (top, y.at(rows[-1])), FAINT, 1.8))
        names = ", ".join(joint.genres)
        known = joint.support == joint.support
        said = per_cent(joint.support) if known else ""
        often = f"\nin {said} of the resamples" if known else ""
        alike = title.removeprefix("1 − ")  # noqa: RUF001
        tip = f"{names}\n{alike} {1 - joint.height:.2f}{often}"
        marks.append(spot((top, at), MAIN, tip, 4.5))
        told.append(f"{names} {said}")
        if said and len(joint.genres) < n:  # the whole tree always is
            marks.append(word((top, at), said))
    leaves = [
        spot((0, y.at(i)), colours.get(name, NOISE_COLOUR), "", 5.5)
        for i, name in enumerate(order)
    ]
    return str(
        Plot(
            x=x,
            y=y,
            marks="".join([*lines, *marks, *leaves]),
            alt=f"{alt}: " + "; ".join(told),
            height_px=28 * n,
            grid=False,
        )
    )
