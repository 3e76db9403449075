"""A plugin for beets: notes on each album what its cover looks like, as album-covers found.

Made by 'covers export beets'. 'beet covergenre' sets the flexible fields
cover_genre, cover_genres (all that are named) and cover_certainty of albums and
their tracks; the field genre and the files are never touched. Then:
beet ls -a cover_genre:jazz cover_certainty:0.8..
"""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path
from typing import Any, ClassVar

from beets import ui
from beets.dbcore import types
from beets.plugins import BeetsPlugin

_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)


class CoverGenrePlugin(BeetsPlugin):  # type: ignore[misc]
    """Sets cover_genre, cover_genres and cover_certainty, never genre."""

    item_types: ClassVar[dict[str, Any]] = {"cover_certainty": types.FLOAT}
    album_types: ClassVar[dict[str, Any]] = {"cover_certainty": types.FLOAT}

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"table": "covers.csv", "min_certainty": 0.0})

    def commands(self) -> list[Any]:
        """Return the command 'beet covergenre'."""
        command = ui.Subcommand(
            "covergenre", help="note what the covers of albums look like"
        )
        command.parser.add_option(
            "-p", "--pretend", action="store_true", help="show it, change nothing"
        )
        command.func = self.run
        return [command]

    def run(self, lib: Any, opts: Any, args: Any) -> None:
        """Set the fields of all albums that a query finds."""
        known = self._read(Path(self.config["table"].as_filename()))
        least = self.config["min_certainty"].as_number()
        n_set = 0
        for album in lib.albums(args):
            found = known.get(album.mb_albumid) or known.get(
                _title_key(album.albumartist, album.album)
            )
            if found is None or found[1] < least:
                continue
            n_set += 1
            if opts.pretend:
                ui.print_(f"{album}: {found[0]} {100 * found[1]:.0f} %")
                continue
            for target in (album, *album.items()):
                target["cover_genre"], target["cover_certainty"] = found[:2]
                target["cover_genres"] = found[2]
                target.store()
        done = "would be set" if opts.pretend else "set"
        self._log.info("cover_genre {} on {} albums", done, n_set)

    def _read(self, path: Path) -> dict[str, tuple[str, float, str]]:
        """Return genre, certainty and all genres by release id, and by artist and title."""
        known: dict[str, tuple[str, float, str]] = {}
        try:
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    genre, genres = _plain(row["genre"]), _plain(row["genres"])
                    found = genre, float(row["certainty"]), genres.replace(";", "; ")
                    names = _plain(row["albumartist"]), _plain(row["album"])
                    for key in (_plain(row["mb_albumid"]), _title_key(*names)):
                        if key:
                            known.setdefault(key, found)
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            message = f"covergenre: cannot read {str(path)!r}: {error}"
            raise ui.UserError(message) from error
        return known


def _plain(cell: str) -> str:
    """Take away the apostrophe that keeps spreadsheets from running a cell."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell


def _title_key(artist: str | None, album: str | None) -> str:
    """Return artist and title as they are compared; empty where one is unknown."""
    names = _fold(artist or ""), _fold(album or "")
    return "\n".join(names) if all(names) else ""


def _fold(text: str) -> str:
    """Compare names without case, accents and surplus spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(kept.split())
