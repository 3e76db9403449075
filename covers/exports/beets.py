"""Files for beets: a table of albums, and a plugin that notes what their covers look like.

The plugin is a file beside this one; it is copied, never imported. It sets
``cover_genre``, ``cover_genres`` and ``cover_certainty`` and never touches ``genre``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.errors import DataError
from covers.exports.table.cover_table import cut_text
from covers.suggest.albums import group_albums, mean_by_album
from covers.workspace.disk.text_tables import csv_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from covers.exports.table.cover_table import CoverTable

COLUMNS = ("mb_albumid", "albumartist", "album", "genre", "certainty", "genres")
PLUGIN = Path(__file__).with_name("beets_plugin.py")
_NAME = "covergenre"
_CONFIG = """\
# Take these lines into your beets configuration ('beet config -p' says where that is).
# Where you have 'pluginpath' or 'plugins' already, add to them.
pluginpath: [{folder}]
plugins: [{name}]
{name}:
  table: {table}
"""


def write_beets(covers: CoverTable, out: Path) -> None:
    """Write ``covers.csv``, the plugin ``covergenre.py``, and the lines for beets' configuration.

    Raises
    ------
    DataError
        If no cover belongs to an album that has a name.
    """
    rows = list(_rows(covers))
    if not rows:
        message = "no cover here has the title or the MusicBrainz id of an album, so beets could find none: scan a music library, or a table with a column 'album'"
        raise DataError(message)
    with (out / "covers.csv").open("w", encoding="utf-8", newline="") as file:
        csv_lines(file, COLUMNS, rows)
    plugin = PLUGIN.read_text(encoding="utf-8")
    (out / f"{_NAME}.py").write_text(plugin, encoding="utf-8")
    final = covers.final_path.absolute()
    # JSON texts are texts in YAML, too.
    text = _CONFIG.format(
        name=_NAME,
        folder=json.dumps(str(final)),
        table=json.dumps(str(final / "covers.csv")),
    )
    (out / "config.yaml").write_text(text, encoding="utf-8")


def _rows(covers: CoverTable) -> Iterator[tuple[Any, ...]]:
    """Yield the albums whose title or id is known, with their likeliest genre and all that most of their covers are named."""
    albums = group_albums(covers.catalogue)
    p = covers.probabilities
    assert p is not None
    column = {genre: j for j, genre in enumerate(covers.prediction_vocab)}
    named = np.where(np.isfinite(p), 0.0, np.nan)
    for row, genres in enumerate(covers.column("named")):
        named[row, [column[genre] for genre in genres or ()]] = 1
    means = zip(mean_by_album(p, albums), mean_by_album(named, albums), strict=True)
    for album, (mean, how_often) in zip(albums, means, strict=True):
        if not (album.release or album.album) or not np.isfinite(mean).all():
            continue
        genre = covers.prediction_vocab[int(mean.argmax())]
        names = (cut_text(name) for name in (album.release, album.artist, album.album))
        most = [j for j in np.argsort(-mean, kind="stable") if how_often[j] >= 0.5]
        genres = ";".join(covers.prediction_vocab[j] for j in most)
        yield *names, genre, f"{mean.max():.3f}", genres
