"""A whole drawn library on disk: covers, manifest, known truth and the usual mess.

::

    FOLDER/
      covers/Genre/Artist - Album (Year).jpg     also .png, .webp and .gif
      manifest.csv                               path, genre, artist, album, year, label
      truth.json                                 what the measures should find

The genres are the mixtures of `covers.catalogue.demo.genres`, so overlaps and
posteriors are known exactly.
"""

import csv
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from covers.catalogue.demo.designs import DESIGNS, Sleeve, draw_sleeve
from covers.catalogue.demo.files import Variant, save_cover, write_mess
from covers.catalogue.demo.genres import Mixture, demo_mixture
from covers.catalogue.demo.names import album_title, artist_names, label_name
from covers.errors import DataError

__all__ = ["DemoLibrary", "PlannedCover", "draw_library", "plan_library"]

_FORMAT_VERSION = 1

#: Greatest number of covers whose artist, title and label fit the name lists.
_REISSUE_SHARE = 0.025


@dataclass(frozen=True)
class PlannedCover:
    """One cover of the library before it is drawn.

    Parameters
    ----------
    sleeve : Sleeve
        What the painter is told.
    genres : tuple of str
        The genre it was drawn for, then a second one for a few covers.
    paths : tuple of str
        Where it is written, relative to the library, one per genre.
    variant : Variant
        Colour mode, orientation and treatment of the file.
    reissue_of : str or None
        Path of the cover that it is a near-duplicate of.
    """

    sleeve: Sleeve
    genres: tuple[str, ...]
    paths: tuple[str, ...]
    variant: Variant
    reissue_of: str | None = None


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


def _quota(shares: np.ndarray[Any, np.dtype[np.float64]], total: int) -> list[int]:
    """Split a total by shares, giving what is left over to the largest remainders."""
    exact = shares * total
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[i] += 1
    return [int(count) for count in counts]


