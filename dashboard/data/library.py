"""The covers of a workspace as the pages need them. Letters: N covers, G genres."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covers.catalogue.cover_set import CoverSet, columns_of
from covers.catalogue.table import GENRE_MINIMUM
from covers.render.genre_legend import GenreLegend, genre_legend
from covers.render.palette import genre_colours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from covers.catalogue.table import Catalogue

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Library(CoverSet):
    """What the catalogue says, in rows; shared between readers, so never changed.

    Parameters
    ----------
    cover_ids, vocab, membership, groups, splits
        As in `CoverSet`.
    genres : list of list of str
        Genres of each cover.
    artists, albums : list of str
        Empty where unknown.
    years : ndarray of float64, shape (n_covers,)
        NaN where unknown.
    sources, paths : list of str
    genre_minimum : int
        Genres with fewer covers than this are not in `vocab`.
    """

    cover_ids: list[str]
    genres: list[list[str]]
    artists: list[str]
    albums: list[str]
    years: npt.NDArray[np.float64]
    sources: list[str]
    paths: list[str]
    genre_minimum: int = GENRE_MINIMUM

    @classmethod
    def of(cls, catalogue: Catalogue) -> Library:
        """Take over a catalogue."""
        text = {
            name: [value or "" for value in catalogue.column(name)]
            for name in ("artist", "album", "source", "path")
        }
        return cls(
            **columns_of(catalogue),
            genres=catalogue.genres,
            artists=text["artist"],
            albums=text["album"],
            years=np.array(
                [np.nan if y is None else float(y) for y in catalogue.column("year")],
                np.float64,
            ),
            sources=text["source"],
            paths=text["path"],
            genre_minimum=catalogue.genre_minimum,
        )

    @property
    def position(self) -> dict[str, int]:
        """Row of each cover."""
        return self.rows.position

    @cached_property
    def all_ids(self) -> frozenset[str]:
        """Ids of all covers."""
        return frozenset(self.cover_ids)

    @cached_property
    def short_ids(self) -> dict[str, int]:
        """Row of each cover by the first twelve digits of its id."""
        return {cover_id[:12]: row for row, cover_id in enumerate(self.cover_ids)}

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each genre, the same on every page and in every figure."""
        return genre_colours(self.vocab, self.genre_counts)

    @cached_property
    def genre_counts(self) -> dict[str, int]:
        """Covers of each genre, most first."""
        counts: dict[str, int] = {}
        for genres in self.genres:
            for genre in genres:
                counts[genre] = counts.get(genre, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def legend(self) -> GenreLegend:
        """What colours stand for: genres, or broad genres where there are many."""
        return genre_legend(self.membership, self.vocab, self.colours)

    @cached_property
    def _words(self) -> list[str]:
        """What a name can be looked up in, one text per cover."""
        return [
            f"{artist} {album} {path}".casefold()
            for artist, album, path in zip(
                self.artists, self.albums, self.paths, strict=True
            )
        ]

    def is_named(self, row: int) -> bool:
        """Say whether a cover has a name besides that of its file."""
        return bool(self.albums[row] or self.artists[row])

    def title(self, row: int) -> str:
        """Return what to call a cover: its album, else the name of its file."""
        if self.albums[row]:
            return self.albums[row]
        name = self.paths[row].rsplit("/", 1)[-1]
        return name.rsplit(".", 1)[0] or self.cover_ids[row][:8]

    def byline(self, row: int) -> str:
        """Return artist and year, as far as they are known."""
        year = self.years[row]
        parts = [self.artists[row], f"{year:.0f}" if np.isfinite(year) else ""]
        return " · ".join(part for part in parts if part)

    def full_title(self, row: int) -> str:
        """Return artist, album and year in one line."""
        byline = self.byline(row)
        return f"{self.title(row)} ({byline})" if byline else self.title(row)

    def describe(self, row: int) -> dict[str, str]:
        """Return what a hover card says."""
        return {
            "title": self.title(row),
            "byline": self.byline(row),
            "genres": ", ".join(self.genres[row]) or "no genre",
        }

    def find(self, text: str, limit: int = 200) -> list[int]:
        """Return rows whose artist, album or path holds all words of `text`."""
        words = text.casefold().split()
        if not words:
            return []
        found = []
        for row, content in enumerate(self._words):
            if all(word in content for word in words):
                found.append(row)
                if len(found) == limit:
                    break
        return found

    def rows_of(self, cover_ids: Iterable[str]) -> list[int]:
        """Return the rows of those of `cover_ids` that are still in the catalogue."""
        return [self.position[c] for c in cover_ids if c in self.position]

    def rows_with(
        self, genres: Sequence[str] = (), years: tuple[int, int] | None = None
    ) -> Rows:
        """Return the rows of covers of any of `genres` and within `years`."""
        return np.flatnonzero(self.of_genres(genres) & self.within(years))

    def of_genres(self, genres: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Say of each cover whether it has any of `genres`; all have where there are none."""
        if not genres:
            return np.ones(len(self), bool)
        has = np.zeros(len(self), bool)
        for genre in genres:
            has[self._rows_by_genre.get(genre, [])] = True
        return has

    @cached_property
    def _rows_by_genre(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, own in enumerate(self.genres):
            for genre in own:
                rows.setdefault(genre, []).append(row)
        return rows

    def within(self, years: tuple[int, int] | None) -> npt.NDArray[np.bool_]:
        """Say of each cover whether its year is known and within a span; all are without one."""
        if years is None:
            return np.ones(len(self), bool)
        with np.errstate(invalid="ignore"):
            found: npt.NDArray[np.bool_] = (self.years >= years[0]) & (
                self.years <= years[1]
            )
        return found

    @cached_property
    def year_range(self) -> tuple[int, int] | None:
        """First and last year, None where no year is known."""
        known = self.years[np.isfinite(self.years)]
        return (int(known.min()), int(known.max())) if len(known) else None
