"""A whole drawn library on disk: covers, manifest, known truth and the usual mess.

::

    FOLDER/
      covers/Genre/Artist - Album (Year).jpg     also .png, .webp and .gif
      manifest.csv                               path, genre, artist, album, year, label
      truth.json                                 what the measures should find

The genres are the mixtures of `covers.demo.genres`, so overlaps and
posteriors are known exactly.
"""

import csv
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from covers.demo.designs import draw_sleeve
from covers.demo.files import Variant, save_cover, write_mess
from covers.demo.genres import Mixture, demo_mixture
from covers.demo.plan import PlannedCover, plan_library
from covers.errors import DataError

__all__ = [
    "DemoLibrary",
    "LibrarySettings",
    "PlannedCover",
    "draw_library",
    "plan_library",
]

_FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class LibrarySettings:
    """What decides a drawn library, byte by byte.

    Parameters
    ----------
    n_covers : int, default=900
        Number of distinct readable pictures, reissues among them; at least 40.
        About one artist in four covers.
    seed : int, default=0
        Seed of everything that is drawn by chance.
    size_px : int, default=320
        Side of the covers in pixels, at least 64.
    """

    n_covers: int = 900
    seed: int = 0
    size_px: int = 320


_DEFAULT_SETTINGS = LibrarySettings()


@dataclass(frozen=True)
class DemoLibrary:
    """A drawn library on disk.

    Parameters
    ----------
    folder : Path
        Its root; `covers_folder` below it has a folder per genre.
    n_covers : int
        Number of distinct readable pictures.
    mixture : Mixture
        The genres' exact style probabilities.
    truth : dict
        The content of ``truth.json``.
    """

    folder: Path
    n_covers: int
    mixture: Mixture
    truth: dict[str, Any] = field(repr=False)

    @property
    def covers_folder(self) -> Path:
        """The folder with one folder per genre."""
        return self.folder / "covers"

    @property
    def manifest(self) -> Path:
        """The table with path, genre, artist, album, year and label."""
        return self.folder / "manifest.csv"

    @property
    def truth_file(self) -> Path:
        """The JSON file with what the measures should find."""
        return self.folder / "truth.json"


def _draw(folder: Path, cover: PlannedCover, size_px: int) -> None:
    """Draw one cover and write it to all its files."""
    image = Image.fromarray(draw_sleeve(cover.sleeve, size_px))
    encoded = save_cover(image, cover.variant)
    for path in cover.paths:
        (folder / path).write_bytes(encoded)


def _drawn(
    folder: Path, covers: list[PlannedCover], size_px: int, n_workers: int
) -> Iterator[None]:
    """Draw the covers, in this process or in several; yield after each."""
    if n_workers == 1:
        for cover in covers:
            _draw(folder, cover, size_px)
            yield
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_workers, mp_context=fresh) as pool:
        n = len(covers)
        yield from pool.map(_draw, [folder] * n, covers, [size_px] * n, chunksize=8)


def _release_year(cover: PlannedCover) -> int:
    """Return the year in the file's name: a reissue has its own."""
    return int(cover.paths[0].rpartition("(")[2][:4])


def _write_manifest(
    folder: Path, covers: list[PlannedCover], broken: list[Any]
) -> None:
    """Write the table of everything that pretends to be a cover."""
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["path", "genre", "artist", "album", "year", "label"])
        for cover in covers:
            s = cover.sleeve
            title = s.title + " (Reissue)" * (cover.reissue_of is not None)
            for genre, path in zip(cover.genres, cover.paths, strict=True):
                others = [other for other in cover.genres if other != genre]
                genres = ";".join([genre, *others])
                table.writerow(
                    [path, genres, s.artist, title, _release_year(cover), s.label]
                )
        for entry in broken:
            genre = entry["path"].split("/")[1]
            table.writerow([entry["path"], genre, "", "", "", ""])


