"""Suggested genres, with what was measured about them and the evidence."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from covers.errors import DataError, needs_extra
from covers.render.gallery import Tile, gallery_html
from covers.render.numbers import per_cent, span_per_cent
from covers.render.short_repr import ShortRepr
from covers.render.text import WIDTH, counted, text_table
from covers.workspace.disk.outputs import output_file
from covers.workspace.disk.text_tables import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from covers.index.hits import Hit
    from covers.workspace.paths import Workspace

_MOST_SHOWN = 20

COLUMNS = (
    "cover_id",
    "artist",
    "album",
    "path",
    "genres",
    "suggested",
    "certainty",
    "second",
    "second_certainty",
    "verdict",
    "left_open",
    "doubt",
    "looks_like",
)
"""Of the data frame and of the CSV."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Ranked(ShortRepr):
    """A genre and how certain it is, 0 to 1."""

    genre: str
    certainty: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Suggestion(ShortRepr):
    """What an album may be.

    Parameters
    ----------
    cover_ids : tuple of str
        The covers of the album.
    path : str
        Of its first cover.
    artist, album : str or None
    genres : tuple of str
        What it is filed under; empty where it has no genre.
    ranked : tuple of Ranked
        The three likeliest genres.
    verdict : str
        As in `covers.Classification`, of its first cover.
    left_open : str
        Why nothing is suggested; empty where something is.
    doubt : float or None
        Where it has a genre: the chance that this is wrong, from the audit.
    seen : bool
        Whether the network was trained on it, so that the certainty of another
        genre is understated.
    voters : tuple of Hit
        The nearest covers that voted on the first cover.
    """

    cover_ids: tuple[str, ...]
    path: str
    artist: str | None = None
    album: str | None = None
    genres: tuple[str, ...] = ()
    ranked: tuple[Ranked, ...]
    verdict: str
    left_open: str = ""
    doubt: float | None = None
    seen: bool = False
    voters: tuple[Hit, ...] = ()

    @property
    def suggested(self) -> str | None:
        """The genre that is suggested; None where that is left open."""
        return None if self.left_open else self.ranked[0].genre

    @property
    def certainty(self) -> float:
        """Probability of the likeliest genre, whether or not it is suggested."""
        return self.ranked[0].certainty

    @property
    def title(self) -> str:
        """Artist and album; the path where neither is known."""
        return " · ".join(p for p in (self.artist, self.album) if p) or self.path

    def row(self) -> list[Any]:
        """Return the values of `COLUMNS`."""
        second = self.ranked[1] if len(self.ranked) > 1 else None
        return [
            self.cover_ids[0],
            self.artist,
            self.album,
            self.path,
            "; ".join(self.genres),
            self.suggested,
            round(self.certainty, 3),
            second.genre if second else None,
            round(second.certainty, 3) if second else None,
            self.verdict,
            self.left_open,
            None if self.doubt is None else round(self.doubt, 3),
            "; ".join(hit.title for hit in self.voters),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        voters = [hit.to_json() for hit in self.voters]
        return {**asdict(self), "voters": voters, "suggested": self.suggested}


@dataclass(frozen=True, kw_only=True, repr=False)
class Precision(ShortRepr):
    """How often suggestions of some certainty and above were right, on held-out albums.

    Parameters
    ----------
    certainty : float
        From here on.
    n, n_right : int
        Albums that reach it; those of them whose likeliest genre is theirs.
    n_groups : int
        Groups (artists, near-duplicates) they belong to.
    share : float
        Of all held-out albums that reach it, 0 to 1.
    ci95 : tuple of float
        Of the rate of being right: Wilson's interval with a group for one trial.
    frequent : str
        The most frequent genre of the library.
    frequent_rate : float
        Share of the same albums that have it: what suggesting nothing else would get right.
    """

    certainty: float
    n: int
    n_right: int
    n_groups: int
    share: float
    ci95: tuple[float, float]
    frequent: str = ""
    frequent_rate: float = math.nan

    @property
    def rate(self) -> float:
        """Share that was right; NaN where no album reaches the certainty."""
        return self.n_right / self.n if self.n else math.nan

    @property
    def said(self) -> str:
        """The measured precision as a sentence."""
        if not self.n:
            return f"no held-out album reached {per_cent(self.certainty)}, so nothing is known of such suggestions"
        suggestions = "suggestion" if self.n == 1 else "suggestions"
        were = "was" if self.n_right == 1 else "were"
        groups = "group" if self.n_groups == 1 else "groups"
        without = (
            f"; always {self.frequent} would be right for {per_cent(self.frequent_rate)}"
            if self.frequent
            else ""
        )
        return (
            f"of {self.n:,} {suggestions} at {per_cent(self.certainty)} and above for held-out albums, "
            f"{self.n_right:,} {were} right: {per_cent(self.rate)} (95 % interval {span_per_cent(self.ci95)}, {self.n_groups:,} {groups}){without}"
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Suggestions:
    """Genres for albums without one, or whose genre is doubtful: a sequence of `Suggestion`.

    Parameters
    ----------
    items : tuple of Suggestion
        Those with a suggestion first, most certain first.
    precision : tuple of Precision
        Measured on held-out albums before anything is suggested.
    min_certainty : float
        Less certain ones are left open.
    notes : tuple of str
        What was not looked at, and why.

    Examples
    --------
    >>> found = library.suggest(min_certainty=0.5)
    >>> [one.certainty for one in found.precision][:3]
    [0.5, 0.6, 0.7]
    """

    items: tuple[Suggestion, ...]
    precision: tuple[Precision, ...]
    min_certainty: float
    notes: tuple[str, ...] = ()
    _workspace: Workspace | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.items)

    def __getitem__(self, number: int) -> Suggestion:
        return self.items[number]

    @property
    def made(self) -> tuple[Suggestion, ...]:
        """The albums for which a genre is suggested."""
        return tuple(one for one in self.items if not one.left_open)

    @property
    def measured(self) -> Precision:
        """How often suggestions like these were right."""
        return next(p for p in self.precision if p.certainty == self.min_certainty)

    @needs_extra("a data frame")
    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with a row per album."""
        import pandas as pd

        return pd.DataFrame([one.row() for one in self.items], columns=list(COLUMNS))

    def write_csv(self, path: str | Path) -> None:
        """Write a table for spreadsheets, a row per album.

        Raises
        ------
        DataError
            If something is there already, or it cannot be written.
        """
        file = refuse_taken(path)
        try:
            write_csv(file, COLUMNS, (one.row() for one in self.items))
        except OSError as error:
            message = f"cannot write '{path}' ({error.strerror}): name another path"
            raise DataError(message) from error

    def to_json(self) -> dict[str, Any]:
        """Return what ``covers suggest --json`` prints."""
        return {
            "min_certainty": self.min_certainty,
            "precision": [{**asdict(p), "rate": p.rate} for p in self.precision],
            "suggestions": [one.to_json() for one in self.items],
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines(_MOST_SHOWN))

    def lines(self, most: int) -> list[str]:
        """Return the measured precision, then at most so many suggestions, as lines of 80 columns."""
        rows = [
            [
                per_cent(p.certainty),
                p.n,
                "-" if not p.n else per_cent(p.rate),
                span_per_cent(p.ci95) if p.n else "-",
                per_cent(p.share),
            ]
            for p in self.precision
        ]
        header = ["certainty", "held-out albums", "right", "95 %", "of all"]
        lines = [text_table(header, rows, right=range(5)), ""]
        lines += wrap(self.measured.said, WIDTH)
        n_open = len(self.items) - len(self.made)
        lines += [
            "",
            f"{counted(len(self.made), 'suggestion')}, {counted(n_open, 'album')} left open; no tag was changed",
        ]
        shown = [
            [
                one.suggested or f"({one.ranked[0].genre})",
                per_cent(one.certainty),
                "; ".join(one.genres) or "none",
                one.title,
                one.left_open,
            ]
            for one in self.items[:most]
        ]
        if shown:
            names = ["suggested", "certainty", "filed under", "album", "why left open"]
            lines.append(text_table(names, shown, right=(1,)))
        if len(self.items) > most:
            lines.append(f"and {len(self.items) - most:,} more")
        for note in self.notes:
            lines += wrap(f"note: {note}", WIDTH)
        return lines

    def _repr_html_(self) -> str:
        from covers.images.thumbnails import read_thumbnail

        tiles = [
            Tile(
                read_thumbnail(self._workspace, one.cover_ids[0])
                if self._workspace
                else None,
                f"{one.suggested or 'left open'} {per_cent(one.certainty)}",
                one.title,
            )
            for one in self.items[:_MOST_SHOWN]
        ]
        return gallery_html(tiles, title=self.measured.said)


def refuse_taken(path: str | Path) -> Path:
    """Return where a table shall be written, unless the path is taken.

    Raises
    ------
    DataError
        If something is there already, or it is not named as a table.
    """
    file = output_file("path", path, ".csv")
    if os.path.lexists(file):
        message = f"'{file}' exists already: name another path"
        raise DataError(message)
    return file