def _style_runs(
    rng: np.random.Generator, mixture: Mixture, genre_id: int, total: int
) -> list[str]:
    """List a genre's styles in its exact shares, in runs so that artists keep a look."""
    runs = [
        [style] * count
        for style, count in zip(
            mixture.styles, _quota(mixture.probabilities[genre_id], total), strict=True
        )
    ]
    order = [runs[i] for i in rng.permutation(len(runs))]
    styles = [style for run in order for style in run]
    for _ in range(total // 8):
        i, j = (int(k) for k in rng.integers(0, total, 2))
        styles[i], styles[j] = styles[j], styles[i]
    return styles


def _file_stem(text: str) -> str:
    """Replace what file systems do not take in a name."""
    return text.replace("/", "-").replace(":", " -").replace("?", "")


def plan_library(n_covers: int, seed: int) -> list[PlannedCover]:
    """Decide everything about a library but its pixels.

    Parameters
    ----------
    n_covers : int
        Number of distinct readable pictures, at least 40.
    seed : int
        Equal seeds give equal plans.

    Returns
    -------
    list of PlannedCover
        In the order of genres, then artists; reissues last.
    """
    mixture = demo_mixture()
    rng = np.random.default_rng([seed, 1])
    n_reissues = round(n_covers * _REISSUE_SHARE)
    per_genre = _quota(
        np.full(len(mixture.genres), 1 / len(mixture.genres)), n_covers - n_reissues
    )
    names = iter(artist_names(rng, n_covers))
    covers: list[PlannedCover] = []
    for genre_id, (genre, total) in enumerate(
        zip(mixture.genres, per_genre, strict=True)
    ):
        styles = _style_runs(rng, mixture, genre_id, total)
        artist, label, left, titles = "", "", 0, set[str]()
        for style in styles:
            if left == 0:
                left = int(rng.integers(2, 7))
                artist, label, titles = next(names), label_name(rng), set()
            left -= 1
            covers.append(
                _plan_cover(
                    rng, (seed, len(covers)), style, genre, (artist, label), titles
                )
            )
    _share_between_genres(rng, mixture, covers, max(2, n_covers // 150))
    _vary_files(rng, covers)
    covers += _plan_reissues(rng, covers, n_reissues)
    return covers


def _plan_cover(
    rng: np.random.Generator,
    number: tuple[int, int],
    style: str,
    genre: str,
    maker: tuple[str, str],
    titles: set[str],
) -> PlannedCover:
    """Choose title, year and file of one cover; `titles` are those taken already."""
    design = DESIGNS[style]
    artist, label = maker
    title = album_title(rng, design.tone)
    while title in titles:
        title = album_title(rng, design.tone)
    titles.add(title)
    first, mode, last = design.years
    year = int(np.clip(round(rng.triangular(first - 1, mode, last + 1)), first, last))
    seed, index = number
    look = [ord(letter) for letter in artist + style]
    sleeve = Sleeve(
        style, artist, title, label, year, (seed, 2, *look), (seed, 3, index)
    )
    kind = str(rng.choice(["jpg", "png", "webp"], p=[0.8, 0.1, 0.1]))
    path = f"covers/{genre}/{_file_stem(f'{artist} - {title} ({year})')}.{kind}"
    return PlannedCover(sleeve, (genre,), (path,), Variant(kind))


def _share_between_genres(
    rng: np.random.Generator, mixture: Mixture, covers: list[PlannedCover], count: int
) -> None:
    """File some covers under a second genre that has their style, too."""
    for i in rng.permutation(len(covers)):
        cover = covers[i]
        others = [
            genre
            for genre, p in mixture.posterior(cover.sleeve.style).items()
            if p > 0.1 and genre not in cover.genres
        ]
        if not others:
            continue
        other = others[int(rng.integers(len(others)))]
        path = cover.paths[0].replace(f"/{cover.genres[0]}/", f"/{other}/")
        covers[i] = PlannedCover(
            cover.sleeve, (*cover.genres, other), (*cover.paths, path), cover.variant
        )
        count -= 1
        if count == 0:
            return


def _vary_files(rng: np.random.Generator, covers: list[PlannedCover]) -> None:
    """Give one cover each of the unusual file kinds."""
    plain = [i for i, cover in enumerate(covers) if len(cover.paths) == 1]
    unusual = ("cmyk", "rotated", "palette", "deep", "alpha")
    chosen = rng.choice(plain, len(unusual), replace=False)
    kinds = {"cmyk": "jpg", "rotated": "jpg", "palette": "gif"}
    for i, what in zip(chosen, unusual, strict=True):
        cover, kind = covers[i], kinds.get(what, "png")
        stem = cover.paths[0].rpartition(".")[0]
        covers[i] = PlannedCover(
            cover.sleeve, cover.genres, (f"{stem}.{kind}",), Variant(kind, what)
        )


def _plan_reissues(
    rng: np.random.Generator, covers: list[PlannedCover], count: int
) -> list[PlannedCover]:
    """Plan near-duplicates: the same picture, printed or scanned again."""
    plain = [
        i for i, c in enumerate(covers) if not c.variant.what and len(c.paths) == 1
    ]
    ways = ("recompressed", "resized", "bordered", "recoloured")
    reissues = []
    for number, i in enumerate(rng.choice(plain, count, replace=False)):
        cover = covers[i]
        sleeve, way = cover.sleeve, ways[number % len(ways)]
        year = min(2024, sleeve.year + int(rng.integers(3, 25)))
        stem = _file_stem(f"{sleeve.artist} - {sleeve.title} (Reissue) ({year})")
        path = f"covers/{cover.genres[0]}/{stem}.jpg"
        reissues.append(
            PlannedCover(
                sleeve, cover.genres, (path,), Variant("jpg", way), cover.paths[0]
            )
        )
    return reissues


def _draw(folder: Path, cover: PlannedCover, size_px: int) -> None:
    """Draw one cover and write it to all its places."""
    image = Image.fromarray(draw_sleeve(cover.sleeve, size_px))
    encoded = save_cover(image, cover.variant)
    for path in cover.paths:
        (folder / path).write_bytes(encoded)


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
    covers: list[PlannedCover], mess: dict[str, Any], seed: int, size_px: int
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
        "seed": seed,
        "size_px": size_px,
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
    *,
    n_covers: int = 900,
    seed: int = 0,
    size_px: int = 320,
    n_workers: int = 1,
) -> DemoLibrary:
    """Draw a library of record covers with known genre overlaps.

    The same seed gives the same bytes, whatever the number of workers, as long
    as Pillow, NumPy and the fonts (of matplotlib, where present) are the same.

    Parameters
    ----------
    folder : Path
        Where to write; made if missing, and refused if anything is in it.
    n_covers : int, default=900
        Number of distinct readable pictures, reissues among them; at least 40.
        About one artist in four covers.
    seed : int, default=0
        Decides everything.
    size_px : int, default=320
        Side of the covers in pixels, at least 64.
    n_workers : int, default=1
        Processes that draw. More than one are started afresh, so a script that
        asks for them must call this below ``if __name__ == "__main__"``.

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
    ...     library = draw_library(Path(place, "demo"), n_covers=40, size_px=64)
    ...     len(library.truth["covers"])
    40
    """
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
    covers = plan_library(n_covers, seed)
    mixture = demo_mixture()
    for genre in mixture.genres:
        (folder / "covers" / genre).mkdir(parents=True, exist_ok=True)
    if n_workers == 1:
        for cover in covers:
            _draw(folder, cover, size_px)
    else:
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(n_workers, mp_context=fresh) as pool:
            n = len(covers)
            for _ in pool.map(_draw, [folder] * n, covers, [size_px] * n, chunksize=8):
                pass
    sample = (folder / covers[0].paths[0]).read_bytes()
    mess = write_mess(folder, list(mixture.genres), sample)
    _write_manifest(folder, covers, mess["broken"])
    truth = _truth(covers, mess, seed, size_px)
    (folder / "truth.json").write_text(
        json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return DemoLibrary(folder, len(covers), mixture, truth)