def _truth(
    covers: list[PlannedCover], mess: dict[str, Any], settings: LibrarySettings
) -> dict[str, Any]:
    """Collect what the measures should find."""
    mixture = demo_mixture()
    overlap = mixture.overlap()
    pairs = [
        {"a": a, "b": b, "overlap": round(float(overlap[i, j]), 6)}
        for i, a in enumerate(mixture.genres)
        for j, b in enumerate(mixture.genres)
        if i < j
    ]
    return {
        "format_version": _FORMAT_VERSION,
        "seed": settings.seed,
        "size_px": settings.size_px,
        "n_covers": len(covers),
        "made_with": {"numpy": np.__version__, "pillow": PIL.__version__},
        "genres": list(mixture.genres),
        "styles": list(mixture.styles),
        "style_probabilities": {
            genre: dict(zip(mixture.styles, map(float, row), strict=True))
            for genre, row in zip(mixture.genres, mixture.probabilities, strict=True)
        },
        "posterior_by_style": {s: mixture.posterior(s) for s in mixture.styles},
        "overlap": [[round(float(v), 6) for v in row] for row in overlap],
        "pairs": sorted(pairs, key=lambda pair: (-float(pair["overlap"]), pair["a"])),
        "bayes_accuracy": mixture.bayes_accuracy(),
        "covers": [
            {
                "path": cover.paths[0],
                "genres": list(cover.genres),
                "drawn_for": cover.genres[0],
                "style": cover.sleeve.style,
                "artist": cover.sleeve.artist,
                "year": _release_year(cover),
                "posterior": mixture.posterior(cover.sleeve.style),
            }
            for cover in covers
        ],
        "same_bytes": [list(c.paths) for c in covers if len(c.paths) > 1],
        "near_duplicates": [
            {"path": c.paths[0], "of": c.reissue_of, "how": c.variant.what}
            for c in covers
            if c.reissue_of is not None
        ],
        "unusual_files": [
            {"path": c.paths[0], "what": c.variant.what}
            for c in covers
            if c.variant.what and c.reissue_of is None
        ],
        **mess,
    }


def draw_library(
    folder: Path,
    settings: LibrarySettings = _DEFAULT_SETTINGS,
    *,
    n_workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> DemoLibrary:
    """Draw a library of record covers with known genre overlaps.

    The same settings give the same bytes, whatever the number of workers, as long
    as Pillow, NumPy and the fonts (of matplotlib, where present) are the same.

    Parameters
    ----------
    folder : Path
        Where to write; made if missing, and refused if anything is in it.
    settings : LibrarySettings, optional
        How many covers, how large, and the seed.
    n_workers : int, default=1
        Processes that draw. More than one are started afresh, so a script that
        asks for them must call this below ``if __name__ == "__main__"``.
    progress : callable or None, default=None
        Called after each cover with the number drawn so far and of all.

    Returns
    -------
    DemoLibrary
        Where everything is, and the truth.

    Raises
    ------
    DataError
        If the folder exists and is not empty.
    ValueError
        If a number is too small.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     library = draw_library(
    ...         Path(place, "demo"), LibrarySettings(n_covers=40, size_px=64)
    ...     )
    ...     len(library.truth["covers"])
    40
    """
    n_covers, size_px = settings.n_covers, settings.size_px
    if n_covers < 40 or size_px < 64 or n_workers < 1:
        msg = (
            f"n_covers={n_covers}, size_px={size_px}, n_workers={n_workers}: "
            "at least 40 covers of 64 pixels and one worker are needed"
        )
        raise ValueError(msg)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = (
            f"{folder} is not an empty folder; the demo library overwrites nothing: "
            "name another folder or remove this one"
        )
        raise DataError(msg)
    covers = plan_library(n_covers, settings.seed)
    mixture = demo_mixture()
    # Drawn beside and moved at the end: a library is whole or absent.
    partial = folder.absolute().with_name(f".{folder.absolute().name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for genre in mixture.genres:
        (partial / "covers" / genre).mkdir(parents=True)
    for done, _ in enumerate(_drawn(partial, covers, size_px, n_workers), start=1):
        if progress is not None:
            progress(done, len(covers))
    spoiled = next(c for c in covers if c.variant == Variant("jpg"))
    sample = (partial / spoiled.paths[0]).read_bytes()
    mess = write_mess(partial, list(mixture.genres), sample)
    _write_manifest(partial, covers, mess["broken"])
    truth = _truth(covers, mess, settings)
    (partial / "truth.json").write_text(
        json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return DemoLibrary(folder, len(covers), mixture, truth)
