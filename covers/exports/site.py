"""A folder of static pages: map, overlap, clusters, covers, and what the figures mean.

It needs no server and no Python: it opens from disk and from any web host. The
drawings and their behaviour are those of the dashboard (`covers.render`); this
module only gathers what they show.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.errors import CoversError
from covers.exports.site_parts import attempt, gather
from covers.images.duplicates.designs import designs_of
from covers.render.cards import Card, Note, tile
from covers.render.charts.marks import asset, chart_style
from covers.render.genre_legend import legend_of
from covers.render.palette import NOISE_COLOUR, genre_colours
from covers.stats.membership import make_membership
from covers.stats.rows import RowsById
from covers.workspace.read_artefacts import read_rows
from covers.workspace.registry import PICTURES

if TYPE_CHECKING:
    from pathlib import Path

    from covers.exports.table.cover_table import CoverTable

_SIDE_PX, _QUALITY = 160, 62
_PICTURES = "pictures"


def write_site(covers: CoverTable, out: Path) -> None:
    """Write ``index.html`` with its scripts, its data and small pictures of the covers.

    Parameters
    ----------
    covers : CoverTable
    out : Path
        An empty folder.
    """
    has_picture = _write_pictures(covers, out)
    cards = make_cards(covers, has_picture)
    data = {
        "covers": _covers(covers, cards),
        "map": _map(covers),
        **gather(covers, cards),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    (out / "covers.js").write_text(f"window.COVERS={text};\n", encoding="utf-8")
    (out / "site.css").write_text(_style(), encoding="utf-8")
    (out / "site.js").write_text(_script(), encoding="utf-8")
    (out / "index.html").write_text(_asset("site.html"), encoding="utf-8")


def make_cards(covers: CoverTable, has_picture: list[bool]) -> list[Card]:
    """Return what the pages show of each cover; choosing one gives its number."""
    colours = genre_colours(covers.vocab)
    genres = covers.column("genres")
    columns = [covers.column(name) for name in ("artist", "album", "year", "path")]
    found = []
    for row, (artist, album, year, path) in enumerate(zip(*columns, strict=True)):
        name = str(path or "").rsplit("/", 1)[-1].rsplit(".", 1)[0]
        byline = [artist or "", str(year) if year is not None else ""]
        own = genres[row] or ()
        found.append(
            Card(
                pick=str(row),
                url=f"{_PICTURES}/{covers.cover_ids[row]}.webp"
                if has_picture[row]
                else "",
                title=album or name or covers.cover_ids[row][:8],
                byline=" · ".join(part for part in byline if part),
                is_named=bool(album or artist),
                genres={genre: colours.get(genre, NOISE_COLOUR) for genre in own},
            )
        )
    return found


def _write_pictures(covers: CoverTable, out: Path) -> list[bool]:
    """Write a small picture of each cover that has one; say which have."""
    from PIL import Image

    folder = out / _PICTURES
    written = []
    for row, cover_id in enumerate(covers.cover_ids):
        content = covers.picture(row)
        written.append(content is not None)
        if content is None:
            continue
        folder.mkdir(exist_ok=True)
        with Image.open(io.BytesIO(content)) as image:
            small = image.convert("RGB")
        small.thumbnail((_SIDE_PX, _SIDE_PX))
        small.save(folder / f"{cover_id}.webp", "WEBP", quality=_QUALITY, method=4)
    return written


def _covers(covers: CoverTable, cards: list[Card]) -> dict[str, Any]:
    """Return the tile of each cover, what it can be found by, its genres and its cluster."""
    place = {genre: i for i, genre in enumerate(covers.vocab)}
    return {
        "tiles": [tile(card, Note()) for card in cards],
        "words": [card.full_title.casefold() for card in cards],
        "genres": [[place[g] for g in card.genres if g in place] for card in cards],
        "designs": _designs(covers),
        "clusters": [-2 if c is None else c for c in covers.column("cluster")],
        "vocab": list(covers.vocab),
    }


def _designs(covers: CoverTable) -> list[int]:
    """Return the design of each cover: a number that covers of one design share."""
    try:
        table, _ = read_rows(covers.workspace, PICTURES, columns=["cover_id", "phash"])
    except CoversError:
        return list(range(len(covers)))
    rows = RowsById(covers.cover_ids).of(table["cover_id"].to_pylist())
    names = [group or "" for group in covers.catalogue["group"].to_pylist()]
    _, groups = np.unique(np.array(names, dtype=object), return_inverse=True)
    found: list[int] = designs_of(groups, rows, table["phash"].to_pylist()).tolist()
    return found


def _map(covers: CoverTable) -> dict[str, Any] | None:
    """Return points, colours and names of the map; None without one."""
    from covers.cluster.map.regions import lay_down, name_regions
    from covers.cluster.naming import name_clusters
    from covers.cluster.stage import read as read_clusters

    xy = np.array([covers.column("x"), covers.column("y")], float).T
    rows = np.flatnonzero(np.isfinite(xy).all(axis=1))
    if len(rows) < 3:
        return None
    rows = np.random.default_rng(0).permutation(rows)
    points = lay_down(xy[rows]).astype("<f4")
    genres = covers.column("genres")
    membership = make_membership([genres[row] for row in rows], covers.vocab)
    ids = [covers.cover_ids[row] for row in rows]
    entries = legend_of(read_catalogue(covers.workspace), ids)
    bits = entries.has[:, :32] @ (1 << np.arange(min(len(entries.names), 32)))
    found = attempt(covers.workspace, read_clusters)
    clusters = np.array([-2 if c is None else c for c in covers.column("cluster")])
    names = name_clusters(found) if found else {}
    labels = clusters[rows] if found else None
    return {
        "rows": rows.tolist(),
        "parts": {
            "points": _packed(points),
            "genre": _packed((entries.main + 1).astype("<u2")),
            "genres": _packed(bits.astype("<u4")),
        },
        "colours": [NOISE_COLOUR, *entries.colours],
        "legend": [
            {"code": code, "label": name, "colour": colour, "n": int(has.sum())}
            for code, (name, colour, has) in enumerate(
                zip(entries.names, entries.colours, entries.has.T, strict=True), start=1
            )
        ],
        "regions": [
            asdict(one)
            for one in name_regions(points, membership, covers.vocab, labels, names)
        ],
    }


def _packed(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _style() -> str:
    return (
        _asset("site.css") + asset("page.css") + chart_style() + asset("covermap.css")
    )


def _script() -> str:
    """Return one script that runs from disk too, where modules may not be loaded."""
    parts = []
    for name, file in (("PAGE", "page.js"), ("MAP", "covermap.js")):
        text = asset(file).replace("export default function", "return function", 1)
        parts.append(f"const {name} = (() => {{\n{text}\n}})();\n")
    markup = json.dumps(asset("covermap.html"))
    return "".join([*parts, f"const MAP_HTML = {markup};\n", _asset("site.js")])


def _asset(name: str) -> str:
    place = files("covers.exports").joinpath("assets", name)
    return place.read_text(encoding="utf-8")
