"""Which covers of the library are shown, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import numpy as np
import numpy.typing as npt

from dashboard.data.looks import BANDS

if TYPE_CHECKING:
    from dashboard.data.analysis import Votes
    from dashboard.data.library import Library
    from dashboard.data.looks import Looks

Rows = npt.NDArray[np.int64]
SIDES = {"train": "learned from", "valid": "held out", "test": "test"}
VERDICTS = ("sure", "unsure", "unfamiliar")
SORTINGS = {
    "filed": "As filed",
    "year": "Oldest first",
    "newest": "Newest first",
    "bright": "Brightest first",
    "dark": "Darkest first",
    "colourful": "Most colourful first",
    "sure": "Most certain first",
    "unsure": "Least certain first",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What covers must have to be shown; what is empty asks for nothing.

    Parameters
    ----------
    genres, sources, sides, bands, verdicts : tuple of str
        Any of them.
    years : (int, int) or None
    text : str
        Words of artist, album or path.
    sort : str
        Key of `SORTINGS`.
    """

    genres: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    text: str = ""
    sort: str = "filed"

    @classmethod
    def from_query(cls, query: str) -> Filters:
        """Read what `to_query` wrote; what makes no sense is left out."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(query):
            found.setdefault(name, []).append(value)
        years = found.get("years", [])
        whole = len(years) == 2 and all(y.lstrip("-").isdigit() for y in years)
        sort = found.get("sort", ["filed"])[0]
        return cls(
            **{n: tuple(filter(_CAN_BE.get(n), found.get(n, ()))) for n in _LISTS},
            years=(int(years[0]), int(years[1])) if whole else None,
            text=" ".join(found.get("text", ())),
            sort=sort if sort in SORTINGS else "filed",
        )

    def to_query(self) -> str:
        """Return it as one text for addresses."""
        pairs = [(name, value) for name in _LISTS for value in getattr(self, name)]
        pairs += [("years", str(year)) for year in self.years or ()]
        pairs += [("text", self.text)] if self.text else []
        pairs += [("sort", self.sort)] if self.sort != "filed" else []
        return urlencode(pairs)

    @property
    def said(self) -> str:
        """The filters in a few words."""
        parts = [*self.genres]
        parts += [f"{self.years[0]} to {self.years[1]}"] if self.years else []
        parts += [f"“{self.text}”"] if self.text else []
        parts += [SIDES.get(side, side) for side in self.sides]
        return ", ".join([*parts, *self.bands, *self.verdicts, *self.sources])

    def rows(self, library: Library, looks: Looks, votes: Votes | None) -> Rows:
        """Return the covers that pass, in order."""
        kept = library.of_genres(self.genres) & library.within(self.years)
        if self.sources:
            kept &= np.isin(np.asarray(library.sources, dtype=object), self.sources)
        if self.sides:
            kept &= np.isin(library.splits, self.sides)
        if self.bands:
            kept &= np.isin(
                looks.bands, [BANDS.index(b) for b in self.bands if b in BANDS]
            )
        if self.verdicts:
            mask = np.zeros(len(library), bool)
            if votes is not None:
                fits = np.isin(np.asarray(votes.verdicts, dtype=object), self.verdicts)
                mask[votes.rows[fits]] = True
            kept &= mask
        if self.text:
            mask = np.zeros(len(library), bool)
            mask[library.find(self.text, limit=len(library))] = True
            kept &= mask
        return self._sorted(np.flatnonzero(kept), library, looks, votes)

    def _sorted(
        self, rows: Rows, library: Library, looks: Looks, votes: Votes | None
    ) -> Rows:
        """Return rows in the chosen order, the unknown last."""
        certainty = np.full(len(library), np.nan)
        if votes is not None:
            certainty[votes.rows] = votes.certainty
        key = {
            "year": library.years,
            "newest": -library.years,
            "bright": -looks.brightness,
            "dark": looks.brightness,
            "colourful": -looks.saturation,
            "sure": -certainty,
            "unsure": certainty,
        }.get(self.sort)
        if key is None:
            return rows
        values = np.where(np.isfinite(key[rows]), key[rows], np.inf)
        return rows[np.argsort(values, kind="stable")]


_LISTS = ("genres", "sources", "sides", "bands", "verdicts")
_CAN_BE = {
    "sides": SIDES.__contains__,
    "bands": BANDS.__contains__,
    "verdicts": VERDICTS.__contains__,
}
"""Which values of a list can be; of the others the library knows."""
